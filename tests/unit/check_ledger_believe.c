/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is believed: claims of two ranks, and what is found in a container whose neighbour
 * restarts. 7 is the neighbour, 8 the container where its address turns up. */
#include "ledger_shelf.h"

#define HOLD_S (LEDGER_HOLD_NS / NS_PER_S)
#define NS_PER_S 1000000000ull

/* What the next inventory says of 7 and 8. */
enum state { GONE, STOPPED, WITHOUT, FOUND, ASSIGNED };

static enum state seven, eight;
static bool whole = true; /* the inventory is complete */

static void pass(uint64_t s)
{
	now.ns += s * NS_PER_S;
	now.wall_s += (int64_t)s;
	now.lived_s += (int64_t)s;
}

static void put(struct inventory *inv, const char *id, enum state state)
{
	if (state == GONE)
		return;
	inv->containers[inv->n_containers] =
		(struct inv_container) { .id = (char *)(uintptr_t)id,
					 .name = (char *)"",
					 .run = state == STOPPED ? INV_RUN_STOPPED
								 : INV_RUN_RUNNING };
	if (state >= FOUND)
		inv->addresses[inv->n_addresses++] =
			(struct inv_address) { .addr = addr_of(A),
					       .container = (uint32_t)inv->n_containers,
					       .rank = state == FOUND ? INV_FOUND : INV_ASSIGNED };
	inv->n_containers++;
}

static void look_at_both(void)
{
	struct inv_container containers[2];
	struct inv_address addresses[2];
	struct inventory inv = { .containers = containers,
				 .addresses = addresses,
				 .complete = whole };
	bool differs, changed;

	put(&inv, "7", seven);
	put(&inv, "8", eight);
	if (inv.n_addresses == 2)
		addresses[0].conflict = addresses[1].conflict = true;
	pass(1);
	differs = ledger_differs(ledger, &inv);
	changed = ledger_set_inventory(ledger, &inv, now);
	ck_assert(differs || !changed);
}

static void look_as(enum state of_7, enum state of_8)
{
	seven = of_7;
	eight = of_8;
	look_at_both();
}

static const char *holder(void)
{
	struct addr a = addr_of(A);
	const char *id = ledger_holder(ledger, &a);

	return id ? id : "none";
}

static void expect_kept(const char *id, enum inv_run run)
{
	enum inv_run is = INV_RUN_UNKNOWN;
	struct addr a = addr_of(A);
	const char *kept = ledger_kept_for(ledger, &a, now, &is);

	ck_assert_str_eq(kept ? kept : "none", id);
	if (kept)
		ck_assert_int_eq(is, run);
}

/* ---- ranks ---- */

/* What is assigned wins at once against what is found, whoever comes first and whoever had it. */
START_TEST(ledger_believes_assigned_before_found_in_any_order)
{
	static const enum state ways[][2] = { { GONE, FOUND },    { FOUND, GONE },
					      { FOUND, FOUND },   { WITHOUT, FOUND },
					      { STOPPED, FOUND }, { ASSIGNED, GONE },
					      { GONE, GONE } };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		teardown();
		setup();
		look_as(ways[i][0], ways[i][1]);
		look_as(ASSIGNED, FOUND);
		ck_assert_str_eq(holder(), "7");
		expect("8", A, 0, ROW_CONFLICT, 0);
		look_as(FOUND, ASSIGNED);
		ck_assert_str_eq(holder(), "8");
		expect("7", A, 0, ROW_CONFLICT, 0);
	}
}
END_TEST

/* What the operator assigns to another is no theft. */
START_TEST(ledger_believes_assigned_to_another_at_once)
{
	look_as(FOUND, GONE);
	look_as(STOPPED, ASSIGNED);
	ck_assert_str_eq(holder(), "8");
}
END_TEST

START_TEST(ledger_believes_not_allowed_takes_nothing)
{
	struct inv_container containers[] = {
		{ .id = (char *)"7", .name = (char *)"", .run = INV_RUN_RUNNING },
		{ .id = (char *)"8", .name = (char *)"", .run = INV_RUN_RUNNING }
	};
	struct inv_address addresses[] = {
		{ .addr = addr_of(A), .container = 0, .rank = INV_FOUND, .conflict = true },
		{ .addr = addr_of(A),
		  .container = 1,
		  .rank = INV_ASSIGNED,
		  .unfit = INV_NOT_ALLOWED,
		  .conflict = true }
	};
	struct inventory inv = { .containers = containers,
				 .n_containers = 2,
				 .addresses = addresses,
				 .n_addresses = 2,
				 .complete = true };
	struct snap *s;

	ledger_set_inventory(ledger, &inv, now);
	ck_assert_str_eq(holder(), "7");
	expect("8", A, 0, ROW_NOT_COUNTABLE, 0);
	s = look();
	ck_assert_uint_eq(s->not_allowed, 1);
	ck_assert_uint_eq(s->unfit, 0);
	ck_assert_int_eq(find(s, "8", A)->unfit, INV_NOT_ALLOWED);
	snap_unref(s);
}
END_TEST

/* ---- the one that had it last ---- */

#define EVENTS 8 /* of one sequence's steps */

static void happen(int event)
{
	static const enum state states[] = { GONE, STOPPED, WITHOUT, FOUND };

	whole = true;
	if (event < 4)
		seven = states[event];
	else if (event == 4)
		eight = FOUND;
	else if (event == 5)
		eight = WITHOUT;
	else if (event == 6)
		restart(true);
	else
		whole = false; /* a source fails */
	look_at_both();
}

/* Whatever happens in five steps after 7 had it: 8 never gets it, and 7 has it when it claims it.
 */
START_TEST(ledger_believes_last_holder_in_every_order)
{
	for (int way = 0; way < EVENTS * EVENTS * EVENTS * EVENTS * EVENTS; way++) {
		teardown();
		setup();
		look_as(FOUND, WITHOUT);
		for (int rest = way, step = 0; step < 5; rest /= EVENTS, step++) {
			happen(rest % EVENTS);
			ck_assert_msg(strcmp(holder(), "8") != 0, "way %d, step %d", way, step);
			ck_assert_msg(seven != FOUND || !strcmp(holder(), "7"), "way %d, step %d",
				      way, step);
		}
		whole = true;
		look_as(FOUND, FOUND);
		ck_assert_msg(!strcmp(holder(), "7"), "way %d", way);
	}
}
END_TEST

START_TEST(ledger_believes_counts_all_for_the_victim)
{
	struct fw_row row = row_of(A, 100, 1);

	look_as(FOUND, WITHOUT);
	apply(&row, 1, false, false);
	look_as(STOPPED, FOUND);
	row = row_of(A, 140, 2);
	apply(&row, 1, false, false);
	expect("7", A, 140, ROW_RETIRED, 0);
	expect("8", A, 0, ROW_CONFLICT, 0);
	expect_kept("7", INV_RUN_STOPPED);
	look_as(FOUND, FOUND);
	row = row_of(A, 150, 3);
	apply(&row, 1, false, false);
	expect("7", A, 150, ROW_COUNTING, 0);
	expect("8", A, 0, ROW_CONFLICT, 0);
	expect_kept("none", 0);
}
END_TEST

/* It runs on without the address, or is gone, for long enough: then it is given up. One that is
 * stopped has not given it up, however long. */
START_TEST(ledger_believes_given_up_after_the_hold)
{
	static const struct {
		enum state as;
		bool gives_up;
	} ways[] = { { WITHOUT, true }, { GONE, true }, { STOPPED, false } };

	for (size_t i = 0; i < 2 * ARRAY_LEN(ways); i++) {
		enum state as = ways[i / 2].as;

		teardown();
		setup();
		look_as(FOUND, GONE);
		look_as(as, FOUND);
		pass(HOLD_S - 10);
		if (i % 2)
			restart(true);
		look_as(as, FOUND);
		ck_assert_str_eq(holder(), "none");
		expect_kept("7", as == GONE ? INV_RUN_GONE : INV_RUN_UNKNOWN + (as == STOPPED) + 1);
		pass(20);
		look_as(as, FOUND);
		ck_assert_str_eq(holder(), ways[i / 2].gives_up ? "8" : "none");
		look_as(FOUND, FOUND);
		ck_assert_str_eq(holder(), ways[i / 2].gives_up ? "8" : "7");
	}
}
END_TEST

/* It was stopped for a day: the time to give it up begins when it runs. */
START_TEST(ledger_believes_hold_begins_when_it_runs)
{
	look_as(FOUND, WITHOUT);
	look_as(STOPPED, FOUND);
	pass(86000);
	look_as(WITHOUT, FOUND);
	ck_assert_str_eq(holder(), "none");
	pass(HOLD_S - 10);
	look_as(WITHOUT, FOUND);
	ck_assert_str_eq(holder(), "none");
	look_as(FOUND, FOUND);
	ck_assert_str_eq(holder(), "7");
}
END_TEST

/* Nobody's from the start: it is nobody's, too, while one of them restarts. */
START_TEST(ledger_believes_contested_stays_so_through_a_restart)
{
	static const enum state restarts[] = { STOPPED, WITHOUT, GONE };

	for (size_t i = 0; i < 2 * ARRAY_LEN(restarts); i++) {
		teardown();
		setup();
		look_as(FOUND, FOUND);
		ck_assert_str_eq(holder(), "none");
		look_as(restarts[i / 2], FOUND);
		if (i % 2)
			restart(true);
		look_as(restarts[i / 2], FOUND);
		ck_assert_str_eq(holder(), "none");
		look_as(FOUND, FOUND);
		ck_assert_str_eq(holder(), "none");
		look_as(FOUND, WITHOUT);
		ck_assert_str_eq(holder(), "none");
		pass(HOLD_S);
		look_as(FOUND, WITHOUT);
		ck_assert_str_eq(holder(), "7");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_believe");
	TCase *tc = tcase_create("ledger_believe");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ledger_believes_assigned_before_found_in_any_order);
	tcase_add_test(tc, ledger_believes_assigned_to_another_at_once);
	tcase_add_test(tc, ledger_believes_not_allowed_takes_nothing);
	tcase_add_test(tc, ledger_believes_last_holder_in_every_order);
	tcase_add_test(tc, ledger_believes_counts_all_for_the_victim);
	tcase_add_test(tc, ledger_believes_given_up_after_the_hold);
	tcase_add_test(tc, ledger_believes_hold_begins_when_it_runs);
	tcase_add_test(tc, ledger_believes_contested_stays_so_through_a_restart);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
