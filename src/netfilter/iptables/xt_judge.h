/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_JUDGE_H
#define CTM_XT_JUDGE_H

#include "netfilter/iptables/xt_layout.h"

/* Whether what stands in a table counts each packet of the addresses that it has rules for, once: it
 * does if it is what would be made for just these addresses. Nothing is to be remembered for that, so
 * it also tells what was done while nobody looked. Pure. */

/* Fill layout->present's disturbed and flaw (doubled is filled already). */
void xt_judge(struct xt_layout *layout, enum addr_family family);

/* The same, of a table in which `before` has all that is ours in the same way and was judged. */
void xt_judge_as(struct xt_layout *layout, const struct xt_layout *before);

#endif
