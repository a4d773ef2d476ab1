/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_RULES_H
#define CTM_XT_RULES_H

#include "netfilter/iptables/rule.h"
#include "netfilter/iptables/xt_table.h"

#include <stdbool.h>

/* Entries of a table read as rules, and whose its chains are. Pure. */

/* src, dst, their masks and whatever else an entry may ask for. */
struct xt_match {
	const uint8_t *src, *dst, *src_mask, *dst_mask;
	bool is_goto, other, none; /* none: all sources but 0.0.0.0/0, which is no packet */
};

/* What an entry asks for. */
struct xt_match xt_match_of(const struct xt_raw *raw, const struct xt_entry *e);
bool xt_all_zero(const void *p, size_t n);

/* Where user chains begin. */
struct xt_heads {
	struct xt_head {
		uint32_t first; /* offset of the first entry behind the ERROR entry */
		const char *name;
		bool ours; /* by its name, or a stray (mark_strays) */
		uint32_t refs; /* rules of ours, or in our hooks, that lead to it if it is ours */
	} * v;
	size_t n, cap;
};

/* All user chains, in the table's order: v for free(). policy gets the entry numbers plus 1 of the
 * built-in chains' policies. */
struct xt_heads xt_heads_find(const struct xt_raw *raw, uint32_t policy[XT_HOOKS]);

/* Say which are ours. Besides those that bear our mark these are strays: chains of ours that somebody
 * renamed, of which the content tells. */
void xt_heads_mark(const struct xt_raw *raw, const struct xt_heads *heads);

/* The chain that a verdict, or an entry, leads to; NULL: none. */
struct xt_head *xt_head_at(const struct xt_heads *heads, int verdict);
struct xt_head *xt_target_of(const struct xt_heads *heads, const struct xt_entry *e);

/* Read one entry of a chain of ours as a rule; *ret_target gets the chain it leads to, or NULL. */
struct rule xt_rule_of(const struct xt_raw *raw, const struct xt_entry *e,
		       const struct xt_heads *heads, bool behind_stop, struct xt_head **ret_target);

#endif
