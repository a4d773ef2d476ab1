/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_RUNTIME_ASK_H
#define CTM_RUNTIME_ASK_H

#include "inventory/http_unix.h"
#include "inventory/source_one.h"

/* A runtime is asked, or its events are followed: through the inventory helper if there is one, or
 * by this process. For runtime.c. */

struct runtime_door {
	const struct source *source;
	const char *word; /* names the helper's job: "SOURCE WORD" */
	const char *socket, *request, *worker; /* for this process; http_unix.h, awake.h */
	const void *call; /* NULL: a GET */
	size_t call_len;
};

struct runtime_end {
	bool idle; /* the runtime does not run: text says why that is believed */
	bool late; /* it does not answer in time */
	const char *out; /* len octets and a NUL; borrowed until runtime_ask_free */
	size_t len;
	char text[400]; /* "": the answer is whole */
};

struct runtime_ask;

/* done is called once, from the loop or from within; it may call runtime_ask_free. */
typedef void runtime_done_fn(void *arg, const struct runtime_end *end, uint64_t now_ns);
void runtime_ask_new(const struct runtime_door *door, runtime_done_fn *done, void *arg,
		     uint64_t now_ns, struct runtime_ask **ret_ask);
void runtime_ask_free(struct runtime_ask *ask);

struct runtime_follow;

/* `came` is called when the stream has begun and at each event; `ended` once, when it is over.
 * Neither is called from within this function. `ended` may call runtime_follow_free. Returns NULL
 * if it cannot begin. */
typedef void runtime_came_fn(void *arg, uint64_t now_ns);
struct runtime_follow *runtime_follow_new(const struct runtime_door *door, runtime_came_fn *came,
					  runtime_came_fn *ended, void *arg, uint64_t now_ns);
void runtime_follow_free(struct runtime_follow *follow);

#endif
