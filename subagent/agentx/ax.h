/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_H
#define CTM_AX_H

#include "base/err.h"
#include "base/loop.h"
#include "mib/oidtab.h"

/* The AgentX session (RFC 2741) with the node's snmpd: non-blocking, self-healing, on net-snmp's
 * codec. Only ax*.c include net-snmp headers.
 * 1. Never blocks the loop: connect, write and read are non-blocking, every wait has a deadline.
 * 2. After a disconnect it connects again within 2 s, opens, and registers everything anew.
 * 3. Every Register response is checked; a refusal is logged once and tried again.
 * 4. Nothing is ever unregistered: the session is closed instead.
 * 5. All requests of one SNMP request (same transaction id) are answered from one pinned view,
 *    for up to 400 ms: with a snapshot of at most 500 ms at the pin, nothing served is older
 *    than 1 s.
 * 6. One notification is under way at a time: the next waits for the master's answer. */

struct ax;

struct ax_registration {
	const uint32_t *oid;
	size_t len;
	const char *context; /* NULL: the default context */
};

/* What the session asks its owner. All calls come from the loop. */
struct ax_hooks {
	/* A request is about to be answered: the moment to take a fresh snapshot. Called before
	 * each request of the master's, not for its answers to our own signs of life. */
	void (*before_read)(void *arg, uint64_t now_ns);
	/* What to answer a new transaction from: a view and its data, which stay valid until
	 * unpin. context NULL: the default one. Returns false for an unknown context. */
	bool (*pin)(void *arg, const char *context, uint64_t now_ns,
		    const struct oidtab_view **ret_view, const void **ret_data);
	void (*unpin)(void *arg, const void *data);
	/* Every response carries the master's sysUpTime (1/100 s) at now_ns. */
	void (*uptime)(void *arg, uint32_t sysuptime_cs, uint64_t now_ns);
	/* The session has come up. NULL: do not say. */
	void (*up)(void *arg, uint64_t now_ns);
	/* The master has answered the notification: 0, or the res.error it was refused with. When the
	 * session ends first, nobody knows whether it was sent on, and this is not called. */
	void (*notified)(void *arg, uint16_t error, uint64_t now_ns);
	void *arg;
};

enum ax_state { AX_DOWN, AX_CONNECTING, AX_OPENING, AX_REGISTERING, AX_UP };

/* socket: path or "tcp:HOST:PORT". description goes into the Open PDU. The registrations and
 * hooks are copied (their strings and OIDs borrowed for the session's life). Nothing is sent
 * before ax_start. Returns 0, or -EINVAL with e filled. */
int ax_new(const char *socket, const char *description, const struct ax_registration *regs,
	   size_t n_regs, const struct ax_hooks *hooks, struct loop *loop, struct ax **ret_ax,
	   struct err *e);

/* Begin to connect; call once, after the first complete snapshot. */
void ax_start(struct ax *ax);

/* Send Close if connected, then release everything. */
void ax_free(struct ax *ax);

enum ax_state ax_get_state(const struct ax *ax);

/* Whether the session is up and no notification is under way. */
bool ax_can_notify(const struct ax *ax);

/* Send a notification (RFC 2741 s6.2.10) in the default context, when ax_can_notify: the value
 * `trap` of snmpTrapOID.0, then the objects, all borrowed for the call. sysUpTime.0 is left for the
 * master to add: it is its clock. `notified` follows. */
void ax_notify(struct ax *ax, const struct oid *trap, const struct oidtab_varbind *vars,
	       size_t n_vars, uint64_t now_ns);

/* Why it is not up, or which table is refused, for `status`: "" when all is well. Borrowed, valid
 * until the next loop turn. */
const char *ax_get_problem(const struct ax *ax);

/* Requests answered so far, varbinds in them. */
void ax_get_counts(const struct ax *ax, uint64_t *ret_requests, uint64_t *ret_varbinds);

#endif
