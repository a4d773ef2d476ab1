/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/intake.h"

#include "engine/nodeaddr.h"

#include <stdlib.h>

struct ledger_limits intake_limits(const struct cfg *cfg)
{
	return (struct ledger_limits) { cfg->inventory.max_rows, cfg->inventory.max_addresses };
}

void intake_sift(struct intake *in, const struct cfg *cfg, const struct ledger *l,
		 struct inventory *inv, uint64_t now_ns)
{
	struct ledger_limits limits = intake_limits(cfg);
	struct ledger_refused refused;

	free(in->own);
	in->own = nodeaddr_list(&in->n_own);
	nodeaddr_mark(in->own, in->n_own, inv);
	ledger_admit(l, &limits, inv, &refused);
	in->containers = refused.containers;
	in->addresses = refused.addresses;
	if (refused.containers || refused.addresses)
		log_bad(&in->log, now_ns, LOG_LEVEL_ERROR, "inv",
			"%zu containers and %zu addresses are not counted: they exceed "
			"max-rows = %u or max-addresses = %u%s%s; those counted before still are",
			refused.containers, refused.addresses, cfg->inventory.max_rows,
			cfg->inventory.max_addresses,
			refused.most ? "; most belong to container " : "",
			refused.most ? refused.most : "");
	else
		log_good(&in->log, now_ns, "inv", "no container or address is over the limits now");
}

bool intake_is_valid(const struct intake *in)
{
	size_t n, i = 0;
	struct nodeaddr *own = nodeaddr_list(&n);

	while (i < n && i < in->n_own && own[i].what == in->own[i].what &&
	       !addr_cmp(&own[i].addr, &in->own[i].addr))
		i++;
	free(own);
	return i == n && i == in->n_own;
}

void intake_clear(struct intake *in)
{
	free(in->own);
	in->own = NULL;
	in->n_own = 0;
}
