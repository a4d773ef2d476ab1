/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ENGINE_ROOM_H
#define CTM_ENGINE_ROOM_H

#include "engine/engine.h"

#include "base/log_state.h"
#include "engine/conflict.h"
#include "engine/enforce.h"
#include "engine/intake.h"
#include "engine/keep.h"
#include "engine/pace.h"
#include "engine/sampler.h"
#include "engine/waiters.h"
#include "inventory/source.h"
#include "ledger/ledger.h"

/* The engine's own, for engine*.c alone: engine.c turns, engine_verbs.c does what others ask for. */

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
	const struct inventory
		*asked_for; /* the pending one whose strangers the store was asked for */
	uint64_t recall; /* the ticket of that */
	bool look_again; /* one that came meanwhile was let go */
	bool informed, complete; /* an inventory was taken over; a whole one */
	bool inventory_failing, ready; /* as in the snapshot */
	bool unplanned; /* what follows from it for the rules is for the next turn */
	bool applied; /* a commit ended since the last turn: what it made is to be read */
	bool turned; /* once: it is known what rules the kernel had at the start */
	bool tearing_down, ending;
	struct conflicts conflicts; /* as logged */
	struct pace pace; /* of the looks that events ask for */
	bool look_asked; /* the next one is */
	uint64_t ticked_ns; /* when the last tick ended */
	struct intake intake;
	struct enforce *enforce[ADDR_FAMILIES];
	char what[ADDR_FAMILIES][48]; /* "IPv4 table mangle" */
	struct waiter *waiters;
	struct loop_timer tick, look, step, checkpoint, ready_by;
	void (*published)(void *arg);
	void *published_arg;
	struct sampler sampler;
	uint64_t unseen; /* the ticket that must be settled before anything is published */
	bool was_held; /* by it */
	int64_t doubted_s; /* ledger_doubted_s, when what it led to was last given to the store */
	uint64_t finals[ADDR_FAMILIES]; /* the tickets of what is only in the journals */
	uint32_t inventory_failures, stale_answers;
};

/* The time, and what the clock did since it was last asked for. */
struct ledger_now engine_now(struct engine *en, uint64_t now_ns);

/* Read the counters. Returns whether the totals are now as of now. */
bool engine_sample(struct engine *en, uint64_t now_ns);

/* Take a turn at this time, or earlier. */
void engine_step_soon(struct engine *en, uint64_t at_ns);

/* A new snapshot, unless it must be held back. */
void engine_publish(struct engine *en);

/* Publish nothing before this ticket is settled (0: there is none). */
void engine_hold(struct engine *en, uint64_t ticket);

/* What waits to be taken over does not any more. */
void engine_drop_pending(struct engine *en);

/* Look at the sources, and again after the interval. A loop_timer_fn. */
void engine_on_look(void *arg, uint64_t now_ns);

/* What they said: a sources_done_fn. */
void engine_on_sources(void *arg, const struct sources_result *result, uint64_t now_ns);

/* Have the next checkpoint made after the configured time. */
void engine_arm_checkpoint(struct engine *en, uint64_t now_ns);

#endif
