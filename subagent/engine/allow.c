/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/allow.h"

#include "base/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WORK_NS (20 * NS_PER_MS)
#define ANSWER_MS 50
#define WAYS_MAX 32 /* links of one container, bridges, VLAN links on them */

/* What was found out about one claim. */
struct verdict {
	struct addr addr;
	char *owner;
	int netns;
	unsigned round; /* in which it was found out */
	bool allowed;
};

struct allow {
	struct links *links;
	int fd; /* for routes; -1: none */
	unsigned round;
	struct verdict *list; /* sorted by address, then as in the inventory */
	size_t n;
};

/* ---- links ---- */

/* The links through which the node reaches a container. */
struct ways {
	const struct linktab *links;
	int at[WAYS_MAX];
	size_t n;
};

static bool is_kind(const struct rtnl_link *l, const char *kind)
{
	return !strcmp(l->kind, kind);
}

static bool has_way(const struct ways *w, int index)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->at[i] == index)
			return true;
	return false;
}

static void add_way(struct ways *w, int index)
{
	if (index && w->n < WAYS_MAX && !has_way(w, index))
		w->at[w->n++] = index;
}

/* What stands on this link, or is reached through it: the bridge that it is a port of, a VLAN link
 * on it, and the other end of a veth between two bridges, as Proxmox's firewall has it. */
static void climb(struct ways *w, const struct rtnl_link *l)
{
	const struct rtnl_link *master = l->master ? linktab_at(w->links, l->master) : NULL;

	if (master && is_kind(master, "bridge"))
		add_way(w, master->index);
	for (size_t i = 0; i < linktab_count(w->links); i++) {
		const struct rtnl_link *on = linktab_nth(w->links, i);
		bool crosses = is_kind(on, "veth") && !on->lower_elsewhere && on->lower;

		if (is_kind(on, "vlan") && !on->lower_elsewhere && on->lower == l->index)
			add_way(w, on->index);
		else if (crosses && is_kind(l, "bridge") && on->master == l->index)
			add_way(w, on->lower);
	}
}

/* Returns whether the container has a link that the node knows. */
static bool find_ways(struct ways *w, const struct linktab *links, int netns)
{
	*w = (struct ways) { .links = links };
	for (size_t i = 0; netns >= 0 && i < linktab_count(links); i++) {
		const struct rtnl_link *l = linktab_nth(links, i);

		if (l->lower_elsewhere && l->netns == netns)
			add_way(w, l->index);
	}
	for (size_t i = 0; i < w->n; i++) {
		const struct rtnl_link *l = linktab_at(links, w->at[i]);

		if (l)
			climb(w, l);
	}
	return w->n;
}

/* Of a kind behind which containers are. */
static bool is_usual_way(const struct linktab *links, int index)
{
	const struct rtnl_link *l = linktab_at(links, index);
	const struct rtnl_link *lower =
		l && is_kind(l, "vlan") ? linktab_at(links, l->lower) : NULL;

	return l && (is_kind(l, "bridge") || is_kind(l, "veth") || is_kind(l, "tun") ||
		     is_kind(l, "netkit") || (lower && is_kind(lower, "bridge")));
}

/* ---- verdicts ---- */

static void reopen(struct allow *al)
{
	struct timeval patience = { .tv_usec = ANSWER_MS * 1000 };

	if (al->fd >= 0)
		close(al->fd);
	al->fd = rtnl_open();
	if (al->fd >= 0)
		setsockopt(al->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static bool is_permitted(const struct cfg *cfg, const struct addr *a)
{
	for (size_t i = 0; i < cfg->inventory.n_allow; i++) {
		const struct cfg_prefix *p = &cfg->inventory.allow[i];
		struct addr first = addr_prefix(a, p->len);

		if (a->family == p->first.family && !addr_cmp(&first, &p->first))
			return true;
	}
	return false;
}

static bool leads_there(struct allow *al, const struct addr *a, int netns, bool holds)
{
	struct rtnl_route route = { .way = RTNL_WAY_UNKNOWN };
	struct ways ways;
	int ret = rtnl_route(al->fd, a, &route);

	if (ret < 0 && ret != -ENETUNREACH)
		reopen(al);
	if (route.way == RTNL_WAY_LOCAL)
		return true; /* the node's own, which is worse: nodeaddr_mark says it */
	if (route.way != RTNL_WAY_LINK || route.by_default)
		return holds;
	if (route.has_gateway || !route.link)
		return false;
	if (netns < 0)
		return is_usual_way(links_table(al->links), route.link);
	return find_ways(&ways, links_table(al->links), netns) && has_way(&ways, route.link);
}

/* The verdict of before; NULL: none, or the container's namespace is another now. */
static const struct verdict *find(const struct allow *al, const struct addr *a, const char *owner,
				  int netns)
{
	size_t low = 0, high = al->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (addr_cmp(&al->list[middle].addr, a) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < al->n && !addr_cmp(&al->list[low].addr, a); low++)
		if (!strcmp(al->list[low].owner, owner) && al->list[low].netns == netns)
			return &al->list[low];
	return NULL;
}

static void free_list(struct verdict *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].owner);
	free(list);
}

/* One sweep over an inventory. */
struct sweep {
	struct allow *al;
	const struct cfg *cfg;
	const struct ledger *l;
	uint64_t until_ns;
	struct verdict *list;
	size_t n, cap;
	bool unfinished;
};

/* Returns whether it is known. */
static bool judge(struct sweep *s, const struct addr *a, const char *owner, int netns,
		  bool *ret_allowed)
{
	const struct verdict *old = find(s->al, a, owner, netns);
	const char *holder = ledger_holder(s->l, a);
	struct verdict v = { .addr = *a, .netns = netns, .round = s->al->round };

	if (old && old->round == s->al->round) {
		v.allowed = old->allowed;
	} else if (loop_now_ns() >= s->until_ns) {
		s->unfinished = true;
		if (!old)
			return false;
		v.allowed = old->allowed;
		v.round = old->round;
	} else {
		v.allowed =
			s->cfg->inventory.n_allow
				? is_permitted(s->cfg, a)
				: leads_there(s->al, a, netns, holder && !strcmp(holder, owner));
	}
	v.owner = xstrdup(owner);
	s->list = xgrow(s->list, s->n, &s->cap, sizeof(*s->list));
	s->list[s->n++] = v;
	*ret_allowed = v.allowed;
	return true;
}

bool allow_mark(struct allow *al, const struct cfg *cfg, const struct ledger *l,
		allow_netns_fn *netns, void *arg, struct inventory *inv)
{
	struct sweep s = { .al = al,
			   .cfg = cfg,
			   .l = l,
			   .until_ns = loop_now_ns() + WORK_NS,
			   .unfinished = !links_known(al->links) };
	size_t kept = 0;

	for (size_t i = 0; i < inv->n_addresses; i++) {
		struct inv_address *a = &inv->addresses[kept];
		const char *owner;
		bool allowed = true;

		*a = inv->addresses[i];
		owner = inv->containers[a->container].id;
		if (a->rank == INV_FOUND &&
		    (!links_known(al->links) ||
		     !judge(&s, &a->addr, owner, netns(arg, owner), &allowed))) {
			inv->doubtful = true;
			continue;
		}
		if (!allowed)
			a->unfit = INV_NOT_ALLOWED;
		kept++;
	}
	inv->n_addresses = kept;
	if (links_known(al->links)) {
		free_list(al->list, al->n);
		al->list = s.list;
		al->n = s.n;
	}
	return !s.unfinished;
}

void allow_renew(struct allow *al)
{
	al->round++;
}

unsigned allow_round(const struct allow *al)
{
	return al->round;
}

/* ---- life ---- */

static void on_changed(void *arg, const struct rtnl_link *was, const struct rtnl_link *is,
		       uint64_t now_ns)
{
	(void)was;
	(void)is;
	(void)now_ns;
	allow_renew(arg);
}

static void on_gone(void *arg, int index, uint64_t now_ns)
{
	(void)index;
	(void)now_ns;
	allow_renew(arg);
}

static void on_end(void *arg, uint64_t now_ns)
{
	(void)arg;
	(void)now_ns;
}

int allow_new(struct loop *loop, struct allow **ret_allow, struct err *e)
{
	static const struct links_fns fns = { on_changed, on_gone, on_end };
	struct allow *al = xcalloc(1, sizeof(*al));
	int ret;

	al->fd = -1;
	reopen(al);
	ret = links_new(loop, &fns, al, &al->links, e);
	if (ret < 0) {
		allow_free(al);
		return ret;
	}
	*ret_allow = al;
	return 0;
}

void allow_free(struct allow *al)
{
	if (!al)
		return;
	links_free(al->links);
	if (al->fd >= 0)
		close(al->fd);
	free_list(al->list, al->n);
	free(al);
}
