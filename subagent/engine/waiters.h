/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_WAITERS_H
#define CTM_WAITERS_H

#include <stdbool.h>
#include <stdint.h>

/* Requests that are answered later, when the engine has done what they ask for. */

typedef void engine_done_fn(void *arg, int result, const char *text);

struct waiter {
	struct waiter *next; /* in the list */
	engine_done_fn *done;
	void *arg;
	uint64_t asked_ns;
	bool looked; /* the sources have been polled since it came */
	bool teardown;
	bool known; /* it waits for no poll, only for the rules of known addresses */
	uint64_t ticket; /* of the only checkpoint it waits for; 0: it waits for rules */
};

/* Whether it can be answered now, and with what; the text is borrowed. */
typedef bool waiter_ready_fn(void *arg, const struct waiter *w, int *ret_result,
			     const char **ret_text);

/* *list is NULL initially. Copies `w`. */
void waiters_add(struct waiter **list, const struct waiter *w);

/* A poll of the sources that began at began_ns has ended. */
void waiters_looked(struct waiter *list, uint64_t began_ns);

/* Answer those that are ready. `done` must not add to the list. */
void waiters_answer(struct waiter **list, waiter_ready_fn *ready, void *arg);

/* Answer all of them with this result. */
void waiters_cancel(struct waiter **list, int result, const char *text);

#endif
