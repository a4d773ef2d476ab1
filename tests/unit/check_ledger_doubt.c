/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ledger older than the kernel's rules: nothing is booked to a row that it may not belong to,
 * and every row gets a discontinuity. */
#include "ledger_shelf.h"

#define D "192.0.2.4"

static const struct claim both[] = { { "7", A, false }, { "8", B, false } };
static const struct claim turned[] = { { "7", B, false }, { "8", A, false } };

/* Both rules exist and are counted. */
static void both_counted(uint64_t a, uint64_t b)
{
	struct fw_row rows[] = { row_of(A, a, 9), row_of(B, b, 9) };

	ck_assert_int_ne(apply(rows, 2, false, false), LEDGER_RECHECK);
}

static void begin_with_both(void)
{
	set(both, 2, true);
	both_counted(100, 10);
	for (enum path p = 0; p < PATHS; p++)
		finals(NULL, 0);
}

START_TEST(ledger_doubt_what_was_counted_since_is_nobodys)
{
	begin_with_both();
	restart(true);
	ledger_doubt(ledger, 5, 40, now);
	expect("7", A, 100, ROW_COUNTING, 6); /* higher than any that was published */
	expect("8", B, 10, ROW_COUNTING, 6);
	both_counted(5000, 900);
	expect("7", A, 100, ROW_COUNTING, 6);
	expect("8", B, 10, ROW_COUNTING, 6);
	both_counted(5001, 907); /* from there on exactly */
	set(turned, 2, true);
	both_counted(5003, 908);
	expect("7", A, 101, ROW_RETIRED, 6);
	expect("8", B, 17, ROW_RETIRED, 6);
	expect("8", A, 2, ROW_COUNTING, 0);
	expect("7", B, 1, ROW_COUNTING, 0);
	expect_container("7", 102, ROW_COUNTING);
	expect_container("8", 19, ROW_COUNTING);
	ck_assert_int_ne(ledger_doubted_s(ledger), 0);
}
END_TEST

START_TEST(ledger_doubt_newer_rules_are_known_from_then_on)
{
	begin_with_both();
	restart(true);
	ledger_doubt(ledger, 0, 0, now);
	ck_assert(!ledger_meet(ledger, ADDR_V4, commits + 3, now)); /* already marked */
	both_counted(5000, 900);
	restart(true);
	ck_assert(!ledger_meet(ledger, ADDR_V4, commits + 3, now));
	both_counted(5001, 901);
	expect("7", A, 101, ROW_COUNTING, 1);
}
END_TEST

START_TEST(ledger_doubt_ports_are_not_given_again)
{
	static const struct claim third[] = { { "7", A, false }, { "9", D, false } };
	struct snap *snap;

	begin_with_both();
	restart(true);
	ledger_doubt(ledger, 0, 40, now);
	set(third, 2, true);
	snap = look();
	ck_assert_uint_eq(snap->containers[snap->n_containers - 1].ifindex, 40);
	snap_unref(snap);
}
END_TEST

/* A rule that decreased, is missing or was zeroed proves no more than one that grew. */
START_TEST(ledger_doubt_any_reading_is_one_event)
{
	struct fw_row row = row_of(A, 3, 1);

	begin_with_both();
	restart(true);
	ledger_doubt(ledger, 0, 0, now);
	apply(&row, 1, true, false);
	expect("7", A, 100, ROW_COUNTING, 1);
	expect("8", B, 10, ROW_PENDING, 1);
	row = row_of(A, 5, 2);
	apply(&row, 1, false, false);
	expect("7", A, 102, ROW_COUNTING, 1);
}
END_TEST

/* An earlier journal gives its finals first. */
START_TEST(ledger_doubt_finals_before_a_reading_are_nobodys)
{
	struct fw_row row = row_of(A, 7000, 9);

	begin_with_both();
	restart(true);
	ledger_doubt(ledger, 0, 0, now);
	finals(&(struct fw_final) { addr_of(B), PATH_FWD_IN, FW_REMOVED, { 9999, 99 } }, 1);
	apply(&row, 1, false, false);
	expect("7", A, 100, ROW_COUNTING, 1);
	expect("8", B, 10, ROW_PENDING, 1);
}
END_TEST

START_TEST(ledger_meet_later_commit_without_a_journal_is_doubt)
{
	begin_with_both();
	restart(true);
	ck_assert(ledger_meet(ledger, ADDR_V4, commits + 3, now));
	ck_assert(!ledger_meet(ledger, ADDR_V4, commits + 3, now));
	both_counted(5000, 900);
	expect("7", A, 100, ROW_COUNTING, 1);
	expect_container("7", 100, ROW_COUNTING);
	expect("8", B, 10, ROW_COUNTING, 1);
	restart(true); /* no commit was made: its number is known */
	ck_assert(!ledger_meet(ledger, ADDR_V4, commits + 3, now));
	both_counted(5001, 901);
	expect("7", A, 101, ROW_COUNTING, 1);
}
END_TEST

START_TEST(ledger_meet_what_a_journal_explains_is_no_doubt)
{
	begin_with_both();
	restart(true);
	finals(NULL, 0); /* the journal of one more commit */
	ck_assert(!ledger_meet(ledger, ADDR_V4, commits, now));
	both_counted(5000, 900);
	expect("7", A, 5000, ROW_COUNTING, 0);
	/* Later ones are our own, or reported otherwise. */
	ck_assert(!ledger_meet(ledger, ADDR_V4, commits + 9, now));
	ck_assert_int_eq(ledger_doubted_s(ledger), 0);
}
END_TEST

START_TEST(ledger_meet_no_rules_is_no_doubt)
{
	begin_with_both();
	restart(true);
	ck_assert(!ledger_meet(ledger, ADDR_V4, 0, now));
}
END_TEST

/* A new ledger and older rules: their counts are booked to no row, whenever an inventory gives
 * their owners. */
START_TEST(ledger_set_inventory_rules_of_before_begin_where_they_are)
{
	ledger_meet(ledger, ADDR_V4, 12, now);
	both_counted(5000, 900);
	set(a_is_7, 1, false);
	both_counted(5001, 901);
	expect("7", A, 1, ROW_COUNTING, 1); /* from the take-over on */
	restart(true); /* before the inventory was whole */
	ck_assert(!ledger_meet(ledger, ADDR_V4, 0, now));
	both_counted(5011, 902);
	set(both, 2, true);
	both_counted(5013, 905);
	expect("7", A, 13, ROW_COUNTING, 1);
	expect("8", B, 3, ROW_COUNTING, 1);
	both_counted(5014, 906);
	expect("8", B, 4, ROW_COUNTING, 1);
}
END_TEST

/* Killed after the take-over was stored, before the next reading: what was nobody's stays so. */
START_TEST(ledger_set_inventory_rules_of_before_killed_at_once_stay_nobodys)
{
	ledger_meet(ledger, ADDR_V4, 12, now);
	both_counted(5000, 900);
	set(both, 2, true);
	restart(true);
	ck_assert(!ledger_meet(ledger, ADDR_V4, 12, now));
	both_counted(5007, 901);
	expect("7", A, 7, ROW_COUNTING, 1);
	expect("8", B, 1, ROW_COUNTING, 1);
}
END_TEST

/* Killed after a commit, before its row was stored: the journal says that the rule is new. */
START_TEST(ledger_set_inventory_rules_born_in_a_lost_moment_count_all)
{
	struct fw_final created[PATHS];

	for (enum path p = 0; p < PATHS; p++)
		created[p] = (struct fw_final) { addr_of(A), p, FW_CREATED, { 0, 0 } };
	restart(true);
	finals(created, PATHS);
	ck_assert(!ledger_meet(ledger, ADDR_V4, commits, now));
	apply(&(struct fw_row) { .addr = addr_of(A), .present = ALL_PATHS }, 1, false, false);
	set(a_is_7, 1, true);
	apply((struct fw_row[]) { row_of(A, 70, 2) }, 1, false, false);
	expect("7", A, 70, ROW_COUNTING, 0);
}
END_TEST

/* A restart before the first inventory of a boot knows no more than the process before it did. */
START_TEST(ledger_hold_outlives_a_restart)
{
	begin_with_both();
	restart(true);
	ck_assert(!ledger_is_held(ledger, ADDR_V4));
	restart(false);
	ck_assert(ledger_is_held(ledger, ADDR_V4));
	restart(true);
	ck_assert(ledger_is_held(ledger, ADDR_V4));
	set(both, 2, true);
	restart(true);
	ck_assert(!ledger_is_held(ledger, ADDR_V4));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("ledger_doubt");
	Suite *s = suite_create("ledger_doubt");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, ledger_hold_outlives_a_restart);
	tcase_add_test(t, ledger_doubt_what_was_counted_since_is_nobodys);
	tcase_add_test(t, ledger_doubt_newer_rules_are_known_from_then_on);
	tcase_add_test(t, ledger_doubt_ports_are_not_given_again);
	tcase_add_test(t, ledger_doubt_any_reading_is_one_event);
	tcase_add_test(t, ledger_doubt_finals_before_a_reading_are_nobodys);
	tcase_add_test(t, ledger_meet_later_commit_without_a_journal_is_doubt);
	tcase_add_test(t, ledger_meet_what_a_journal_explains_is_no_doubt);
	tcase_add_test(t, ledger_meet_no_rules_is_no_doubt);
	tcase_add_test(t, ledger_set_inventory_rules_of_before_begin_where_they_are);
	tcase_add_test(t, ledger_set_inventory_rules_of_before_killed_at_once_stay_nobodys);
	tcase_add_test(t, ledger_set_inventory_rules_born_in_a_lost_moment_count_all);
	suite_add_tcase(s, t);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
