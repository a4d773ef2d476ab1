/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_COMPOSE_TAIL_H
#define CTM_COMPOSE_TAIL_H

#include "netfilter/iptables/compose.h"
#include "netfilter/iptables/rule.h"
#include "netfilter/iptables/xt_layout.h"

/* The everyday commit's next table: only our own chains differ, they stand together at the end, and
 * every hook has its jump. Then what stands before them is kept octet for octet, our chains are
 * written behind it anew, and the jumps get new verdicts. Anything else is libiptc's (compose.h),
 * and so is the order of the chains, by which ours came to stand at the end. Pure. */

/* Whether a table of this layout can become `desired` that way. */
bool compose_tail_possible(const struct xt_layout *old, const struct ruleset *desired);

/* Compose it; compose_tail_possible, and head holds the table's first old->tail.at octets at least. */
void compose_tail(const struct xt_raw *head, const struct xt_layout *old,
		  const struct ruleset *desired, struct composed *ret_composed);

#endif
