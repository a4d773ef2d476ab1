/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/runtime_pids.h"

#include "base/xalloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct runtime_pid {
	char *id, *mark;
	pid_t pid; /* 0: unknown */
};

bool runtime_pids_id_is_good(const char *id)
{
	size_t len = strlen(id);

	return len && len <= RUNTIME_PID_ID_MAX && strspn(id, "0123456789abcdef") == len;
}

static int cmp(const void *a, const void *b)
{
	return strcmp(((const struct runtime_pid *)a)->id, ((const struct runtime_pid *)b)->id);
}

static struct runtime_pid *find(struct runtime_pid *list, size_t n, const char *id)
{
	struct runtime_pid key = { .id = (char *)(uintptr_t)id };

	return n ? bsearch(&key, list, n, sizeof(key), cmp) : NULL;
}

static void free_list(struct runtime_pid *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].id);
		free(list[i].mark);
	}
	free(list);
}

void runtime_pids_renew(struct runtime_pids *p)
{
	runtime_pids_stop(p); /* so that it is sorted, and old is free */
	*p = (struct runtime_pids) { .old = p->list, .n_old = p->n };
}

void runtime_pids_add(void *pids, const char *id, const char *mark)
{
	struct runtime_pids *p = pids;

	if (!runtime_pids_id_is_good(id))
		return;
	p->list = xgrow(p->list, p->n, &p->cap, sizeof(*p->list));
	p->list[p->n++] = (struct runtime_pid) { xstrdup(id), xstrdup(mark), 0 };
}

/* The list is whole: take over what is known of the same starts. */
static void settle(struct runtime_pids *p)
{
	if (p->sorted)
		return;
	p->sorted = true;
	if (p->n)
		qsort(p->list, p->n, sizeof(*p->list), cmp);
	for (size_t i = 0; i < p->n; i++) {
		const struct runtime_pid *one = find(p->old, p->n_old, p->list[i].id);

		if (one && !strcmp(one->mark, p->list[i].mark))
			p->list[i].pid = one->pid;
	}
	free_list(p->old, p->n_old);
	p->old = NULL;
	p->n_old = 0;
}

const char *runtime_pids_next(struct runtime_pids *p)
{
	settle(p);
	while (p->at < p->n && p->list[p->at].pid)
		p->at++;
	return p->at < p->n ? p->list[p->at].id : NULL;
}

void runtime_pids_take(struct runtime_pids *p, pid_t pid)
{
	p->list[p->at++].pid = pid;
}

void runtime_pids_stop(struct runtime_pids *p)
{
	settle(p);
	p->at = p->n;
}

pid_t runtime_pids_of(const struct runtime_pids *p, const char *id)
{
	const struct runtime_pid *one = find(p->list, p->n, id);

	return one ? one->pid : 0;
}

void runtime_pids_clear(struct runtime_pids *p)
{
	free_list(p->list, p->n);
	free_list(p->old, p->n_old);
	*p = (struct runtime_pids) { .n = 0 };
}
