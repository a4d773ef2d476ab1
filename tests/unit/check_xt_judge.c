/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others do to our rules, on the real tables of a private network namespace: is it found, and
 * is it gone after the next commit? */
#include "addrs.h"
#include "lo_net.h"
#include "netfilter/iptables/commit.h"
#include "netfilter/iptables/journal.h"
#include "netfilter/iptables/xt_judge.h"

#include <check.h>
#include <errno.h>
#include <libiptc/libiptc.h>
#include <unistd.h>

static char dir[64], *journal;
static int fd, lock;
static struct ruleset *rs, *none;

static void commit(const struct ruleset *to)
{
	struct err e = { "" };

	ck_assert_msg(commit_run(fd, lock, "mangle", to, NULL, NULL, journal, getppid(), &e) == 0,
		      "%s", e.text);
}

static void setup(void)
{
	const char *why = lo_net_enter();
	uint64_t seed = 1;
	struct addr *addrs;
	size_t n;

	if (why) {
		printf("SKIP %s\n", why);
		exit(0);
	}
	strcpy(dir, "/tmp/ctmeter-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	journal = journal_path(dir, ADDR_V4);
	fd = xt_socket(ADDR_V4);
	lock = commit_lock_open(NULL);
	addrs = random_addrs(ADDR_V4, 100, 20, &seed, &n);
	rs = ruleset_build(ADDR_V4, addrs, n, true, 1);
	none = ruleset_build(ADDR_V4, NULL, 0, true, 1);
	free(addrs);
	lo_net_add_foreign_rule("mangle");
	commit(rs);
	journal_forget(journal);
}

static void teardown(void)
{
	journal_forget(journal);
	ck_assert_int_eq(rmdir(dir), 0);
	unlink(getenv("XTABLES_LOCKFILE"));
	ruleset_free(rs);
	ruleset_free(none);
	free(journal);
}

/* libiptc's prototypes want room for the longest name. */
static const char *label(const char *name)
{
	static xt_chainlabel rooms[4];
	static unsigned next;
	char *room = rooms[next++ % ARRAY_LEN(rooms)];

	snprintf(room, sizeof(rooms[0]), "%s", name);
	return room;
}

static struct xtc_handle *open_table(void)
{
	struct xtc_handle *h = iptc_init("mangle");

	ck_assert_ptr_nonnull(h);
	return h;
}

static void end(struct xtc_handle *h)
{
	ck_assert_msg(iptc_commit(h), "%s", iptc_strerror(errno));
	iptc_free(h);
}

static void insert(struct xtc_handle *h, const char *chain, const char *target)
{
	union {
		struct ipt_entry e;
		uint8_t octets[sizeof(struct ipt_entry) + sizeof(struct xt_standard_target)];
	} rule;
	struct xt_standard_target *t = (void *)(rule.octets + sizeof(rule.e));

	memset(&rule, 0, sizeof(rule));
	rule.e.target_offset = sizeof(rule.e);
	rule.e.next_offset = sizeof(rule);
	t->target.u.user.target_size = sizeof(*t);
	strcpy(t->target.u.user.name, target);
	ck_assert_msg(iptc_insert_entry(label(chain), &rule.e, 0, h), "%s", iptc_strerror(errno));
}

/* Look at the table; *ret_whole: every canary has its seed. */
static struct xt_layout look(bool *ret_whole)
{
	struct xt_layout l;
	struct xt_raw raw;
	bool zero;

	ck_assert_int_eq(xt_read(fd, ADDR_V4, "mangle", &raw), 0);
	xt_layout_parse(&raw, &l);
	xt_judge(&l, ADDR_V4);
	*ret_whole = xt_counters_read(&l, &raw, &zero);
	xt_intact_read(&l, &raw);
	xt_raw_clear(&raw);
	return l;
}

static void expect(bool disturbed, bool doubled, const char *flaw)
{
	bool whole;
	struct xt_layout l = look(&whole);

	ck_assert_int_eq(l.present.disturbed, disturbed);
	ck_assert_int_eq(l.present.doubled, doubled);
	ck_assert_str_eq(l.present.flaw, flaw);
	xt_layout_clear(&l);
}

/* What the commit's journal tells the ledger of it. */
static void expect_found(enum fw_final_kind kind)
{
	struct fw_final *finals;
	struct journal j;
	size_t n;

	ck_assert_int_eq(journal_map(journal, &j), 0);
	finals = journal_finals(&j, &n);
	ck_assert_uint_gt(n, 0);
	ck_assert_int_eq(finals[0].kind, FW_DISTURBED);
	if (kind == FW_DOUBLED)
		ck_assert_int_eq(finals[1].kind, FW_DOUBLED);
	else
		ck_assert(n < 2 || finals[1].kind != FW_DOUBLED);
	free(finals);
	journal_unmap(&j);
	journal_forget(journal);
}

/* The commit that repairs tells, and leaves nothing wrong; one that removes all leaves nothing. */
static void expect_repaired(enum fw_final_kind found)
{
	bool whole;
	struct xt_layout l;

	commit(rs);
	expect_found(found);
	l = look(&whole);
	ck_assert(whole && !l.present.disturbed && !plan_diff(rs, &l.present, NULL));
	ck_assert_uint_eq(l.n_canaries, rs->n_chains);
	xt_layout_clear(&l);
	commit(none);
	journal_forget(journal);
	l = look(&whole);
	ck_assert_uint_eq(l.present.n_chains, 0);
	ck_assert_uint_eq(l.present.intruders, 0);
	xt_layout_clear(&l);
}

START_TEST(xt_judge_own_commit_is_sound)
{
	expect(false, false, "");
	commit(none);
	expect(false, false, "");
}
END_TEST

START_TEST(xt_judge_return_first_in_tree_is_disturbed)
{
	struct xtc_handle *h = open_table();

	insert(h, "ctm-d", IPTC_LABEL_RETURN);
	end(h);
	expect(true, false, "our chains were changed");
	expect_repaired(FW_DISTURBED);
}
END_TEST

START_TEST(xt_judge_accept_before_jump_is_disturbed)
{
	struct xtc_handle *h = open_table();

	insert(h, "INPUT", IPTC_LABEL_ACCEPT);
	end(h);
	expect(true, false, "rule 1 of INPUT (ACCEPT) precedes ours");
	expect_repaired(FW_DISTURBED);
}
END_TEST

START_TEST(xt_judge_jump_gone_is_disturbed)
{
	struct xtc_handle *h = open_table();

	ck_assert(iptc_delete_num_entry(label("OUTPUT"), 0, h));
	end(h);
	expect(true, false, "no rule of OUTPUT leads to ours");
	expect_repaired(FW_DISTURBED);
}
END_TEST

START_TEST(xt_judge_foreign_rule_into_ours_is_doubled)
{
	struct xtc_handle *h = open_table();

	ck_assert(iptc_create_chain(label("tenants"), h));
	insert(h, "tenants", "ctm-d");
	insert(h, "tenants", IPTC_LABEL_ACCEPT);
	insert(h, "PREROUTING", "ctm-s");
	end(h);
	expect(true, true,
	       "rule 1 of PREROUTING leads to our chain ctm-s, "
	       "rule 2 of tenants leads to our chain ctm-d");
	expect_repaired(FW_DOUBLED);
	h = open_table();
	ck_assert_ptr_nonnull(iptc_first_rule(label("tenants"), h)); /* somebody's other rule */
	ck_assert_ptr_null(iptc_next_rule(iptc_first_rule(label("tenants"), h), h));
	ck_assert_ptr_null(iptc_first_rule(label("PREROUTING"), h));
	iptc_free(h);
}
END_TEST

START_TEST(xt_judge_tree_twice_in_root_is_doubled)
{
	bool whole;
	struct xt_layout l = look(&whole);
	struct xtc_handle *h = open_table();

	insert(h, l.present.hook[HOOK_FORWARD].target, "ctm-s");
	end(h);
	xt_layout_clear(&l);
	expect(true, true, "our chains were changed");
	expect_repaired(FW_DOUBLED);
}
END_TEST

START_TEST(xt_judge_renamed_chains_are_still_ours)
{
	bool whole;
	struct xt_layout l = look(&whole);
	size_t chains = l.present.n_chains;
	struct xtc_handle *h = open_table();

	ck_assert(iptc_rename_chain(label(l.present.hook[HOOK_FORWARD].target), label("foo"), h));
	ck_assert(iptc_rename_chain(label("ctm-o"), label("bar"), h));
	end(h);
	xt_layout_clear(&l);
	l = look(&whole);
	ck_assert_uint_eq(l.present.n_chains, chains);
	ck_assert_uint_eq(l.present.strays, 2);
	xt_layout_clear(&l);
	expect(true, false, "a chain of ours was renamed");
	expect_repaired(FW_DISTURBED);
}
END_TEST

START_TEST(xt_intact_read_one_chain_zeroed_others_intact)
{
	struct xtc_handle *h = open_table();
	struct xt_layout l;
	unsigned zeroed = 0;
	bool whole;

	ck_assert(iptc_zero_entries(label("ctm-d"), h));
	end(h);
	l = look(&whole);
	ck_assert(!whole && !l.present.disturbed);
	for (size_t i = 0; i < l.n_rows; i++) {
		ck_assert_uint_eq(l.rows[i].intact | 1u << PATH_FWD_IN, (1u << PATHS) - 1);
		zeroed += !(l.rows[i].intact & 1u << PATH_FWD_IN);
	}
	ck_assert_uint_lt(zeroed, l.n_rows); /* those of ctm-d itself, not of chains below it */
	xt_layout_clear(&l);
	commit(rs);
	expect_found(FW_DISTURBED);
	l = look(&whole);
	ck_assert(whole);
	xt_layout_clear(&l);
}
END_TEST

/* As an earlier version left it: packets are counted all the same, and the next commit makes it. */
START_TEST(xt_judge_canary_missing_is_sound_and_made_anew)
{
	struct xtc_handle *h = open_table();
	struct xt_layout l;
	const void *rule = iptc_first_rule(label("ctm-i"), h);
	unsigned n = 0;
	bool whole;

	for (; rule; rule = iptc_next_rule(rule, h))
		n++;
	ck_assert(iptc_delete_num_entry(label("ctm-i"), n - 1, h));
	end(h);
	expect(false, false, "");
	l = look(&whole);
	ck_assert_uint_eq(l.n_canaries, rs->n_chains - 1);
	ck_assert(plan_diff(rs, &l.present, NULL));
	xt_layout_clear(&l);
	commit(rs);
	l = look(&whole);
	ck_assert_uint_eq(l.n_canaries, rs->n_chains);
	xt_layout_clear(&l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("xt_judge");
	TCase *tc = tcase_create("xt_judge");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, xt_judge_own_commit_is_sound);
	tcase_add_test(tc, xt_judge_return_first_in_tree_is_disturbed);
	tcase_add_test(tc, xt_judge_accept_before_jump_is_disturbed);
	tcase_add_test(tc, xt_judge_jump_gone_is_disturbed);
	tcase_add_test(tc, xt_judge_foreign_rule_into_ours_is_doubled);
	tcase_add_test(tc, xt_judge_tree_twice_in_root_is_doubled);
	tcase_add_test(tc, xt_judge_renamed_chains_are_still_ours);
	tcase_add_test(tc, xt_intact_read_one_chain_zeroed_others_intact);
	tcase_add_test(tc, xt_judge_canary_missing_is_sound_and_made_anew);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
