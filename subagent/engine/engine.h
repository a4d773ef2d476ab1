/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ENGINE_H
#define CTM_ENGINE_H

#include "base/cfg.h"
#include "base/err.h"
#include "base/loop.h"
#include "engine/waiters.h"
#include "inventory/source.h"
#include "ledger/snap.h"

/* The engine: one way through the house, turned by the loop.
 *
 *   sources -> inventory -> ledger (who has what) -> rules wanted -> netfilter -> reading
 *   -> ledger (totals) -> snapshot -> the doors
 *
 * 1. An address changes hands only right after a good reading, so what it counted before is
 *    booked to whom it belonged then.
 * 2. One commit a family at a time, for all that changed until then.
 * 3. Nothing here waits: what cannot be done now is tried again from a timer. */

struct engine;

/* cfg is borrowed until engine_reload gives another. Opens netfilter and the sources. `published`
 * is called after each new snapshot, from the loop; the first complete one (or, if a source keeps
 * failing, what there is after 30 s) and all after it are `ready`. Returns 0, or -errno with e
 * filled. */
int engine_new(const struct cfg *cfg, const char *run_dir, struct loop *loop,
	       void (*published)(void *arg), void *arg, struct engine **ret_engine, struct err *e);
/* The rules stay in place. */
void engine_free(struct engine *en);

/* The snapshot now; borrowed, snap_ref to keep it. Never NULL. */
struct snap *engine_snap(const struct engine *en);

/* Somebody is about to look: read the counters if the snapshot is older than 500 ms. */
void engine_freshen(struct engine *en, uint64_t now_ns);

/* Look at the sources again and call `done` when all rules that follow from them are in place
 * (or cannot be: result -errno and why). */
void engine_refresh(struct engine *en, engine_done_fn *done, void *arg);

/* The same without a look, for a start: call `done` when the rules are in place for what is known, at
 * first from the ledger. No source is waited for. */
void engine_await_known(struct engine *en, engine_done_fn *done, void *arg);

/* Count `what`, a container id or an address, from now on (ledger_zero), and call `done` when that is
 * stored: 0, -ENOENT when there is no such row, or another -errno with why. */
void engine_zero(struct engine *en, const char *what, engine_done_fn *done, void *arg);

/* Read the counters and call `done` when what they are now is stored (0), or cannot be: -errno and
 * why. For whoever is about to read the ledger's file. */
void engine_store(struct engine *en, engine_done_fn *done, void *arg);

/* Remove every rule of ours, booking what they counted last, and want none from now on; `done`
 * when that is so. */
void engine_teardown(struct engine *en, engine_done_fn *done, void *arg);

/* Take over another configuration, which agrees with the old one in what cfg_hold_fixed names. Returns 0,
 * or -errno with e filled and the old one still in force. */
int engine_reload(struct engine *en, const struct cfg *cfg, struct err *e);

/* Whether it has done what it does every 10 s lately: read the counters (or tried to), and seen to the
 * rules. False is a fault of ours, for a watchdog. */
bool engine_is_turning(const struct engine *en, uint64_t now_ns);

/* Figures for `status`. */
struct engine_figures {
	uint64_t commits[ADDR_FAMILIES]; /* that succeeded */
	uint64_t last_commit_ms;
	size_t containers, addresses, conflicts; /* retired rows left out */
	size_t unfit; /* addresses that are the node's own, its gateway's or a broadcast's */
	size_t refused_containers, refused_addresses; /* over the limits */
	const char *backend;
	char family_state[ADDR_FAMILIES][300];
	const char *store_problem; /* NULL: the ledger is written */
	int64_t ledger_doubted_s; /* as ledger_doubted_s */
	const struct wallclock *clock;
};
void engine_get_figures(const struct engine *en, struct engine_figures *ret);
const struct sources *engine_sources(const struct engine *en);

#endif
