/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INSTANCE_H
#define CTM_INSTANCE_H

#include "base/cfg.h"
#include "base/err.h"

/* One daemon for a node's rules, whatever its configuration: a lock file (lockfile.h) for each network
 * namespace, as each has rules of its own, in /run/ctmeter, where nobody but root and the daemon's user can
 * open it. (A name in the abstract socket namespace would be anybody's: to take, and to connect to.) */

/* Take the lock: the file instance.INODE.lock, INODE that of the network namespace this process is in
 * (namespaces(7)). Where /run/ctmeter is not ours to make, and nobody ever had a lock of this namespace in it,
 * the file is beside the control socket. Call it while still root, whose directory it may be. Waits up to 3 s
 * for a daemon that is about to end. Returns 0 with *ret_fd, whose closing gives the lock back (-1: a dry run
 * has no rules to quarrel about), or -errno with e filled. */
int instance_lock(const struct cfg *cfg, int *ret_fd, struct err *e);

#endif
