/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsers of rtnetlink messages. Pure. Constants that the oldest headers lack are defined here by
 * value (include/uapi/linux/if_link.h, pkt_cls.h). */
#include "netlink/rtnl.h"

#include "base/xalloc.h"

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

enum { LINK_NETNSID = 37, LINK_XDP = 43, XDP_ATTACHED = 2, XDP_PROG_ID = 4 };
enum { INFO_DATA = 2, VLAN_ID = 1, BR_VLAN_FILTERING = 7, BR_VLAN_DEFAULT_PVID = 39 };
enum { BPF_OPS = 5 }; /* TCA_BPF_OPS: a classic BPF program, which can only match */
#define CLS_IN_HARDWARE 4u /* TCA_CLS_FLAGS_IN_HW */

/* ---- attributes ---- */

/* Is this a complete message of `type` with a body of `body_len` octets? The padding must be
 * present too, since libmnl reads attributes up to the padded end. */
static bool is_whole(const struct nlmsghdr *h, size_t len, uint16_t type, size_t body_len)
{
	return len >= sizeof(*h) && h->nlmsg_type == type && h->nlmsg_len <= len &&
	       MNL_ALIGN(h->nlmsg_len) <= len &&
	       h->nlmsg_len >= MNL_NLMSG_HDRLEN + MNL_ALIGN(body_len);
}

/* The attribute of this type in a message whose body has `body_len` octets, or NULL. */
static const struct nlattr *find(const struct nlmsghdr *h, size_t body_len, unsigned type)
{
	const struct nlattr *a;

	mnl_attr_for_each (a, h, body_len)
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static const struct nlattr *find_nested(const struct nlattr *nest, unsigned type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, nest)
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

/* A number of at most 4 octets; 0 when there is no attribute. */
static uint32_t number(const struct nlattr *a)
{
	uint16_t len = a ? mnl_attr_get_payload_len(a) : 0;
	uint32_t v = 0;

	if (len)
		memcpy(&v, mnl_attr_get_payload(a), len < sizeof(v) ? len : sizeof(v));
	return v;
}

/* Copy a text that need not end with NUL; without an attribute ret is unchanged. */
static void text(const struct nlattr *a, char *ret, size_t size)
{
	if (a)
		snprintf(ret, size, "%.*s", (int)mnl_attr_get_payload_len(a),
			 (const char *)mnl_attr_get_payload(a));
}

/* ---- links, addresses, routes ---- */

static void take_xdp(const struct nlattr *xdp, struct rtnl_link *l)
{
	l->xdp = (enum rtnl_xdp)number(find_nested(xdp, XDP_ATTACHED));
	l->xdp_program = number(find_nested(xdp, XDP_PROG_ID));
}

static void take_kind(const struct nlattr *linkinfo, struct rtnl_link *l)
{
	const struct nlattr *data = find_nested(linkinfo, INFO_DATA);

	text(find_nested(linkinfo, IFLA_INFO_KIND), l->kind, sizeof(l->kind));
	if (data && !strcmp(l->kind, "vlan")) {
		l->vlan = (uint16_t)number(find_nested(data, VLAN_ID));
	} else if (data && !strcmp(l->kind, "bridge")) {
		l->vlan_filtering = number(find_nested(data, BR_VLAN_FILTERING));
		l->pvid = (uint16_t)number(find_nested(data, BR_VLAN_DEFAULT_PVID));
	}
}

bool rtnl_parse_link(const void *msg, size_t len, struct rtnl_link *ret_link)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);
	struct rtnl_link l = { .netns = -1 };
	const struct nlattr *a;

	/* A bridge announces its ports with messages of its own family. */
	if (!is_whole(msg, len, RTM_NEWLINK, sizeof(*info)) || info->ifi_family != AF_UNSPEC)
		return false;
	l.index = info->ifi_index;
	l.type = info->ifi_type;
	l.loopback = info->ifi_flags & IFF_LOOPBACK;
	mnl_attr_for_each (a, msg, sizeof(*info)) {
		unsigned type = mnl_attr_get_type(a);

		if (type == IFLA_IFNAME)
			text(a, l.name, sizeof(l.name));
		else if (type == IFLA_MASTER)
			l.master = (int)number(a);
		else if (type == IFLA_LINKINFO)
			take_kind(a, &l);
		else if (type == IFLA_LINK)
			l.lower = (int)number(a);
		else if (type == LINK_NETNSID)
			l.lower_elsewhere = true, l.netns = (int)number(a);
		else if (type == LINK_XDP)
			take_xdp(a, &l);
	}
	*ret_link = l;
	return true;
}

bool rtnl_parse_link_gone(const void *msg, size_t len, int *ret_index)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);

	if (!is_whole(msg, len, RTM_DELLINK, sizeof(*info)) || info->ifi_family != AF_UNSPEC)
		return false;
	*ret_index = info->ifi_index;
	return true;
}

/* False: no address of that family. */
static bool take_addr(const struct nlattr *a, enum addr_family family, struct addr *ret_addr)
{
	if (!a || mnl_attr_get_payload_len(a) != addr_octets(family))
		return false;
	ret_addr->family = (uint8_t)family;
	memcpy(ret_addr->bytes, mnl_attr_get_payload(a), addr_octets(family));
	return true;
}

bool rtnl_parse_address(const void *msg, size_t len, struct rtnl_address *ret_address)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(msg);
	struct rtnl_address r = { .link = 0 };
	const struct nlattr *a;

	if (!is_whole(msg, len, RTM_NEWADDR, sizeof(*info)))
		return false;
	/* On a point-to-point link IFA_ADDRESS is the other end. */
	a = find(msg, sizeof(*info), IFA_LOCAL);
	if (!a)
		a = find(msg, sizeof(*info), IFA_ADDRESS);
	if (!take_addr(a, info->ifa_family == AF_INET ? ADDR_V4 : ADDR_V6, &r.addr))
		return false;
	r.link = (int)info->ifa_index;
	r.prefix_len = info->ifa_prefixlen;
	r.global = info->ifa_scope == RT_SCOPE_UNIVERSE || info->ifa_scope == RT_SCOPE_SITE;
	r.failed = info->ifa_flags & IFA_F_DADFAILED;
	*ret_address = r;
	return true;
}

bool rtnl_parse_route(const void *msg, size_t len, struct rtnl_route *ret_route)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(msg);
	struct rtnl_route r = { .way = RTNL_WAY_REFUSED };

	if (!is_whole(msg, len, RTM_NEWROUTE, sizeof(*info)))
		return false;
	r.by_default = !info->rtm_dst_len;
	if (info->rtm_type == RTN_LOCAL)
		r.way = RTNL_WAY_LOCAL;
	else if (info->rtm_type == RTN_UNICAST)
		r.way = RTNL_WAY_LINK;
	if (r.way == RTNL_WAY_LINK) {
		r.link = (int)number(find(msg, sizeof(*info), RTA_OIF));
		r.has_gateway =
			take_addr(find(msg, sizeof(*info), RTA_GATEWAY),
				  info->rtm_family == AF_INET ? ADDR_V4 : ADDR_V6, &r.gateway);
	}
	*ret_route = r;
	return true;
}

bool rtnl_parse_prefix(const void *msg, size_t len, struct rtnl_prefix *ret_prefix)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(msg);
	enum addr_family family;
	struct rtnl_prefix p = { .len = 0 };
	const struct nlattr *dst;

	if (!is_whole(msg, len, RTM_NEWROUTE, sizeof(*info)) &&
	    !is_whole(msg, len, RTM_DELROUTE, sizeof(*info)))
		return false;
	if (info->rtm_family != AF_INET && info->rtm_family != AF_INET6)
		return false;
	family = info->rtm_family == AF_INET ? ADDR_V4 : ADDR_V6;
	p.first.family = (uint8_t)family;
	dst = find(msg, sizeof(*info), RTA_DST);
	if (info->rtm_dst_len > addr_octets(family) * 8 ||
	    (info->rtm_dst_len && !take_addr(dst, family, &p.first)))
		return false;
	p.len = info->rtm_dst_len;
	*ret_prefix = p;
	return true;
}

/* A state in which the MAC is known, be it old. */
static bool is_resolved(uint16_t state)
{
	return state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT);
}

bool rtnl_parse_neigh(const void *msg, size_t len, struct rtnl_neigh *ret_neigh)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(msg);
	struct rtnl_neigh n = { .link = 0 };
	const struct nlattr *mac;

	if (!is_whole(msg, len, RTM_NEWNEIGH, sizeof(*info)))
		return false;
	n.of_bridge = info->ndm_family == AF_BRIDGE;
	if (!n.of_bridge && !take_addr(find(msg, sizeof(*info), NDA_DST),
				       info->ndm_family == AF_INET ? ADDR_V4 : ADDR_V6, &n.addr))
		return false;
	n.link = info->ndm_ifindex;
	n.own = n.of_bridge && info->ndm_state & NUD_PERMANENT;
	mac = find(msg, sizeof(*info), NDA_LLADDR);
	n.has_mac = mac && mnl_attr_get_payload_len(mac) == sizeof(n.mac) &&
		    (n.of_bridge || is_resolved(info->ndm_state));
	if (n.has_mac)
		memcpy(n.mac, mnl_attr_get_payload(mac), sizeof(n.mac));
	*ret_neigh = n;
	return true;
}

/* ---- filters ---- */

static bool is_redirect(const struct nlattr *options)
{
	const struct nlattr *a = options ? find_nested(options, TCA_MIRRED_PARMS) : NULL;
	struct tc_mirred parms;

	if (!a || mnl_attr_get_payload_len(a) < sizeof(parms))
		return false;
	memcpy(&parms, mnl_attr_get_payload(a), sizeof(parms));
	return parms.eaction == 1 || parms.eaction == 3; /* TCA_EGRESS_REDIR, TCA_INGRESS_REDIR */
}

/* Does one of the filter's actions (numbered attributes) redirect the packet to another link? */
static bool redirects(const struct nlattr *actions)
{
	const struct nlattr *action;

	mnl_attr_for_each_nested (action, actions) {
		char kind[RTNL_NAME_SIZE] = "";

		text(find_nested(action, 1), kind, sizeof(kind)); /* TCA_ACT_KIND */
		if (!strcmp(kind, "mirred") && is_redirect(find_nested(action, 2)))
			return true;
	}
	return false;
}

/* The attribute numbers of the actions and flags of each kind. */
static const struct kind {
	const char *name;
	unsigned actions, flags;
	bool program;
} kinds[] = {
	{ "bpf", 1, 9, true },     { "flower", 3, 22, false }, { "matchall", 2, 3, false },
	{ "u32", 7, 11, false },   { "basic", 3, 0, false },   { "fw", 4, 0, false },
	{ "cgroup", 1, 0, false },
};

static void take_options(const struct nlattr *options, struct rtnl_filter *f)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct kind *k = &kinds[i];
		const struct nlattr *actions;

		if (strcmp(k->name, f->kind) != 0)
			continue;
		actions = find_nested(options, k->actions);
		f->program = k->program && !find_nested(options, BPF_OPS);
		f->redirects = actions && redirects(actions);
		f->in_hardware =
			k->flags && number(find_nested(options, k->flags)) & CLS_IN_HARDWARE;
	}
}

bool rtnl_parse_filter(const void *msg, size_t len, struct rtnl_filter *ret_filter)
{
	const struct tcmsg *info = mnl_nlmsg_get_payload(msg);
	struct rtnl_filter f = { .link = 0 };
	const struct nlattr *options;

	if (!is_whole(msg, len, RTM_NEWTFILTER, sizeof(*info)))
		return false;
	f.link = info->tcm_ifindex;
	f.egress = (info->tcm_parent & 0xffffu) == 0xfff3u; /* TC_H_MIN_EGRESS */
	f.pref = (uint16_t)(info->tcm_info >> 16);
	text(find(msg, sizeof(*info), TCA_KIND), f.kind, sizeof(f.kind));
	/* A dump has one header message for each kind, which lacks a handle or options. */
	options = find(msg, sizeof(*info), TCA_OPTIONS);
	if (!options || !info->tcm_handle)
		return false;
	take_options(options, &f);
	*ret_filter = f;
	return f.program || f.redirects || f.in_hardware;
}
