/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares the ledger with an inventory in one sweep, since both are sorted alike. */
#include "ledger/ledger_rows.h"

#include <string.h>

/* Does the inventory retire what it lacks? */
static bool retires(const struct inventory *inv)
{
	return inv->complete && !inv->doubtful;
}

/* Give each container its index in the inventory; UINT32_MAX: not in it. Returns whether the
 * ledger has every container of the inventory, unchanged. */
static bool match_containers(const struct ledger *l, const struct inventory *inv)
{
	size_t n = 0, live = 0;

	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];
		const struct inv_container *from = &inv->containers[n];

		c->number = UINT32_MAX;
		live += c->state == STORE_LIVE && !inv_is_unheard(inv, c->runtime);
		if (n == inv->n_containers || strcmp(c->id, from->id) != 0)
			continue;
		if (c->state != STORE_LIVE || c->run != from->run || strcmp(c->name, from->name) ||
		    c->net != from->net || ledger_runtime_differs(c, from) ||
		    ledger_quota_differs(c, from))
			return false;
		c->number = (uint32_t)n++;
	}
	return n == inv->n_containers && (!retires(inv) || live == n);
}

bool ledger_differs(const struct ledger *l, const struct inventory *inv)
{
	size_t live = 0, k = 0;

	if (!match_containers(l, inv))
		return true;
	for (size_t i = 0; i < l->n_rows; i++)
		live += (l->rows[i]->state == STORE_LIVE || l->rows[i]->state == STORE_CONFLICT) &&
			!inv_is_unheard(inv, l->rows[i]->container->runtime);
	if (retires(inv) && live != inv->n_addresses)
		return true;
	for (size_t i = 0; i < inv->n_addresses; i++) {
		const struct inv_address *a = &inv->addresses[i];
		const struct row *owner;

		if (a->conflict || a->unfit)
			return true; /* rare, and not worth more work */
		while (k < l->n_slots && addr_cmp(&l->slots[k].addr, &a->addr) < 0)
			k++;
		if (k == l->n_slots || addr_cmp(&l->slots[k].addr, &a->addr) != 0)
			return true;
		owner = l->slots[k].owner;
		if (owner->state != STORE_LIVE || owner->container->number != a->container)
			return true;
	}
	return false;
}

void ledger_each_runtime_id(const struct ledger *l, ledger_runtime_id_fn *fn, void *arg)
{
	for (size_t i = 0; i < l->n_containers; i++) {
		const struct container *c = l->containers[i];

		if (c->state == STORE_LIVE && *c->runtime_id)
			fn(arg, c->runtime, c->runtime_id, c->id);
	}
}
