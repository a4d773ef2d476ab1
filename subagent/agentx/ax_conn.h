/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_CONN_H
#define CTM_AX_CONN_H

#include "agentx/ax_codec.h"
#include "base/err.h"
#include "base/loop.h"

/* The stream to the master agent: connects without blocking, splits the input into PDUs, sends. It
 * reads headers but not payloads. Private to ax*.c. */

struct ax_conn;

struct ax_conn_hooks {
	/* A connect that ax_conn_open left in progress has succeeded. */
	void (*connected)(void *arg, uint64_t now_ns);
	/* The connection has ended or the connect has failed. It is closed already. */
	void (*closed)(void *arg, const char *why, uint64_t now_ns);
	/* A whole PDU, header included, valid during the call. octets NULL: the PDU is longer than
	 * AX_PDU_MAX and its payload will be skipped. The callee may send and may close. */
	void (*pdu)(void *arg, const struct ax_header *h, uint8_t *octets, size_t len,
		    uint64_t now_ns);
	void *arg;
};

/* where: a path, or "tcp:HOST:PORT" with a numeric host, [IPv6] in brackets, or localhost.
 * Copies hooks. Returns 0, or -EINVAL with e filled. */
int ax_conn_new(const char *where, const struct ax_conn_hooks *hooks, struct loop *loop,
		struct ax_conn **ret_conn, struct err *e);
void ax_conn_free(struct ax_conn *conn);

/* Start connecting; the connection must be closed. Returns 0 when connected at once, -EINPROGRESS
 * when `connected` or `closed` will follow, or another -errno. */
int ax_conn_open(struct ax_conn *conn);

/* Close without calling `closed`. Unsent output is discarded. Does nothing when already closed. */
void ax_conn_close(struct ax_conn *conn);

/* Send as much as the socket takes and queue the rest. Nothing is read until the queue is empty, so
 * it holds one response and a few PDUs of our own at most. A failure is reported by `closed`,
 * later. */
void ax_conn_send(struct ax_conn *conn, const uint8_t *octets, size_t len);

#endif
