/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_CONN_H
#define CTM_AX_CONN_H

#include "agentx/ax_codec.h"
#include "base/err.h"
#include "base/loop.h"

/* The stream to the master agent: connects without blocking, cuts what arrives into PDUs, sends.
 * Knows headers but no meaning. Private to ax*.c. */

struct ax_conn;

struct ax_conn_hooks {
	/* A connect that ax_conn_open left in progress has succeeded. */
	void (*connected)(void *arg, uint64_t now_ns);
	/* The connection has ended, or its connect has failed: it is closed already. */
	void (*closed)(void *arg, const char *why, uint64_t now_ns);
	/* A whole PDU, header included, valid during the call. octets NULL: it is longer than
	 * AX_PDU_MAX and its payload will be passed over. May send and may close. */
	void (*pdu)(void *arg, const struct ax_header *h, uint8_t *octets, size_t len,
		    uint64_t now_ns);
	void *arg;
};

/* where: a path, or "tcp:HOST:PORT" with a numeric host, [IPv6] in brackets, or localhost.
 * Copies hooks. Returns 0, or -EINVAL with e filled. */
int ax_conn_new(const char *where, const struct ax_conn_hooks *hooks, struct loop *loop,
		struct ax_conn **ret_conn, struct err *e);
void ax_conn_free(struct ax_conn *conn);

/* Begin to connect; must be closed. Returns 0 when connected at once, -EINPROGRESS when
 * `connected` or `closed` will follow, or another -errno. */
int ax_conn_open(struct ax_conn *conn);

/* Close without a call of `closed`. What is not sent yet is lost. Closed is fine. */
void ax_conn_close(struct ax_conn *conn);

/* Send what the socket takes and keep the rest, then read nothing until it is gone, so no more
 * than one answer and a few PDUs of ours can wait. A failure shows up as `closed`, later. */
void ax_conn_send(struct ax_conn *conn, const uint8_t *octets, size_t len);

#endif
