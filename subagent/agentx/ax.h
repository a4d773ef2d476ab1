/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_H
#define CTM_AX_H

#include "base/err.h"
#include "base/loop.h"
#include "mib/oidtab.h"

/* The AgentX session (RFC 2741) with the node's snmpd. Non-blocking; it reconnects by itself. Only
 * ax*.c include net-snmp headers.
 * 1. It never blocks the loop: connect, write and read are non-blocking, and every wait has a
 *    deadline.
 * 2. After a disconnect it tries to reconnect within 2 s, opens a session and registers everything
 *    anew.
 * 3. It checks every Register response, logs a refusal once and retries it.
 * 4. It never unregisters anything: it closes the session instead.
 * 5. All requests of one SNMP request (same transaction id) are answered from one pinned view, for
 *    up to 400 ms. A snapshot is at most 500 ms old when it is pinned, so nothing served is older
 *    than 1 s.
 * 6. Only one notification is in flight: the next one waits for the master's response. */

struct ax;

struct ax_registration {
	const uint32_t *oid;
	size_t len;
	const char *context; /* NULL: the default context */
};

/* Callbacks to the session's owner. All are called from the loop. */
struct ax_hooks {
	/* A request is about to be answered: take a fresh snapshot now. Called before each request
	 * of the master's, not for its responses to our own PDUs. */
	void (*before_read)(void *arg, uint64_t now_ns);
	/* Give the view and the data for a new transaction. Both stay valid until unpin. context
	 * NULL: the default context. Returns false for an unknown context. */
	bool (*pin)(void *arg, const char *context, uint64_t now_ns,
		    const struct oidtab_view **ret_view, const void **ret_data);
	void (*unpin)(void *arg, const void *data);
	/* Every response carries the master's sysUpTime (1/100 s) at now_ns. */
	void (*uptime)(void *arg, uint32_t sysuptime_cs, uint64_t now_ns);
	/* The session has come up. May be NULL. */
	void (*up)(void *arg, uint64_t now_ns);
	/* The master has answered the notification: 0, or the res.error of its refusal. Not called
	 * if the session ends first: whether the notification was forwarded is then unknown. */
	void (*notified)(void *arg, uint16_t error, uint64_t now_ns);
	void *arg;
};

enum ax_state { AX_DOWN, AX_CONNECTING, AX_OPENING, AX_REGISTERING, AX_UP };

/* socket: path or "tcp:HOST:PORT". description goes into the Open PDU. Copies the registrations and
 * hooks; borrows their strings and OIDs for the session's life. Sends nothing before ax_start.
 * Returns 0, or -EINVAL with e filled. */
int ax_new(const char *socket, const char *description, const struct ax_registration *regs,
	   size_t n_regs, const struct ax_hooks *hooks, struct loop *loop, struct ax **ret_ax,
	   struct err *e);

/* Start connecting. Call it once, after the first complete snapshot. */
void ax_start(struct ax *ax);

/* Send a Close PDU if connected, then release everything. */
void ax_free(struct ax *ax);

enum ax_state ax_get_state(const struct ax *ax);

/* Whether the session is up and no notification is in flight. */
bool ax_can_notify(const struct ax *ax);

/* Send a notification (RFC 2741 s6.2.10) in the default context; requires ax_can_notify. trap is
 * the value of snmpTrapOID.0; the objects follow it. Everything is borrowed for the call. The
 * master adds sysUpTime.0 from its own clock. `notified` reports the outcome. */
void ax_notify(struct ax *ax, const struct oid *trap, const struct oidtab_varbind *vars,
	       size_t n_vars, uint64_t now_ns);

/* For `status`: why the session is not up, or which table was refused; "" when all is well.
 * Borrowed, valid until the next loop turn. */
const char *ax_get_problem(const struct ax *ax);

/* Requests answered so far, and the varbinds in them. */
void ax_get_counts(const struct ax *ax, uint64_t *ret_requests, uint64_t *ret_varbinds);

#endif
