/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LOCKFILE_H
#define CTM_LOCKFILE_H

#include <stdint.h>

/* A lock that a process holds for as long as it lives: a file that nobody writes or removes, with a POSIX
 * record lock on it (fcntl(2), F_SETLK).
 * 1. It goes with the process, however that ends. No child inherits it, so neither a committing child nor a
 *    command keeps it for a daemon that is gone; and the kernel tells who holds it.
 * 2. Closing any descriptor of the file drops it: a process opens a lock file once.
 * 3. Whoever can open the file can lock it. It is made for its owner alone. */

/* Take the lock at `path`, waiting `patience_ns` at most for whoever has it. The file is made when missing;
 * made by root in another user's directory it becomes that user's. Returns 0 with *ret_fd, whose closing gives
 * the lock back; -EBUSY: held, by the process *ret_holder (0: one that cannot be seen from here); -EINVAL:
 * there is something that is no plain file; or another -errno. */
int lockfile_take(const char *path, uint64_t patience_ns, int *ret_fd, long *ret_holder);

#endif
