/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_WATCH_H
#define CTM_LINK_WATCH_H

#include "base/err.h"
#include "base/loop.h"

/* The kernel's announcements that matter to what counts on links: rtnetlink(7), from the loop. */

enum watch_what {
	WATCH_LINK_GONE, /* the link was removed, or moved to another network namespace */
	WATCH_LINK_TOUCHED, /* a qdisc or a filter of the link was removed or added */
	WATCH_ADDRESSES, /* the node's own addresses changed; link is 0 */
	WATCH_LOST, /* announcements were lost: anything may have happened; link is 0 */
};

typedef void watch_fn(void *arg, enum watch_what what, uint32_t link, uint64_t now_ns);

struct watch;

/* Returns 0 and a new *ret_watch for watch_free, or -errno with e filled. */
int watch_new(struct loop *loop, watch_fn *fn, void *arg, struct watch **ret_watch, struct err *e);
void watch_free(struct watch *w);

#endif
