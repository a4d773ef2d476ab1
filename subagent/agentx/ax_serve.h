/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_SERVE_H
#define CTM_AX_SERVE_H

#include "agentx/ax.h"
#include "agentx/ax_codec.h"

/* Answers to the master's requests (RFC 2741 s7.2.3, s7.2.4), from the views that the hooks pin.
 * No socket, no clock. Private to ax*.c. */

/* A view is used this long for one transaction. The owner's snapshot is at most 500 ms old when
 * it is pinned, so what is served stays under 1 s. */
#define AX_PIN_USE_NS (400 * NS_PER_MS)
#define AX_PIN_KEEP_NS (2 * NS_PER_S) /* and let go after this */

struct ax_serve;

/* Copies hooks; of them only pin and unpin are called. */
struct ax_serve *ax_serve_new(const struct ax_hooks *hooks);
void ax_serve_free(struct ax_serve *s);

/* Was this very request given before in this session? snmpd sends one again, same packet id,
 * when it has waited a second: the answer to the first is under way, so the second gets none.
 * Remembers it. */
bool ax_serve_is_repeat(struct ax_serve *s, const struct ax_header *h);

/* Turn a request into its answer, in place. False: it wants none (CleanupSet). */
bool ax_serve_answer(struct ax_serve *s, netsnmp_pdu *pdu, uint64_t now_ns);

/* Unpin views kept long enough. Returns when to call again, 0 when none is pinned. */
uint64_t ax_serve_sweep(struct ax_serve *s, uint64_t now_ns);

/* The session has ended: unpin everything, forget all requests. */
void ax_serve_reset(struct ax_serve *s);

void ax_serve_get_counts(const struct ax_serve *s, uint64_t *ret_requests, uint64_t *ret_varbinds);

#endif
