/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_HAZARD_H
#define CTM_XT_HAZARD_H

#include "netfilter/fw_look.h"
#include "netfilter/iptables/xt_table.h"

/* Other people's rules in a legacy table that `ctmeter check` warns of: what would stop a bridge's
 * packets, and what has a packet counted twice. */

/* Find them in a reading. Cannot fail. */
void xt_hazards_find(const struct xt_raw *raw, struct fw_hazards *ret_hazards);

#endif
