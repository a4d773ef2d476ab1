/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnetlink's messages, made by hand; and the kernel's own about the loopback link, which every
 * network namespace has. */
#include "base/xalloc.h"
#include "netlink/rtnl.h"
#include "seed.h"

#include <check.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a message ---- */

struct msg {
	uint8_t at[1024] __attribute__((aligned(8)));
	size_t len;
};

static struct msg msg_new(uint16_t type, const void *body, size_t len)
{
	struct nlmsghdr h = { .nlmsg_type = type };
	struct msg m = { .len = NLMSG_LENGTH(NLMSG_ALIGN(len)) };

	memcpy(m.at, &h, sizeof(h));
	memcpy(m.at + NLMSG_HDRLEN, body, len);
	return m;
}

/* An attribute at the end; returns where it begins. */
static size_t msg_put(struct msg *m, unsigned type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = (uint16_t)type };
	size_t begin = m->len;

	memcpy(m->at + begin, &a, sizeof(a));
	if (len)
		memcpy(m->at + begin + NLA_HDRLEN, data, len);
	m->len += NLA_ALIGN(a.nla_len);
	return begin;
}

static void msg_put_text(struct msg *m, unsigned type, const char *text)
{
	msg_put(m, type, text, strlen(text) + 1);
}

static void msg_put_u32(struct msg *m, unsigned type, uint32_t n)
{
	msg_put(m, type, &n, sizeof(n));
}

/* All that was put since `begin` becomes nested in the attribute there. */
static void msg_nest(struct msg *m, size_t begin)
{
	struct nlattr a;

	memcpy(&a, m->at + begin, sizeof(a));
	a.nla_len = (uint16_t)(m->len - begin);
	a.nla_type |= NLA_F_NESTED;
	memcpy(m->at + begin, &a, sizeof(a));
}

static const void *msg_end(struct msg *m)
{
	uint32_t len = (uint32_t)m->len;

	memcpy(m->at, &len, sizeof(len));
	return m->at;
}

/* ---- links ---- */

static struct msg link_msg(void)
{
	struct ifinfomsg info = { .ifi_index = 7, .ifi_type = 1, .ifi_flags = IFF_UP };
	struct msg m = msg_new(RTM_NEWLINK, &info, sizeof(info));
	size_t begin;

	msg_put_text(&m, IFLA_IFNAME, "vc1");
	msg_put_u32(&m, IFLA_MASTER, 3);
	begin = msg_put(&m, IFLA_LINKINFO, NULL, 0);
	msg_put_text(&m, IFLA_INFO_KIND, "veth");
	msg_nest(&m, begin);
	begin = msg_put(&m, 43, NULL, 0); /* IFLA_XDP */
	msg_put(&m, 2, "\x02", 1); /* IFLA_XDP_ATTACHED: SKB */
	msg_put_u32(&m, 4, 12); /* IFLA_XDP_PROG_ID */
	msg_nest(&m, begin);
	return m;
}

START_TEST(rtnl_parse_link_takes_what_is_told)
{
	struct msg m = link_msg();
	struct rtnl_link l;

	ck_assert(rtnl_parse_link(msg_end(&m), m.len, &l));
	ck_assert_int_eq(l.index, 7);
	ck_assert_int_eq(l.master, 3);
	ck_assert_str_eq(l.name, "vc1");
	ck_assert_str_eq(l.kind, "veth");
	ck_assert_int_eq(l.xdp, RTNL_XDP_SKB);
	ck_assert_uint_eq(l.xdp_program, 12);
	ck_assert(!l.lower && !l.lower_elsewhere && !l.loopback);
	msg_put_u32(&m, IFLA_LINK, 8);
	ck_assert(rtnl_parse_link(msg_end(&m), m.len, &l));
	ck_assert(l.lower == 8 && !l.lower_elsewhere);
	msg_put_u32(&m, 37, 0); /* IFLA_LINK_NETNSID */
	ck_assert(rtnl_parse_link(msg_end(&m), m.len, &l));
	ck_assert(l.lower_elsewhere);
}
END_TEST

/* A bridge announces its ports in the same kind of message, with less in it. */
START_TEST(rtnl_parse_link_of_a_bridge_family_is_none)
{
	struct ifinfomsg info = { .ifi_family = AF_BRIDGE, .ifi_index = 7 };
	struct msg m = msg_new(RTM_NEWLINK, &info, sizeof(info));
	struct msg gone = msg_new(RTM_DELLINK, &info, sizeof(info));
	struct rtnl_link l;
	int index = 0;

	msg_put_text(&m, IFLA_IFNAME, "vc1");
	ck_assert(!rtnl_parse_link(msg_end(&m), m.len, &l));
	ck_assert(!rtnl_parse_link_gone(msg_end(&gone), gone.len, &index));
	info.ifi_family = AF_UNSPEC;
	gone = msg_new(RTM_DELLINK, &info, sizeof(info));
	ck_assert(rtnl_parse_link_gone(msg_end(&gone), gone.len, &index));
	ck_assert_int_eq(index, 7);
}
END_TEST

START_TEST(rtnl_parse_link_kinds_say_their_vlan)
{
	struct ifinfomsg info = { .ifi_index = 7 };
	struct msg m = msg_new(RTM_NEWLINK, &info, sizeof(info));
	size_t begin = msg_put(&m, IFLA_LINKINFO, NULL, 0), data;
	struct rtnl_link l;

	msg_put_text(&m, IFLA_INFO_KIND, "bridge");
	data = msg_put(&m, 2, NULL, 0); /* IFLA_INFO_DATA */
	msg_put(&m, 7, "\x01", 1); /* IFLA_BR_VLAN_FILTERING */
	msg_put(&m, 39, "\x05\x00", 2); /* IFLA_BR_VLAN_DEFAULT_PVID */
	msg_nest(&m, data);
	msg_nest(&m, begin);
	ck_assert(rtnl_parse_link(msg_end(&m), m.len, &l));
	ck_assert(l.vlan_filtering && l.pvid == 5 && !l.vlan);
	m = msg_new(RTM_NEWLINK, &info, sizeof(info));
	begin = msg_put(&m, IFLA_LINKINFO, NULL, 0);
	msg_put_text(&m, IFLA_INFO_KIND, "vlan");
	data = msg_put(&m, 2, NULL, 0);
	msg_put(&m, 1, "\x07\x00", 2); /* IFLA_VLAN_ID */
	msg_nest(&m, data);
	msg_nest(&m, begin);
	ck_assert(rtnl_parse_link(msg_end(&m), m.len, &l));
	ck_assert(!l.vlan_filtering && !l.pvid && l.vlan == 7);
}
END_TEST

static struct msg neigh_msg(uint8_t family, uint16_t state)
{
	struct ndmsg info = { .ndm_family = family, .ndm_ifindex = 9, .ndm_state = state };
	struct msg m = msg_new(RTM_NEWNEIGH, &info, sizeof(info));

	if (family != AF_BRIDGE)
		msg_put(&m, NDA_DST, "\xc0\x00\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0",
			family == AF_INET ? 4 : 16);
	msg_put(&m, NDA_LLADDR, "\x02\0\0\0\0\x09", 6);
	return m;
}

START_TEST(rtnl_parse_neigh_takes_what_is_told)
{
	struct msg m = neigh_msg(AF_INET, NUD_STALE);
	struct rtnl_neigh n;

	ck_assert(rtnl_parse_neigh(msg_end(&m), m.len, &n));
	ck_assert(!n.of_bridge && n.link == 9 && n.has_mac && n.mac[5] == 9 && !n.own);
	ck_assert(n.addr.family == ADDR_V4 && n.addr.bytes[0] == 192);
	m = neigh_msg(AF_INET6, NUD_PERMANENT);
	ck_assert(rtnl_parse_neigh(msg_end(&m), m.len, &n));
	ck_assert(n.addr.family == ADDR_V6 && n.has_mac && !n.own);
	m = neigh_msg(AF_INET, NUD_FAILED);
	ck_assert(rtnl_parse_neigh(msg_end(&m), m.len, &n) && !n.has_mac);
	m = neigh_msg(AF_BRIDGE, NUD_REACHABLE);
	ck_assert(rtnl_parse_neigh(msg_end(&m), m.len, &n));
	ck_assert(n.of_bridge && n.has_mac && !n.own);
	m = neigh_msg(AF_BRIDGE, NUD_PERMANENT);
	ck_assert(rtnl_parse_neigh(msg_end(&m), m.len, &n) && n.own);
}
END_TEST

START_TEST(rtnl_parse_prefix_takes_routes_that_come_and_go)
{
	struct rtmsg info = { .rtm_family = AF_INET, .rtm_dst_len = 24 };
	struct msg m = msg_new(RTM_DELROUTE, &info, sizeof(info));
	struct rtnl_prefix p;

	ck_assert(!rtnl_parse_prefix(msg_end(&m), m.len, &p)); /* without its destination */
	msg_put(&m, RTA_DST, "\xc0\x00\x02\x00", 4);
	ck_assert(rtnl_parse_prefix(msg_end(&m), m.len, &p));
	ck_assert(p.len == 24 && p.first.bytes[2] == 2);
	info.rtm_dst_len = 33;
	m = msg_new(RTM_NEWROUTE, &info, sizeof(info));
	msg_put(&m, RTA_DST, "\xc0\x00\x02\x00", 4);
	ck_assert(!rtnl_parse_prefix(msg_end(&m), m.len, &p));
	info.rtm_dst_len = 0;
	info.rtm_family = AF_INET6;
	m = msg_new(RTM_NEWROUTE, &info, sizeof(info));
	ck_assert(rtnl_parse_prefix(msg_end(&m), m.len, &p));
	ck_assert(!p.len && p.first.family == ADDR_V6);
	info.rtm_family = AF_MPLS;
	m = msg_new(RTM_NEWROUTE, &info, sizeof(info));
	ck_assert(!rtnl_parse_prefix(msg_end(&m), m.len, &p));
}
END_TEST

START_TEST(rtnl_parse_link_cut_off_or_rubbish_is_survived)
{
	uint64_t seed = seed_random("rtnl_parse_link_cut_off_or_rubbish_is_survived");
	struct msg good = link_msg();
	struct rtnl_link l;

	msg_end(&good);
	ck_assert(!rtnl_parse_route(good.at, good.len, &(struct rtnl_route) { .link = 0 }));
	for (size_t len = 0; len < good.len; len++) {
		uint8_t *copy = xmalloc(len); /* so that a look behind it is found */

		memcpy(copy, good.at, len);
		ck_assert(!rtnl_parse_link(copy, len, &l));
		free(copy);
	}
	for (int i = 0; i < 100000; i++) {
		uint8_t *copy = xmalloc(good.len);

		memcpy(copy, good.at, good.len);
		for (unsigned k = next_random(&seed) % 4 + 1; k; k--)
			copy[next_random(&seed) % good.len] = (uint8_t)next_random(&seed);
		rtnl_parse_link(copy, good.len, &l);
		free(copy);
	}
}
END_TEST

/* ---- addresses, routes ---- */

START_TEST(rtnl_parse_address_prefers_the_own_end)
{
	struct ifaddrmsg info = { .ifa_family = AF_INET, .ifa_index = 5, .ifa_prefixlen = 24 };
	struct msg m = msg_new(RTM_NEWADDR, &info, sizeof(info));
	struct rtnl_address a;
	char text[ADDR_TEXT_SIZE];

	ck_assert(!rtnl_parse_address(msg_end(&m), m.len, &a));
	msg_put(&m, IFA_ADDRESS, "\xc0\x00\x02\x01", 4);
	ck_assert(rtnl_parse_address(msg_end(&m), m.len, &a));
	ck_assert_str_eq(addr_format(&a.addr, text), "192.0.2.1");
	msg_put(&m, IFA_LOCAL, "\xc0\x00\x02\x02", 4);
	ck_assert(rtnl_parse_address(msg_end(&m), m.len, &a));
	ck_assert_str_eq(addr_format(&a.addr, text), "192.0.2.2");
	ck_assert_int_eq(a.link, 5);
	ck_assert_uint_eq(a.prefix_len, 24);
	info.ifa_family = AF_INET6;
	m = msg_new(RTM_NEWADDR, &info, sizeof(info));
	msg_put(&m, IFA_ADDRESS, "\xc0\x00\x02\x01", 4); /* too short for IPv6 */
	ck_assert(!rtnl_parse_address(msg_end(&m), m.len, &a));
}
END_TEST

static struct rtnl_route route_of(unsigned char type, unsigned char dst_len)
{
	struct rtmsg info = { .rtm_family = AF_INET, .rtm_type = type, .rtm_dst_len = dst_len };
	struct msg m = msg_new(RTM_NEWROUTE, &info, sizeof(info));
	struct rtnl_route r;

	msg_put_u32(&m, RTA_OIF, 9);
	ck_assert(rtnl_parse_route(msg_end(&m), m.len, &r));
	return r;
}

START_TEST(rtnl_parse_route_ways)
{
	ck_assert_int_eq(route_of(RTN_UNICAST, 32).way, RTNL_WAY_LINK);
	ck_assert_int_eq(route_of(RTN_UNICAST, 32).link, 9);
	ck_assert(!route_of(RTN_UNICAST, 32).by_default);
	ck_assert(route_of(RTN_UNICAST, 0).by_default);
	ck_assert_int_eq(route_of(RTN_LOCAL, 32).way, RTNL_WAY_LOCAL);
	ck_assert_int_eq(route_of(RTN_UNREACHABLE, 32).way, RTNL_WAY_REFUSED);
	ck_assert_int_eq(route_of(RTN_BLACKHOLE, 32).way, RTNL_WAY_REFUSED);
}
END_TEST

START_TEST(rtnl_parse_route_gateway)
{
	struct rtmsg info = { .rtm_family = AF_INET, .rtm_type = RTN_UNICAST };
	struct msg m = msg_new(RTM_NEWROUTE, &info, sizeof(info));
	struct rtnl_route r;
	char text[ADDR_TEXT_SIZE];

	ck_assert(rtnl_parse_route(msg_end(&m), m.len, &r));
	ck_assert(!r.has_gateway);
	msg_put(&m, RTA_GATEWAY, "\xc0\x00\x02\x01", 4);
	ck_assert(rtnl_parse_route(msg_end(&m), m.len, &r));
	ck_assert(r.has_gateway);
	ck_assert_str_eq(addr_format(&r.gateway, text), "192.0.2.1");
	info.rtm_family = AF_INET6;
	m = msg_new(RTM_NEWROUTE, &info, sizeof(info));
	msg_put(&m, RTA_GATEWAY, "\xc0\x00\x02\x01", 4); /* too short for IPv6 */
	ck_assert(rtnl_parse_route(msg_end(&m), m.len, &r));
	ck_assert(!r.has_gateway);
}
END_TEST

/* ---- filters ---- */

static struct msg filter_msg(const char *kind, uint32_t handle)
{
	struct tcmsg info = { .tcm_ifindex = 4,
			      .tcm_handle = handle,
			      .tcm_parent = 0xfffffff3,
			      .tcm_info = 49152u << 16 };
	struct msg m = msg_new(RTM_NEWTFILTER, &info, sizeof(info));

	msg_put_text(&m, TCA_KIND, kind);
	return m;
}

/* One action of a filter whose actions are attribute `type`. */
static void put_action(struct msg *m, unsigned type, const char *kind, int eaction)
{
	struct tc_mirred parms = { .eaction = eaction };
	size_t options = msg_put(m, TCA_OPTIONS, NULL, 0), actions = msg_put(m, type, NULL, 0);
	size_t action = msg_put(m, 1, NULL, 0), inside;

	msg_put_text(m, 1, kind); /* TCA_ACT_KIND */
	inside = msg_put(m, 2, NULL, 0); /* TCA_ACT_OPTIONS */
	msg_put(m, TCA_MIRRED_PARMS, &parms, sizeof(parms));
	msg_nest(m, inside);
	msg_nest(m, action);
	msg_nest(m, actions);
	msg_nest(m, options);
}

static bool takes_away(struct msg m, struct rtnl_filter *ret)
{
	return rtnl_parse_filter(msg_end(&m), m.len, ret);
}

START_TEST(rtnl_parse_filter_redirects)
{
	struct msg m = filter_msg("u32", 0x80000800);
	struct rtnl_filter f = { .link = 0 };

	ck_assert(!takes_away(m, &f));
	put_action(&m, 7, "mirred", 1);
	ck_assert(takes_away(m, &f));
	ck_assert(f.redirects && !f.program && !f.in_hardware && f.egress);
	ck_assert_int_eq(f.link, 4);
	ck_assert_uint_eq(f.pref, 49152);
	ck_assert_str_eq(f.kind, "u32");
	m = filter_msg("u32", 0); /* the head of all u32 filters */
	put_action(&m, 7, "mirred", 1);
	ck_assert(!takes_away(m, &f));
	m = filter_msg("flower", 1);
	put_action(&m, 3, "mirred", 2); /* a mirror leaves the packet on its way */
	ck_assert(!takes_away(m, &f));
	m = filter_msg("matchall", 1);
	put_action(&m, 2, "mirred", 3);
	ck_assert(takes_away(m, &f));
	m = filter_msg("matchall", 1);
	put_action(&m, 2, "gact", 1);
	ck_assert(!takes_away(m, &f));
	m = filter_msg("unheard of", 1);
	put_action(&m, 2, "mirred", 1);
	ck_assert(!takes_away(m, &f));
}
END_TEST

START_TEST(rtnl_parse_filter_programs_and_hardware)
{
	struct rtnl_filter f = { .link = 0 };
	struct msg m = filter_msg("bpf", 1);
	size_t begin = msg_put(&m, TCA_OPTIONS, NULL, 0);

	msg_put_text(&m, 7, "prog.o:[x]"); /* TCA_BPF_NAME */
	msg_nest(&m, begin);
	ck_assert(takes_away(m, &f));
	ck_assert(f.program && !f.redirects);
	m = filter_msg("bpf", 1);
	begin = msg_put(&m, TCA_OPTIONS, NULL, 0);
	msg_put(&m, 5, "\6\0\0\0\1\0\0\0", 8); /* TCA_BPF_OPS: a classic one */
	msg_nest(&m, begin);
	ck_assert(!takes_away(m, &f));
	m = filter_msg("flower", 1);
	begin = msg_put(&m, TCA_OPTIONS, NULL, 0);
	msg_put_u32(&m, 22, 8); /* TCA_FLOWER_FLAGS: not in hardware */
	msg_nest(&m, begin);
	ck_assert(!takes_away(m, &f));
	m = filter_msg("flower", 1);
	begin = msg_put(&m, TCA_OPTIONS, NULL, 0);
	msg_put_u32(&m, 22, 4); /* in hardware */
	msg_nest(&m, begin);
	ck_assert(takes_away(m, &f));
	ck_assert(f.in_hardware);
}
END_TEST

/* ---- the kernel ---- */

START_TEST(rtnl_questions_about_the_loopback)
{
	struct addr own = { .family = ADDR_V4, .bytes = { 127, 0, 0, 1 } };
	struct rtnl_filter *filters = NULL;
	struct rtnl_link *links = NULL;
	struct rtnl_route route;
	bool found = false;
	size_t n;
	int fd = rtnl_open();

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(rtnl_links(fd, &links, &n), 0);
	for (size_t i = 0; i < n; i++)
		found = found || (links[i].loopback && !strcmp(links[i].name, "lo") &&
				  links[i].index == (int)if_nametoindex("lo"));
	ck_assert(found);
	ck_assert_int_eq(rtnl_route(fd, &own, &route), 0);
	ck_assert(route.way == RTNL_WAY_LOCAL || route.way == RTNL_WAY_NONE); /* lo may be down */
	ck_assert_int_eq(rtnl_filters(fd, &filters, &n), 0);
	free(filters);
	free(links);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rtnl");
	TCase *tc = tcase_create("rtnl");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, rtnl_parse_link_takes_what_is_told);
	tcase_add_test(tc, rtnl_parse_link_cut_off_or_rubbish_is_survived);
	tcase_add_test(tc, rtnl_parse_link_of_a_bridge_family_is_none);
	tcase_add_test(tc, rtnl_parse_link_kinds_say_their_vlan);
	tcase_add_test(tc, rtnl_parse_neigh_takes_what_is_told);
	tcase_add_test(tc, rtnl_parse_prefix_takes_routes_that_come_and_go);
	tcase_add_test(tc, rtnl_parse_address_prefers_the_own_end);
	tcase_add_test(tc, rtnl_parse_route_ways);
	tcase_add_test(tc, rtnl_parse_route_gateway);
	tcase_add_test(tc, rtnl_parse_filter_redirects);
	tcase_add_test(tc, rtnl_parse_filter_programs_and_hardware);
	tcase_add_test(tc, rtnl_questions_about_the_loopback);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
