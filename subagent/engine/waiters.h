/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_WAITERS_H
#define CTM_WAITERS_H

#include <stdbool.h>
#include <stdint.h>

/* Requests that are answered later, when the engine has what they ask for. */

typedef void engine_done_fn(void *arg, int result, const char *text);

struct waiter {
	struct waiter *next; /* the list's */
	engine_done_fn *done;
	void *arg;
	uint64_t asked_ns;
	bool looked; /* the sources were, since it came */
	bool teardown;
	bool known; /* it waits for no look, but for the rules of what is known */
	uint64_t ticket; /* of a checkpoint that is all it waits for; 0: it waits for rules */
};

/* Whether it can be answered now, and with what; text is borrowed. */
typedef bool waiter_ready_fn(void *arg, const struct waiter *w, int *ret_result,
			     const char **ret_text);

/* *list: NULL to begin with. `w` is copied. */
void waiters_add(struct waiter **list, const struct waiter *w);

/* A look that began then has ended. */
void waiters_looked(struct waiter *list, uint64_t began_ns);

/* Answer whoever is ready. What `done` does must not add to the list. */
void waiters_answer(struct waiter **list, waiter_ready_fn *ready, void *arg);

/* Answer all. */
void waiters_cancel(struct waiter **list, int result, const char *text);

#endif
