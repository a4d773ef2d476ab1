/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger to and from a store: plain structs both ways, no database here. */
#include "ledger_rows.h"

#include "loop.h"
#include "xalloc.h"

#include <string.h>

/* The boot time of a Unix time; negative when it is before boot. */
static int64_t boot_time(const struct ledger *l, int64_t wall_s)
{
	return (int64_t)l->restore_now.ns - (l->restore_now.wall_s - wall_s) * (int64_t)NS_PER_S;
}

/* The same of an event: 0 when it never was, or before boot. */
static uint64_t event_time(const struct ledger *l, int64_t wall_s)
{
	int64_t ns = wall_s ? boot_time(l, wall_s) : 0;

	return ns > 0 ? (uint64_t)ns : 0;
}

void ledger_restore_begin(struct ledger *l, const struct store_meta *meta, bool same_boot,
			  struct ledger_now now)
{
	l->next_ifindex = meta->next_ifindex ? meta->next_ifindex : 1;
	l->next_key = meta->next_key ? meta->next_key : 1;
	memcpy(l->epoch, meta->epoch, sizeof(l->epoch));
	l->port_view = meta->port_view;
	l->turned_wall_s = meta->turned_wall_s;
	l->restore_same_boot = same_boot;
	l->restore_now = now;
	l->turned_ns = event_time(l, meta->turned_wall_s);
}

static void restore_totals(const struct ledger *l, const struct store_totals *from,
			   struct snap_totals *totals)
{
	memcpy(totals->path, from->path, sizeof(totals->path));
	totals->since_wall_s = from->since_wall_s;
	totals->discontinuities = from->discontinuities;
	totals->discontinuity_wall_s = from->discontinuity_wall_s;
	totals->discontinuity_ns = event_time(l, from->discontinuity_wall_s);
	if (from->zero_wall_s)
		totals->zero = snap_mark_new(from->zero, from->zero_wall_s);
}

void ledger_restore_container(struct ledger *l, const struct store_container *from)
{
	struct container *c = xcalloc(1, sizeof(*c));

	c->id = xstrdup(from->id);
	c->name = xstrdup(from->name);
	c->run = (enum inv_run)from->run;
	c->ifindex = from->ifindex;
	c->state = from->state;
	c->gone_wall_s = from->gone_wall_s;
	c->gone_ns = boot_time(l, from->gone_wall_s);
	c->run_ns = event_time(l, from->gone_wall_s);
	restore_totals(l, &from->totals, &c->totals);
	if (l->next_ifindex <= c->ifindex)
		l->next_ifindex = c->ifindex + 1;
	ledger_add_container(l, c);
}

static struct container *container_of(const struct ledger *l, uint32_t ifindex)
{
	size_t lo = 0, hi = l->n_containers;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->containers[mid]->ifindex < ifindex)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->n_containers && l->containers[lo]->ifindex == ifindex ? l->containers[lo]
									     : NULL;
}

/* The bits of paths that have ever counted. */
static uint8_t counted_paths(const struct store_address *from)
{
	uint8_t bits = from->seen;

	for (enum path p = 0; p < PATHS; p++)
		if (from->last[p].pkts)
			bits |= (uint8_t)(1u << p);
	return bits;
}

static void restore_slot(struct ledger *l, const struct store_address *from, struct row *row)
{
	struct slot *s;

	l->slots = xgrow(l->slots, l->n_slots, &l->cap_slots, sizeof(*s));
	s = &l->slots[l->n_slots++];
	memset(s, 0, sizeof(*s));
	s->addr = row->addr;
	s->owner = row;
	/* A rule that is there without our having made it since (after a reboot: by a boot script)
	 * may have got old counters back. */
	s->lost = counted_paths(from);
	if (l->restore_same_boot) {
		s->seen = from->seen;
		s->lost &= (uint8_t)~from->seen;
		memcpy(s->last, from->last, sizeof(s->last));
	} else if (from->seen) {
		ledger_discontinue(row, l->restore_now);
	}
}

void ledger_restore_address(struct ledger *l, const struct store_address *from)
{
	struct container *c = container_of(l, from->container);
	struct row *row;

	if (!c)
		return; /* an address of nobody's: the store checks that there is none */
	row = xcalloc(1, sizeof(*row));
	row->container = c;
	row->addr = from->addr;
	row->key = from->key;
	row->state = from->state;
	row->gone_wall_s = from->gone_wall_s;
	row->gone_ns = boot_time(l, from->gone_wall_s);
	restore_totals(l, &from->totals, &row->totals);
	memcpy(row->stored, from->totals.path, sizeof(row->stored));
	if (l->next_key <= row->key)
		l->next_key = row->key + 1;
	l->rows = xgrow(l->rows, l->n_rows, &l->cap_rows, sizeof(row));
	l->rows[l->n_rows++] = row;
	if (from->owner)
		restore_slot(l, from, row);
}

void ledger_restore_end(struct ledger *l)
{
	ledger_sort(l);
	l->last_change_ns = l->ports_change_ns = l->restore_now.ns;
}

static struct store_totals totals_to_store(const struct snap_totals *t)
{
	struct store_totals to = { .since_wall_s = t->since_wall_s,
				   .discontinuities = t->discontinuities,
				   .discontinuity_wall_s = t->discontinuity_wall_s,
				   .zero_wall_s = t->zero ? t->zero->wall_s : 0 };

	memcpy(to.path, t->path, sizeof(to.path));
	if (t->zero)
		memcpy(to.zero, t->zero->at, sizeof(to.zero));
	return to;
}

static void save_container(const struct container *c, store_container_fn *fn, void *arg)
{
	struct store_container to = { .ifindex = c->ifindex,
				      .id = c->id,
				      .name = c->name,
				      .run = c->run,
				      .state = c->state,
				      .gone_wall_s = c->gone_wall_s,
				      .totals = totals_to_store(&c->totals) };

	fn(arg, &to);
}

static void save_row(const struct ledger *l, const struct row *row, store_address_fn *fn, void *arg)
{
	const struct slot *s = ledger_find_slot(l, l->n_slots, &row->addr);
	struct store_address to = { .key = row->key,
				    .container = row->container->ifindex,
				    .addr = row->addr,
				    .state = row->state,
				    .gone_wall_s = row->gone_wall_s,
				    .totals = totals_to_store(&row->totals) };

	if (s && s->owner == row) {
		to.owner = true;
		to.seen = s->seen;
		memcpy(to.last, s->last, sizeof(to.last));
	}
	for (enum path p = 0; p < PATHS; p++) {
		to.used[p].octets = row->totals.path[p].octets - row->stored[p].octets;
		to.used[p].pkts = row->totals.path[p].pkts - row->stored[p].pkts;
	}
	fn(arg, &to);
}

void ledger_each_changed(const struct ledger *l, store_container_fn *container,
			 store_address_fn *address, void *arg)
{
	for (size_t i = 0; i < l->n_containers; i++)
		if (l->containers[i]->changed)
			save_container(l->containers[i], container, arg);
	for (size_t i = 0; i < l->n_rows; i++)
		if (l->rows[i]->changed)
			save_row(l, l->rows[i], address, arg);
}

void ledger_get_meta(const struct ledger *l, struct store_meta *ret_meta)
{
	memset(ret_meta, 0, sizeof(*ret_meta));
	memcpy(ret_meta->epoch, l->epoch, sizeof(ret_meta->epoch));
	ret_meta->next_ifindex = l->next_ifindex;
	ret_meta->next_key = l->next_key;
	ret_meta->port_view = l->port_view;
	ret_meta->turned_wall_s = l->turned_wall_s;
}

void ledger_saved(struct ledger *l)
{
	for (size_t i = 0; i < l->n_containers; i++)
		l->containers[i]->changed = false;
	for (size_t i = 0; i < l->n_rows; i++) {
		struct row *row = l->rows[i];

		row->changed = false;
		memcpy(row->stored, row->totals.path, sizeof(row->stored));
	}
}

void ledger_unsaved(struct ledger *l)
{
	for (size_t i = 0; i < l->n_containers; i++)
		l->containers[i]->changed = true;
	for (size_t i = 0; i < l->n_rows; i++)
		l->rows[i]->changed = true;
}
