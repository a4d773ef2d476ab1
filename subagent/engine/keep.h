/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_KEEP_H
#define CTM_KEEP_H

#include "base/err.h"
#include "base/loop.h"
#include "ledger/ledger.h"

/* Keeps the ledger in the store: takes it up at the start, has checkpoints written, and when the
 * disk is full, the directory read-only or the database locked says so once, lets counting go on in
 * memory, and writes all of it when it can again.
 *
 * Writing is the store's thread's (store_writer.h), so nothing here waits for a disk. A checkpoint is
 * asked for, and its ticket tells what became of it:
 *   settled  it is stored; or it cannot be, or not within 5 s: then whoever has waited goes on
 *            without, as keep_problem says
 *   stored   it is in the store
 * 1. What is written is the ledger of one moment, never earlier than the asking.
 * 2. One is written at a time; all that were asked for meanwhile are one, the next.
 * 3. A ticket that is settled stays so, and one that is stored. A later one that is stored
 *    includes all earlier ones. */

struct keep;
struct store_key;

/* From the loop: some ticket is settled or stored now. */
typedef void keep_settled_fn(void *arg, uint64_t now_ns);

/* The time now: what the clock did since the last time is taken from here on. now_ns is what the caller
 * goes by, the other two were read together. */
struct ledger_now keep_now(struct keep *k, uint64_t now_ns, uint64_t read_ns, int64_t wall_s);

/* How far the time of day is believed. Borrowed. */
const struct wallclock *keep_clock(const struct keep *k);

/* Open the database at `path` and fill the (empty) ledger from it, which is borrowed. A damaged file is
 * set aside and logged. What it holds is compared with the witness in `run_dir` (witness.h): an older copy is
 * taken up with ledger_doubt, and logged; run_dir NULL: there is none, for a dry run, whose counters are not the
 * kernel's. Waits up to 5 s for a locked one, or another daemon's. A directory or disk that cannot be
 * written is no error: keep_problem tells. Returns 0, or -errno with e filled for a database that
 * is there and cannot be read: going on without it would show counters that fall. */
int keep_new(const char *path, const char *run_dir, struct ledger *ledger, struct ledger_now now,
	     struct loop *loop, keep_settled_fn *settled, void *arg, struct keep **ret_keep,
	     struct err *e);
/* Waits for what is being written, for 3 s at most, and not for a disk that was given up. */
void keep_free(struct keep *k);

/* Have what changed written, in one transaction. `synced`: against power loss too, not just a kill;
 * these also prune old usage. Returns its ticket, never 0. */
uint64_t keep_checkpoint(struct keep *k, struct ledger_now now, bool synced);

/* Have the store looked through for these, the ledger's strangers, before anything else is written; what
 * is found is given to ledger_recall. Returns a ticket: settled, it was; or the store cannot be read,
 * or not within 5 s: then they may be taken for new, and should one be found later it is merged. */
uint64_t keep_recall(struct keep *k, const struct store_key *keys, size_t n, struct ledger_now now);

/* Of ticket 0 both are true. */
bool keep_is_settled(const struct keep *k, uint64_t ticket);
bool keep_is_stored(const struct keep *k, uint64_t ticket);

/* Since when the store's thread is at the batch under way; 0: it rests. */
uint64_t keep_busy_since(const struct keep *k);

/* Wait until all that was asked for is written or has failed, for 3 s at most. */
void keep_wait(struct keep *k);

/* Why not all that was asked for is stored, or NULL. Borrowed. */
const char *keep_problem(const struct keep *k);

#endif
