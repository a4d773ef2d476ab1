/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rtnetlink's messages say. Pure. Numbers that the oldest headers lack stand here by value
 * (include/uapi/linux/if_link.h, pkt_cls.h). */
#include "rtnl.h"

#include "xalloc.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

enum { LINK_NETNSID = 37, LINK_XDP = 43, XDP_ATTACHED = 2, XDP_PROG_ID = 4 };
enum { BPF_OPS = 5 }; /* TCA_BPF_OPS: a classic program, which can only match */
#define CLS_IN_HARDWARE 4u /* TCA_CLS_FLAGS_IN_HW */

/* ---- attributes ---- */

struct attrs {
	const uint8_t *at;
	size_t len;
};

struct attr {
	unsigned type;
	const uint8_t *at;
	size_t len;
};

/* The next attribute; false at the end, or where what follows is cut off. */
static bool attr_next(struct attrs *attrs, struct attr *ret)
{
	struct nlattr a;
	size_t step;

	if (attrs->len < sizeof(a))
		return false;
	memcpy(&a, attrs->at, sizeof(a));
	if (a.nla_len < sizeof(a) || a.nla_len > attrs->len)
		return false;
	*ret = (struct attr) { a.nla_type & (unsigned)NLA_TYPE_MASK, attrs->at + sizeof(a),
			       a.nla_len - sizeof(a) };
	step = NLA_ALIGN(a.nla_len);
	if (step > attrs->len)
		step = attrs->len;
	attrs->at += step;
	attrs->len -= step;
	return true;
}

static struct attrs nested(const struct attr *a)
{
	return (struct attrs) { a->at, a->len };
}

/* The attribute of a type; false: there is none. */
static bool attr_find(struct attrs attrs, unsigned type, struct attr *ret)
{
	while (attr_next(&attrs, ret))
		if (ret->type == type)
			return true;
	return false;
}

static uint32_t attr_u32(const struct attr *a)
{
	uint32_t v = 0;

	memcpy(&v, a->at, a->len < sizeof(v) ? a->len : sizeof(v));
	return v;
}

static void attr_text(const struct attr *a, char *ret, size_t size)
{
	snprintf(ret, size, "%.*s", (int)a->len, (const char *)a->at);
}

/* Is the message of `type` whole? Its body goes to `body`, its attributes to *ret_attrs. */
static bool open_message(const void *msg, size_t len, uint16_t type, void *body, size_t body_len,
			 struct attrs *ret_attrs)
{
	size_t head = NLMSG_LENGTH(NLMSG_ALIGN(body_len));
	struct nlmsghdr h;

	if (len < sizeof(h))
		return false;
	memcpy(&h, msg, sizeof(h));
	if (h.nlmsg_type != type || h.nlmsg_len > len || h.nlmsg_len < head)
		return false;
	memcpy(body, (const uint8_t *)msg + NLMSG_HDRLEN, body_len);
	*ret_attrs = (struct attrs) { (const uint8_t *)msg + head, h.nlmsg_len - head };
	return true;
}

/* ---- links, addresses, routes ---- */

static void take_xdp(struct attrs attrs, struct rtnl_link *l)
{
	struct attr a;

	if (attr_find(attrs, XDP_ATTACHED, &a) && a.len)
		l->xdp = (enum rtnl_xdp)a.at[0];
	if (attr_find(attrs, XDP_PROG_ID, &a))
		l->xdp_program = attr_u32(&a);
}

bool rtnl_parse_link(const void *msg, size_t len, struct rtnl_link *ret_link)
{
	struct rtnl_link l = { .index = 0 };
	struct ifinfomsg info;
	struct attrs attrs;
	struct attr a, kind;

	if (!open_message(msg, len, RTM_NEWLINK, &info, sizeof(info), &attrs))
		return false;
	l.index = info.ifi_index;
	l.type = info.ifi_type;
	l.loopback = info.ifi_flags & IFF_LOOPBACK;
	while (attr_next(&attrs, &a)) {
		if (a.type == IFLA_IFNAME)
			attr_text(&a, l.name, sizeof(l.name));
		else if (a.type == IFLA_MASTER)
			l.master = (int)attr_u32(&a);
		else if (a.type == IFLA_LINKINFO && attr_find(nested(&a), IFLA_INFO_KIND, &kind))
			attr_text(&kind, l.kind, sizeof(l.kind));
		else if (a.type == LINK_NETNSID)
			l.lower_elsewhere = true;
		else if (a.type == LINK_XDP)
			take_xdp(nested(&a), &l);
	}
	*ret_link = l;
	return true;
}

/* Returns false: it is none of that family. */
static bool take_addr(const struct attr *a, enum addr_family family, struct addr *ret_addr)
{
	if (a->len != addr_octets(family))
		return false;
	ret_addr->family = (uint8_t)family;
	memcpy(ret_addr->bytes, a->at, a->len);
	return true;
}

bool rtnl_parse_address(const void *msg, size_t len, struct rtnl_address *ret_address)
{
	struct rtnl_address r = { .link = 0 };
	struct ifaddrmsg info;
	struct attrs attrs;
	struct attr a;

	if (!open_message(msg, len, RTM_NEWADDR, &info, sizeof(info), &attrs))
		return false;
	r.link = (int)info.ifa_index;
	r.addr.family = info.ifa_family == AF_INET ? ADDR_V4 : ADDR_V6;
	/* On a point-to-point link IFA_ADDRESS is the other end. */
	if (!attr_find(attrs, IFA_LOCAL, &a) && !attr_find(attrs, IFA_ADDRESS, &a))
		return false;
	if (a.len != addr_octets(r.addr.family))
		return false;
	memcpy(r.addr.bytes, a.at, a.len);
	r.prefix_len = info.ifa_prefixlen;
	*ret_address = r;
	return true;
}

bool rtnl_parse_route(const void *msg, size_t len, struct rtnl_route *ret_route)
{
	struct rtnl_route r = { .way = RTNL_WAY_REFUSED };
	struct rtmsg info;
	struct attrs attrs;
	struct attr a;

	if (!open_message(msg, len, RTM_NEWROUTE, &info, sizeof(info), &attrs))
		return false;
	r.by_default = !info.rtm_dst_len;
	if (info.rtm_type == RTN_LOCAL)
		r.way = RTNL_WAY_LOCAL;
	else if (info.rtm_type == RTN_UNICAST)
		r.way = RTNL_WAY_LINK;
	if (r.way == RTNL_WAY_LINK && attr_find(attrs, RTA_OIF, &a))
		r.link = (int)attr_u32(&a);
	r.has_gateway = r.way == RTNL_WAY_LINK && attr_find(attrs, RTA_GATEWAY, &a) &&
			take_addr(&a, info.rtm_family == AF_INET ? ADDR_V4 : ADDR_V6, &r.gateway);
	*ret_route = r;
	return true;
}

/* ---- filters ---- */

static bool is_redirect(struct attrs options)
{
	struct tc_mirred parms;
	struct attr a;

	if (!attr_find(options, TCA_MIRRED_PARMS, &a) || a.len < sizeof(parms))
		return false;
	memcpy(&parms, a.at, sizeof(parms));
	return parms.eaction == 1 || parms.eaction == 3; /* TCA_EGRESS_REDIR, TCA_INGRESS_REDIR */
}

/* Does one of a filter's actions, numbered attributes, hand the packet to another link? */
static bool redirects(struct attrs actions)
{
	struct attr action, kind, options;
	char name[RTNL_NAME_SIZE];

	while (attr_next(&actions, &action)) {
		if (!attr_find(nested(&action), 1, &kind)) /* TCA_ACT_KIND */
			continue;
		attr_text(&kind, name, sizeof(name));
		if (!strcmp(name, "mirred") && attr_find(nested(&action), 2, &options) &&
		    is_redirect(nested(&options)))
			return true;
	}
	return false;
}

/* Where each kind keeps its actions and flags. */
static const struct kind {
	const char *name;
	unsigned actions, flags;
	bool program;
} kinds[] = {
	{ "bpf", 1, 9, true },     { "flower", 3, 22, false }, { "matchall", 2, 3, false },
	{ "u32", 7, 11, false },   { "basic", 3, 0, false },   { "fw", 4, 0, false },
	{ "cgroup", 1, 0, false },
};

static void take_options(struct attrs options, struct rtnl_filter *f)
{
	struct attr a;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].name, f->kind) != 0)
			continue;
		f->program = kinds[i].program && !attr_find(options, BPF_OPS, &a);
		f->redirects = attr_find(options, kinds[i].actions, &a) && redirects(nested(&a));
		f->in_hardware = kinds[i].flags && attr_find(options, kinds[i].flags, &a) &&
				 attr_u32(&a) & CLS_IN_HARDWARE;
	}
}

bool rtnl_parse_filter(const void *msg, size_t len, struct rtnl_filter *ret_filter)
{
	struct rtnl_filter f = { .link = 0 };
	struct attrs attrs;
	struct tcmsg info;
	struct attr a;

	if (!open_message(msg, len, RTM_NEWTFILTER, &info, sizeof(info), &attrs))
		return false;
	f.link = info.tcm_ifindex;
	f.egress = (info.tcm_parent & 0xffffu) == 0xfff3u; /* TC_H_MIN_EGRESS */
	f.pref = (uint16_t)(info.tcm_info >> 16);
	if (attr_find(attrs, TCA_KIND, &a))
		attr_text(&a, f.kind, sizeof(f.kind));
	/* Each kind heads its filters by a message of its own, which has no handle or no options. */
	if (!attr_find(attrs, TCA_OPTIONS, &a) || !info.tcm_handle)
		return false;
	take_options(nested(&a), &f);
	*ret_filter = f;
	return f.program || f.redirects || f.in_hardware;
}
