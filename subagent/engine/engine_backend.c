/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which backend the engine counts with, from one to the next (handover.h). */
#include "engine/engine_room.h"

#include "inventory/source_kind.h"
#include "netfilter/fw.h"

#define RETRY_NS (5 * NS_PER_S) /* after a chosen backend that did not open */

/* The rooms that hold the backend follow a change of it. */
static void take_backend(struct engine *en, struct fw *fw)
{
	fw_close(en->fw);
	en->fw = en->sampler.fw = fw;
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		handover_place(&en->handover, fw, f, en->what[f], sizeof(en->what[f]));
		enforce_free(en->enforce[f]);
		en->enforce[f] = enforce_new(fw, f, en->what[f]);
		en->sampler.enforce[f] = en->enforce[f];
		en->sampler.what[f] = en->what[f];
		en->sampler.readable[f] = false;
		if (fw_family_problem(fw, f))
			log_warning("fw", "%s", fw_family_problem(fw, f));
	}
}

static int open_backend(struct engine *en, struct err *e)
{
	struct handover *h = &en->handover;
	struct fw *fw;
	int ret;

	h->cfg = en->cfg;
	h->config = fw_config_of(en->cfg, en->run_dir);
	h->config.tables_for = en->tables_for;
	h->config.links = en->shared;
	h->config.n_links = en->n_shared;
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		h->config.commit[f] = ledger_commit(en->ledger, f);
	ret = handover_open(h, &fw, e);
	if (ret < 0)
		return ret;
	take_backend(en, fw);
	return engine_open_place(en, e);
}

int engine_open_backend(struct engine *en, fw_done_fn *done, struct err *e)
{
	en->tables_for = source_tables_first("");
	en->n_shared = en->cfg->netfilter.n_links;
	en->shared = cfg_copy_links(en->cfg->netfilter.links, en->n_shared);
	en->handover =
		(struct handover) { .cfg = en->cfg, .loop = en->loop, .done = done, .arg = en };
	return open_backend(en, e);
}

/* Whether the backend that is being left has no rules any more, and all it counted is stored. */
static bool is_left(const struct engine *en)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		const char *text;
		int result;

		if (fw_busy(en->fw, f) || !keep_is_settled(en->keep, en->finals[f]) ||
		    !enforce_settled(en->enforce[f], 0, &result, &text) || result < 0)
			return false;
	}
	return true;
}

void engine_change_backend(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;
	struct err e = { "" };

	if (!handover_is_leaving(&en->handover) || !is_left(en))
		return;
	if (open_backend(en, &e) < 0) {
		log_bad(&en->change_trouble, now_ns, LOG_LEVEL_ERROR, "fw",
			"nothing is counted: %s; trying again", e.text);
		loop_timer_set(en->loop, &en->change, now_ns + RETRY_NS);
		return;
	}
	log_good(&en->change_trouble, now_ns, "fw", "counting again");
	en->finals[ADDR_V4] = en->finals[ADDR_V6] = 0;
	en->turned = false;
	engine_step_soon(en, now_ns);
}
