/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger to and from a store, which here is a shelf in memory. */
#include "ledger_shelf.h"

START_TEST(ledger_restore_same_boot_goes_on_exactly)
{
	static const struct claim both[] = { { "7", A, false }, { "8", B, false } };
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 11, 1) };
	struct shelf shelf;

	set(both, 2, true);
	apply(rows, 2, false, false);
	set(a_is_7, 1, true);
	restart(&shelf, true);
	expect("7", A, 100, ROW_COUNTING, 0);
	expect("8", B, 11, ROW_RETIRED, 0);
	rows[0] = row_of(A, 140, 3);
	rows[1] = row_of(B, 15, 2); /* its rule is still there: its old owner's */
	apply(rows, 2, false, false);
	set(both, 2, true);
	expect("7", A, 140, ROW_COUNTING, 0);
	expect("8", B, 15, ROW_COUNTING, 0);
	expect_container("7", 140, ROW_COUNTING);
	expect_container("8", 15, ROW_COUNTING);
}
END_TEST

START_TEST(ledger_restore_other_boot_starts_rules_from_zero)
{
	struct fw_row row = row_of(A, 100, 2);
	struct shelf shelf;

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	restart(&shelf, false);
	expect("7", A, 100, ROW_PENDING, 1);
	set(a_is_7, 1, true);
	for (enum path p = 0; p < PATHS; p++)
		finals(&(struct fw_final) { addr_of(A), p, FW_CREATED, { 0, 0 } }, 1);
	row = row_of(A, 30, 1);
	apply(&row, 1, false, false);
	expect("7", A, 130, ROW_COUNTING, 1);
}
END_TEST

START_TEST(ledger_restore_other_boot_old_counters_never_double)
{
	struct fw_row row = row_of(A, 100, 2);
	struct shelf shelf;

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	restart(&shelf, false);
	set(a_is_7, 1, true);
	row = row_of(A, 90, 2); /* put back by a boot script, canary and all */
	apply(&row, 1, false, false);
	expect("7", A, 100, ROW_COUNTING, 2);
	row = row_of(A, 99, 3);
	apply(&row, 1, false, false);
	expect("7", A, 109, ROW_COUNTING, 2);
}
END_TEST

START_TEST(ledger_restore_other_boot_zeroed_counts_all)
{
	struct fw_row row = row_of(A, 100, 2);
	struct shelf shelf;

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	restart(&shelf, false);
	set(a_is_7, 1, true);
	row = row_of(A, 9, 1); /* put back without counters: the canary is 0 */
	apply(&row, 1, true, false);
	row = row_of(A, 12, 2);
	apply(&row, 1, false, false);
	expect("7", A, 112, ROW_COUNTING, 2);
}
END_TEST

START_TEST(ledger_each_changed_after_saved_is_what_changed)
{
	static const struct claim both[] = { { "7", A, false }, { "8", B, false } };
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 11, 1) };
	struct shelf shelf;

	set(both, 2, true);
	apply(rows, 2, false, false);
	ledger_saved(ledger);
	rows[1] = row_of(B, 61, 2);
	apply(rows, 2, false, false);
	memset(&shelf, 0, sizeof(shelf));
	ledger_each_changed(ledger, shelve_container, shelve_address, &shelf);
	ck_assert_uint_eq(shelf.n_containers, 1);
	ck_assert_uint_eq(shelf.n_addresses, 1);
	ck_assert_str_eq(shelf.containers[0].id, "8");
	ck_assert_uint_eq(shelf.addresses[0].used[PATH_FWD_IN].octets, 50);
	ck_assert_uint_eq(shelf.addresses[0].last[PATH_FWD_IN].octets, 61);
	free((char *)shelf.containers[0].id);
	free((char *)shelf.containers[0].name);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_store");
	TCase *tc = tcase_create("ledger_store");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ledger_restore_same_boot_goes_on_exactly);
	tcase_add_test(tc, ledger_restore_other_boot_starts_rules_from_zero);
	tcase_add_test(tc, ledger_restore_other_boot_old_counters_never_double);
	tcase_add_test(tc, ledger_restore_other_boot_zeroed_counts_all);
	tcase_add_test(tc, ledger_each_changed_after_saved_is_what_changed);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
