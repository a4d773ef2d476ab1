/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/inv_known.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct inv_known_one {
	char *runtime_id, *id;
};

static int cmp(const void *a, const void *b)
{
	return strcmp(((const struct inv_known_one *)a)->runtime_id,
		      ((const struct inv_known_one *)b)->runtime_id);
}

void inv_known_add(struct inv_known *k, const char *runtime_id, const char *id)
{
	k->list = xgrow(k->list, k->n, &k->cap, sizeof(*k->list));
	k->list[k->n++] = (struct inv_known_one) { xstrdup(runtime_id), xstrdup(id) };
	k->sorted = false;
}

const char *inv_known_find(struct inv_known *k, const char *runtime_id)
{
	struct inv_known_one key = { .runtime_id = (char *)(uintptr_t)runtime_id }, *found;

	if (!k->n)
		return NULL;
	if (!k->sorted)
		qsort(k->list, k->n, sizeof(*k->list), cmp);
	k->sorted = true;
	found = bsearch(&key, k->list, k->n, sizeof(*k->list), cmp);
	return found ? found->id : NULL;
}

void inv_known_clear(struct inv_known *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->list[i].runtime_id);
		free(k->list[i].id);
	}
	free(k->list);
	*k = (struct inv_known) { .n = 0 };
}
