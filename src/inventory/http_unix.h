/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_HTTP_UNIX_H
#define CTM_HTTP_UNIX_H

#include "base/err.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A GET by HTTP on a unix socket, or a unary call by gRPC, driven by the loop. Nothing else is ever
 * connected to.
 *
 * 1. The answer is kept up to a cap. One that is cut off, or whose status is not 200, is a failure.
 * 2. An answer that never ends is followed: its octets are not kept, and `came` is called when its
 *    header has come and each time more of it has.
 * 3. A call by gRPC is a POST by HTTP/2 without TLS. Its answer is the frame with the message; its
 *    status is in the trailer, and one that is not 0 is a failure, HTTP_GRPC_STATUS with it.
 * 4. `done` is called once, from the loop, and may call http_get_free. It is not called after
 *    http_get_free. `came` must not call http_get_free. */

#define HTTP_LATE "it does not answer in time"
#define HTTP_GRPC_STATUS "it answers with gRPC status "

struct http_get;

/* Load libcurl now, so that processes that are forked from here have it. What fails is said by
 * http_get_new. */
void http_prepare(void);

struct http_end {
	const char *out; /* the body: len octets and a NUL; borrowed until http_get_free */
	size_t len;
	char text[256]; /* why the answer cannot be used; "": it can */
	bool late; /* because the deadline has come */
};

typedef void http_came_fn(void *arg, uint64_t now_ns);
typedef void http_done_fn(void *arg, const struct http_end *end, uint64_t now_ns);

struct http_ask {
	const char *socket, *request; /* "/run/docker.sock", "/info"; needed during the call only */
	const void *call; /* call_len octets, a frame to send by gRPC; NULL: a GET */
	size_t call_len;
	uint64_t deadline_ns; /* of the whole answer; of its header if it is followed */
	size_t max_octets;
	http_came_fn *came; /* NULL: the answer is kept */
	http_done_fn *done;
	void *arg;
};

/* Returns 0 and a new *ret_get for http_get_free, or -errno with e filled; done is then not
 * called. -ENOTSUP: built without libcurl. */
int http_get_new(const struct http_ask *ask, struct loop *loop, struct http_get **ret_get,
		 struct err *e);
void http_get_free(struct http_get *get);

#endif
