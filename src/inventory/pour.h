/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_POUR_H
#define CTM_POUR_H

#include "inventory/child.h"

/* A file read by a child. Its file system may hang, and a process that touches it then sleeps
 * where no signal reaches it. */

struct pour {
	const char *path; /* borrowed until the child has ended */
	size_t max_octets;
	/* The file must be a regular one and must not change while it is read. If the file has
	 * not changed for a while, a last line without its newline is complete and gets one. */
	bool steady;
};

/* Exit statuses of the child. Any other is the errno of a system call. POUR_NEAR, if p->steady: all
 * is well, and a look at the path does not hang: its file system is this machine's own, and no
 * symbolic link leads to it by way of another. */
enum { POUR_IRREGULAR = 200, POUR_CHANGED, POUR_NEAR };

#define POUR_HANGS "%.300s does not answer: is its file system hanging?"

/* As child_new_work; the output is the text of the file. */
int pour_new(const struct pour *p, uint64_t deadline_ns, struct loop *loop, child_done_fn *done,
	     void *arg, struct child **ret_child, struct err *e);

/* Returns 0 if the output is the file, or -EIO with the reason in e. */
int pour_ended(const struct pour *p, const struct child_result *r, struct err *e);

#endif
