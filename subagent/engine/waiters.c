/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/waiters.h"

#include "base/xalloc.h"

#include <stdlib.h>

void waiters_add(struct waiter **list, const struct waiter *w)
{
	struct waiter *copy = xmalloc(sizeof(*copy));

	*copy = *w;
	copy->next = *list;
	*list = copy;
}

/* Polls may follow each other without a break, as a source may take longer than the interval. So
 * only a poll that began after the request counts. */
void waiters_looked(struct waiter *list, uint64_t began_ns)
{
	for (; list; list = list->next)
		list->looked = list->looked || list->asked_ns <= began_ns;
}

void waiters_answer(struct waiter **list, waiter_ready_fn *ready, void *arg)
{
	struct waiter *w;

	while ((w = *list)) {
		const char *text = "";
		int result = 0;

		if (!ready(arg, w, &result, &text)) {
			list = &w->next;
			continue;
		}
		*list = w->next;
		w->done(w->arg, result, text);
		free(w);
	}
}

void waiters_cancel(struct waiter **list, int result, const char *text)
{
	struct waiter *w;

	while ((w = *list)) {
		*list = w->next;
		w->done(w->arg, result, text);
		free(w);
	}
}
