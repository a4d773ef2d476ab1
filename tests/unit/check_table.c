/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/table.h"

#include "base/xalloc.h"

#include <check.h>
#include <locale.h>
#include <stdlib.h>

static const struct table_column columns[] = {
	{ "NAME", TABLE_LEFT },
	{ "IN", TABLE_RIGHT },
	{ "STATUS", TABLE_LEFT },
};

static char *print(const struct table *t, bool colour)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	table_print(t, colour, out);
	fclose(out);
	return text;
}

static void put_row(struct table *t, const char *name, const char *in, const char *status)
{
	table_cell(t, name, TABLE_PLAIN);
	table_cell(t, in, TABLE_PLAIN);
	table_cell(t, status, TABLE_PLAIN);
}

static void assert_prints(const struct table *t, const char *expected)
{
	char *text = print(t, false);

	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(table_print_columns_are_aligned)
{
	struct table *t = table_new(columns, ARRAY_LEN(columns));

	put_row(t, "a", "1", "ok");
	put_row(t, "longer", "12345", "ok");
	assert_prints(t, "NAME       IN  STATUS\n"
			 "a           1  ok\n"
			 "longer  12345  ok\n");
	table_free(t);
}
END_TEST

START_TEST(table_print_empty_cells_leave_no_blanks_at_the_end)
{
	struct table *t = table_new(columns, ARRAY_LEN(columns));

	put_row(t, "a", "", "");
	put_row(t, "", "1", "");
	put_row(t, "", "", "x");
	put_row(t, "", "", "");
	assert_prints(t, "NAME  IN  STATUS\n"
			 "a\n"
			 "       1\n"
			 "          x\n"
			 "\n");
	table_free(t);
}
END_TEST

START_TEST(table_print_width_is_of_the_display)
{
	struct table *t = table_new(columns, ARRAY_LEN(columns));

	put_row(t, "caf\xc3\xa9", "1", "ok");
	put_row(t,
		"\xe6\xbc\xa2\xe5\xad\x97"
		"a",
		"2", "ok");
	put_row(t, "\033\033", "3", "o\nk");
	assert_prints(t, "NAME   IN  STATUS\n"
			 "caf\xc3\xa9    1  ok\n"
			 "\xe6\xbc\xa2\xe5\xad\x97"
			 "a   2  ok\n"
			 "??      3  o?k\n");
	table_free(t);
}
END_TEST

START_TEST(table_print_no_rows_is_titles)
{
	struct table *t = table_new(columns, ARRAY_LEN(columns));

	assert_prints(t, "NAME  IN  STATUS\n");
	table_cell(t, "half a row", TABLE_PLAIN);
	assert_prints(t, "NAME        IN  STATUS\n");
	table_free(t);
	table_free(NULL);
}
END_TEST

START_TEST(table_print_colour_only_when_asked)
{
	static const struct table_column one[] = { { "A", TABLE_LEFT } };
	struct table *t = table_new(one, 1);
	char *text;

	table_cell(t, "x", TABLE_BAD);
	table_cell(t, "y", TABLE_PLAIN);
	text = print(t, true);
	ck_assert_str_eq(text, "\033[1mA\033[0m\n\033[31mx\033[0m\ny\n");
	free(text);
	assert_prints(t, "A\nx\ny\n");
	table_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("table");
	TCase *tc = tcase_create("table");
	SRunner *sr;
	int failed;

	setlocale(LC_CTYPE, "C.UTF-8");
	tcase_add_test(tc, table_print_columns_are_aligned);
	tcase_add_test(tc, table_print_empty_cells_leave_no_blanks_at_the_end);
	tcase_add_test(tc, table_print_width_is_of_the_display);
	tcase_add_test(tc, table_print_no_rows_is_titles);
	tcase_add_test(tc, table_print_colour_only_when_asked);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
