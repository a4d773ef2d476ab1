/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The requests that others make of the engine. */
#include "engine/engine_room.h"
#include "engine/shipping.h"

#include "base/xalloc.h"
#include "engine/ports.h"
#include "netfilter/fw.h"

#include <errno.h>
#include <string.h>

#define STUCK_NS (40 * NS_PER_S) /* since the last tick: several are overdue */

static void wait_for_rules(struct engine *en, engine_done_fn *done, void *arg, bool teardown)
{
	struct waiter w = { .done = done, .arg = arg, .asked_ns = loop_now_ns() };

	w.looked = w.teardown = teardown;
	waiters_add(&en->waiters, &w);
}

void engine_refresh(struct engine *en, engine_done_fn *done, void *arg)
{
	wait_for_rules(en, done, arg, false);
	sources_look(en->sources);
}

#define UNREADABLE "the counters cannot be read right now: try again"

void engine_store(struct engine *en, engine_done_fn *done, void *arg)
{
	uint64_t now = loop_now_ns();
	struct waiter w = { .done = done, .arg = arg };

	if (!engine_sample(en, now)) {
		done(arg, -EAGAIN, UNREADABLE);
		return;
	}
	engine_bill(en, now);
	w.ticket = keep_checkpoint(en->keep, engine_now(en, now), false);
	waiters_add(&en->waiters, &w);
}

void engine_set_quota(struct engine *en, const char *id, struct billing_quota quota,
		      engine_done_fn *done, void *arg)
{
	uint64_t now = loop_now_ns();
	struct waiter w = { .done = done, .arg = arg };
	struct err e;

	if (!ledger_set_quota(en->ledger, id, quota)) {
		err_set(&e, "there is no container \"%s\" (ctmeter list shows them)", id);
		done(arg, -ENOENT, e.text);
		return;
	}
	engine_bill(en, now);
	engine_publish(en);
	w.ticket = keep_checkpoint(en->keep, engine_now(en, now), true);
	waiters_add(&en->waiters, &w);
}

void engine_await_known(struct engine *en, engine_done_fn *done, void *arg)
{
	struct waiter w = { .done = done, .arg = arg, .asked_ns = loop_now_ns(), .known = true };

	waiters_add(&en->waiters, &w);
}

void engine_zero(struct engine *en, const char *what, engine_done_fn *done, void *arg)
{
	uint64_t now = loop_now_ns();
	struct waiter w = { .done = done, .arg = arg };
	struct err e = { "" };

	if (!engine_sample(en, now)) {
		done(arg, -EAGAIN, UNREADABLE);
		return;
	}
	if (!ledger_zero(en->ledger, what, engine_now(en, now))) {
		err_set(&e, "there is no container or address \"%s\" (ctmeter list shows them)",
			what);
		done(arg, -ENOENT, e.text);
		return;
	}
	engine_publish(en);
	w.ticket = keep_checkpoint(en->keep, engine_now(en, now), false);
	waiters_add(&en->waiters, &w);
}

void engine_teardown(struct engine *en, engine_done_fn *done, void *arg)
{
	en->tearing_down = true;
	wait_for_rules(en, done, arg, true);
	engine_step_soon(en, loop_now_ns());
}

static bool same_sources(const struct cfg *a, const struct cfg *b)
{
	bool same = a->inventory.n_sources == b->inventory.n_sources &&
		    a->inventory.max_rows == b->inventory.max_rows;

	for (size_t i = 0; same && i < a->inventory.n_sources; i++)
		same = !strcmp(a->inventory.sources[i], b->inventory.sources[i]);
	return same;
}

/* Unchanged sources keep their last answer. */
int engine_reload(struct engine *en, const struct cfg *cfg, struct err *e)
{
	uint64_t now = loop_now_ns();
	struct sources *sources = NULL;
	int ret = 0;

	if (!same_sources(en->cfg, cfg))
		ret = sources_new(cfg->inventory.sources, cfg->inventory.n_sources,
				  cfg->inventory.max_rows, cfg->inventory.helper, "", en->loop,
				  engine_on_sources, en, &sources, e);
	if (ret < 0)
		return ret;
	if (sources) {
		engine_drop_pending(en);
		sources_free(en->sources);
		en->sources = sources;
		engine_tell_known(en, sources);
	}
	en->cfg = cfg;
	en->agreed = false;
	engine_set_terms(en);
	found_renew(en->found);
	engine_hold(en, ports_take_view(en->ledger, en->keep, cfg, engine_now(en, now)));
	engine_arm_checkpoint(en, now);
	engine_on_look(en, now);
	engine_step_soon(en, now); /* other paths may be wanted */
	return 0;
}

bool engine_is_turning(const struct engine *en, uint64_t now_ns)
{
	return now_ns - en->ticked_ns < STUCK_NS;
}

void engine_get_figures(const struct engine *en, struct engine_figures *ret)
{
	*ret = (struct engine_figures) { .conflicts = en->snap->conflicts,
					 .unfit = en->snap->unfit,
					 .not_allowed = en->snap->not_allowed,
					 .found_problem = found_problem(en->found),
					 .refused_containers = en->intake.containers,
					 .refused_addresses = en->intake.addresses,
					 .backend = fw_name(en->fw),
					 .backend_reason = handover_reason(&en->handover),
					 .on_links = fw_counts_on_links(en->fw),
					 .store_problem = keep_problem(en->keep),
					 .ship_failing = shipping_state(en->cfg, en->keep) ==
							 SNAP_SHIP_FAILING,
					 .ledger_doubted_s = ledger_doubted_s(en->ledger),
					 .clock = keep_clock(en->keep) };
	shipping_say(en->cfg, en->keep, ret->ship);
	ret->has_strays = fw_get_strays(en->fw, &ret->strays);
	for (size_t i = 0; i < en->snap->n_containers; i++)
		ret->containers += en->snap->containers[i].totals.status != ROW_RETIRED;
	for (size_t i = 0; i < en->snap->n_addresses; i++)
		ret->addresses += en->snap->addresses[i].totals.status != ROW_RETIRED;
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		const struct enforce_figures *figures = enforce_get_figures(en->enforce[f]);

		enforce_state(en->enforce[f], ret->family_state[f], sizeof(ret->family_state[f]));
		ret->commits[f] = figures->commits;
		if (figures->last_commit_ns / NS_PER_MS > ret->last_commit_ms)
			ret->last_commit_ms = figures->last_commit_ns / NS_PER_MS;
	}
}

const struct sources *engine_sources(const struct engine *en)
{
	return en->sources;
}
