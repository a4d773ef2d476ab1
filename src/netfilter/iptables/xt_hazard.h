/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_HAZARD_H
#define CTM_XT_HAZARD_H

#include "base/addr.h"
#include "netfilter/iptables/xt_table.h"

#include <stdbool.h>
#include <stdint.h>

/* Other people's rules in a legacy table that `ctmeter check` warns of: what would stop a bridge's
 * packets, and what has a packet counted twice. */

struct xt_hazards {
	bool policy_drops; /* FORWARD's policy is DROP */
	uint32_t n_drops; /* rules with DROP or REJECT on a way from FORWARD */
	/* Rules with TEE: a copy of the packet leaves the node by OUTPUT. */
	uint32_t n_copies;
	/* Rules with NFQUEUE or QUEUE on a way from FORWARD, INPUT or OUTPUT: a program can have the
	 * packet begin the table anew (NF_REPEAT). */
	uint32_t n_queues;
	/* The chain of the first of each. */
	char copy_chain[XT_EXTENSION_MAXNAMELEN + 4], queue_chain[XT_EXTENSION_MAXNAMELEN + 4];
};

/* Find them in a reading. Cannot fail. */
void xt_hazards_find(const struct xt_raw *raw, struct xt_hazards *ret_hazards);

/* The same for a table of this node. Returns 0 or -errno as xt_look. */
int xt_hazards_look(enum addr_family family, const char *table, struct xt_hazards *ret_hazards);

#endif
