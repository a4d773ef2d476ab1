/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SAMPLER_H
#define CTM_SAMPLER_H

#include "base/log_state.h"
#include "engine/enforce.h"
#include "ledger/ledger.h"

/* Readings into the ledger: both families, whole, with the half-committed ones tried again. */

/* Embedded; zero but for the first four, which are borrowed. */
struct sampler {
	struct fw *fw;
	struct ledger *ledger;
	struct enforce *enforce[ADDR_FAMILIES];
	const char *what[ADDR_FAMILIES]; /* as enforce_new has it */
	struct fw_reading
		reading[ADDR_FAMILIES]; /* the last ones, their rows known while readable */
	bool readable[ADDR_FAMILIES];
	struct log_state trouble[ADDR_FAMILIES];
	uint64_t sampled_ns, missed_ns; /* the last whole one; one that could not be had */
};

/* Returns whether the totals are now as of now. Takes 40 ms at the most for trying again. */
bool sampler_run(struct sampler *s, struct ledger_now now);

#endif
