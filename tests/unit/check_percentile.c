/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/percentile.h"

#include "base/xalloc.h"
#include "seed.h"

#include <check.h>

static int cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(percentile_get_few_samples_is_the_highest)
{
	struct percentile *p = percentile_new(19);

	ck_assert_uint_eq(percentile_get(p), 0);
	percentile_add(p, 3);
	ck_assert_uint_eq(percentile_get(p), 3);
	percentile_add(p, 9);
	percentile_add(p, 4);
	ck_assert_uint_eq(percentile_get(p), 9);
	percentile_free(p);
	percentile_free(NULL);
}
END_TEST

START_TEST(percentile_get_missing_samples_are_0)
{
	struct percentile *p = percentile_new(100);

	/* The highest 5 do not count, the sixth does. */
	for (uint64_t i = 1; i <= 5; i++)
		percentile_add(p, i * 100);
	ck_assert_uint_eq(percentile_get(p), 0);
	percentile_add(p, 7);
	ck_assert_uint_eq(percentile_get(p), 7);
	percentile_add(p, UINT64_MAX);
	ck_assert_uint_eq(percentile_get(p), 100);
	percentile_free(p);
}
END_TEST

START_TEST(percentile_get_random_equals_sorting)
{
	uint64_t seed = seed_random("percentile");

	for (int round = 0; round < 300; round++) {
		size_t n = next_random(&seed) % 400 + 1, added = next_random(&seed) % (n + 1);
		uint64_t range = next_random(&seed) % 3 ? 50 : UINT64_MAX;
		uint64_t *samples = xcalloc(n, sizeof(*samples));
		struct percentile *p = percentile_new(n);

		for (size_t i = 0; i < added; i++) {
			samples[i] = next_random(&seed) % range;
			percentile_add(p, samples[i]);
		}
		qsort(samples, n, sizeof(*samples), cmp);
		/* Nearest rank: the smallest that is not below 95 of 100. */
		ck_assert_uint_eq(percentile_get(p), samples[(95 * n + 99) / 100 - 1]);
		percentile_free(p);
		free(samples);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("percentile");
	TCase *tc = tcase_create("percentile");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, percentile_get_few_samples_is_the_highest);
	tcase_add_test(tc, percentile_get_missing_samples_are_0);
	tcase_add_test(tc, percentile_get_random_equals_sorting);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
