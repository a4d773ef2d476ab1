/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LOCKFILE_H
#define CTM_LOCKFILE_H

#include <stdint.h>

/* A lock for the life of a process: a POSIX record lock (fcntl(2), F_SETLK) on a file that is never
 * written or removed.
 * 1. The kernel drops it when the process ends, however that happens. Children do not inherit it,
 *    so neither a committing child nor a command holds it for a daemon that has ended. The kernel
 *    names the holder.
 * 2. Closing any descriptor of the file drops the lock, so a process must open a lock file only
 *    once.
 * 3. Any process that can open the file can lock it, so only its owner may open it (mode 0600). */

/* Take the lock at `path`; wait at most `patience_ns` for its holder. A missing file is created;
 * created by root in another user's directory, it is given to that user. Returns 0 with *ret_fd
 * (close it to release the lock), -EBUSY when process *ret_holder holds the lock (0: one that is
 * not visible from here), -EINVAL when the path is not a regular file, or another -errno. */
int lockfile_take(const char *path, uint64_t patience_ns, int *ret_fd, long *ret_holder);

#endif
