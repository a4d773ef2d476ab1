/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/place_look.h"

#include "base/xalloc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BRIDGES_MAX 4 /* in a row */

struct look {
	const struct place_world *w;
	const struct addr *a;
	int netns; /* the id of the container's namespace; -1: unknown */
	struct place_result *r;
};

static void found(struct look *k, enum place_how how, const struct rtnl_link *link)
{
	k->r->how = how;
	k->r->link = link->index;
	k->r->reason[0] = '\0';
}

__attribute__((format(printf, 3, 4))) static void not_found(struct look *k, enum place_how how,
							    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(k->r->reason, sizeof(k->r->reason), fmt, ap);
	va_end(ap);
	k->r->how = how;
	k->r->link = 0;
}

/* The link of this index. NULL: the table lags behind the kernel's answer. */
static const struct rtnl_link *link_at(struct look *k, int index)
{
	const struct rtnl_link *l = linktab_at(k->w->links, index);

	if (!l) {
		k->r->awaits_link = true;
		not_found(k, PLACE_NOT, "its link (number %d) is just coming or going", index);
	}
	return l;
}

/* ---- kinds of links ---- */

static bool is_kind(const struct rtnl_link *l, const char *kind)
{
	return !strcmp(l->kind, kind);
}

/* Is it one container's own: does it end in another network namespace, or in a program (a virtual
 * machine's tap)? Before Linux 4.1 a veth does not say where its other end is. */
static bool is_own_kind(const struct rtnl_link *l)
{
	if (is_kind(l, "veth"))
		return l->lower_elsewhere || !l->lower;
	return is_kind(l, "tun") || is_kind(l, "netkit");
}

/* Of a kind whose upper links are in the containers, and lead past the node's own stack. */
static bool is_macvlan(const struct rtnl_link *l)
{
	return is_kind(l, "macvlan") || is_kind(l, "macvtap") || is_kind(l, "ipvlan") ||
	       is_kind(l, "ipvtap");
}

const struct cfg_link *place_shared_as(const struct place_world *w, const struct rtnl_link *l)
{
	for (size_t i = 0; i < w->n_shared; i++)
		if (!strcmp(w->shared[i].name, l->name))
			return &w->shared[i];
	return NULL;
}

static bool is_own(const struct look *k, const struct rtnl_link *l)
{
	return is_own_kind(l) && !place_shared_as(k->w, l);
}

/* The container's own link at this place: the link itself, or what a VLAN link stands on. */
static const struct rtnl_link *own_of(const struct look *k, const struct rtnl_link *l)
{
	const struct rtnl_link *lower = is_kind(l, "vlan") && !l->lower_elsewhere
						? linktab_at(k->w->links, l->lower)
						: NULL;

	if (is_own(k, l))
		return l;
	return lower && is_own(k, lower) ? lower : NULL;
}

/* The other end of a veth whose ends are both in this namespace, if it is a bridge's port. */
static const struct rtnl_link *bridged_peer(const struct look *k, const struct rtnl_link *l)
{
	const struct rtnl_link *peer = is_kind(l, "veth") && !l->lower_elsewhere
					       ? linktab_at(k->w->links, l->lower)
					       : NULL;

	return peer && peer->master && is_kind(peer, "veth") ? peer : NULL;
}

/* ---- bridges ---- */

/* Of a bridge with exactly two ports, such as Proxmox's firewall has for each container's link, the
 * port that is not `port`; NULL: it has another number of ports. */
static const struct rtnl_link *only_other_port(const struct look *k, const struct rtnl_link *port)
{
	const struct rtnl_link *other = NULL;
	size_t n = 0;

	for (size_t i = 0; i < linktab_count(k->w->links); i++) {
		const struct rtnl_link *l = linktab_nth(k->w->links, i);

		if (l->master != port->master)
			continue;
		n++;
		other = l->index == port->index ? other : l;
	}
	return n == 2 ? other : NULL;
}

/* vlan: that of the link on the bridge which the address is reached through; 0: the bridge itself,
 * where frames without a tag belong to its default VLAN. */
static int ask_bridge(const struct look *k, const struct rtnl_link *bridge, uint16_t vlan,
		      struct rtnl_neigh *ret_entry)
{
	const struct place_kernel *kernel = k->w->kernel;
	uint16_t id = !bridge->vlan_filtering ? 0 : vlan ? vlan : bridge->pvid;

	return kernel->forwarding(kernel->arg, bridge->index, k->r->mac, id, ret_entry);
}

static const char *mac_text(const uint8_t *m, char buf[18])
{
	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	return buf;
}

/* The port of the bridge that has the address's MAC. NULL: not found, and the reason is set. */
static const struct rtnl_link *port_of(struct look *k, const struct rtnl_link *bridge,
				       uint16_t vlan)
{
	struct rtnl_neigh entry;
	char mac[18];
	int ret = ask_bridge(k, bridge, vlan, &entry);

	mac_text(k->r->mac, mac);
	if (ret == -ENOENT)
		not_found(k, PLACE_NOT, "its MAC %s is not in the forwarding table of %s", mac,
			  bridge->name);
	else if (ret < 0)
		not_found(k, PLACE_NOT, "the forwarding table of %s cannot be queried: %s",
			  bridge->name, strerror(-ret));
	else if (entry.own)
		not_found(k, PLACE_NOT, "its MAC %s is that of a port of %s itself", mac,
			  bridge->name);
	else
		return link_at(k, entry.link);
	return NULL;
}

/* Follow the MAC from this bridge to the container's own port. */
static void through_bridge(struct look *k, const struct rtnl_link *bridge, uint16_t vlan)
{
	for (int i = 0; i < BRIDGES_MAX; i++) {
		const struct rtnl_link *port = port_of(k, bridge, vlan), *own, *peer, *other;

		if (!port)
			return;
		if (!i)
			k->r->port = port->index;
		peer = bridged_peer(k, port);
		other = peer ? only_other_port(k, peer) : NULL;
		own = own_of(k, other ? other : port);
		if (own) {
			found(k, PLACE_BRIDGE, own);
			return;
		}
		if (!peer) {
			char mac[18];

			not_found(k, PLACE_NOT,
				  "its MAC %s is behind port %s of %s, which is no container's own "
				  "link",
				  mac_text(k->r->mac, mac), port->name, bridge->name);
			return;
		}
		bridge = link_at(k, peer->master);
		vlan = 0;
		if (!bridge)
			return;
	}
	not_found(k, PLACE_NOT, "more than %d bridges in a row lead to it", BRIDGES_MAX);
}

/* The only veth into the container's namespace; master: of those that are ports of this bridge,
 * 0: of all. NULL: there is none, or several. */
static const struct rtnl_link *only_into(const struct look *k, int master)
{
	const struct rtnl_link *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < linktab_count(k->w->links); i++) {
		const struct rtnl_link *l = linktab_nth(k->w->links, i);

		if (!l->lower_elsewhere || l->netns != k->netns || !is_own(k, l) ||
		    (master && l->master != master))
			continue;
		only = l;
		n++;
	}
	return n == 1 ? only : NULL;
}

/* `out`: the link that the neighbour entry is on: the bridge, a VLAN link on it, or a veth into it.
 */
static void behind_bridge(struct look *k, const struct rtnl_link *out,
			  const struct rtnl_link *bridge, uint16_t vlan)
{
	const struct place_kernel *kernel = k->w->kernel;
	const struct rtnl_link *only = k->netns >= 0 ? only_into(k, bridge->index) : NULL;
	struct rtnl_neigh n = { .has_mac = false };
	int ret;

	if (only) {
		found(k, PLACE_NETNS, only);
		return;
	}
	ret = kernel->neigh(kernel->arg, out->index, k->a, &n);
	if (ret < 0 && ret != -ENOENT) {
		not_found(k, PLACE_NOT, "the neighbour table of %s cannot be queried: %s",
			  out->name, strerror(-ret));
		return;
	}
	if (!n.has_mac) {
		not_found(k, PLACE_NOT,
			  "%s has no neighbour entry for it yet: the node has not exchanged a "
			  "packet with it",
			  out->name);
		return;
	}
	k->r->has_mac = true;
	memcpy(k->r->mac, n.mac, sizeof(n.mac));
	through_bridge(k, bridge, vlan);
}

/* ---- the route ---- */

static void no_own_link(struct look *k, const struct rtnl_link *l)
{
	if (!strncmp(l->name, "venet", 5))
		not_found(k, PLACE_NOT,
			  "many containers share %s: name it in the configuration, [netfilter] "
			  "link = %s",
			  l->name, l->name);
	else if (is_macvlan(l))
		not_found(k, PLACE_NEVER,
			  "it is behind %s (%s): such a container has no link of its own on the "
			  "node",
			  l->name, l->kind);
	else if (l->index == k->w->away[k->a->family])
		not_found(k, PLACE_NOT,
			  "its route leads out through %s, as the default route: no link of its "
			  "own is there (macvlan, ipvlan and SR-IOV have none)",
			  l->name);
	else
		not_found(k, PLACE_NOT,
			  "its route leads out through %s, which is no container's own link "
			  "(macvlan, ipvlan and SR-IOV have none)",
			  l->name);
}

static void through_link(struct look *k, const struct rtnl_link *out)
{
	const struct rtnl_link *own, *lower, *peer;

	lower = is_kind(out, "vlan") ? linktab_at(k->w->links, out->lower) : NULL;
	if (is_kind(out, "bridge")) {
		behind_bridge(k, out, out, 0);
		return;
	}
	if (lower && is_kind(lower, "bridge")) {
		behind_bridge(k, out, lower, out->vlan);
		return;
	}
	peer = bridged_peer(k, out);
	lower = peer ? linktab_at(k->w->links, peer->master) : NULL;
	if (lower) {
		behind_bridge(k, out, lower, 0);
		return;
	}
	own = own_of(k, out);
	if (own && out->index != k->w->away[k->a->family])
		found(k, PLACE_ROUTE, own);
	else
		no_own_link(k, out);
}

static void by_route(struct look *k)
{
	const struct place_kernel *kernel = k->w->kernel;
	struct rtnl_route route = { .way = RTNL_WAY_UNKNOWN };
	const struct rtnl_link *out;
	char text[ADDR_TEXT_SIZE];
	int ret = kernel->route(kernel->arg, k->a, &route);

	if (ret < 0)
		not_found(k, PLACE_NOT, "its route cannot be queried: %s", strerror(-ret));
	else if (route.way == RTNL_WAY_LOCAL)
		not_found(k, PLACE_NOT, "it is an address of the node itself");
	else if (route.way != RTNL_WAY_LINK)
		not_found(k, PLACE_NOT, "no route leads to it: its link is down or does not exist");
	else if (!route.link)
		not_found(k, PLACE_NOT, "its route leads out through several links");
	if (ret < 0 || route.way != RTNL_WAY_LINK || !route.link)
		return;
	k->r->out = route.link;
	out = link_at(k, route.link);
	if (!out)
		return;
	if (route.has_gateway)
		not_found(k, PLACE_NOT,
			  "its route leads through the gateway %s on %s, away from this node",
			  addr_format(&route.gateway, text), out->name);
	else
		through_link(k, out);
}

/* ---- the rest ---- */

/* A bridge is no container's own link, even if the source says so. */
static void by_name(struct look *k, const char *name)
{
	const struct rtnl_link *l = linktab_named(k->w->links, name);

	if (!l)
		not_found(k, PLACE_NOT, "its link %s, which the inventory names, does not exist",
			  name);
	else if (l->loopback || (is_kind(l, "bridge") && !place_shared_as(k->w, l)))
		not_found(k, PLACE_NOT,
			  "its link %s, which the inventory names, is %s: name the container's own "
			  "port",
			  name, l->loopback ? "the loopback" : "a bridge");
	else
		found(k, place_shared_as(k->w, l) ? PLACE_SHARED : PLACE_TOLD, l);
}

/* A container with several veths needs the route, too: see behind_bridge. */
static void by_netns(struct look *k)
{
	const struct rtnl_link *only = only_into(k, 0);

	if (only)
		found(k, PLACE_NETNS, only);
}

/* The shared link where an address counts that was not found elsewhere; NULL: none. First one that
 * its route leads out through; then any uplink that exists. */
static const struct rtnl_link *shared_for(const struct look *k)
{
	const struct rtnl_link *out = k->r->out ? linktab_at(k->w->links, k->r->out) : NULL;

	if (out && place_shared_as(k->w, out))
		return out;
	for (size_t i = 0; i < k->w->n_shared; i++) {
		const struct rtnl_link *l = linktab_named(k->w->links, k->w->shared[i].name);

		if (l && k->w->shared[i].side == CFG_SIDE_UPLINK)
			return l;
	}
	return NULL;
}

void place_look(const struct place_world *w, const struct addr *a, const char *link, int netns,
		struct place_result *ret_result)
{
	struct look k = { .w = w, .a = a, .netns = netns, .r = ret_result };
	const struct rtnl_link *shared;

	memset(ret_result, 0, sizeof(*ret_result));
	if (link) {
		by_name(&k, link);
		return;
	}
	if (netns >= 0)
		by_netns(&k);
	if (!ret_result->link)
		by_route(&k);
	shared = ret_result->link ? NULL : shared_for(&k);
	if (shared)
		found(&k, PLACE_SHARED, shared);
}
