/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger to and from a store: plain structs both ways, no database. */
#include "ledger/ledger_store.h"

#include "base/loop.h"
#include "base/xalloc.h"
#include "ledger/ledger_rows.h"
#include "store/store_batch.h"

#include <assert.h>
#include <string.h>

/* A lived time as boot time; negative if before boot. */
static int64_t boot_time(const struct ledger *l, int64_t lived_s)
{
	return (int64_t)l->restore_now.ns - (l->restore_now.lived_s - lived_s) * (int64_t)NS_PER_S;
}

/* The boot time of an event of this boot; 0: it never happened, or happened before boot. If later
 * jumps of the clock have made it unknown, it counts as before boot. */
static uint64_t event_time(const struct ledger *l, int64_t wall_s)
{
	int64_t ago_s = l->restore_now.wall_s - wall_s;
	int64_t ns = (int64_t)l->restore_now.ns - ago_s * (int64_t)NS_PER_S;

	return wall_s && l->restore_same_boot && ago_s >= 0 && ns > 0 ? (uint64_t)ns : 0;
}

void ledger_restore_begin(struct ledger *l, const struct store_meta *meta, bool same_boot,
			  struct ledger_now now)
{
	l->next_ifindex = meta->next_ifindex ? meta->next_ifindex : 1;
	l->next_key = meta->next_key ? meta->next_key : 1;
	memcpy(l->commit, meta->commit, sizeof(l->commit));
	l->port_view = meta->port_view;
	l->port_framing = meta->port_framing;
	l->turned_wall_s = meta->turned_wall_s;
	l->turned_unsure = meta->turned_unsure;
	memcpy(l->left, meta->left, sizeof(l->left));
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		l->held[f] = !same_boot || meta->held[f];
	l->period = meta->period;
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

struct container *ledger_add_stored_container(struct ledger *l, const struct store_container *from)
{
	struct container *c = xcalloc(1, sizeof(*c));

	ledger_name_container(c, from->id, from->name);
	ledger_set_runtime(c, from->runtime, from->runtime_id, "");
	c->run = (enum inv_run)from->run;
	c->ifindex = from->ifindex;
	c->state = from->state;
	c->gone_wall_s = from->gone_wall_s;
	c->gone_lived_s = from->totals.gone_lived_s;
	c->gone_ns = boot_time(l, c->gone_lived_s);
	c->run_ns = event_time(l, from->gone_wall_s);
	c->unsure = from->totals.unsure;
	restore_totals(l, &from->totals, &c->totals);
	c->bill = from->bill;
	store_settle(&c->bill, &l->period, flow_of(c->totals.path));
	c->heard = c->bill.told;
	if (l->next_ifindex <= c->ifindex)
		l->next_ifindex = c->ifindex + 1;
	ledger_add_container(l, c);
	return c;
}

void ledger_restore_container(struct ledger *l, const struct store_container *from)
{
	ledger_add_stored_container(l, from);
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
	/* A rule that exists although we have not made it since (a boot script restored it after a
	 * reboot, say) may have got old counters back. */
	s->lost = counted_paths(from);
	if (l->restore_same_boot) {
		s->seen = from->seen;
		s->lost &= (uint8_t)~from->seen;
		memcpy(s->last, from->last, sizeof(s->last));
	} else if (from->seen) {
		ledger_discontinue(row, l->restore_now);
	}
	/* A rule that is made for a row which has counted before was not there for a while. */
	for (enum path p = 0; p < PATHS; p++)
		if (row->totals.path[p].pkts || l->left[row->addr.family])
			s->counted |= (uint8_t)(1u << p);
	s->told = s->alone = s->lost; /* just now, or when its rule went */
	if (s->alone)
		l->gap[s->addr.family].alone = true;
}

struct row *ledger_add_stored_row(struct ledger *l, struct container *c,
				  const struct store_address *from)
{
	struct row *row = xcalloc(1, sizeof(*row));

	row->container = c;
	row->addr = from->addr;
	row->key = from->key;
	row->state = from->state;
	row->gone_wall_s = from->gone_wall_s;
	row->gone_lived_s = from->totals.gone_lived_s;
	row->gone_ns = boot_time(l, row->gone_lived_s);
	row->unsure = from->totals.unsure;
	restore_totals(l, &from->totals, &row->totals);
	memcpy(row->stored, from->totals.path, sizeof(row->stored));
	if (l->next_key <= row->key)
		l->next_key = row->key + 1;
	l->rows = xgrow(l->rows, l->n_rows, &l->cap_rows, sizeof(row));
	l->rows[l->n_rows++] = row;
	return row;
}

void ledger_restore_address(struct ledger *l, const struct store_address *from)
{
	struct container *c = container_of(l, from->container);
	struct row *row;

	if (!c)
		return; /* an address without a container: the store checks that there is none */
	row = ledger_add_stored_row(l, c, from);
	if (from->owner)
		restore_slot(l, from, row);
}

void ledger_restore_end(struct ledger *l)
{
	ledger_sort(l);
	l->some_retired = l->some_aged = true;
	l->version++;
	l->last_change_ns = l->ports_change_ns = l->restore_now.ns;
}

bool ledger_is_of_new_boot(const struct ledger *l)
{
	return !l->restore_same_boot;
}

static struct store_totals totals_to_store(const struct snap_totals *t, int64_t gone_lived_s,
					   uint8_t unsure)
{
	struct store_totals to = { .gone_lived_s = gone_lived_s,
				   .unsure = unsure,
				   .since_wall_s = t->since_wall_s,
				   .discontinuities = t->discontinuities,
				   .discontinuity_wall_s = t->discontinuity_wall_s,
				   .zero_wall_s = t->zero ? t->zero->wall_s : 0 };

	memcpy(to.path, t->path, sizeof(to.path));
	if (t->zero)
		memcpy(to.zero, t->zero->at, sizeof(to.zero));
	return to;
}

static struct store_container container_to_store(const struct container *c, struct store_batch *b)
{
	return (struct store_container) { .ifindex = c->ifindex,
					  .id = arena_strdup(&b->text, c->id),
					  .name = arena_strdup(&b->text, c->name),
					  .run = c->run,
					  .state = c->state,
					  .gone_wall_s = c->gone_wall_s,
					  .totals = totals_to_store(&c->totals, c->gone_lived_s,
								    c->unsure),
					  .runtime = arena_strdup(&b->text, c->runtime),
					  .runtime_id = arena_strdup(&b->text, c->runtime_id),
					  .bill = c->bill };
}

/* slot: the one the row owns, or NULL. */
static struct store_address address_to_store(const struct row *row, const struct slot *slot)
{
	struct store_address to = { .key = row->key,
				    .container = row->container->ifindex,
				    .addr = row->addr,
				    .state = row->state,
				    .gone_wall_s = row->gone_wall_s,
				    .totals = totals_to_store(&row->totals, row->gone_lived_s,
							      row->unsure) };

	if (slot) {
		to.owner = true;
		to.seen = slot->seen;
		memcpy(to.last, slot->last, sizeof(to.last));
	}
	memcpy(to.before, row->stored, sizeof(to.before));
	return to;
}

static void take_containers(struct ledger *l, struct store_batch *b)
{
	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];

		if (c->changed)
			b->containers[b->n_containers++] = container_to_store(c, b);
		c->saving = c->changed;
		c->changed = false;
	}
}

static void take_rows(struct ledger *l, struct store_batch *b)
{
	for (size_t i = 0; i < l->n_rows; i++)
		l->rows[i]->number = 0;
	for (size_t i = 0; i < l->n_slots; i++)
		l->slots[i].owner->number = (uint32_t)i + 1;
	for (size_t i = 0; i < l->n_rows; i++) {
		struct row *row = l->rows[i];

		if (row->changed)
			b->addresses[b->n_addresses++] =
				address_to_store(row,
						 row->number ? &l->slots[row->number - 1] : NULL);
		row->saving = row->changed;
		row->changed = false;
	}
}

/* Where nothing has changed nothing is written either: on an idle node each checkpoint would
 * otherwise copy the pages that are still shared with the child of the last look. Nothing is
 * `saving` then, for the batch before has come back. */
struct store_batch *ledger_take_changed(struct ledger *l)
{
	size_t containers = 0, addresses = 0;
	struct store_batch *b;

	for (size_t i = 0; i < l->n_containers && l->taken != l->version; i++)
		containers += l->containers[i]->changed;
	for (size_t i = 0; i < l->n_rows && l->taken != l->version; i++)
		addresses += l->rows[i]->changed;
	l->taken = l->version;
	b = store_batch_new(containers, addresses);
	b->meta.next_ifindex = l->next_ifindex;
	b->meta.next_key = l->next_key;
	b->meta.port_view = l->port_view;
	b->meta.port_framing = l->port_framing;
	b->meta.turned_wall_s = l->turned_wall_s;
	b->meta.turned_unsure = l->turned_unsure;
	b->meta.period = l->period;
	memcpy(b->meta.held, l->held, sizeof(b->meta.held));
	memcpy(b->meta.left, l->left, sizeof(b->meta.left));
	memcpy(b->meta.commit, l->commit, sizeof(b->meta.commit));
	if (containers)
		take_containers(l, b);
	if (addresses)
		take_rows(l, b);
	return b;
}

/* Rows that came meanwhile were sorted in between those of the batch, whose order did not
 * change. */
void ledger_saved(struct ledger *l, const struct store_batch *b)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_containers && b->n_containers; i++)
		l->containers[i]->saving = false;
	for (size_t i = 0; i < l->n_rows && b->n_addresses; i++) {
		struct row *row = l->rows[i];

		if (!row->saving)
			continue;
		assert(n < b->n_addresses && b->addresses[n].key == row->key);
		memcpy(row->stored, b->addresses[n++].totals.path, sizeof(row->stored));
		row->saving = false;
	}
	assert(n == b->n_addresses);
}

void ledger_not_saved(struct ledger *l)
{
	for (size_t i = 0; i < l->n_containers; i++) {
		l->containers[i]->changed |= l->containers[i]->saving;
		l->containers[i]->saving = false;
	}
	for (size_t i = 0; i < l->n_rows; i++) {
		l->rows[i]->changed |= l->rows[i]->saving;
		l->rows[i]->saving = false;
	}
	l->version++;
}

void ledger_unsaved(struct ledger *l)
{
	for (size_t i = 0; i < l->n_containers; i++)
		l->containers[i]->changed = true;
	for (size_t i = 0; i < l->n_rows; i++)
		l->rows[i]->changed = true;
	l->version++;
}
