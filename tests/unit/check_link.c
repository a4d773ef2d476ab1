/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The link backend on real links, with real packets: what happens to links, who opens it, and what
 * goes with it. Run by root; else skipped by name. */
#include "link_node.h"
#include "netfilter/link/tcx.h"

#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define X "198.51.100.1"
#define Y "198.51.100.2"
#define X6 "2001:db8::1"

START_TEST(link_counts_both_directions_and_families)
{
	uint32_t link = veth_net_start(0);

	world_open();
	world_want(X, link);
	world_want(X6, link);
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_final(X, PATH_FWD_IN, FW_RESUMED));
	world_apply(ADDR_V6);
	ck_assert_str_eq(world_look(link)->way, world_way());
	ck_assert(world_look(link)->at[FW_INGRESS].ours && world_look(link)->at[FW_EGRESS].ours);
	veth_net_send(0, X, 700, 5);
	veth_net_answer(0, X, 900, 3);
	veth_net_send(0, X6, 800, 2);
	veth_net_answer(0, X6, 1000, 4);
	ck_assert_uint_eq(world_row(X)->path[PATH_NODE_OUT].octets, 3500);
	ck_assert_uint_eq(world_row(X)->path[PATH_NODE_IN].octets, 2700);
	ck_assert_uint_eq(world_row(X6)->path[PATH_NODE_OUT].octets, 1600);
	ck_assert_uint_eq(world_row(X6)->path[PATH_NODE_IN].octets, 4000);
	ck_assert_uint_eq(world_row(X)->link, link);
	ck_assert_uint_eq(fw_get_figures(world.fw, ADDR_V4).entries, 1);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
	/* The programs go with the last address of both families. */
	world_want(X, 0);
	world_apply(ADDR_V4);
	ck_assert_uint_eq(world_final(X, PATH_NODE_OUT, FW_REMOVED)->final.octets, 3500);
	ck_assert(world_look(link)->at[FW_INGRESS].ours);
	world_want(X6, 0);
	world_apply(ADDR_V6);
	ck_assert_ptr_null(world_look(link));
	veth_net_run("! tc qdisc show dev h0 | grep -q clsact");
}
END_TEST

START_TEST(link_used_before_attaching_is_created)
{
	uint32_t link = veth_net_start(0);

	veth_net_send(0, X, 100, 1);
	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_final(X, PATH_FWD_IN, FW_CREATED));
}
END_TEST

START_TEST(link_renamed_down_and_up_counts_on)
{
	uint32_t link = veth_net_start(0);

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 1);
	veth_net_run("ip link set h0 down && ip link set h0 name other && ip link set other up");
	veth_net_run_in(0, "ip route replace 198.51.100.250/32 dev c0 src 198.51.100.1 && "
			   "ip neigh replace 198.51.100.250 lladdr 02:00:00:00:00:01 dev c0 "
			   "nud permanent");
	veth_net_send(0, X, 100, 1);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 2);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
	ck_assert(!world_row(X)->missing);
}
END_TEST

/* A restart of a container: its link goes, and another comes. */
START_TEST(link_made_anew_old_is_told_away_new_resumes)
{
	uint32_t link = veth_net_start(0), later;

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 7);
	veth_net_stop(0);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 7); /* known after the end of the link */
	ck_assert(!world_row(X)->missing);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
	world_want(X, 0);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_DIFFERS);
	world_apply(ADDR_V4);
	ck_assert_uint_eq(world_final(X, PATH_NODE_OUT, FW_REMOVED)->final.pkts, 7);
	later = veth_net_start(0);
	ck_assert_uint_ne(later, link);
	world_want(X, later);
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_final(X, PATH_NODE_OUT, FW_RESUMED));
	veth_net_send(0, X, 100, 2);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 2);
}
END_TEST

START_TEST(link_moved_address_restarts)
{
	uint32_t link = veth_net_start(0), other = veth_net_start(1);

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 7);
	world_want(X, other);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_DIFFERS);
	world_apply(ADDR_V4);
	ck_assert_uint_eq(world_final(X, PATH_NODE_OUT, FW_RESTARTED)->final.pkts, 7);
	ck_assert_ptr_null(world_final(X, PATH_NODE_OUT, FW_MISSED)); /* the link was fresh */
	ck_assert_ptr_null(world_look(link));
	veth_net_send(1, X, 100, 2);
	veth_net_send(0, X, 100, 9); /* by somebody else's link */
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 2);
	ck_assert_uint_eq(world_row(X)->link, other);
}
END_TEST

/* The number of a link that is gone is given to another container's. */
START_TEST(link_number_reused_stale_address_does_not_count)
{
	uint32_t link = veth_net_start(0);

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 3);
	veth_net_stop(0);
	veth_net_start(1);
	veth_net_run_in(1, "ip link del c1");
	veth_net_run("ip link add h1 index %u address 02:00:00:00:01:01 type veth peer name spare3 "
		     "address 02:00:00:00:01:02 && ip link set h1 up",
		     link);
	ck_assert_uint_eq(if_nametoindex("h1"), link);
	veth_net_adopt(1, "spare3");
	world_want(X, 0);
	world_want(Y, link);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_DIFFERS);
	world_apply(ADDR_V4);
	ck_assert_uint_eq(world_final(X, PATH_NODE_OUT, FW_REMOVED)->final.pkts, 3);
	veth_net_send(1, X, 100, 5);
	veth_net_send(1, Y, 100, 4);
	ck_assert_ptr_null(world_row(X));
	ck_assert_uint_eq(world_pkts(Y, PATH_NODE_OUT), 4);
}
END_TEST

START_TEST(link_number_reused_same_address_counts_on)
{
	uint32_t link = veth_net_start(0);

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 3);
	veth_net_run(
		"ip link del h0 && ip link add h0 index %u address 02:00:00:00:00:01 type veth "
		"peer name spare address 02:00:00:00:00:02 && ip link set h0 up",
		link);
	veth_net_adopt(0, "spare");
	veth_net_send(0, X, 100, 2); /* by a link that has nothing of ours */
	world_await_missing(X, true);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_CHANGED);
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_final(X, PATH_NODE_OUT, FW_MISSED));
	veth_net_send(0, X, 100, 4);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 7);
}
END_TEST

/* What cannot be attached to fails nobody else, says why, and is tried again. */
START_TEST(link_absent_others_are_counted)
{
	uint32_t link = veth_net_start(0);

	world_open();
	world_want(X, link);
	world_want(Y, 4000);
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_row(X));
	ck_assert_ptr_null(world_row(Y));
	ck_assert_uint_eq(world.n_finals, PATHS);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS); /* nothing to do for now */
	ck_assert_msg(strstr(world_why(Y), "gone") != NULL, "%s", world_why(Y));
	ck_assert_str_eq(world_why(X), "");
	veth_net_run(
		"ip link add late index 4000 type veth peer name late2 && ip link set late up");
	while (world_fit(ADDR_V4) == FW_FITS) {
		world_row(X);
		loop_run_once(world.loop, 50);
	}
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_row(Y));
	ck_assert_str_eq(world_why(Y), "");
	/* A link that is not known is a reason, too. */
	world_want(Y, 1);
	world.keys[1].link = 0;
	world_apply(ADDR_V4);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
	ck_assert_str_eq(world_why(Y), "its link is not known");
}
END_TEST

/* An uplink: In is what comes in by it. And a link that leads to many containers. */
START_TEST(link_shared_directions_follow_the_side)
{
	uint32_t up = veth_net_start(0), down = veth_net_start(1);
	char name[2][8] = { "h0", "h1" };

	world.links[0] = (struct cfg_link) { name[0], CFG_SIDE_UPLINK };
	world.links[1] = (struct cfg_link) { name[1], CFG_SIDE_CONTAINERS };
	world.n_links = 2;
	world_open();
	world_want("198.51.100.250", up);
	world_want(X, down);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 3); /* to .250, which stands for a container here */
	veth_net_send(1, X, 100, 4);
	ck_assert_uint_eq(world_pkts("198.51.100.250", PATH_FWD_IN) +
				  world_pkts("198.51.100.250", PATH_NODE_IN),
			  3);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 4);
}
END_TEST

START_TEST(link_remove_all_leaves_nothing)
{
	uint32_t link = veth_net_start(0);
	struct fw_config config = world_config();
	struct err e = { "" };
	unsigned removed = 0;

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	world_close();
	ck_assert_msg(!fw_remove_all(CFG_BACKEND_LINK, &config, &e, &removed), "%s", e.text);
	ck_assert_uint_eq(removed, PATHS);
	ck_assert_ptr_null(world_look(link));
	veth_net_run("[ ! -e %s ]", veth_net_bpf_dir());
	ck_assert_int_eq(fw_remove_all(CFG_BACKEND_LINK, &config, &e, &removed), 0);
	ck_assert_uint_eq(removed, 0);
	world_open();
}
END_TEST

/* Nobody, with CAP_NET_ADMIN alone. */
static void become_nobody(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	ck_assert_int_eq(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
	ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	data[0].effective = data[0].permitted = 1u << CAP_NET_ADMIN;
	ck_assert_int_eq((int)syscall(SYS_capset, &head, data), 0);
}

START_TEST(link_opened_without_bpf_capability)
{
	uint32_t link = veth_net_start(0);
	struct fw_config config = world_config();
	struct err e = { "" };
	pid_t child;
	int status;

	ck_assert_msg(!fw_prepare(CFG_BACKEND_LINK, &config, 65534, 65534, &e), "%s", e.text);
	child = fork();
	if (!child) {
		become_nobody();
		world_open();
		world_want(X, link);
		world_apply(ADDR_V4);
		ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
		ck_assert(!world_row(X)->missing);
		world_take_off(link, "count_in", TC_HOOK_INGRESS);
		world_await_missing(X, true);
		world_apply(ADDR_V4);
		fw_forget(world.fw, ADDR_V4);
		_exit(42);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WEXITSTATUS(status), 42);
	veth_net_send(0, X, 100, 4);
	world_open();
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 4);
}
END_TEST

START_TEST(link_not_prepared_says_what_to_do)
{
	struct fw_config config = world_config();
	struct err e = { "" };
	pid_t child = fork();
	int status;

	if (!child) {
		become_nobody();
		ck_assert_int_eq(fw_open(CFG_BACKEND_LINK, &config, world.loop, world_done, NULL,
					 &world.fw, &e),
				 0);
		ck_assert_ptr_nonnull(strstr(fw_family_problem(world.fw, ADDR_V4), "--prepare"));
		_exit(42);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WEXITSTATUS(status), 42);
	world_open();
}
END_TEST

static int run(const char *name, bool without_tcx)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	world_clsact = without_tcx;
	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, world_setup_way, world_teardown);
	tcase_add_test(tc, link_counts_both_directions_and_families);
	tcase_add_test(tc, link_used_before_attaching_is_created);
	tcase_add_test(tc, link_renamed_down_and_up_counts_on);
	tcase_add_test(tc, link_made_anew_old_is_told_away_new_resumes);
	tcase_add_test(tc, link_moved_address_restarts);
	tcase_add_test(tc, link_number_reused_stale_address_does_not_count);
	tcase_add_test(tc, link_number_reused_same_address_counts_on);
	tcase_add_test(tc, link_absent_others_are_counted);
	tcase_add_test(tc, link_remove_all_leaves_nothing);
	if (!without_tcx) {
		tcase_add_test(tc, link_shared_directions_follow_the_side);
		tcase_add_test(tc, link_opened_without_bpf_capability);
		tcase_add_test(tc, link_not_prepared_says_what_to_do);
	}
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed;
}

int main(void)
{
	int failed = run("link tcx", false) + run("link clsact", true);

	return failed ? 1 : 0;
}
