/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CTL_H
#define CTM_CTL_H

#include "base/err.h"
#include "base/loop.h"

#include <jansson.h>

/* The control socket, server side. A client connects to a Unix stream socket, sends one line
 * {"command":"status", ...} and reads one JSON object until the end of the stream: the answer, or
 * {"error":"a sentence"}. Root alone can connect (file mode 0600).
 * 1. Nothing blocks: at most 16 requests at a time, 64 KiB each, 5 s to arrive, and 5 s without
 *    progress while the answer is taken.
 * 2. A request is answered exactly once, from its handler or any time later.
 * 3. A client that went away, or a ctl_free, before the answer changes nothing for the handler:
 *    the late ctl_reply just releases the request. */

struct ctl;
struct ctl_request;

/* A request has come; the handler owes it a ctl_reply or ctl_reply_error. */
typedef void ctl_handler_fn(void *arg, struct ctl_request *req);

/* Listen at `path`; its directory is made when missing (0755), the socket of a daemon that is no
 * more is replaced. Returns 0, or -errno with e filled: -EADDRINUSE when another daemon answers
 * there, -EEXIST when the path is something else than a socket. */
int ctl_new(const char *path, struct loop *loop, ctl_handler_fn *handler, void *arg,
	    struct ctl **ret_ctl, struct err *e);

/* Drop all connections and remove the socket. An answer given just before has been written as far
 * as the client's socket buffer took it. NULL is fine. */
void ctl_free(struct ctl *ctl);

/* The request's "command", and the whole object; borrowed until the answer. */
const char *ctl_request_command(const struct ctl_request *req);
const json_t *ctl_request_json(const struct ctl_request *req);

/* Answer with the object `take`, whose reference passes over; req is gone afterwards. */
void ctl_reply(struct ctl_request *req, json_t *take);

/* Answer with a long text of which `next` gives piece after piece: each for free(), small and
 * quickly made, NULL at the end. A turn of the loop builds and sends about 2 ms worth of them, and
 * none while the client is slow. done(take_arg) is called once when the last piece is sent or the
 * client is gone, which may be at once. req is gone afterwards. */
typedef char *ctl_next_fn(void *arg);
typedef void ctl_done_fn(void *arg);
void ctl_reply_stream(struct ctl_request *req, ctl_next_fn *next, ctl_done_fn *done,
		      void *take_arg);

/* Answer {"error": text}: one sentence that says what is wrong and what to do. */
void ctl_reply_error(struct ctl_request *req, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
