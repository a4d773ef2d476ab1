/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_RULES_H
#define CTM_XT_RULES_H

#include "netfilter/iptables/rule.h"
#include "netfilter/iptables/xt_table.h"

#include <stdbool.h>

/* Reads entries of a table as rules, and tells our chains from others'. Pure. */

/* src, dst, their masks, and whether the entry matches on anything else (other). */
struct xt_match {
	const uint8_t *src, *dst, *src_mask, *dst_mask;
	bool is_goto, other, none; /* none: all sources outside 0.0.0.0/0, which no packet has */
};

/* What an entry matches. */
struct xt_match xt_match_of(const struct xt_raw *raw, const struct xt_entry *e);
bool xt_all_zero(const void *p, size_t n);

/* Where user chains begin. */
struct xt_heads {
	struct xt_head {
		uint32_t first; /* offset of the first entry after the ERROR entry */
		const char *name;
		bool ours; /* by its name, or as a stray (xt_heads_mark) */
		uint32_t refs; /* if it is ours: rules of ours, or in our hooks, that lead to it */
	} * v;
	size_t n, cap;
};

/* All user chains, in the table's order; free() the result's v. policy receives the entry numbers
 * plus 1 of the built-in chains' policies. */
struct xt_heads xt_heads_find(const struct xt_raw *raw, uint32_t policy[XT_HOOKS]);

/* Mark the chains that are ours: those that bear our mark, and strays, which are chains of ours
 * that were renamed. A stray is recognised by its content. */
void xt_heads_mark(const struct xt_raw *raw, const struct xt_heads *heads);

/* The chain that a verdict, or an entry, leads to; NULL: none. */
struct xt_head *xt_head_at(const struct xt_heads *h, int offset);
struct xt_head *xt_target_of(const struct xt_heads *heads, const struct xt_entry *e);

/* Read one entry of a chain of ours as a rule. *ret_target receives the chain that it leads to, or
 * NULL. behind_stop: the previous entry was an unconditional RETURN. */
struct rule xt_rule_of(const struct xt_raw *raw, const struct xt_entry *e,
		       const struct xt_heads *heads, bool behind_stop, struct xt_head **ret_target);

#endif
