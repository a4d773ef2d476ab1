/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that others chose, and those who interpret it. */
#include "base/plain.h"

#include "base/log.h"
#include "base/xalloc.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define RLO "\xe2\x80\xae" /* U+202E */
#define CSI "\xc2\x9b" /* U+009B: a terminal's ESC [ */

typedef void put_fn(const char *text, FILE *out);

static char *put(put_fn *fn, const char *text)
{
	char *result;
	size_t len;
	FILE *out = open_memstream(&result, &len);

	fn(text, out);
	fclose(out);
	return result;
}

static void expect(put_fn *fn, const char *text, const char *wanted)
{
	char *got = put(fn, text);

	ck_assert_str_eq(got, wanted);
	free(got);
}

START_TEST(plain_shows_every_control_no)
{
	static const uint32_t bidi[] = { 0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d,
					 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0x2028, 0x2029 };

	for (uint32_t c = 0; c < 0x20; c++)
		ck_assert(!plain_shows(c));
	for (uint32_t c = 0x7f; c < 0xa0; c++)
		ck_assert(!plain_shows(c));
	for (size_t i = 0; i < ARRAY_LEN(bidi); i++)
		ck_assert_msg(!plain_shows(bidi[i]), "U+%04X", bidi[i]);
	ck_assert(plain_shows('a') && plain_shows(0xf6) && plain_shows(0x5d0) &&
		  plain_shows(0x1f600));
}
END_TEST

START_TEST(plain_next_what_is_no_utf8_is_0)
{
	static const char *const none[] = { "\x80",         "\xff",         "\xc0\x80",
					    "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
					    "\xc3",         "\xe2\x80",     "\xf0\x9f\x98" };
	uint32_t code;

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		ck_assert_uint_eq(plain_next(none[i], &code), 0);
	ck_assert_uint_eq(plain_next("\xf0\x9f\x98\x80", &code), 4);
	ck_assert_uint_eq(code, 0x1f600);
}
END_TEST

START_TEST(plain_put_csv_no_formula_and_no_control)
{
	expect(plain_put_csv, "web.example", "web.example");
	expect(plain_put_csv, "", "");
	expect(plain_put_csv, "=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0");
	expect(plain_put_csv, "+1", "'+1");
	expect(plain_put_csv, "-1", "'-1");
	expect(plain_put_csv, "@SUM(A1)", "'@SUM(A1)");
	expect(plain_put_csv,
	       "\xef\xbc\x9d"
	       "1",
	       "'\xef\xbc\x9d"
	       "1");
	expect(plain_put_csv, "=HYPERLINK(\"http://x\",\"a\")",
	       "\"'=HYPERLINK(\"\"http://x\"\",\"\"a\"\")\"");
	expect(plain_put_csv, "\t=1", "\\u0009=1");
	expect(plain_put_csv, "\r=1\n", "\\u000d=1\\u000a");
	expect(plain_put_csv, "a" RLO "gpj.exe", "a\\u202egpj.exe");
	expect(plain_put_csv, "a" CSI "2J", "a\\u009b2J");
	expect(plain_put_csv, "a\x9b\xff", "a\\x9b\\xff");
	expect(plain_put_csv, "a=b-c", "a=b-c");
	expect(plain_put_csv, "Bj\xc3\xb6rn", "Bj\xc3\xb6rn");
}
END_TEST

/* The value that a parser finds is the one that was. */
START_TEST(plain_put_json_value_stays)
{
	const char *name = "a" RLO "b" CSI "c\xe2\x80\xa8 Bj\xc3\xb6rn \"\\\n\t";
	json_t *object = json_pack("{s:s}", "name", name), *back;
	char *text = json_dumps(object, JSON_INDENT(2)), *safe = put(plain_put_json, text);

	ck_assert_ptr_nonnull(strstr(safe, "a\\u202eb\\u009bc\\u2028 Bj\xc3\xb6rn"));
	back = json_loads(safe, 0, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(back, "name")), name);
	json_decref(back);
	json_decref(object);
	free(safe);
	free(text);
}
END_TEST

static void take_line(void *arg, enum log_level level, const char *text)
{
	(void)level;
	snprintf(arg, 256, "%s", text);
}

START_TEST(log_error_nothing_but_text)
{
	char line[256] = "";

	log_set_sink(take_line, line);
	log_error("inv", "container %s",
		  "Bj\xc3\xb6rn" CSI "2J" RLO "x\x9b"
		  "31m\x1b[0m\nerror: y\xe2\x80\xa8");
	log_set_sink(NULL, NULL);
	ck_assert_str_eq(line, "container Bj\xc3\xb6rn?2J?x?31m?[0m?error: y?");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("plain");
	Suite *s = suite_create("plain");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, plain_shows_every_control_no);
	tcase_add_test(tc, plain_next_what_is_no_utf8_is_0);
	tcase_add_test(tc, plain_put_csv_no_formula_and_no_control);
	tcase_add_test(tc, plain_put_json_value_stays);
	tcase_add_test(tc, log_error_nothing_but_text);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
