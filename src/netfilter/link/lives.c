/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/lives.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

void lives_clear(struct lives *l)
{
	free(l->at);
	free(l->rows);
	*l = (struct lives) { NULL, NULL, 0 };
}

static int live_cmp(const void *x, const void *y)
{
	const struct live *a = x, *b = y;

	return addr_cmp(&a->addr, &b->addr);
}

/* Takes over the array, which is sorted. Rows begin anew. */
static void set(struct lives *l, struct live *take_at, size_t n)
{
	struct fw_row *rows;

	lives_clear(l); /* first: two of them would be the most memory that is ever held */
	rows = xcalloc(n, sizeof(*rows));
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct fw_row) { .addr = take_at[i].addr,
					    .link = take_at[i].link,
					    .present = take_at[i].paths,
					    .missing = take_at[i].missed };
	*l = (struct lives) { take_at, rows, n };
}

void lives_load(struct lives *l, const struct slots *s, enum addr_family family)
{
	uint64_t unsettled = s->state->unsettled[family];
	struct live *at = NULL;
	size_t n = 0, cap = 0;

	for (uint32_t i = 0; i < s->state->reach; i++) {
		struct link_owner *o = &s->owner[i];

		if (o->state != LINK_LIVE || o->family != family)
			continue;
		if (o->missed == LINK_MISSED_TOLD && (!unsettled || o->commit != unsettled))
			slots_miss(s, i);
		at = xgrow(at, n, &cap, sizeof(*at));
		at[n++] = (struct live) { .addr = slots_addr(o),
					  .link = o->link,
					  .slot = i,
					  .paths = o->paths,
					  .missed = o->missed == LINK_MISSED_UNTOLD };
	}
	if (n)
		qsort(at, n, sizeof(*at), live_cmp);
	set(l, at, n);
}

static int change_cmp(const void *x, const void *y)
{
	const struct turn_change *a = x, *b = y;

	return addr_cmp(&a->key.addr, &b->key.addr);
}

/* Apply the changes of one address to its live slot, if there is one: `live` before and after.
 * Returns whether there is one after. */
static bool change_live(struct live *live, bool is, const struct turn_change *c)
{
	if (c->failed)
		return is;
	switch (c->kind) {
	case TURN_LOWER:
	case TURN_LOWER_FIRST:
		return is && live->slot != c->slot;
	case TURN_TELL:
		live->missed = false;
		return is;
	case TURN_RAISE:
		*live = (struct live) {
			.addr = c->key.addr, .link = c->key.link, .slot = c->slot, .paths = c->paths
		};
		return true;
	}
	return is;
}

/* Sorts the turn's changes and sweeps both once. */
void lives_take(struct lives *l, const struct turn *t)
{
	struct live *at = xcalloc(l->n + t->n, sizeof(*at));
	size_t i = 0, k = 0, n = 0;

	if (t->n)
		qsort(t->changes, t->n, sizeof(*t->changes), change_cmp);
	while (i < l->n || k < t->n) {
		int order = i == l->n   ? 1
			    : k == t->n ? -1
					: addr_cmp(&l->at[i].addr, &t->changes[k].key.addr);
		struct addr addr = order <= 0 ? l->at[i].addr : t->changes[k].key.addr;
		struct live live = { .addr = addr };
		bool is = order <= 0;

		if (is)
			live = l->at[i++];
		for (; k < t->n && !addr_cmp(&t->changes[k].key.addr, &addr); k++)
			is = change_live(&live, is, &t->changes[k]);
		if (is)
			at[n++] = live;
	}
	set(l, at, n);
}

void lives_miss(struct lives *l, size_t i, const struct slots *s)
{
	slots_miss(s, l->at[i].slot);
	l->at[i].missed = l->rows[i].missing = true;
}

bool lives_read(struct lives *l, const struct slots *s)
{
	bool zeroed = false;

	for (size_t i = 0; i < l->n; i++) {
		const struct link_slot *slot = &s->slot[l->at[i].slot];
		struct fw_row *row = &l->rows[i];

		row->intact = PATHS_ALL;
		/* Most have counted nothing since. A copy that is torn is not the same, or read
		 * again. */
		if (!memcmp(slot->path, row->path, sizeof(row->path)))
			continue;
		for (enum path p = 0; p < PATHS; p++) {
			struct counters c = slots_counters(slot, p);

			if (c.octets < row->path[p].octets || c.pkts < row->path[p].pkts)
				row->intact &= (uint8_t) ~(1u << p);
			row->path[p] = c;
		}
		zeroed = zeroed || row->intact != PATHS_ALL;
	}
	return zeroed;
}

const struct live *lives_find(const struct lives *l, const struct addr *addr)
{
	struct live key = { .addr = *addr };

	return l->n ? bsearch(&key, l->at, l->n, sizeof(key), live_cmp) : NULL;
}
