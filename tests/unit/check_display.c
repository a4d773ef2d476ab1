/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/display.h"

#include "base/xalloc.h"

#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static void assert_clean(const char *text, const char *expected, size_t width)
{
	char *clean = display_clean(text);

	ck_assert_str_eq(clean, expected);
	ck_assert_uint_eq(display_width(clean), width);
	free(clean);
}

START_TEST(display_clean_utf8_is_kept)
{
	assert_clean("", "", 0);
	assert_clean("plain", "plain", 5);
	assert_clean("caf\xc3\xa9", "caf\xc3\xa9", 4);
	assert_clean("\xe6\xbc\xa2\xe5\xad\x97", "\xe6\xbc\xa2\xe5\xad\x97", 4); /* wide */
	assert_clean("e\xcc\x81", "e\xcc\x81", 1); /* combining */
}
END_TEST

START_TEST(display_clean_dangerous_is_replaced)
{
	assert_clean("\033[2Jx", "?[2Jx", 5);
	assert_clean("a\nb\rc\td\x7f", "a?b?c?d?", 8);
	assert_clean("\xc2\x9b"
		     "31m",
		     "?31m", 4); /* C1: CSI */
	assert_clean("\xff\xfe", "??", 2);
	assert_clean("caf\xc3", "caf?", 4);
	assert_clean("a\xe2\x80\xae"
		     "b",
		     "a?b", 3); /* right-to-left override */
	assert_clean("a\xe2\x81\xa6"
		     "b",
		     "a?b", 3);
}
END_TEST

START_TEST(display_clean_c_locale_is_ascii)
{
	setlocale(LC_CTYPE, "C");
	assert_clean("caf\xc3\xa9", "caf??", 5);
}
END_TEST

static void assert_cut(const char *text, size_t width, const char *expected)
{
	char *cut = display_cut(text, width);

	ck_assert_str_eq(cut, expected);
	ck_assert_uint_le(display_width(cut), width);
	free(cut);
}

START_TEST(display_cut_long_text_ends_in_dots)
{
	assert_cut("abcdef", 6, "abcdef");
	assert_cut("abcdefg", 6, "abc...");
	assert_cut("abcdefg", 2, "..");
	assert_cut("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 6, "\xe6\xbc\xa2...");
	assert_cut("\033"
		   "bcdefg",
		   6, "?bc...");
}
END_TEST

START_TEST(display_octets_scales_and_rounds)
{
	static const struct {
		uint64_t n;
		const char *text;
	} cases[] = {
		{ 0, "0  B" },
		{ 999, "999  B" },
		{ 1000, "1.00 kB" },
		{ 1004, "1.00 kB" },
		{ 1005, "1.01 kB" },
		{ 9994, "9.99 kB" },
		{ 9995, "10.0 kB" },
		{ 99949, "99.9 kB" },
		{ 99950, "100 kB" },
		{ 999499, "999 kB" },
		{ 999500, "1.00 MB" },
		{ 1234567, "1.23 MB" },
		{ 999499999, "999 MB" },
		{ 999500000, "1.00 GB" },
		{ 1500000000000, "1.50 TB" },
		{ 9223372036854775807, "9.22 EB" },
		{ UINT64_MAX, "18.4 EB" },
	};
	char buf[DISPLAY_NUMBER_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_str_eq(display_octets(cases[i].n, buf), cases[i].text);
	ck_assert_str_eq(display_count(12, buf), "12  ");
	ck_assert_str_eq(display_count(12345, buf), "12.3 k");
	ck_assert_str_eq(display_exact(UINT64_MAX, buf), "18446744073709551615");
}
END_TEST

START_TEST(display_duration_two_units)
{
	char buf[DISPLAY_NUMBER_SIZE * 2];

	ck_assert_str_eq(display_duration(0, buf), "0 s");
	ck_assert_str_eq(display_duration(59, buf), "59 s");
	ck_assert_str_eq(display_duration(60, buf), "1 min 0 s");
	ck_assert_str_eq(display_duration(3599, buf), "59 min 59 s");
	ck_assert_str_eq(display_duration(7800, buf), "2 h 10 min");
	ck_assert_str_eq(display_duration(86400 * 12 + 3 * 3600, buf), "12 d 3 h");
	ck_assert_str_eq(display_duration(UINT64_MAX, buf), "213503982334601 d 7 h");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("display");
	TCase *tc = tcase_create("display");
	SRunner *sr;
	int failed;

	setlocale(LC_CTYPE, "C.UTF-8");
	tcase_add_test(tc, display_clean_utf8_is_kept);
	tcase_add_test(tc, display_clean_dangerous_is_replaced);
	tcase_add_test(tc, display_clean_c_locale_is_ascii);
	tcase_add_test(tc, display_cut_long_text_ends_in_dots);
	tcase_add_test(tc, display_octets_scales_and_rounds);
	tcase_add_test(tc, display_duration_two_units);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
