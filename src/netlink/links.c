/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/links.h"

#include "base/xalloc.h"
#include "netlink/nlhear.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define DUMP_PAUSE_NS (100 * NS_PER_MS)
#define TRIES 5

#ifndef NLM_F_DUMP_INTR
#define NLM_F_DUMP_INTR 16 /* Linux 3.1 */
#endif

struct links {
	struct loop *loop;
	struct nlhear *hear;
	struct loop_timer timer;
	struct linktab *table;
	struct links_fns fns;
	void *arg;
	uint64_t now_ns; /* while the table is swept */
	unsigned tries; /* dumps in a row that were not whole */
	bool known;
	bool dumping, again; /* a dump is under way; it missed something */
	bool news; /* to report the end of */
};

static void begin_dump(void *arg, uint64_t now_ns)
{
	struct links *l = arg;

	if (l->dumping) {
		l->again = true;
		return;
	}
	linktab_mark(l->table);
	l->again = false;
	l->dumping = !nlhear_dump(l->hear, RTM_GETLINK);
	if (!l->dumping)
		loop_timer_set(l->loop, &l->timer, now_ns + DUMP_PAUSE_NS);
}

static void on_gone(void *arg, int index)
{
	struct links *l = arg;

	l->fns.gone(l->arg, index, l->now_ns);
	l->news = true;
}

static void end_dump(struct links *l, bool whole, uint64_t now_ns)
{
	whole = whole && !l->again;
	l->dumping = false;
	l->tries = whole ? 0 : l->tries + 1;
	l->now_ns = now_ns;
	if (whole)
		linktab_sweep(l->table, on_gone, l);
	else
		loop_timer_set(l->loop, &l->timer, now_ns + DUMP_PAUSE_NS);
	/* While links come and go all the time no dump is whole, but the events tell the rest. */
	if (!whole && l->tries < TRIES)
		return;
	l->news = l->news || !l->known;
	l->known = true;
}

static void put(struct links *l, const struct rtnl_link *link, uint64_t now_ns)
{
	struct rtnl_link was;

	/* Not every kind of message names the link. */
	if (!*link->name || !linktab_put(l->table, link, &was))
		return;
	l->fns.changed(l->arg, &was, link, now_ns);
	l->news = true;
}

static void on_msg(void *arg, const void *msg, size_t len, uint64_t now_ns)
{
	const struct nlmsghdr *h = msg;
	struct links *l = arg;
	struct rtnl_link link;
	int index;

	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		l->again = true;
	if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
		end_dump(l, h->nlmsg_type == NLMSG_DONE, now_ns);
	} else if (rtnl_parse_link(msg, len, &link)) {
		put(l, &link, now_ns);
	} else if (rtnl_parse_link_gone(msg, len, &index) && linktab_at(l->table, index)) {
		l->now_ns = now_ns;
		on_gone(l, index);
		linktab_remove(l->table, index);
	}
}

static void on_lost(void *arg, uint64_t now_ns)
{
	struct links *l = arg;

	l->again = true;
	if (!l->dumping && !l->timer.at_ns)
		loop_timer_set(l->loop, &l->timer, now_ns + DUMP_PAUSE_NS);
}

static void on_end(void *arg, uint64_t now_ns)
{
	struct links *l = arg;

	if (l->news)
		l->fns.end(l->arg, now_ns);
	l->news = false;
}

int links_new(struct loop *loop, const struct links_fns *fns, void *arg, struct links **ret_links,
	      struct err *e)
{
	static const unsigned groups[] = { RTNLGRP_LINK, 0 };
	static const struct nlhear_fns hear_fns = { on_msg, on_lost, on_end };
	struct links *l = xcalloc(1, sizeof(*l));
	int ret;

	*l = (struct links) { .loop = loop, .fns = *fns, .arg = arg, .table = linktab_new() };
	loop_timer_init(&l->timer, begin_dump, l);
	ret = nlhear_new(loop, groups, "links", &hear_fns, l, &l->hear, e);
	if (ret < 0) {
		links_free(l);
		return ret;
	}
	begin_dump(l, loop_now_ns());
	*ret_links = l;
	return 0;
}

void links_free(struct links *l)
{
	if (!l)
		return;
	loop_timer_clear(l->loop, &l->timer);
	nlhear_free(l->hear);
	linktab_free(l->table);
	free(l);
}

bool links_known(const struct links *l)
{
	return l->known;
}

const struct linktab *links_table(const struct links *l)
{
	return l->table;
}
