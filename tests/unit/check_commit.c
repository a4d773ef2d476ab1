/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commits on the real tables of a private network namespace, killed before and after each system
 * call and at random instants: the counters of ours and of others must be what the packets made
 * them. */
#include "addrs.h"
#include "base/loop.h"
#include "lo_net.h"
#include "netfilter/iptables/commit.h"
#include "netfilter/iptables/journal.h"
#include "netfilter/iptables/xt_layout.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEPT "198.51.100.1"
#define COMES_AND_GOES "198.51.100.2"
#define PEER "198.51.100.250"
#define KILLS 300

static char dir[64], *journal;
static int fd, lock;

static void setup(void)
{
	const char *why = lo_net_enter();

	if (why) {
		printf("SKIP %s\n", why);
		exit(0);
	}
	strcpy(dir, "/tmp/ctmeter-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	journal = journal_path(dir, ADDR_V4);
	fd = xt_socket(ADDR_V4);
	ck_assert_int_ge(fd, 0);
	lock = commit_lock_open(NULL);
	ck_assert_int_ge(lock, 0);
}

static void teardown(void)
{
	journal_forget(journal);
	ck_assert_int_eq(rmdir(dir), 0);
	unlink(getenv("XTABLES_LOCKFILE"));
	free(journal);
	close(fd);
}

static struct ruleset *rules(bool both)
{
	struct addr addrs[128];
	size_t n = 0;

	addrs[n++] = addr_of(KEPT);
	if (both)
		addrs[n++] = addr_of(COMES_AND_GOES);
	for (unsigned i = 100; n < 124; i++) { /* a tree of some chains */
		addrs[n] = addr_of("198.51.100.0");
		addrs[n++].bytes[3] = (uint8_t)i;
	}
	return ruleset_build(ADDR_V4, addrs, n, true, 1);
}

static void commit(const struct ruleset *rs)
{
	struct err e = { "" };

	ck_assert_msg(commit_run(fd, lock, "mangle", rs, NULL, NULL, journal, getppid(), &e) == 0,
		      "%s", e.text);
}

/* Whether the table stands between REPLACE and ADD_COUNTERS. */
static bool half_committed(void)
{
	struct xt_layout layout;
	struct xt_raw raw;
	bool seeded, zero;

	ck_assert_int_eq(xt_read(fd, ADDR_V4, "mangle", &raw), 0);
	xt_layout_parse(&raw, &layout);
	seeded = xt_counters_read(&layout, &raw, &zero);
	xt_layout_clear(&layout);
	xt_raw_clear(&raw);
	return !seeded;
}

/* What the kernel says of one address's node-out rule; 0 where it has none. */
static struct counters kernel(const char *addr)
{
	struct addr a = addr_of(addr);
	struct counters c = { 0, 0 };
	struct xt_layout layout;
	struct xt_raw raw;
	bool zero;

	ck_assert_int_eq(xt_read(fd, ADDR_V4, "mangle", &raw), 0);
	xt_layout_parse(&raw, &layout);
	ck_assert_msg(xt_counters_read(&layout, &raw, &zero), "the canaries carry their seeds");
	for (size_t i = 0; i < layout.n_rows; i++)
		if (!addr_cmp(&layout.rows[i].addr, &a))
			c = layout.rows[i].path[PATH_NODE_OUT];
	xt_layout_clear(&layout);
	xt_raw_clear(&raw);
	return c;
}

/* Take over the finals a commit left for an address, as the ledger does. */
static uint64_t take_final(const char *addr)
{
	struct addr a = addr_of(addr);
	uint64_t octets = 0;
	struct journal j;
	struct fw_final *finals;
	size_t n;

	if (journal_map(journal, &j) < 0)
		return 0;
	finals = journal_finals(&j, &n);
	for (size_t i = 0; i < n; i++)
		if (!addr_cmp(&finals[i].addr, &a) && finals[i].path == PATH_NODE_OUT)
			octets += finals[i].final.octets;
	free(finals);
	journal_unmap(&j);
	journal_forget(journal);
	return octets;
}

START_TEST(commit_run_unchanged_leaves_no_journal)
{
	struct ruleset *rs = rules(true);

	commit(rs);
	ck_assert(journal_pending(journal));
	journal_forget(journal);
	commit(rs);
	ck_assert(!journal_pending(journal));
	ruleset_free(rs);
}
END_TEST

START_TEST(commit_run_other_parent_does_nothing)
{
	struct ruleset *rs = rules(true);
	struct err e = { "" };

	ck_assert_int_eq(commit_run(fd, lock, "mangle", rs, NULL, NULL, journal, getppid() + 1, &e),
			 -ECANCELED);
	ck_assert_uint_eq(kernel(KEPT).pkts, 0);
	ck_assert(!journal_pending(journal));
	ruleset_free(rs);
}
END_TEST

START_TEST(commit_recover_garbage_journal_is_removed)
{
	FILE *f = fopen(journal, "w");
	struct err e = { "" };

	fputs("not a journal at all", f);
	fclose(f);
	ck_assert_int_eq(commit_recover(fd, lock, journal, &e), 0);
	ck_assert(!journal_pending(journal));
}
END_TEST

static void nap(uint64_t ns)
{
	nanosleep(&(struct timespec) { .tv_nsec = (long)ns }, NULL);
}

/* With the layout of a reading just before, as the daemon does, or without. */
static int commit_in_child(const struct ruleset *rs, bool with_recent, pid_t parent)
{
	struct err e = { "" };
	struct xt_layout recent;
	struct xt_raw raw;
	bool zero, good;
	int ret;

	if (xt_read(fd, ADDR_V4, "mangle", &raw) < 0)
		return -1;
	xt_layout_parse(&raw, &recent);
	good = with_recent && xt_counters_read(&recent, &raw, &zero);
	xt_raw_clear(&raw);
	ret = commit_run(fd, lock, "mangle", rs, NULL, good ? &recent : NULL, journal, parent, &e);
	xt_layout_clear(&recent);
	return ret;
}

/* The child: until it is killed. Nothing here may assert: Check's processes write their messages
 * into one file, and one that is killed half-way through a message makes it unreadable. */
static void commit_without_pause(struct ruleset *const sets[2], bool recent, pid_t parent,
				 const int begun[2])
{
	if (close(begun[0]) < 0 || close(begun[1]) < 0) /* now the parent's time runs */
		_exit(1);
	for (int i = 0;; i++) {
		if (commit_in_child(sets[i & 1], recent, parent) < 0)
			_exit(1);
		/* Finals are taken over by the parent alone: go on only if there are none of the
		 * address that matters. */
		if (journal_pending(journal) && !(i & 1))
			_exit(0);
		journal_forget(journal);
	}
}

/* A child commits the two rulesets in turn without pause; it is killed within some commits' time,
 * counted from when it runs, however busy the machine is. */
static void kill_a_committer(struct ruleset *const sets[2], uint64_t *seed)
{
	bool recent = next_random(seed) & 1;
	pid_t parent = getpid(), child;
	int begun[2];
	char c;

	ck_assert_int_eq(pipe(begun), 0);
	child = fork();
	if (!child)
		commit_without_pause(sets, recent, parent, begun);
	ck_assert_int_gt(child, 0);
	close(begun[1]);
	ck_assert_int_ge(read(begun[0], &c, 1), 0);
	close(begun[0]);
	nap(next_random(seed) % (seed_slow() * NS_PER_MS * 3 / 2));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* What the packets made the counters of two addresses and of a foreign rule. */
struct sent {
	uint64_t kept, gone, gone_sent, octets, pkts;
};

/* Both addresses have rules, without a journal, and have sent something. */
static void begin_round(struct ruleset *const sets[2], struct sent *s)
{
	commit(sets[1]);
	journal_forget(journal); /* made the address, if anything */
	lo_net_send(KEPT, PEER, 1000, 1);
	lo_net_send(COMES_AND_GOES, PEER, 100, 1);
	s->kept += 1000;
	s->gone_sent += 100;
	s->octets += 1100;
	s->pkts += 2;
}

/* After a kill: what it left half done is finished, and nothing is lost. Returns whether something
 * was half done. */
static bool end_round(struct sent *s)
{
	uint64_t foreign_octets, foreign_pkts;
	bool half = half_committed();
	struct err e = { "" };

	ck_assert_msg(commit_recover(fd, lock, journal, &e) == 0, "%s", e.text);
	s->gone += take_final(COMES_AND_GOES);
	ck_assert_uint_eq(kernel(KEPT).octets, s->kept);
	ck_assert_uint_eq(kernel(COMES_AND_GOES).octets + s->gone, s->gone_sent);
	lo_net_foreign_counters("mangle", &foreign_octets, &foreign_pkts);
	ck_assert_uint_eq(foreign_octets, s->octets);
	ck_assert_uint_eq(foreign_pkts, s->pkts);
	return half;
}

START_TEST(commit_run_killed_anywhere_loses_nothing)
{
	uint64_t seed = seed_random("commit_run_killed_anywhere_loses_nothing");
	struct ruleset *sets[2] = { rules(false), rules(true) };
	unsigned half = 0, rounds;
	struct sent sent = { 0 };

	lo_net_add_foreign_rule("mangle");
	for (rounds = 0; rounds < KILLS; rounds++) {
		begin_round(sets, &sent);
		kill_a_committer(sets, &seed);
		half += end_round(&sent);
	}
	printf("%u of %u kills came between REPLACE and ADD_COUNTERS\n", half, rounds);
	ruleset_free(sets[0]);
	ruleset_free(sets[1]);
}
END_TEST

/* One commit in a child that is traced and killed at its stop number `at`, from 0: there is a stop
 * before and one after each system call. Returns false if it ended before that. */
static bool kill_at_stop(const struct ruleset *rs, bool recent, unsigned at)
{
	pid_t parent = getpid(), child = fork();
	int status;

	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) < 0)
			_exit(2);
		_exit(commit_in_child(rs, recent, parent) < 0);
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFSTOPPED(status), "the child cannot be traced: status %#x", status);
	for (unsigned stop = 0; stop <= at; stop++) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return false;
		}
		ck_assert_msg(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP, "%#x", status);
	}
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	return true;
}

/* Killed before and after each system call of a commit, of the short way and of the long one. No
 * chance is in it: after REPLACE and before ADD_COUNTERS the commit is half done. */
START_TEST(commit_run_killed_at_each_call_loses_nothing)
{
	struct ruleset *sets[2] = { rules(false), rules(true) };
	struct sent sent = { 0 };

	lo_net_add_foreign_rule("mangle");
	for (int recent = 0; recent < 2; recent++) {
		unsigned half = 0, at = 0;
		bool killed = true;

		for (; killed; at++) {
			begin_round(sets, &sent);
			killed = kill_at_stop(sets[0], recent, at);
			half += end_round(&sent);
		}
		printf("%u of %u kills came between REPLACE and ADD_COUNTERS\n", half, at - 1);
		ck_assert_uint_ge(half, 2);
	}
	ruleset_free(sets[0]);
	ruleset_free(sets[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("commit");
	TCase *tc = tcase_create("commit");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 120 * seed_slow());
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, commit_run_unchanged_leaves_no_journal);
	tcase_add_test(tc, commit_run_other_parent_does_nothing);
	tcase_add_test(tc, commit_recover_garbage_journal_is_removed);
	tcase_add_test(tc, commit_run_killed_anywhere_loses_nothing);
	tcase_add_test(tc, commit_run_killed_at_each_call_loses_nothing);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
