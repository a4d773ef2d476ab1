/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_MAKE_H
#define CTM_XT_MAKE_H

#include "netfilter/iptables/rule.h"
#include "netfilter/iptables/xt_table.h"

/* Our rules as entries of the kernel's tables. All with a standard target have one size, all ERROR
 * entries another; each is made in zeroed room of that many octets. */

#define XT_MADE_MAX 256 /* octets that any entry of ours fits in */

uint32_t xt_rule_size(enum addr_family family);
uint32_t xt_error_size(enum addr_family family);

/* A rule's header and an empty standard target, which is returned: set its verdict, or (for
 * libiptc) the name of the chain or verdict it leads to. */
struct xt_standard_target *xt_make_rule(void *zeroed, enum addr_family family,
					const struct rule *r);

/* The entry before a user chain, or ("ERROR") the table's last. */
void xt_make_error(void *zeroed, enum addr_family family, const char *name);

#endif
