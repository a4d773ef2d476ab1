/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_REMOVE_H
#define CTM_REMOVE_H

#include "netfilter/fw.h"

/* fw_remove_all for legacy tables: clears the configured table and the other one, which an earlier
 * configuration may have named. Waits for the xtables lock. A family whose table is missing has
 * nothing to remove. */
int iptc_remove_all(const struct fw_config *config, struct err *e, unsigned *ret_removed);

/* fw_has_rules for legacy tables: looks in the configured table first, then in the other one. */
bool iptc_has_rules(struct fw_config *config);

#endif
