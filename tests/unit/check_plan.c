/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "addrs.h"
#include "netfilter/iptables/plan.h"

#include <check.h>

/* What a table holds after `rs` was applied. */
static struct present applied(const struct ruleset *rs)
{
	struct present p = { .chains = xcalloc(rs->n_chains, sizeof(*p.chains)),
			     .n_chains = rs->n_chains,
			     .epoch = rs->epoch };

	for (size_t i = 0; i < rs->n_chains; i++) {
		memcpy(p.chains[i].name, rs->chains[i].name, RULE_CHAIN_SIZE);
		p.chains[i].digest = rs->chains[i].digest;
		p.chains[i].canary = true;
	}
	for (enum hook h = 0; h < HOOKS; h++)
		if (rs->root[h] >= 0) {
			p.hook[h].jumps = 1;
			memcpy(p.hook[h].target, rs->chains[rs->root[h]].name, RULE_CHAIN_SIZE);
		}
	return p;
}

static struct ruleset *rules_for(const char *const *texts, size_t n, uint64_t epoch)
{
	struct addr addrs[64];

	for (size_t i = 0; i < n; i++)
		addrs[i] = addr_of(texts[i]);
	return ruleset_build(ADDR_V4, addrs, n, true, epoch);
}

static const char *const three[] = { "192.0.2.1", "192.0.2.2", "203.0.113.9" };

static struct ruleset *want;
static struct present have;

static void setup(void)
{
	want = rules_for(three, 3, 5);
	have = applied(want);
}

static void teardown(void)
{
	ruleset_free(want);
	present_clear(&have);
}

START_TEST(plan_diff_after_applying_is_nothing)
{
	struct plan plan;

	ck_assert(!plan_diff(want, &have, &plan));
	ck_assert_uint_eq(plan.n_ops, 0);
	plan_clear(&plan);
}
END_TEST

START_TEST(plan_diff_other_epoch_is_nothing)
{
	struct ruleset *newer = rules_for(three, 3, 6);

	ck_assert(!plan_diff(newer, &have, NULL));
	ruleset_free(newer);
}
END_TEST

START_TEST(plan_diff_empty_table_creates_all)
{
	struct present none = { 0 };
	struct plan plan;

	ck_assert(plan_diff(want, &none, &plan));
	ck_assert(plan.hooks[HOOK_FORWARD] && plan.hooks[HOOK_INPUT] && plan.hooks[HOOK_OUTPUT]);
	plan_clear(&plan);
	plan_commit(want, &none, &plan);
	ck_assert_uint_eq(plan.n_ops, want->n_chains);
	for (size_t i = 0; i < plan.n_ops; i++)
		ck_assert_int_eq(plan.ops[i].kind, PLAN_CREATE);
	plan_clear(&plan);
}
END_TEST

START_TEST(plan_diff_nothing_wanted_deletes_all)
{
	struct ruleset *none = ruleset_build(ADDR_V4, NULL, 0, true, 5);
	struct plan plan;

	ck_assert(plan_diff(none, &have, NULL));
	plan_commit(none, &have, &plan);
	ck_assert_uint_eq(plan.n_ops, have.n_chains);
	for (size_t i = 0; i < plan.n_ops; i++)
		ck_assert_int_eq(plan.ops[i].kind, PLAN_DELETE);
	plan_clear(&plan);
	ruleset_free(none);
}
END_TEST

START_TEST(plan_diff_altered_chain_is_rewritten)
{
	struct plan plan;
	size_t at = 0;

	while (strcmp(have.chains[at].name, "ctm-s") != 0)
		at++;
	have.chains[at].digest ^= 1;
	ck_assert(plan_diff(want, &have, &plan));
	ck_assert_uint_eq(plan.n_ops, 1);
	ck_assert_int_eq(plan.ops[0].kind, PLAN_REWRITE);
	ck_assert_str_eq(want->chains[plan.ops[0].chain].name, "ctm-s");
	plan_clear(&plan);
}
END_TEST

START_TEST(plan_diff_altered_root_differs)
{
	for (size_t i = 0; i < have.n_chains; i++)
		if (!strcmp(have.chains[i].name, have.hook[HOOK_INPUT].target))
			have.chains[i].digest ^= 1;
	ck_assert(plan_diff(want, &have, NULL));
}
END_TEST

START_TEST(plan_diff_jump_gone_sets_hook)
{
	struct plan plan;

	have.hook[HOOK_OUTPUT].jumps = 0;
	have.hook[HOOK_OUTPUT].target[0] = '\0';
	ck_assert(plan_diff(want, &have, &plan));
	ck_assert(plan.hooks[HOOK_OUTPUT] && !plan.hooks[HOOK_INPUT] && !plan.hooks[HOOK_FORWARD]);
	plan_clear(&plan);
}
END_TEST

START_TEST(plan_diff_two_jumps_or_shadow_differ)
{
	have.hook[HOOK_FORWARD].jumps = 2;
	ck_assert(plan_diff(want, &have, NULL));
	have.hook[HOOK_FORWARD].jumps = 1;
	ck_assert(!plan_diff(want, &have, NULL));
	have.hook[HOOK_FORWARD].shadowed = true;
	ck_assert(plan_diff(want, &have, NULL));
}
END_TEST

START_TEST(plan_diff_zeroed_table_is_committed_anew)
{
	have.foul = true;
	ck_assert(plan_diff(want, &have, NULL));
}
END_TEST

START_TEST(plan_diff_stale_root_is_deleted)
{
	struct present two = { .n_chains = have.n_chains + 1, .epoch = 5 };
	struct plan plan;

	two.chains = xcalloc(two.n_chains, sizeof(*two.chains));
	memcpy(two.chains, have.chains, have.n_chains * sizeof(*two.chains));
	memcpy(two.hook, have.hook, sizeof(two.hook));
	strcpy(two.chains[have.n_chains].name, "ctm-OUTPUT-4");
	qsort(two.chains, two.n_chains, sizeof(*two.chains),
	      (int (*)(const void *, const void *))strcmp);
	ck_assert(plan_diff(want, &two, NULL));
	plan_commit(want, &two, &plan);
	ck_assert_uint_eq(plan.n_ops, 1);
	ck_assert_int_eq(plan.ops[0].kind, PLAN_DELETE);
	ck_assert_str_eq(two.chains[plan.ops[0].chain].name, "ctm-OUTPUT-4");
	plan_clear(&plan);
	present_clear(&two);
}
END_TEST

/* Carry a plan out on a present, as a backend would. */
static struct present carry_out(const struct ruleset *to, const struct present *from,
				const struct plan *plan)
{
	struct present p = applied(to);
	size_t kept = from->n_chains;

	for (size_t i = 0; i < plan->n_ops; i++)
		kept += plan->ops[i].kind == PLAN_CREATE, kept -= plan->ops[i].kind == PLAN_DELETE;
	ck_assert_uint_eq(kept, to->n_chains);
	return p;
}

START_TEST(plan_commit_random_changes_are_small_and_final)
{
	uint64_t seed = seed_random("plan_commit_random_changes_are_small_and_final");

	for (int round = 0; round < 40; round++) {
		enum addr_family family = round % 2;
		size_t n, m = 0;
		struct addr *all = random_addrs(family, 2000, 20, &seed, &n), *some;
		size_t gone = next_random(&seed) % n;
		struct ruleset *before = ruleset_build(family, all, n, true, 1), *after;
		struct present p = applied(before), q;
		struct plan plan;

		some = xcalloc(n, sizeof(*some));
		for (size_t i = 0; i < n; i++)
			if (i != gone)
				some[m++] = all[i];
		after = ruleset_build(family, some, m, true, 2);
		ck_assert(plan_diff(after, &p, NULL));
		plan_commit(after, &p, &plan);
		/* one address less touches its own branch of each tree, and the roots' names */
		ck_assert_uint_lt(plan.n_ops, 4 * 32 + 6);
		q = carry_out(after, &p, &plan);
		ck_assert(!plan_diff(after, &q, NULL));
		plan_clear(&plan);
		present_clear(&p);
		present_clear(&q);
		ruleset_free(before);
		ruleset_free(after);
		free(all);
		free(some);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan");
	TCase *tc = tcase_create("plan");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, plan_diff_after_applying_is_nothing);
	tcase_add_test(tc, plan_diff_other_epoch_is_nothing);
	tcase_add_test(tc, plan_diff_empty_table_creates_all);
	tcase_add_test(tc, plan_diff_nothing_wanted_deletes_all);
	tcase_add_test(tc, plan_diff_altered_chain_is_rewritten);
	tcase_add_test(tc, plan_diff_altered_root_differs);
	tcase_add_test(tc, plan_diff_jump_gone_sets_hook);
	tcase_add_test(tc, plan_diff_two_jumps_or_shadow_differ);
	tcase_add_test(tc, plan_diff_zeroed_table_is_committed_anew);
	tcase_add_test(tc, plan_diff_stale_root_is_deleted);
	tcase_add_test(tc, plan_commit_random_changes_are_small_and_final);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
