/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One address's link, found among links and tables made by hand: every layout, also those that the
 * kernel of the test machine lacks. */
#include "addrs.h"
#include "base/xalloc.h"
#include "netlink/place_look.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct linktab *links;
static struct rtnl_route route;
static int route_ret;
static struct {
	int link;
	struct rtnl_neigh entry;
} neighs[4];
static size_t n_neighs;
static struct {
	int bridge, port;
	uint8_t mac;
	uint16_t vlan;
	bool own;
} forwarding[8];
static size_t n_forwarding;
static int forwarding_ret;

static int ask_route(void *arg, const struct addr *a, struct rtnl_route *ret_route)
{
	(void)arg;
	(void)a;
	if (!route_ret)
		*ret_route = route;
	return route_ret;
}

static int ask_neigh(void *arg, int link, const struct addr *a, struct rtnl_neigh *ret_neigh)
{
	(void)arg;
	(void)a;
	for (size_t i = 0; i < n_neighs; i++)
		if (neighs[i].link == link) {
			*ret_neigh = neighs[i].entry;
			return 0;
		}
	return -ENOENT;
}

static int ask_forwarding(void *arg, int bridge, const uint8_t *mac, uint16_t vlan,
			  struct rtnl_neigh *ret_neigh)
{
	(void)arg;
	for (size_t i = 0; i < n_forwarding; i++)
		if (forwarding[i].bridge == bridge && forwarding[i].mac == mac[5] &&
		    forwarding[i].vlan == vlan) {
			*ret_neigh = (struct rtnl_neigh) { .of_bridge = true,
							   .link = forwarding[i].port,
							   .own = forwarding[i].own };
			return 0;
		}
	return forwarding_ret ? forwarding_ret : -ENOENT;
}

static struct place_kernel kernel = { ask_route, ask_neigh, ask_forwarding, NULL };
static struct place_world world = { .kernel = &kernel };

static void link_is(int index, const char *name, const char *kind, int master, int lower,
		    bool elsewhere)
{
	struct rtnl_link was, l = { .index = index,
				    .master = master,
				    .type = 1,
				    .lower = lower,
				    .lower_elsewhere = elsewhere,
				    .netns = elsewhere ? index : -1,
				    .loopback = index == 1 };

	snprintf(l.name, sizeof(l.name), "%s", name);
	snprintf(l.kind, sizeof(l.kind), "%s", kind);
	linktab_put(links, &l, &was);
}

static void veth_is(int index, const char *name, int master)
{
	link_is(index, name, "veth", master, 2, true);
}

static void bridge_is(int index, const char *name, bool vlans)
{
	struct rtnl_link was, l = { .index = index, .type = 1, .netns = -1 };

	snprintf(l.name, sizeof(l.name), "%s", name);
	strcpy(l.kind, "bridge");
	l.vlan_filtering = vlans;
	l.pvid = 1;
	linktab_put(links, &l, &was);
}

static void vlan_is(int index, const char *name, int lower, uint16_t id)
{
	struct rtnl_link was,
		l = { .index = index, .type = 1, .netns = -1, .lower = lower, .vlan = id };

	snprintf(l.name, sizeof(l.name), "%s", name);
	strcpy(l.kind, "vlan");
	linktab_put(links, &l, &was);
}

static void route_is(int link)
{
	route = (struct rtnl_route) { .way = RTNL_WAY_LINK, .link = link };
}

static void neigh_is(int link, uint8_t mac)
{
	neighs[n_neighs].link = link;
	neighs[n_neighs++].entry = (struct rtnl_neigh) { .link = link,
							 .has_mac = true,
							 .mac = { 2, 0, 0, 0, 0, mac } };
}

static void port_is(int bridge, uint8_t mac, uint16_t vlan, int port)
{
	forwarding[n_forwarding].bridge = bridge;
	forwarding[n_forwarding].mac = mac;
	forwarding[n_forwarding].vlan = vlan;
	forwarding[n_forwarding++].port = port;
}

static struct place_result look_for(const char *link, int netns)
{
	struct addr a = addr_of("192.0.2.1");
	struct place_result r;

	place_look(&world, &a, link, netns, &r);
	ck_assert_int_eq(!r.link, r.how == PLACE_NOT || r.how == PLACE_NEVER);
	ck_assert_int_eq(!r.link, *r.reason != '\0');
	return r;
}

#define FOUND(link_name, netns, expected_how, index)                              \
	do {                                                                      \
		struct place_result r_ = look_for(link_name, netns);              \
		ck_assert_msg(r_.link == (index) && r_.how == (expected_how),     \
			      "link %d, how %d: %s", r_.link, r_.how, r_.reason); \
	} while (0)

#define NOT_FOUND(link_name, expected_how, words)                                        \
	do {                                                                             \
		struct place_result r_ = look_for(link_name, -1);                        \
		ck_assert_msg(!r_.link && r_.how == (expected_how), "link %d", r_.link); \
		ck_assert_msg(strstr(r_.reason, words) != NULL, "%s", r_.reason);        \
	} while (0)

static void begin(void)
{
	links = linktab_new();
	world.links = links;
	link_is(1, "lo", "", 0, 0, false);
	link_is(2, "eth0", "", 0, 0, false);
	world.away[ADDR_V4] = 2;
	route = (struct rtnl_route) { .way = RTNL_WAY_NONE };
}

static void end(void)
{
	linktab_free(links);
}

START_TEST(place_look_told_link_wins)
{
	veth_is(10, "veth101i0", 0);
	veth_is(11, "other", 0);
	bridge_is(12, "br0", false);
	route_is(11);
	FOUND("veth101i0", 11, PLACE_TOLD, 10);
	FOUND("eth0", -1, PLACE_TOLD, 2);
	NOT_FOUND("veth102i0", PLACE_NOT, "veth102i0, which the inventory names, does not exist");
	NOT_FOUND("br0", PLACE_NOT, "is a bridge");
	NOT_FOUND("lo", PLACE_NOT, "is the loopback");
}
END_TEST

START_TEST(place_look_netns_finds_its_only_veth)
{
	veth_is(10, "v10", 0);
	veth_is(11, "v11", 0);
	FOUND(NULL, 11, PLACE_NETNS, 11);
	route_is(10);
	FOUND(NULL, 11, PLACE_NETNS, 11);
	FOUND(NULL, 12, PLACE_ROUTE, 10); /* nothing leads there */
	FOUND(NULL, -1, PLACE_ROUTE, 10);
}
END_TEST

/* Before the first packet, when no neighbour is known yet. */
START_TEST(place_look_netns_of_several_veths_finds_the_port_of_its_bridge)
{
	struct rtnl_link was, first;

	bridge_is(20, "br0", false);
	bridge_is(21, "br1", false);
	veth_is(10, "v10", 20);
	veth_is(11, "v11", 21);
	first = *linktab_at(links, 10);
	first.netns = 11; /* both lead there */
	linktab_put(links, &first, &was);
	route_is(20);
	FOUND(NULL, 11, PLACE_NETNS, 10);
	route_is(21);
	FOUND(NULL, 11, PLACE_NETNS, 11);
	NOT_FOUND(NULL, PLACE_NOT, "no neighbour entry"); /* without the namespace */
	veth_is(12, "v12", 20);
	first = *linktab_at(links, 12);
	first.netns = 11;
	linktab_put(links, &first, &was);
	route_is(20);
	neigh_is(20, 7);
	port_is(20, 7, 0, 12);
	FOUND(NULL, 11, PLACE_BRIDGE, 12); /* two ports of it lead there */
}
END_TEST

START_TEST(place_look_route_to_own_link)
{
	veth_is(10, "v10", 0);
	link_is(11, "tap101i0", "tun", 0, 0, false);
	link_is(12, "old", "veth", 0, 0, false); /* of a kernel that does not name the peer */
	link_is(13, "nk0", "netkit", 0, 3, true);
	vlan_is(14, "v10.7", 10, 7);
	for (int i = 10; i <= 13; i++) {
		route_is(i);
		FOUND(NULL, -1, PLACE_ROUTE, i);
	}
	route_is(14);
	FOUND(NULL, -1, PLACE_ROUTE, 10);
}
END_TEST

START_TEST(place_look_route_elsewhere_says_so)
{
	link_is(10, "mv0", "macvlan", 0, 2, false);
	link_is(11, "iv0", "ipvlan", 0, 2, false);
	link_is(12, "venet0", "", 0, 0, false);
	link_is(13, "eth1", "", 0, 0, false);
	veth_is(14, "up", 0);
	NOT_FOUND(NULL, PLACE_NOT, "no route leads to it");
	route_is(2);
	NOT_FOUND(NULL, PLACE_NOT, "leads out through eth0, as the default route");
	route_is(13);
	NOT_FOUND(NULL, PLACE_NOT, "leads out through eth1, which is no container's own link");
	route_is(10);
	NOT_FOUND(NULL, PLACE_NEVER, "behind mv0 (macvlan)");
	route_is(11);
	NOT_FOUND(NULL, PLACE_NEVER, "behind iv0 (ipvlan)");
	route_is(12);
	NOT_FOUND(NULL, PLACE_NOT, "link = venet0");
	route_is(14);
	route.has_gateway = true;
	route.gateway = addr_of("192.0.2.254");
	NOT_FOUND(NULL, PLACE_NOT, "gateway 192.0.2.254 on up");
	route_is(14);
	world.away[ADDR_V4] = 14; /* a node that is a container itself */
	NOT_FOUND(NULL, PLACE_NOT, "as the default route");
	route_is(0);
	NOT_FOUND(NULL, PLACE_NOT, "several links");
	route.way = RTNL_WAY_LOCAL;
	NOT_FOUND(NULL, PLACE_NOT, "the node itself");
	route_ret = -EAGAIN;
	NOT_FOUND(NULL, PLACE_NOT, "cannot be queried");
}
END_TEST

START_TEST(place_look_link_to_come_is_awaited)
{
	struct place_result r;

	route_is(50);
	r = look_for(NULL, -1);
	ck_assert(!r.link && r.awaits_link);
	veth_is(50, "v", 0);
	r = look_for(NULL, -1);
	ck_assert(r.link == 50 && !r.awaits_link);
}
END_TEST

START_TEST(place_look_bridge_follows_the_mac)
{
	struct place_result r;

	bridge_is(10, "br0", false);
	veth_is(11, "v11", 10);
	link_is(12, "tap12", "tun", 10, 0, false);
	link_is(13, "eth1", "", 10, 0, false);
	route_is(10);
	NOT_FOUND(NULL, PLACE_NOT, "br0 has no neighbour entry for it yet");
	neighs[0].link = 10;
	n_neighs = 1; /* incomplete */
	NOT_FOUND(NULL, PLACE_NOT, "br0 has no neighbour entry for it yet");
	n_neighs = 0;
	neigh_is(10, 9);
	NOT_FOUND(NULL, PLACE_NOT, "02:00:00:00:00:09 is not in the forwarding table of br0");
	port_is(10, 9, 0, 11);
	r = look_for(NULL, -1);
	ck_assert(r.link == 11 && r.how == PLACE_BRIDGE && r.out == 10 && r.port == 11);
	ck_assert(r.has_mac && r.mac[5] == 9);
	forwarding[0].port = 12;
	FOUND(NULL, -1, PLACE_BRIDGE, 12);
	forwarding[0].port = 13;
	NOT_FOUND(NULL, PLACE_NOT, "behind port eth1 of br0, which is no container's own link");
	forwarding[0].port = 99;
	ck_assert(look_for(NULL, -1).awaits_link);
	forwarding[0].own = true;
	NOT_FOUND(NULL, PLACE_NOT, "that of a port of br0 itself");
	n_forwarding = 0;
	forwarding_ret = -EOPNOTSUPP;
	NOT_FOUND(NULL, PLACE_NOT, "forwarding table of br0 cannot be queried");
}
END_TEST

/* Proxmox: veth101i0 - fwbr101i0 - fwln101i0, fwpr101p0 - vmbr0. */
static void firewall_bridge(void)
{
	bridge_is(10, "vmbr0", false);
	bridge_is(20, "fwbr101i0", false);
	link_is(21, "fwpr101p0", "veth", 10, 22, false);
	link_is(22, "fwln101i0", "veth", 20, 21, false);
	veth_is(23, "veth101i0", 20);
	route_is(10);
	neigh_is(10, 9);
	port_is(10, 9, 0, 21);
}

/* Of the firewall's bridge only the other port can be the container's, whatever its table says. */
START_TEST(place_look_firewall_bridge_is_passed)
{
	firewall_bridge();
	FOUND(NULL, -1, PLACE_BRIDGE, 23);
	port_is(20, 9, 0, 22);
	FOUND(NULL, -1, PLACE_BRIDGE, 23);
	/* A third port: now the table decides. */
	link_is(24, "tap7", "tun", 20, 0, false);
	NOT_FOUND(NULL, PLACE_NOT, "more than 4 bridges");
	forwarding[1].port = 24;
	FOUND(NULL, -1, PLACE_BRIDGE, 24);
	forwarding[1].port = 23;
	FOUND(NULL, -1, PLACE_BRIDGE, 23);
}
END_TEST

START_TEST(place_look_bridges_in_a_circle_end)
{
	bridge_is(10, "a", false);
	bridge_is(20, "b", false);
	link_is(11, "ab", "veth", 10, 21, false);
	link_is(21, "ba", "veth", 20, 11, false);
	link_is(12, "x", "", 10, 0, false);
	link_is(22, "y", "", 20, 0, false);
	link_is(23, "z", "", 20, 0, false);
	route_is(10);
	neigh_is(10, 9);
	port_is(10, 9, 0, 11);
	port_is(20, 9, 0, 21);
	NOT_FOUND(NULL, PLACE_NOT, "more than 4 bridges");
}
END_TEST

/* The same MAC in two VLANs is two stations. */
START_TEST(place_look_vlan_aware_bridge_by_vlan)
{
	bridge_is(10, "vmbr0", true);
	veth_is(11, "v11", 10);
	veth_is(12, "v12", 10);
	vlan_is(13, "vmbr0.7", 10, 7);
	port_is(10, 9, 1, 11);
	port_is(10, 9, 7, 12);
	neigh_is(10, 9);
	neigh_is(13, 9);
	route_is(10);
	FOUND(NULL, -1, PLACE_BRIDGE, 11);
	route_is(13);
	FOUND(NULL, -1, PLACE_BRIDGE, 12);
}
END_TEST

/* A route into a veth whose other end is a port of a bridge of this node. */
START_TEST(place_look_veth_into_a_bridge)
{
	bridge_is(10, "br0", false);
	link_is(11, "in", "veth", 0, 12, false);
	link_is(12, "port", "veth", 10, 11, false);
	veth_is(13, "v13", 10);
	route_is(11);
	neigh_is(11, 9);
	port_is(10, 9, 0, 13);
	FOUND(NULL, -1, PLACE_BRIDGE, 13);
}
END_TEST

START_TEST(place_look_shared_links_come_last)
{
	static const struct cfg_link shared[] = {
		{ (char *)"venet0", CFG_SIDE_CONTAINERS },
		{ (char *)"br0", CFG_SIDE_CONTAINERS },
		{ (char *)"eth0", CFG_SIDE_UPLINK },
		{ (char *)"eth9", CFG_SIDE_UPLINK },
	};

	link_is(10, "venet0", "", 0, 0, false);
	bridge_is(11, "br0", false);
	veth_is(12, "v12", 11);
	world.shared = shared;
	world.n_shared = 2;
	NOT_FOUND(NULL, PLACE_NOT, "no route");
	route_is(10);
	FOUND(NULL, -1, PLACE_SHARED, 10);
	route_is(11);
	FOUND(NULL, -1, PLACE_SHARED, 11);
	neigh_is(11, 9);
	port_is(11, 9, 0, 12);
	FOUND(NULL, -1, PLACE_BRIDGE, 12);
	route_is(12);
	FOUND(NULL, -1, PLACE_ROUTE, 12);
	world.n_shared = 4;
	route = (struct rtnl_route) { .way = RTNL_WAY_NONE };
	FOUND(NULL, -1, PLACE_SHARED, 2); /* an uplink takes what was found nowhere */
	route_is(10);
	FOUND(NULL, -1, PLACE_SHARED, 10);
	FOUND("br0", -1, PLACE_SHARED, 11);
	FOUND("v12", -1, PLACE_TOLD, 12);
	NOT_FOUND("gone", PLACE_NOT, "gone, which the inventory names");
	linktab_remove(links, 2);
	route_is(12);
	linktab_remove(links, 12);
	NOT_FOUND(NULL, PLACE_NOT, "just coming or going"); /* no uplink exists */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("place_look");
	TCase *t = tcase_create("place_look");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, place_look_told_link_wins);
	tcase_add_test(t, place_look_netns_finds_its_only_veth);
	tcase_add_test(t, place_look_netns_of_several_veths_finds_the_port_of_its_bridge);
	tcase_add_test(t, place_look_route_to_own_link);
	tcase_add_test(t, place_look_route_elsewhere_says_so);
	tcase_add_test(t, place_look_link_to_come_is_awaited);
	tcase_add_test(t, place_look_bridge_follows_the_mac);
	tcase_add_test(t, place_look_firewall_bridge_is_passed);
	tcase_add_test(t, place_look_bridges_in_a_circle_end);
	tcase_add_test(t, place_look_vlan_aware_bridge_by_vlan);
	tcase_add_test(t, place_look_veth_into_a_bridge);
	tcase_add_test(t, place_look_shared_links_come_last);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
