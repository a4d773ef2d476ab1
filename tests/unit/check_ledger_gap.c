/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes that others make to the rules, as the ledger shows them: see ledger_gap.c. */
#include "ledger_world.h"

static void apply_told(const struct fw_row *rows, size_t n, bool disturbed, bool doubled)
{
	struct fw_reading reading = {
		.rows = rows, .n_rows = n, .disturbed = disturbed, .doubled = doubled
	};

	later();
	ledger_apply(ledger, ADDR_V4, &reading, false, now);
}

static uint64_t discontinuity_ns(const char *id, const char *addr)
{
	struct snap *s = look();
	uint64_t ns = find(s, id, addr)->totals.discontinuity_ns;

	snap_unref(s);
	return ns;
}

static const struct claim two[] = { { "7", A, false }, { "8", B, false } };

/* One discontinuity for all rows, however long it lasts; its time moves on and stays at its end. */
START_TEST(ledger_apply_disturbed_is_one_event_of_all_rows)
{
	struct fw_final found = { .kind = FW_DISTURBED };
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 10, 1) };
	uint64_t end;

	set(two, 2, true);
	apply(rows, 2, false, false);
	for (int i = 0; i < 3; i++) {
		rows[0] = row_of(A, 110 + (uint64_t)i, 3);
		apply_told(rows, 2, true, false);
		ck_assert_uint_eq(discontinuity_ns("8", B), now.ns);
		expect("8", B, 10, ROW_COUNTING, 1);
	}
	later();
	finals(&found, 1); /* the commit that repairs */
	ck_assert_uint_eq(discontinuity_ns("7", A), now.ns);
	apply(rows, 2, false, false);
	end = now.ns;
	ck_assert_uint_eq(discontinuity_ns("7", A), end);
	apply(rows, 2, false, false);
	ck_assert_uint_eq(discontinuity_ns("7", A), end);
	expect("7", A, 112, ROW_COUNTING, 1);
	apply_told(rows, 2, true, false);
	expect("7", A, 112, ROW_COUNTING, 2); /* another one */
}
END_TEST

START_TEST(ledger_apply_doubled_is_not_booked)
{
	struct fw_final found[] = { { .kind = FW_DISTURBED },
				    { .kind = FW_DOUBLED },
				    { addr_of(B), PATH_FWD_IN, FW_REMOVED, { 50, 5 } } };
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 10, 1) };

	set(two, 2, true);
	apply(rows, 2, false, false);
	rows[0] = row_of(A, 200, 4);
	apply_told(rows, 2, true, true);
	rows[0] = row_of(A, 300, 6);
	apply(rows, 2, false, false); /* doubled until the commit */
	rows[0] = row_of(A, 350, 7);
	apply(rows, 2, false, false);
	expect("7", A, 150, ROW_COUNTING, 1);
	finals(found, 3); /* begun and ended since the last reading */
	rows[0] = row_of(A, 400, 8);
	apply(rows, 1, false, false);
	rows[0] = row_of(A, 401, 9);
	apply(rows, 1, false, false);
	expect("7", A, 151, ROW_COUNTING, 2);
	expect("8", B, 10, ROW_PENDING, 2);
}
END_TEST

/* An older save of the rules is restored: the other rule may have been set back too. */
START_TEST(ledger_apply_decrease_befalls_all_rows)
{
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 10, 1) };

	set(two, 2, true);
	apply(rows, 2, false, false);
	rows[0] = row_of(A, 90, 1);
	rows[1] = row_of(B, 30, 3);
	ck_assert_int_eq(apply(rows, 2, false, false), LEDGER_RECHECK);
	ck_assert_int_eq(apply(rows, 2, false, false), LEDGER_DISCONT);
	expect("7", A, 100, ROW_COUNTING, 1);
	expect("8", B, 30, ROW_COUNTING, 1);
}
END_TEST

START_TEST(ledger_apply_chain_zeroed_befalls_its_rows_alone)
{
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 10, 1) };

	set(two, 2, true);
	apply(rows, 2, false, false);
	rows[0] = row_of(A, 300, 4);
	rows[1] = row_of(B, 12, 2);
	rows[1].intact = ALL_PATHS;
	apply(rows, 2, true, false);
	expect("7", A, 400, ROW_COUNTING, 1);
	expect("8", B, 12, ROW_COUNTING, 0);
}
END_TEST

/* An older save with its counters, made while the canaries were 0: what they count was booked
 * before. */
START_TEST(ledger_apply_stale_and_zeroed_is_not_booked)
{
	struct fw_row row = row_of(A, 100, 2);
	struct fw_reading reading = { .rows = &row, .n_rows = 1, .zeroed = true, .stale = true };

	set(two, 2, true);
	apply(&row, 1, false, false);
	row = row_of(A, 90, 1);
	later();
	ledger_apply(ledger, ADDR_V4, &reading, false, now);
	expect("7", A, 100, ROW_COUNTING, 1);
	row = row_of(A, 95, 2);
	apply(&row, 1, false, false);
	expect("7", A, 105, ROW_COUNTING, 1);
}
END_TEST

/* Somebody zeroes what counts for whom nobody has said yet. */
START_TEST(ledger_apply_held_and_zeroed_is_held)
{
	static const struct claim moved[] = { { "8", A, false } };
	struct fw_row row = row_of(A, 40, 2);
	struct fw_reading reading = { .rows = &row, .n_rows = 1, .zeroed = true, .held = true };

	set(two, 2, true);
	finals(NULL, 0);
	later();
	ledger_apply(ledger, ADDR_V4, &reading, false, now);
	expect("7", A, 0, ROW_COUNTING, 1);
	set(moved, 1, true);
	apply(&row, 1, false, false);
	expect("7", A, 0, ROW_RETIRED, 1);
	expect("8", A, 40, ROW_COUNTING, 0);
}
END_TEST

/* A commit while it is held: what it removed is not the one's who had the address last. */
START_TEST(ledger_finals_while_held_are_nobodys)
{
	struct fw_row row = row_of(A, 40, 2);
	struct fw_reading reading = { .rows = &row, .n_rows = 1, .held = true };

	set(two, 2, true);
	finals(NULL, 0);
	later();
	ledger_apply(ledger, ADDR_V4, &reading, false, now);
	ledger_hold(ledger, ADDR_V4, true);
	set(two, 2, false); /* one source has not answered */
	ck_assert(ledger_is_held(ledger, ADDR_V4));
	finals(&(struct fw_final) { addr_of(A), PATH_FWD_IN, FW_REMOVED, { 70, 3 } }, 1);
	expect("7", A, 0, ROW_PENDING, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_gap");
	TCase *tc = tcase_create("ledger_gap");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ledger_apply_disturbed_is_one_event_of_all_rows);
	tcase_add_test(tc, ledger_apply_doubled_is_not_booked);
	tcase_add_test(tc, ledger_apply_decrease_befalls_all_rows);
	tcase_add_test(tc, ledger_apply_chain_zeroed_befalls_its_rows_alone);
	tcase_add_test(tc, ledger_apply_stale_and_zeroed_is_not_booked);
	tcase_add_test(tc, ledger_apply_held_and_zeroed_is_held);
	tcase_add_test(tc, ledger_finals_while_held_are_nobodys);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
