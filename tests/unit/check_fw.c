/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One set of tests for every backend. The iptables backend runs on the real tables of a private
 * network namespace, and the link backend on a veth pair of its own, with real packets; where the
 * machine has none, its tests are skipped by name. */
#include "addrs.h"
#include "lo_net.h"
#include "netfilter/fw.h"
#include "netfilter/fw_admin.h"
#include "veth_net.h"

#include <check.h>
#include <errno.h>
#include <unistd.h>

#define PEER "198.51.100.250"
#define PEER6 "2001:db8::fa"

#ifdef CTM_NO_IPTC /* lo_net.c makes real tables, by libiptc */
#define lo_net_enter() "built without libiptc"
#define lo_net_send(from, to, ip_octets, n) ck_abort_msg("built without libiptc")
#endif

static enum cfg_backend backend;
static uint32_t the_link; /* of the container that has all addresses, for the link backend */
static struct loop *loop;
static struct fw *fw;
static char dir[64];

/* What `done` was told last. */
static struct {
	bool done;
	int result;
	uint64_t commit;
	struct fw_final finals[256];
	size_t n;
} told;

static void on_done(void *arg, enum addr_family family, int result, const char *text,
		    uint64_t commit, const struct fw_final *finals, size_t n, uint64_t now_ns)
{
	(void)arg, (void)family, (void)text, (void)now_ns;
	ck_assert_uint_le(n, ARRAY_LEN(told.finals));
	told.done = true;
	told.result = result;
	told.commit = commit;
	told.n = n;
	if (n)
		memcpy(told.finals, finals, n * sizeof(*finals));
}

static void open_fw(void)
{
	struct fw_config config = { .table = "mangle",
				    .run_dir = dir,
				    .bpf_dir = veth_net_bpf_dir() };
	struct err e = { "" };

	ck_assert_msg(fw_open(backend, &config, loop, on_done, NULL, &fw, &e) == 0, "%s", e.text);
}

static void setup(void)
{
	const char *why = backend == CFG_BACKEND_FAKE   ? NULL
			  : backend == CFG_BACKEND_LINK ? veth_net_enter()
							: lo_net_enter();

	if (why) {
		printf("SKIP %s\n", why);
		exit(0);
	}
	strcpy(dir, "/tmp/ctmeter-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	loop = loop_new();
	if (backend == CFG_BACKEND_LINK)
		the_link = veth_net_start(0);
	open_fw();
	if (fw_family_problem(fw, ADDR_V4)) {
		printf("SKIP %s\n", fw_family_problem(fw, ADDR_V4));
		exit(0);
	}
}

static void teardown(void)
{
	char path[128];

	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		fw_forget(fw, f);
	fw_close(fw);
	loop_free(loop);
	snprintf(path, sizeof(path), "%s/counters", dir);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0); /* no journal is left behind */
	if (getenv("XTABLES_LOCKFILE"))
		unlink(getenv("XTABLES_LOCKFILE"));
}

/* Traffic from `from` to a peer without rules: node traffic out of the container. */
static struct counters carried[256]; /* by last octet, for the fake */

static void carry(const char *from, unsigned ip_octets, unsigned n)
{
	struct addr a = addr_of(from);
	char path[128];
	FILE *f;

	if (backend == CFG_BACKEND_LINK) {
		veth_net_send(0, from, ip_octets, n);
		return;
	}
	if (backend != CFG_BACKEND_FAKE) {
		lo_net_send(from, a.family == ADDR_V4 ? PEER : PEER6, ip_octets, n);
		return;
	}
	carried[a.bytes[a.family == ADDR_V4 ? 3 : 15]].octets += (uint64_t)ip_octets * n;
	carried[a.bytes[a.family == ADDR_V4 ? 3 : 15]].pkts += n;
	snprintf(path, sizeof(path), "%s/counters", dir);
	setenv("CTMETER_FAKE_COUNTERS", path, 1);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < 256; i++)
		if (carried[i].pkts) {
			fprintf(f, a.family == ADDR_V4 ? "198.51.100.%d" : "2001:db8::%x", i);
			fprintf(f, " node-out %llu %llu\n", (unsigned long long)carried[i].octets,
				(unsigned long long)carried[i].pkts);
		}
	fclose(f);
}

/* What is wanted for these last octets; valid until the next call. */
static struct fw_want wanted(enum addr_family family, const unsigned *last, size_t n)
{
	static struct fw_key keys[64];

	for (size_t i = 0; i < n; i++) {
		keys[i].link = the_link;
		keys[i].addr = addr_of(family == ADDR_V4 ? "198.51.100.0" : "2001:db8::");
		keys[i].addr.bytes[family == ADDR_V4 ? 3 : 15] = (uint8_t)last[i];
	}
	return (struct fw_want) { .family = family, .keys = keys, .n = n, .paths = PATHS_ALL };
}

static void apply(enum addr_family family, const unsigned *last, size_t n)
{
	struct fw_want want = wanted(family, last, n);

	told.done = false;
	ck_assert_int_eq(fw_apply(fw, &want), 0);
	ck_assert_int_eq(fw_apply(fw, &want), -EBUSY);
	while (!told.done)
		loop_run_once(loop, 5000);
	ck_assert_int_eq(told.result, 0);
	ck_assert(!fw_busy(fw, family));
}

static struct fw_reading read_all(enum addr_family family)
{
	struct fw_reading r;

	ck_assert_int_eq(fw_read(fw, family, loop_now_ns(), &r), 0);
	return r;
}

static void expect(enum addr_family family, unsigned last, uint64_t octets, uint64_t pkts)
{
	struct fw_reading r = read_all(family);

	for (size_t i = 0; i < r.n_rows; i++)
		if (r.rows[i].addr.bytes[family == ADDR_V4 ? 3 : 15] == last) {
			ck_assert_uint_eq(r.rows[i].present, (1u << PATHS) - 1);
			ck_assert_uint_eq(r.rows[i].path[PATH_NODE_OUT].octets, octets);
			ck_assert_uint_eq(r.rows[i].path[PATH_NODE_OUT].pkts, pkts);
			return;
		}
	ck_abort_msg("address %u has no rules", last);
}

static const struct fw_final *final_of(unsigned last, enum path path)
{
	for (size_t i = 0; i < told.n; i++)
		if (told.finals[i].addr.bytes[3] == last && told.finals[i].path == path)
			return &told.finals[i];
	return NULL;
}

static const unsigned one_two[] = { 1, 2 }, one[] = { 1 };

START_TEST(fw_read_untouched_table_has_nothing)
{
	ck_assert_uint_eq(read_all(ADDR_V4).n_rows, 0);
	ck_assert_uint_eq(fw_get_figures(fw, ADDR_V4).rules, 0);
	ck_assert_str_eq(fw_get_figures(fw, ADDR_V4).flaw, "");
}
END_TEST

START_TEST(fw_apply_twice_second_changes_nothing)
{
	uint64_t commit;

	apply(ADDR_V4, one_two, 2);
	ck_assert_uint_eq(read_all(ADDR_V4).n_rows, 2);
	commit = read_all(ADDR_V4).commit;
	ck_assert_uint_eq(commit, told.commit);
	ck_assert_uint_eq(fw_get_figures(fw, ADDR_V4).rules, 2 * PATHS);
	apply(ADDR_V4, one_two, 2);
	ck_assert_uint_eq(told.n, 0);
	ck_assert_uint_eq(told.commit, 0);
	ck_assert_uint_eq(read_all(ADDR_V4).commit, commit);
}
END_TEST

START_TEST(fw_compare_follows_what_is_wanted_and_what_is_there)
{
	struct fw_want want = wanted(ADDR_V4, NULL, 0);

	read_all(ADDR_V4);
	ck_assert_int_eq(fw_compare(fw, &want), FW_FITS);
	want = wanted(ADDR_V4, one, 1);
	ck_assert_int_eq(fw_compare(fw, &want), FW_DIFFERS);
	apply(ADDR_V4, one, 1);
	read_all(ADDR_V4);
	want = wanted(ADDR_V4, one, 1);
	ck_assert_int_eq(fw_compare(fw, &want), FW_FITS);
	want.paths = PATHS_FORWARDED;
	ck_assert_int_eq(fw_compare(fw, &want), FW_DIFFERS);
	want = wanted(ADDR_V4, one_two, 2);
	ck_assert_int_eq(fw_compare(fw, &want), FW_DIFFERS);
	want = wanted(ADDR_V4, one_two + 1, 1); /* as many, but another */
	ck_assert_int_eq(fw_compare(fw, &want), FW_DIFFERS);
}
END_TEST

/* Only the paths that are wanted are there, and commits grow. */
START_TEST(fw_apply_fewer_paths_others_removed)
{
	struct fw_want want;
	uint64_t commit;

	apply(ADDR_V4, one, 1);
	commit = told.commit;
	ck_assert_uint_gt(commit, 0);
	want = wanted(ADDR_V4, one, 1);
	want.paths = PATHS_FORWARDED;
	told.done = false;
	ck_assert_int_eq(fw_apply(fw, &want), 0);
	while (!told.done)
		loop_run_once(loop, 5000);
	ck_assert_uint_gt(told.commit, commit);
	ck_assert_int_eq(final_of(1, PATH_NODE_OUT)->kind, FW_REMOVED);
	ck_assert_uint_eq(read_all(ADDR_V4).rows[0].present, PATHS_FORWARDED);
	ck_assert_int_eq(fw_compare(fw, &want), FW_FITS);
}
END_TEST

START_TEST(fw_read_traffic_is_exact)
{
	apply(ADDR_V4, one_two, 2);
	carry("198.51.100.1", 128, 10);
	carry("198.51.100.2", 1400, 3);
	expect(ADDR_V4, 1, 1280, 10);
	expect(ADDR_V4, 2, 4200, 3);
	carry("198.51.100.1", 28, 1);
	expect(ADDR_V4, 1, 1308, 11);
}
END_TEST

START_TEST(fw_read_ipv6_traffic_is_exact)
{
	if (fw_family_problem(fw, ADDR_V6)) {
		printf("SKIP fw_read_ipv6_traffic_is_exact: %s\n", fw_family_problem(fw, ADDR_V6));
		return;
	}
	apply(ADDR_V6, one_two, 2);
	carry("2001:db8::1", 100, 7);
	expect(ADDR_V6, 1, 700, 7);
	expect(ADDR_V6, 2, 0, 0);
}
END_TEST

START_TEST(fw_apply_address_added_others_count_on)
{
	apply(ADDR_V4, one, 1);
	carry("198.51.100.1", 500, 4);
	carry("198.51.100.2", 500, 4); /* has no rule yet */
	apply(ADDR_V4, one_two, 2);
	ck_assert_int_eq(final_of(2, PATH_NODE_OUT)->kind, FW_CREATED);
	ck_assert_ptr_null(final_of(1, PATH_NODE_OUT));
	expect(ADDR_V4, 1, 2000, 4);
	expect(ADDR_V4, 2, 0, 0);
	carry("198.51.100.2", 60, 1);
	expect(ADDR_V4, 2, 60, 1);
}
END_TEST

START_TEST(fw_apply_address_removed_final_is_exact)
{
	apply(ADDR_V4, one_two, 2);
	carry("198.51.100.2", 300, 2);
	expect(ADDR_V4, 2, 600, 2);
	carry("198.51.100.2", 300, 1); /* after the last reading */
	apply(ADDR_V4, one, 1);
	ck_assert_int_eq(final_of(2, PATH_NODE_OUT)->kind, FW_REMOVED);
	ck_assert_uint_eq(final_of(2, PATH_NODE_OUT)->final.octets, 900);
	ck_assert_uint_eq(final_of(2, PATH_NODE_OUT)->final.pkts, 3);
	ck_assert_uint_eq(read_all(ADDR_V4).n_rows, 1);
}
END_TEST

START_TEST(fw_apply_nothing_wanted_removes_all)
{
	apply(ADDR_V4, one_two, 2);
	carry("198.51.100.1", 100, 1);
	apply(ADDR_V4, NULL, 0);
	ck_assert_uint_eq(told.n, 2 * PATHS);
	ck_assert_uint_eq(final_of(1, PATH_NODE_OUT)->final.octets, 100);
	ck_assert_uint_eq(read_all(ADDR_V4).commit, 0);
	ck_assert_uint_eq(fw_get_figures(fw, ADDR_V4).rules, 0);
}
END_TEST

/* As after a kill: the next process is told what this one may not have stored. */
START_TEST(fw_open_what_is_not_forgotten_told_again)
{
	if (backend == CFG_BACKEND_FAKE)
		return; /* its rules do not outlive the process */
	apply(ADDR_V4, one_two, 2);
	carry("198.51.100.2", 300, 2);
	apply(ADDR_V4, one, 1);
	for (int i = 0; i < 2; i++) {
		fw_close(fw);
		open_fw();
		ck_assert(fw_busy(fw, ADDR_V4));
		told.done = false;
		while (!told.done)
			loop_run_once(loop, 5000);
		ck_assert_uint_eq(final_of(2, PATH_NODE_OUT)->final.octets, 600);
	}
	fw_forget(fw, ADDR_V4);
	fw_close(fw);
	open_fw();
	ck_assert(!fw_busy(fw, ADDR_V4));
}
END_TEST

START_TEST(fw_forget_next_apply_begun_nothing_forgotten)
{
	struct fw_want want;

	apply(ADDR_V4, one_two, 2);
	carry("198.51.100.2", 300, 2);
	told.done = false;
	want = wanted(ADDR_V4, one, 1);
	ck_assert_int_eq(fw_apply(fw, &want), 0);
	while (!told.done) {
		fw_forget(fw, ADDR_V4); /* the one before, at any time */
		loop_run_once(loop, 1);
	}
	ck_assert_uint_eq(final_of(2, PATH_NODE_OUT)->final.octets, 600);
}
END_TEST

/* Addresses come and go at random, the tree is cut anew each time, traffic never stops: finals
 * and readings together are exactly what was carried under a rule. */
START_TEST(fw_apply_random_changes_nothing_lost_nor_doubled)
{
	uint64_t seed = seed_random("fw_apply_random_changes_nothing_lost_nor_doubled");
	uint64_t expected = 0, removed = 0, left = 0;
	bool ruled[200] = { false };
	struct fw_reading r;

	for (int round = 0; round < 25; round++) {
		unsigned last[64];
		size_t n = 0;

		for (unsigned i = 1; i < 200 && n < 12; i++)
			if (next_random(&seed) % 10 == 0)
				last[n++] = i;
		apply(ADDR_V4, last, n);
		for (size_t i = 0; i < told.n; i++)
			if (told.finals[i].kind == FW_REMOVED)
				removed += told.finals[i].final.octets;
		memset(ruled, 0, sizeof(ruled));
		for (size_t i = 0; i < n; i++)
			ruled[last[i]] = true;
		for (int k = 0; k < 10; k++) {
			unsigned i = 1 + (unsigned)(next_random(&seed) % 199);
			unsigned octets = 28 + (unsigned)(next_random(&seed) % 1000);
			char from[32];

			if (k % 2 && n)
				i = last[next_random(&seed) % n];
			snprintf(from, sizeof(from), "198.51.100.%u", i);
			carry(from, octets, 1);
			expected += ruled[i] ? octets : 0;
		}
	}
	r = read_all(ADDR_V4);
	for (size_t i = 0; i < r.n_rows; i++)
		left += r.rows[i].path[PATH_NODE_OUT].octets;
	ck_assert_uint_gt(removed, 0);
	ck_assert_uint_eq(removed + left, expected);
}
END_TEST

static Suite *suite_for(const char *name)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, fw_read_untouched_table_has_nothing);
	tcase_add_test(tc, fw_apply_twice_second_changes_nothing);
	tcase_add_test(tc, fw_compare_follows_what_is_wanted_and_what_is_there);
	tcase_add_test(tc, fw_apply_fewer_paths_others_removed);
	tcase_add_test(tc, fw_read_traffic_is_exact);
	tcase_add_test(tc, fw_read_ipv6_traffic_is_exact);
	tcase_add_test(tc, fw_apply_address_added_others_count_on);
	tcase_add_test(tc, fw_apply_address_removed_final_is_exact);
	tcase_add_test(tc, fw_apply_nothing_wanted_removes_all);
	tcase_add_test(tc, fw_open_what_is_not_forgotten_told_again);
	tcase_add_test(tc, fw_forget_next_apply_begun_nothing_forgotten);
	tcase_add_test(tc, fw_apply_random_changes_nothing_lost_nor_doubled);
	return suite;
}

static int run(enum cfg_backend which, const char *name)
{
	SRunner *runner;
	int failed;

	backend = which;
	runner = srunner_create(suite_for(name));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed;
}

#ifdef CTM_NO_IPTC
START_TEST(fw_open_not_built_in_says_what_to_do)
{
	struct fw_config config = { .table = "mangle", .run_dir = "/nonexistent" };
	struct err e = { "" };

	ck_assert_int_eq(fw_open(CFG_BACKEND_IPTABLES, &config, NULL, on_done, NULL, &fw, &e),
			 -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(e.text, "built without libiptc: install"));
	ck_assert_int_eq(fw_open(CFG_BACKEND_AUTO, &config, NULL, on_done, NULL, &fw, &e),
			 -ENOTSUP);
}
END_TEST

static int run_not_built(void)
{
	Suite *suite = suite_create("fw not built");
	TCase *tc = tcase_create("fw not built");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, fw_open_not_built_in_says_what_to_do);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed;
}
#endif

int main(void)
{
	int failed = run(CFG_BACKEND_FAKE, "fw fake");

#ifndef CTM_NO_LINK
	failed += run(CFG_BACKEND_LINK, "fw link");
#else
	printf("SKIP fw link: built without BPF\n");
#endif

#ifndef CTM_NO_IPTC
	failed += run(CFG_BACKEND_IPTABLES, "fw iptables");
#else
	printf("SKIP fw iptables: built without libiptc\n");
	failed += run_not_built();
#endif
	return failed ? 1 : 0;
}
