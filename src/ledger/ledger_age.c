/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ageing. Retired rows stop being shown, leave the memory, and are recalled from the store when
 * their container or address comes back. */
#include "ledger/ledger_rows.h"
#include "ledger/ledger_store.h"

#include "base/xalloc.h"
#include "store/store_batch.h"

#include <stdlib.h>
#include <string.h>

bool ledger_age_out(struct ledger *l, int64_t before_ns, struct ledger_now now)
{
	bool aged = false, some = false;

	if (!l->some_retired)
		return false;
	for (size_t i = 0; i < l->n_rows; i++) {
		struct row *row = l->rows[i];

		if (row->state != STORE_RETIRED || row->gone_ns >= before_ns) {
			some = some || row->state == STORE_RETIRED;
			continue;
		}
		row->state = STORE_AGED;
		ledger_touch(row);
		aged = true;
	}
	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];

		if (c->state != STORE_RETIRED || c->gone_ns >= before_ns) {
			some = some || c->state == STORE_RETIRED;
			continue;
		}
		c->state = STORE_AGED;
		c->changed = aged = true;
		l->ports_change_ns = now.ns;
	}
	l->some_retired = some;
	if (!aged)
		return false;
	l->some_aged = true;
	l->last_change_ns = now.ns;
	l->version++;
	return true;
}

/* --- forgetting --------------------------------------------------------------------------- */

/* A slot whose rules are gone and whose row has aged out has nothing left to book. Before the row
 * may go, it must be stored that it owns no slot any more. */
static void drop_slots(struct ledger *l)
{
	size_t kept = 0, n = l->n_slots;

	for (size_t i = 0; i < l->n_slots; i++) {
		if (l->slots[i].seen || l->slots[i].owner->state != STORE_AGED)
			l->slots[kept++] = l->slots[i];
		else
			ledger_touch(l->slots[i].owner);
	}
	l->n_slots = kept;
	l->version += kept != n;
}

/* Set `number` to 1 where a row must stay: it is shown, not stored, or owns a slot. The same for
 * its container. Returns whether anything may go. */
static bool mark_kept(struct ledger *l)
{
	bool any = false;

	l->some_aged = false;
	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];

		l->some_aged = l->some_aged || c->state == STORE_AGED;
		c->number = c->state != STORE_AGED || c->changed || c->saving;
	}
	for (size_t i = 0; i < l->n_rows; i++) {
		struct row *row = l->rows[i];

		l->some_aged = l->some_aged || row->state == STORE_AGED;
		row->number = row->state != STORE_AGED || row->changed || row->saving;
	}
	for (size_t i = 0; i < l->n_slots; i++)
		l->slots[i].owner->number = 1;
	for (size_t i = 0; i < l->n_rows; i++) {
		if (l->rows[i]->number)
			l->rows[i]->container->number = 1;
		else
			any = true;
	}
	for (size_t i = 0; i < l->n_containers && !any; i++)
		any = !l->containers[i]->number;
	return any;
}

void ledger_forget(struct ledger *l)
{
	size_t kept = 0;

	if (!l->some_aged)
		return;
	drop_slots(l);
	if (!mark_kept(l))
		return;
	for (size_t i = 0; i < l->n_rows; i++) {
		if (l->rows[i]->number)
			l->rows[kept++] = l->rows[i];
		else
			ledger_free_row(l->rows[i]);
	}
	l->n_rows = kept;
	kept = 0;
	for (size_t i = 0; i < l->n_containers; i++)
		if (l->ports[i]->number)
			l->ports[kept++] = l->ports[i];
	kept = 0;
	for (size_t i = 0; i < l->n_containers; i++) {
		if (l->containers[i]->number)
			l->containers[kept++] = l->containers[i];
		else
			ledger_free_container(l->containers[i]);
	}
	l->n_containers = kept;
}

/* --- recalling ---------------------------------------------------------------------------- */

struct store_key *ledger_strangers(const struct ledger *l, const struct inventory *inv,
				   size_t *ret_n)
{
	struct container **known = xcalloc(inv->n_containers, sizeof(struct container *));
	struct store_key *keys = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < inv->n_containers; i++) {
		char *id = inv->containers[i].id;

		known[i] = ledger_find_container(l, l->n_containers, id);
		if (known[i])
			continue;
		keys = xgrow(keys, n, &cap, sizeof(*keys));
		keys[n++] = (struct store_key) { .id = id };
	}
	for (size_t i = 0; i < inv->n_addresses; i++) {
		const struct inv_address *a = &inv->addresses[i];
		struct container *c = known[a->container];

		if (c && ledger_find_row(l, l->n_rows, c, &a->addr))
			continue;
		keys = xgrow(keys, n, &cap, sizeof(*keys));
		keys[n++] = (struct store_key) { inv->containers[a->container].id, true, a->addr };
	}
	free(known);
	*ret_n = n;
	return keys;
}

/* Add the old row's totals to those counted under the new number. */
static void add_old(struct snap_totals *t, uint8_t *unsure, struct snap_totals *old,
		    uint8_t old_unsure)
{
	uint8_t olds = STORE_UNSURE_SINCE;

	for (enum path p = 0; p < PATHS; p++) {
		t->path[p].octets += old->path[p].octets;
		t->path[p].pkts += old->path[p].pkts;
	}
	t->since_wall_s = old->since_wall_s;
	t->discontinuities += old->discontinuities;
	if (t->zero) { /* set meanwhile, on the totals known then */
		struct counters at[PATHS];

		for (enum path p = 0; p < PATHS; p++) {
			at[p].octets = t->zero->at[p].octets + old->path[p].octets;
			at[p].pkts = t->zero->at[p].pkts + old->path[p].pkts;
		}
		old->zero = t->zero;
		t->zero = snap_mark_new(at, old->zero->wall_s);
	} else {
		t->zero = old->zero;
		old->zero = NULL;
		olds |= STORE_UNSURE_ZERO;
	}
	*unsure = (uint8_t)((*unsure & ~olds) | (old_unsure & olds));
}

static void add_flow(struct flow *f, struct flow more)
{
	f->in += more.in;
	f->out += more.out;
}

/* Both are of the present period. */
static void add_old_bill(struct store_bill *b, const struct store_bill *old)
{
	add_flow(&b->at, old->at);
	add_flow(&b->last, old->last);
	add_flow(&b->next, old->next);
	b->set = b->set.octets || b->set.counts ? b->set : old->set;
	b->told = b->told > old->told ? b->told : old->told;
}

static int port_cmp(const void *a, const void *b)
{
	const struct container *x = *(struct container *const *)a,
			       *y = *(struct container *const *)b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

/* The container appended last is the same as `c`: fold it into `c`. */
static void merge_container(struct ledger *l, struct container *c)
{
	struct container *old = l->containers[--l->n_containers];

	add_old(&c->totals, &c->unsure, &old->totals, old->unsure);
	add_old_bill(&c->bill, &old->bill);
	c->ifindex = old->ifindex;
	c->changed = true;
	l->ports_change_ns = l->restore_now.ns;
	ledger_free_container(old);
}

static void merge_row(struct ledger *l, struct row *row)
{
	struct row *old = l->rows[--l->n_rows];

	add_old(&row->totals, &row->unsure, &old->totals, old->unsure);
	row->key = old->key;
	memcpy(row->stored, old->stored, sizeof(row->stored));
	ledger_discontinue(row, l->restore_now);
	ledger_free_row(old);
}

static void recall_containers(struct ledger *l, const struct store_batch *found)
{
	size_t n_sorted = l->n_containers;

	for (size_t i = 0; i < found->n_containers; i++) {
		const struct store_container *from = &found->containers[i];
		char id[INV_ID_MAX + 1];
		struct container *c, *known;

		strcpy(id, from->id); /* the store refuses longer ids */
		known = ledger_find_container(l, n_sorted, id);
		if (known && known->ifindex == from->ifindex)
			continue;
		c = ledger_add_stored_container(l, from);
		c->state = STORE_AGED;
		if (known)
			merge_container(l, known);
	}
	ledger_sort(l);
	if (l->n_containers)
		qsort(l->ports, l->n_containers, sizeof(struct container *), port_cmp);
}

static struct container *find_port(const struct ledger *l, uint32_t ifindex)
{
	struct container key = { .ifindex = ifindex }, *k = &key, **found;

	found = l->n_containers ? bsearch(&k, l->ports, l->n_containers, sizeof(struct container *),
					  port_cmp)
				: NULL;
	return found ? *found : NULL;
}

void ledger_recall(struct ledger *l, const struct store_batch *found, struct ledger_now now)
{
	size_t n_sorted;

	l->restore_now = now;
	l->some_aged = true;
	l->version++;
	recall_containers(l, found);
	n_sorted = l->n_rows;
	for (size_t i = 0; i < found->n_addresses; i++) {
		const struct store_address *from = &found->addresses[i];
		struct container *c = find_port(l, from->container);
		struct row *row, *known = c ? ledger_find_row(l, n_sorted, c, &from->addr) : NULL;

		if (!c || (known && known->key == from->key))
			continue;
		row = ledger_add_stored_row(l, c, from);
		row->state = STORE_AGED;
		ledger_doubt_recalled(l, row, now);
		if (known)
			merge_row(l, known);
	}
	ledger_sort(l);
}
