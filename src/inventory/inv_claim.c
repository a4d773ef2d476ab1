/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/inv.h"

size_t inv_claims(const struct inventory *inv, size_t i, size_t *ret_running)
{
	const struct addr *addr = &inv->addresses[i].addr;
	size_t end = i;

	*ret_running = 0;
	for (; end < inv->n_addresses && !addr_cmp(&inv->addresses[end].addr, addr); end++)
		*ret_running += inv_runs(inv, end);
	return end - i;
}

bool inv_runs(const struct inventory *inv, size_t i)
{
	return inv->containers[inv->addresses[i].container].run != INV_RUN_STOPPED;
}
