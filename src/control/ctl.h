/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CTL_H
#define CTM_CTL_H

#include "base/err.h"
#include "base/loop.h"

#include <jansson.h>

/* The control socket, server side. A client connects to a Unix stream socket, sends one line
 * {"command":"status", ...} and reads one JSON object until the end of the stream: the answer, or
 * {"error":"a sentence"}. Only the daemon's user and root can connect (file mode 0600).
 * 1. Nothing blocks. The limits are 16 requests at a time, 64 KiB each, 5 s for a request to
 *    arrive, and 5 s without progress while the client takes the answer.
 * 2. A request is answered exactly once, by its handler or any time later.
 * 3. The handler need not care whether the client has gone or ctl_free was called: a late ctl_reply
 *    only releases the request. */

struct ctl;
struct ctl_request;

/* Handle a request: it must be answered by ctl_reply, ctl_reply_stream or ctl_reply_error. */
typedef void ctl_handler_fn(void *arg, struct ctl_request *req);

/* Listen at `path`. A missing directory is created (0755), and the socket of a daemon that has
 * ended is replaced. Returns 0, or -errno with e filled: -EADDRINUSE when another daemon answers
 * there, -EEXIST when the path exists and is not a socket. */
int ctl_new(const char *path, struct loop *loop, ctl_handler_fn *handler, void *arg,
	    struct ctl **ret_ctl, struct err *e);

/* Drop all connections and remove the socket. An answer given just before has been written as far
 * as the client's socket buffer took it. NULL is fine. */
void ctl_free(struct ctl *ctl);

/* The request's "command", and the whole object; borrowed until the answer. */
const char *ctl_request_command(const struct ctl_request *req);
const json_t *ctl_request_json(const struct ctl_request *req);

/* Answer with the object `take`, whose reference is stolen. Frees req. */
void ctl_reply(struct ctl_request *req, json_t *take);

/* Answer with a long text, piece by piece. `next` returns a piece for free(), small and quickly
 * made, or NULL at the end. A turn of the loop builds and sends pieces for about 2 ms, and none
 * while the client is slow. done(take_arg) is called once, when `next` has returned NULL or the
 * client has gone, which may be before this returns. Frees req. */
typedef char *ctl_next_fn(void *arg);
typedef void ctl_done_fn(void *arg);
void ctl_reply_stream(struct ctl_request *req, ctl_next_fn *next, ctl_done_fn *done,
		      void *take_arg);

/* Answer {"error": text}, one sentence that says what is wrong and what to do. Frees req. */
void ctl_reply_error(struct ctl_request *req, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
