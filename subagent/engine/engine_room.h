/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ENGINE_ROOM_H
#define CTM_ENGINE_ROOM_H

#include "engine/engine.h"

#include "base/log_state.h"
#include "engine/conflict.h"
#include "engine/enforce.h"
#include "engine/found.h"
#include "engine/handover.h"
#include "engine/intake.h"
#include "engine/keep.h"
#include "engine/links_told.h"
#include "engine/pace.h"
#include "engine/sampler.h"
#include "engine/speeds.h"
#include "engine/waiters.h"
#include "inventory/hook.h"
#include "inventory/source.h"
#include "ledger/ledger.h"
#include "ledger/ledger_period.h"
#include "netlink/place.h"

/* The engine's internals, for engine*.c alone: engine.c runs the cycle, engine_look.c polls the
 * sources, engine_verbs.c handles requests, engine_place.c knows where addresses are counted,
 * engine_tell.c why they are not, engine_show.c publishes it all. */

struct engine {
	const struct cfg *cfg;
	struct loop *loop;
	struct fw *fw;
	struct handover handover;
	const char *tables_for; /* as in struct fw_config; looked for once, at the start */
	char *run_dir;
	struct ledger *ledger;
	struct keep *keep;
	struct sources *sources;
	struct found *found; /* in the containers */
	unsigned moves; /* found_moves when place was last told */
	uint64_t began_ns; /* the last poll of all sources */
	uint64_t awaited_ns; /* since when found has not been done; 0: it is */
	struct nl *nl;
	struct snap *snap;
	struct snap_pool *pool; /* of snapshots */
	/* What the snapshot was made from. plain: it tells nothing that changes without these. */
	struct {
		uint64_t ledger;
		uint8_t paths;
		bool problem[ADDR_FAMILIES];
		bool plain;
	} shown;
	uint64_t polled_ns; /* when a poller last asked; 0: never */
	struct inventory *pending; /* not yet taken over */
	/* the pending inventory for whose strangers the store was asked */
	const struct inventory *asked_for;
	uint64_t recall; /* the ticket of that request */
	bool look_again; /* an inventory that came meanwhile was dropped: poll again */
	bool agreed; /* the ledger agrees with what the sources have answered last */
	bool informed, complete; /* an inventory was taken over; a complete one was */
	bool inventory_failing, ready; /* as in the snapshot */
	bool unplanned; /* an inventory was taken over; its rules are planned in the next step */
	bool applied; /* a commit ended since the last step: its result must be read */
	bool turned; /* each family was read once: the rules at the start are known */
	bool tearing_down, ending;
	struct place *place; /* finds links; NULL: the backend does not count on links */
	struct links_told links_told;
	struct cfg_link
		*shared; /* the configuration's, which a reload frees; it cannot change them */
	size_t n_shared;
	bool misplaced; /* the ledger or links_told has changed, and place has not been told */
	struct conflicts conflicts; /* as logged */
	struct pace pace; /* of the polls that events trigger */
	bool look_asked; /* an event triggered the next poll */
	uint64_t ticked_ns; /* when the last tick ended */
	struct intake intake;
	struct speeds speeds;
	struct enforce *enforce[ADDR_FAMILIES];
	char what[ADDR_FAMILIES][48]; /* handover_place */
	struct waiter *waiters;
	struct loop_timer tick, look, step, checkpoint, ready_by, change;
	struct log_state change_trouble;
	void (*published)(void *arg);
	void *published_arg;
	struct sampler sampler;
	uint64_t unseen; /* nothing is published before this ticket is settled */
	bool was_held; /* publishing was held back by it */
	int64_t doubted_s; /* ledger_doubted_s when its effects were last given to the store */
	uint64_t finals[ADDR_FAMILIES]; /* the tickets of finals that only the journals hold */
	uint32_t inventory_failures, stale_answers;
	struct hooks *hooks;
	struct hook_event *due; /* thresholds that are noted, but perhaps not stored yet */
	size_t n_due, cap_due;
	uint64_t due_stored; /* the ticket of the last of them */
};

#define ENGINE_TICK_NS (10 * NS_PER_S) /* between readings when no client asks */

/* The time, which also makes keep account for what the clock did since the last call. */
struct ledger_now engine_now(struct engine *en, uint64_t now_ns);

/* Read the counters. Returns whether the totals are now current. */
bool engine_sample(struct engine *en, uint64_t now_ns);

/* Read the counters, take over what waits for that, see to the rules, publish. A loop_timer_fn. */
void engine_step(void *arg, uint64_t now_ns);

/* Whether the store has been asked for everything in the pending inventory that it may know:
 * rows that aged out of memory and are back. */
bool engine_is_recalled(struct engine *en, uint64_t now_ns);

/* Schedule a step at this time or earlier. */
void engine_step_soon(struct engine *en, uint64_t at_ns);

/* Publish what is known now, unless it must be held back. */
void engine_publish(struct engine *en);

/* Whether something that must be stored before it is published is not stored yet: see
 * take_inventory. */
bool engine_is_held(const struct engine *en);

/* Publish nothing before this ticket is settled (0: no ticket). */
void engine_hold(struct engine *en, uint64_t ticket);

/* Open the backend, or first the one before it (handover.h). Returns 0, or -errno with e filled. */
int engine_open_backend(struct engine *en, fw_done_fn *done, struct err *e);

/* Go on with the chosen backend, if the one before it is left. A loop_timer_fn. */
void engine_change_backend(void *arg, uint64_t now_ns);

/* Drop the inventory that waits to be taken over. */
void engine_drop_pending(struct engine *en);

/* Poll the sources now, and again after the interval. A loop_timer_fn. */
void engine_on_look(void *arg, uint64_t now_ns);

/* Something was found in containers, or is there no more. A found_changed_fn. */
void engine_on_found(void *arg, uint64_t now_ns);

/* Links, routes or addresses of the node have changed. An nl_fn. */
void engine_on_kernel_event(void *arg, uint64_t now_ns);

/* New sources, before their first poll: tell them what the ledger knows of runtimes' containers. */
void engine_tell_known(const struct engine *en, struct sources *sources);

/* The result of a poll. A sources_done_fn. */
void engine_on_sources(void *arg, const struct sources_result *result, uint64_t now_ns);

/* After a backend was opened: look for links from now on if it counts on them. Returns 0, or -errno
 * with e filled. */
int engine_open_place(struct engine *en, struct err *e);

/* Take note of the links that this inventory names. */
void engine_note_links(struct engine *en, const struct inventory *inv, uint64_t now_ns);

/* Tell the finder what the ledger wants counted now. */
void engine_place(struct engine *en, uint64_t now_ns);

/* Whether some address's link has still to be looked for. */
bool engine_is_placing(const struct engine *en);

/* The paths to count of each address. */
uint8_t engine_paths(const struct engine *en);

/* Whether all rules are to go: for a teardown, or because another backend is to make them. */
bool engine_wants_none(const struct engine *en);

/* Have all that should be counted now put in place. */
void engine_want(struct engine *en);

/* Fill in the links and reasons of a new snapshot's rows. Returns whether none of that can change
 * while neither the ledger nor what the finder has found does. */
bool engine_tell(const struct engine *en, struct snap *snap);

/* The configuration's terms of billing, from now on. */
void engine_set_terms(struct engine *en);

/* After a good reading: begin a billing period if it is time, and note thresholds. */
void engine_bill(struct engine *en, uint64_t now_ns);

/* Run the hook for the thresholds whose being noted is stored. */
void engine_run_hooks(struct engine *en);

/* Schedule the next checkpoint after the configured time. */
void engine_arm_checkpoint(struct engine *en, uint64_t now_ns);

#endif
