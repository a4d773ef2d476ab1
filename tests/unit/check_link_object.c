/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of maps: made, kept, renewed, replaced by larger ones, and what is said when that cannot
 * be. */
#include "link_set.h"

#include "base/xalloc.h"

#include <bpf/bpf.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- making and opening ------------------------------------------------------------------- */

static void work_as_user(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct caps[2];
	struct link_object o;
	struct err e = { "" };
	struct fw_key key = { .link = 1 };
	uint32_t slot = 0;

	need(!setgid(SOME_USER) && !setuid(SOME_USER), "setuid");
	need(syscall(SYS_capget, &head, caps) == 0 && !caps[0].effective && !caps[1].effective,
	     "still has capabilities");
	if (link_object_open(LAB_BPF_DIR, &o, &e) < 0)
		need(false, e.text);
	need(link_object_reach(&o, 3000) == 0 && o.state->reach == 3000, "reach");
	o.slot[2999].path[0].octets = 1;
	o.owner[2999].state = LINK_LIVE;
	need(link_object_hold_index(&o) == 0, "hold");
	need(index_put(&o.index, &key, 5) == 0, "put");
	need(index_get(&o.index, &key, &slot) == 0 && slot == 5, "get");
	need(index_remove(&o.index, &key) == 0, "remove");
	need(index_get(&o.index, &key, &slot) == -ENOENT, "still there");
	need(link_object_hold_index(&o) == 0, "hold twice");
	link_object_drop_index(&o);
	need(index_get(&o.index, &key, &slot) == -ENOENT, "still held");
	link_object_drop_index(&o);
	need(link_object_wait_grace(&o) == 0, "grace period");
	link_object_close(&o);
	need(link_object_remove(LAB_BPF_DIR, &e) == 0, "remove");
}

START_TEST(object_given_to_a_user_needs_no_capability)
{
	struct err e = { "" };
	struct stat st;

	ck_assert_msg(link_object_prepare(LAB_BPF_DIR, 10000, SOME_USER, SOME_USER, &e) == 0, "%s",
		      e.text);
	ck_assert_int_eq(stat(SET "/slots", &st), 0);
	ck_assert_uint_eq(st.st_uid, SOME_USER);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(stat(SET, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	in_child(work_as_user);
}
END_TEST

static void open_as_other(void)
{
	struct link_object o;
	struct err e = { "" };

	need(!setgid(SOME_USER) && !setuid(SOME_USER), "setuid");
	need(link_object_open(LAB_BPF_DIR, &o, &e) == -EACCES, "it opened root's set");
	need(strstr(e.text, "belongs to another user: \"ctmeterd --prepare\"") != NULL, e.text);
}

START_TEST(object_open_says_what_is_missing)
{
	struct link_object o;
	struct err e = { "" };

	ck_assert_int_eq(link_object_open(LAB_BPF_DIR, &o, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "\"ctmeterd --prepare\", as root, makes it"));
	prepare(1);
	in_child(open_as_other);
}
END_TEST

/* Root leaves a set alone that a daemon has open, but not because somebody looks at it. */
START_TEST(object_peek_holds_no_lock)
{
	struct link_object o;
	struct err e = { "" };
	int dir;

	prepare(1);
	dir = open(LAB_BPF_DIR, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(dir, 0);
	o = open_it();
	ck_assert_int_lt(flock(dir, LOCK_EX | LOCK_NB), 0);
	link_object_close(&o);
	ck_assert_msg(link_object_peek(LAB_BPF_DIR, &o, &e) == 0, "%s", e.text);
	ck_assert_int_eq(flock(dir, LOCK_EX | LOCK_NB), 0);
	ck_assert_uint_eq(o.state->layout, LINK_LAYOUT);
	link_object_close(&o);
	close(dir);
}
END_TEST

START_TEST(object_reach_maps_what_is_used)
{
	struct link_object o;
	struct link_slot *first;

	prepare(50000);
	o = open_it();
	ck_assert_uint_eq(o.slots, 100000);
	ck_assert_int_eq(link_object_reach(&o, 1), 0);
	first = o.slot;
	first->path[0].octets = 7;
	ck_assert_int_eq(link_object_reach(&o, 100000), 0);
	ck_assert_ptr_eq(o.slot, first);
	o.slot[99999].path[LINK_PATHS - 1].pkts = 8;
	o.owner[99999].commit = 9;
	ck_assert_int_eq(link_object_reach(&o, 100001), -ENOSPC);
	link_object_close(&o);
	o = open_it();
	ck_assert_uint_eq(o.state->reach, 100000);
	ck_assert_uint_eq(o.slot[0].path[0].octets, 7);
	ck_assert_uint_eq(o.slot[99999].path[LINK_PATHS - 1].pkts, 8);
	ck_assert_uint_eq(o.owner[99999].commit, 9);
	link_object_close(&o);
}
END_TEST

/* --- what is there ------------------------------------------------------------------------ */

START_TEST(prepare_again_keeps_maps_and_programs)
{
	struct link_object a, b;

	prepare(100);
	a = open_it();
	raise_slot(&a, 0);
	count_pkts(a.program[LINK_COUNT_IN], 3);
	prepare(50);
	b = open_it();
	ck_assert_int_eq(memcmp(a.program_id, b.program_id, sizeof(a.program_id)), 0);
	count_pkts(a.program[LINK_COUNT_IN], 4);
	expect_pkts(&b, 0, 7);
	ck_assert(!b.has_old);
	link_object_close(&a);
	link_object_close(&b);
}
END_TEST

START_TEST(prepare_other_programs_are_replaced_on_the_same_maps)
{
	struct link_object a, b;

	prepare(100);
	a = open_it();
	raise_slot(&a, 0);
	count_pkts(a.program[LINK_COUNT_IN], 3);
	ck_assert_int_eq(unlink(SET "/count_in"), 0);
	ck_assert_int_eq(rename(SET "/count_up_in", SET "/count_in"), 0);
	prepare(100);
	b = open_it();
	count_pkts(a.program[LINK_COUNT_IN], 4); /* a link that still runs the old program */
	count_pkts(b.program[LINK_COUNT_IN], 5);
	expect_pkts(&b, 0, 12);
	ck_assert_uint_eq(a.program_id[LINK_COUNT_OUT], b.program_id[LINK_COUNT_OUT]);
	link_object_close(&a);
	link_object_close(&b);
}
END_TEST

static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct caps[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	need(syscall(SYS_capset, &head, caps) == 0, "capset");
}

static void prepare_whole_set(void)
{
	struct err e = { "" };

	drop_capabilities();
	need(link_object_prepare(LAB_BPF_DIR, 5000, 0, 0, &e) == 0, e.text);
}

static void prepare_set_without_a_program(void)
{
	struct err e = { "" };

	drop_capabilities();
	need(link_object_prepare(LAB_BPF_DIR, 100, 0, 0, &e) == -EPERM, "it took it for whole");
}

/* As a daemon of root's that has given up its capabilities. */
START_TEST(prepare_by_who_may_not_load_keeps_a_whole_set)
{
	prepare(100);
	in_child(prepare_whole_set);
	ck_assert_int_eq(unlink(SET "/count_up_in"), 0);
	in_child(prepare_set_without_a_program);
}
END_TEST

START_TEST(prepare_unpinned_map_makes_a_new_set)
{
	struct link_object o;

	prepare(100);
	ck_assert_int_eq(unlink(SET "/owners"), 0);
	prepare(100);
	o = open_it();
	ck_assert_uint_eq(o.state->reach, 0);
	link_object_close(&o);
}
END_TEST

START_TEST(prepare_other_layout_is_refused)
{
	struct link_object o, other;
	struct err e = { "" };

	prepare(100);
	o = open_it();
	o.state->layout = LINK_LAYOUT + 1;
	expect_refused(100, -ENOTSUP, "run \"ctmeter teardown\"");
	ck_assert_int_eq(link_object_open(LAB_BPF_DIR, &other, &e), -ENOTSUP);
	link_object_close(&o);
}
END_TEST

/* --- a larger set -------------------------------------------------------------------------- */

/* A set with one slot that has counted, and the program that counts in it, as a link holds it. */
static int make_counting(uint32_t slot, unsigned n)
{
	struct link_object o;
	int program;

	prepare(2048);
	o = open_it();
	raise_slot(&o, slot);
	o.state->commit[0] = 77;
	link_object_close(&o);
	program = bpf_obj_get(SET "/count_in");
	ck_assert_int_ge(program, 0);
	count_pkts(program, n);
	return program;
}

START_TEST(prepare_larger_takes_over_every_count)
{
	struct link_object o;
	struct err e = { "" };
	int old = make_counting(4000, 3);

	o = open_it();
	prepare(50000); /* while a daemon has it open */
	link_object_close(&o);
	o = open_it();
	ck_assert_uint_eq(o.slots, 4096);
	link_object_close(&o);

	prepare(50000);
	o = open_it();
	ck_assert_uint_eq(o.slots, 100000);
	ck_assert(o.has_old);
	ck_assert_uint_eq(o.state->reach, 4001);
	ck_assert_uint_eq(o.state->commit[0], 77);
	ck_assert_uint_eq(o.owner[4000].state, LINK_LIVE);
	count_pkts(old, 4);
	count_pkts(o.program[LINK_COUNT_IN], 5);
	expect_pkts(&o, 4000, 5);
	prepare(100000); /* not before the first one is taken over */
	ck_assert_msg(link_object_take_over(&o, &e) == 0, "%s", e.text);
	ck_assert(!o.has_old);
	ck_assert_int_lt(access(LAB_BPF_DIR "/set-old", F_OK), 0);
	count_pkts(o.program[LINK_COUNT_IN], 6);
	expect_pkts(&o, 4000, 18);
	ck_assert_int_eq(link_object_take_over(&o, &e), 0);
	expect_pkts(&o, 4000, 18);
	link_object_close(&o);
	close(old);
}
END_TEST

static void take_over_for_ever(void)
{
	struct link_object o;

	if (link_object_open(LAB_BPF_DIR, &o, NULL) == 0 && link_object_take_over(&o, NULL) == 0)
		_exit(0);
	_exit(1);
}

/* Returns whether the child was killed before it had ended. */
static bool take_over_killed_after(unsigned us, int program)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid)
		take_over_for_ever();
	count_pkts(program, 1000);
	usleep(us);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

static void fill_all(struct link_object *o)
{
	ck_assert_int_eq(link_object_reach(o, o->slots), 0);
	for (uint32_t i = 1; i < o->slots; i++)
		for (int path = 0; path < LINK_PATHS; path++) {
			o->slot[i].path[path].octets = i * 10 + (unsigned)path;
			o->slot[i].path[path].pkts = i;
		}
}

static void expect_all(const struct link_object *o, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		for (int path = 0; path < LINK_PATHS; path++) {
			ck_assert_uint_eq(o->slot[i].path[path].octets, i * 10 + (unsigned)path);
			ck_assert_uint_eq(o->slot[i].path[path].pkts, i);
		}
}

START_TEST(take_over_killed_anywhere_loses_and_repeats_nothing)
{
	unsigned kills = 0;

	for (unsigned round = 0; round < 10; round++) {
		int old = make_counting(0, 3);
		struct link_object o = open_it();
		struct err e = { "" };
		unsigned sent = 3, tries = 0;

		fill_all(&o);
		link_object_close(&o);
		prepare(5000);
		count_pkts(old, 4);
		o = open_it();
		/* The grace period takes some milliseconds, the rest less than one. */
		while (tries < 12 &&
		       take_over_killed_after(round * 50 + tries * 1500, o.program[LINK_COUNT_IN]))
			tries++;
		sent += 4 + 1000 * (tries + (tries < 12));
		kills += tries;
		link_object_close(&o);
		o = open_it();
		ck_assert_msg(link_object_take_over(&o, &e) == 0, "%s", e.text);
		expect_pkts(&o, 0, sent);
		expect_all(&o, 4096);
		link_object_close(&o);
		close(old);
		ck_assert_int_eq(link_object_remove(LAB_BPF_DIR, &e), 0);
	}
	printf("%u kills in 10 take-overs\n", kills);
	ck_assert_uint_gt(kills, 10);
}
END_TEST

#define MARK (UINT64_C(1) << 63)

/* What a kill leaves behind at the two moments that are too short to be met by chance. */
START_TEST(take_over_half_done_is_finished)
{
	for (int stage = 0; stage < 2; stage++) {
		int old = make_counting(0, 3);
		struct link_object o;
		struct err e = { "" };

		prepare(5000);
		o = open_it();
		count_pkts(o.program[LINK_COUNT_IN], 5);
		o.slot[0].path[LINK_OUT].octets += 3 * 128 + MARK; /* added; the packets not yet */
		if (stage == 1) { /* all added; the packets' mark is gone already */
			o.slot[0].path[LINK_OUT].pkts += 3;
			o.state->taken = 1;
		}
		count_pkts(o.program[LINK_COUNT_IN], 1);
		ck_assert_msg(link_object_take_over(&o, &e) == 0, "%s", e.text);
		expect_pkts(&o, 0, 9);
		link_object_close(&o);
		close(old);
		ck_assert_int_eq(link_object_remove(LAB_BPF_DIR, &e), 0);
	}
}
END_TEST

START_TEST(prepare_killed_between_its_renames_goes_on)
{
	for (int with_new = 0; with_new < 2; with_new++) {
		int old = make_counting(0, 3);
		struct link_object o;
		struct err e = { "" };

		if (with_new) {
			prepare(5000);
			ck_assert_int_eq(rename(SET, LAB_BPF_DIR "/set-new"), 0);
		} else {
			ck_assert_int_eq(rename(SET, LAB_BPF_DIR "/set-old"), 0);
		}
		prepare(5000);
		o = open_it();
		ck_assert_uint_eq(o.slots, 10000);
		ck_assert(o.has_old);
		count_pkts(old, 2);
		ck_assert_msg(link_object_take_over(&o, &e) == 0, "%s", e.text);
		expect_pkts(&o, 0, 5);
		link_object_close(&o);
		close(old);
		ck_assert_int_eq(link_object_remove(LAB_BPF_DIR, &e), 0);
	}
}
END_TEST

/* --- what cannot be ------------------------------------------------------------------------- */

START_TEST(prepare_without_bpffs_names_the_mount)
{
	ck_assert_int_eq(umount("/sys/fs/bpf"), 0);
	expect_refused(1, -ENODEV, "mount -t bpf bpf /sys/fs/bpf");
	ck_assert_int_eq(mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL), 0);
}
END_TEST

START_TEST(prepare_directory_of_another_is_refused)
{
	ck_assert_int_eq(mkdir(LAB_BPF_DIR, 0700), 0);
	ck_assert_int_eq(chown(LAB_BPF_DIR, SOME_USER, SOME_USER), 0);
	expect_refused(1, -EACCES, "belongs to a user who is neither root nor the daemon's");
	ck_assert_int_eq(rmdir(LAB_BPF_DIR), 0);
	ck_assert_int_eq(mkdir("/sys/fs/bpf/elsewhere", 0700), 0);
	ck_assert_int_eq(symlink("/sys/fs/bpf/elsewhere", LAB_BPF_DIR), 0);
	expect_refused(1, -ENOTDIR, LAB_BPF_DIR);
	ck_assert_int_eq(unlink(LAB_BPF_DIR), 0);
	ck_assert_int_eq(rmdir("/sys/fs/bpf/elsewhere"), 0);
}
END_TEST

static void prepare_without_capabilities(void)
{
	struct err e = { "" };

	drop_capabilities();
	need(link_object_prepare(LAB_BPF_DIR, 1, 0, 0, &e) == -EPERM, "not EPERM");
	need(strstr(e.text, "BPF is forbidden here: root needs CAP_BPF") != NULL, e.text);
}

static void prepare_without_bpf(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { ARRAY_LEN(code), code };
	struct err e = { "" };

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		     prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0,
	     "seccomp");
	need(link_object_prepare(LAB_BPF_DIR, 1, 0, 0, &e) == -ENOSYS, "not ENOSYS");
	need(strstr(e.text, "has no BPF (CONFIG_BPF_SYSCALL)") != NULL, e.text);
}

START_TEST(prepare_bpf_forbidden_or_missing_says_so)
{
	in_child(prepare_without_capabilities);
	in_child(prepare_without_bpf);
}
END_TEST

START_TEST(remove_leaves_what_is_not_ours)
{
	struct err e = { "" };

	prepare(1);
	ck_assert_int_eq(mkdir(SET "/others", 0700), 0);
	ck_assert_int_eq(link_object_remove(LAB_BPF_DIR, &e), -ENOTEMPTY);
	ck_assert_ptr_nonnull(strstr(e.text, SET));
	ck_assert_int_eq(rmdir(SET "/others"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link object");
	TCase *tc = tcase_create("link object");
	SRunner *runner;
	int failed;

	if (!lab_enter())
		return 0;
	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, object_given_to_a_user_needs_no_capability);
	tcase_add_test(tc, object_open_says_what_is_missing);
	tcase_add_test(tc, object_peek_holds_no_lock);
	tcase_add_test(tc, object_reach_maps_what_is_used);
	tcase_add_test(tc, prepare_again_keeps_maps_and_programs);
	tcase_add_test(tc, prepare_other_programs_are_replaced_on_the_same_maps);
	tcase_add_test(tc, prepare_by_who_may_not_load_keeps_a_whole_set);
	tcase_add_test(tc, prepare_unpinned_map_makes_a_new_set);
	tcase_add_test(tc, prepare_other_layout_is_refused);
	tcase_add_test(tc, prepare_larger_takes_over_every_count);
	tcase_add_test(tc, take_over_killed_anywhere_loses_and_repeats_nothing);
	tcase_add_test(tc, take_over_half_done_is_finished);
	tcase_add_test(tc, prepare_killed_between_its_renames_goes_on);
	tcase_add_test(tc, prepare_without_bpffs_names_the_mount);
	tcase_add_test(tc, prepare_directory_of_another_is_refused);
	tcase_add_test(tc, prepare_bpf_forbidden_or_missing_says_so);
	tcase_add_test(tc, remove_leaves_what_is_not_ours);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
