/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_POUR_H
#define CTM_POUR_H

#include "inventory/child.h"

/* A file read by a child: its file system may hang, and then whoever touches it sleeps where no signal
 * reaches him. */

struct pour {
	const char *path; /* borrowed, until the child has ended */
	size_t max_octets;
	/* It must be a plain file that does not change meanwhile, and a last line without its newline counts
	 * as whole, and gets one, in a file that rests. */
	bool steady;
};

/* Exit statuses of the child, which are the errno of a system call otherwise. */
enum { POUR_IRREGULAR = 200, POUR_CHANGED };

#define POUR_HANGS "%.300s does not answer: is its file system hanging?"

/* As child_new_work; the result's output is the file. */
int pour_new(const struct pour *p, uint64_t deadline_ns, struct loop *loop, child_done_fn *done,
	     void *arg, struct child **ret_child, struct err *e);

/* Returns 0 if the output is the file, or -EIO and e says why not. */
int pour_ended(const struct pour *p, const struct child_result *r, struct err *e);

#endif
