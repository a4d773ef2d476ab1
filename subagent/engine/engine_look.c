/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the sources are polled: at each interval, and sooner after an event of the kernel, as pace.h
 * allows. */
#include "engine/engine_room.h"

void engine_on_look(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;

	sources_look(en->sources);
	pace_began(&en->pace, en->look_asked, sources_run_programs(en->sources), now_ns);
	en->look_asked = false;
	loop_timer_set(en->loop, &en->look,
		       now_ns + (uint64_t)en->cfg->inventory.interval_s * NS_PER_S);
}

static void look_soon(struct engine *en, uint64_t now_ns)
{
	uint64_t at = pace_next(&en->pace, now_ns);

	if (en->look.at_ns && en->look.at_ns <= at)
		return;
	en->look_asked = true;
	loop_timer_set(en->loop, &en->look, at);
}

void engine_on_kernel_event(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;

	found_renew(en->found);
	look_soon(en, now_ns);
}

static void tell(void *arg, const char *runtime, const char *runtime_id, const char *id)
{
	sources_know(arg, runtime, runtime_id, id);
}

void engine_tell_known(const struct engine *en, struct sources *sources)
{
	ledger_each_runtime_id(en->ledger, tell, sources);
}

/* Most polls find nothing new, and need no reading if there was a recent one. */
static bool is_step_due(const struct engine *en, uint64_t now_ns)
{
	uint64_t interval_ns = (uint64_t)en->cfg->inventory.interval_s * NS_PER_S;
	uint64_t age_ns = now_ns - en->sampler.sampled_ns;

	return en->waiters || !en->complete ||
	       en->inventory_failing != en->snap->inventory_failing || age_ns >= ENGINE_TICK_NS ||
	       age_ns >= interval_ns;
}

/* Does the ledger hold all that the inventory says, and nothing else? */
static bool agrees(const struct engine *en, const struct inventory *inv, bool differs)
{
	return !differs && en->complete && inv->complete && !inv->doubtful && !inv->n_unheard;
}

/* A process that a source names for the first time is believed when it is named again. Where
 * containers come and go all the time, a waiter does not wait for ever. */
#define AWAIT_NS (2 * NS_PER_S)

/* Must a waiter wait until more was found? found: all was. Has the sources polled soon if that is
 * needed. */
static bool awaits_more(struct engine *en, bool found, uint64_t now_ns)
{
	bool asks = found_wants_look(en->found);

	if (asks)
		look_soon(en, now_ns);
	if (found && !asks)
		en->awaited_ns = 0;
	else if (!en->awaited_ns)
		en->awaited_ns = now_ns;
	return en->awaited_ns && now_ns - en->awaited_ns < AWAIT_NS;
}

/* Make the answer the pending inventory, if the ledger does not agree with it. Returns whether it
 * differs. asked: all sources were asked. */
static bool take_answer(struct engine *en, struct inventory *take_inv, bool asked, bool *ret_found,
			uint64_t now_ns)
{
	bool differs;

	engine_drop_pending(en);
	*ret_found = found_complete(en->found, en->cfg, en->ledger, take_inv, asked, now_ns);
	intake_sift(&en->intake, en->cfg, en->ledger, take_inv, now_ns);
	engine_note_links(en, take_inv, now_ns);
	differs = ledger_differs(en->ledger, take_inv);
	en->agreed = agrees(en, take_inv, differs);
	en->pending = take_inv;
	if (en->agreed)
		engine_drop_pending(en);
	return differs;
}

static bool is_known(const struct engine *en)
{
	return en->agreed && !en->pending && intake_is_valid(&en->intake) &&
	       found_is_valid(en->found);
}

/* take_inv: NULL: as the sources have answered last. began_ns: of a poll of all sources, else 0. */
static void take_look(struct engine *en, struct inventory *take_inv, uint64_t began_ns,
		      uint64_t now_ns)
{
	bool differs = false, found = true;

	if (en->pending && !keep_is_settled(en->keep, en->recall)) {
		/* Otherwise a disk slower than the interval would be asked again and again. */
		en->look_again = true;
		en->agreed = false;
		inv_free(take_inv);
		return;
	}
	if (take_inv || !is_known(en))
		differs = take_answer(en, take_inv ? take_inv : sources_inventory(en->sources),
				      began_ns != 0, &found, now_ns);
	en->began_ns = began_ns ? began_ns : en->began_ns;
	if (!awaits_more(en, found, now_ns))
		waiters_looked(en->waiters, en->began_ns);
	pace_ended(&en->pace, differs, now_ns);
	if (!differs && !is_step_due(en, now_ns))
		engine_drop_pending(en);
	else if ((!en->pending || engine_is_recalled(en, now_ns)) && !engine_is_held(en))
		engine_step(en, now_ns);
	/* Otherwise on_kept continues; a reading now would be one too many. */
}

void engine_on_sources(void *arg, const struct sources_result *result, uint64_t now_ns)
{
	struct engine *en = arg;

	en->inventory_failing = result->failed > 0;
	en->inventory_failures += (uint32_t)result->failed;
	take_look(en, result->inventory, result->began_ns, now_ns);
}

void engine_on_found(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;

	if (!en->ending)
		take_look(en, sources_inventory(en->sources), 0, now_ns);
}
