/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_SETTLE_H
#define CTM_INV_SETTLE_H

/* Under which id is a container of a runtime counted? A parser asks it for each container, so that
 * parsers need no memory. */
struct inv_settle {
	/* runtime_id: the runtime's own id of it. name: what it is called now. Returns the id,
	 * valid until the next call, or NULL: leave this container out for now. */
	const char *(*id)(void *arg, const char *runtime_id, const char *name);
	void *arg;
};

#endif
