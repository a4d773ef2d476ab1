/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger in doubt: it is not of the same moment as the kernel's rules, because an older copy
 * of it was put back or it is new. Addresses may have changed hands since, so the owners of the
 * octets that the rules counted meanwhile are unknown. Those octets are booked to no row, and
 * every row gets a discontinuity. */
#include "ledger/ledger_rows.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

static int addr_order(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

void ledger_addrs_add(struct addrs *set, const struct addr *addr)
{
	set->at = xgrow(set->at, set->n, &set->cap, sizeof(*addr));
	set->at[set->n++] = *addr;
}

static bool contains(const struct addrs *set, const struct addr *addr)
{
	return set->n && bsearch(addr, set->at, set->n, sizeof(*addr), addr_order);
}

void ledger_addrs_sort(struct addrs *set)
{
	if (set->n)
		qsort(set->at, set->n, sizeof(*set->at), addr_order);
}

void ledger_orphans_add(struct ledger *l, const struct fw_row *row)
{
	struct orphans *o = &l->orphans[row->addr.family];

	o->at = xgrow(o->at, o->n, &o->cap, sizeof(*row));
	o->at[o->n++] = *row;
}

/* An address is the first member of its row. */
const struct fw_row *ledger_find_orphan(const struct ledger *l, const struct addr *addr)
{
	const struct orphans *o = &l->orphans[addr->family];

	if (!o->n || contains(&l->born, addr))
		return NULL;
	return bsearch(addr, o->at, o->n, sizeof(*o->at), addr_order);
}

/* Raise the count to the highest that may have been published, and add one. */
static void mark(const struct ledger *l, struct snap_totals *t, uint8_t *unsure,
		 uint64_t *counted_ns, struct ledger_now now)
{
	if (t->discontinuities < l->discontinuities_floor)
		t->discontinuities = l->discontinuities_floor;
	ledger_mark_discontinuity(t, unsure, counted_ns, now);
}

static void mark_row(struct ledger *l, struct row *row, struct ledger_now now)
{
	ledger_touch(row);
	mark(l, &row->totals, &row->unsure, &row->counted_ns, now);
	mark(l, &row->container->totals, &row->container->unsure, &row->container->counted_ns, now);
}

void ledger_doubt_recalled(struct ledger *l, struct row *row, struct ledger_now now)
{
	if (l->doubted_all)
		mark_row(l, row, now);
}

static void doubt(struct ledger *l, enum addr_family family, struct ledger_now now)
{
	l->doubted[family] = true;
	l->doubted_wall_s = now.wall_s;
	l->doubted_unsure = now.unsure;
	l->version++;
	for (size_t i = 0; i < l->n_rows; i++)
		if (l->rows[i]->addr.family == family && l->rows[i]->state != STORE_AGED)
			mark_row(l, l->rows[i], now);
}

void ledger_doubt(struct ledger *l, uint32_t discontinuities, uint32_t next_ifindex,
		  struct ledger_now now)
{
	l->discontinuities_floor = discontinuities;
	if (l->next_ifindex < next_ifindex)
		l->next_ifindex = next_ifindex;
	l->doubted_all = true;
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		doubt(l, f, now);
	for (size_t i = 0; i < l->n_containers; i++)
		if (l->containers[i]->state != STORE_AGED) {
			l->containers[i]->changed = true;
			mark(l, &l->containers[i]->totals, &l->containers[i]->unsure,
			     &l->containers[i]->counted_ns, now);
		}
}

bool ledger_meet(struct ledger *l, enum addr_family family, uint64_t commit, struct ledger_now now)
{
	bool first = !l->met[family], told = l->doubted[family];

	l->met[family] = true;
	if (!first || commit <= l->commit[family])
		return false;
	l->commit[family] = commit; /* the next reading makes these rules known */
	if (!told)
		doubt(l, family, now);
	return !told;
}

int64_t ledger_doubted_s(const struct ledger *l)
{
	return l->doubted_wall_s;
}

uint32_t ledger_most_discontinuities(struct ledger *l)
{
	uint32_t most = l->discontinuities_floor;

	if (l->most_version == l->version)
		return l->most_discontinuities;
	for (size_t i = 0; i < l->n_rows; i++)
		if (most < l->rows[i]->totals.discontinuities)
			most = l->rows[i]->totals.discontinuities;
	for (size_t i = 0; i < l->n_containers; i++)
		if (most < l->containers[i]->totals.discontinuities)
			most = l->containers[i]->totals.discontinuities;
	l->most_version = l->version;
	return l->most_discontinuities = most;
}

/* Continue from here. The rows were marked when the doubt arose. */
void ledger_adopt(struct slot *s, const struct fw_row *row)
{
	uint8_t present = row ? row->present : 0;

	for (enum path p = 0; p < PATHS; p++)
		if (present & 1u << p)
			s->last[p] = row->path[p];
	s->lost = (uint8_t)((s->lost | s->seen) & ~present);
	s->seen = present;
	s->suspect = 0;
	ledger_touch(s->owner);
}
