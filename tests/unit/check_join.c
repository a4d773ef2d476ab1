/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/join.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(join_text_separates_from_the_second_item_on)
{
	char text[32] = "";

	join_text(text, sizeof(text), ", ", "%s", "a");
	ck_assert_str_eq(text, "a");
	join_text(text, sizeof(text), ", ", "%d", 2);
	join_text(text, sizeof(text), " or ", "%.1s", "cut");
	ck_assert_str_eq(text, "a, 2 or c");
}
END_TEST

START_TEST(join_text_too_long_is_cut_at_its_size)
{
	char text[8] = "", guard[8];

	for (size_t size = 1; size <= sizeof(text); size++) {
		memset(text, '#', sizeof(text));
		*text = '\0';
		for (int i = 0; i < 5; i++)
			join_text(text, size, ", ", "%s", "abc");
		memcpy(guard, "abc, abc", sizeof(guard));
		ck_assert_uint_eq(strlen(text), size - 1);
		ck_assert_mem_eq(text, guard, size - 1);
		for (size_t i = size; i < sizeof(text); i++)
			ck_assert_int_eq(text[i], '#');
	}
}
END_TEST

START_TEST(join_heap_begins_with_null_or_empty)
{
	char *null = NULL, *empty = strdup("");

	join_heap(&null, " && ", "%s", "one");
	join_heap(&empty, " && ", "%s", "one");
	ck_assert_str_eq(null, "one");
	ck_assert_str_eq(empty, "one");
	join_heap(&null, " && ", "%s %d", "other", 2);
	ck_assert_str_eq(null, "one && other 2");
	free(null);
	free(empty);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("join");
	TCase *tc = tcase_create("join");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, join_text_separates_from_the_second_item_on);
	tcase_add_test(tc, join_text_too_long_is_cut_at_its_size);
	tcase_add_test(tc, join_heap_begins_with_null_or_empty);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
