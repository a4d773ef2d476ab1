/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/zone.h"

#include "base/xalloc.h"
#include "seed.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct zone *load(const char *name)
{
	struct zone *z = NULL;
	struct err e = { "" };

	ck_assert_msg(!zone_load(name, &z, &e), "%s: %s", name, e.text);
	return z;
}

static bool have(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), ZONE_DIR "/%s", name);
	if (access(path, R_OK) == 0)
		return true;
	printf("SKIP: there is no %s (install tzdata)\n", path);
	return false;
}

START_TEST(zone_utc_needs_no_file)
{
	struct zone *z = load("UTC");
	struct zone_day d = zone_day_of(z, 951782400); /* 2000-02-29 */

	ck_assert_int_eq(zone_offset_s(z, 951782400), 0);
	ck_assert(d.year == 2000 && d.month == 2 && d.day == 29);
	ck_assert_int_eq(zone_day_begin(z, (struct zone_day) { 2000, 2, 29 }), 951782400);
	ck_assert_int_eq(zone_day_begin(z, (struct zone_day) { 1970, 1, 1 }), 0);
	ck_assert_int_eq(zone_day_begin(z, (struct zone_day) { 1969, 12, 31 }), -86400);
	d = zone_day_of(z, -1);
	ck_assert(d.year == 1969 && d.month == 12 && d.day == 31);
	zone_free(z);
}
END_TEST

START_TEST(zone_day_of_every_day_and_back)
{
	struct zone *z = load("UTC");
	struct zone_day d = { 1970, 1, 1 };

	for (int64_t t = 0; d.year < 2402; t += 86400) {
		struct zone_day is = zone_day_of(z, t + 86399);

		ck_assert(is.year == d.year && is.month == d.month && is.day == d.day);
		ck_assert_int_eq(zone_day_begin(z, d), t);
		if (++d.day > zone_month_days(d.year, d.month)) {
			d.day = 1;
			d.year += d.month == 12;
			d.month = d.month % 12 + 1;
		}
	}
	zone_free(z);
}
END_TEST

static uint64_t state;
static unsigned compared;

/* The C library has read the same file. */
static void compare(const struct zone *z, int64_t t)
{
	time_t at = (time_t)t;
	struct tm tm;
	struct zone_day d = zone_day_of(z, t);

	ck_assert(localtime_r(&at, &tm) != NULL);
	ck_assert_msg(zone_offset_s(z, t) == tm.tm_gmtoff, "%s at %lld: %lld, not %ld",
		      zone_name_of(z), (long long)t, (long long)zone_offset_s(z, t), tm.tm_gmtoff);
	ck_assert(d.year == tm.tm_year + 1900 && d.month == tm.tm_mon + 1 && d.day == tm.tm_mday);
}

/* The day before its first moment is an earlier one. */
static void compare_begin(const struct zone *z, int64_t t)
{
	struct zone_day d = zone_day_of(z, t), is, was;
	int64_t begin = zone_day_begin(z, d);

	is = zone_day_of(z, begin);
	was = zone_day_of(z, begin - 1);
	ck_assert_msg(begin <= t + 86400 && begin > t - 3 * 86400, "%s at %lld: %lld",
		      zone_name_of(z), (long long)t, (long long)begin);
	ck_assert_msg(is.day == d.day && is.month == d.month, "%s: %lld", zone_name_of(z),
		      (long long)begin);
	ck_assert_msg(was.day != d.day, "%s: %lld", zone_name_of(z), (long long)begin);
}

static int compare_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + strlen(ZONE_DIR "/");
	char tz[256];
	struct zone *z;
	struct err e;

	(void)ftw;
	if (type != FTW_F || st->st_size < 44 || !strncmp(name, "right/", 6) ||
	    !strncmp(name, "posix/", 6) || zone_load(name, &z, &e) < 0)
		return 0;
	snprintf(tz, sizeof(tz), ":%s", name);
	setenv("TZ", tz, 1);
	tzset();
	for (int i = 0; i < 400; i++) {
		int64_t t = (int64_t)(next_random(&state) % 4102444800u); /* to the year 2100 */

		compare(z, t);
		compare_begin(z, t);
	}
	compared++;
	zone_free(z);
	return 0;
}

START_TEST(zone_offsets_of_all_zones_are_the_c_librarys)
{
	state = seed_random("zone_offsets_of_all_zones_are_the_c_librarys");
	if (!have("Europe/Berlin"))
		return;
	nftw(ZONE_DIR, compare_file, 20, FTW_PHYS);
	printf("%u zones\n", compared);
	ck_assert_uint_gt(compared, 100);
}
END_TEST

static void assert_begin(const char *zone, int64_t year, int month, int day, int64_t t)
{
	struct zone *z = load(zone);

	ck_assert_msg(zone_day_begin(z, (struct zone_day) { year, month, day }) == t, "%s: %lld",
		      zone, (long long)zone_day_begin(z, (struct zone_day) { year, month, day }));
	zone_free(z);
}

START_TEST(zone_day_begin_where_clocks_change_at_midnight)
{
	if (!have("Europe/Berlin"))
		return;
	assert_begin("Europe/Berlin", 2026, 3, 29, 1774738800); /* 23:00Z: the change is at 02:00 */
	assert_begin("Europe/Berlin", 2026, 3, 30, 1774821600); /* 22:00Z: a day of 23 hours */
	assert_begin("Europe/Berlin", 2026, 10, 26, 1792969200); /* a day of 25 hours */
	/* Forward over midnight: the day begins at 01:00. */
	assert_begin("America/Sao_Paulo", 2018, 11, 4, 1541300400);
	/* Back over midnight, to 23:00: the day begins once its date stays. */
	assert_begin("America/Sao_Paulo", 2018, 2, 18, 1518922800);
	/* A whole day is missing: what would begin on it begins with the next. */
	assert_begin("Pacific/Apia", 2011, 12, 30, 1325239200);
	assert_begin("Pacific/Apia", 2011, 12, 31, 1325239200);
	assert_begin("Asia/Kolkata", 2026, 11, 1, 1793471400);
}
END_TEST

START_TEST(zone_load_refuses_what_is_no_zone)
{
	static const char *const bad[] = { "",       "/etc/passwd",    "../../../etc/passwd",
					   "Europe", "Nowhere/At_all", "Europe/Berlin/x",
					   "a b",    "zone1970.tab" };
	struct zone *z = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = { "" };

		ck_assert_msg(zone_load(bad[i], &z, &e) < 0, "%s", bad[i]);
		ck_assert_msg(*e.text, "%s", bad[i]);
		ck_assert_ptr_null(z);
	}
}
END_TEST

START_TEST(zone_parse_survives_what_is_cut_or_spoilt)
{
	uint64_t random = seed_random("zone_parse_survives_what_is_cut_or_spoilt");
	unsigned char data[8192];
	size_t len;
	FILE *f;

	if (!have("Europe/Berlin"))
		return;
	f = fopen(ZONE_DIR "/Europe/Berlin", "re");
	ck_assert(f != NULL);
	len = fread(data, 1, sizeof(data), f);
	fclose(f);
	for (size_t cut = 0; cut < len; cut++) {
		unsigned char *copy = xmalloc(cut ? cut : 1); /* a checker sees the end */
		struct zone *z = NULL;

		memcpy(copy, data, cut);
		ck_assert_int_eq(zone_parse("cut", copy, cut, &z), -EINVAL);
		free(copy);
	}
	for (int i = 0; i < 20000; i++) {
		unsigned char *copy = xmalloc(len);
		struct zone *z = NULL;

		memcpy(copy, data, len);
		for (int k = 0; k < 3; k++)
			copy[next_random(&random) % len] = (unsigned char)next_random(&random);
		if (!zone_parse("spoilt", copy, len, &z))
			zone_day_begin(z, zone_day_of(z, 1795435627));
		zone_free(z);
		free(copy);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("zone");
	TCase *tc = tcase_create("zone");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120 * seed_slow());
	tcase_add_test(tc, zone_utc_needs_no_file);
	tcase_add_test(tc, zone_day_of_every_day_and_back);
	tcase_add_test(tc, zone_offsets_of_all_zones_are_the_c_librarys);
	tcase_add_test(tc, zone_day_begin_where_clocks_change_at_midnight);
	tcase_add_test(tc, zone_load_refuses_what_is_no_zone);
	tcase_add_test(tc, zone_parse_survives_what_is_cut_or_spoilt);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
