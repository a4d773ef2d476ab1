/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SAMPLER_H
#define CTM_SAMPLER_H

#include "base/log_state.h"
#include "engine/enforce.h"
#include "ledger/ledger.h"

/* Reads both families into the ledger, and retries readings that were half committed. */

/* Embedded in its owner. Initially zero, except the first four members, which are borrowed. */
struct sampler {
	struct fw *fw;
	struct ledger *ledger;
	struct enforce *enforce[ADDR_FAMILIES];
	const char *what[ADDR_FAMILIES]; /* as for enforce_new */
	/* the last ones; their rows are valid while readable */
	struct fw_reading reading[ADDR_FAMILIES];
	bool readable[ADDR_FAMILIES];
	struct log_state trouble[ADDR_FAMILIES];
	uint64_t sampled_ns, missed_ns; /* the last whole reading; the last failed one */
};

/* Returns whether the totals are now current. Retries for at most 40 ms. */
bool sampler_run(struct sampler *s, struct ledger_now now);

#endif
