/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_WORK_H
#define CTM_LINK_WORK_H

#include "base/err.h"
#include "base/loop.h"

#include <stdbool.h>

/* A thread that does one job after the other, for what may wait in the kernel. Jobs are the
 * caller's; each comes back. */

struct work;

/* In the thread. */
typedef void work_run_fn(void *arg, void *job);
/* In the loop, or in work_free. */
typedef void work_done_fn(void *arg, void *job, uint64_t now_ns);

/* Returns 0 and a new *ret_work for work_free, or -errno with e filled. */
int work_new(struct loop *loop, work_run_fn *run, work_done_fn *done, void *arg,
	     struct work **ret_work, struct err *e);
/* Waits for the job that runs. Jobs that have not come back are given to `drop`. */
void work_free(struct work *w, void (*drop)(void *job));

/* Let a job be done after those given before. */
void work_give(struct work *w, void *take_job);

/* Whether work_free is waiting: `run` should end soon, wherever it is. */
bool work_is_ending(const struct work *w);

#endif
