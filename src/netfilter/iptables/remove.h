/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_REMOVE_H
#define CTM_REMOVE_H

#include "netfilter/fw.h"

/* fw_remove_all for legacy tables: the configured one, and the other one that it may have been.
 * Waits for the xtables lock. A family whose table is missing has nothing to remove. */
int iptc_remove_all(const struct fw_config *config, struct err *e, unsigned *ret_removed);

#endif
