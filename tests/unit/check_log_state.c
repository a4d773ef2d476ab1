/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may last is logged when it changes, and however it goes on not more often than said. */
#include "base/log_state.h"
#include "seed.h"

#include <check.h>
#include <string.h>

#define SECOND (1000ull * 1000000)

static unsigned lines;
static char last[1200];

static void on_line(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	lines++;
	snprintf(last, sizeof(last), "%s", text);
}

static void begin(void)
{
	lines = 0;
	log_set_sink(on_line, NULL);
}

static void expect(unsigned n, const char *part)
{
	ck_assert_msg(lines == n, "%u lines, the last: %s", lines, last);
	ck_assert_msg(strstr(last, part) != NULL, "%s", last);
	lines = 0;
}

static void bad(struct log_state *s, uint64_t at_s, const char *why)
{
	log_bad(s, at_s * SECOND, LOG_LEVEL_ERROR, "test", "%s", why);
}

static void good(struct log_state *s, uint64_t at_s)
{
	log_good(s, at_s * SECOND, "test", "well again");
}

START_TEST(log_bad_repeated_told_once_and_summed_up)
{
	struct log_state s = { 0 };

	good(&s, 1000);
	ck_assert_uint_eq(lines, 0);
	for (unsigned i = 0; i < 340; i++)
		bad(&s, 1000 + i * 2, "broken");
	expect(1, "broken");
	good(&s, 1720);
	expect(1, "well again (after 12 minutes, 340 times)");
	for (unsigned i = 0; i < 1000; i++)
		good(&s, 1720 + i);
	ck_assert_uint_eq(lines, 0);
	bad(&s, 5000, "broken");
	expect(1, "broken");
	good(&s, 5001);
	expect(1, "well again (after 1 s)");
}
END_TEST

START_TEST(log_bad_other_reasons_told_some)
{
	struct log_state s = { 0 };

	bad(&s, 1000, "a");
	bad(&s, 1001, "b");
	expect(2, "b");
	for (unsigned i = 0; i < 100; i++)
		bad(&s, 1002 + i, i % 2 ? "c" : "d");
	expect(1, "d");
	good(&s, 1200);
	expect(1, "well again (after 3 minutes, 102 times)");
}
END_TEST

START_TEST(log_state_flapping_told_when_it_rests)
{
	struct log_state s = { 0 };
	unsigned t = 1000;

	for (unsigned i = 0; i < 500; i++) {
		bad(&s, t++, "broken");
		good(&s, t++);
	}
	expect(LOG_CHANGES_MAX, "it keeps changing");
	good(&s, t + 58);
	ck_assert_uint_eq(lines, 0);
	good(&s, t + 59);
	expect(1, "well again (it changed 1000 times in 16 minutes)");
	good(&s, t + 200);
	ck_assert_uint_eq(lines, 0);
	for (unsigned i = 0; i < 500; i++) {
		good(&s, t + 300 + i);
		bad(&s, t + 300 + i, "broken");
	}
	lines = 0;
	bad(&s, t + 1000, "broken");
	expect(1, "broken (it changed");
	good(&s, t + 1100);
	expect(1, "well again");
}
END_TEST

START_TEST(log_may_flood_capped_and_counted)
{
	struct log_budget b = { 0 };
	unsigned shown = 0;

	for (unsigned i = 0; i < 1000; i++)
		shown += log_may(&b, 1000 * SECOND, "test");
	ck_assert_uint_eq(shown, LOG_LINES_MAX);
	ck_assert_uint_eq(lines, 0);
	ck_assert(!log_may(&b, 1010 * SECOND, "test"));
	ck_assert(log_may(&b, 1060 * SECOND, "test"));
	expect(1, "981 lines like the next one were suppressed");
	ck_assert(!log_may(&b, 1060 * SECOND, "test"));
}
END_TEST

/* Whatever is seen, whenever: in an hour no more than a few lines a minute. */
START_TEST(log_state_anything_bounded)
{
	uint64_t seed = seed_random("log_state_anything_bounded");
	static const char *const why[] = { "a", "b", "c", "d" };
	struct log_state s = { 0 };

	for (unsigned t = 0; t < 36000; t++) {
		uint64_t now_ns = 1000 * SECOND + t * (SECOND / 10);

		if (next_random(&seed) % 3)
			log_bad(&s, now_ns, LOG_LEVEL_ERROR, "test", "%s",
				why[next_random(&seed) % 4]);
		else
			log_good(&s, now_ns, "test", "well again");
	}
	ck_assert_uint_le(lines, LOG_CHANGES_MAX + 4 * LOG_REASONS_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log_state");
	TCase *t = tcase_create("log_state");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, log_bad_repeated_told_once_and_summed_up);
	tcase_add_test(t, log_bad_other_reasons_told_some);
	tcase_add_test(t, log_state_flapping_told_when_it_rests);
	tcase_add_test(t, log_may_flood_capped_and_counted);
	tcase_add_test(t, log_state_anything_bounded);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
