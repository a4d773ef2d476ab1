/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor_world.h"
#include "store/ship_state.h"

#define NOW 1795435627 /* 2026-11-23 12:07:07 UTC */

static void judge(struct world *w, const struct ship_state *s, enum doctor_level level,
		  const char *part)
{
	struct doctor_finding f = { .text = NULL };

	doctor_ship_judge(&w->d, s, NOW, &f);
	ck_assert_int_eq(f.level, level);
	ck_assert_msg(strstr(f.text, part) != NULL, "%s", f.text);
	doctor_finding_clear(&f);
}

START_TEST(doctor_ship_judges_the_last_run)
{
	struct world *w = world_new(NULL);
	struct ship_state good = { .at_s = NOW - 300, .shipped_s = NOW - 300, .until_s = NOW - 7 };
	struct ship_state bad = { .at_s = NOW - 9, .failing_since_s = NOW - 7200 };

	judge(w, &good, DOCTOR_OK, "shipped at 2026-11-23 12:02: all hours until 2026-11-23 12:07");
	good.backlog = true;
	judge(w, &good, DOCTOR_OK, "a backlog is being shipped");
	good.at_s = NOW - 1201;
	judge(w, &good, DOCTOR_WARN, "does its timer run?");
	snprintf(bad.error, sizeof(bad.error), "no route to it");
	judge(w, &bad, DOCTOR_FAIL,
	      "nothing is shipped since 2026-11-23 10:07: no route to it (it is in the ledger");
	bad.failing_since_s = NOW - 31 * 86400;
	judge(w, &bad, DOCTOR_FAIL, "after 35 days the periods of 5 minutes are lost");
	world_free(w);
}
END_TEST

START_TEST(doctor_ship_without_a_database_is_well)
{
	struct world *w = world_new(NULL);

	doctor_ship(&w->d, ADDR_V4, &w->f);
	ck_assert_int_eq(w->f.level, DOCTOR_OK);
	doctor_finding_clear(&w->f);
	w->cfg->ship.database = xstrdup("host=a");
	doctor_ship(&w->d, ADDR_V4, &w->f);
	ck_assert_int_eq(w->f.level, DOCTOR_WARN);
	ck_assert_msg(strstr(w->f.text, "has not run yet") != NULL, "%s", w->f.text);
	world_free(w);
}
END_TEST

START_TEST(ship_state_is_read_as_it_was_written)
{
	struct world *w = world_new(NULL);
	char *ledger = xasprintf("%s/l.db", w->root);
	struct ship_state s = { 1, 2, 3, 4, true, "a line\nand more" }, got;

	ck_assert_int_eq(ship_state_read(ledger, &got), -ENOENT);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(ship_state_write(ledger, &s), 0);
	ck_assert_int_eq(ship_state_read(ledger, &got), 0);
	ck_assert_int_eq(got.at_s, 1);
	ck_assert_int_eq(got.failing_since_s, 2);
	ck_assert_int_eq(got.shipped_s, 3);
	ck_assert_int_eq(got.until_s, 4);
	ck_assert(got.backlog);
	ck_assert_str_eq(got.error, "a line");
	put(w, "/ship.state", "nonsense");
	ck_assert_int_eq(ship_state_read(ledger, &got), -EINVAL);
	free(ledger);
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor_ship");
	TCase *tc = tcase_create("doctor_ship");
	SRunner *sr;
	int failed;

	setenv("TZ", "UTC0", 1);
	tcase_add_test(tc, doctor_ship_judges_the_last_run);
	tcase_add_test(tc, doctor_ship_without_a_database_is_well);
	tcase_add_test(tc, ship_state_is_read_as_it_was_written);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
