/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others do to the link backend's programs, maps and links, on real ones. Run by root; else
 * skipped by name. */
#include "link_node.h"
#include "netfilter/link/slot.h"
#include "netfilter/link/tcx.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#define X "198.51.100.1"
#define Y "198.51.100.2"
#define X6 "2001:db8::1"

/* A program of somebody else's, which does nothing. */
static int foreign_program(void)
{
	const struct bpf_insn insns[] = { { .code = 0xb7, .dst_reg = 0, .imm = -1 },
					  { .code = 0x95 } };
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = 2;
	attr.license = (uintptr_t) "GPL";
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* What stands for a rate limit where the kernel has no police: LXD's and Proxmox' commands but for
 * the last word. */
static void limit(unsigned n)
{
	veth_net_run("{ tc qdisc del dev h%u ingress 2>/dev/null || :; } && "
		     "tc qdisc add dev h%u handle ffff: ingress && "
		     "tc filter add dev h%u parent ffff: prio 50 protocol all "
		     "bpf da bytecode '1,6 0 0 4294967295'",
		     n, n, n);
}

START_TEST(link_programs_taken_off_repaired_and_told)
{
	uint32_t link = veth_net_start(0);

	world_open();
	world_want(X, link);
	world_want(X6, link);
	world_apply(ADDR_V4);
	world_apply(ADDR_V6);
	veth_net_send(0, X, 100, 3);
	if (world_clsact)
		veth_net_run("tc qdisc del dev h0 clsact");
	else
		world_take_off(link, "count_in", TC_HOOK_INGRESS);
	veth_net_send(0, X, 100, 2);
	world_await_missing(X, true);
	ck_assert_ptr_nonnull(strstr(fw_get_figures(world.fw, ADDR_V4).flaw, "taken off"));
	ck_assert_str_eq(world_why(X), "our program was taken off its link");
	ck_assert_int_eq(world_fit(ADDR_V4), FW_CHANGED);
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_final(X, PATH_NODE_OUT, FW_MISSED));
	ck_assert_ptr_nonnull(world_final(X, PATH_NODE_IN, FW_MISSED));
	ck_assert_uint_eq(world.n_finals, PATHS);
	ck_assert(!world_row(X)->missing);
	ck_assert_str_eq(fw_get_figures(world.fw, ADDR_V4).flaw, "");
	veth_net_send(0, X, 100, 4);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 7);
	/* The other family was missed as well, and has its own commit. */
	ck_assert(world_row(X6)->missing);
	ck_assert_int_eq(world_fit(ADDR_V6), FW_CHANGED);
	world_apply(ADDR_V6);
	ck_assert_ptr_nonnull(world_final(X6, PATH_NODE_OUT, FW_MISSED));
	ck_assert(!world_row(X6)->missing);
	ck_assert_int_eq(world_fit(ADDR_V6), FW_FITS);
}
END_TEST

/* Nobody looked: the next process finds it. */
START_TEST(link_programs_taken_off_between_processes_told)
{
	uint32_t link = veth_net_start(0);

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	fw_forget(world.fw, ADDR_V4);
	world_close();
	veth_net_send(0, X, 100, 3); /* counted without a daemon */
	if (world_clsact)
		veth_net_run("tc qdisc del dev h0 clsact");
	else
		world_take_off(link, "count_out", TC_HOOK_EGRESS);
	world_open();
	ck_assert(world_row(X)->missing);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 3);
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_final(X, PATH_NODE_OUT, FW_MISSED));
}
END_TEST

START_TEST(link_index_changed_by_others_repaired)
{
	uint32_t link = veth_net_start(0);
	struct link_bucket empty = { .entry = { 0 } };
	char path[128];
	int fd;

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	snprintf(path, sizeof(path), "%s/set/buckets", veth_net_bpf_dir());
	fd = bpf_obj_get(path);
	ck_assert_int_ge(fd, 0);
	for (uint32_t i = 0; !bpf_map_update_elem(fd, &i, &empty, BPF_ANY); i++)
		;
	close(fd);
	world_await_missing(X, true);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_CHANGED);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 4);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 4);
}
END_TEST

START_TEST(link_slots_zeroed_by_others_reported)
{
	uint32_t link = veth_net_start(0), slot = 0;
	struct link_slot zero;
	struct fw_reading r;
	char path[128];
	int fd;

	memset(&zero, 0, sizeof(zero));
	world_open();
	world_want(X, link);
	world_want(Y, link);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 4);
	veth_net_send(0, Y, 100, 4);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 4);
	snprintf(path, sizeof(path), "%s/set/slots", veth_net_bpf_dir());
	fd = bpf_obj_get(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bpf_map_update_elem(fd, &slot, &zero, BPF_ANY), 0);
	close(fd);
	ck_assert_int_eq(fw_read(world.fw, ADDR_V4, loop_now_ns(), &r), 0);
	ck_assert(r.zeroed);
	ck_assert_uint_eq(r.rows[0].intact, PATHS_ALL & ~(1u << PATH_NODE_OUT));
	ck_assert_uint_eq(r.rows[1].intact, PATHS_ALL);
	ck_assert_int_eq(fw_read(world.fw, ADDR_V4, loop_now_ns(), &r), 0);
	ck_assert(!r.zeroed);
}
END_TEST

/* Somebody removes all that is pinned: it counts on; root's next start makes it anew, and no packet
 * passes two programs. */
START_TEST(link_pins_removed_counts_on_and_begins_anew)
{
	uint32_t link = veth_net_start(0);
	uint64_t commit;

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	commit = world.commit;
	veth_net_run("rm -r %s", veth_net_bpf_dir());
	veth_net_send(0, X, 100, 4);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 4);
	fw_forget(world.fw, ADDR_V4);
	world_close();
	world_open();
	ck_assert_ptr_null(world_row(X));
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_final(X, PATH_NODE_OUT, FW_CREATED));
	ck_assert_uint_eq(world_look(link)->at[FW_INGRESS].n_others, 0);
	veth_net_send(0, X, 100, 3);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 3);
	ck_assert_uint_ge(commit, 1);
}
END_TEST

/* A new version: its programs take the old ones' places, but not under a daemon that knows them. */
START_TEST(link_programs_renewed_counts_once)
{
	struct fw_config config = world_config();
	uint32_t link = veth_net_start(0);
	struct err e = { "" };

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	veth_net_run("rm %s/set/count_in %s/set/count_out", veth_net_bpf_dir(), veth_net_bpf_dir());
	ck_assert_msg(!fw_prepare(CFG_BACKEND_LINK, &config, 0, 0, &e), "%s", e.text);
	veth_net_send(0, X, 100, 4);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 4);
	for (uint64_t until = loop_now_ns() + 2 * NS_PER_S; loop_now_ns() < until;) {
		ck_assert(!world_row(X)->missing);
		loop_run_once(world.loop, 50);
	}
	fw_forget(world.fw, ADDR_V4);
	world_close();
	world_open();
	ck_assert(!world_row(X)->missing);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
	ck_assert_uint_eq(world_look(link)->at[FW_INGRESS].n_others, 0);
	veth_net_send(0, X, 100, 3);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 7);
}
END_TEST

START_TEST(link_foreign_program_before_ours_outranked_and_moved)
{
	uint32_t link = veth_net_start(0);
	int fd = foreign_program();

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	if (world_clsact)
		veth_net_run("tc filter add dev h0 ingress prio 1 protocol all bpf da bytecode "
			     "'1,6 0 0 4294967295'");
	else
		ck_assert_int_eq(tcx_attach(link, TC_HOOK_INGRESS, fd), 0);
	ck_assert_uint_eq(world_look(link)->at[FW_INGRESS].n_before, 1);
	world_await_missing(X, true);
	ck_assert_ptr_nonnull(strstr(fw_get_figures(world.fw, ADDR_V4).flaw, "precede"));
	ck_assert_int_eq(world_fit(ADDR_V4), FW_OUTRANKED);
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_final(X, PATH_NODE_OUT, FW_MISSED));
	ck_assert_uint_eq(world_look(link)->at[FW_INGRESS].n_before, 0);
	ck_assert_uint_eq(world_look(link)->at[FW_INGRESS].n_others, 1);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
	veth_net_send(0, X, 100, 4);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 4);
	close(fd);
}
END_TEST

/* tcx counts who comes and goes, so even a moment before ours is noticed. Behind ours nobody hides
 * anything. */
START_TEST(link_foreign_program_for_a_moment_is_missed)
{
	uint32_t link = veth_net_start(0);
	int fd = foreign_program();

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	world_await_missing(X, false);
	ck_assert_int_eq(tcx_attach(link, TC_HOOK_EGRESS, fd), 0);
	ck_assert_int_eq(tcx_detach(link, TC_HOOK_EGRESS, fd), 0);
	world_await_missing(X, true);
	ck_assert_ptr_nonnull(strstr(fw_get_figures(world.fw, ADDR_V4).flaw, "came and went"));
	ck_assert_int_eq(world_fit(ADDR_V4), FW_CHANGED);
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_final(X, PATH_FWD_IN, FW_MISSED));
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
	ck_assert_int_eq(tcx_attach(link, TC_HOOK_INGRESS, fd), 0);
	world_await_missing(X, true);
	world_apply(ADDR_V4); /* ours first again, that one behind it */
	ck_assert_int_eq(tcx_detach(link, TC_HOOK_INGRESS, fd), 0);
	for (uint64_t until = loop_now_ns() + 2 * NS_PER_S; loop_now_ns() < until;) {
		ck_assert(!world_row(X)->missing);
		loop_run_once(world.loop, 50);
	}
	close(fd);
}
END_TEST

/* A rate limit that was there first, and its owner's commands afterwards. */
START_TEST(link_limited_first_limit_stays)
{
	uint32_t link = veth_net_start(0);

	limit(0);
	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 4);
	veth_net_answer(0, X, 100, 5);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 4);
	ck_assert(world_look(link)->ingress_qdisc);
	veth_net_run("tc filter show dev h0 parent ffff: | grep -q 'pref 50'");
	if (!world_clsact) {
		ck_assert_uint_eq(world_row(X)->present, PATHS_ALL);
		ck_assert_uint_eq(world_pkts(X, PATH_NODE_IN), 5);
		limit(0);
		ck_assert(!world_row(X)->missing);
		return;
	}
	ck_assert_uint_eq(world_row(X)->present, 1u << PATH_FWD_OUT | 1u << PATH_NODE_OUT);
	ck_assert_uint_eq(world.n_finals, 2);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
	ck_assert_msg(strstr(world_why(X), "rate limit") != NULL, "%s", world_why(X));
	ck_assert(world_is_barred(X));
	limit(0);
	world_await_missing(X, true);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_CHANGED);
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_final(X, PATH_NODE_OUT, FW_MISSED));
	veth_net_run("tc filter show dev h0 parent ffff: | grep -q 'pref 50'");
	veth_net_send(0, X, 100, 2);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 6);
	/* The next process finds the same, and does not begin anew. */
	fw_forget(world.fw, ADDR_V4);
	world_close();
	world_open();
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 6);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
	/* The limit goes, with its qdisc: both directions again. */
	veth_net_run("tc qdisc del dev h0 ingress");
	world_await_missing(X, true);
	world_apply(ADDR_V4);
	if (world_fit(ADDR_V4) != FW_FITS)
		world_apply(ADDR_V4);
	ck_assert_uint_eq(world_row(X)->present, PATHS_ALL);
	ck_assert_str_eq(world_why(X), "");
	ck_assert(!world_is_barred(X));
}
END_TEST

/* We first. Without tcx a source must say that the link has a limit. */
START_TEST(link_limited_later_limit_can_be_set)
{
	uint32_t link = veth_net_start(0);

	world_open();
	world_want(X, link);
	world.keys[0].limited = true;
	world_apply(ADDR_V4);
	if (world_clsact) {
		ck_assert_ptr_null(world_row(X));
		ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
		ck_assert_msg(strstr(world_why(X), "rate limit") != NULL, "%s", world_why(X));
		ck_assert(world_is_barred(X));
	}
	limit(0);
	while (world_fit(ADDR_V4) == FW_FITS && !world_row(X))
		loop_run_once(world.loop, 50);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 2);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 2);
	veth_net_run("tc filter show dev h0 parent ffff: | grep -q 'pref 50'");
	veth_net_run("tc qdisc del dev h0 ingress");
}
END_TEST

/* We first, and the source says so only then: what is in the limit's way goes, with its finals, and
 * comes back beside the limit. */
START_TEST(link_limited_told_later_yields)
{
	uint32_t link = veth_net_start(0);

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 3);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 3);
	world.keys[0].limited = true;
	if (!world_clsact) {
		ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
		limit(0);
		return;
	}
	ck_assert_int_eq(world_fit(ADDR_V4), FW_DIFFERS);
	world_apply(ADDR_V4);
	ck_assert_ptr_nonnull(world_final(X, PATH_NODE_OUT, FW_REMOVED));
	ck_assert_ptr_null(world_row(X));
	veth_net_run("! tc qdisc show dev h0 | grep -q clsact");
	world_apply(ADDR_V4);
	ck_assert_ptr_null(world_row(X));
	ck_assert_msg(strstr(world_why(X), "rate limit") != NULL, "%s", world_why(X));
	limit(0);
	while (world_fit(ADDR_V4) == FW_FITS && !world_row(X))
		loop_run_once(world.loop, 50);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 2);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 2);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
}
END_TEST

/* A clsact that somebody else uses is in the limit's way without us: ours stays there, too. */
START_TEST(link_limited_told_later_foreign_clsact_is_shared)
{
	uint32_t link = veth_net_start(0);

	veth_net_run("tc qdisc add dev h0 clsact && "
		     "tc filter add dev h0 egress pref 7 protocol all bpf da bytecode '1,6 0 0 0'");
	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	world.keys[0].limited = true;
	world_apply(ADDR_V4);
	world_apply(ADDR_V4);
	ck_assert_int_eq(world_fit(ADDR_V4), FW_FITS);
	veth_net_send(0, X, 100, 2);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 2);
	ck_assert_uint_eq(world_row(X)->present, PATHS_ALL);
	veth_net_run("tc filter show dev h0 egress | grep -q 'pref 7'");
}
END_TEST

/* Whichever way an earlier daemon took, each packet is counted once. */
START_TEST(link_way_changed_counts_once)
{
	uint32_t link = veth_net_start(0);

	world_open();
	world_want(X, link);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 2);
	fw_forget(world.fw, ADDR_V4);
	world_close();
	if (world_clsact)
		unsetenv("CTMETER_LINK_ATTACH");
	else
		setenv("CTMETER_LINK_ATTACH", "clsact", 1);
	world_open();
	ck_assert_int_ne(world_fit(ADDR_V4), FW_FITS);
	world_apply(ADDR_V4);
	veth_net_send(0, X, 100, 3);
	ck_assert_uint_eq(world_pkts(X, PATH_NODE_OUT), 5);
	ck_assert_str_eq(world_look(link)->way, world_clsact ? "tcx" : "clsact");
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
	tcase_add_test(tc, link_programs_taken_off_repaired_and_told);
	tcase_add_test(tc, link_programs_taken_off_between_processes_told);
	tcase_add_test(tc, link_pins_removed_counts_on_and_begins_anew);
	tcase_add_test(tc, link_programs_renewed_counts_once);
	tcase_add_test(tc, link_foreign_program_before_ours_outranked_and_moved);
	tcase_add_test(tc, link_limited_first_limit_stays);
	tcase_add_test(tc, link_limited_later_limit_can_be_set);
	tcase_add_test(tc, link_limited_told_later_yields);
	if (without_tcx)
		tcase_add_test(tc, link_limited_told_later_foreign_clsact_is_shared);
	tcase_add_test(tc, link_way_changed_counts_once);
	if (!without_tcx) {
		tcase_add_test(tc, link_foreign_program_for_a_moment_is_missed);
		tcase_add_test(tc, link_index_changed_by_others_repaired);
		tcase_add_test(tc, link_slots_zeroed_by_others_reported);
	}
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed;
}

int main(void)
{
	int failed = run("link others tcx", false) + run("link others clsact", true);

	return failed ? 1 : 0;
}
