/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_JUDGE_H
#define CTM_XT_JUDGE_H

#include "netfilter/iptables/xt_layout.h"

/* Whether a table counts each packet of the addresses that it has rules for exactly once. It does
 * if its rules are those that we would make for just these addresses. This needs no memory of
 * earlier readings, so it also finds changes made while no daemon ran. Pure. */

/* Fill layout->present's disturbed and flaw (doubled is already filled). */
void xt_judge(struct xt_layout *layout, enum addr_family family);

/* The same, where `before` is a judged layout and what the table holds of ours has not changed
 * since. */
void xt_judge_as(struct xt_layout *layout, const struct xt_layout *before);

#endif
