/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ENGINE_H
#define CTM_ENGINE_H

#include "base/cfg.h"
#include "base/err.h"
#include "base/loop.h"
#include "engine/waiters.h"
#include "inventory/source.h"
#include "ledger/snap.h"
#include "netfilter/fw.h"
#include "store/ship_state.h"

/* The engine: one cycle, driven by the loop.
 *
 *   sources -> inventory -> ledger (who has what) -> rules wanted -> netfilter -> reading
 *   -> ledger (totals) -> snapshot -> SNMP and the control socket
 *
 * 1. An address changes its owner only right after a good reading, so everything that it counted
 *    before is booked to its old owner.
 * 2. One commit at a time for each family, with everything that has changed until then.
 * 3. Nothing here blocks: what cannot be done now is tried again from a timer. */

struct engine;

/* Open netfilter and the sources. cfg is borrowed until engine_reload replaces it. `published`
 * is called from the loop after each new snapshot. Snapshots are `ready` from the first complete
 * one on or, if a source keeps failing, after 30 s with what is known. Returns 0, or -errno with
 * e filled. */
int engine_new(const struct cfg *cfg, const char *run_dir, struct loop *loop,
	       void (*published)(void *arg), void *arg, struct engine **ret_engine, struct err *e);
/* The rules stay in place. */
void engine_free(struct engine *en);

/* The current snapshot. Borrowed; use snap_ref to keep it. Never NULL. */
struct snap *engine_snap(const struct engine *en);

/* Call before the snapshot is read: if it is older than 500 ms, or 50 ms where a reading is cheap
 * (fw_counts_on_links), reads the counters. */
void engine_freshen(struct engine *en, uint64_t now_ns);

/* Poll the sources again, and call `done` when all resulting rules are in place (0) or cannot be
 * (-errno and why). */
void engine_refresh(struct engine *en, engine_done_fn *done, void *arg);

/* The same without a poll, for a start: call `done` when the rules for the known addresses are
 * in place. At first the addresses are known from the ledger. Waits for no source. */
void engine_await_known(struct engine *en, engine_done_fn *done, void *arg);

/* Set a mark from which `what`, a container id or an address, is counted (ledger_zero), and call
 * `done` when that is stored: 0, -ENOENT when there is no such row, or another -errno with why. */
void engine_zero(struct engine *en, const char *what, engine_done_fn *done, void *arg);

/* Set a container's quota (ledger_set_quota), and call `done` as above. */
void engine_set_quota(struct engine *en, const char *id, struct billing_quota quota,
		      engine_done_fn *done, void *arg);

/* Read the counters, and call `done` when their values are stored (0) or cannot be (-errno and
 * why). For callers that are about to read the ledger's file. */
void engine_store(struct engine *en, engine_done_fn *done, void *arg);

/* Remove every rule of ours, book their last counts, and want no rules from now on. Calls `done`
 * when that is finished. */
void engine_teardown(struct engine *en, engine_done_fn *done, void *arg);

/* Take over another configuration, which must agree with the old one in what cfg_hold_fixed
 * names. Returns 0, or -errno with e filled and the old one still in force. */
int engine_reload(struct engine *en, const struct cfg *cfg, struct err *e);

/* Whether the engine has lately done its work of every 10 s: read the counters (or tried to),
 * and checked the rules. False is a fault of ours, for a watchdog. */
bool engine_is_turning(const struct engine *en, uint64_t now_ns);

/* Figures for `status`. */
struct engine_figures {
	uint64_t commits[ADDR_FAMILIES]; /* successful ones */
	uint64_t last_commit_ms;
	size_t containers, addresses, conflicts; /* retired rows left out */
	size_t unfit; /* addresses of the node, a gateway or a broadcast */
	size_t not_allowed; /* addresses found in containers, outside [inventory] allow */
	const char *found_problem; /* as found_problem */
	size_t refused_containers, refused_addresses; /* over the limits */
	const char *backend;
	const char *backend_reason; /* as handover_reason */
	bool on_links; /* as fw_counts_on_links */
	bool has_strays;
	struct fw_strays strays; /* if has_strays */
	char family_state[ADDR_FAMILIES][300];
	const char *store_problem; /* NULL: the ledger is written */
	char ship[SHIP_STATE_TEXT_SIZE]; /* as shipping_say */
	bool ship_failing;
	int64_t ledger_doubted_s; /* as ledger_doubted_s */
	const struct wallclock *clock;
};
void engine_get_figures(const struct engine *en, struct engine_figures *ret);
const struct sources *engine_sources(const struct engine *en);

#endif
