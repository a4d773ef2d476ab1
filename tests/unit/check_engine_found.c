/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that are found in containers: who gets them, and what the rows say. Two containers on a
 * bridge, in real network namespaces; the backend is the fake one. */
#include "engine_lab.h"

static pid_t one, two;

/* A port of the bridge br0, whose other end is eth0 in the container. */
static void plug(const char *link, pid_t pid, const char *address)
{
	veth(link, pid, address);
	RUN("ip link set %s master br0", link);
}

static bool begin_bridge(const char *test)
{
	if (!enter(test))
		return false;
	RUN("ip link add br0 type bridge && ip addr add 10.9.0.1/24 dev br0 && ip link set br0 up");
	one = container();
	two = container();
	plug("v1", one, "10.9.0.11/24");
	plug("v2", two, "10.9.0.12/24");
	return begin("# none\n", "fake");
}

static void list(const char *of_one, pid_t pid_one, const char *of_two, pid_t pid_two)
{
	char *text = xasprintf("101 %s pid=%d\n102 %s pid=%d\n", of_one, (int)pid_one, of_two,
			       (int)pid_two);

	write_list(text);
	free(text);
}

static void in(pid_t pid, const char *what)
{
	RUN("nsenter -n -t %d %s", (int)pid, what);
}

START_TEST(engine_found_addresses_are_counted_at_their_link)
{
	if (!begin_bridge("engine_found_addresses_are_counted_at_their_link"))
		return;
	list("", one, "", two);
	await("101", "10.9.0.11", ROW_COUNTING, "v1", "");
	await("102", "10.9.0.12", ROW_COUNTING, "v2", "");
	in(one, "ip addr add 10.9.0.13/24 dev eth0");
	await("101", "10.9.0.13", ROW_COUNTING, "v1", "");
	in(one, "ip addr del 10.9.0.13/24 dev eth0");
	await("101", "10.9.0.13", ROW_RETIRED, "", "no longer has it");
	end();
}
END_TEST

START_TEST(engine_found_outside_of_what_is_allowed_is_told)
{
	struct err e = { "" };
	struct cfg *old = NULL;
	char *text;

	if (!begin_bridge("engine_found_outside_of_what_is_allowed_is_told"))
		return;
	RUN("ip route add 10.10.0.0/24 via 10.9.0.12");
	RUN("ip route add 10.11.0.7 dev br0");
	list("", one, "", two);
	in(one, "ip addr add 172.31.0.1/16 dev eth0");
	in(one, "ip addr add 10.10.0.5/32 dev eth0");
	in(one, "ip addr add 10.11.0.7/32 dev eth0");
	in(one, "ip addr add 10.9.0.1/32 dev eth0");
	await("101", "10.9.0.11", ROW_COUNTING, "v1", "");
	await("101", "10.11.0.7", ROW_COUNTING, "v1", "");
	await("101", "172.31.0.1", ROW_NOT_COUNTABLE, "", "[inventory] allow = PREFIX");
	await("101", "10.10.0.5", ROW_NOT_COUNTABLE, "", "[inventory] allow = PREFIX");
	await("101", "10.9.0.1", ROW_NOT_COUNTABLE, "", "this node's own address");
	/* Then only what is configured. */
	text = xasprintf("[netfilter]\nbackend = fake\n[inventory]\nsource = file:%s/list\n"
			 "interval = 1\nallow = 172.31.0.0/16\n[ledger]\npath = %s/ledger.db\n",
			 dir, dir);
	old = cfg;
	ck_assert_int_eq(cfg_parse(text, "test", source_check, &cfg, &e), 0);
	ck_assert_int_eq(engine_reload(engine, cfg, &e), 0);
	cfg_free(old);
	free(text);
	await("101", "172.31.0.1", ROW_COUNTING, "v1", "");
	await("101", "10.9.0.11", ROW_NOT_COUNTABLE, "", "no [inventory] allow permits it");
	end();
}
END_TEST

/* 102 takes the address of 101, which restarts; the daemon restarts, too. */
START_TEST(engine_found_neighbours_address_is_not_taken)
{
	if (!begin_bridge("engine_found_neighbours_address_is_not_taken"))
		return;
	list("", one, "", two);
	await("101", "10.9.0.11", ROW_COUNTING, "v1", "");
	in(two, "ip addr add 10.9.0.11/24 dev eth0");
	await("102", "10.9.0.11", ROW_CONFLICT, "", "also claimed by 101, and counted for it");
	await("101", "10.9.0.11", ROW_COUNTING, "v1", "");
	kill(one, SIGKILL);
	waitpid(one, NULL, 0);
	list("state=stopped", 1, "", two);
	await("101", "10.9.0.11", ROW_RETIRED, "", "no longer has it");
	await("102", "10.9.0.11", ROW_CONFLICT, "", "container 101 had it last and is stopped");
	if (_i) {
		close_engine();
		open_engine();
	}
	one = containers[0] = container();
	n_containers--;
	plug("v1", one, "10.9.0.99/24");
	list("", one, "", two);
	await("101", "10.9.0.99", ROW_COUNTING, "v1", "");
	await("102", "10.9.0.11", ROW_CONFLICT, "", "container 101 had it last and runs without");
	in(one, "ip addr add 10.9.0.11/24 dev eth0");
	await("101", "10.9.0.11", ROW_COUNTING, "v1", "");
	await("102", "10.9.0.11", ROW_CONFLICT, "", "also claimed by 101, and counted for it");
	in(two, "ip addr del 10.9.0.11/24 dev eth0");
	await("102", "10.9.0.11", ROW_RETIRED, "", "container 101 has it now");
	await("101", "10.9.0.11", ROW_COUNTING, "v1", "");
	end();
}
END_TEST

START_TEST(engine_found_is_outranked_by_what_is_assigned)
{
	if (!begin_bridge("engine_found_is_outranked_by_what_is_assigned"))
		return;
	list("", one, "", two);
	await("101", "10.9.0.11", ROW_COUNTING, "v1", "");
	list("", one, "10.9.0.11", two);
	await("102", "10.9.0.11", ROW_COUNTING, "v2", "");
	await("101", "10.9.0.11", ROW_CONFLICT, "", "also claimed by 102, and counted for it");
	end();
}
END_TEST

static const struct snap_container *of(const char *id)
{
	const struct snap *s = engine_snap(engine);

	for (size_t i = 0; i < s->n_containers; i++)
		if (!strcmp(s->containers[i].id, id))
			return &s->containers[i];
	return NULL;
}

static void await_net(const char *id, enum inv_net net)
{
	uint64_t until = loop_now_ns() + 30 * NS_PER_S;

	while (!of(id) || of(id)->net != net) {
		ck_assert_msg(loop_now_ns() < until, "network of %s: %d", id,
			      of(id) ? (int)of(id)->net : -1);
		loop_run_once(loop, 20);
	}
	if (net != INV_NET_OWN)
		ck_assert_int_eq(of(id)->totals.status, ROW_NOT_COUNTABLE);
}

/* In one namespace, whoever has the addresses keeps them. */
START_TEST(engine_found_shared_and_own_networks_are_told)
{
	pid_t third;

	if (!begin_bridge("engine_found_shared_and_own_networks_are_told"))
		return;
	third = fork();
	if (!third)
		for (;;)
			pause();
	containers[n_containers++] = third;
	list("", third, "", two);
	await_net("101", INV_NET_NODE);
	await("102", "10.9.0.12", ROW_COUNTING, "v2", "");
	list("", two, "", two);
	await_net("101", INV_NET_SHARED);
	await("102", "10.9.0.12", ROW_COUNTING, "v2", "");
	list("", one, "", two);
	await_net("101", INV_NET_OWN);
	await("101", "10.9.0.11", ROW_COUNTING, "v1", "");
	list("", one, "", one);
	await_net("102", INV_NET_SHARED);
	await("101", "10.9.0.11", ROW_COUNTING, "v1", "");
	end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("engine_found");
	TCase *t = tcase_create("engine_found");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, engine_found_addresses_are_counted_at_their_link);
	tcase_add_test(t, engine_found_outside_of_what_is_allowed_is_told);
	tcase_add_loop_test(t, engine_found_neighbours_address_is_not_taken, 0, 2);
	tcase_add_test(t, engine_found_is_outranked_by_what_is_assigned);
	tcase_add_test(t, engine_found_shared_and_own_networks_are_told);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
