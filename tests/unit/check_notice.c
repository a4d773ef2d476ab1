/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which notifications are due: once each, paced, the last state always told in the end. */
#include "base/xalloc.h"
#include "mib/notice.h"
#include "seed.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000ull
#define STORM 10000 /* addresses, each claimed by two */

static struct notices *notices;
static struct snap *snap;
static uint64_t now;

/* Two containers, each with the same n addresses, all well. */
static struct snap *snap_of(size_t n)
{
	struct snap *s = snap_new();

	s->containers = xcalloc(2, sizeof(*s->containers));
	s->n_containers = 2;
	s->addresses = xcalloc(2 * n, sizeof(*s->addresses));
	s->n_addresses = 2 * n;
	s->containers[0].id = snap_text(s, "101");
	s->containers[1].id = snap_text(s, "107");
	for (size_t i = 0; i < 2 * n; i++) {
		struct snap_address *a = &s->addresses[i];

		a->container = (uint32_t)(i / n);
		a->addr = (struct addr) { ADDR_V4,
					  { 10, 0, (uint8_t)(i % n >> 8), (uint8_t)(i % n) } };
		a->totals.status = ROW_COUNTING;
	}
	return s;
}

static void set_status(size_t row, enum row_status status)
{
	enum row_status *at = &snap->addresses[row].totals.status;

	snap->conflicts -= *at == ROW_CONFLICT;
	*at = status;
	snap->conflicts += *at == ROW_CONFLICT;
}

static void set_all(enum row_status status)
{
	for (size_t i = 0; i < snap->n_addresses; i++)
		set_status(i, status);
}

static void begin(size_t n)
{
	notices = notices_new();
	snap = snap_of(n);
	now = 5 * SECOND;
}

static void end(void)
{
	notices_free(notices);
	snap_unref(snap);
}

/* Ask; what is due is told at once. */
static bool tell(struct notice *ret)
{
	uint64_t at = 0;

	if (!notices_next(notices, snap, now, ret, &at))
		return false;
	notices_told(notices, now);
	return true;
}

static void expect(enum notice_kind kind)
{
	struct notice got;

	ck_assert_msg(tell(&got), "nothing is due, %d was expected", kind);
	ck_assert_int_eq(got.kind, kind);
}

static void expect_row(enum notice_kind kind, size_t row)
{
	struct notice got;

	ck_assert_msg(tell(&got), "nothing is due, %d was expected", kind);
	ck_assert_int_eq(got.kind, kind);
	ck_assert_uint_eq(got.row, row);
}

/* Nothing is due before `at` (0: without another snapshot). */
static void expect_nothing_until(uint64_t at)
{
	uint64_t got_at = 1;
	struct notice got;

	ck_assert_msg(!notices_next(notices, snap, now, &got, &got_at), "%d is due", got.kind);
	ck_assert_uint_eq(got_at, at);
}

static size_t tell_all(void)
{
	struct notice got;
	size_t n = 0;

	while (tell(&got))
		n++;
	return n;
}

START_TEST(next_all_well_is_nothing)
{
	begin(3);
	set_status(1, ROW_PENDING);
	set_status(2, ROW_RETIRED);
	expect_nothing_until(0);
	end();
}
END_TEST

START_TEST(next_failing_is_told_once_and_its_end)
{
	begin(1);
	snap->store_failing = true;
	expect(NOTICE_STORE_FAILED);
	expect_nothing_until(0);
	now += 3600 * SECOND;
	expect_nothing_until(0);
	snap->inventory_failing = true;
	expect(NOTICE_INVENTORY_FAILED);
	snap->store_failing = false;
	expect(NOTICE_STORE_RECOVERED);
	snap->ship = SNAP_SHIP_FAILING;
	expect(NOTICE_SHIP_FAILED);
	snap->ship = SNAP_SHIP_OK;
	expect(NOTICE_SHIP_RECOVERED);
	snap->inventory_failing = false;
	expect(NOTICE_INVENTORY_RECOVERED);
	expect_nothing_until(0);
	end();
}
END_TEST

START_TEST(next_not_told_stays_due)
{
	struct notice got;
	uint64_t at;

	begin(1);
	snap->store_failing = true;
	for (int i = 0; i < 3; i++, now += SECOND) {
		ck_assert(notices_next(notices, snap, now, &got, &at));
		ck_assert_int_eq(got.kind, NOTICE_STORE_FAILED);
	}
	snap->store_failing = false; /* over before anybody could be told */
	expect_nothing_until(0);
	end();
}
END_TEST

START_TEST(next_flapping_is_told_once_a_minute_and_the_last_state_in_the_end)
{
	uint64_t first;

	begin(1);
	first = now;
	snap->inventory_failing = true;
	expect(NOTICE_INVENTORY_FAILED);
	now += 5 * SECOND;
	snap->inventory_failing = false;
	expect(NOTICE_INVENTORY_RECOVERED);
	for (int i = 0; i < 20; i++) {
		now += SECOND;
		snap->inventory_failing = true;
		expect_nothing_until(first + 60 * SECOND);
		now += SECOND;
		snap->inventory_failing = false;
		expect_nothing_until(0);
	}
	snap->inventory_failing = true;
	now = first + 60 * SECOND - 1;
	expect_nothing_until(first + 60 * SECOND);
	now++;
	expect(NOTICE_INVENTORY_FAILED);
	snap->inventory_failing = false;
	expect_nothing_until(first + 65 * SECOND);
	now = first + 65 * SECOND;
	expect(NOTICE_INVENTORY_RECOVERED);
	expect_nothing_until(0);
	end();
}
END_TEST

START_TEST(next_repairs_within_a_second_are_one)
{
	uint64_t first;

	begin(1);
	first = now;
	snap->rule_repairs = 1;
	expect_nothing_until(first + SECOND);
	now += SECOND / 2;
	snap->rule_repairs = 2;
	expect_nothing_until(first + SECOND);
	now = first + SECOND;
	expect(NOTICE_RULES_REPAIRED);
	expect_nothing_until(0);
	now += 10 * SECOND;
	snap->rule_repairs = 3;
	expect_nothing_until(now + SECOND);
	now += SECOND;
	expect_nothing_until(first + 61 * SECOND);
	snap->rule_repairs = 9;
	now = first + 61 * SECOND;
	expect(NOTICE_RULES_REPAIRED);
	expect_nothing_until(0);
	end();
}
END_TEST

/* What was repaired between the question and the answer of the master was not in the message. */
START_TEST(told_is_what_was_asked_for)
{
	struct notice got;
	uint64_t at;

	begin(1);
	snap->rule_repairs = 1;
	expect_nothing_until(now + SECOND);
	now += SECOND;
	ck_assert(notices_next(notices, snap, now, &got, &at));
	snap->rule_repairs = 2;
	notices_told(notices, now);
	expect_nothing_until(now + SECOND);
	now += 60 * SECOND;
	expect(NOTICE_RULES_REPAIRED);
	expect_nothing_until(0);
	end();
}
END_TEST

START_TEST(next_conflict_is_told_for_each_row_and_its_end)
{
	begin(3);
	set_status(1, ROW_CONFLICT);
	set_status(4, ROW_CONFLICT);
	expect_row(NOTICE_CONFLICT, 1);
	expect_row(NOTICE_CONFLICT, 4);
	expect_nothing_until(0);
	now += 3600 * SECOND;
	expect_nothing_until(0);
	set_status(1, ROW_COUNTING);
	set_status(4, ROW_RETIRED);
	expect_row(NOTICE_CONFLICT_CLEARED, 1);
	expect_row(NOTICE_CONFLICT_CLEARED, 4);
	expect_nothing_until(0);
	end();
}
END_TEST

START_TEST(next_row_is_told_of_a_kind_once_a_minute)
{
	uint64_t first;

	begin(2);
	first = now;
	set_status(3, ROW_CONFLICT);
	expect_row(NOTICE_CONFLICT, 3);
	set_status(3, ROW_COUNTING);
	now += SECOND;
	expect_row(NOTICE_CONFLICT_CLEARED, 3);
	set_status(3, ROW_CONFLICT);
	set_status(1, ROW_CONFLICT);
	now += SECOND;
	expect_row(NOTICE_CONFLICT, 1);
	expect_nothing_until(first + 60 * SECOND);
	now = first + 60 * SECOND;
	expect_row(NOTICE_CONFLICT, 3);
	expect_nothing_until(0);
	end();
}
END_TEST

/* A snapshot in which the rows of container 101 are no more. */
START_TEST(next_row_that_is_gone_is_forgotten)
{
	begin(2);
	set_all(ROW_CONFLICT);
	ck_assert_uint_eq(tell_all(), 4);
	memmove(snap->addresses, snap->addresses + 2, 2 * sizeof(*snap->addresses));
	snap->n_addresses = snap->conflicts = 2;
	expect_nothing_until(0);
	set_all(ROW_COUNTING);
	expect_row(NOTICE_CONFLICT_CLEARED, 0);
	expect_row(NOTICE_CONFLICT_CLEARED, 1);
	expect_nothing_until(0);
	end();
}
END_TEST

START_TEST(next_storm_is_bounded)
{
	size_t told = 0;
	uint64_t first;

	begin(STORM);
	first = now;
	set_all(ROW_CONFLICT);
	for (int minute = 0; minute < 3; minute++) {
		now = first + (uint64_t)minute * 60 * SECOND;
		ck_assert_uint_eq(tell_all(), NOTICE_BURST);
		told += NOTICE_BURST;
		expect_nothing_until(now + 60 * SECOND);
		ck_assert_uint_eq(notices_held_back(notices), 2 * STORM - told);
	}
	snap->store_failing = true; /* is not in the storm's shadow */
	expect(NOTICE_STORE_FAILED);
	set_all(ROW_COUNTING);
	now += SECOND;
	ck_assert_uint_eq(tell_all(), NOTICE_BURST);
	expect_nothing_until(now + 60 * SECOND);
	ck_assert_uint_eq(notices_held_back(notices), told - NOTICE_BURST);
	for (int minute = 1; minute < 3; minute++) {
		now += 60 * SECOND;
		ck_assert_uint_eq(tell_all(), NOTICE_BURST);
	}
	expect_nothing_until(0);
	ck_assert_uint_eq(notices_held_back(notices), 0);
	end();
}
END_TEST

/* More rows flap than may be told of, and one after them stays: it has its turn. */
START_TEST(next_flapping_rows_leave_room_for_others)
{
	struct notice got;
	bool heard = false;

	begin(20);
	set_status(39, ROW_CONFLICT);
	for (int s = 0; s < 600 && !heard; s++, now += SECOND) {
		for (size_t i = 0; i < 30; i++)
			set_status(i, s % 2 ? ROW_COUNTING : ROW_CONFLICT);
		while (tell(&got))
			heard = heard || (got.kind == NOTICE_CONFLICT && got.row == 39);
	}
	ck_assert(heard);
	end();
}
END_TEST

/* --- at random, against the rules ----------------------------------------------------------- */

#define ROWS 60
#define MAX_TOLD 100000

static struct told {
	uint64_t at;
	enum notice_kind kind;
	size_t row;
} * told;
static size_t n_told;

static bool about_row(enum notice_kind kind)
{
	return kind <= NOTICE_CONFLICT_CLEARED;
}

static enum notice_kind opposite(enum notice_kind kind)
{
	static const enum notice_kind of[NOTICE_KINDS] = {
		[NOTICE_CONFLICT] = NOTICE_CONFLICT_CLEARED,
		[NOTICE_CONFLICT_CLEARED] = NOTICE_CONFLICT,
		[NOTICE_INVENTORY_FAILED] = NOTICE_INVENTORY_RECOVERED,
		[NOTICE_INVENTORY_RECOVERED] = NOTICE_INVENTORY_FAILED,
		[NOTICE_STORE_FAILED] = NOTICE_STORE_RECOVERED,
		[NOTICE_STORE_RECOVERED] = NOTICE_STORE_FAILED,
	};

	return of[kind];
}

static bool same_thing(const struct told *a, enum notice_kind kind, size_t row)
{
	return (a->kind == kind || a->kind == opposite(kind)) &&
	       (!about_row(kind) || a->row == row);
}

/* Both paces, and that begin and end of a thing alternate, beginning with the begin. */
static void note_told(const struct notice *what)
{
	size_t of_kind = 0;
	bool before = false;

	for (size_t i = n_told; i-- > 0;) {
		const struct told *t = &told[i];
		bool recent = t->at + 60 * SECOND > now;

		of_kind += recent && t->kind == what->kind;
		if (!same_thing(t, what->kind, what->row))
			continue;
		if (!before && what->kind != NOTICE_RULES_REPAIRED)
			ck_assert_int_eq(t->kind, opposite(what->kind));
		before = true;
		ck_assert(!recent || t->kind != what->kind);
	}
	ck_assert(about_row(what->kind) ? of_kind < NOTICE_BURST : of_kind == 0);
	ck_assert(before || what->kind == NOTICE_CONFLICT || what->kind == NOTICE_RULES_REPAIRED ||
		  what->kind == NOTICE_INVENTORY_FAILED || what->kind == NOTICE_STORE_FAILED);
	ck_assert_uint_lt(n_told, MAX_TOLD);
	told[n_told++] = (struct told) { now, what->kind, what->row };
}

static void change_something(uint64_t *seed)
{
	uint64_t r = next_random(seed);
	size_t row = r / 8 % ROWS;

	switch (r % 8) {
	case 0:
		snap->store_failing = !snap->store_failing;
		break;
	case 1:
		snap->inventory_failing = !snap->inventory_failing;
		break;
	case 2:
		snap->rule_repairs++;
		break;
	default:
		set_status(row, snap->addresses[row].totals.status == ROW_CONFLICT ? ROW_COUNTING
										   : ROW_CONFLICT);
		break;
	}
}

/* Told last of a thing, 0 when never. */
static enum notice_kind last_told(enum notice_kind kind, size_t row)
{
	for (size_t i = n_told; i-- > 0;)
		if (same_thing(&told[i], kind, row))
			return told[i].kind;
	return 0;
}

static void expect_last(bool is, enum notice_kind begins, enum notice_kind ends, size_t row)
{
	enum notice_kind last = last_told(begins, row);

	ck_assert(is ? last == begins : last == ends || last == 0);
}

START_TEST(next_at_random_keeps_the_rules)
{
	uint64_t seed = seed_random("next_at_random_keeps_the_rules"), at;
	struct notice what;

	begin(ROWS / 2);
	told = xcalloc(MAX_TOLD, sizeof(*told));
	n_told = 0;
	for (int i = 0; i < 20000; i++) {
		now += next_random(&seed) % (3 * SECOND);
		if (next_random(&seed) % 3 == 0)
			change_something(&seed);
		if (next_random(&seed) % 4 == 0)
			continue; /* nobody there to tell */
		if (notices_next(notices, snap, now, &what, &at)) {
			note_told(&what);
			notices_told(notices, now);
		}
	}
	for (;;) { /* quiet: led by the times that are asked for */
		if (notices_next(notices, snap, now, &what, &at)) {
			note_told(&what);
			notices_told(notices, now);
			continue;
		}
		if (!at)
			break;
		ck_assert_uint_gt(at, now);
		now = at;
	}
	expect_last(snap->store_failing, NOTICE_STORE_FAILED, NOTICE_STORE_RECOVERED, 0);
	expect_last(snap->inventory_failing, NOTICE_INVENTORY_FAILED, NOTICE_INVENTORY_RECOVERED,
		    0);
	for (size_t i = 0; i < ROWS; i++)
		expect_last(snap->addresses[i].totals.status == ROW_CONFLICT, NOTICE_CONFLICT,
			    NOTICE_CONFLICT_CLEARED, i);
	ck_assert_uint_gt(n_told, 500);
	free(told);
	end();
}
END_TEST

START_TEST(next_threshold_is_told_once_for_each)
{
	begin(1);
	snap->containers[1].bill.reached = 80;
	expect_row(NOTICE_QUOTA_THRESHOLD, 1);
	expect_nothing_until(0);
	snap->containers[1].bill.reached = 90; /* within a minute of the last */
	expect_nothing_until(now + 60 * SECOND);
	now += 60 * SECOND;
	expect_row(NOTICE_QUOTA_THRESHOLD, 1);
	now += 60 * SECOND;
	snap->containers[1].bill.reached = 0; /* another period */
	expect_nothing_until(0);
	snap->containers[1].bill.reached = 80;
	expect_row(NOTICE_QUOTA_THRESHOLD, 1);
	end();
}
END_TEST

START_TEST(next_threshold_an_earlier_process_noted_is_not_repeated)
{
	begin(1);
	snap->containers[0].bill.reached = snap->containers[0].bill.heard = 80;
	expect_nothing_until(0);
	snap->containers[0].bill.reached = 100;
	expect_row(NOTICE_QUOTA_THRESHOLD, 0);
	end();
}
END_TEST

START_TEST(next_thresholds_of_many_are_paced)
{
	size_t sum = 0;

	begin(1);
	free(snap->containers);
	snap->n_containers = 25;
	snap->containers = xcalloc(25, sizeof(*snap->containers));
	for (size_t i = 0; i < 25; i++) {
		char *id = xasprintf("%zu", 100 + i);

		snap->containers[i].id = snap_text(snap, id);
		snap->containers[i].bill.reached = 100;
		free(id);
	}
	for (int minute = 0; minute < 3; minute++) {
		size_t now_told = tell_all();

		ck_assert_uint_le(now_told, NOTICE_BURST);
		sum += now_told;
		now += 60 * SECOND;
	}
	ck_assert_uint_eq(sum, 25);
	expect_nothing_until(0);
	end();
}
END_TEST

START_TEST(next_period_is_told_when_it_begins_and_not_at_the_start)
{
	begin(1);
	expect_nothing_until(0);
	snap->period_begin_s = 1000;
	expect_nothing_until(0);
	snap->period_begin_s = 2000;
	expect(NOTICE_PERIOD_BEGAN);
	expect_nothing_until(0);
	end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notice");
	TCase *t = tcase_create("notice");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, next_all_well_is_nothing);
	tcase_add_test(t, next_failing_is_told_once_and_its_end);
	tcase_add_test(t, next_not_told_stays_due);
	tcase_add_test(t, next_flapping_is_told_once_a_minute_and_the_last_state_in_the_end);
	tcase_add_test(t, next_repairs_within_a_second_are_one);
	tcase_add_test(t, told_is_what_was_asked_for);
	tcase_add_test(t, next_conflict_is_told_for_each_row_and_its_end);
	tcase_add_test(t, next_row_is_told_of_a_kind_once_a_minute);
	tcase_add_test(t, next_row_that_is_gone_is_forgotten);
	tcase_add_test(t, next_storm_is_bounded);
	tcase_add_test(t, next_flapping_rows_leave_room_for_others);
	tcase_add_test(t, next_at_random_keeps_the_rules);
	tcase_add_test(t, next_threshold_is_told_once_for_each);
	tcase_add_test(t, next_threshold_an_earlier_process_noted_is_not_repeated);
	tcase_add_test(t, next_thresholds_of_many_are_paced);
	tcase_add_test(t, next_period_is_told_when_it_begins_and_not_at_the_start);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
