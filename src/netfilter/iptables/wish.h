/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_WISH_H
#define CTM_WISH_H

#include "netfilter/fw.h"
#include "netfilter/iptables/plan.h"

/* What is wanted of one family, as rules. Between commits only what a plan needs is kept (the
 * chains' names and digests), and a want that is the same again builds nothing. */

/* Embedded; all zero at first. */
struct wish {
	struct ruleset *rules;
	uint64_t digest; /* of the want they were built from */
	bool met; /* they were in place once */
};
void wish_clear(struct wish *w);

/* How the table that was read last fits. */
enum fw_fit wish_compare(struct wish *w, const struct fw_want *want, const struct present *present);

/* The whole rules for a commit of this epoch: w's own, until the next call. */
const struct ruleset *wish_rules(struct wish *w, const struct fw_want *want, uint64_t epoch);

#endif
