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

void engine_on_kernel_event(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;
	uint64_t at = pace_next(&en->pace, now_ns);

	if (en->look.at_ns && en->look.at_ns <= at)
		return;
	en->look_asked = true;
	loop_timer_set(en->loop, &en->look, at);
}

static void tell(void *arg, const char *runtime, const char *runtime_id, const char *id)
{
	sources_know(arg, runtime, runtime_id, id);
}

void engine_tell_known(const struct engine *en, struct sources *sources)
{
	ledger_each_runtime_id(en->ledger, tell, sources);
}
