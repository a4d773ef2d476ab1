/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_KEEP_H
#define CTM_KEEP_H

#include "err.h"
#include "ledger.h"

/* Keeps the ledger in the store: takes it up at the start, writes checkpoints, and when the disk
 * is full, the directory read-only or the database locked says so once, lets counting go on in
 * memory, and writes all of it when it can again. */

struct keep;

/* Open the database at `path` and fill the (empty) ledger from it, which is borrowed. A damaged file is
 * set aside and logged. Waits up to 5 s for a locked one. A directory or disk that cannot be
 * written is no error: keep_problem tells. Returns 0, or -errno with e filled for a database that
 * is there and cannot be read: going on without it would show counters that fall. */
int keep_new(const char *path, struct ledger *ledger, struct ledger_now now, struct keep **ret_keep,
	     struct err *e);
void keep_free(struct keep *k);

/* Write what changed, in one transaction. `synced`: against power loss too, not just a kill;
 * these also prune old usage. Returns 0 or -errno. */
int keep_checkpoint(struct keep *k, struct ledger_now now, bool synced);

/* Why the last checkpoint failed, or NULL. Borrowed. */
const char *keep_problem(const struct keep *k);

#endif
