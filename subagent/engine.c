/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine.h"

#include "conflict.h"
#include "enforce.h"
#include "fw.h"
#include "keep.h"
#include "ledger.h"
#include "log.h"
#include "nl.h"
#include "ports.h"
#include "source.h"
#include "xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_NS (10 * NS_PER_S) /* between readings when nobody polls */
#define FRESH_NS (500 * NS_PER_MS)
#define RETRY_NS (20 * NS_PER_MS) /* after a reading that was half committed */
#define READ_BUDGET_NS (40 * NS_PER_MS) /* for trying again within one call */
#define MISSED_PAUSE_NS (100 * NS_PER_MS) /* after a reading that could not be had */
#define LOOK_PAUSE_NS (500 * NS_PER_MS) /* between looks that the kernel's events ask for */
#define READY_AFTER_NS (30 * NS_PER_S)

struct waiter {
	struct waiter *next;
	engine_done_fn *done;
	void *arg;
	uint64_t asked_ns;
	bool looked; /* the sources were asked since it came */
	bool teardown;
};

struct engine {
	const struct cfg *cfg;
	struct loop *loop;
	struct fw *fw;
	struct ledger *ledger;
	struct keep *keep;
	struct sources *sources;
	struct nl *nl;
	struct snap *snap;
	struct inventory *pending; /* not yet taken over */
	bool informed, complete; /* an inventory was taken over; a whole one */
	bool inventory_failing, ready; /* as in the snapshot */
	bool tearing_down;
	struct conflicts conflicts; /* as logged */
	uint64_t looked_ns; /* when the last look began */
	size_t refused; /* addresses over max-rows, as logged */
	struct enforce *enforce[ADDR_FAMILIES];
	char what[ADDR_FAMILIES][48]; /* "IPv4 table mangle" */
	struct waiter *waiters;
	struct loop_timer tick, look, step, checkpoint, ready_by;
	void (*published)(void *arg);
	void *published_arg;
	struct fw_reading
		reading[ADDR_FAMILIES]; /* the last ones, their rows known while readable */
	bool readable[ADDR_FAMILIES];
	int read_failure[ADDR_FAMILIES];
	uint64_t sampled_ns, missed_ns; /* the last whole reading; one that could not be had */
	uint32_t inventory_failures, stale_answers;
};

static struct ledger_now now_both(uint64_t now_ns)
{
	return (struct ledger_now) { now_ns, (int64_t)time(NULL) };
}

static void step_soon(struct engine *en, uint64_t at_ns)
{
	if (!en->step.at_ns || en->step.at_ns > at_ns)
		loop_timer_set(en->loop, &en->step, at_ns);
}

/* --- the snapshot ------------------------------------------------------------------------- */

static uint8_t wanted_paths(const struct engine *en)
{
	uint8_t bits = 0;

	for (enum path p = 0; p < PATHS; p++)
		if (en->cfg->netfilter.node_traffic || rule_path_hook(p) == HOOK_FORWARD)
			bits |= (uint8_t)(1u << p);
	return bits;
}

static void publish(struct engine *en)
{
	bool problem[ADDR_FAMILIES];
	struct snap *snap = snap_new();

	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		problem[f] = fw_family_problem(en->fw, f) != NULL;
		snap->rules += fw_present(en->fw, f)->n_counting;
		snap->rule_repairs += enforce_get_figures(en->enforce[f])->repairs;
	}
	ledger_snapshot(en->ledger, wanted_paths(en), problem, snap);
	snap->taken_ns = en->sampled_ns;
	snap->ready = en->ready;
	snap->inventory_failing = en->inventory_failing;
	snap->inventory_failures = en->inventory_failures;
	snap->stale_answers = en->stale_answers;
	snap->backend = fw_name(en->fw);
	snap->store_failing = keep_problem(en->keep) != NULL;
	snap->no_node_traffic = !en->cfg->netfilter.node_traffic;
	snap_unref(en->snap);
	en->snap = snap;
	en->published(en->published_arg);
}

struct snap *engine_snap(const struct engine *en)
{
	return en->snap;
}

/* --- reading ------------------------------------------------------------------------------ */

static void pause_ms(void)
{
	nanosleep(&(struct timespec) { .tv_nsec = (long)NS_PER_MS }, NULL);
}

/* One whole reading of a family into the ledger. Other people's commits make it fail for some
 * milliseconds; our own may last longer and is not waited for. */
static int read_family(struct engine *en, enum addr_family f, uint64_t now_ns, uint64_t until_ns)
{
	bool committing = enforce_committing(en->enforce[f]);
	struct fw_reading *reading = &en->reading[f];
	bool unsure;
	int ret;

	for (;;) {
		en->readable[f] = false;
		ret = fw_read(en->fw, f, now_ns, reading);
		unsure = !ret && reading->unsure;
		if (!ret)
			enforce_seen(en->enforce[f], reading->generation);
		if (!ret && (unsure || ledger_apply(en->ledger, f, reading, committing,
						    now_both(now_ns)) == LEDGER_RECHECK))
			ret = -EAGAIN;
		if (ret != -EAGAIN || fw_busy(en->fw, f) || loop_now_ns() >= until_ns)
			break;
		pause_ms();
	}
	en->readable[f] = !ret || unsure;
	return ret;
}

/* A failure that lasts is told once, and does not hold up the other family. */
static void note_reading(struct engine *en, enum addr_family f, int ret)
{
	if (ret == -EAGAIN || ret == en->read_failure[f])
		return;
	if (ret < 0)
		log_error("fw", "cannot read %s: %s", en->what[f], strerror(-ret));
	else
		log_info("fw", "%s can be read again", en->what[f]);
	en->read_failure[f] = ret;
}

/* Read all families; returns whether the totals are now as of now_ns. */
static bool sample(struct engine *en, uint64_t now_ns)
{
	uint64_t until = loop_now_ns() + READ_BUDGET_NS;
	bool whole = true;

	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		int ret = fw_family_problem(en->fw, f) ? 0 : read_family(en, f, now_ns, until);

		note_reading(en, f, ret);
		whole = whole && ret != -EAGAIN;
	}
	if (whole)
		en->sampled_ns = now_ns;
	else
		en->missed_ns = now_ns;
	return whole;
}

/* --- rules -------------------------------------------------------------------------------- */

/* Before the first whole inventory the rules of addresses that nobody claims yet stay: their
 * counters are somebody's bill. */
static bool keep_present(const struct engine *en, enum addr_family f, struct addr **addrs,
			 size_t *n)
{
	const struct fw_reading *r = &en->reading[f];
	struct addr *all;

	if (en->complete || fw_family_problem(en->fw, f))
		return true;
	if (!en->readable[f])
		return false;
	all = fw_reading_join(r, *addrs, n);
	free(*addrs);
	*addrs = all;
	return true;
}

static void want_rules(struct engine *en, enum addr_family f)
{
	size_t n = 0;
	struct addr *addrs = en->tearing_down ? NULL : ledger_wanted(en->ledger, f, &n);

	if (en->tearing_down || keep_present(en, f, &addrs, &n))
		enforce_want(en->enforce[f], addrs, n, en->cfg->netfilter.node_traffic);
	else
		free(addrs); /* not known yet what must stay */
}

static void enforce_rules(struct engine *en, uint64_t now_ns)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		uint64_t at = enforce_turn(en->enforce[f], now_ns);

		if (at)
			step_soon(en, at);
	}
}

void engine_freshen(struct engine *en, uint64_t now_ns)
{
	if (now_ns - en->snap->taken_ns < FRESH_NS)
		return;
	if (now_ns - en->missed_ns < MISSED_PAUSE_NS) {
		en->stale_answers++;
		return;
	}
	if (!sample(en, now_ns))
		en->stale_answers++;
	publish(en);
	/* A poll is as good as a tick: what it found out of place is repaired. */
	enforce_rules(en, now_ns);
}

static bool settled(const struct engine *en, uint64_t since_ns, int *ret_result,
		    const char **ret_text)
{
	*ret_result = 0;
	*ret_text = "";
	if (en->pending)
		return false;
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		const char *text;
		int result;

		if (!enforce_settled(en->enforce[f], since_ns, &result, &text))
			return false;
		if (result < 0) {
			*ret_result = result;
			*ret_text = text;
		}
	}
	return true;
}

static void answer_waiters(struct engine *en)
{
	struct waiter **p = &en->waiters, *w;
	const char *text;
	int result;

	while ((w = *p)) {
		if (!w->looked || !settled(en, w->asked_ns, &result, &text)) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		if (w->teardown && result < 0)
			en->tearing_down = false; /* what is left of the rules is put right */
		w->done(w->arg, result, text);
		free(w);
	}
}

static void add_waiter(struct engine *en, engine_done_fn *done, void *arg, bool teardown)
{
	struct waiter *w = xmalloc(sizeof(*w));

	*w = (struct waiter) { en->waiters, done, arg, loop_now_ns(), teardown, teardown };
	en->waiters = w;
}

/* With what there is, if a source keeps failing. */
static void on_ready_by(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;

	(void)now_ns;
	en->ready = true;
	publish(en);
}

/* --- the turn of the wheel ---------------------------------------------------------------- */

static void take_inventory(struct engine *en, uint64_t now_ns)
{
	conflicts_note(&en->conflicts, en->pending);
	/* Who owns what is stored at once: after a kill, an address's traffic must not be booked to
	 * whom it belonged before. */
	if (ledger_set_inventory(en->ledger, en->pending, now_both(now_ns)))
		keep_checkpoint(en->keep, now_both(now_ns), false);
	en->informed = true;
	en->complete = en->complete || en->pending->complete;
	inv_free(en->pending);
	en->pending = NULL;
}

/* At a start after a reboot a boot script may have put our rules back, counting from 0: then no
 * counter is believed until a commit has seeded the canaries, and no commit is made before an
 * inventory says what is wanted. Which of two owners such a counter was, before there was a daemon
 * to see one follow the other, nobody could tell anyway. */
static bool rows_known(const struct engine *en)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (!fw_family_problem(en->fw, f) && !en->readable[f])
			return false;
	return true;
}

static void step(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;
	bool whole = sample(en, now_ns);

	if (en->pending && (whole || (!en->informed && rows_known(en)))) {
		take_inventory(en, now_ns);
		whole = sample(en, now_ns); /* what the kernel holds already for new rows */
	}
	if (!whole)
		step_soon(en, now_ns + RETRY_NS);
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (en->informed || en->tearing_down)
			want_rules(en, f);
	enforce_rules(en, now_ns);
	en->ready = en->ready || (en->complete && !en->pending && whole);
	publish(en);
	answer_waiters(en);
}

static void on_tick(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;
	int64_t age_ns = (int64_t)en->cfg->inventory.retire_after_s * (int64_t)NS_PER_S;

	ledger_age_out(en->ledger, (int64_t)now_ns - age_ns, now_both(now_ns));
	step(en, now_ns);
	loop_timer_set(en->loop, &en->tick, now_ns + TICK_NS);
}

static void on_checkpoint(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;

	/* What is stored is as of now; a tick just before has read already. */
	if (now_ns - en->sampled_ns > NS_PER_S)
		sample(en, now_ns);
	keep_checkpoint(en->keep, now_both(now_ns), true);
	loop_timer_set(en->loop, &en->checkpoint,
		       now_ns + (uint64_t)en->cfg->ledger.checkpoint_s * NS_PER_S);
}

static void on_look(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;

	sources_look(en->sources);
	en->looked_ns = now_ns;
	loop_timer_set(en->loop, &en->look,
		       now_ns + (uint64_t)en->cfg->inventory.interval_s * NS_PER_S);
}

static void on_kernel_event(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;
	uint64_t at = en->looked_ns + LOOK_PAUSE_NS;

	if (!en->look.at_ns || en->look.at_ns > at)
		loop_timer_set(en->loop, &en->look, at > now_ns ? at : now_ns);
}

static void on_sources(void *arg, const struct sources_result *result, uint64_t now_ns)
{
	struct engine *en = arg;

	en->inventory_failing = result->failed > 0;
	en->inventory_failures += (uint32_t)result->failed;
	if (result->refused && result->refused != en->refused)
		log_error("inv",
			  "%zu addresses more than max-rows = %u allows: they are not counted",
			  result->refused, en->cfg->inventory.max_rows);
	en->refused = result->refused;
	inv_free(en->pending);
	en->pending = result->inventory;
	/* A source may take longer than the interval: then a look always follows a look. */
	for (struct waiter *w = en->waiters; w; w = w->next)
		w->looked = w->looked || w->asked_ns <= result->began_ns;
	step(en, now_ns);
}

/* A commit ended. Only book here: the next commit may start once the journal is away. */
static void on_applied(void *arg, enum addr_family f, int result, const char *text, uint64_t epoch,
		       const struct fw_final *finals, size_t n, uint64_t now_ns)
{
	struct engine *en = arg;

	/* Stored before the journal with the finals goes away. */
	ledger_finals(en->ledger, f, epoch, finals, n, now_both(now_ns));
	if (epoch)
		keep_checkpoint(en->keep, now_both(now_ns), false);
	enforce_ended(en->enforce[f], result, text, now_ns);
	step_soon(en, now_ns);
}

/* --- verbs -------------------------------------------------------------------------------- */

void engine_refresh(struct engine *en, engine_done_fn *done, void *arg)
{
	add_waiter(en, done, arg, false);
	sources_look(en->sources);
}

int engine_zero(struct engine *en, const char *what, struct err *e)
{
	uint64_t now = loop_now_ns();
	int ret;

	if (!sample(en, now)) {
		err_set(e, "the counters cannot be read right now: try again");
		return -EAGAIN;
	}
	if (!ledger_zero(en->ledger, what, now_both(now))) {
		err_set(e, "there is no container or address \"%s\" (ctmeter list shows them)",
			what);
		return -ENOENT;
	}
	publish(en);
	ret = keep_checkpoint(en->keep, now_both(now), false);
	if (ret < 0)
		err_set(e, "the mark is set but cannot be stored: %s", keep_problem(en->keep));
	return ret;
}

void engine_teardown(struct engine *en, engine_done_fn *done, void *arg)
{
	en->tearing_down = true;
	add_waiter(en, done, arg, true);
	step_soon(en, loop_now_ns());
}

int engine_reload(struct engine *en, const struct cfg *cfg, struct err *e)
{
	const struct cfg *old = en->cfg;
	struct sources *sources;
	int ret = sources_new(cfg->inventory.sources, cfg->inventory.n_sources,
			      cfg->inventory.max_rows, "", en->loop, on_sources, en, &sources, e);

	if (ret < 0)
		return ret;
	sources_free(en->sources);
	en->sources = sources;
	en->cfg = cfg;
	ports_take_view(en->ledger, en->keep, cfg->ports.direction, now_both(loop_now_ns()));
	cfg_warn_restart(old, cfg);
	on_look(en, loop_now_ns());
	return 0;
}

void engine_get_figures(const struct engine *en, struct engine_figures *ret)
{
	*ret = (struct engine_figures) { .conflicts = en->snap->conflicts,
					 .backend = fw_name(en->fw),
					 .store_problem = keep_problem(en->keep) };
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

/* --- life --------------------------------------------------------------------------------- */

static int open_netfilter(struct engine *en, const char *run_dir, struct err *e)
{
	struct fw_config config = { .table = en->cfg->netfilter.table, .run_dir = run_dir };

	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		config.epoch[f] = ledger_epoch(en->ledger, f);
	return fw_open(en->cfg->netfilter.backend, &config, en->loop, on_applied, en, &en->fw, e);
}

static int open_rooms(struct engine *en, const char *run_dir, struct err *e)
{
	const struct cfg *cfg = en->cfg;
	int ret =
		sources_new(cfg->inventory.sources, cfg->inventory.n_sources,
			    cfg->inventory.max_rows, "", en->loop, on_sources, en, &en->sources, e);

	if (!ret)
		ret = keep_new(cfg->ledger.path, en->ledger, now_both(loop_now_ns()), &en->keep, e);
	if (!ret)
		ret = open_netfilter(en, run_dir, e);
	if (ret < 0)
		return ret;
	ports_take_view(en->ledger, en->keep, cfg->ports.direction, now_both(loop_now_ns()));
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		snprintf(en->what[f], sizeof(en->what[f]), "%s table %s",
			 f == ADDR_V4 ? "IPv4" : "IPv6", cfg->netfilter.table);
		en->enforce[f] = enforce_new(en->fw, f, en->what[f], ledger_epoch(en->ledger, f));
		if (fw_family_problem(en->fw, f))
			log_warning("fw", "%s", fw_family_problem(en->fw, f));
	}
	/* Without the kernel's announcements the interval alone decides. */
	if (nl_new(en->loop, on_kernel_event, en, &en->nl, e) < 0)
		log_warning("inv", "%s: changes are noticed at the interval only", e->text);
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
		.ledger = ledger_new(),
		.snap = snap_new(),
		.published = published,
		.published_arg = arg,
	};
	loop_timer_init(&en->tick, on_tick, en);
	loop_timer_init(&en->look, on_look, en);
	loop_timer_init(&en->step, step, en);
	loop_timer_init(&en->checkpoint, on_checkpoint, en);
	loop_timer_init(&en->ready_by, on_ready_by, en);
	ret = open_rooms(en, run_dir, e);
	if (ret < 0) {
		engine_free(en);
		return ret;
	}
	loop_timer_set(loop, &en->look, now);
	loop_timer_set(loop, &en->tick, now + TICK_NS);
	loop_timer_set(loop, &en->checkpoint,
		       now + (uint64_t)cfg->ledger.checkpoint_s * NS_PER_S + NS_PER_MS);
	loop_timer_set(loop, &en->ready_by, now + READY_AFTER_NS);
	*ret_engine = en;
	return 0;
}

void engine_free(struct engine *en)
{
	struct waiter *w;

	if (!en)
		return;
	while ((w = en->waiters)) {
		en->waiters = w->next;
		w->done(w->arg, -ECANCELED, "ctmeterd ends");
		free(w);
	}
	if (en->checkpoint.at_ns) { /* it ran */
		sample(en, loop_now_ns());
		keep_checkpoint(en->keep, now_both(loop_now_ns()), true);
	}
	loop_timer_clear(en->loop, &en->tick);
	loop_timer_clear(en->loop, &en->look);
	loop_timer_clear(en->loop, &en->step);
	loop_timer_clear(en->loop, &en->checkpoint);
	loop_timer_clear(en->loop, &en->ready_by);
	nl_free(en->nl);
	sources_free(en->sources);
	fw_close(en->fw);
	inv_free(en->pending);
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		enforce_free(en->enforce[f]);
	conflicts_clear(&en->conflicts);
	keep_free(en->keep);
	ledger_free(en->ledger);
	snap_unref(en->snap);
	free(en);
}
