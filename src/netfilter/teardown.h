/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TEARDOWN_H
#define CTM_TEARDOWN_H

#include "base/cfg.h"
#include "base/err.h"

/* Remove every rule and chain of ours in both families, while no daemon runs. All other rules stay
 * as they are. May block on the xtables lock. A family whose tables are missing has nothing to
 * remove.
 * *ret_removed  the number of rules found (0: none)
 * Returns 0, or -errno with e filled. */
int teardown_rules(const struct cfg *cfg, struct err *e, unsigned *ret_removed);

/* A daemon that has removed its rules and has ended may not remove what root made for it, such as
 * the pinned maps of the link backend. Do that. Returns 0, or -errno with e filled. */
int teardown_leftovers(const struct cfg *cfg, struct err *e);

#endif
