/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/engine_room.h"

#include "base/xalloc.h"
#include "engine/ports.h"
#include "ledger/ledger_store.h"
#include "netfilter/fw.h"
#include "netlink/nl.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRESH_NS (500 * NS_PER_MS)
#define FRESH_LINKS_NS (50 * NS_PER_MS)
#define RETRY_NS (20 * NS_PER_MS) /* after a reading that was half committed */
#define MISSED_PAUSE_NS (100 * NS_PER_MS) /* after a reading that failed */
#define FORK_WAIT_NS (100 * NS_PER_MS)
#define READY_AFTER_NS (30 * NS_PER_S)

/* Read both clocks at one moment: if the process was stopped in between, the difference would
 * look like a jump. */
static struct ledger_now read_clocks(void)
{
	struct ledger_now now = { .ns = 0 };
	uint64_t before;
	int tries = 0;

	do {
		before = loop_now_ns();
		now.wall_s = (int64_t)time(NULL);
		now.ns = loop_now_ns();
	} while (now.ns - before > NS_PER_S && ++tries < 10);
	return now;
}

struct ledger_now engine_now(struct engine *en, uint64_t now_ns)
{
	struct ledger_now read = read_clocks();

	return keep_now(en->keep, now_ns, read.ns, read.wall_s);
}

bool engine_sample(struct engine *en, uint64_t now_ns)
{
	bool whole = sampler_run(&en->sampler, engine_now(en, now_ns));

	/* Until the point from which counting continues is stored, a kill would bring the doubt
	 * back, and what was counted meanwhile would have no owner. */
	if (whole && ledger_doubted_s(en->ledger) != en->doubted_s) {
		en->doubted_s = ledger_doubted_s(en->ledger);
		engine_hold(en, keep_checkpoint(en->keep, engine_now(en, now_ns), false));
	}
	return whole;
}

void engine_step_soon(struct engine *en, uint64_t at_ns)
{
	if (!en->step.at_ns || en->step.at_ns > at_ns)
		loop_timer_set(en->loop, &en->step, at_ns);
}

/* --- rules -------------------------------------------------------------------------------- */

static void book_held(struct engine *en)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		ledger_hold(en->ledger, f, false);
}

/* A commit forks. If the store's thread is working at that moment, the child inherits its
 * half-done work. The C library's memory allocator copes with that, but others (a sanitizer's)
 * do not. So wait: a batch takes milliseconds. A disk that takes longer is not waited for. */
static bool waits_for_store(const struct engine *en, uint64_t now_ns)
{
	uint64_t since = keep_busy_since(en->keep);

	return since && now_ns < since + FORK_WAIT_NS;
}

static void enforce_rules(struct engine *en, uint64_t now_ns)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		uint64_t at = 0;

		if (waits_for_store(en, now_ns))
			at = keep_busy_since(en->keep) + FORK_WAIT_NS; /* or earlier, in on_kept */
		/* The next commit's journal replaces the last one's. */
		else if (keep_is_settled(en->keep, en->finals[f]))
			at = enforce_turn(en->enforce[f], now_ns);
		if (at)
			engine_step_soon(en, at);
	}
}

/* How old an answer may be. Reading what is counted on links costs microseconds; a table is copied
 * entry by entry. */
static uint64_t fresh_ns(const struct engine *en)
{
	return fw_counts_on_links(en->fw) ? FRESH_LINKS_NS : FRESH_NS;
}

void engine_freshen(struct engine *en, uint64_t now_ns)
{
	en->polled_ns = now_ns;
	if (now_ns - en->snap->taken_ns < fresh_ns(en))
		return;
	if (engine_is_held(en) || now_ns - en->sampler.missed_ns < MISSED_PAUSE_NS) {
		en->stale_answers++;
		return;
	}
	if (!engine_sample(en, now_ns))
		en->stale_answers++;
	engine_publish(en);
	/* A poll does the work of a tick: repair what it found out of place. */
	enforce_rules(en, now_ns);
}

/* Whether what the waiter asked for is done, in the kernel and in the store. */
static bool is_ready(void *arg, const struct waiter *w, int *ret_result, const char **ret_text)
{
	struct engine *en = arg;

	if (w->ticket) {
		if (!keep_is_stored(en->keep, w->ticket) && keep_problem(en->keep)) {
			*ret_result = -EIO;
			*ret_text = keep_problem(en->keep);
		}
		return keep_is_settled(en->keep, w->ticket);
	}
	if ((w->known && !en->turned) || handover_is_leaving(&en->handover))
		return false;
	if (!w->known && (!w->looked || en->pending || en->unplanned || engine_is_held(en)))
		return false;
	if (engine_is_placing(en))
		return false;
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		const char *text;
		int result;

		if (w->known && !enforce_is_wanted(en->enforce[f]))
			continue;
		if (!keep_is_settled(en->keep, en->finals[f]) ||
		    !enforce_settled(en->enforce[f], w->asked_ns, &result, &text))
			return false;
		if (result < 0) {
			*ret_result = result;
			*ret_text = text;
		}
	}
	if (w->teardown && *ret_result < 0)
		en->tearing_down = false; /* the remaining rules are repaired */
	return true;
}

/* Become ready with what is known, if a source keeps failing. */
static void on_ready_by(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;

	(void)now_ns;
	en->ready = true;
	book_held(en); /* to the last owner */
	engine_publish(en);
}

/* --- the step ----------------------------------------------------------------------------- */

void engine_drop_pending(struct engine *en)
{
	inv_free(en->pending);
	en->pending = NULL;
	en->asked_for = NULL;
}

/* Take over the owners of the addresses. Returns whether anything changed.
 *
 * From here on traffic is booked to the new owners, and the change is written. Nothing is
 * published until that is done, so nobody has seen an owner, a row or an ifIndex that a kill -9
 * could undo. After such a kill, the next process finds the old owners with all their last
 * readings, reads what the rules have counted since, books it to them, and takes the inventory
 * over anew. So each octet is booked once, no published figure falls, and the stored moment is
 * that of the take-over.
 * A commit may begin meanwhile. After a kill its finals come again from its journal. The journal
 * stays until the finals are stored (on_applied), which is later than the take-over. They are
 * booked to the same old owners; for an address that the store does not know, they belong to a
 * new rule and are 0.
 * If the disk fails, counting and publishing continue in memory (keep.h). */
static bool take_inventory(struct engine *en, uint64_t now_ns)
{
	struct ledger_limits limits = intake_limits(en->cfg);
	bool changed;

	engine_publish(en); /* serve the counts so far while publishing is held */
	en->agreed = false;
	changed = ledger_set_inventory(en->ledger, en->pending, engine_now(en, now_ns));
	ledger_limit_retired(en->ledger, &limits, engine_now(en, now_ns));
	conflicts_note(&en->conflicts, en->pending, en->ledger, now_ns);
	if (changed)
		engine_hold(en, keep_checkpoint(en->keep, engine_now(en, now_ns), false));
	en->misplaced = true;
	en->informed = true;
	en->complete = en->complete || en->pending->complete;
	engine_drop_pending(en);
	if (en->look_again)
		sources_look(en->sources);
	en->look_again = false;
	return changed;
}

bool engine_is_recalled(struct engine *en, uint64_t now_ns)
{
	struct store_key *keys;
	size_t n;

	if (en->asked_for != en->pending) {
		ledger_forget(en->ledger);
		keys = ledger_strangers(en->ledger, en->pending, &n);
		en->recall = keys ? keep_recall(en->keep, keys, n, engine_now(en, now_ns)) : 0;
		en->asked_for = en->pending;
		free(keys);
	}
	return keep_is_settled(en->keep, en->recall);
}

/* Whether the pending inventory can be taken over. The one before must be stored and published,
 * and all that the old owners have counted must be read.
 * After a reboot a boot script may have put our rules back, counting from 0. Then no counter is
 * believed until a commit has seeded the canaries, and no commit is made before an inventory
 * says what is wanted. If such a counter's address changed its owner before the daemon ran,
 * the owners' shares cannot be told apart anyway. */
static bool can_take_over(struct engine *en, bool whole, uint64_t now_ns)
{
	if (!en->pending || !engine_is_recalled(en, now_ns) || engine_is_held(en))
		return false;
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (!fw_family_problem(en->fw, f) && !en->sampler.readable[f])
			return whole;
	return whole || !en->informed;
}

/* Whether a reading is recent enough for this step: the one after a take-over has it already. */
static bool is_sampled(const struct engine *en, uint64_t now_ns)
{
	return en->unplanned && !en->pending && !en->applied &&
	       now_ns - en->sampler.sampled_ns < FRESH_NS;
}

static bool is_readable(const struct engine *en)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (!en->sampler.readable[f] && !fw_family_problem(en->fw, f))
			return false;
	return true;
}

void engine_step(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;
	bool whole = is_sampled(en, now_ns) || engine_sample(en, now_ns);

	if (whole)
		engine_bill(en, now_ns);
	/* The next step plans the rules: each step holds the loop for one reading or one plan. */
	if (can_take_over(en, whole, now_ns) && take_inventory(en, now_ns)) {
		en->unplanned = true;
		engine_step_soon(en, now_ns);
		return;
	}
	if (!whole)
		engine_step_soon(en, now_ns + RETRY_NS);
	engine_place(en, now_ns);
	engine_want(en);
	en->turned = en->turned || is_readable(en);
	en->unplanned = en->applied = false;
	enforce_rules(en, now_ns);
	engine_change_backend(en, now_ns);
	en->ready = en->ready || (en->complete && !en->pending && whole);
	engine_publish(en);
	waiters_answer(&en->waiters, is_ready, en);
}

static bool is_committing(const struct engine *en)
{
	bool committing = false;

	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		committing = committing || enforce_committing(en->enforce[f]);
	return committing;
}

/* A ticket is settled or stored. Everything that waited for it continues, without a reading. */
static void on_kept(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;

	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (en->finals[f] && keep_is_stored(en->keep, en->finals[f])) {
			fw_forget(en->fw, f);
			en->finals[f] = 0;
		}
	if (en->ending)
		return;
	/* A batch leaves a mebibyte of holes, for 10 s or for good. Whoever waits need not wait for
	 * that. */
	if (!en->waiters)
		malloc_trim(0);
	engine_run_hooks(en);
	enforce_rules(en, now_ns);
	engine_change_backend(en, now_ns);
	if (en->was_held && !engine_is_held(en)) {
		en->was_held = false;
		/* What a commit has begun to put in place is published when it has ended, or when a
		 * client asks. */
		if (!is_committing(en))
			engine_publish(en);
	}
	if (en->pending && !engine_is_held(en) && keep_is_settled(en->keep, en->recall))
		engine_step_soon(en, now_ns);
	waiters_answer(&en->waiters, is_ready, en);
}

static void on_tick(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;
	int64_t age_ns = (int64_t)en->cfg->inventory.retire_after_s * (int64_t)NS_PER_S;

	ledger_age_out(en->ledger, (int64_t)now_ns - age_ns, engine_now(en, now_ns));
	if (!en->pending)
		ledger_forget(en->ledger);
	engine_step(en, now_ns);
	if (now_ns - en->polled_ns > ENGINE_TICK_NS)
		snap_pool_drop(en->pool);
	en->ticked_ns = now_ns;
	loop_timer_set(en->loop, &en->tick, now_ns + ENGINE_TICK_NS);
}

void engine_arm_checkpoint(struct engine *en, uint64_t now_ns)
{
	loop_timer_set(en->loop, &en->checkpoint,
		       now_ns + (uint64_t)en->cfg->ledger.checkpoint_s * NS_PER_S);
}

static void on_checkpoint(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;

	/* A checkpoint stores current counters. One reading serves both the tick and the
	 * checkpoint. */
	if (now_ns - en->sampler.sampled_ns > NS_PER_S)
		on_tick(en, now_ns);
	keep_checkpoint(en->keep, engine_now(en, now_ns), true);
	engine_arm_checkpoint(en, now_ns);
}

/* A commit has ended. Only book its finals here: the next commit may begin once they are stored,
 * and then the journal is no longer needed. */
static void on_applied(void *arg, enum addr_family f, int result, const char *text, uint64_t commit,
		       const struct fw_final *finals, size_t n, uint64_t now_ns)
{
	struct engine *en = arg;

	ledger_finals(en->ledger, f, commit, finals, n, fw_counts_on_links(en->fw),
		      engine_now(en, now_ns));
	if (commit)
		ledger_leave(en->ledger, f, engine_wants_none(en));
	if (commit)
		en->finals[f] = keep_checkpoint(en->keep, engine_now(en, now_ns), false);
	else
		fw_forget(en->fw, f);
	enforce_ended(en->enforce[f], result, text, now_ns);
	en->applied = true;
	engine_step_soon(en, now_ns);
}

/* --- life --------------------------------------------------------------------------------- */

static int open_rooms(struct engine *en, struct err *e)
{
	const struct cfg *cfg = en->cfg;
	const char *witness_dir = cfg->netfilter.backend == CFG_BACKEND_FAKE ? NULL : en->run_dir;
	int ret = sources_new(cfg->inventory.sources, cfg->inventory.n_sources,
			      cfg->inventory.max_rows, cfg->inventory.helper, "", en->loop,
			      engine_on_sources, en, &en->sources, e);

	if (!ret)
		ret = keep_new(cfg->ledger.path, witness_dir, en->ledger, read_clocks(), en->loop,
			       on_kept, en, &en->keep, e);
	if (!ret)
		ret = engine_open_backend(en, on_applied, e);
	if (ret < 0)
		return ret;
	en->hooks = hooks_new(cfg->inventory.helper, en->loop);
	engine_set_terms(en);
	engine_tell_known(en, en->sources);
	en->found = found_new(en->loop, cfg->inventory.helper, engine_on_found, en);
	engine_hold(en, ports_take_view(en->ledger, en->keep, cfg, engine_now(en, loop_now_ns())));
	en->sampler.ledger = en->ledger;
	/* Without the kernel's notifications, only the interval triggers polls. */
	if (nl_new(en->loop, engine_on_kernel_event, en, &en->nl, e) < 0)
		log_warning("inv",
			    "%s: without the kernel's events, the sources are polled at the "
			    "interval only",
			    e->text);
	return 0;
}

int engine_new(const struct cfg *cfg, const char *run_dir, struct loop *loop,
	       void (*published)(void *arg), void *arg, struct engine **ret_engine, struct err *e)
{
	struct engine *en = xcalloc(1, sizeof(*en));
	uint64_t now = loop_now_ns();
	int ret;

	*en = (struct engine) {
		.cfg = cfg,
		.loop = loop,
		.run_dir = xstrdup(run_dir),
		.ledger = ledger_new(),
		.snap = snap_new(),
		.pool = snap_pool_new(),
		.ticked_ns = now,
		.published = published,
		.published_arg = arg,
	};
	loop_timer_init(&en->tick, on_tick, en);
	loop_timer_init(&en->look, engine_on_look, en);
	loop_timer_init(&en->step, engine_step, en);
	loop_timer_init(&en->checkpoint, on_checkpoint, en);
	loop_timer_init(&en->ready_by, on_ready_by, en);
	loop_timer_init(&en->change, engine_change_backend, en);
	ret = open_rooms(en, e);
	if (ret < 0) {
		engine_free(en);
		return ret;
	}
	loop_timer_set(loop, &en->look, now);
	loop_timer_set(loop, &en->step, now);
	loop_timer_set(loop, &en->tick, now + ENGINE_TICK_NS);
	loop_timer_set(loop, &en->checkpoint,
		       now + (uint64_t)cfg->ledger.checkpoint_s * NS_PER_S + NS_PER_MS);
	loop_timer_set(loop, &en->ready_by, now + READY_AFTER_NS);
	*ret_engine = en;
	return 0;
}

void engine_free(struct engine *en)
{
	if (!en)
		return;
	en->ending = true;
	waiters_cancel(&en->waiters, -ECANCELED, "ctmeterd is exiting");
	if (en->checkpoint.at_ns) { /* the engine was running */
		engine_sample(en, loop_now_ns());
		keep_checkpoint(en->keep, engine_now(en, loop_now_ns()), true);
		keep_wait(en->keep);
	}
	loop_timer_clear(en->loop, &en->tick);
	loop_timer_clear(en->loop, &en->look);
	loop_timer_clear(en->loop, &en->step);
	loop_timer_clear(en->loop, &en->checkpoint);
	loop_timer_clear(en->loop, &en->ready_by);
	loop_timer_clear(en->loop, &en->change);
	nl_free(en->nl);
	found_free(en->found);
	sources_free(en->sources);
	hooks_free(en->hooks);
	free(en->due);
	place_free(en->place);
	links_told_clear(&en->links_told);
	fw_close(en->fw);
	cfg_free_links(en->shared, en->n_shared);
	inv_free(en->pending);
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		enforce_free(en->enforce[f]);
	conflicts_clear(&en->conflicts);
	intake_clear(&en->intake);
	speeds_release(&en->speeds);
	keep_free(en->keep);
	ledger_free(en->ledger);
	snap_unref(en->snap);
	snap_pool_free(en->pool);
	free(en->run_dir);
	free(en);
}
