/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is believed, when an address is claimed. What was assigned is believed at once. What was
 * found in a container was put there by its tenant, who may take a neighbour's address: so it is
 * believed only if nobody else had the address last, or whoever had it has given it up.
 * 1. A container gives an address up by running without it, or by being gone, for LEDGER_HOLD_NS.
 *    One that is stopped does not, until its row ages out.
 * 2. The owner of an address's slot had it last; the store remembers it. So nothing here depends
 *    on the order in which containers or the daemon start, or on when we look. */
#include "ledger/ledger_rows.h"

#include "base/xalloc.h"

#include <stdlib.h>

bool ledger_keeps(const struct row *row, struct ledger_now now)
{
	const struct container *c = row->container;
	int64_t since_ns = row->gone_ns;

	if (row->state == STORE_AGED || row->unfit)
		return false;
	if (row->state != STORE_RETIRED || (c->state == STORE_LIVE && c->run == INV_RUN_STOPPED))
		return true;
	if (c->state == STORE_LIVE && (int64_t)c->run_ns > since_ns)
		since_ns = (int64_t)c->run_ns;
	if (c->state != STORE_LIVE && c->gone_ns > since_ns)
		since_ns = c->gone_ns;
	return (int64_t)now.ns < since_ns + (int64_t)LEDGER_HOLD_NS;
}

static int cmp_address(const void *a, const void *b)
{
	return addr_cmp(&(*(struct row *const *)a)->addr, &(*(struct row *const *)b)->addr);
}

static bool has_found(const struct inventory *inv)
{
	for (size_t i = 0; i < inv->n_addresses; i++)
		if (inv->addresses[i].rank == INV_FOUND)
			return true;
	return false;
}

void ledger_belief_begin(struct ledger_belief *b, const struct ledger *l,
			 const struct inventory *inv, struct ledger_now now)
{
	*b = (struct ledger_belief) { .l = l, .inv = inv, .now = now, .n_slots = l->n_slots };
	if (!has_found(inv))
		return;
	b->contested = xcalloc(l->n_rows, sizeof(struct row *));
	for (size_t i = 0; i < l->n_rows; i++) {
		struct row *row = l->rows[i];

		if ((row->state == STORE_RETIRED || row->state == STORE_CONFLICT) &&
		    !ledger_find_slot(l, l->n_slots, &row->addr) && ledger_keeps(row, now))
			b->contested[b->n_contested++] = row;
	}
	if (b->n_contested)
		qsort(b->contested, b->n_contested, sizeof(struct row *), cmp_address);
}

void ledger_belief_end(struct ledger_belief *b)
{
	free(b->contested);
	b->contested = NULL;
}

/* Did another container claim it, too, before it stopped or restarted, while nobody owned it? */
static bool is_contested(const struct ledger_belief *b, const struct row *row)
{
	size_t low = 0, high = b->n_contested;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (addr_cmp(&b->contested[middle]->addr, &row->addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < b->n_contested && !addr_cmp(&b->contested[low]->addr, &row->addr); low++)
		if (b->contested[low]->container != row->container)
			return true;
	return false;
}

/* An address that several containers were assigned stays with its holder: a claim alone cannot take
 * it away. */
static bool is_believed_assigned(const struct row *owner, const struct row *row,
				 const struct inv_contest *contest)
{
	return contest->running == 1 ||
	       (owner && owner == row &&
		(owner->state == STORE_LIVE || owner->state == STORE_RETIRED));
}

static bool is_believed_found(const struct ledger_belief *b, const struct row *owner,
			      const struct row *row, const struct inv_contest *contest)
{
	if (owner == row)
		return true;
	if (owner && ledger_keeps(owner, b->now))
		return false;
	if (!owner && is_contested(b, row))
		return false;
	return contest->claims == 1 || contest->running == 1;
}

bool ledger_believes(const struct ledger_belief *b, const struct row *row, size_t i,
		     const struct inv_contest *contest)
{
	const struct slot *s = ledger_find_slot(b->l, b->n_slots, &row->addr);
	const struct row *owner = s ? s->owner : NULL;

	if (!inv_contends(b->inv, i, contest))
		return false;
	if (contest->rank == INV_ASSIGNED && contest->claims == 1)
		return true;
	/* If any of them runs, the stopped ones can have no traffic. */
	if (contest->running && !inv_runs(b->inv, i))
		return false;
	return contest->rank == INV_ASSIGNED ? is_believed_assigned(owner, row, contest)
					     : is_believed_found(b, owner, row, contest);
}

const char *ledger_kept_for(const struct ledger *l, const struct addr *addr, struct ledger_now now,
			    enum inv_run *ret_run)
{
	const struct slot *s = ledger_find_slot(l, l->n_slots, addr);

	if (!s || s->owner->state != STORE_RETIRED || !ledger_keeps(s->owner, now))
		return NULL;
	*ret_run = s->owner->container->run;
	return s->owner->container->id;
}
