/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/period.h"

#include "base/xalloc.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW 1795435627 /* 2026-11-23 12:07:07 UTC */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define KOLKATA "IST-5:30"

static void use_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void assert_parses(const char *text, const char *utc)
{
	char buf[PERIOD_TEXT_SIZE];
	int64_t t = 0;

	ck_assert_msg(!period_parse(text, NOW, &t), "%s", text);
	ck_assert_str_eq(period_utc(t, PERIOD_ISO_UTC, buf), utc);
}

START_TEST(period_parse_dates_are_local)
{
	use_zone("UTC0");
	assert_parses("2026-11-01", "2026-11-01T00:00:00Z");
	assert_parses("2024-02-29", "2024-02-29T00:00:00Z");
	assert_parses("2000-02-29T23:59:59", "2000-02-29T23:59:59Z");
	use_zone(BERLIN);
	assert_parses("2026-11-01", "2026-10-31T23:00:00Z");
	assert_parses("2026-07-01T12:00", "2026-07-01T10:00:00Z");
	assert_parses("2026-07-01 12:00:30", "2026-07-01T10:00:30Z");
	use_zone(KOLKATA);
	assert_parses("2026-11-01", "2026-10-31T18:30:00Z");
}
END_TEST

START_TEST(period_parse_relative_is_before_now)
{
	use_zone(BERLIN);
	assert_parses("30d", "2026-10-24T12:07:07Z");
	assert_parses("12h", "2026-11-23T00:07:07Z");
	assert_parses("0h", "2026-11-23T12:07:07Z");
	assert_parses("month", "2026-10-31T23:00:00Z");
	assert_parses("last-month", "2026-09-30T22:00:00Z"); /* in summer time */
}
END_TEST

START_TEST(period_parse_last_month_in_january_is_december)
{
	char buf[PERIOD_TEXT_SIZE];
	int64_t now, t;

	use_zone("UTC0");
	ck_assert_int_eq(period_parse("2026-01-31T10:00", NOW, &now), 0);
	ck_assert_int_eq(period_parse("last-month", now, &t), 0);
	ck_assert_str_eq(period_utc(t, PERIOD_ISO_UTC, buf), "2025-12-01T00:00:00Z");
}
END_TEST

START_TEST(period_parse_nonsense_is_refused)
{
	static const char *const bad[] = {
		"",
		"d",
		"h",
		"x",
		"-3d",
		"3.5d",
		" 3d",
		"3d ",
		"1000000d",
		"30",
		"30m",
		"2026-02-29",
		"2100-02-29",
		"2026-13-01",
		"2026-00-01",
		"2026-11-00",
		"2026-11-31",
		"2026-11-1",
		"2026-11-01T",
		"2026-11-01T12",
		"1969-12-31",
		"26-11-01",
		"2026/11/01",
		"2026-11-01T24:00",
		"Month",
		"months",
		"month ",
		"2026-11-01T12:60",
		"9999999999",
		"2026-11-+1",
		"2026-11-01x",
		"2026-11-01T12:00:60",
		"dddd-dd-dd",
		"2026-11-01-12:00",
		"2026-11-01T12:00:00Z",
	};
	int64_t t = 7;

	use_zone("UTC0");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(period_parse(bad[i], NOW, &t) == -EINVAL, "'%s'", bad[i]);
	ck_assert_int_eq(t, 7);
}
END_TEST

static void assert_resolves(const char *since, const char *until, const char *from, const char *to,
			    bool to_now)
{
	struct err e = { "" };
	char buf[PERIOD_TEXT_SIZE];
	struct period p;

	ck_assert_msg(!period_resolve(since, until, NOW, &p, &e), "%s", e.text);
	ck_assert_str_eq(period_utc(p.since_s, PERIOD_ISO_UTC, buf), from);
	ck_assert_str_eq(period_utc(p.until_s, PERIOD_ISO_UTC, buf), to);
	ck_assert_int_eq(p.to_now, to_now);
}

START_TEST(period_resolve_default_is_30_days_to_now)
{
	use_zone("UTC0");
	assert_resolves(NULL, NULL, "2026-10-24T12:05:00Z", "2026-11-23T12:07:07Z", true);
	assert_resolves("1h", NULL, "2026-11-23T11:05:00Z", "2026-11-23T12:07:07Z", true);
	assert_resolves(NULL, "1d", "2026-10-24T12:05:00Z", "2026-11-22T12:05:00Z", false);
	assert_resolves("month", "2027-01-01", "2026-11-01T00:00:00Z", "2026-11-23T12:07:07Z",
			true);
}
END_TEST

START_TEST(period_resolve_last_month_is_whole)
{
	use_zone("UTC0");
	assert_resolves("last-month", NULL, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", false);
	assert_resolves("last-month", "2026-10-03", "2026-10-01T00:00:00Z", "2026-10-03T00:00:00Z",
			false);
}
END_TEST

static void assert_refused(const char *since, const char *until, const char *says)
{
	struct err e = { "" };
	struct period p;

	ck_assert_int_eq(period_resolve(since, until, NOW, &p, &e), -EINVAL);
	ck_assert_msg(strstr(e.text, says) != NULL, "'%s' lacks '%s'", e.text, says);
}

START_TEST(period_resolve_empty_or_unreadable_is_refused)
{
	use_zone("UTC0");
	assert_refused("2026-11-02", "2026-11-02",
		       "the period is empty: it begins at 2026-11-02 00:00 and ends at 2026-11-02");
	assert_refused("1h", "2h", "the period is empty");
	assert_refused("2026-12-01", NULL, "the period is empty");
	assert_refused("yesterday", NULL, "--since yesterday: expected a date (2026-11-01)");
	assert_refused(NULL, "32x", "--until 32x: expected");
}
END_TEST

static void assert_month(const char *text, const char *since, const char *until)
{
	char buf[PERIOD_TEXT_SIZE];
	int64_t since_s = 0, until_s = 0;
	struct err e = { "" };

	ck_assert_msg(!period_month(text, NOW, &since_s, &until_s, &e), "%s", e.text);
	ck_assert_str_eq(period_utc(since_s, PERIOD_ISO_UTC, buf), since);
	ck_assert_str_eq(period_utc(until_s, PERIOD_ISO_UTC, buf), until);
}

static void assert_no_month(const char *text, int rc, const char *says)
{
	int64_t since_s = 0, until_s = 0;
	struct err e = { "" };

	ck_assert_int_eq(period_month(text, NOW, &since_s, &until_s, &e), rc);
	ck_assert_msg(strstr(e.text, says) != NULL, "'%s' lacks '%s'", e.text, says);
}

START_TEST(period_month_is_a_whole_month_of_the_zone)
{
	use_zone("UTC0");
	assert_month(NULL, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
	assert_month("2026-11", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
	assert_month("2025-12", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z");
	use_zone(BERLIN);
	assert_month(NULL, "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
	assert_month("2026-03", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z");
}
END_TEST

START_TEST(period_month_other_text_or_the_future_is_refused)
{
	static const char *const bad[] = { "",        "2026",      "2026-1",  "2026-13",
					   "2026-00", "2026-11-1", "2026/11", "month" };

	use_zone("UTC0");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_no_month(bad[i], -EINVAL, "expected a month, such as 2026-11");
	assert_no_month("2026-12", -ERANGE, "--month 2026-12 has not begun: it is 2026-11 now");
	assert_no_month("9999-12", -ERANGE, "has not begun");
}
END_TEST

START_TEST(period_next_day_follows_summer_time)
{
	int64_t t;

	use_zone(BERLIN);
	ck_assert_int_eq(period_parse("2026-03-29", NOW, &t), 0);
	ck_assert_int_eq(period_next_day(t) - t, 23 * 3600);
	ck_assert_int_eq(period_next_day(t + 22 * 3600) - t, 23 * 3600);
	ck_assert_int_eq(period_parse("2026-10-25", NOW, &t), 0);
	ck_assert_int_eq(period_next_day(t) - t, 25 * 3600);
	ck_assert_int_eq(period_parse("2026-12-31T23:59", NOW, &t), 0);
	ck_assert_int_eq(period_next_day(t) - t, 60);
}
END_TEST

START_TEST(period_floor_and_ceil_are_multiples)
{
	ck_assert_int_eq(period_floor(299, 300), 0);
	ck_assert_int_eq(period_floor(300, 300), 300);
	ck_assert_int_eq(period_floor(-1, 300), -300);
	ck_assert_int_eq(period_ceil(0, 300), 0);
	ck_assert_int_eq(period_ceil(1, 300), 300);
	ck_assert_int_eq(period_ceil(300, 300), 300);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("period");
	TCase *tc = tcase_create("period");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, period_parse_dates_are_local);
	tcase_add_test(tc, period_parse_relative_is_before_now);
	tcase_add_test(tc, period_parse_last_month_in_january_is_december);
	tcase_add_test(tc, period_parse_nonsense_is_refused);
	tcase_add_test(tc, period_resolve_default_is_30_days_to_now);
	tcase_add_test(tc, period_resolve_last_month_is_whole);
	tcase_add_test(tc, period_resolve_empty_or_unreadable_is_refused);
	tcase_add_test(tc, period_month_is_a_whole_month_of_the_zone);
	tcase_add_test(tc, period_month_other_text_or_the_future_is_refused);
	tcase_add_test(tc, period_next_day_follows_summer_time);
	tcase_add_test(tc, period_floor_and_ceil_are_multiples);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
