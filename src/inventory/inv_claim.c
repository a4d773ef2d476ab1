/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/inv.h"

static bool is_fit(const struct inventory *inv, size_t i)
{
	return inv->addresses[i].unfit == INV_FIT;
}

void inv_contest(const struct inventory *inv, size_t i, struct inv_contest *ret_contest)
{
	const struct addr *addr = &inv->addresses[i].addr;
	struct inv_contest c = { .end = i, .rank = INV_FOUND };

	for (; c.end < inv->n_addresses && !addr_cmp(&inv->addresses[c.end].addr, addr); c.end++) {
		c.fit += is_fit(inv, c.end);
		if (is_fit(inv, c.end) && inv->addresses[c.end].rank < c.rank)
			c.rank = inv->addresses[c.end].rank;
	}
	for (size_t k = i; k < c.end; k++) {
		bool contends = inv_contends(inv, k, &c);

		c.claims += contends;
		c.running += contends && inv_runs(inv, k);
	}
	*ret_contest = c;
}

bool inv_contends(const struct inventory *inv, size_t i, const struct inv_contest *contest)
{
	return is_fit(inv, i) && inv->addresses[i].rank == contest->rank;
}

bool inv_runs(const struct inventory *inv, size_t i)
{
	return inv->containers[inv->addresses[i].container].run != INV_RUN_STOPPED;
}
