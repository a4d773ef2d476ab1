/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows that are counted each for itself: what befalls one is its own discontinuity, one an event,
 * and that of no other row. */
#include "ledger_shelf.h"

static uint64_t discontinuity_ns(const char *id, const char *addr)
{
	struct snap *s = look();
	uint64_t ns = find(s, id, addr)->totals.discontinuity_ns;

	snap_unref(s);
	return ns;
}

static enum ledger_result apply_apart(const struct fw_row *rows, size_t n)
{
	struct fw_reading reading = { .rows = rows, .n_rows = n, .apart = true };

	later();
	return ledger_apply(ledger, ADDR_V4, &reading, false, now);
}

/* A commit of this number: one final of each path, which counted `octets` in PATH_FWD_IN. */
static void commit_of(uint64_t number, const char *addr, enum fw_final_kind kind, uint64_t octets)
{
	struct fw_final f[PATHS];

	for (enum path p = 0; p < PATHS; p++)
		f[p] = (struct fw_final) { addr_of(addr), p, kind, { 0, 0 } };
	f[PATH_FWD_IN].final = (struct counters) { octets, octets };
	later();
	commits = number;
	ledger_finals(ledger, ADDR_V4, number, f, PATHS, true, now);
}

static void commit(const char *addr, enum fw_final_kind kind, uint64_t octets)
{
	commit_of(commits + 1, addr, kind, octets);
}

static const struct claim two[] = { { "7", A, false }, { "8", B, false } };
static struct fw_row rows[2];

static void begin(void)
{
	set(two, 2, true);
	rows[0] = row_of(A, 100, 2);
	rows[1] = row_of(B, 10, 1);
	apply_apart(rows, 2);
}

static void expect_only_a(uint64_t octets, uint32_t discontinuities)
{
	expect("7", A, octets, ROW_COUNTING, discontinuities);
	expect("8", B, 10, ROW_COUNTING, 0);
}

START_TEST(ledger_apply_apart_absent_rule_is_its_own)
{
	uint64_t end;

	begin();
	ck_assert_int_eq(apply_apart(rows + 1, 1), LEDGER_DISCONT);
	expect("7", A, 100, ROW_PENDING, 1);
	apply_apart(rows + 1, 1);
	ck_assert_uint_eq(discontinuity_ns("7", A), now.ns);
	commit(A, FW_CREATED, 0);
	rows[0] = row_of(A, 5, 1);
	ck_assert_int_eq(apply_apart(rows, 2), LEDGER_OK);
	end = now.ns;
	apply_apart(rows, 2);
	ck_assert_uint_eq(discontinuity_ns("7", A), end);
	expect_only_a(105, 1);
	ck_assert_uint_eq(discontinuity_ns("8", B), 0);
}
END_TEST

START_TEST(ledger_apply_apart_decrease_is_its_own)
{
	begin();
	rows[0] = row_of(A, 40, 1);
	ck_assert_int_eq(apply_apart(rows, 2), LEDGER_RECHECK);
	expect_only_a(100, 0);
	ck_assert_int_eq(apply_apart(rows, 2), LEDGER_DISCONT);
	expect_only_a(100, 1);
	rows[0] = row_of(A, 41, 2);
	ck_assert_int_eq(apply_apart(rows, 2), LEDGER_OK);
	expect_only_a(101, 1);
}
END_TEST

START_TEST(ledger_finals_apart_odd_ones_are_their_own)
{
	begin();
	commit(A, FW_CREATED, 0); /* it vanished since the reading */
	expect("8", B, 10, ROW_COUNTING, 0);
	rows[0] = row_of(A, 90, 3);
	apply_apart(rows, 2);
	expect_only_a(190, 1);
	commit(A, FW_RESTARTED, 50); /* it restarted, and nobody told */
	rows[0] = row_of(A, 7, 3);
	apply_apart(rows, 2);
	expect_only_a(197, 2);
}
END_TEST

/* A reading says missing, then the repair's final does, then it is whole: one event. */
START_TEST(ledger_apply_missing_is_one_event_until_whole)
{
	uint64_t end;

	begin();
	rows[0].missing = true;
	for (uint64_t i = 1; i <= 3; i++) {
		rows[0].path[PATH_FWD_IN].octets = 100 + i;
		ck_assert_int_eq(apply_apart(rows, 2), LEDGER_DISCONT);
		ck_assert_uint_eq(discontinuity_ns("7", A), now.ns);
		expect_only_a(100 + i, 1);
	}
	commit(A, FW_MISSED, 0);
	ck_assert_uint_eq(discontinuity_ns("7", A), now.ns);
	apply_apart(rows, 2); /* it was, since the last reading */
	rows[0].missing = false;
	ck_assert_int_eq(apply_apart(rows, 2), LEDGER_OK);
	end = now.ns;
	ck_assert_uint_eq(discontinuity_ns("7", A), end);
	apply_apart(rows, 2);
	ck_assert_uint_eq(discontinuity_ns("7", A), end);
	expect_only_a(103, 1);
	rows[0].missing = true;
	apply_apart(rows, 2);
	expect_only_a(103, 2); /* another one */
}
END_TEST

START_TEST(ledger_finals_missed_unseen_is_one_event)
{
	begin();
	commit(A, FW_MISSED, 0);
	expect_only_a(100, 1);
	rows[0] = row_of(A, 130, 3); /* the rule counted on */
	ck_assert_int_eq(apply_apart(rows, 2), LEDGER_OK);
	expect_only_a(130, 1);
	commit(A, FW_MISSED, 0);
	expect_only_a(130, 2);
}
END_TEST

/* The container's link came back, and nothing passed before it was counted. */
START_TEST(ledger_finals_resumed_missed_nothing)
{
	begin();
	commit(A, FW_REMOVED, 120);
	expect("7", A, 120, ROW_PENDING, 0);
	commit(A, FW_RESUMED, 0);
	rows[0] = row_of(A, 6, 1);
	ck_assert_int_eq(apply_apart(rows, 2), LEDGER_OK);
	expect_only_a(126, 0);
	commit(A, FW_RESTARTED, 16); /* it is on another link now */
	rows[0] = row_of(A, 3, 1);
	ck_assert_int_eq(apply_apart(rows, 2), LEDGER_OK);
	expect_only_a(139, 0);
	commit(A, FW_REMOVED, 3);
	commit(A, FW_CREATED, 0); /* in between its packets were not counted */
	rows[0] = row_of(A, 9, 1);
	apply_apart(rows, 2);
	expect_only_a(148, 1);
}
END_TEST

/* The new slot and the old one's final in one commit. */
START_TEST(ledger_finals_removed_and_resumed_in_one_commit)
{
	struct fw_final f[] = { { addr_of(A), PATH_FWD_IN, FW_REMOVED, { 130, 3 } },
				{ addr_of(A), PATH_FWD_IN, FW_RESUMED, { 0, 0 } },
				{ addr_of(A), PATH_FWD_IN, FW_MISSED, { 0, 0 } } };

	begin();
	later();
	ledger_finals(ledger, ADDR_V4, ++commits, f, 2, true, now);
	rows[0] = row_of(A, 20, 1);
	apply_apart(rows, 2);
	expect_only_a(150, 0);
	f[0].final = (struct counters) { 25, 2 };
	f[1].kind = FW_CREATED; /* and packets had passed: one event, told twice */
	later();
	ledger_finals(ledger, ADDR_V4, ++commits, f, 3, true, now);
	rows[0] = row_of(A, 1, 1);
	apply_apart(rows, 2);
	expect_only_a(156, 1);
}
END_TEST

START_TEST(ledger_finals_of_a_known_commit_are_ignored_after_a_kill)
{
	begin();
	commit(A, FW_MISSED, 0);
	restart(true); /* stored, and not forgotten by the backend */
	expect("7", A, 100, ROW_COUNTING, 1);
	commit_of(commits, A, FW_MISSED, 0);
	commit_of(commits, A, FW_REMOVED, 170);
	expect("7", A, 100, ROW_COUNTING, 1);
	apply_apart(rows, 2);
	expect_only_a(100, 1);
}
END_TEST

/* The rule was removed before the kill, and is made anew by the next process. */
START_TEST(ledger_finals_created_for_a_row_that_counted_before_a_kill)
{
	begin();
	commit(A, FW_REMOVED, 100);
	restart(true);
	commit(A, FW_CREATED, 0);
	rows[0] = row_of(A, 4, 1);
	apply_apart(rows, 2);
	expect_only_a(104, 1);
	commit(A, FW_REMOVED, 4);
	restart(true);
	commit(A, FW_RESUMED, 0);
	apply_apart(rows, 2);
	expect_only_a(108, 1);
}
END_TEST

/* A change of backend: the old one's finals, a kill, and the new one's: one discontinuity for each
 * row, also for one that has counted nothing yet; none for a row that comes later. */
START_TEST(ledger_leave_is_one_discontinuity_of_each_row)
{
	static const struct claim three[] = { { "7", A, false },
					      { "8", B, false },
					      { "9", "192.0.2.3", false } };

	for (int killed = 0; killed < 2; killed++) {
		teardown();
		setup();
		begin();
		rows[1] = row_of(B, 10, 1);
		commit(A, FW_REMOVED, 130);
		commit(B, FW_REMOVED, 10);
		ledger_leave(ledger, ADDR_V4, true);
		if (killed)
			restart(true);
		commit(A, FW_CREATED, 0);
		commit(B, FW_CREATED, 0);
		ledger_leave(ledger, ADDR_V4, false);
		set(three, 3, true);
		if (killed)
			restart(true);
		commit("192.0.2.3", FW_CREATED, 0);
		rows[0] = row_of(A, 7, 1);
		rows[1] = row_of(B, 2, 1);
		apply_apart(rows, 2);
		expect("7", A, 137, ROW_COUNTING, 1);
		expect("8", B, 12, ROW_COUNTING, 1);
		expect("9", "192.0.2.3", 0, ROW_PENDING, 0);
	}
}
END_TEST

/* No packet was missed, but the new backend counts in another way. */
START_TEST(ledger_leave_resumed_is_a_discontinuity_too)
{
	begin();
	commit(A, FW_REMOVED, 100);
	ledger_leave(ledger, ADDR_V4, true);
	commit(A, FW_RESUMED, 0);
	ledger_leave(ledger, ADDR_V4, false);
	apply_apart(rows, 2);
	expect("7", A, 200, ROW_COUNTING, 1);
}
END_TEST

START_TEST(ledger_leave_idle_row_is_known_after_a_kill)
{
	set(two, 2, true);
	commit(A, FW_CREATED, 0);
	commit(A, FW_REMOVED, 0);
	ledger_leave(ledger, ADDR_V4, true);
	restart(true);
	commit(A, FW_CREATED, 0);
	expect("7", A, 0, ROW_PENDING, 1);
}
END_TEST

START_TEST(ledger_apply_missing_of_one_row_beside_a_disturbance_of_all)
{
	struct fw_reading reading = { .rows = rows, .n_rows = 2, .disturbed = true };

	begin();
	rows[0].missing = true;
	apply_apart(rows, 2);
	later();
	ledger_apply(ledger, ADDR_V4, &reading, false, now);
	expect("7", A, 100, ROW_COUNTING, 1);
	expect("8", B, 10, ROW_COUNTING, 1);
	apply_apart(rows, 2); /* of all: over; A's own: not */
	ck_assert_uint_eq(discontinuity_ns("8", B), now.ns);
	apply_apart(rows, 2);
	ck_assert_uint_eq(discontinuity_ns("8", B), now.ns - 1000);
	ck_assert_uint_eq(discontinuity_ns("7", A), now.ns);
	expect("7", A, 100, ROW_COUNTING, 1);
	expect("8", B, 10, ROW_COUNTING, 1);
}
END_TEST

/* An address that changes hands while its packets pass uncounted: each owner's row has one. */
START_TEST(ledger_set_inventory_missing_concerns_the_new_owner_too)
{
	static const struct claim moved[] = { { "8", A, false }, { "8", B, false } };

	begin();
	rows[0].missing = true;
	apply_apart(rows, 2);
	set(moved, 2, true);
	apply_apart(rows, 2);
	apply_apart(rows, 2);
	expect("7", A, 100, ROW_RETIRED, 1);
	expect("8", A, 0, ROW_COUNTING, 1);
	expect("8", B, 10, ROW_COUNTING, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_apart");
	TCase *tc = tcase_create("ledger_apart");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ledger_apply_apart_absent_rule_is_its_own);
	tcase_add_test(tc, ledger_apply_apart_decrease_is_its_own);
	tcase_add_test(tc, ledger_finals_apart_odd_ones_are_their_own);
	tcase_add_test(tc, ledger_apply_missing_is_one_event_until_whole);
	tcase_add_test(tc, ledger_finals_missed_unseen_is_one_event);
	tcase_add_test(tc, ledger_finals_resumed_missed_nothing);
	tcase_add_test(tc, ledger_finals_removed_and_resumed_in_one_commit);
	tcase_add_test(tc, ledger_finals_of_a_known_commit_are_ignored_after_a_kill);
	tcase_add_test(tc, ledger_finals_created_for_a_row_that_counted_before_a_kill);
	tcase_add_test(tc, ledger_leave_is_one_discontinuity_of_each_row);
	tcase_add_test(tc, ledger_leave_resumed_is_a_discontinuity_too);
	tcase_add_test(tc, ledger_leave_idle_row_is_known_after_a_kill);
	tcase_add_test(tc, ledger_apply_missing_of_one_row_beside_a_disturbance_of_all);
	tcase_add_test(tc, ledger_set_inventory_missing_concerns_the_new_owner_too);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
