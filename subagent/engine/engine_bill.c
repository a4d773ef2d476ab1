/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Billing periods and quotas, after each reading.
 * 1. A period that has begun is published once it is stored, as a take-over is: a kill undoes
 *    nothing that a client has seen. */
#include "engine/engine_room.h"

#include "ledger/ledger_period.h"

void engine_set_terms(struct engine *en)
{
	const struct cfg *cfg = en->cfg;
	struct ledger_terms terms = { .rule = { cfg->billing.start_day, cfg->billing.zone },
				      .quota = cfg->billing.quota,
				      .thresholds = cfg->billing.thresholds };

	ledger_set_terms(en->ledger, &terms);
}

static void note_reach(void *arg, const struct ledger_reach *reach)
{
	(void)arg;
	log_info("billing", "container %s has used %u%% of its quota", reach->id, reach->percent);
}

void engine_bill(struct engine *en, uint64_t now_ns)
{
	struct ledger_now now = engine_now(en, now_ns);
	bool began = ledger_turn_period(en->ledger, keep_clock(en->keep), now);
	size_t reached = ledger_reach(en->ledger, note_reach, en);

	if (!began && !reached)
		return;
	if (began)
		engine_hold(en, keep_checkpoint(en->keep, now, true));
	else
		keep_checkpoint(en->keep, now, true);
}
