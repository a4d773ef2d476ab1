/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/xalloc.h"
#include "netlink/linktab.h"
#include "seed.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rtnl_link link_of(int index, const char *name)
{
	struct rtnl_link l = { .index = index, .netns = -1 };

	snprintf(l.name, sizeof(l.name), "%s", name);
	return l;
}

static bool put(struct linktab *t, int index, const char *name)
{
	struct rtnl_link was, l = link_of(index, name);

	return linktab_put(t, &l, &was);
}

static int named(const struct linktab *t, const char *name)
{
	const struct rtnl_link *l = linktab_named(t, name);

	return l ? l->index : 0;
}

START_TEST(linktab_put_reports_changes_that_matter)
{
	struct linktab *t = linktab_new();
	struct rtnl_link was, l = link_of(7, "a");

	ck_assert(linktab_put(t, &l, &was));
	ck_assert_int_eq(was.index, 0);
	ck_assert(!linktab_put(t, &l, &was));
	l.xdp_program = 5;
	ck_assert(!linktab_put(t, &l, &was));
	l.master = 3;
	ck_assert(linktab_put(t, &l, &was));
	ck_assert_int_eq(was.master, 0);
	ck_assert_int_eq(linktab_at(t, 7)->master, 3);
	ck_assert(put(t, 7, "b"));
	ck_assert_int_eq(named(t, "a"), 0);
	ck_assert_int_eq(named(t, "b"), 7);
	ck_assert(linktab_remove(t, 7));
	ck_assert(!linktab_remove(t, 7));
	ck_assert_int_eq(named(t, "b"), 0);
	linktab_free(t);
}
END_TEST

/* a and b change names through a third: each message is about one link. */
START_TEST(linktab_named_while_names_are_swapped)
{
	struct linktab *t = linktab_new();

	put(t, 1, "a");
	put(t, 2, "b");
	put(t, 2, "a"); /* the message about 1 has been lost, or comes later */
	ck_assert_int_eq(named(t, "a"), 2);
	put(t, 1, "b");
	ck_assert_int_eq(named(t, "a"), 2);
	ck_assert_int_eq(named(t, "b"), 1);
	linktab_free(t);
}
END_TEST

static void on_gone(void *arg, int index)
{
	*(int *)arg += index;
}

START_TEST(linktab_sweep_removes_what_was_not_put_again)
{
	struct linktab *t = linktab_new();
	int gone = 0;

	for (int i = 1; i <= 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "l%d", i);
		put(t, i, name);
	}
	linktab_mark(t);
	put(t, 2, "l2");
	put(t, 4, "x4");
	put(t, 9, "l9");
	linktab_sweep(t, on_gone, &gone);
	ck_assert_int_eq(gone, 1 + 3 + 5);
	ck_assert_uint_eq(linktab_count(t), 3);
	ck_assert_int_eq(linktab_nth(t, 2)->index, 9);
	ck_assert_int_eq(named(t, "l1"), 0);
	ck_assert_int_eq(named(t, "x4"), 4);
	linktab_free(t);
}
END_TEST

/* Thousands of links, as a plain array knows them. */
START_TEST(linktab_random_changes_as_model)
{
	enum { N = 10000 };
	static char model[N + 1][16];
	uint64_t seed = seed_random("linktab_random_changes_as_model");
	struct linktab *t = linktab_new();
	size_t n = 0;

	for (int i = 0; i < 4 * N; i++) {
		int index = (int)(next_random(&seed) % N) + 1;
		char name[16];

		if (next_random(&seed) % 4) {
			snprintf(name, sizeof(name), "v%d.%d", index, i % 3);
			n += !*model[index];
			ck_assert_int_eq(put(t, index, name), strcmp(model[index], name) != 0);
			strcpy(model[index], name);
		} else {
			ck_assert_int_eq(linktab_remove(t, index), *model[index] != '\0');
			n -= *model[index] != '\0';
			model[index][0] = '\0';
		}
	}
	ck_assert_uint_eq(linktab_count(t), n);
	for (int i = 1; i <= N; i++) {
		const struct rtnl_link *l = linktab_at(t, i);

		ck_assert_int_eq(l != NULL, *model[i] != '\0');
		ck_assert(!l || (!strcmp(l->name, model[i]) && named(t, model[i]) == i));
	}
	for (size_t i = 1; i < n; i++)
		ck_assert_int_lt(linktab_nth(t, i - 1)->index, linktab_nth(t, i)->index);
	linktab_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("linktab");
	TCase *t = tcase_create("linktab");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, linktab_put_reports_changes_that_matter);
	tcase_add_test(t, linktab_named_while_names_are_swapped);
	tcase_add_test(t, linktab_sweep_removes_what_was_not_put_again);
	tcase_add_test(t, linktab_random_changes_as_model);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
