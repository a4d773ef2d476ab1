/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which addresses an event of the kernel concerns. */
#include "netlink/place_room.h"

#include <linux/rtnetlink.h>
#include <string.h>

#define RECHECK_NS NS_PER_S /* after events were lost */

/* Whether tables of the kernel decide about this address, not the source. */
static bool is_searched(const struct place *p, size_t i)
{
	return !p->trails[i].name;
}

/* Whether it has no link that is only its own. */
static bool is_unplaced(const struct place *p, size_t i)
{
	return !p->spots[i].link || p->spots[i].how == PLACE_SHARED;
}

static void mark_all(struct place *p)
{
	for (size_t i = 0; i < p->n; i++)
		place_mark(p, i);
}

/* ---- links ---- */

static bool is_shared(const struct place *p, const struct rtnl_link *l)
{
	return place_shared_as(&p->world, l) != NULL;
}

static void on_link(void *arg, const struct rtnl_link *was, const struct rtnl_link *is,
		    uint64_t now_ns)
{
	struct place *p = arg;
	bool named = strcmp(was->name, is->name) != 0;

	(void)now_ns;
	if (!links_known(p->links))
		return; /* nothing was looked for yet */
	if (named && (is_shared(p, is) || is_shared(p, was)))
		mark_all(p);
	for (size_t i = 0; i < p->n; i++) {
		const struct place_trail *t = &p->trails[i];
		bool unplaced = is_unplaced(p, i);

		if ((named && t->name && !strcmp(t->name, is->name)) || t->awaits_link ||
		    (t->netns >= 0 && t->netns == is->netns) ||
		    (unplaced && is_searched(p, i) &&
		     (t->out == is->index || t->port == is->index || t->has_mac)))
			place_mark(p, i);
		if (named && p->spots[i].link == (uint32_t)is->index)
			p->news = true;
	}
}

static void on_link_gone(void *arg, int index, uint64_t now_ns)
{
	struct place *p = arg;

	(void)now_ns;
	for (size_t i = 0; i < p->n; i++) {
		if (p->spots[i].link != (uint32_t)index)
			continue;
		p->spots[i].link = 0;
		p->spots[i].how = PLACE_NOT;
		p->news = true;
		place_mark(p, i);
	}
}

static void on_end(void *arg, uint64_t now_ns)
{
	place_work(arg, now_ns);
}

/* ---- routes ---- */

/* The first address that is not before `first`. */
static size_t find_first(const struct place *p, const struct addr *first)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (addr_cmp(&p->spots[middle].addr, first) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A default route decides only where no other route leads. */
static void on_prefix(struct place *p, const struct rtnl_prefix *prefix)
{
	struct addr first = addr_prefix(&prefix->first, prefix->len);

	if (!prefix->len)
		p->away_stale = true;
	for (size_t i = find_first(p, &first); i < p->n; i++) {
		struct addr of = addr_prefix(&p->spots[i].addr, prefix->len);

		if (addr_cmp(&of, &first) != 0)
			return;
		if (is_searched(p, i) && (prefix->len || is_unplaced(p, i)))
			place_mark(p, i);
	}
}

static void on_route(void *arg, const void *msg, size_t len, uint64_t now_ns)
{
	const struct nlmsghdr *h = msg;
	struct rtnl_prefix prefix;
	struct place *p = arg;

	(void)now_ns;
	if (h->nlmsg_type == RTM_NEWRULE || h->nlmsg_type == RTM_DELRULE) {
		p->away_stale = true;
		for (size_t i = 0; i < p->n; i++)
			if (is_searched(p, i))
				place_mark(p, i);
	} else if (rtnl_parse_prefix(msg, len, &prefix)) {
		on_prefix(p, &prefix);
	}
}

/* ---- neighbours and forwarding ---- */

static bool is_same_mac(const struct place_trail *t, const uint8_t *mac)
{
	return t->has_mac && !memcmp(t->mac, mac, sizeof(t->mac));
}

static void on_neigh(void *arg, const void *msg, size_t len, uint64_t now_ns)
{
	struct rtnl_neigh n;
	struct place *p = arg;
	size_t i;

	(void)now_ns;
	if (!rtnl_parse_neigh(msg, len, &n) || !n.has_mac)
		return;
	if (n.of_bridge) {
		for (i = 0; i < p->n; i++)
			if (is_same_mac(&p->trails[i], n.mac) && is_searched(p, i) &&
			    (is_unplaced(p, i) || p->trails[i].port != n.link))
				place_mark(p, i);
		return;
	}
	i = find_first(p, &n.addr);
	if (i < p->n && !addr_cmp(&p->spots[i].addr, &n.addr) && is_searched(p, i) &&
	    !is_same_mac(&p->trails[i], n.mac))
		place_mark(p, i);
}

/* ---- lost events ---- */

static void on_lost(void *arg, uint64_t now_ns)
{
	struct place *p = arg;

	if (!p->recheck.at_ns)
		loop_timer_set(p->loop, &p->recheck, now_ns + RECHECK_NS);
}

static void on_recheck(void *arg, uint64_t now_ns)
{
	struct place *p = arg;

	p->away_stale = true;
	for (size_t i = 0; i < p->n; i++)
		if (is_searched(p, i))
			place_mark(p, i);
	place_work(p, now_ns);
}

int place_listen(struct place *p, struct err *e)
{
	static const unsigned route_groups[] = { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
						 RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, 0 };
	static const unsigned neigh_groups[] = { RTNLGRP_NEIGH, 0 };
	static const struct links_fns links_fns = { on_link, on_link_gone, on_end };
	static const struct nlhear_fns route_fns = { on_route, on_lost, on_end };
	static const struct nlhear_fns neigh_fns = { on_neigh, on_lost, on_end };
	int ret;

	loop_timer_init(&p->recheck, on_recheck, p);
	ret = nlhear_new(p->loop, route_groups, "routes", &route_fns, p, &p->routes, e);
	if (!ret)
		ret = nlhear_new(p->loop, neigh_groups, "neighbours", &neigh_fns, p, &p->neighs, e);
	if (!ret)
		ret = links_new(p->loop, &links_fns, p, &p->links, e);
	return ret;
}

void place_deafen(struct place *p)
{
	loop_timer_clear(p->loop, &p->recheck);
	links_free(p->links);
	nlhear_free(p->neighs);
	nlhear_free(p->routes);
}
