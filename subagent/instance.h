/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INSTANCE_H
#define CTM_INSTANCE_H

#include "base/cfg.h"
#include "base/err.h"

/* At most one daemon for a node's rules, whatever its configuration. There is a lock file
 * (lockfile.h) for each network namespace, as each has rules of its own. It lies in /run/ctmeter,
 * where only root and the daemon's user can open it. (Any user could take, or connect to, a name in
 * the abstract socket namespace.) */

/* Take the lock: the file instance.INODE.lock, where INODE is that of this process's network
 * namespace (namespaces(7)). If we may not write to /run/ctmeter and it has no lock file of this
 * namespace, the file lies beside the control socket. Call it while still root, which may own the
 * directory. Waits up to 3 s for a daemon that is exiting. Returns 0 with *ret_fd, whose closing
 * releases the lock (-1: a dry run needs none, as it has no rules), or -errno with e filled. */
int instance_lock(const struct cfg *cfg, int *ret_fd, struct err *e);

#endif
