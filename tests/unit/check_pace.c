/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/pace.h"

#include <check.h>
#include <stdlib.h>

#define S 1000000000ull
#define MS 1000000ull

/* Looks that events without end get in so many seconds, each of which lasts `took`. */
static unsigned looks_in(struct pace *p, uint64_t *now, unsigned seconds, bool commands, bool news,
			 uint64_t took)
{
	uint64_t end = *now + seconds * S;
	unsigned n = 0;

	while ((*now = pace_next(p, *now)) < end) {
		pace_began(p, true, commands, *now);
		*now += took;
		pace_ended(p, news, *now);
		n++;
	}
	return n;
}

START_TEST(pace_next_rare_events_are_prompt)
{
	struct pace p = { 0 };
	uint64_t now = 1000 * S;

	for (int i = 0; i < 100; i++, now += 5 * S) {
		ck_assert_uint_eq(pace_next(&p, now), now);
		pace_began(&p, true, true, now);
		pace_ended(&p, false, now + 20 * MS);
	}
	ck_assert_uint_eq(pace_next(&p, now - 5 * S), now - 5 * S + PACE_PAUSE_NS);
}
END_TEST

START_TEST(pace_next_events_without_end_are_bounded)
{
	struct pace p = { 0 };
	uint64_t now = 1000 * S;
	unsigned first = looks_in(&p, &now, 5, true, false, 20 * MS);

	ck_assert_uint_ge(first, 9);
	ck_assert_uint_le(first, 11);
	ck_assert_uint_le(looks_in(&p, &now, 600, true, false, 20 * MS), 122);
	now += 600 * S; /* and forgiven */
	ck_assert_uint_ge(looks_in(&p, &now, 5, true, false, 20 * MS), 9);
}
END_TEST

START_TEST(pace_next_news_cost_less)
{
	struct pace p = { 0 };
	uint64_t now = 1000 * S;

	ck_assert_uint_ge(looks_in(&p, &now, 15, true, true, 20 * MS), 28);
	looks_in(&p, &now, 60, true, true, 20 * MS);
	ck_assert_uint_le(looks_in(&p, &now, 600, true, true, 20 * MS), 302);
}
END_TEST

START_TEST(pace_next_slow_looks_have_their_share)
{
	struct pace p = { 0 };
	uint64_t now = 1000 * S;

	looks_in(&p, &now, 60, true, false, 3 * S);
	ck_assert_uint_le(looks_in(&p, &now, 600, true, false, 3 * S), 21);
	ck_assert_uint_le(looks_in(&p, &now, 600, true, true, 3 * S), 21);
}
END_TEST

START_TEST(pace_next_files_are_read_each_pause)
{
	struct pace p = { 0 };
	uint64_t now = 1000 * S;
	unsigned first = looks_in(&p, &now, 4, false, false, MS), rest;

	ck_assert_uint_ge(first, 79); /* 50 ms apart */
	ck_assert_uint_le(first, 81);
	looks_in(&p, &now, 60, false, false, MS);
	rest = looks_in(&p, &now, 600, false, false, MS); /* 500 ms apart */
	ck_assert_uint_ge(rest, 1195);
	ck_assert_uint_le(rest, 1202);
}
END_TEST

/* A container's start is announced until the runtime knows all of it. */
START_TEST(pace_next_second_burst_is_prompt_where_no_command_runs)
{
	struct pace p = { 0 };
	uint64_t now = 1000 * S;

	pace_began(&p, true, false, now);
	pace_ended(&p, false, now + 2 * MS);
	ck_assert_uint_eq(pace_next(&p, now + 10 * MS), now + PACE_LIGHT_NS);
	ck_assert_uint_eq(pace_next(&p, now + 90 * MS), now + 90 * MS);
}
END_TEST

START_TEST(pace_began_regular_looks_take_nothing)
{
	struct pace p = { 0 };
	uint64_t now = 1000 * S;

	for (int i = 0; i < 1000; i++, now += S) {
		pace_began(&p, false, true, now);
		pace_ended(&p, false, now + 500 * MS);
	}
	ck_assert_uint_ge(looks_in(&p, &now, 5, true, false, 20 * MS), 9);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pace");
	Suite *s = suite_create("pace");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, pace_next_rare_events_are_prompt);
	tcase_add_test(tc, pace_next_events_without_end_are_bounded);
	tcase_add_test(tc, pace_next_news_cost_less);
	tcase_add_test(tc, pace_next_slow_looks_have_their_share);
	tcase_add_test(tc, pace_next_files_are_read_each_pause);
	tcase_add_test(tc, pace_next_second_burst_is_prompt_where_no_command_runs);
	tcase_add_test(tc, pace_began_regular_looks_take_nothing);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
