/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Billing periods and quotas, after each reading.
 * 1. A period that has begun is published once it is stored, as a take-over is: a kill undoes
 *    nothing that a client has seen.
 * 2. A threshold is stored as noted before the hook is run for it. A kill in between loses the run,
 *    and none can lead to a second one. */
#include "engine/engine_room.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

void engine_set_terms(struct engine *en)
{
	const struct cfg *cfg = en->cfg;
	struct ledger_terms terms = { .rule = { cfg->billing.start_day, cfg->billing.zone },
				      .quota = cfg->billing.quota,
				      .thresholds = cfg->billing.thresholds };

	ledger_set_terms(en->ledger, &terms);
	hooks_set(en->hooks, cfg->billing.hook);
}

static void note_reach(void *arg, const struct ledger_reach *reach)
{
	struct engine *en = arg;
	const struct store_period *p = ledger_period(en->ledger);
	struct hook_event *event;

	log_info("billing", "container %s has reached %u%% of its quota", reach->id,
		 reach->percent);
	en->due = xgrow(en->due, en->n_due, &en->cap_due, sizeof(*en->due));
	event = &en->due[en->n_due++];
	*event = (struct hook_event) { .percent = reach->percent,
				       .used = reach->used,
				       .quota = reach->quota,
				       .begin_s = p->begin_s,
				       .end_s = p->end_s };
	strncpy(event->id, reach->id, sizeof(event->id) - 1);
}

void engine_bill(struct engine *en, uint64_t now_ns)
{
	struct ledger_now now = engine_now(en, now_ns);
	bool began = ledger_turn_period(en->ledger, keep_clock(en->keep), now);

	if (began)
		engine_hold(en, keep_checkpoint(en->keep, now, true));
	if (ledger_reach(en->ledger, note_reach, en))
		en->due_stored = keep_checkpoint(en->keep, now, true);
}

void engine_run_hooks(struct engine *en)
{
	if (!en->n_due || !keep_is_stored(en->keep, en->due_stored))
		return;
	for (size_t i = 0; i < en->n_due; i++)
		hooks_run(en->hooks, &en->due[i]);
	en->n_due = 0;
}
