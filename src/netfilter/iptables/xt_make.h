/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_MAKE_H
#define CTM_XT_MAKE_H

#include "netfilter/iptables/rule.h"
#include "netfilter/iptables/xt_table.h"

/* Our rules as entries of the kernel's tables. All entries with a standard target have one size,
 * all ERROR entries another. Each is built in zeroed memory of that many octets. */

#define XT_MADE_MAX 256 /* every entry of ours fits in so many octets */

uint32_t xt_rule_size(enum addr_family family);
uint32_t xt_error_size(enum addr_family family);

/* Write a rule's header and an empty standard target, and return the target. Then set its verdict
 * or, for libiptc, the name of the chain or verdict that it leads to. */
struct xt_standard_target *xt_make_rule(void *zeroed, enum addr_family family,
					const struct rule *r);

/* Write the ERROR entry that precedes a user chain, or (name "ERROR") ends the table. */
void xt_make_error(void *zeroed, enum addr_family family, const char *name);

#endif
