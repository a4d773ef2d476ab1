/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_WISH_H
#define CTM_WISH_H

#include "netfilter/fw.h"
#include "netfilter/iptables/plan.h"

/* What is wanted of one family, as rules. Between commits only what a plan needs is kept (the
 * chains' names and digests). An unchanged want builds nothing. */

/* Embedded in its owner; initially all zero. */
struct wish {
	struct ruleset *rules;
	uint64_t digest; /* of the want that they were built from */
	bool met; /* they were in place once */
};
void wish_clear(struct wish *w);

/* How the last read table, `present`, compares with what is wanted. */
enum fw_fit wish_compare(struct wish *w, const struct fw_want *want, const struct present *present);

/* The whole rules for a commit of this epoch. Owned by w, valid until the next call. */
const struct ruleset *wish_rules(struct wish *w, const struct fw_want *want, uint64_t epoch);

#endif
