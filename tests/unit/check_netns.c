/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of containers as the kernel sees them in their namespaces. A container is a process in
 * another namespace. */
#include "netlink/netns_watch.h"

#include "net_lab.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>

static struct loop *loop;
static struct netns_watch *watch;
static unsigned changes;

static void on_changed(void *arg, uint64_t now_ns)
{
	(void)arg;
	(void)now_ns;
	changes++;
}

static void set(const char *owner, pid_t pid, bool asked)
{
	struct netns_want want = { owner, pid };

	netns_watch_set(watch, &want, owner ? 1 : 0, asked, loop_now_ns());
}

static const struct netns_inside *inside(void)
{
	const struct netns_inside *in = netns_watch_find(watch, "101");

	ck_assert_ptr_nonnull(in);
	return in;
}

/* The addresses, each with a blank behind it. Static. */
static const char *seen(void)
{
	static char all[8192];
	char text[ADDR_TEXT_SIZE];

	all[0] = '\0';
	for (size_t i = 0; i < inside()->n; i++)
		strcat(strcat(all, addr_format(&inside()->addresses[i].addr, text)), " ");
	return all;
}

static void on_tick(void *arg, uint64_t now_ns)
{
	(void)arg;
	(void)now_ns;
	loop_stop(loop);
}

static void turn(unsigned ms)
{
	struct loop_timer t;

	loop_timer_init(&t, on_tick, NULL);
	loop_timer_set(loop, &t, loop_now_ns() + ms * NS_PER_MS);
	loop_run(loop);
	loop_timer_clear(loop, &t);
}

static void await(const char *addresses)
{
	for (int i = 0; i < 1000 && strcmp(seen(), addresses) != 0; i++)
		turn(10);
	ck_assert_str_eq(seen(), addresses);
}

static void await_look(void)
{
	bool looked = false;

	for (int i = 0; i < 1000 && !looked; i++) {
		looked = netns_watch_wants_look(watch);
		if (!looked)
			turn(10);
	}
	ck_assert(looked);
}

/* A container with a veth, an address of each scope, and one more namespace beside it. Returns 0 if
 * this machine lets us have none. */
static pid_t begin(const char *test, bool ear)
{
	struct err e = { "" };
	pid_t pid;
	int ret, fd;

	if (!enter(test))
		return 0;
	loop = loop_new();
	changes = 0;
	ret = netns_watch_new(loop, 100, on_changed, NULL, &watch, &e);
	if (ret == -EOPNOTSUPP) {
		printf("SKIP %s: %s\n", test, e.text);
		return 0;
	}
	ck_assert_msg(ret == 0, "%s", e.text);
	fd = ear ? netns_ear() : -1;
	ck_assert(!ear || fd >= 0);
	if (ear)
		netns_watch_take_ear(watch, fd);
	pid = container();
	veth("v0", pid, "192.0.2.1/24");
	RUN("nsenter -n -t %d sh -c 'ip link set lo up; ip addr add 198.51.100.9/32 dev lo; "
	    "ip addr add 2001:db8::1/64 dev eth0 nodad; ip addr add 192.0.2.7/32 dev eth0 scope "
	    "link; ip addr add 192.0.2.1/32 dev eth0'",
	    pid);
	return pid;
}

static void finish(void)
{
	netns_watch_free(watch);
	loop_free(loop);
	net_lab_end();
}

#define ALL "192.0.2.1 2001:db8::1 "

START_TEST(netns_watch_named_twice_is_believed)
{
	pid_t pid = begin("netns_watch_named_twice_is_believed", true);
	unsigned moves;

	if (!pid)
		return;
	set("101", pid, true);
	ck_assert(!inside()->known && inside()->awaited);
	ck_assert_int_ge(inside()->id, 0);
	ck_assert(netns_watch_wants_look(watch));
	set("101", pid, false); /* not the same source, perhaps */
	ck_assert(!inside()->known);
	ck_assert(!netns_watch_wants_look(watch));
	moves = netns_watch_moves(watch);
	set("101", pid, true);
	ck_assert(inside()->known && !inside()->awaited && !inside()->own);
	ck_assert_uint_gt(netns_watch_moves(watch), moves); /* its link is known from now on */
	moves = netns_watch_moves(watch);
	set("101", pid, true);
	ck_assert_uint_eq(netns_watch_moves(watch), moves);
	ck_assert_str_eq(seen(), ALL);
	set(NULL, 0, true);
	ck_assert_ptr_null(netns_watch_find(watch, "101"));
	finish();
}
END_TEST

static void change(pid_t pid)
{
	set("101", pid, true);
	set("101", pid, true);
	ck_assert_str_eq(seen(), ALL);
	RUN("nsenter -n -t %d ip addr add 192.0.2.2/32 dev eth0", pid);
	await("192.0.2.1 192.0.2.2 2001:db8::1 ");
	ck_assert_uint_ge(changes, 1);
	RUN("nsenter -n -t %d sh -c 'ip addr del 192.0.2.1/24 dev eth0; ip addr del 192.0.2.1/32 "
	    "dev eth0'",
	    pid);
	await("192.0.2.2 2001:db8::1 ");
}

START_TEST(netns_watch_change_is_heard)
{
	pid_t pid = begin("netns_watch_change_is_heard", true);

	if (!pid)
		return;
	ck_assert(netns_watch_has_ear(watch));
	change(pid);
	finish();
}
END_TEST

START_TEST(netns_watch_change_is_seen_without_an_ear)
{
	pid_t pid = begin("netns_watch_change_is_seen_without_an_ear", false);

	if (!pid)
		return;
	change(pid);
	finish();
}
END_TEST

/* The process ends: what it had stays until the source says what it is now. */
static void restart_it(bool ear)
{
	pid_t pid = begin("netns_watch_ended_process", ear), next;

	if (!pid)
		return;
	set("101", pid, true);
	set("101", pid, true);
	netns_watch_wants_look(watch);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	await_look();
	ck_assert_int_eq(inside()->id, -1);
	ck_assert_str_eq(seen(), ALL);
	set("101", pid, true); /* a source that has not noticed */
	ck_assert(!netns_watch_wants_look(watch));
	next = container();
	veth("v1", next, "192.0.2.3/24");
	set("101", next, true);
	ck_assert_str_eq(seen(), ALL);
	ck_assert(netns_watch_wants_look(watch));
	set("101", next, true);
	ck_assert_str_eq(seen(), "192.0.2.3 ");
	containers[0] = next;
	n_containers = 1;
	finish();
}

START_TEST(netns_watch_ended_process_keeps_and_asks)
{
	restart_it(true);
}
END_TEST

START_TEST(netns_watch_ended_process_without_an_ear_keeps_and_asks)
{
	restart_it(false);
}
END_TEST

static void move_away(int sig)
{
	(void)sig;
	if (unshare(CLONE_NEWNET) < 0)
		_exit(1);
}

/* As if the number had been given to another process, in another namespace, meanwhile. */
START_TEST(netns_watch_reused_pid_shows_nothing_of_another)
{
	for (int at = 0; at < 2; at++) {
		pid_t pid = begin("netns_watch_reused_pid_shows_nothing_of_another", true), mover;
		int ready[2];
		char c;

		if (!pid)
			return;
		ck_assert_int_eq(pipe(ready), 0);
		mover = fork();
		if (!mover) {
			signal(SIGUSR1, move_away);
			if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "x", 1) == 1)
				for (;;)
					pause();
			_exit(1);
		}
		ck_assert_int_eq(read(ready[0], &c, 1), 1);
		containers[n_containers++] = mover;
		veth("v2", mover, "192.0.2.4/24");
		set("101", mover, true);
		if (at)
			set("101", mover, true);
		netns_watch_wants_look(watch);
		kill(mover, SIGUSR1);
		for (int i = 0; i < 1000 && run("ip link show v2 >/dev/null 2>&1"); i++)
			usleep(10000); /* its namespace is gone */
		veth("v2", mover, "192.0.2.5/24");
		set("101", mover, true);
		await_look();
		set("101", mover, true);
		turn(50);
		ck_assert_str_eq(seen(), at ? "192.0.2.4 " : "");
		ck_assert_int_eq(inside()->id, -1);
		ck_assert(!inside()->awaited);
		finish();
	}
}
END_TEST

START_TEST(netns_watch_own_namespace_has_nothing)
{
	pid_t pid = begin("netns_watch_own_namespace_has_nothing", true);

	if (!pid)
		return;
	RUN("ip addr add 192.0.2.9/24 dev v0");
	set("101", getpid(), true);
	set("101", getpid(), true);
	ck_assert(inside()->own && inside()->known);
	ck_assert_str_eq(seen(), "");
	finish();
}
END_TEST

START_TEST(netns_watch_more_than_max_are_left_out)
{
	pid_t pid = begin("netns_watch_more_than_max_are_left_out", true);

	if (!pid)
		return;
	RUN("nsenter -n -t %d sh -c 'for i in $(seq 3000); do echo addr add 10.1.$((i / "
	    "200)).$((i %% 200))/32 dev eth0; done | ip -batch -'",
	    pid);
	set("101", pid, true);
	set("101", pid, true);
	ck_assert(inside()->known);
	ck_assert_uint_le(inside()->n, 100);
	ck_assert_uint_ge(inside()->n, 90);
	RUN("nsenter -n -t %d ip addr flush dev eth0", pid);
	await("");
	finish();
}
END_TEST

static void keep_two_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	sets[0].permitted = sets[0].effective = 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW;
	ck_assert_int_eq(syscall(SYS_capset, &head, sets), 0);
}

/* Also with an ear that was opened before. To open one takes more. */
START_TEST(netns_watch_needs_only_the_daemons_capabilities)
{
	pid_t pid = begin("netns_watch_needs_only_the_daemons_capabilities", true), child;
	int status;

	if (!pid)
		return;
	child = fork();
	if (!child) {
		keep_two_capabilities();
		ck_assert_int_eq(netns_ear(), -EPERM);
		set("101", pid, true);
		set("101", pid, true);
		ck_assert_str_eq(seen(), ALL);
		_exit(0);
	}
	waitpid(child, &status, 0);
	ck_assert_int_eq(status, 0);
	finish();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("netns");
	TCase *tc = tcase_create("netns");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, netns_watch_named_twice_is_believed);
	tcase_add_test(tc, netns_watch_change_is_heard);
	tcase_add_test(tc, netns_watch_change_is_seen_without_an_ear);
	tcase_add_test(tc, netns_watch_ended_process_keeps_and_asks);
	tcase_add_test(tc, netns_watch_ended_process_without_an_ear_keeps_and_asks);
	tcase_add_test(tc, netns_watch_reused_pid_shows_nothing_of_another);
	tcase_add_test(tc, netns_watch_own_namespace_has_nothing);
	tcase_add_test(tc, netns_watch_more_than_max_are_left_out);
	tcase_add_test(tc, netns_watch_needs_only_the_daemons_capabilities);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
