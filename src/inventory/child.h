/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CHILD_H
#define CTM_CHILD_H

#include "base/err.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A command, or a piece of work, run beside the loop: no shell, nothing blocks, nothing depends on SIGCHLD.
 * A file system that hangs holds the child and not the loop, not even while a program is loaded from it.
 *
 * 1. stdin is /dev/null; stdout is kept up to a cap, of stderr the last line that says something.
 * 2. It leads a process group of its own, which is killed (SIGKILL) at the deadline, over the cap
 *    and by child_free, always before the leader is reaped, so that its id can't be another's.
 * 3. It has ended when stdout is at its end and the process is gone. A grandchild that keeps
 *    stdout open therefore runs into the deadline; one that only keeps stderr open does not.
 * 4. done is called once, from the loop, and may call child_free.
 * 5. Of this process's descriptors it has none but the three above. */

struct child;

struct child_result {
	int error; /* 0: exited by itself; -ETIMEDOUT, -EFBIG (over the cap), -EINTR (by a signal) */
	int status; /* exit status when error is 0 */
	int signal; /* that killed it, when error is -EINTR */
	bool left; /* with -ETIMEDOUT: it had ended itself, and left a process that held its stdout */
	const char *out; /* stdout, NUL-terminated behind len octets; borrowed until child_free */
	size_t len;
	const char *complaint; /* stderr's last line, "" when there was none */
	char text[400]; /* why it cannot be believed, for people; "" for exit status 0 */
};

typedef void child_done_fn(void *arg, const struct child_result *result, uint64_t now_ns);

/* Start argv[0] (an absolute path) with a small fixed environment. Returns 0 and a new *ret_child
 * for child_free, or -errno with e filled (no process can be made); done is then not called. A program
 * that cannot be run is told by done: exit status CHILD_NO_EXEC and why. */
#define CHILD_NO_EXEC 127
int child_new(char *const argv[], uint64_t deadline_ns, size_t max_octets, struct loop *loop,
	      child_done_fn *done, void *arg, struct child **ret_child, struct err *e);

/* The same of a function: it prints to descriptor 1 and returns the exit status. It runs in a copy of this
 * process in which other threads may have left anything half done: system calls are all that it may make.
 * It ends with this process. */
typedef int child_work_fn(const void *work_arg);
int child_new_work(child_work_fn *work, const void *work_arg, uint64_t deadline_ns,
		   size_t max_octets, struct loop *loop, child_done_fn *done, void *arg,
		   struct child **ret_child, struct err *e);

/* The same by the inventory helper (helper.h) that listens at `path`: `job` names what it is to run. A
 * helper that is not there, or breaks off, is an error like a program's that cannot be run. */
int child_new_remote(const char *path, const char *job, uint64_t deadline_ns, size_t max_octets,
		     struct loop *loop, child_done_fn *done, void *arg, struct child **ret_child,
		     struct err *e);

/* After done: is the process really gone? A killed one may hang in the kernel (on a dead disk). */
bool child_gone(struct child *child);

/* Kill what still runs, wait at most 20 ms for it, and release everything. */
void child_free(struct child *child);

#endif
