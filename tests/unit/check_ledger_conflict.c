/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An address that several containers claim, or that no container can have. */
#include "ledger_world.h"

/* The holder keeps it and keeps counting, however long another claims it. */
START_TEST(ledger_set_inventory_conflict_stays_with_the_first)
{
	static const struct claim both[] = { { "7", A, true }, { "8", A, true } };
	static const struct claim a_is_8[] = { { "8", A, false } };
	struct fw_row row = row_of(A, 100, 2);
	struct addr a = addr_of(A), *wanted;
	struct snap *seen;
	size_t n;

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	set(both, 2, true);
	ck_assert_str_eq(ledger_holder(ledger, &a), "7");
	wanted = ledger_wanted(ledger, ADDR_V4, &n);
	free(wanted);
	ck_assert_uint_eq(n, 1);
	seen = look();
	ck_assert_uint_eq(seen->conflicts, 1);
	snap_unref(seen);
	row = row_of(A, 140, 3);
	apply(&row, 1, false, false);
	expect("7", A, 140, ROW_COUNTING, 0);
	expect("8", A, 0, ROW_CONFLICT, 0);
	set(a_is_8, 1, true);
	row = row_of(A, 145, 4);
	apply(&row, 1, false, false);
	expect("7", A, 140, ROW_RETIRED, 0);
	expect("8", A, 5, ROW_COUNTING, 0);
}
END_TEST

/* 7 and 8 claim A, each running or not. */
static bool set_both(enum inv_run run_7, enum inv_run run_8)
{
	static const struct claim both[] = { { "7", A, true }, { "8", A, true } };
	struct inventory inv = inventory_of(both, 2, true);

	inv.containers[0].run = run_7;
	inv.containers[1].run = run_8;
	ck_assert(ledger_differs(ledger, &inv));
	later();
	return ledger_set_inventory(ledger, &inv, now);
}

static void count(uint64_t octets)
{
	struct fw_row row = row_of(A, octets, octets);

	apply(&row, 1, false, false);
}

static const char *holder(void)
{
	struct addr a = addr_of(A);

	return ledger_holder(ledger, &a);
}

/* No commit: the rule counts on, and its count belongs to the owner at that time. */
START_TEST(ledger_set_inventory_conflict_goes_to_the_one_that_runs)
{
	set(a_is_7, 1, true);
	count(100);
	ck_assert(set_both(INV_RUN_STOPPED, INV_RUN_RUNNING));
	ck_assert_str_eq(holder(), "8");
	count(107);
	expect("7", A, 100, ROW_CONFLICT, 0);
	expect("8", A, 7, ROW_COUNTING, 0);
	/* The container that lost it runs again: the new holder keeps it. */
	ck_assert(set_both(INV_RUN_RUNNING, INV_RUN_RUNNING));
	ck_assert_str_eq(holder(), "8");
	ck_assert(set_both(INV_RUN_RUNNING, INV_RUN_STOPPED));
	ck_assert_str_eq(holder(), "7");
	count(110);
	expect("7", A, 103, ROW_COUNTING, 0);
	expect("8", A, 7, ROW_CONFLICT, 0);
	/* None runs: it stays. */
	set_both(INV_RUN_STOPPED, INV_RUN_STOPPED);
	ck_assert_str_eq(holder(), "7");
	/* A container of unknown state may run. */
	set_both(INV_RUN_STOPPED, INV_RUN_UNKNOWN);
	ck_assert_str_eq(holder(), "8");
	set_both(INV_RUN_UNKNOWN, INV_RUN_RUNNING);
	ck_assert_str_eq(holder(), "8");
	count(111);
	expect("7", A, 103, ROW_CONFLICT, 0);
	expect("8", A, 8, ROW_COUNTING, 0);
}
END_TEST

START_TEST(ledger_set_inventory_new_conflict_counts_for_the_one_that_runs)
{
	set_both(INV_RUN_RUNNING, INV_RUN_STOPPED);
	ck_assert_str_eq(holder(), "7");
	count(5);
	expect("7", A, 5, ROW_COUNTING, 0);
	expect("8", A, 0, ROW_CONFLICT, 0);
}
END_TEST

START_TEST(ledger_set_inventory_stopped_holder_and_two_that_run_nobody_counts)
{
	static const struct claim three[] = { { "6", A, true },
					      { "7", A, true },
					      { "8", A, true } };
	struct inventory inv;

	set(a_is_7, 1, true);
	count(100);
	inv = inventory_of(three, 3, true);
	inv.containers[1].run = INV_RUN_STOPPED;
	later();
	ck_assert(ledger_set_inventory(ledger, &inv, now));
	ck_assert_ptr_null(holder());
	expect("6", A, 0, ROW_CONFLICT, 0);
	expect("7", A, 100, ROW_CONFLICT, 0);
	expect("8", A, 0, ROW_CONFLICT, 0);
}
END_TEST

static bool set_unfit(void)
{
	struct inventory inv = inventory_of(a_is_7, 1, true);

	inv.addresses[0].unfit = INV_NODE;
	later();
	return ledger_set_inventory(ledger, &inv, now);
}

START_TEST(ledger_set_inventory_unfit_counts_for_nobody)
{
	struct fw_final final = { addr_of(A), PATH_FWD_IN, FW_REMOVED, { 140, 3 } };
	struct fw_row row = row_of(A, 100, 2);
	struct addr *wanted;
	struct snap *seen;
	size_t n;

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	ck_assert(set_unfit());
	wanted = ledger_wanted(ledger, ADDR_V4, &n);
	free(wanted);
	ck_assert_uint_eq(n, 0);
	finals(&final, 1);
	expect("7", A, 140, ROW_NOT_COUNTABLE, 0);
	seen = look();
	ck_assert_uint_eq(seen->unfit, 1);
	ck_assert_uint_eq(seen->conflicts, 0);
	snap_unref(seen);
	ck_assert(!set_unfit());
	ck_assert(set(a_is_7, 1, true));
	expect("7", A, 140, ROW_PENDING, 0);
}
END_TEST

START_TEST(ledger_set_inventory_conflict_from_the_start_counts_for_nobody)
{
	static const struct claim both[] = { { "7", A, true }, { "8", A, true } };
	struct fw_row row = row_of(A, 5, 1);
	struct addr *wanted;
	struct snap *seen;
	size_t n;

	set(both, 2, true);
	wanted = ledger_wanted(ledger, ADDR_V4, &n);
	free(wanted);
	ck_assert_uint_eq(n, 0);
	seen = look();
	ck_assert_uint_eq(seen->conflicts, 2);
	snap_unref(seen);
	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	expect("7", A, 5, ROW_COUNTING, 0);
	expect("8", A, 0, ROW_RETIRED, 0);
}
END_TEST

/* It had the address last, although it did not claim it just now. */
START_TEST(ledger_set_inventory_conflict_goes_to_the_one_that_had_it_last)
{
	static const struct claim both[] = { { "7", A, true }, { "8", A, true } };
	static const struct claim a_is_none[] = { { "7", B, false } };
	struct fw_final final = { addr_of(A), PATH_FWD_IN, FW_REMOVED, { 140, 3 } };
	struct fw_row row = row_of(A, 100, 2);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	set(a_is_none, 1, true);
	set(both, 2, true);
	ck_assert_str_eq(holder(), "7");
	finals(&final, 1);
	expect("7", A, 140, ROW_PENDING, 0);
	expect("8", A, 0, ROW_CONFLICT, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_conflict");
	TCase *tc = tcase_create("ledger_conflict");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ledger_set_inventory_conflict_stays_with_the_first);
	tcase_add_test(tc, ledger_set_inventory_conflict_goes_to_the_one_that_runs);
	tcase_add_test(tc, ledger_set_inventory_new_conflict_counts_for_the_one_that_runs);
	tcase_add_test(tc, ledger_set_inventory_stopped_holder_and_two_that_run_nobody_counts);
	tcase_add_test(tc, ledger_set_inventory_unfit_counts_for_nobody);
	tcase_add_test(tc, ledger_set_inventory_conflict_from_the_start_counts_for_nobody);
	tcase_add_test(tc, ledger_set_inventory_conflict_goes_to_the_one_that_had_it_last);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
