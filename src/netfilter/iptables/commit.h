/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_COMMIT_H
#define CTM_COMMIT_H

#include "base/err.h"
#include "netfilter/iptables/rule.h"
#include "netfilter/iptables/xt_layout.h"

#include <sys/types.h>

/* The commit of one table, in the process that calls it: a short-lived child, which may block on
 * the xtables lock and returns its memory when it ends.
 *
 * A commit is two system calls: REPLACE swaps the table, with all counters at 0, and returns the
 * old table's final counters; ADD_COUNTERS puts them back. Between the two, the finals are the
 * only copy of everyone's counters. So:
 * 1. The finals are written to a journal, together with everything needed to put them back. It is
 *    a file in run_dir, mapped shared, with every page touched beforehand: a kill at any instant
 *    leaves it behind.
 * 2. The kernel itself shows whether the finals were put back: ADD_COUNTERS seeds the canaries of
 *    the commit's epoch in the same call.
 * 3. The journal stays until its reader has taken over the finals (journal.h). */

/* The path of the xtables lock file, chosen as iptables chooses it. */
const char *commit_lock_path(void);

/* Open the xtables lock file without taking the lock. The daemon owns the descriptor, and the
 * child that takes the lock inherits it. So if the child is killed half-way, the lock stays held
 * until the journal is finished. Returns a descriptor or -errno with e filled. */
int commit_lock_open(struct err *e);

/* For root: make sure that the lock file exists and that members of the group `gid` can open it.
 * iptables leaves that as it is. Returns 0, or -errno with e filled. */
int commit_lock_share(gid_t gid, struct err *e);

/* For root, before an unprivileged daemon starts: give the user the journals in `run_dir` that a
 * killed commit of root (a teardown) left. Otherwise the user could neither finish nor remove
 * them. If there is such a journal, waits for the xtables lock, which a commit under way holds.
 * Returns 0, or -errno with e filled. */
int commit_hand_over(const char *run_dir, uid_t uid, gid_t gid, struct err *e);

/* Finish what the journal at `path` says was begun. `fd` is an xt_socket. Takes `lock`, waits for
 * it, and releases it. Returns 0 (also when there is nothing to do) or -errno with e filled. */
int commit_recover(int fd, int lock, const char *path, struct err *e);

/* Make `table` hold `desired` under the next epoch. Takes `lock`, waits for it, and releases it.
 * last    the judged layout of the last reading, or NULL
 * recent  the same if that reading is at most COMMIT_RECENT_NS old, else NULL: with it, a commit
 *         that changes only our own chains need not read the whole table
 * parent  a pid: if it is no longer our parent before the kernel is asked, gives up with
 *         -ECANCELED
 * If a journal exists, it is finished and left, and nothing else is done: its finals come first.
 * If the table holds `desired` already, nothing is done and no journal is left. The journal
 * records what others had done to the replaced table (journal_found). Returns 0 or -errno with e
 * filled. */
#define COMMIT_RECENT_NS (250 * NS_PER_MS)
int commit_run(int fd, int lock, const char *table, const struct ruleset *desired,
	       const struct xt_layout *last, const struct xt_layout *recent, const char *path,
	       int parent, struct err *e);

#endif
