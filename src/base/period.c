/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Periods of time as an operator writes them: see period.h. Pure but for the time zone (TZ). */
#include "base/period.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define AGO_DIGITS_MAX 5
#define YEAR_MIN 1970

int64_t period_floor(int64_t t, int64_t step)
{
	int64_t rest = t % step;

	return t - (rest < 0 ? rest + step : rest);
}

int64_t period_ceil(int64_t t, int64_t step)
{
	return period_floor(t + step - 1, step);
}

static int local_moment(struct tm *tm, int64_t *ret_s)
{
	time_t t;

	tm->tm_isdst = -1;
	t = mktime(tm);
	if (t == (time_t)-1)
		return -EINVAL;
	*ret_s = t;
	return 0;
}

/* The first moment of the month that is `back` months before the present one. */
static int parse_month(int back, int64_t now_s, int64_t *ret_s)
{
	struct tm tm, first = { .tm_mday = 1 };
	time_t now = (time_t)now_s;

	if (!localtime_r(&now, &tm))
		return -EINVAL;
	first.tm_year = tm.tm_year;
	first.tm_mon = tm.tm_mon - back;
	return local_moment(&first, ret_s);
}

static bool is_digits(const char *text, size_t n)
{
	return n > 0 && strspn(text, "0123456789") >= n;
}

/* "30d", "12h" */
static int parse_ago(const char *text, int64_t now_s, int64_t *ret_s)
{
	size_t digits = strlen(text) - 1;
	int64_t n = 0;

	if (digits > AGO_DIGITS_MAX || !is_digits(text, digits))
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (text[i] - '0');
	*ret_s = now_s - n * (text[digits] == 'd' ? PERIOD_DAY_S : PERIOD_HOUR_S);
	return 0;
}

/* month: 0 to 11 */
static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month == 1 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month];
}

/* Does the text match the beginning of the pattern? In the pattern 'd' is any digit and 'T' may
 * also be a blank. */
static bool has_form(const char *text, const char *pattern)
{
	for (; *text; text++, pattern++)
		if (*pattern == 'd' ? *text < '0' || *text > '9'
				    : *text != *pattern && !(*pattern == 'T' && *text == ' '))
			return false;
	return true;
}

static int two_digits(const char *text)
{
	return (text[0] - '0') * 10 + text[1] - '0';
}

/* "2026-11-01", "2026-11-01T12:00", "2026-11-01T12:00:00" */
static int parse_date(const char *text, int64_t *ret_s)
{
	size_t len = strlen(text);
	struct tm tm = { .tm_sec = 0 };
	int year;

	if ((len != 10 && len != 16 && len != 19) || !has_form(text, "dddd-dd-ddTdd:dd:dd"))
		return -EINVAL;
	year = two_digits(text) * 100 + two_digits(text + 2);
	tm.tm_year = year - 1900;
	tm.tm_mon = two_digits(text + 5) - 1;
	tm.tm_mday = two_digits(text + 8);
	tm.tm_hour = len > 10 ? two_digits(text + 11) : 0;
	tm.tm_min = len > 10 ? two_digits(text + 14) : 0;
	tm.tm_sec = len > 16 ? two_digits(text + 17) : 0;
	if (year < YEAR_MIN || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 ||
	    tm.tm_mday > month_days(year, tm.tm_mon) || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 59)
		return -EINVAL;
	return local_moment(&tm, ret_s);
}

int period_parse(const char *text, int64_t now_s, int64_t *ret_s)
{
	size_t len = strlen(text);

	if (!strcmp(text, "month"))
		return parse_month(0, now_s, ret_s);
	if (!strcmp(text, "last-month"))
		return parse_month(1, now_s, ret_s);
	if (len > 1 && strchr("dh", text[len - 1]))
		return parse_ago(text, now_s, ret_s);
	return parse_date(text, ret_s);
}

static int parse_option(const char *option, const char *text, int64_t now_s, int64_t *ret_s,
			struct err *e)
{
	if (!period_parse(text, now_s, ret_s))
		return 0;
	err_set(e,
		"--%s %s: expected a date (2026-11-01), a date and time (2026-11-01T12:00), 30d, "
		"12h, month or last-month",
		option, text);
	return -EINVAL;
}

int period_resolve(const char *since, const char *until, int64_t now_s, struct period *ret,
		   struct err *e)
{
	char begin[PERIOD_TEXT_SIZE], end[PERIOD_TEXT_SIZE];
	struct period p = { .until_s = now_s };

	if (!until && since && !strcmp(since, "last-month"))
		until = "month";
	if (parse_option("since", since ? since : "30d", now_s, &p.since_s, e) < 0 ||
	    (until && parse_option("until", until, now_s, &p.until_s, e) < 0))
		return -EINVAL;
	p.to_now = p.until_s >= now_s;
	p.since_s = period_floor(p.since_s, PERIOD_5MIN_S);
	p.until_s = p.to_now ? now_s : period_floor(p.until_s, PERIOD_5MIN_S);
	if (p.since_s >= p.until_s) {
		err_set(e, "the period is empty: it begins at %s and ends at %s",
			period_local(p.since_s, PERIOD_MINUTE, begin),
			period_local(p.until_s, PERIOD_MINUTE, end));
		return -EINVAL;
	}
	*ret = p;
	return 0;
}

/* The first moment of a month and of the next. month: from 0 */
static int month_ends(int year, int month, int64_t *ret_since_s, int64_t *ret_until_s)
{
	struct tm first = { .tm_mday = 1, .tm_mon = month, .tm_year = year - 1900 };
	struct tm next = { .tm_mday = 1, .tm_mon = month + 1, .tm_year = year - 1900 };
	int64_t since_s;

	if (local_moment(&first, &since_s) < 0 || local_moment(&next, ret_until_s) < 0)
		return -EINVAL;
	*ret_since_s = since_s;
	return 0;
}

static bool is_month(const char *text)
{
	return strlen(text) == 7 && has_form(text, "dddd-dd") && two_digits(text + 5) >= 1 &&
	       two_digits(text + 5) <= 12 &&
	       two_digits(text) * 100 + two_digits(text + 2) >= YEAR_MIN;
}

int period_month(const char *text, int64_t now_s, int64_t *ret_since_s, int64_t *ret_until_s,
		 struct err *e)
{
	char present[PERIOD_TEXT_SIZE];
	int64_t since_s = 0, until_s = 0;
	int rc = -EINVAL;

	if (!text)
		rc = parse_month(1, now_s, &since_s) < 0 ? -EINVAL
							 : parse_month(0, now_s, &until_s);
	else if (is_month(text))
		rc = month_ends(two_digits(text) * 100 + two_digits(text + 2),
				two_digits(text + 5) - 1, &since_s, &until_s);
	if (rc < 0) {
		err_set(e, "--month %s: expected a month, such as 2026-11", text ? text : "");
		return -EINVAL;
	}
	if (since_s > now_s) {
		err_set(e, "--month %s has not begun: it is %s now", text,
			period_local(now_s, "%Y-%m", present));
		return -ERANGE;
	}
	*ret_since_s = since_s;
	*ret_until_s = until_s;
	return 0;
}

int64_t period_next_day(int64_t t)
{
	time_t at = (time_t)t;
	struct tm tm, next = { .tm_sec = 0 };
	int64_t s;

	if (!localtime_r(&at, &tm))
		return t + PERIOD_DAY_S;
	next.tm_year = tm.tm_year;
	next.tm_mon = tm.tm_mon;
	next.tm_mday = tm.tm_mday + 1;
	/* A zone may skip midnight or a whole day; the result must be after t all the same. */
	return local_moment(&next, &s) < 0 || s <= t ? t + PERIOD_DAY_S : s;
}

static const char *format_tm(const struct tm *tm, const char *format, char *buf)
{
	if (!tm || !strftime(buf, PERIOD_TEXT_SIZE, format, tm))
		snprintf(buf, PERIOD_TEXT_SIZE, "-");
	return buf;
}

const char *period_local(int64_t t, const char *format, char buf[PERIOD_TEXT_SIZE])
{
	time_t at = (time_t)t;
	struct tm tm;

	return format_tm(localtime_r(&at, &tm), format, buf);
}

const char *period_utc(int64_t t, const char *format, char buf[PERIOD_TEXT_SIZE])
{
	time_t at = (time_t)t;
	struct tm tm;

	return format_tm(gmtime_r(&at, &tm), format, buf);
}
