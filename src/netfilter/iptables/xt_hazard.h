/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_HAZARD_H
#define CTM_XT_HAZARD_H

#include "netfilter/fw_look.h"
#include "netfilter/iptables/xt_table.h"

/* Rules of others in a legacy table that `ctmeter check` warns of: those that would drop a
 * bridge's packets, and those that make a packet be counted twice. */

/* Find them in a reading. Cannot fail. */
void xt_hazards_find(const struct xt_raw *raw, struct fw_hazards *ret_hazards);

#endif
