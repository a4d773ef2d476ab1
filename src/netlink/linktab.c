/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two sorted arrays of the same links. New links have the highest indices, so adding to the first
 * is appending; in the second some kilobytes move. */
#include "netlink/linktab.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct rtnl_link link;
	bool marked; /* not put since the last mark */
};

struct linktab {
	struct entry **by_index, **by_name; /* n of each; names with the newest put first */
	size_t n, cap_index, cap_name;
};

struct linktab *linktab_new(void)
{
	return xcalloc(1, sizeof(struct linktab));
}

void linktab_free(struct linktab *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->by_index[i]);
	free(t->by_index);
	free(t->by_name);
	free(t);
}

/* Where a link of this index is or belongs. */
static size_t find_index(const struct linktab *t, int index)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (t->by_index[middle]->link.index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Where the newest link of this name is, or one belongs. */
static size_t find_name(const struct linktab *t, size_t n, const char *name)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(t->by_name[middle]->link.name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct entry **at, size_t n, size_t i, struct entry *e)
{
	memmove(at + i + 1, at + i, (n - i) * sizeof(*at));
	at[i] = e;
}

static void take_out(struct entry **at, size_t n, size_t i)
{
	memmove(at + i, at + i + 1, (n - i - 1) * sizeof(*at));
}

static void take_out_name(struct linktab *t, const struct entry *e)
{
	size_t i = find_name(t, t->n, e->link.name);

	while (t->by_name[i] != e)
		i++;
	take_out(t->by_name, t->n, i);
}

static bool is_same(const struct rtnl_link *a, const struct rtnl_link *b)
{
	return a->index == b->index && a->master == b->master && a->type == b->type &&
	       a->loopback == b->loopback && !strcmp(a->name, b->name) &&
	       !strcmp(a->kind, b->kind) && a->lower == b->lower &&
	       a->lower_elsewhere == b->lower_elsewhere && a->netns == b->netns &&
	       a->vlan == b->vlan && a->vlan_filtering == b->vlan_filtering && a->pvid == b->pvid;
}

bool linktab_put(struct linktab *t, const struct rtnl_link *link, struct rtnl_link *ret_was)
{
	size_t i = find_index(t, link->index);
	bool known = i < t->n && t->by_index[i]->link.index == link->index;
	struct entry *e = known ? t->by_index[i] : xcalloc(1, sizeof(*e));
	bool same_name = known && !strcmp(e->link.name, link->name);

	*ret_was = e->link;
	if (known && !same_name)
		take_out_name(t, e);
	if (!known) {
		t->by_index = xgrow(t->by_index, t->n, &t->cap_index, sizeof(*t->by_index));
		t->by_name = xgrow(t->by_name, t->n, &t->cap_name, sizeof(*t->by_name));
		insert(t->by_index, t->n++, i, e);
	}
	e->link = *link;
	e->marked = false;
	if (!same_name)
		insert(t->by_name, t->n - 1, find_name(t, t->n - 1, link->name), e);
	return !is_same(ret_was, link);
}

static void remove_at(struct linktab *t, size_t i)
{
	struct entry *e = t->by_index[i];

	take_out_name(t, e);
	take_out(t->by_index, t->n, i);
	t->n--;
	free(e);
}

bool linktab_remove(struct linktab *t, int index)
{
	size_t i = find_index(t, index);

	if (i == t->n || t->by_index[i]->link.index != index)
		return false;
	remove_at(t, i);
	return true;
}

const struct rtnl_link *linktab_at(const struct linktab *t, int index)
{
	size_t i = find_index(t, index);

	return i < t->n && t->by_index[i]->link.index == index ? &t->by_index[i]->link : NULL;
}

const struct rtnl_link *linktab_named(const struct linktab *t, const char *name)
{
	size_t i = find_name(t, t->n, name);

	return i < t->n && !strcmp(t->by_name[i]->link.name, name) ? &t->by_name[i]->link : NULL;
}

size_t linktab_count(const struct linktab *t)
{
	return t->n;
}

const struct rtnl_link *linktab_nth(const struct linktab *t, size_t i)
{
	return &t->by_index[i]->link;
}

void linktab_mark(struct linktab *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->by_index[i]->marked = true;
}

void linktab_sweep(struct linktab *t, void (*gone)(void *arg, int index), void *arg)
{
	for (size_t i = t->n; i-- > 0;) {
		if (!t->by_index[i]->marked)
			continue;
		gone(arg, t->by_index[i]->link.index);
		remove_at(t, i);
	}
}
