/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_SERVE_H
#define CTM_AX_SERVE_H

#include "agentx/ax.h"
#include "agentx/ax_codec.h"

/* Answers the master's requests (RFC 2741 s7.2.3, s7.2.4) from the views that the hooks pin. No
 * socket, no clock. Private to ax*.c. */

/* How long a view is used for one transaction. The owner's snapshot is at most 500 ms old when it
 * is pinned, so nothing served is older than 1 s. */
#define AX_PIN_USE_NS (400 * NS_PER_MS)
#define AX_PIN_KEEP_NS (2 * NS_PER_S) /* after this it is unpinned */

struct ax_serve;

/* Copies hooks, and calls only pin and unpin of them. */
struct ax_serve *ax_serve_new(const struct ax_hooks *hooks);
void ax_serve_free(struct ax_serve *s);

/* Has this very request been received before in this session? snmpd resends a request, with the
 * same packet id, after waiting for a second. The first answer is already on its way, so the repeat
 * gets none. Remembers the request. */
bool ax_serve_is_repeat(struct ax_serve *s, const struct ax_header *h);

/* Turn a request into its Response, in place. Returns false if it takes none (CleanupSet). */
bool ax_serve_answer(struct ax_serve *s, netsnmp_pdu *pdu, uint64_t now_ns);

/* Unpin the views whose time is up. Returns when to call again, 0 when none is pinned. */
uint64_t ax_serve_sweep(struct ax_serve *s, uint64_t now_ns);

/* The session has ended: unpin everything, forget all requests. */
void ax_serve_reset(struct ax_serve *s);

void ax_serve_get_counts(const struct ax_serve *s, uint64_t *ret_requests, uint64_t *ret_varbinds);

#endif
