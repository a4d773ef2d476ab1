/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINKS_H
#define CTM_LINKS_H

#include "base/err.h"
#include "base/loop.h"
#include "netlink/linktab.h"

/* A live mirror of the links of this network namespace, kept by the kernel's events.
 * 1. At the start, and when events were lost, all links are dumped; until such a dump is whole,
 *    links_known is false or the mirror may lag. No dump is begun within 100 ms of another.
 * 2. `changed` is called for each difference, from the loop. An index that is given to another
 *    link is reported gone before it comes. */

struct links;

struct links_fns {
	/* A link came (was->index is 0) or changed. */
	void (*changed)(void *arg, const struct rtnl_link *was, const struct rtnl_link *is,
			uint64_t now_ns);
	/* A link is gone; it is still in the table during the call. */
	void (*gone)(void *arg, int index, uint64_t now_ns);
	/* After one or more of these calls, and when links_known has become true. */
	void (*end)(void *arg, uint64_t now_ns);
};

/* Returns 0 and a new *ret_links for links_free, or -errno with e filled. */
int links_new(struct loop *loop, const struct links_fns *fns, void *arg, struct links **ret_links,
	      struct err *e);
void links_free(struct links *links);

/* Whether the table has been whole once. */
bool links_known(const struct links *links);

/* Borrowed; it changes only in the loop. */
const struct linktab *links_table(const struct links *links);

#endif
