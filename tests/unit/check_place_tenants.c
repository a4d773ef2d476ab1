/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a tenant can do to the finder of links, and what a restart must not do. */
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

/* Make the container pretend to be the other one: with its MAC and its address alone. */
static void forge(pid_t pid, pid_t victim, const char *address)
{
	RUN("mac=$(nsenter -n -t %d ip -o link show eth0 | sed 's/.*ether \\([^ ]*\\).*/\\1/') && "
	    "nsenter -n -t %d sh -c \"ip link set eth0 down && ip addr flush dev eth0 && "
	    "ip link set eth0 address $mac && ip link set eth0 up && ip addr add %s dev eth0\"",
	    victim, pid, address);
}

START_TEST(place_forged_mac_moves_nothing)
{
	struct place_want w[] = { want("10.9.0.1", "101"), want("10.9.0.2", "102") };
	pid_t one, two;

	if (!enter_bridges("place_forged_mac_moves_nothing"))
		return;
	bridge("br0", "10.9.0.254/24");
	one = container();
	two = container();
	veth("vb1", one, "10.9.0.1/24");
	veth("vb2", two, "10.9.0.2/24");
	RUN("ip link set vb1 master br0 && ip link set vb2 master br0");
	open_place(NULL, 0);
	set(w, 2);
	speak(one, "10.9.0.254");
	speak(two, "10.9.0.254");
	await("10.9.0.1", "vb1", "");
	await("10.9.0.2", "vb2", "");
	forge(two, one, "10.9.0.1/24");
	for (int i = 0; i < 20; i++) {
		speak(two, "10.9.0.254");
		speak(one, "10.9.0.254"); /* the entry flaps between both ports */
		loop_run_once(loop, 0);
		ck_assert_str_eq(place_link_name(place, spot("10.9.0.1")->link), "vb1");
	}
	settle();
	await("10.9.0.1", "vb1", "");
	await("10.9.0.2", "vb2", "");

	/* While the victim restarts, the port of a known container does not get its address. */
	RUN("ip link del vb1");
	await("10.9.0.1", "", "");
	speak(two, "10.9.0.254");
	await("10.9.0.1", "", "appears at vb2, which is the link of container 102");

	/* The victim is back, and speaks. */
	veth("vb1", one, "10.9.0.1/24");
	RUN("ip link set vb1 master br0");
	speak(one, "10.9.0.254");
	await("10.9.0.1", "vb1", "");

	/* A stopped container has no address on anybody's port. */
	RUN("ip link del vb1");
	w[0].stopped = true;
	set(w, 1);
	speak(two, "10.9.0.254");
	await("10.9.0.1", "", "stopped");
	w[0].stopped = false; /* nobody else is known to be there: what remains possible */
	set(w, 1);
	await("10.9.0.1", "vb2", "");
	close_place();
}
END_TEST

/* Send 100,000 frames from the container, each with another source MAC. Returns the sender. */
static pid_t flood(pid_t from)
{
	char path[64];
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", from);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		struct sockaddr_ll to = { .sll_family = AF_PACKET };
		uint8_t frame[64] = { 0x02, 1, 1, 1, 1, 1, 0x02 };
		int ns = open(path, O_RDONLY), fd;

		if (setns(ns, CLONE_NEWNET) < 0)
			_exit(1);
		fd = socket(AF_PACKET, SOCK_RAW, 0);
		to.sll_ifindex = (int)if_nametoindex("eth0");
		for (uint32_t i = 0; i < 100000; i++) {
			memcpy(frame + 8, &i, sizeof(i));
			sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to));
		}
		_exit(0);
	}
	return pid;
}

/* It takes nothing from others: links are found meanwhile, and afterwards what was lost. */
START_TEST(place_flood_of_macs_keeps_nobody_waiting)
{
	struct place_want w[] = { want("10.9.0.1", "101"), want("10.9.0.3", "103"),
				  want("192.0.2.1", "104") };
	pid_t one, two, three, flooder;
	int status;

	if (!enter_bridges("place_flood_of_macs_keeps_nobody_waiting"))
		return;
	bridge("br0", "10.9.0.254/24");
	one = container();
	two = container();
	three = container();
	veth("vb1", one, "10.9.0.1/24");
	veth("vb2", two, "10.9.0.2/24");
	veth("vb3", three, "10.9.0.3/24");
	RUN("ip link set vb1 master br0 && ip link set vb2 master br0 && ip link set vb3 master "
	    "br0");
	open_place(NULL, 0);
	set(w, 3);
	speak(one, "10.9.0.254");
	await("10.9.0.1", "vb1", "");
	flooder = flood(two);
	veth("vc4", container(), "192.0.2.1/32");
	RUN("ip route add 192.0.2.1 dev vc4");
	await("192.0.2.1", "vc4", "");
	await("10.9.0.1", "vb1", "");
	ck_assert_int_eq(waitpid(flooder, &status, 0), flooder);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	speak(three, "10.9.0.254");
	await("10.9.0.3", "vb3", "");
	close_place();
}
END_TEST

/* What the kernel counts when the daemon starts stays where it is. */
START_TEST(place_kept_link_stays_through_a_restart)
{
	struct place_want w = want("10.9.0.1", "101");
	pid_t one, two;

	if (!enter_bridges("place_kept_link_stays_through_a_restart"))
		return;
	bridge("br0", "10.9.0.254/24");
	one = container();
	two = container();
	veth("vb1", one, "10.9.0.1/24");
	veth("vb2", two, "10.9.0.2/24");
	RUN("ip link set vb1 master br0 && ip link set vb2 master br0");
	w.kept = if_nametoindex("vb1");
	open_place(NULL, 0);
	set(&w, 1);
	ck_assert_uint_eq(spot("10.9.0.1")->link, w.kept); /* before anything was looked for */
	await("10.9.0.1", "vb1", "");
	ck_assert_int_eq(spot("10.9.0.1")->how, PLACE_KEPT);
	forge(two, one, "10.9.0.1/24");
	speak(two, "10.9.0.254");
	settle();
	await("10.9.0.1", "vb1", "");
	RUN("nsenter -n -t %d ip link set eth0 down", one);
	speak(two, "10.9.0.254");
	w.owner = "102"; /* the address has changed hands */
	set(&w, 1);
	await("10.9.0.1", "vb2", "");
	RUN("ip link del vb2");
	await("10.9.0.1", "", "");
	close_place();
}
END_TEST

/* The source answers after the kernel was read: what it names then is no change, and the link may
 * have been renamed meanwhile. */
START_TEST(place_kept_link_stays_until_the_source_answers)
{
	struct place_want w = want("192.0.2.1", "101");

	if (!enter("place_kept_link_stays_until_the_source_answers"))
		return;
	veth("vc1", container(), "192.0.2.1/32");
	veth("vc2", container(), "192.0.2.1/32");
	RUN("ip route add 192.0.2.1 dev vc2");
	w.kept = if_nametoindex("vc1");
	w.untold = true;
	open_place(NULL, 0);
	set(&w, 1);
	await("192.0.2.1", "vc1", ""); /* not where the route leads */
	w.link = "veth101i0"; /* as it was called before */
	w.kept = 0;
	w.untold = false;
	set(&w, 1);
	settle();
	await("192.0.2.1", "vc1", "");
	w.link = "none";
	set(&w, 1);
	await("192.0.2.1", "", "none, which the inventory names");
	close_place();

	if (!enter("place_kept_link_stays_until_the_source_answers"))
		return;
	veth("vc1", container(), "192.0.2.1/32");
	veth("vc2", container(), "192.0.2.1/32");
	RUN("ip route add 192.0.2.1 dev vc2");
	w = want("192.0.2.1", "101");
	w.kept = if_nametoindex("vc1");
	w.untold = true;
	open_place(NULL, 0);
	set(&w, 1);
	await("192.0.2.1", "vc1", "");
	w.untold = false; /* it names none: the route decides */
	set(&w, 1);
	await("192.0.2.1", "vc2", "");
	close_place();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("place_tenants");
	TCase *t = tcase_create("place");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, place_forged_mac_moves_nothing);
	tcase_add_test(t, place_flood_of_macs_keeps_nobody_waiting);
	tcase_add_test(t, place_kept_link_stays_through_a_restart);
	tcase_add_test(t, place_kept_link_stays_until_the_source_answers);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
