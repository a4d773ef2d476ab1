/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Publishes snapshots. On most nodes most of the time nothing moves: then the snapshot that is
 * published stays, and only its time is new. */
#include "engine/engine_room.h"
#include "engine/shipping.h"

#include "base/wallclock.h"
#include "netfilter/fw.h"

#include <stdio.h>
#include <string.h>

bool engine_is_held(const struct engine *en)
{
	return !keep_is_settled(en->keep, en->unseen);
}

void engine_hold(struct engine *en, uint64_t ticket)
{
	if (!ticket)
		return;
	en->unseen = ticket;
	en->was_held = true;
}

/* Add a sentence, as far as there is room. */
static void add_problem(char text[SNAP_PROBLEM_SIZE], const char *what, const char *why)
{
	size_t len = strlen(text);
	int n = snprintf(text + len, SNAP_PROBLEM_SIZE - len, "%s%s: %s", len ? "; " : "", what,
			 why);

	if ((size_t)n < SNAP_PROBLEM_SIZE - len)
		return;
	/* No part of a character. */
	len = SNAP_PROBLEM_SIZE - 1;
	while (len && (unsigned char)text[len - 1] >= 0x80)
		text[--len] = '\0';
}

static void say_problem(const struct engine *en, char text[SNAP_PROBLEM_SIZE])
{
	char clock[WALLCLOCK_TEXT_SIZE];

	text[0] = '\0';
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (fw_family_problem(en->fw, f))
			add_problem(text, f == ADDR_V4 ? "IPv4" : "IPv6",
				    fw_family_problem(en->fw, f));
	if (keep_problem(en->keep))
		add_problem(text, "ledger", keep_problem(en->keep));
	if (wallclock_trouble(keep_clock(en->keep), clock))
		add_problem(text, "clock", clock);
	for (size_t i = 0; i < sources_count(en->sources); i++)
		if (sources_is_failing(en->sources, i))
			add_problem(text, sources_name(en->sources, i),
				    sources_state(en->sources, i));
}

/* All but the rows. */
static void fill_head(const struct engine *en, struct snap *snap)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		snap->rules += fw_get_figures(en->fw, f).rules;
		snap->rule_repairs += enforce_get_figures(en->enforce[f])->repairs;
	}
	snap->ready = en->ready;
	snap->inventory_failing = en->inventory_failing;
	snap->inventory_failures = en->inventory_failures;
	snap->stale_answers = en->stale_answers;
	snap->backend = fw_name(en->fw);
	snap->store_failing = keep_problem(en->keep) != NULL;
	snap->ship = shipping_state(en->cfg, en->keep);
	say_problem(en, snap->problem);
	snap->no_node_traffic = !en->cfg->netfilter.node_traffic;
}

static bool is_same_head(const struct snap *a, const struct snap *b)
{
	return a->rules == b->rules && a->rule_repairs == b->rule_repairs && a->ready == b->ready &&
	       a->inventory_failing == b->inventory_failing &&
	       a->inventory_failures == b->inventory_failures &&
	       a->stale_answers == b->stale_answers && a->backend == b->backend &&
	       a->store_failing == b->store_failing && a->ship == b->ship &&
	       a->no_node_traffic == b->no_node_traffic && !strcmp(a->problem, b->problem);
}

/* Whether the published snapshot says all of this already. */
static bool is_shown(const struct engine *en, const struct snap *head,
		     const bool problem[ADDR_FAMILIES])
{
	return en->shown.plain && en->shown.ledger == ledger_version(en->ledger) &&
	       en->shown.paths == engine_paths(en) &&
	       !memcmp(en->shown.problem, problem, sizeof(en->shown.problem)) &&
	       is_same_head(head, en->snap);
}

void engine_publish(struct engine *en)
{
	struct snap head = { .taken_ns = 0 }, *snap;
	bool problem[ADDR_FAMILIES];

	if (engine_is_held(en))
		return;
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		problem[f] = fw_family_problem(en->fw, f) != NULL;
	fill_head(en, &head);
	if (is_shown(en, &head, problem)) {
		en->snap->taken_ns = en->sampler.sampled_ns;
		return;
	}
	snap = snap_new_from(en->pool);
	ledger_snapshot(en->ledger, engine_paths(en), problem, snap);
	fill_head(en, snap);
	snap->taken_ns = en->sampler.sampled_ns;
	en->shown.ledger = ledger_version(en->ledger);
	en->shown.paths = engine_paths(en);
	memcpy(en->shown.problem, problem, sizeof(en->shown.problem));
	en->shown.plain = engine_tell(en, snap);
	speeds_tell(&en->speeds, snap, loop_now_ns());
	snap_unref(en->snap);
	en->snap = snap;
	en->published(en->published_arg);
}

struct snap *engine_snap(const struct engine *en)
{
	return en->snap;
}
