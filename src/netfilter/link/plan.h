/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_PLAN_H
#define CTM_LINK_PLAN_H

#include "netfilter/fw.h"
#include "netfilter/link/lives.h"
#include "netfilter/link/sites.h"
#include "netfilter/link/turn.h"

/* What is wanted, compared with what is counted, and the turn that makes them agree. */

/* A key that is wanted and cannot be counted now, or not on all paths. */
struct unmet {
	struct fw_key *at; /* sorted by addr */
	size_t n, cap;
};

void unmet_clear(struct unmet *u);
const struct fw_key *unmet_find(const struct unmet *u, const struct addr *addr);

struct plan {
	const struct lives *lives;
	const struct fw_want *want;
	struct sites *sites;
	bool full; /* there is no room for more slots */
	uint64_t now_ns;
};

/* What would have to be done. Replaces *unmet. */
enum fw_fit plan_compare(const struct plan *p, struct unmet *unmet);

/* The same as a turn. `alloc` returns the number of a FREE slot, a new one with each call, or
 * UINT32_MAX. The sites' counts of keys are then those after the turn. */
struct turn *plan_turn(const struct plan *p, uint64_t number, uint32_t (*alloc)(void *arg),
		       void *arg);

#endif
