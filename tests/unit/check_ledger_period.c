/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Billing periods in the ledger: when one ends, what it counted, and thresholds. */
#include "ledger/ledger_period.h"

#include "base/loop.h"
#include "base/period.h"
#include "base/xalloc.h"
#include "ledger_shelf.h"
#include "ledger_world.h"
#include "seed.h"

#include <stdlib.h>
#include <time.h>

#define A "192.0.2.1"
#define B "192.0.2.2"
#define HOUR 3600
#define DAY 86400

static const struct claim both[] = { { "101", A, false }, { "102", B, false } };
static struct ledger_terms terms;
static struct wallclock watch; /* the clock that the ledger goes by */
static int64_t uptime_s;
static uint64_t counter[2]; /* of A's and B's rules */

static int64_t moment(const char *utc)
{
	int64_t t = 0;

	ck_assert(!period_parse(utc, 0, &t));
	return t;
}

static void look_at(int64_t wall_s)
{
	struct wallclock_step steps[WALLCLOCK_STEPS_MAX];
	size_t n = wallclock_look(&watch, (uint64_t)uptime_s * NS_PER_S, wall_s, steps);

	for (size_t i = 0; i < n; i++)
		ledger_take_step(ledger, &steps[i]);
	now = (struct ledger_now) { (uint64_t)uptime_s * NS_PER_S, watch.wall_s, watch.lived_s,
				    wallclock_on_trial(&watch) };
}

/* Time passes, and the daemon looks every ten minutes at most. */
static void pass(int64_t s)
{
	while (s > 0) {
		int64_t step = s < 600 ? s : 600;

		uptime_s += step;
		s -= step;
		look_at(watch.wall_s + step);
		ledger_turn_period(ledger, &watch, now);
	}
}

static void pass_until(const char *utc)
{
	pass(moment(utc) - watch.wall_s);
}

static bool set_clock(const char *utc)
{
	look_at(moment(utc));
	return ledger_turn_period(ledger, &watch, now);
}

static void use(uint64_t a, uint64_t b)
{
	struct fw_row rows[2];
	struct fw_reading reading = { .rows = rows, .n_rows = 2 };

	counter[0] += a;
	counter[1] += b;
	rows[0] = row_of(A, counter[0], 1);
	rows[1] = row_of(B, counter[1], 1);
	ledger_apply(ledger, ADDR_V4, &reading, false, now);
}

static void claim(const struct claim *claims, size_t n)
{
	struct inventory inv = inventory_of(claims, n, true);

	ledger_set_inventory(ledger, &inv, now);
}

static void begin_with(const char *utc, uint32_t day, bool known)
{
	struct wallclock_step steps[WALLCLOCK_STEPS_MAX];
	struct err e = { "" };

	setenv("TZ", "UTC0", 1);
	tzset();
	setup();
	memset(&terms, 0, sizeof(terms));
	memset(counter, 0, sizeof(counter));
	memset(&watch, 0, sizeof(watch));
	terms.rule.start_day = day;
	ck_assert(!zone_load("UTC", (struct zone **)(uintptr_t)&terms.rule.zone, &e));
	ck_assert(!billing_parse_thresholds("80 90 100", &terms.thresholds, &e));
	ledger_set_terms(ledger, &terms);
	uptime_s = 60;
	wallclock_begin(&watch, false, (uint64_t)uptime_s * NS_PER_S, moment(utc), steps);
	look_at(moment(utc));
	claim(both, 2);
	if (known) {
		pass(4 * DAY);
		ck_assert(!wallclock_on_trial(&watch));
	} else {
		ledger_turn_period(ledger, &watch, now);
	}
}

static void finish(void)
{
	teardown();
	zone_free((struct zone *)(uintptr_t)terms.rule.zone);
}

static void assert_period(const char *begin, const char *end)
{
	const struct store_period *p = ledger_period(ledger);
	char is[PERIOD_TEXT_SIZE];

	ck_assert_str_eq(period_utc(p->begin_s, "%Y-%m-%d", is), begin);
	ck_assert_str_eq(period_utc(p->end_s, "%Y-%m-%d", is), end);
}

static void assert_used(const char *id, uint64_t in)
{
	struct snap *s = look();

	ck_assert_uint_eq(s->containers[find_container(s, id)].bill.used.in, in);
	ck_assert_uint_eq(s->containers[find_container(s, id)].bill.used.out, 0);
	snap_unref(s);
}

/* As the store would get it. */
static uint64_t last_of(const char *id)
{
	struct store_batch *b;
	uint64_t in = UINT64_MAX;

	ledger_unsaved(ledger);
	b = ledger_take_changed(ledger);
	for (size_t i = 0; i < b->n_containers; i++)
		if (!strcmp(b->containers[i].id, id))
			in = b->containers[i].bill.last.in;
	store_batch_free(b);
	ledger_not_saved(ledger);
	return in;
}

START_TEST(turn_period_at_its_end_begins_the_next_from_0)
{
	begin_with("2026-10-20", 1, true);
	assert_period("2026-10-01", "2026-11-01");
	use(1000, 50);
	assert_used("101", 1000);
	pass_until("2026-10-31T23:50");
	use(7, 0);
	assert_used("101", 1007);
	assert_period("2026-10-01", "2026-11-01");
	pass_until("2026-11-01T00:00");
	assert_period("2026-11-01", "2026-12-01");
	assert_used("101", 0);
	ck_assert_uint_eq(last_of("101"), 1007);
	ck_assert_uint_eq(last_of("102"), 50);
	use(3, 0);
	pass_until("2026-12-01");
	ck_assert_uint_eq(last_of("101"), 3);
	ck_assert_uint_eq(last_of("102"), 0);
	finish();
}
END_TEST

START_TEST(turn_period_of_a_new_container_counts_from_its_birth)
{
	static const struct claim more[] = { { "101", A, false },
					     { "102", B, false },
					     { "103", "192.0.2.3", false } };
	struct fw_row row = row_of("192.0.2.3", 40, 1);
	struct fw_reading reading = { .rows = &row, .n_rows = 1 };

	begin_with("2026-10-20", 1, true);
	use(1000, 0);
	claim(more, 3);
	row.path[PATH_FWD_IN] = (struct counters) { 0, 0 };
	ledger_apply(ledger, ADDR_V4, &reading, true, now);
	row.path[PATH_FWD_IN] = (struct counters) { 40, 1 };
	ledger_apply(ledger, ADDR_V4, &reading, true, now);
	assert_used("103", 40);
	finish();
}
END_TEST

START_TEST(turn_period_billing_that_is_new_counts_from_now)
{
	begin_with("2026-10-20", 1, false);
	finish();
	begin_with("2026-10-20", 1, true);
	use(1000, 0);
	restart(true);
	ledger_set_terms(ledger, &terms);
	assert_used("101", 1000);
	finish();
}
END_TEST

START_TEST(turn_period_wrong_clock_ends_none)
{
	begin_with("2026-10-20", 1, true);
	use(1000, 0);
	/* Two years ahead for eight seconds. */
	ck_assert(!set_clock("2028-10-24"));
	pass(8);
	use(5, 0);
	assert_period("2026-10-01", "2026-11-01");
	assert_used("101", 1005);
	ck_assert(!set_clock("2026-10-24T00:00:08"));
	use(5, 0);
	assert_used("101", 1010);
	ck_assert_int_eq(ledger_period(ledger)->marked, 0);
	/* And for two days. */
	ck_assert(!set_clock("2027-10-24"));
	pass(2 * DAY);
	assert_period("2026-10-01", "2026-11-01");
	ck_assert(!set_clock("2026-10-26T00:00:08"));
	/* 1970. */
	ck_assert(!set_clock("1970-01-02"));
	pass(2 * DAY);
	assert_period("2026-10-01", "2026-11-01");
	ck_assert(!set_clock("2026-10-28T00:00:08"));
	assert_used("101", 1010);
	pass_until("2026-11-01T00:00");
	assert_period("2026-11-01", "2026-12-01");
	ck_assert_uint_eq(last_of("101"), 1010);
	finish();
}
END_TEST

START_TEST(turn_period_clock_believed_late_ends_it_with_the_octets_of_its_end)
{
	begin_with("2026-10-20", 1, true);
	use(1000, 0);
	pass_until("2026-10-30");
	/* A virtual machine slept over the month's end. */
	ck_assert(!set_clock("2026-11-02"));
	use(30, 0);
	assert_used("101", 1030);
	restart(true);
	ledger_set_terms(ledger, &terms);
	pass(DAY);
	use(4, 0);
	assert_period("2026-10-01", "2026-11-01");
	pass(DAY); /* now it is November by the clock before, too */
	assert_period("2026-11-01", "2026-12-01");
	ck_assert_uint_eq(last_of("101"), 1000);
	assert_used("101", 34);
	finish();
}
END_TEST

START_TEST(turn_period_after_a_boot_needs_no_wait_if_the_last_clock_agrees)
{
	struct wallclock_step steps[WALLCLOCK_STEPS_MAX];

	begin_with("2026-10-20", 1, true);
	use(1000, 0);
	pass_until("2026-10-31T23:59");
	uptime_s = 90;
	wallclock_begin(&watch, false, (uint64_t)uptime_s * NS_PER_S, moment("2026-11-01T00:01"),
			steps);
	memset(counter, 0, sizeof(counter));
	restart(false);
	ledger_set_terms(ledger, &terms);
	ledger_hold(ledger, ADDR_V4, false);
	look_at(moment("2026-11-01T00:01"));
	ck_assert(ledger_turn_period(ledger, &watch, now));
	assert_period("2026-11-01", "2026-12-01");
	ck_assert_uint_eq(last_of("101"), 1000);
	finish();
}
END_TEST

START_TEST(turn_period_after_weeks_off_ends_once_the_clock_stood_for_an_hour)
{
	struct wallclock_step steps[WALLCLOCK_STEPS_MAX];

	begin_with("2026-10-20", 1, true);
	use(1000, 0);
	uptime_s = 90;
	wallclock_begin(&watch, false, (uint64_t)uptime_s * NS_PER_S, moment("2027-01-10"), steps);
	memset(counter, 0, sizeof(counter));
	restart(false);
	ledger_set_terms(ledger, &terms);
	ledger_hold(ledger, ADDR_V4, false);
	look_at(moment("2027-01-10"));
	ck_assert(!ledger_turn_period(ledger, &watch, now));
	pass(2 * HOUR);
	assert_period("2027-01-01", "2027-02-01");
	ck_assert_uint_eq(last_of("101"), 1000);
	ck_assert_int_eq(ledger_period(ledger)->last_end_s, moment("2026-11-01"));
	finish();
}
END_TEST

START_TEST(turn_period_first_one_follows_the_clock_when_it_is_set)
{
	begin_with("1970-01-01T00:01", 1, false);
	use(1000, 0);
	pass(30);
	set_clock("2026-10-20");
	assert_period("2026-10-01", "2026-11-01");
	assert_used("101", 1000);
	pass_until("2026-11-01T00:00");
	assert_period("2026-11-01", "2026-12-01");
	ck_assert_uint_eq(last_of("101"), 1000);
	finish();
}
END_TEST

START_TEST(turn_period_another_start_day_ends_none)
{
	begin_with("2026-11-16", 1, true);
	use(1000, 0);
	terms.rule.start_day = 15;
	ledger_set_terms(ledger, &terms);
	pass(600);
	assert_period("2026-11-01", "2026-12-15");
	terms.rule.start_day = 25;
	ledger_set_terms(ledger, &terms);
	restart(true);
	ledger_set_terms(ledger, &terms);
	pass(600);
	assert_period("2026-11-01", "2026-11-25");
	assert_used("101", 1000);
	pass_until("2026-11-25T00:00");
	assert_period("2026-11-25", "2026-12-25");
	ck_assert_uint_eq(last_of("101"), 1000);
	finish();
}
END_TEST

START_TEST(settle_row_of_an_earlier_period_had_no_traffic_since)
{
	struct store_period p = { .begin_s = 300, .last_begin_s = 200 };
	struct store_bill b = { .begin_s = 200, .at = { 10, 1 }, .told = 90 };
	struct flow totals = { 15, 3 };

	store_settle(&b, &p, totals);
	ck_assert(b.begin_s == 300 && b.at.in == 15 && b.last.in == 5 && b.last.out == 2);
	ck_assert_uint_eq(b.told, 0);
	store_settle(&b, &p, (struct flow) { 20, 3 });
	ck_assert(b.at.in == 15 && b.last.in == 5);
	b = (struct store_bill) { .begin_s = 100, .at = { 10, 1 } };
	store_settle(&b, &p, totals);
	ck_assert(b.at.in == 15 && b.last.in == 0);
}
END_TEST

/* --- thresholds ------------------------------------------------------------------------------ */

static uint32_t reached[8];
static size_t n_reached;

static void take_reach(void *arg, const struct ledger_reach *r)
{
	(void)arg;
	ck_assert_uint_lt(n_reached, ARRAY_LEN(reached));
	reached[n_reached++] = r->percent;
}

static uint32_t reach(void)
{
	n_reached = 0;
	ledger_reach(ledger, take_reach, NULL);
	ck_assert_uint_le(n_reached, 1);
	return n_reached ? reached[0] : 0;
}

START_TEST(reach_each_threshold_once_in_a_period_and_across_restarts)
{
	begin_with("2026-10-20", 1, true);
	terms.quota = (struct billing_quota) { 1000, BILLING_COUNTS_BOTH };
	ledger_set_terms(ledger, &terms);
	use(799, 0);
	ck_assert_uint_eq(reach(), 0);
	use(1, 0);
	ck_assert_uint_eq(reach(), 80);
	ck_assert_uint_eq(reach(), 0);
	restart(true);
	ledger_set_terms(ledger, &terms);
	ck_assert_uint_eq(reach(), 0);
	use(250, 0); /* past two at once: the higher one tells both */
	ck_assert_uint_eq(reach(), 100);
	ck_assert_uint_eq(reach(), 0);
	pass_until("2026-11-01T00:00");
	ck_assert_uint_eq(reach(), 0);
	use(900, 0);
	ck_assert_uint_eq(reach(), 90);
	finish();
}
END_TEST

START_TEST(reach_again_with_another_quota)
{
	begin_with("2026-10-20", 1, true);
	ck_assert(ledger_set_quota(ledger, "101", (struct billing_quota) { 1000, 0 }));
	ck_assert(!ledger_set_quota(ledger, "nobody", (struct billing_quota) { 1000, 0 }));
	use(1000, 5000);
	ck_assert_uint_eq(reach(), 100);
	/* The customer buys more, and uses that up too. */
	ledger_set_quota(ledger, "101", (struct billing_quota) { 2000, 0 });
	ck_assert_uint_eq(reach(), 0);
	use(700, 0);
	ck_assert_uint_eq(reach(), 80);
	restart(true);
	ledger_set_terms(ledger, &terms);
	ck_assert_uint_eq(reach(), 0);
	use(300, 0);
	ck_assert_uint_eq(reach(), 100);
	/* Taken back: the default, none. */
	ledger_set_quota(ledger, "101", (struct billing_quota) { 0, 0 });
	use(9000, 0);
	ck_assert_uint_eq(reach(), 0);
	finish();
}
END_TEST

START_TEST(quota_of_the_command_goes_before_the_inventorys)
{
	struct inventory inv;
	struct snap *s;

	begin_with("2026-10-20", 1, true);
	inv = inventory_of(both, 2, true);
	inv.containers[0].quota = (struct billing_quota) { 500, BILLING_COUNTS_OUT };
	ck_assert(ledger_differs(ledger, &inv));
	ledger_set_inventory(ledger, &inv, now);
	ck_assert(!ledger_differs(ledger, &inv));
	s = look();
	ck_assert_uint_eq(s->containers[0].bill.quota.octets, 500);
	ck_assert_int_eq((int)s->containers[0].bill.quota.counts, BILLING_COUNTS_OUT);
	ck_assert_int_eq((int)s->containers[0].bill.state, BILLING_UNDER);
	ck_assert_int_eq((int)s->containers[1].bill.state, BILLING_NONE);
	snap_unref(s);
	ledger_set_quota(ledger, "101", (struct billing_quota) { BILLING_NO_QUOTA, 0 });
	restart(true);
	ledger_set_terms(ledger, &terms);
	s = look();
	ck_assert_uint_eq(s->containers[0].bill.quota.octets, 0);
	ck_assert_int_eq((int)s->containers[0].bill.state, BILLING_NONE);
	snap_unref(s);
	finish();
}
END_TEST

/* A year of traffic, restarts and a clock that is set now and then: each octet in one period. */
START_TEST(periods_add_up_to_the_total)
{
	uint64_t random = seed_random("periods_add_up_to_the_total");
	uint64_t sum = 0, used = 0;
	int64_t begin;
	struct snap *s;

	begin_with("2026-10-20", 31, true);
	begin = ledger_period(ledger)->begin_s;
	for (int i = 0; i < 2000; i++) {
		uint64_t octets = next_random(&random) % 1000;

		use(octets, 0);
		used += octets;
		if (next_random(&random) % 50 == 0) {
			restart(true);
			ledger_set_terms(ledger, &terms);
		}
		pass(5 * HOUR);
		if (next_random(&random) % 100 == 0) {
			int64_t right_s = watch.wall_s;

			look_at(right_s + (int64_t)(next_random(&random) % (90 * DAY)) - 45 * DAY);
			ledger_turn_period(ledger, &watch, now);
			use(1, 0);
			used++;
			pass(600);
			look_at(right_s + 600);
			ledger_turn_period(ledger, &watch, now);
		}
		if (ledger_period(ledger)->begin_s != begin) {
			ck_assert_int_eq(ledger_period(ledger)->last_begin_s, begin);
			ck_assert_int_eq(ledger_period(ledger)->begin_s,
					 ledger_period(ledger)->last_end_s);
			begin = ledger_period(ledger)->begin_s;
			sum += last_of("101");
		}
	}
	s = look();
	ck_assert_uint_eq(sum + s->containers[0].bill.used.in, used);
	ck_assert_uint_eq(s->containers[0].totals.path[PATH_FWD_IN].octets, used);
	snap_unref(s);
	finish();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ledger_period");
	TCase *tc = tcase_create("ledger_period");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60 * seed_slow());
	tcase_add_test(tc, turn_period_at_its_end_begins_the_next_from_0);
	tcase_add_test(tc, turn_period_of_a_new_container_counts_from_its_birth);
	tcase_add_test(tc, turn_period_billing_that_is_new_counts_from_now);
	tcase_add_test(tc, turn_period_wrong_clock_ends_none);
	tcase_add_test(tc, turn_period_clock_believed_late_ends_it_with_the_octets_of_its_end);
	tcase_add_test(tc, turn_period_after_a_boot_needs_no_wait_if_the_last_clock_agrees);
	tcase_add_test(tc, turn_period_after_weeks_off_ends_once_the_clock_stood_for_an_hour);
	tcase_add_test(tc, turn_period_first_one_follows_the_clock_when_it_is_set);
	tcase_add_test(tc, turn_period_another_start_day_ends_none);
	tcase_add_test(tc, settle_row_of_an_earlier_period_had_no_traffic_since);
	tcase_add_test(tc, reach_each_threshold_once_in_a_period_and_across_restarts);
	tcase_add_test(tc, reach_again_with_another_quota);
	tcase_add_test(tc, quota_of_the_command_goes_before_the_inventorys);
	tcase_add_test(tc, periods_add_up_to_the_total);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
