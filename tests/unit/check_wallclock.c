/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which clock is believed, and what moves when it is set: pure, and in a real store. */
#include "base/loop.h"
#include "base/wallclock.h"
#include "base/xalloc.h"
#include "store_helpers.h"

#define NOW 1796000000 /* 2026-11-30 */
#define HOUR_S 3600
#define DAY_S 86400
#define YEARS_S (730ll * DAY_S)

static struct wallclock clock_;
static struct wallclock_step steps[64];
static size_t n_steps;
static int64_t uptime_s, off_s; /* the time of day is that much more */

static void collect(size_t n)
{
	n_steps += n;
}

static void begin_clock(bool same_boot)
{
	collect(wallclock_begin(&clock_, same_boot, (uint64_t)uptime_s * NS_PER_S, uptime_s + off_s,
				steps + n_steps));
}

static void pass(int64_t s)
{
	uptime_s += s;
	collect(wallclock_look(&clock_, (uint64_t)uptime_s * NS_PER_S, uptime_s + off_s,
			       steps + n_steps));
}

/* Somebody sets it, and it is seen. */
static void set_by(int64_t by_s)
{
	off_s += by_s;
	pass(1);
}

static void begin(int64_t wall_s)
{
	memset(&clock_, 0, sizeof(clock_));
	n_steps = 0;
	uptime_s = 100;
	off_s = wall_s - uptime_s;
	begin_clock(false);
}

/* The steps since the last time, in short: u, s, or m with seconds. */
static void expect_steps(const char *expected)
{
	char text[512] = "";
	size_t at = 0;

	for (size_t i = 0; i < n_steps; i++) {
		ck_assert_int_eq(steps[i].number, clock_.steps - (int64_t)(n_steps - 1 - i));
		if (steps[i].kind == WALLCLOCK_MOVE)
			at += (size_t)sprintf(text + at, "m%+lld ", (long long)steps[i].by_s);
		else
			at += (size_t)sprintf(text + at, "%s ",
					      steps[i].kind == WALLCLOCK_SURE ? "s" : "u");
	}
	ck_assert_str_eq(text, expected);
	n_steps = 0;
}

/* A clock that was right for long. */
static void begin_sure(void)
{
	begin(NOW);
	pass(WALLCLOCK_SURE_S);
	expect_steps("u s ");
	ck_assert(!wallclock_on_trial(&clock_));
}

START_TEST(wallclock_look_small_steps_are_followed)
{
	begin_sure();
	for (int i = 0; i < 100; i++)
		set_by(i % 2 ? 4 : -3);
	expect_steps("");
	ck_assert_int_eq(clock_.jumps, 0);
	ck_assert_int_eq(clock_.wall_s, uptime_s + off_s);
}
END_TEST

START_TEST(wallclock_look_ahead_and_back_moves_what_was_between)
{
	char text[WALLCLOCK_TEXT_SIZE];

	begin_sure();
	set_by(YEARS_S);
	expect_steps("u ");
	ck_assert_ptr_nonnull(strstr(wallclock_trouble(&clock_, text), "forward by 63072000 s"));
	pass(8);
	ck_assert_int_le(wallclock_age_s(&clock_), NOW + WALLCLOCK_SURE_S + 20);
	set_by(-YEARS_S);
	expect_steps("m-63072000 s ");
	ck_assert_ptr_null(wallclock_trouble(&clock_, text));
	ck_assert_int_eq(clock_.jumps, 2);
}
END_TEST

START_TEST(wallclock_look_back_and_forth_moves_what_was_between)
{
	begin_sure();
	set_by(-DAY_S);
	pass(5 * HOUR_S);
	set_by(DAY_S);
	expect_steps("u m+86400 s ");
}
END_TEST

START_TEST(wallclock_look_set_right_stays_and_is_sure_in_the_end)
{
	begin_sure();
	set_by(-HOUR_S);
	pass(WALLCLOCK_SURE_S - 1);
	expect_steps("u ");
	pass(1);
	expect_steps("s ");
	set_by(HOUR_S); /* another event */
	expect_steps("u ");
}
END_TEST

/* It had stood long enough to be believed: a machine that was paused. */
START_TEST(wallclock_look_time_missed_moves_nothing)
{
	begin(NOW);
	for (int i = 0; i < 3; i++) {
		pass(WALLCLOCK_CREDIBLE_S);
		set_by(600);
	}
	expect_steps("u s u s u s u ");
	/* But ahead it was for certain. */
	pass(WALLCLOCK_CREDIBLE_S);
	set_by(-2 * DAY_S);
	expect_steps("m-172800 ");
}
END_TEST

START_TEST(wallclock_begin_1970_moves_all_when_it_is_set)
{
	char text[WALLCLOCK_TEXT_SIZE];

	begin(10);
	ck_assert_ptr_nonnull(strstr(wallclock_trouble(&clock_, text), "1970-01-01T00:00:10Z"));
	pass(5 * DAY_S);
	expect_steps("u ");
	set_by(NOW);
	expect_steps("m+1796000000 ");
	ck_assert_ptr_null(wallclock_trouble(&clock_, text));
	ck_assert_int_eq(wallclock_age_s(&clock_), uptime_s + off_s);
}
END_TEST

START_TEST(wallclock_begin_other_boot_judged_by_what_was_known)
{
	struct wallclock was;
	char text[WALLCLOCK_TEXT_SIZE];

	begin_sure();
	was = clock_;
	/* A month off. */
	uptime_s = 30;
	off_s = was.wall_s + 30 * DAY_S;
	begin_clock(false);
	expect_steps("u ");
	ck_assert_ptr_null(wallclock_trouble(&clock_, text));
	ck_assert_int_eq(wallclock_age_s(&clock_), was.aged_s + 30);
	/* The same boot's clock at 1970, and the daemon is started again meanwhile. */
	clock_ = was;
	uptime_s = 30;
	off_s = 0;
	begin_clock(false);
	expect_steps("u ");
	ck_assert_ptr_nonnull(strstr(wallclock_trouble(&clock_, text), "1970-01-01"));
	pass(2 * HOUR_S);
	begin_clock(true);
	set_by(was.wall_s + 60);
	pass(1);
	expect_steps("m+1796259260 ");
	ck_assert_int_eq(wallclock_age_s(&clock_), was.aged_s + uptime_s);
}
END_TEST

/* Two years ahead when the node went down, and right when it is up again. */
START_TEST(wallclock_begin_other_boot_not_believed_before_ends_there)
{
	begin_sure();
	set_by(YEARS_S);
	pass(60);
	expect_steps("u ");
	uptime_s = 40;
	off_s = NOW + WALLCLOCK_SURE_S + 300;
	begin_clock(false);
	expect_steps("m-63071761 ");
	ck_assert(wallclock_on_trial(&clock_));
}
END_TEST

/* What looks like a reboot, but CLOCK_BOOTTIME goes on. */
START_TEST(wallclock_begin_other_boot_id_alone_moves_nothing)
{
	char text[WALLCLOCK_TEXT_SIZE];

	begin(NOW);
	pass(600);
	expect_steps("u ");
	uptime_s += 20;
	begin_clock(false);
	expect_steps("s u ");
	off_s -= NOW;
	uptime_s += 20;
	begin_clock(false);
	ck_assert_ptr_nonnull(wallclock_trouble(&clock_, text));
	expect_steps("s u "); /* a clock that is wrong says nothing about the one before */
	set_by(NOW);
	ck_assert_ptr_null(wallclock_trouble(&clock_, text));
}
END_TEST

START_TEST(wallclock_begin_same_boot_sees_the_jump_between)
{
	begin_sure();
	set_by(YEARS_S);
	uptime_s += 50;
	off_s -= YEARS_S;
	begin_clock(true);
	expect_steps("u m-63072000 s ");
}
END_TEST

/* However the clock is set. */
START_TEST(wallclock_age_never_ahead_of_boot_time)
{
	uint64_t random = seed_random("wallclock_age_never_ahead_of_boot_time");
	int64_t right_off_s;

	begin_sure();
	right_off_s = off_s;
	for (int i = 0; i < 20000; i++) {
		n_steps = 0;
		if (next_random(&random) % 4 == 0)
			off_s += (int64_t)(next_random(&random) % (20ull * YEARS_S)) -
				 10ll * YEARS_S;
		if (uptime_s + off_s < WALLCLOCK_FLOOR_S)
			off_s = WALLCLOCK_FLOOR_S - uptime_s;
		pass((int64_t)(next_random(&random) % DAY_S));
		ck_assert_int_le(wallclock_age_s(&clock_), uptime_s + right_off_s);
		ck_assert_int_le(wallclock_age_s(&clock_), clock_.wall_s);
	}
}
END_TEST

/* ---- in the store ---- */

static struct place place;
static struct store *s;
static int64_t at; /* the time of day */
static uint64_t total;
static int64_t number; /* of the last step */

static void open_store(void)
{
	place = place_new();
	s = must_open(place.path);
	at = NOW - NOW % HOUR_S;
	total = 0;
	number = 0;
}

static void close_store(void)
{
	store_close(s);
	place_remove(&place);
}

/* A checkpoint at `at` after these steps, with so much more octets. */
static void put(uint64_t octets, const struct wallclock_step *of, size_t n, bool trial)
{
	struct store_meta m = small_meta;
	struct store_container c = { .ifindex = 1, .id = "1", .name = "", .run = INV_RUN_RUNNING };
	struct store_address a = { .key = 1, .container = 1, .owner = true };

	total += octets;
	m.next_ifindex = m.next_key = 2;
	m.clock = (struct wallclock) {
		.wall_s = at, .flags = trial ? WALLCLOCK_TRIAL : 0, .lived_s = 1, .steps = number
	};
	ck_assert_int_eq(addr_parse("192.0.2.1", &a.addr), 0);
	a.totals.path[PATH_FWD_IN] = (struct counters) { total, 1 };
	a.totals.since_wall_s = trial ? at : NOW;
	a.totals.unsure = trial ? STORE_UNSURE_SINCE : 0;
	ck_assert_int_eq(store_begin_stepped(s, false, at, of, n, NULL), 0);
	store_put_meta(s, &m);
	store_put_container(s, &c);
	store_put_address(s, &a);
	ck_assert_int_eq(store_end(s, NULL), 0);
}

static struct wallclock_step step(enum wallclock_kind kind, int64_t by_s)
{
	return (struct wallclock_step) { ++number, by_s, kind };
}

static void expect_usage(const char *table, const char *expected)
{
	char *sql = xasprintf("SELECT start - %lld, in_octets FROM usage_%s ORDER BY start",
			      (long long)(NOW - NOW % HOUR_S), table);

	expect_answer(place.path, sql, expected);
	free(sql);
}

START_TEST(store_begin_stepped_ahead_and_back_as_if_never)
{
	struct wallclock_step a[3];

	open_store();
	put(100, NULL, 0, false);
	a[0] = step(WALLCLOCK_UNSURE, 0);
	at += YEARS_S + 4;
	put(20, a, 1, true);
	at += 300;
	put(3, NULL, 0, true);
	at += 300;
	put(0, NULL, 0, true);
	expect_usage("5min", "0|100 63072000|20 63072300|3 ");
	a[0] = step(WALLCLOCK_MOVE, -YEARS_S);
	a[1] = step(WALLCLOCK_SURE, 0);
	at += 300 - YEARS_S;
	put(0, a, 2, false);
	put(0, a, 2, false); /* the same again is nothing */
	expect_usage("5min", "0|120 300|3 ");
	expect_usage("hour", "0|123 ");
	expect_usage("unsure", "");
	close_store();
}
END_TEST

/* Into periods that have sure usage, and out of them again. */
START_TEST(store_begin_stepped_behind_and_back_takes_only_its_own)
{
	struct wallclock_step a[2];

	open_store();
	for (int i = 0; i < 4; i++) {
		put(100, NULL, 0, false);
		at += 300;
	}
	a[0] = step(WALLCLOCK_UNSURE, 0);
	at -= 600;
	for (int i = 0; i < 3; i++) {
		put(7, i ? NULL : a, i ? 0 : 1, true);
		at += 300;
	}
	put(0, NULL, 0, true);
	expect_usage("5min", "0|100 300|100 600|107 900|107 1200|7 ");
	expect_usage("unsure", "600|7 900|7 ");
	a[0] = step(WALLCLOCK_MOVE, 600);
	a[1] = step(WALLCLOCK_SURE, 0);
	at += 600;
	put(0, a, 2, false);
	expect_usage("5min", "0|100 300|100 600|100 900|100 1200|7 1500|7 1800|7 ");
	expect_usage("hour", "0|421 ");
	close_store();
}
END_TEST

/* It is set on and on, by what is no whole period; what is still in none moves too. */
START_TEST(store_begin_stepped_odd_moves_end_where_they_should)
{
	struct wallclock_step a[1];
	int64_t by[] = { 140, 140, 140, -DAY_S + 17, 3 * DAY_S - 437, -2 * DAY_S };

	open_store();
	a[0] = step(WALLCLOCK_UNSURE, 0);
	put(50, a, 1, true);
	at += 300;
	put(1, NULL, 0, true); /* in no period yet */
	for (size_t i = 0; i < ARRAY_LEN(by); i++) {
		a[0] = step(WALLCLOCK_MOVE, by[i]);
		at += by[i];
		put(0, a, 1, true);
		expect_answer(place.path, "SELECT sum(in_octets) FROM usage_5min", "50 ");
	}
	at += 300;
	put(0, NULL, 0, true);
	expect_usage("5min", "0|50 300|1 ");
	expect_usage("hour", "0|51 ");
	expect_answer(place.path, "SELECT value FROM meta WHERE key = 'clock_rest'", "0 ");
	close_store();
}
END_TEST

/* A stamp moves until it is sure, also in a row that nobody puts. */
START_TEST(store_begin_stepped_stamps_move)
{
	struct wallclock_step a[1];

	open_store();
	a[0] = step(WALLCLOCK_UNSURE, 0);
	put(1, a, 1, true);
	a[0] = step(WALLCLOCK_MOVE, 1000);
	ck_assert_int_eq(store_begin_stepped(s, false, at + 1000, a, 1, NULL), 0);
	ck_assert_int_eq(store_end(s, NULL), 0);
	expect_answer(place.path,
		      "SELECT since - 1796000000 + 1796000000 % 3600, unsure FROM address",
		      "1000|1 ");
	a[0] = step(WALLCLOCK_SURE, 0);
	ck_assert_int_eq(store_begin_stepped(s, false, at + 1000, a, 1, NULL), 0);
	ck_assert_int_eq(store_end(s, NULL), 0);
	expect_answer(place.path, "SELECT unsure FROM address", "0 ");
	close_store();
}
END_TEST

/* An older version stored the time of day alone. A node that has run for a year is no clock that is
 * a year late, and who retired yesterday did so yesterday. */
START_TEST(wallclock_begin_upgrade_lives_no_longer_than_since)
{
	memset(&clock_, 0, sizeof(clock_));
	n_steps = 0;
	uptime_s = 365 * DAY_S;
	off_s = NOW - uptime_s;
	clock_.wall_s = NOW - 60;
	begin_clock(true);
	expect_steps("u ");
	ck_assert(!wallclock_is_wrong(&clock_));
	ck_assert_int_eq(clock_.lived_s, NOW);
	ck_assert_int_eq(clock_.known_s, NOW);
	ck_assert_int_eq(wallclock_age_s(&clock_), NOW);
	/* In another boot it has lived for that at least. */
	memset(&clock_, 0, sizeof(clock_));
	n_steps = 0;
	clock_.wall_s = NOW - 400 * DAY_S;
	begin_clock(false);
	ck_assert_int_eq(clock_.lived_s, NOW - 35 * DAY_S);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wallclock");
	TCase *t = tcase_create("clock");
	SRunner *sr;
	int failed;

	tcase_add_test(t, wallclock_begin_upgrade_lives_no_longer_than_since);
	tcase_add_test(t, wallclock_look_small_steps_are_followed);
	tcase_add_test(t, wallclock_look_ahead_and_back_moves_what_was_between);
	tcase_add_test(t, wallclock_look_back_and_forth_moves_what_was_between);
	tcase_add_test(t, wallclock_look_set_right_stays_and_is_sure_in_the_end);
	tcase_add_test(t, wallclock_look_time_missed_moves_nothing);
	tcase_add_test(t, wallclock_begin_1970_moves_all_when_it_is_set);
	tcase_add_test(t, wallclock_begin_other_boot_judged_by_what_was_known);
	tcase_add_test(t, wallclock_begin_other_boot_not_believed_before_ends_there);
	tcase_add_test(t, wallclock_begin_other_boot_id_alone_moves_nothing);
	tcase_add_test(t, wallclock_begin_same_boot_sees_the_jump_between);
	tcase_add_test(t, wallclock_age_never_ahead_of_boot_time);
	suite_add_tcase(suite, t);
	t = tcase_create("store");
	tcase_add_test(t, store_begin_stepped_ahead_and_back_as_if_never);
	tcase_add_test(t, store_begin_stepped_behind_and_back_takes_only_its_own);
	tcase_add_test(t, store_begin_stepped_odd_moves_end_where_they_should);
	tcase_add_test(t, store_begin_stepped_stamps_move);
	suite_add_tcase(suite, t);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
