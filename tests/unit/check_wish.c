/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "addrs.h"
#include "netfilter/iptables/wish.h"

#include <check.h>
#include <stdlib.h>

static struct wish wish;
static struct fw_key keys[2];
static struct present present;

static struct fw_want want_of(size_t n)
{
	for (size_t i = 0; i < n; i++)
		keys[i].addr = addr_of(i ? "198.51.100.2" : "198.51.100.1");
	return (struct fw_want) { .family = ADDR_V4, .keys = keys, .n = n, .paths = PATHS_ALL };
}

/* The table as a commit of these rules leaves it. */
static void put(const struct ruleset *rules)
{
	present_clear(&present);
	present.chains = calloc(rules->n_chains, sizeof(*present.chains));
	ck_assert_ptr_nonnull(present.chains);
	present.n_chains = rules->n_chains;
	for (size_t i = 0; i < rules->n_chains; i++) {
		memcpy(present.chains[i].name, rules->chains[i].name, RULE_CHAIN_SIZE);
		present.chains[i].digest = rules->chains[i].digest;
		present.chains[i].canary = true;
	}
	for (enum hook h = 0; h < HOOKS; h++) {
		present.hook[h].jumps = 1;
		memcpy(present.hook[h].target, rules->chains[rules->root[h]].name, RULE_CHAIN_SIZE);
	}
	present.epoch = rules->epoch;
}

static void setup(void)
{
	struct fw_want want = want_of(2);

	put(wish_rules(&wish, &want, 7));
}

static void teardown(void)
{
	wish_clear(&wish);
	present_clear(&present);
}

START_TEST(wish_compare_in_place_fits_and_keeps_no_rules)
{
	struct fw_want want = want_of(2);

	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_FITS);
	ck_assert_ptr_null(wish.rules->rules);
	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_FITS);
	ck_assert_uint_gt(wish_rules(&wish, &want, 8)->n_rules, 0);
	ck_assert_uint_eq(wish.rules->epoch, 8);
}
END_TEST

START_TEST(wish_compare_never_in_place_differs)
{
	struct fw_want want = want_of(2);

	present.hook[HOOK_INPUT].jumps = 0;
	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_DIFFERS);
	want = want_of(1);
	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_DIFFERS);
}
END_TEST

START_TEST(wish_compare_was_in_place_changed)
{
	struct fw_want want = want_of(2);

	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_FITS);
	present.hook[HOOK_INPUT].jumps = 0; /* ours is gone: no quarrel about a place */
	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_CHANGED);
	present.hook[HOOK_INPUT].jumps = 1;
	present.foul = true;
	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_CHANGED);
	present.foul = false;
	present.chains[present.n_chains - 1].digest++;
	present.hook[HOOK_FORWARD].shadowed = true;
	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_CHANGED);
}
END_TEST

START_TEST(wish_compare_others_before_ours_outranked)
{
	struct fw_want want = want_of(2);

	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_FITS);
	present.hook[HOOK_FORWARD].shadowed = true;
	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_OUTRANKED);
	present.hook[HOOK_FORWARD].shadowed = false;
	present.intruders = 1;
	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_OUTRANKED);
}
END_TEST

START_TEST(wish_compare_another_want_begins_anew)
{
	struct fw_want want = want_of(2);

	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_FITS);
	want.paths = PATHS_FORWARDED;
	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_DIFFERS);
	want = want_of(0);
	ck_assert_int_eq(wish_compare(&wish, &want, &present), FW_DIFFERS);
	ck_assert_uint_eq(wish_rules(&wish, &want, 9)->n_chains, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wish");
	TCase *tc = tcase_create("wish");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, wish_compare_in_place_fits_and_keeps_no_rules);
	tcase_add_test(tc, wish_compare_never_in_place_differs);
	tcase_add_test(tc, wish_compare_was_in_place_changed);
	tcase_add_test(tc, wish_compare_others_before_ours_outranked);
	tcase_add_test(tc, wish_compare_another_want_begins_anew);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
