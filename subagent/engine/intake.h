/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INTAKE_H
#define CTM_INTAKE_H

#include "base/cfg.h"
#include "base/log_state.h"
#include "ledger/ledger_limit.h"

/* Checks an inventory before the ledger takes it: tenants may have chosen its contents. */

/* For the log and `status`. Zero-initialised: nothing was refused. */
struct intake {
	size_t containers, addresses; /* refused */
	struct log_state log;
	struct nodeaddr *own; /* the node's addresses then */
	size_t n_own;
};

struct ledger_limits intake_limits(const struct cfg *cfg);

/* Mark the node's own addresses, remove what exceeds the configured limits, and log when that
 * changes. */
void intake_sift(struct intake *in, const struct cfg *cfg, const struct ledger *l,
		 struct inventory *inv, uint64_t now_ns);

/* Whether the node's addresses are still those of the last intake_sift. */
bool intake_is_valid(const struct intake *in);

void intake_clear(struct intake *in);

#endif
