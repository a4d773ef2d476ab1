/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file holds the transitions of the past and, as a line of text, the rule that holds after the
 * last of them (POSIX's TZ with hours from -167 to 167). Leap seconds ("right/") are refused, since
 * the kernel's clock has none. */
#include "base/zone.h"

#include "base/file.h"
#include "base/xalloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256 * 1024)
#define HEADER 44
#define DAY_S 86400

/* When the clocks change, in each year. */
struct change {
	enum { CHANGE_JULIAN, CHANGE_DAY, CHANGE_WEEK } kind; /* "J60", "59", "M3.5.0" */
	int month, week, day;
	int64_t time_s; /* local time of that day */
};

/* The rule behind the last transition. */
struct rule {
	int64_t standard_s, summer_s; /* east of UTC */
	bool has_summer;
	struct change begin, end; /* of summer time */
};

struct zone {
	char *name;
	int64_t *at; /* transitions, ascending */
	int64_t *offset; /* from each on */
	size_t n;
	int64_t first_s; /* the offset before the first */
	struct rule rule;
	bool has_rule;
};

/* --- the calendar --------------------------------------------------------------------------- */

int zone_month_days(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days from 1970-01-01. A year that begins in March has its leap day last. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) + of_year - 719468;
}

static struct zone_day day_of(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = floor_div(z, 146097);
	int64_t of_era = z - era * 146097;
	int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month = (int)((5 * of_year + 2) / 153); /* from March, 0 */
	struct zone_day d = { .month = month < 10 ? month + 3 : month - 9,
			      .day = (int)(of_year - (153 * month + 2) / 5 + 1) };

	d.year = year_of_era + era * 400 + (d.month <= 2);
	return d;
}

/* --- the rule ------------------------------------------------------------------------------- */

/* One or more digits. */
static bool take_number(const char **s, int64_t max, int64_t *ret)
{
	int64_t n = 0;
	const char *c = *s;

	if (*c < '0' || *c > '9')
		return false;
	for (; *c >= '0' && *c <= '9' && n <= max; c++)
		n = n * 10 + (*c - '0');
	*s = c;
	*ret = n;
	return n <= max;
}

/* "-3:30" */
static bool take_time(const char **s, int64_t *ret_s)
{
	int64_t part[3] = { 0, 0, 0 }, sign = **s == '-' ? -1 : 1;

	*s += **s == '-' || **s == '+';
	if (!take_number(s, 167, &part[0]))
		return false;
	for (int i = 1; i < 3 && **s == ':'; i++) {
		(*s)++;
		if (!take_number(s, 59, &part[i]))
			return false;
	}
	*ret_s = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	return true;
}

/* "CEST", "<+03>" */
static bool skip_name(const char **s)
{
	const char *begin = *s;

	if (**s == '<') {
		*s += strcspn(*s, ">");
		*s += **s == '>';
	} else {
		*s += strspn(*s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
	}
	return *s - begin >= 3;
}

static bool take_change(const char **s, struct change *ret)
{
	int64_t month = 0, week = 0, day;

	ret->kind = **s == 'J' ? CHANGE_JULIAN : **s == 'M' ? CHANGE_WEEK : CHANGE_DAY;
	*s += ret->kind != CHANGE_DAY;
	if (ret->kind == CHANGE_WEEK) {
		if (!take_number(s, 12, &month) || month < 1 || *(*s)++ != '.' ||
		    !take_number(s, 5, &week) || week < 1 || *(*s)++ != '.')
			return false;
	}
	if (!take_number(s, ret->kind == CHANGE_WEEK ? 6 : 365, &day) ||
	    (ret->kind == CHANGE_JULIAN && !day))
		return false;
	ret->month = (int)month;
	ret->week = (int)week;
	ret->day = (int)day;
	ret->time_s = 7200;
	if (**s != '/')
		return true;
	(*s)++;
	return take_time(s, &ret->time_s);
}

/* "CET-1CEST,M3.5.0,M10.5.0/3" */
static bool parse_rule(const char *text, struct rule *ret)
{
	const char *s = text;

	if (!skip_name(&s) || !take_time(&s, &ret->standard_s))
		return false;
	ret->standard_s = -ret->standard_s;
	ret->has_summer = *s != '\0';
	if (!*s)
		return true;
	if (!skip_name(&s))
		return false;
	ret->summer_s = ret->standard_s + 3600;
	if (*s != ',') {
		if (!take_time(&s, &ret->summer_s))
			return false;
		ret->summer_s = -ret->summer_s;
	}
	return *s++ == ',' && take_change(&s, &ret->begin) && *s++ == ',' &&
	       take_change(&s, &ret->end) && !*s;
}

/* The local moment of a change in this year, as seconds since 1970 by the local clock. */
static int64_t change_local(const struct change *c, int64_t year)
{
	int64_t first = days_of(year, c->kind == CHANGE_WEEK ? c->month : 1, 1), day = c->day;
	int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */

	if (c->kind == CHANGE_WEEK) {
		day = (day - weekday + 7) % 7 + (c->week - 1) * 7;
		if (day >= zone_month_days(year, c->month))
			day -= 7;
	} else if (c->kind == CHANGE_JULIAN) {
		/* February 29 is not counted. */
		day += zone_month_days(year, 2) == 29 && day >= 60 ? 0 : -1;
	}
	return (first + day) * DAY_S + c->time_s;
}

static int64_t rule_offset_s(const struct rule *r, int64_t t)
{
	int64_t year, begin, end;

	if (!r->has_summer)
		return r->standard_s;
	year = day_of(floor_div(t + r->standard_s, DAY_S)).year;
	begin = change_local(&r->begin, year) - r->standard_s;
	end = change_local(&r->end, year) - r->summer_s;
	if (begin < end)
		return t >= begin && t < end ? r->summer_s : r->standard_s;
	return t >= end && t < begin ? r->standard_s : r->summer_s;
}

/* --- the file ------------------------------------------------------------------------------- */

static int64_t big_endian(const unsigned char *p, size_t octets)
{
	uint64_t n = octets && *p & 0x80 ? UINT64_MAX : 0;

	for (size_t i = 0; i < octets; i++)
		n = n << 8 | p[i];
	return (int64_t)n;
}

/* The counts of a header. */
struct counts {
	size_t utc, standard, leap, times, types, chars;
};

/* Returns the length of the data that follows the header, SIZE_MAX: this is no such file. */
static size_t read_header(const unsigned char *p, size_t len, size_t time_octets,
			  struct counts *ret)
{
	size_t n[6];

	if (len < HEADER || memcmp(p, "TZif", 4) != 0)
		return SIZE_MAX;
	for (size_t i = 0; i < 6; i++) {
		int64_t count = big_endian(p + 20 + 4 * i, 4);

		if (count < 0 || count > FILE_MAX)
			return SIZE_MAX;
		n[i] = (size_t)count;
	}
	*ret = (struct counts) { n[0], n[1], n[2], n[3], n[4], n[5] };
	return ret->times * (time_octets + 1) + ret->types * 6 + ret->chars +
	       ret->leap * (time_octets + 4) + ret->standard + ret->utc;
}

static bool take_transitions(struct zone *z, const unsigned char *p, const struct counts *c)
{
	const unsigned char *index = p + c->times * 8, *types = index + c->times;

	if (!c->types || c->leap)
		return false;
	z->first_s = big_endian(types, 4);
	z->at = xcalloc(c->times, sizeof(*z->at));
	z->offset = xcalloc(c->times, sizeof(*z->offset));
	for (; z->n < c->times; z->n++) {
		z->at[z->n] = big_endian(p + z->n * 8, 8);
		if (index[z->n] >= c->types || (z->n && z->at[z->n] <= z->at[z->n - 1]))
			return false;
		z->offset[z->n] = big_endian(types + index[z->n] * 6, 4);
	}
	return true;
}

/* The line of text behind the data, between two line feeds. */
static bool take_rule(struct zone *z, const unsigned char *p, size_t len)
{
	const unsigned char *end = len ? memchr(p + 1, '\n', len - 1) : NULL;
	char text[128];

	if (!len || *p != '\n' || !end || end - p > (int)sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)(end - p - 1), (const char *)p + 1);
	z->has_rule = *text != '\0';
	return !*text || parse_rule(text, &z->rule);
}

/* The data is there twice: with times of 32 bits, and then of 64. */
static bool parse(struct zone *z, const unsigned char *p, size_t len)
{
	struct counts c;
	size_t data = read_header(p, len, 4, &c);

	if (data > len || len - HEADER < data || p[4] < '2')
		return false;
	p += HEADER + data;
	len -= HEADER + data;
	data = read_header(p, len, 8, &c);
	if (data > len || len - HEADER < data)
		return false;
	return take_transitions(z, p + HEADER, &c) &&
	       take_rule(z, p + HEADER + data, len - HEADER - data);
}

int zone_parse(const char *name, const void *data, size_t len, struct zone **ret_zone)
{
	struct zone *z = xcalloc(1, sizeof(*z));

	z->name = xstrdup(name);
	if (!parse(z, data, len)) {
		zone_free(z);
		return -EINVAL;
	}
	*ret_zone = z;
	return 0;
}

/* A name, never a way out of the database. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len && len <= ZONE_NAME_MAX && *name != '/' && !strstr(name, "..") &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789_+-/.") == len;
}

int zone_load(const char *name, struct zone **ret_zone, struct err *e)
{
	char path[sizeof(ZONE_DIR) + ZONE_NAME_MAX + 2], *text = NULL;
	size_t len = 0;
	int ret;

	if (!strcmp(name, "UTC")) {
		*ret_zone = xcalloc(1, sizeof(**ret_zone));
		(*ret_zone)->name = xstrdup(name);
		return 0;
	}
	if (!is_name(name)) {
		err_set(e, "must be the name of a time zone, such as UTC or Europe/Berlin");
		return -EINVAL;
	}
	snprintf(path, sizeof(path), ZONE_DIR "/%s", name);
	ret = file_read_regular(path, FILE_MAX, &text, &len);
	if (!ret)
		ret = zone_parse(name, text, len, ret_zone);
	free(text);
	if (ret == -ENOENT || ret == -ENOTDIR)
		err_set(e,
			"there is no %s: see timedatectl list-timezones for names, and install "
			"tzdata",
			path);
	else if (ret == -EINVAL)
		err_set(e, "%s is not the file of a time zone (or one with leap seconds)", path);
	else if (ret)
		err_set(e, "cannot read %s: %s", path, strerror(-ret));
	return ret;
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->name);
	free(z->at);
	free(z->offset);
	free(z);
}

const char *zone_name_of(const struct zone *z)
{
	return z->name;
}

/* --- moments -------------------------------------------------------------------------------- */

int64_t zone_offset_s(const struct zone *z, int64_t t)
{
	size_t lo = 0, hi = z->n;

	if (z->has_rule && (!z->n || t >= z->at[z->n - 1]))
		return rule_offset_s(&z->rule, t);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->at[mid] <= t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? z->offset[lo - 1] : z->first_s;
}

struct zone_day zone_day_of(const struct zone *z, int64_t t)
{
	return day_of(floor_div(t + zone_offset_s(z, t), DAY_S));
}

int64_t zone_day_begin(const struct zone *z, struct zone_day day)
{
	int64_t local = days_of(day.year, day.month, day.day) * DAY_S;
	int64_t before = zone_offset_s(z, local - DAY_S - DAY_S / 2);
	int64_t after = zone_offset_s(z, local + DAY_S + DAY_S / 2);
	int64_t lo = local - (before > after ? before : after);
	int64_t hi = local - (before > after ? after : before);

	/* Nearly always both offsets are one. Otherwise the clocks change somewhere near. */
	if (lo + zone_offset_s(z, lo) >= local)
		return lo;
	while (lo < hi) {
		int64_t mid = lo + (hi - lo) / 2;

		if (mid + zone_offset_s(z, mid) >= local)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}
