/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/links_told.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct link_told {
	struct addr addr;
	const char *id, *link; /* link: NULL, it is not named */
	bool limited;
};

static bool is_same_link(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool is_same(const struct links_told *a, const struct links_told *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = !addr_cmp(&a->list[i].addr, &b->list[i].addr) &&
		       !strcmp(a->list[i].id, b->list[i].id) &&
		       a->list[i].limited == b->list[i].limited &&
		       is_same_link(a->list[i].link, b->list[i].link);
	return same;
}

bool links_told_take(struct links_told *t, const struct inventory *inv)
{
	struct links_told now = { .list = NULL };
	size_t n = 0;
	bool differ;

	for (size_t i = 0; i < inv->n_addresses; i++)
		n += inv->addresses[i].link || inv->addresses[i].limited;
	now.list = xcalloc(n, sizeof(*now.list));
	for (size_t i = 0; i < inv->n_addresses; i++) {
		const struct inv_address *a = &inv->addresses[i];

		if (!a->link && !a->limited)
			continue;
		now.list[now.n++] = (struct link_told) {
			a->addr, arena_strdup(&now.text, inv->containers[a->container].id),
			a->link ? arena_strdup(&now.text, a->link) : NULL, a->limited
		};
		now.n_limited += a->limited;
	}
	differ = !is_same(t, &now);
	links_told_clear(t);
	*t = now;
	return differ;
}

void links_told_clear(struct links_told *t)
{
	free(t->list);
	arena_free(&t->text);
	*t = (struct links_told) { .list = NULL };
}

/* The first of this address, or where it would be. */
static size_t find(const struct links_told *t, const struct addr *addr)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (addr_cmp(&t->list[middle].addr, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *links_told_of(const struct links_told *t, const struct addr *addr, const char *id)
{
	for (size_t i = find(t, addr); i < t->n && !addr_cmp(&t->list[i].addr, addr); i++)
		if (!strcmp(t->list[i].id, id))
			return t->list[i].link;
	return NULL;
}

bool links_told_is_limited(const struct links_told *t, const struct addr *addr)
{
	bool limited = false;

	if (!t->n_limited)
		return false;
	for (size_t i = find(t, addr); i < t->n && !addr_cmp(&t->list[i].addr, addr); i++)
		limited = limited || t->list[i].limited;
	return limited;
}
