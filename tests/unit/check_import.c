/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of the wiki's log and table: what is taken, what is refused, and how. */
#include "cli/import.h"

#include "base/xalloc.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW_S 1796000000 /* 2026-11-29 */
#define T0 1793527203 /* 2026-11-01 10:00:03 UTC */

static int take(struct import *p, const char *text, struct import_line *ret, struct err *e)
{
	char line[4096];

	snprintf(line, sizeof(line), "%s", text);
	return import_take(p, line, ret, e);
}

static void expect(struct import *p, const char *text, int64_t at, const char *ip, uint64_t octets)
{
	struct err e = { "" };
	struct import_line l;
	char buf[ADDR_TEXT_SIZE];
	int rc = take(p, text, &l, &e);

	ck_assert_msg(rc == 1, "%d of \"%s\": %s", rc, text, e.text);
	ck_assert_str_eq(addr_format(&l.addr, buf), ip);
	ck_assert_int_eq(l.measured_s, at);
	ck_assert_uint_eq(l.octets, octets);
}

static void expect_nothing(struct import *p, const char *text)
{
	struct err e = { "" };
	struct import_line l;
	int rc = take(p, text, &l, &e);

	ck_assert_msg(rc == 0, "%d of \"%s\": %s", rc, text, e.text);
}

static void expect_refused(struct import *p, const char *text, const char *why)
{
	struct err e = { "" };
	struct import_line l;

	ck_assert_int_eq(take(p, text, &l, &e), -EINVAL);
	ck_assert_msg(strstr(e.text, why), "\"%s\" lacks \"%s\"", e.text, why);
}

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

START_TEST(import_take_log_lines_taken)
{
	struct import *p = import_new(true, NOW_S);

	expect_nothing(p, "\n");
	expect_nothing(p, "# the node's log\n");
	expect(p, "2026-11-01 10:00:03 192.0.2.1 1234\n", T0, "192.0.2.1", 1234);
	expect(p, " 2026-11-01\t10:00:03  2001:DB8:0::2   9223372036854775807 \r\n", T0,
	       "2001:db8::2", INT64_MAX);
	expect(p, "2026-11-01T11:00:03 192.0.2.1 1", T0 + 3600, "192.0.2.1", 1);
	expect(p, "2026-11-01 12:00 192.0.2.1 2", T0 + 7197, "192.0.2.1", 2);
	expect_nothing(p, "2026-11-01 13:00:03 192.0.2.1 0\n");
	expect_nothing(p, "2026-11-01 14:00:03 192.0.2.1 \n"); /* no rule, and awk's empty sum */
	ck_assert_uint_eq(import_addresses(p), 2);
	import_free(p);
}
END_TEST

/* An address that the scripts' list has twice gives its line twice, with the same figure. */
START_TEST(import_take_same_line_again_nothing)
{
	struct import *p = import_new(true, NOW_S);

	expect(p, "2026-11-01 10:00:03 192.0.2.1 1234\n", T0, "192.0.2.1", 1234);
	expect(p, "2026-11-01 10:00:03 192.0.2.2 1234\n", T0, "192.0.2.2", 1234);
	expect_nothing(p, "2026-11-01 10:00:03 192.0.2.1 1234\n");
	expect(p, "2026-11-01 10:00:03 192.0.2.1 1235\n", T0, "192.0.2.1", 1235);
	import_free(p);
}
END_TEST

START_TEST(import_take_rounded_sum_told)
{
	struct import *p = import_new(true, NOW_S);
	struct import_line l;
	struct err e = { "" };

	ck_assert_int_eq(take(p, "2026-11-01 10:00:03 192.0.2.1 2.14748e+09", &l, &e), 1);
	ck_assert_uint_eq(l.octets, 2147480000);
	ck_assert(l.rounded);
	ck_assert_int_eq(take(p, "2026-11-01 11:00:03 192.0.2.1 2147480000", &l, &e), 1);
	ck_assert(!l.rounded);
	import_free(p);
}
END_TEST

START_TEST(import_take_bad_values_refused_with_a_cure)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{ "2026-11-01 11:00:03 192.0.2 5",
		  "192.0.2 is not an IP address: correct the line" },
		{ "2026-11-01 11:00:03 192.0.2.1 5x", "5x is not a number of octets" },
		{ "2026-11-01 11:00:03 192.0.2.1 -5", "-5 is not a number of octets" },
		{ "2026-11-01 11:00:03 192.0.2.1 9223372036854775808", "not a number of octets" },
		{ "2026-11-01 11:00:03 192.0.2.1 1.5", "not a number of octets" },
		{ "2026-11-01 11:00:03 192.0.2.1 1e19", "not a number of octets" },
		{ "2026-11-01 11:00:03 192.0.2.1 5 6", "expected DATE TIME ADDRESS OCTETS" },
		{ "2026-11-01 11:00:03", "expected DATE TIME ADDRESS OCTETS" },
		{ "2026-13-01 11:00:03 192.0.2.1 5", "write YYYY-MM-DD HH:MM:SS" },
		{ "2026-11-31 11:00:03 192.0.2.1 5",
		  "does not exist in the present time zone: --utc" },
		{ "2026-12-31 11:00:03 192.0.2.1 5", "is in the future" },
		{ "01/11/2026 11:00:03 192.0.2.1 5", "write YYYY-MM-DD HH:MM:SS" },
	};
	struct import *p = import_new(true, NOW_S);
	char *longest = xmalloc(IMPORT_LINE_MAX + 2);

	expect_refused(p, "Dec  1 host kernel: x", "neither a line of a log");
	expect_refused(p, "id;ip;when", "with the titles ip, measuringtime and bytes");
	expect(p, "2026-11-01 10:00:03 192.0.2.1 1234\n", T0, "192.0.2.1", 1234);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_refused(p, bad[i].line, bad[i].why);
	memset(longest, 'x', IMPORT_LINE_MAX + 1);
	longest[IMPORT_LINE_MAX + 1] = '\0';
	expect_refused(p, longest, "longer than");
	free(longest);
	import_free(p);
}
END_TEST

START_TEST(import_take_csv_any_order_and_separator)
{
	static const char *const files[][2] = {
		{ "ip,measuringtime,bytes", "192.0.2.1,2026-11-01 10:00:03,1234" },
		{ "\xef\xbb\xbf\"id\";\"Bytes\";\"IP\";\"MeasuringTime\"",
		  "\"7\";\"1234\";\"192.0.2.1\";\"2026-11-01 10:00:03\"" },
		{ "ip\tmeasuringtime\tbytes", "192.0.2.1\t2026-11-01 10:00:03\t1234" },
		{ "# no titles", "\"192.0.2.1\",\"2026-11-01 10:00:03\",1234" },
		{ "", "192.0.2.1\t2026-11-01 10:00:03\t1234" },
		{ "note,ip,measuringtime,bytes,x",
		  "\"a \"\"b\"\", c\",192.0.2.1,2026-11-01 10:00:03,1234" },
	};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct import *p = import_new(true, NOW_S);

		expect_nothing(p, files[i][0]);
		expect(p, files[i][1], T0, "192.0.2.1", 1234);
		expect_refused(p, "192.0.2.1", i == 3 || i == 4 ? "too few columns" : "");
		import_free(p);
	}
}
END_TEST

/* On 2026-10-25 at 01:00 UTC Berlin's clock goes from 03:00 back to 02:00. */
START_TEST(import_take_hour_shown_twice_told_apart)
{
	struct import *p;

	set_zone("Europe/Berlin");
	p = import_new(false, NOW_S);
	expect(p, "2026-10-25 02:00:03 192.0.2.1 1", 1792886403, "192.0.2.1", 1);
	expect(p, "2026-10-25 02:00:03 192.0.2.2 1", 1792886403, "192.0.2.2", 1);
	expect(p, "2026-10-25 02:00:03 192.0.2.1 2", 1792890003, "192.0.2.1", 2);
	expect(p, "2026-10-25 02:00:03 192.0.2.2 2", 1792890003, "192.0.2.2", 2);
	expect(p, "2026-10-25 03:00:03 192.0.2.1 3", 1792893603, "192.0.2.1", 3);
	expect_refused(p, "2026-03-29 02:30:00 192.0.2.1 3",
		       "does not exist in the present time zone: --utc");
	expect(p, "2026-07-01 00:00:00 192.0.2.3 3", 1782856800, "192.0.2.3", 3);
	import_free(p);
	set_zone("UTC");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("import");
	TCase *tc = tcase_create("import");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, import_take_log_lines_taken);
	tcase_add_test(tc, import_take_same_line_again_nothing);
	tcase_add_test(tc, import_take_rounded_sum_told);
	tcase_add_test(tc, import_take_bad_values_refused_with_a_cure);
	tcase_add_test(tc, import_take_csv_any_order_and_separator);
	tcase_add_test(tc, import_take_hour_shown_twice_told_apart);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
