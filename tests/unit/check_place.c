/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The finder on real links, routes and bridges, in network namespaces of its own. A container is a
 * process in another namespace. */
#include "place_lab.h"

#include <check.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- routes ---- */

START_TEST(place_routed_veth_is_followed)
{
	struct place_want w[] = { want("192.0.2.1", "101"), want("2001:db8::1", "101") };
	pid_t ct;
	uint32_t link;
	unsigned before;

	if (!enter("place_routed_veth_is_followed"))
		return;
	ct = container();
	open_place(NULL, 0);
	set(w, 2);
	await("192.0.2.1", "", "no route");
	veth("vc1", ct, "192.0.2.1/32");
	await("192.0.2.1", "", "no route");
	RUN("ip route add 192.0.2.1 dev vc1; ip route add 2001:db8::1 dev vc1");
	await("192.0.2.1", "vc1", "");
	await("2001:db8::1", "vc1", "");
	ck_assert_int_eq(spot("192.0.2.1")->how, PLACE_ROUTE);

	/* Renamed: the same link, another name. */
	link = spot("192.0.2.1")->link;
	before = changes;
	RUN("ip link set vc1 down && ip link set vc1 name new && ip link set new up && "
	    "ip route add 192.0.2.1 dev new");
	await("192.0.2.1", "new", "");
	ck_assert_uint_eq(spot("192.0.2.1")->link, link);
	ck_assert_uint_gt(changes, before);

	/* Down: its routes are gone, the link is not. */
	RUN("ip link set new down");
	settle();
	await("192.0.2.1", "new", "");

	/* Restarted: a link of the same name is another link. */
	RUN("ip link del new");
	await("192.0.2.1", "", "no route");
	veth("new", ct, "192.0.2.1/32");
	RUN("ip route add 192.0.2.1 dev new");
	await("192.0.2.1", "new", "");
	ck_assert_uint_ne(spot("192.0.2.1")->link, link);

	/* The route leads to another link: so does the address. */
	RUN("ip tuntap add tap7 mode tap && ip link set tap7 up && "
	    "ip route replace 192.0.2.1 dev tap7");
	await("192.0.2.1", "tap7", "");
	close_place();
}
END_TEST

START_TEST(place_told_link_is_found_by_name)
{
	struct place_want w = want("192.0.2.1", "101");
	pid_t ct;
	uint32_t link;

	if (!enter("place_told_link_is_found_by_name"))
		return;
	ct = container();
	open_place(NULL, 0);
	w.link = "veth101i0";
	set(&w, 1);
	await("192.0.2.1", "", "veth101i0, which the inventory names, does not exist");
	veth("veth101i0", ct, "192.0.2.1/24");
	await("192.0.2.1", "veth101i0", "");
	link = spot("192.0.2.1")->link;
	ck_assert_int_eq(spot("192.0.2.1")->how, PLACE_TOLD);
	RUN("ip link set veth101i0 down && ip link set veth101i0 name other");
	await("192.0.2.1", "other", "");
	ck_assert_uint_eq(spot("192.0.2.1")->link, link);
	veth("veth101i0", container(), "192.0.2.1/24"); /* the name has another link now */
	await("192.0.2.1", "veth101i0", "");
	ck_assert_uint_ne(spot("192.0.2.1")->link, link);
	w.link = "other";
	set(&w, 1);
	await("192.0.2.1", "other", "");
	w.link = "none";
	set(&w, 1);
	await("192.0.2.1", "", "none, which the inventory names");
	close_place();
}
END_TEST

START_TEST(place_macvlan_and_uplinks_are_told)
{
	struct place_want w[] = { want("192.0.2.1", "101"), want("198.51.100.1", "102"),
				  want("203.0.113.1", "103") };

	pid_t pid;

	if (!enter("place_macvlan_and_uplinks_are_told"))
		return;
	pid = container();
	RUN("ip link add up0 type veth peer name far netns %d && ip link set up0 up && "
	    "nsenter -n -t %d ip link set far up && "
	    "ip addr add 198.51.100.2/24 dev up0 && ip route add default via 198.51.100.254",
	    pid, pid);
	RUN("ip link add link up0 name mv0 type macvlan && ip link set mv0 up && "
	    "ip route add 192.0.2.1 dev mv0");
	open_place(NULL, 0);
	set(w, 3);
	await("192.0.2.1", "", "behind mv0 (macvlan)");
	ck_assert_int_eq(spot("192.0.2.1")->how, PLACE_NEVER);
	await("198.51.100.1", "", "leads out through up0, as the default route");
	await("203.0.113.1", "", "gateway 198.51.100.254 on up0");
	close_place();
}
END_TEST

START_TEST(place_shared_link_takes_the_rest)
{
	static const struct cfg_link shared[] = { { (char *)"venet0", CFG_SIDE_CONTAINERS },
						  { (char *)"up0", CFG_SIDE_UPLINK } };
	struct place_want w[] = { want("192.0.2.1", "101"), want("203.0.113.1", "103") };

	if (!enter("place_shared_link_takes_the_rest"))
		return;
	open_place(shared, 2);
	set(w, 2);
	await("192.0.2.1", "", "no route");
	veth("venet0", container(), "192.0.2.1/32");
	RUN("ip route add 192.0.2.1 dev venet0");
	await("192.0.2.1", "venet0", "");
	ck_assert_int_eq(spot("192.0.2.1")->how, PLACE_SHARED);
	await("203.0.113.1", "", "no route");
	veth("up0", container(), "203.0.113.9/24");
	await("203.0.113.1", "up0", "");
	RUN("ip link set up0 down && ip link set up0 name up1 && ip link set up1 up");
	await("203.0.113.1", "", "no route"); /* another name: it is not the one that is meant */
	veth("vc3", container(), "203.0.113.1/32");
	RUN("ip route add 203.0.113.1 dev vc3");
	await("203.0.113.1", "vc3", "");
	close_place();
}
END_TEST

/* ---- bridges ---- */

START_TEST(place_bridged_veth_is_found_once_it_speaks)
{
	struct place_want w[] = { want("10.9.0.1", "101"), want("10.9.0.2", "102") };
	pid_t one, two;

	if (!enter_bridges("place_bridged_veth_is_found_once_it_speaks"))
		return;
	bridge("br0", "10.9.0.254/24");
	one = container();
	two = container();
	veth("vb1", one, "10.9.0.1/24");
	veth("vb2", two, "10.9.0.2/24");
	RUN("ip link set vb1 master br0 && ip link set vb2 master br0");
	open_place(NULL, 0);
	set(w, 2);
	await("10.9.0.1", "", "br0 has no neighbour entry for it yet");
	speak(one, "10.9.0.254");
	await("10.9.0.1", "vb1", "");
	ck_assert_int_eq(spot("10.9.0.1")->how, PLACE_BRIDGE);
	await("10.9.0.2", "", "br0 has no neighbour entry for it yet");
	speak(two, "10.9.0.254");
	await("10.9.0.2", "vb2", "");
	/* Nothing of it is left, and the link still is. */
	RUN("ip neigh flush dev br0; bridge fdb flush dev br0 2>/dev/null; true");
	settle();
	await("10.9.0.1", "vb1", "");
	/* Restarted. */
	RUN("ip link del vb1");
	await("10.9.0.1", "", "");
	veth("vb1", one, "10.9.0.1/24");
	RUN("ip link set vb1 master br0");
	speak(one, "10.9.0.254");
	await("10.9.0.1", "vb1", "");
	close_place();
}
END_TEST

/* Proxmox: veth101i0 - fwbr101i0 - fwln101i0, fwpr101p0 - vmbr0. */
START_TEST(place_firewall_bridge_is_passed)
{
	struct place_want w = want("10.9.0.1", "101");
	pid_t ct;

	if (!enter_bridges("place_firewall_bridge_is_passed"))
		return;
	bridge("vmbr0", "10.9.0.254/24");
	bridge("fwbr101i0", "");
	ct = container();
	veth("veth101i0", ct, "10.9.0.1/24");
	RUN("ip link add fwln101i0 type veth peer name fwpr101p0 && ip link set fwln101i0 up && "
	    "ip link set fwpr101p0 up && ip link set fwpr101p0 master vmbr0 && "
	    "ip link set fwln101i0 master fwbr101i0 && ip link set veth101i0 master fwbr101i0");
	open_place(NULL, 0);
	set(&w, 1);
	speak(ct, "10.9.0.254");
	await("10.9.0.1", "veth101i0", "");
	close_place();
}
END_TEST

/* ---- many ---- */

/* Whoever waits until all was looked for hears of the end, though nothing has changed. */
START_TEST(place_end_of_a_long_look_is_told)
{
	enum { N = 20000 };
	struct place_want *w = xcalloc(N, sizeof(*w));
	unsigned before;

	if (!enter("place_end_of_a_long_look_is_told"))
		return;
	open_place(NULL, 0);
	for (unsigned i = 0; i < N; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.1", i / 250, i % 250);
		w[i] = want(text, "101");
	}
	set(w, N);
	while (place_is_looking(place))
		loop_run_once(loop, -1);
	before = changes;
	place_retry(place, loop_now_ns());
	ck_assert_msg(place_is_looking(place), "%d addresses were looked for in one turn", N);
	while (changes == before)
		loop_run_once(loop, -1);
	ck_assert(!place_is_looking(place));
	close_place();
	free(w);
}
END_TEST

/* More events than the socket holds, while addresses are looked for. */
START_TEST(place_thousand_links_are_all_found)
{
	enum { N = 1000 };
	pid_t pid;
	struct place_want *w = xcalloc(N, sizeof(*w));
	FILE *batch;
	char file[] = "/tmp/check_place.XXXXXX";
	int fd;

	if (!enter("place_thousand_links_are_all_found"))
		return;
	pid = container();
	fd = mkstemp(file);
	batch = fdopen(fd, "w");
	ck_assert_ptr_nonnull(batch);
	open_place(NULL, 0);
	for (unsigned i = 0; i < N; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.1", i / 250, i % 250);
		w[i] = want(text, "101");
		fprintf(batch, "link add v%u type veth peer name p%u\nlink set v%u up\n", i, i, i);
		fprintf(batch, "link set p%u netns %d\nroute add %s dev v%u\n", i, pid, text, i);
	}
	fclose(batch);
	set(w, N);
	RUN("ip -batch %s", file);
	unlink(file);
	for (unsigned i = 0; i < N; i++) {
		char name[16], text[ADDR_TEXT_SIZE];

		snprintf(name, sizeof(name), "v%u", i);
		await(addr_format(&w[i].addr, text), name, "");
	}
	ck_assert(!place_is_looking(place));
	net_lab_end(); /* the namespace goes, and all links with it */
	for (unsigned i = 0; i < N; i++) {
		char text[ADDR_TEXT_SIZE];

		await(addr_format(&w[i].addr, text), "", "");
	}
	close_place();
	free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("place");
	TCase *t = tcase_create("place");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, place_routed_veth_is_followed);
	tcase_add_test(t, place_told_link_is_found_by_name);
	tcase_add_test(t, place_macvlan_and_uplinks_are_told);
	tcase_add_test(t, place_shared_link_takes_the_rest);
	tcase_add_test(t, place_bridged_veth_is_found_once_it_speaks);
	tcase_add_test(t, place_firewall_bridge_is_passed);
	tcase_add_test(t, place_end_of_a_long_look_is_told);
	tcase_add_test(t, place_thousand_links_are_all_found);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
