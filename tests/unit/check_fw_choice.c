/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How `backend = auto` chooses, over two backends that are nothing but what they answer. */
#include "netfilter/fw_choice.h"

#include "base/xalloc.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What one stub does, and what was done with it. */
struct stub {
	int open, prepare, remove; /* what these return */
	const char *problem[ADDR_FAMILIES];
	bool rules, left, spare; /* spare: as it was prepared last */
	int opened, closed, prepared, removed;
};

static struct stub link_stub, tables_stub;

static int answer(const char *what, int ret, struct err *e)
{
	if (ret < 0)
		err_set(e, "cannot %s: %s", what, strerror(-ret));
	return ret;
}

#define STUB(s)                                                                                  \
	static int s##_open(const struct fw_config *config, struct loop *loop, fw_done_fn *done, \
			    void *arg, void **ret_self, struct err *e)                           \
	{                                                                                        \
		(void)config;                                                                    \
		(void)loop;                                                                      \
		(void)done;                                                                      \
		(void)arg;                                                                       \
		*ret_self = &s;                                                                  \
		s.opened += s.open == 0;                                                         \
		return answer("open", s.open, e);                                                \
	}                                                                                        \
	static void s##_close(void *self)                                                        \
	{                                                                                        \
		((struct stub *)self)->closed++;                                                 \
	}                                                                                        \
	static const char *s##_problem(const void *self, enum addr_family family)                \
	{                                                                                        \
		return ((const struct stub *)self)->problem[family];                             \
	}                                                                                        \
	static int s##_prepare(const struct fw_config *config, uid_t uid, gid_t gid,             \
			       struct err *e)                                                    \
	{                                                                                        \
		(void)uid;                                                                       \
		(void)gid;                                                                       \
		s.spare = config->spare;                                                         \
		s.prepared++;                                                                    \
		return answer("prepare", s.prepare, e);                                          \
	}                                                                                        \
	static bool s##_has_rules(struct fw_config *config)                                      \
	{                                                                                        \
		(void)config;                                                                    \
		return s.rules;                                                                  \
	}                                                                                        \
	static bool s##_has_left(const struct fw_config *config)                                 \
	{                                                                                        \
		(void)config;                                                                    \
		return s.left;                                                                   \
	}                                                                                        \
	static int s##_remove(const struct fw_config *config, struct err *e, unsigned *ret)      \
	{                                                                                        \
		(void)config;                                                                    \
		s.removed++;                                                                     \
		*ret = 3;                                                                        \
		return answer("remove", s.remove, e);                                            \
	}                                                                                        \
	static const struct fw_ops s##_ops = { .name = #s,                                       \
					       .open = s##_open,                                 \
					       .close = s##_close,                               \
					       .family_problem = s##_problem,                    \
					       .prepare = s##_prepare,                           \
					       .has_rules = s##_has_rules,                       \
					       .has_left = s##_has_left,                         \
					       .remove_all = s##_remove };

STUB(link_stub)
STUB(tables_stub)

static const struct fw_order links_first = { { { CFG_BACKEND_LINK, &link_stub_ops },
					       { CFG_BACKEND_IPTABLES, &tables_stub_ops } } };
static const struct fw_order tables_first = { { { CFG_BACKEND_IPTABLES, &tables_stub_ops },
						{ CFG_BACKEND_LINK, &link_stub_ops } } };
static const struct fw_order no_link = { { { CFG_BACKEND_LINK, NULL },
					   { CFG_BACKEND_IPTABLES, &tables_stub_ops } } };
static const struct fw_config config = { .table = "mangle", .run_dir = "/nowhere" };

static void reset(void)
{
	link_stub = tables_stub = (struct stub) { .open = 0 };
}

static int choose(const struct fw_order *order, struct fw_choice *ret, struct err *e)
{
	return fw_choice_open(order, &config, NULL, NULL, NULL, ret, e);
}

static void expect_choice(const struct fw_order *order, enum cfg_backend backend, const char *why)
{
	struct fw_choice c;
	struct err e = { "" };

	ck_assert_msg(choose(order, &c, &e) == 0, "%s", e.text);
	ck_assert_int_eq(c.backend, backend);
	ck_assert_str_eq(c.why, why);
	ck_assert_ptr_eq(c.self, backend == CFG_BACKEND_LINK ? &link_stub : &tables_stub);
	/* Nothing stays open but the chosen one. */
	ck_assert_int_eq(link_stub.opened - link_stub.closed, backend == CFG_BACKEND_LINK);
	ck_assert_int_eq(tables_stub.opened - tables_stub.closed, backend == CFG_BACKEND_IPTABLES);
}

START_TEST(fw_choice_open_takes_the_first_that_counts)
{
	expect_choice(&links_first, CFG_BACKEND_LINK, "");
	reset();
	expect_choice(&tables_first, CFG_BACKEND_IPTABLES, "");
	ck_assert_int_eq(link_stub.opened, 0);
	reset();
	tables_stub.problem[ADDR_V6] = "no IPv6"; /* one family is enough */
	expect_choice(&tables_first, CFG_BACKEND_IPTABLES, "");
}
END_TEST

START_TEST(fw_choice_open_says_why_not_the_first)
{
	link_stub.open = -EPERM;
	expect_choice(&links_first, CFG_BACKEND_IPTABLES,
		      "link: cannot open: Operation not permitted");
	reset();
	tables_stub.problem[ADDR_V4] = "there is no table";
	tables_stub.problem[ADDR_V6] = "nor there";
	expect_choice(&tables_first, CFG_BACKEND_LINK, "iptables: there is no table");
	reset();
	expect_choice(&no_link, CFG_BACKEND_IPTABLES, "link: ctmeterd was built without it");
}
END_TEST

/* A problem may pass; what does not open will not. */
START_TEST(fw_choice_open_none_counts_takes_the_first_that_opens)
{
	struct fw_choice c;
	struct err e = { "" };

	link_stub.open = -ENODEV;
	tables_stub.problem[ADDR_V4] = tables_stub.problem[ADDR_V6] = "no table yet";
	expect_choice(&links_first, CFG_BACKEND_IPTABLES, "link: cannot open: No such device");
	reset();
	link_stub.problem[ADDR_V4] = link_stub.problem[ADDR_V6] = "not now";
	tables_stub.problem[ADDR_V4] = tables_stub.problem[ADDR_V6] = "no table yet";
	expect_choice(&links_first, CFG_BACKEND_LINK, "");
	reset();
	link_stub.open = -ENODEV;
	tables_stub.open = -EPERM;
	ck_assert_int_eq(choose(&links_first, &c, &e), -EPERM);
	ck_assert_str_eq(e.text, "link: cannot open: No such device; "
				 "iptables: cannot open: Operation not permitted");
}
END_TEST

START_TEST(fw_choice_order_tables_first_if_asked)
{
	struct fw_order order = fw_choice_order(&links_first, false);

	ck_assert_int_eq(order.at[0].backend, CFG_BACKEND_LINK);
	ck_assert_int_eq(order.at[1].backend, CFG_BACKEND_IPTABLES);
	order = fw_choice_order(&links_first, true);
	ck_assert_int_eq(order.at[0].backend, CFG_BACKEND_IPTABLES);
	ck_assert_ptr_eq(order.at[0].ops, &tables_stub_ops);
	ck_assert_int_eq(order.at[1].backend, CFG_BACKEND_LINK);
	ck_assert_ptr_eq(order.at[1].ops, &link_stub_ops);
	order = fw_choice_order(&tables_first, true);
	ck_assert_int_eq(order.at[0].backend, CFG_BACKEND_IPTABLES);
	ck_assert_int_eq(order.at[1].backend, CFG_BACKEND_LINK);
}
END_TEST

START_TEST(fw_choice_prepare_one_is_enough)
{
	struct err e = { "" };

	ck_assert_int_eq(fw_choice_prepare(&links_first, &config, 1, 1, &e), 0);
	ck_assert_int_eq(link_stub.prepared + tables_stub.prepared, 2);
	ck_assert_int_eq(fw_choice_prepare(&links_first, &config, 0, 0, &e), 0);
	ck_assert(!link_stub.spare && tables_stub.spare);
	link_stub.prepare = -ENODEV;
	ck_assert_int_eq(fw_choice_prepare(&links_first, &config, 1, 1, &e), 0);
	ck_assert_int_eq(tables_stub.prepared, 3);
	ck_assert(!tables_stub.spare);
	ck_assert_int_eq(fw_choice_prepare(&no_link, &config, 1, 1, &e), 0);
	tables_stub.prepare = -EROFS;
	ck_assert_int_eq(fw_choice_prepare(&links_first, &config, 1, 1, &e), -EROFS);
	ck_assert_str_eq(e.text, "link: cannot prepare: No such device; "
				 "iptables: cannot prepare: Read-only file system");
}
END_TEST

START_TEST(fw_choice_remove_all_leaves_nothing_of_any)
{
	struct err e = { "" };
	unsigned n = 0;

	/* The configured one always; another one where it has rules. */
	ck_assert_int_eq(fw_choice_remove_all(&tables_first, CFG_BACKEND_IPTABLES, &config, &e, &n),
			 0);
	ck_assert_int_eq(tables_stub.removed, 1);
	ck_assert_int_eq(link_stub.removed, 0);
	ck_assert_uint_eq(n, 3);
	link_stub.rules = true;
	ck_assert_int_eq(fw_choice_remove_all(&tables_first, CFG_BACKEND_IPTABLES, &config, &e, &n),
			 0);
	ck_assert_uint_eq(n, 6);
	tables_stub.rules = true;
	ck_assert_int_eq(fw_choice_remove_all(&no_link, CFG_BACKEND_AUTO, &config, &e, &n), 0);
	ck_assert_uint_eq(n, 3);
	/* One that fails does not keep the other from being removed. */
	tables_stub.remove = -EBUSY;
	ck_assert_int_eq(fw_choice_remove_all(&tables_first, CFG_BACKEND_AUTO, &config, &e, &n),
			 -EBUSY);
	ck_assert_str_eq(e.text, "tables_stub: cannot remove: Device or resource busy");
	ck_assert_int_eq(link_stub.removed, 2);
	/* What is no rule, either. */
	reset();
	link_stub.left = true;
	ck_assert_int_eq(fw_choice_remove_all(&tables_first, CFG_BACKEND_AUTO, &config, &e, &n), 0);
	ck_assert_int_eq(link_stub.removed, 1);
	ck_assert_int_eq(tables_stub.removed, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fw_choice");
	TCase *tc = tcase_create("fw_choice");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, reset, NULL);
	tcase_add_test(tc, fw_choice_open_takes_the_first_that_counts);
	tcase_add_test(tc, fw_choice_open_says_why_not_the_first);
	tcase_add_test(tc, fw_choice_open_none_counts_takes_the_first_that_opens);
	tcase_add_test(tc, fw_choice_order_tables_first_if_asked);
	tcase_add_test(tc, fw_choice_prepare_one_is_enough);
	tcase_add_test(tc, fw_choice_remove_all_leaves_nothing_of_any);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
