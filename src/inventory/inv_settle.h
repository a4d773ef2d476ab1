/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_SETTLE_H
#define CTM_INV_SETTLE_H

#include <sys/types.h>

/* Under which id is a container of a runtime counted, and which process is in its network? A parser
 * asks this for each container, so that parsers need no memory. */
struct inv_settle {
	/* runtime_id: the runtime's own id of it. name: what it is called now. Returns the id,
	 * valid until the next call, or NULL: leave this container out for now. */
	const char *(*id)(void *arg, const char *runtime_id, const char *name);
	/* Its process, if the list that is parsed has none; 0: unknown. NULL: always unknown. */
	pid_t (*pid)(void *arg, const char *runtime_id);
	void *arg;
};

#endif
