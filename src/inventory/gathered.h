/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_GATHERED_H
#define CTM_GATHERED_H

#include "inventory/child.h"
#include "inventory/source_one.h"

/* What the sources of runtimes that keep what they know in files have in common (gather.h). A look
 * is one child, of the inventory helper if there is one. It starts no runtime and waits for none.
 *
 * A place that is not there means that the runtime does not run: the source is idle, its last
 * answer stays. */

struct gathered {
	const char *name; /* its kind's prefix */
	const char *place; /* the directory, unless one is configured */
	child_work_fn *work; /* prints records; its argument is the directory's path */
	/* Fill the part from the records. Returns 0 or -EBADMSG with e filled. */
	int (*parse)(struct inv_part *part, const char *text, size_t len, struct err *e);
};

#define GATHERED_WORD "files" /* the helper's word for a look */

/* source_kind's functions; rest is a directory, or "" for the runtime's own. */
int gathered_check(const char *rest, struct err *e);
int gathered_new(const struct gathered *kind, const char *rest, const char *root,
		 struct source **ret_source, struct err *e);
int gathered_job(const struct gathered *kind, const char *job, struct source_job *ret_job,
		 struct err *e);

#endif
