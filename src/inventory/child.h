/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CHILD_H
#define CTM_CHILD_H

#include "base/err.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A command, or a piece of work, run beside the loop. No shell; nothing blocks; nothing depends
 * on SIGCHLD. A file system that hangs stops the child but not the loop, even while a program is
 * loaded from it.
 *
 * 1. stdin is /dev/null. stdout is kept up to a cap; of stderr, the last line that is not blank.
 * 2. The child leads its own process group. The group is killed (SIGKILL) at the deadline, over
 *    the cap and by child_free, always before the leader is reaped, so that its id cannot be
 *    another's.
 * 3. The child has ended when stdout is at its end and the process is gone. A grandchild that
 *    keeps stdout open therefore runs into the deadline; one that only keeps stderr open does
 *    not.
 * 4. done is called once, from the loop, and may call child_free.
 * 5. The child inherits none of this process's descriptors but the three above. */

struct child;

struct child_result {
	int error; /* 0: exited; -ETIMEDOUT, -EFBIG (the cap), -EINTR (signal), -EPIPE (helper) */
	int status; /* exit status when error is 0 */
	int signal; /* the signal that killed it, when error is -EINTR */
	bool left; /* with -ETIMEDOUT: the child exited, but a process it left held stdout open */
	const char *out; /* stdout: len octets and a NUL; borrowed until child_free */
	size_t len;
	const char *complaint; /* the last line of stderr, "" if none */
	char text[400]; /* why the output cannot be used, as text; "" for exit status 0 */
};

typedef void child_done_fn(void *arg, const struct child_result *result, uint64_t now_ns);

/* Start argv[0] (an absolute path) with a small fixed environment. Returns 0 and a new
 * *ret_child for child_free, or -errno with e filled if no process can be made; done is then not
 * called. If the program cannot be run, done gets exit status CHILD_NO_EXEC and the reason. */
#define CHILD_NO_EXEC 127
int child_new(char *const argv[], uint64_t deadline_ns, size_t max_octets, struct loop *loop,
	      child_done_fn *done, void *arg, struct child **ret_child, struct err *e);

/* The same with these "NAME=VALUE" added to the environment; NULL ends them. */
int child_new_env(char *const argv[], char *const env[], uint64_t deadline_ns, size_t max_octets,
		  struct loop *loop, child_done_fn *done, void *arg, struct child **ret_child,
		  struct err *e);

/* The same for a function, which writes to descriptor 1 and returns the exit status. It runs in
 * a forked copy of this process, in which other threads may have left locks held and data half
 * written, so it may make system calls only. It is killed when this process ends. */
typedef int child_work_fn(const void *work_arg);
int child_new_work(child_work_fn *work, const void *work_arg, uint64_t deadline_ns,
		   size_t max_octets, struct loop *loop, child_done_fn *done, void *arg,
		   struct child **ret_child, struct err *e);

/* The same through the inventory helper (helper.h) that listens at `path`; `job` names what it
 * runs. If nothing listens there, returns -errno with e filled. If the helper breaks off, done
 * gets -EPIPE. */
int child_new_remote(const char *path, const char *job, uint64_t deadline_ns, size_t max_octets,
		     struct loop *loop, child_done_fn *done, void *arg, struct child **ret_child,
		     struct err *e);

/* Connect to the helper at `path` and send it the job. Returns the connection (O_NONBLOCK), or
 * -errno. */
int child_call_helper(const char *path, const char *job);

/* After done: is the process really gone? A killed process may hang in the kernel, on a dead
 * disk for example. */
bool child_gone(struct child *child);

/* Kill the child if it still runs, wait at most 20 ms for it, and free everything. */
void child_free(struct child *child);

#endif
