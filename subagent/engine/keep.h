/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_KEEP_H
#define CTM_KEEP_H

#include "base/err.h"
#include "base/loop.h"
#include "ledger/ledger.h"
#include "store/ship_state.h"

/* Keeps the ledger in the store: loads it at the start and has checkpoints written. When the
 * disk is full, the directory read-only or the database locked, it logs that once, lets counting
 * continue in memory, and writes everything when it can again.
 *
 * The store's thread does the writing (store_writer.h), so nothing here waits for a disk. Each
 * request for a checkpoint gets a ticket, which tells what became of it:
 *   settled  it is stored, or it cannot be, or not within 5 s: a caller that waits continues
 *            without it, and keep_problem says why
 *   stored   it is in the store
 * 1. What is written is the ledger of one moment, never earlier than the request.
 * 2. One checkpoint is written at a time. All requests made meanwhile share the next one.
 * 3. A ticket never stops being settled or stored. If a later ticket is stored, so are all
 *    earlier ones. */

struct keep;
struct store_key;

/* Called from the loop: a ticket has become settled or stored. */
typedef void keep_settled_fn(void *arg, uint64_t now_ns);

/* The current time. Takes account of what the clock did since the last call. now_ns is the
 * caller's own time; read_ns and wall_s were read together. */
struct ledger_now keep_now(struct keep *k, uint64_t now_ns, uint64_t read_ns, int64_t wall_s);

/* How far the time of day is trusted. Borrowed. */
const struct wallclock *keep_clock(const struct keep *k);

/* Open the database at `path` and fill the (empty) ledger from it; the ledger is borrowed. A
 * damaged file is set aside and logged. The contents are compared with the witness in `run_dir`
 * (witness.h): an older copy is loaded with ledger_doubt, and logged. run_dir is NULL in a dry
 * run, whose counters are not the kernel's: then there is no witness. Waits up to 5 s for a
 * database that is locked or that another daemon has. A directory or disk that cannot be written
 * is no error: see keep_problem. Returns 0, or -errno with e filled for a database that exists
 * but cannot be read: continuing without it would show counters that fall. */
int keep_new(const char *path, const char *run_dir, struct ledger *ledger, struct ledger_now now,
	     struct loop *loop, keep_settled_fn *settled, void *arg, struct keep **ret_keep,
	     struct err *e);
/* Waits at most 3 s for what is being written, but not for a disk that was given up. */
void keep_free(struct keep *k);

/* Have all changes written in one transaction. `synced`: protects against power loss too, not
 * just a kill, and also prunes old usage. Returns the ticket, never 0. */
uint64_t keep_checkpoint(struct keep *k, struct ledger_now now, bool synced);

/* Have the store searched for these keys, the ledger's strangers, before anything else is
 * written. What is found is given to ledger_recall. Returns a ticket. It is settled when the
 * search is done, or when the store cannot be read, or not within 5 s. In the last two cases the
 * strangers may be taken as new, and any that is found later is merged. */
uint64_t keep_recall(struct keep *k, const struct store_key *keys, size_t n, struct ledger_now now);

/* Both are true of ticket 0. */
bool keep_is_settled(const struct keep *k, uint64_t ticket);
bool keep_is_stored(const struct keep *k, uint64_t ticket);

/* Since when the store's thread has been working on the current batch; 0: it is idle. */
uint64_t keep_busy_since(const struct keep *k);

/* Wait, for at most 3 s, until all that was requested is written or has failed. */
void keep_wait(struct keep *k);

/* How the last run of `ctmeter ship` ended, as of the last checkpoint. Returns 0, or an error of
 * ship_state_read. */
int keep_ship_state(const struct keep *k, struct ship_state *ret);

/* Why not everything requested is stored, or NULL. Borrowed. */
const char *keep_problem(const struct keep *k);

#endif
