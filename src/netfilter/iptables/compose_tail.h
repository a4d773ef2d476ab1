/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_COMPOSE_TAIL_H
#define CTM_COMPOSE_TAIL_H

#include "netfilter/iptables/compose.h"
#include "netfilter/iptables/rule.h"
#include "netfilter/iptables/xt_layout.h"

/* The next table of the common commit, where only our own chains differ, they stand together at
 * the end of the table, and every hook has its jump. Then everything before them is kept octet for
 * octet, our chains are written anew after it, and the jumps get new verdicts. In all other cases
 * libiptc composes (compose.h). libiptc also decides the order of the chains, which has put ours
 * at the end. Pure. */

/* Whether a table of this layout can become `desired` in this way. */
bool compose_tail_possible(const struct xt_layout *old, const struct ruleset *desired);

/* Compose it. Requires compose_tail_possible, and a head with at least the table's first
 * old->tail.at octets. */
void compose_tail(const struct xt_raw *head, const struct xt_layout *old,
		  const struct ruleset *desired, struct composed *ret_composed);

#endif
