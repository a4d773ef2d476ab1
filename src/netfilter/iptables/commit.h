/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_COMMIT_H
#define CTM_COMMIT_H

#include "base/err.h"
#include "netfilter/fw.h"
#include "netfilter/iptables/rule.h"
#include "netfilter/iptables/xt_layout.h"

#include <sys/types.h>

/* The commit of one table, in the process that calls it (a short-lived child, which may block
 * on the xtables lock and whose memory goes back when it ends).
 *
 * A commit is two system calls: REPLACE swaps the table, with all counters at 0, and hands out
 * the old table's final counters; ADD_COUNTERS puts them back. Between the two the finals are the
 * only copy there is of everybody's counters. So:
 * 1. The finals lie in a journal, a file in run_dir mapped shared and touched before, with
 *    everything that is needed to put them back: a kill at any instant leaves it behind.
 * 2. Whether the finals were put back is read off the kernel: ADD_COUNTERS seeds the canaries of
 *    the commit's epoch in the same stroke.
 * 3. The journal stays until its reader has taken the finals over (journal.h). */

/* Where the xtables lock's file is: as iptables decides it. */
const char *commit_lock_path(void);

/* Open the xtables lock's file, without taking the lock. The descriptor belongs to the daemon and
 * is inherited by the child that takes the lock, so a child that is killed half-way leaves the
 * lock held until the journal is finished. Returns a descriptor or -errno with e filled. */
int commit_lock_open(struct err *e);

/* For root: make sure that it is there and that members of the group `gid` can open it, which iptables
 * leaves as it is. Returns 0, or -errno with e filled. */
int commit_lock_share(gid_t gid, struct err *e);

/* For root, before a daemon that is not root starts: journals in `run_dir` that a killed commit of root's
 * (a teardown) left become the user's, who could neither finish nor forget them. Waits for the xtables
 * lock, which a commit under way holds, if there is one. Returns 0, or -errno with e filled. */
int commit_hand_over(const char *run_dir, uid_t uid, gid_t gid, struct err *e);

/* Finish whatever a journal at `path` says was begun. `fd` is an xt_socket. Takes `lock`, waits for
 * it, and releases it. Returns 0 (also when there is nothing to do) or -errno with e filled. */
int commit_recover(int fd, int lock, const char *path, struct err *e);

/* Make `table` hold `desired` under the next epoch. `last` is the judged layout of the last reading
 * (NULL: there is none), and `recent` the same if that was within COMMIT_RECENT_NS, else NULL; with
 * it a commit that changes nothing but our own chains need not read
 * the table whole. Takes `lock`, waits for it, and releases it;
 * gives up with -ECANCELED if `parent` (pid) is no longer our parent before the kernel is asked. A
 * journal that is there is finished and left, and nothing else done: its finals come first. Nothing
 * is done, and no journal left, when the table holds `desired` already. What somebody had done to the
 * table that goes is in the journal (journal_found). Returns 0 or -errno with e
 * filled. */
#define COMMIT_RECENT_NS (250 * NS_PER_MS)
int commit_run(int fd, int lock, const char *table, const struct ruleset *desired,
	       const struct xt_layout *last, const struct xt_layout *recent, const char *path,
	       int parent, struct err *e);

#endif
