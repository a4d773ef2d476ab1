/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_COMPOSE_H
#define CTM_COMPOSE_H

#include "base/err.h"
#include "netfilter/iptables/plan.h"
#include "netfilter/iptables/xt_table.h"

/* The next table, composed by libiptc but not committed by it.
 *
 * libiptc's own commit keeps the old table's final counters in its private memory. A kill between
 * its two system calls would lose them for everyone. So libiptc only believes that it commits: the
 * setsockopt() that it calls through the PLT is ours (see compose.c). Ours takes the composed
 * table, and learns from the second call which new entry takes over which old entry's counters.
 * commit.c makes the real commit. */

struct composed {
	struct xt_raw raw; /* the new table; n_entries and hook offsets as libiptc made them */
	uint32_t n_old; /* entries of the replaced table */
	/* [entry of the new table]: number plus 1 of the old entry whose counters it takes over;
	 * 0: none */
	uint32_t *from;
};

/* Compose `table` of the family: what is in the kernel now, with the plan's chains and hooks
 * applied. Everything that is not ours stays as it is, except rules of others that lead into a
 * chain of ours, which are removed. Only reads the kernel; hold the xtables lock. plan's
 * PLAN_DELETE ops index `present`. Returns 0 or -errno with e filled. */
int compose(const char *table, const struct ruleset *desired, const struct present *present,
	    const struct plan *plan, struct composed *ret_composed, struct err *e);
void composed_clear(struct composed *c);

#endif
