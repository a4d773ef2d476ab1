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
	struct nodeaddr *own;
	size_t n;

	own = nodeaddr_list(&n);
	nodeaddr_mark(own, n, inv);
	free(own);
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
