/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was found in containers beside what sources say, and which claims compete. */
#include "inv_helpers.h"

/* 101 is assigned .1; .2 was found in it. .1 and .3 were found in 102. */
static struct inventory *three(void)
{
	struct inv_part *p = inv_part_new("src", NULL);
	struct inventory *inv;

	inv_part_container(p, 0, "101", NULL, INV_RUN_RUNNING);
	inv_part_address(p, 0, "192.0.2.1");
	inv_part_rank(p, INV_FOUND);
	inv_part_address(p, 0, "192.0.2.2");
	inv_part_container(p, 0, "102", NULL, INV_RUN_STOPPED);
	inv_part_rank(p, INV_FOUND);
	inv_part_address(p, 0, "192.0.2.1");
	inv_part_address(p, 0, "192.0.2.3");
	inv = inv_merge(&p, 1, 100, NULL);
	inv_part_free(p);
	return inv;
}

static void expect_text(const struct inventory *inv, const char *expected)
{
	char *text = inv_text(inv);

	ck_assert_str_eq(text, expected);
	free(text);
}

static struct inv_find find_of(uint32_t container, const char *address)
{
	struct inv_find f = { .container = container };

	ck_assert_int_eq(addr_parse(address, &f.addr), 0);
	return f;
}

/* Only where something is known it stands for what the source found. */
START_TEST(inv_take_found_replaces_what_sources_found)
{
	struct inventory *inv = three();
	struct inv_find finds[] = { find_of(0, "192.0.2.9"), find_of(0, "192.0.2.1"),
				    find_of(0, "fe80::1"), find_of(0, "192.0.2.3") };
	const bool known[] = { true, false };

	expect_text(inv, "101[-,running] 192.0.2.1! 192.0.2.2; 102[-,stopped] 192.0.2.1! "
			 "192.0.2.3");
	inv_take_found(inv, finds, 4, known);
	expect_text(inv, "101[-,running] 192.0.2.1! 192.0.2.3! 192.0.2.9; 102[-,stopped] "
			 "192.0.2.1! 192.0.2.3!");
	ck_assert_int_eq(inv->addresses[0].rank, INV_ASSIGNED);
	ck_assert_int_eq(inv->addresses[1].rank, INV_FOUND);
	inv_take_found(inv, NULL, 0, (const bool[]) { true, true });
	expect_text(inv, "101[-,running] 192.0.2.1; 102[-,stopped]");
	inv_free(inv);
}
END_TEST

START_TEST(inv_contest_highest_rank_that_is_fit)
{
	struct inventory *inv = three();
	struct inv_contest c;

	inv_contest(inv, 0, &c);
	ck_assert_uint_eq(c.end, 2);
	ck_assert_uint_eq(c.fit, 2);
	ck_assert_int_eq(c.rank, INV_ASSIGNED);
	ck_assert_uint_eq(c.claims, 1);
	ck_assert_uint_eq(c.running, 1);
	ck_assert(inv_contends(inv, 0, &c) && !inv_contends(inv, 1, &c));
	inv->addresses[0].unfit = INV_NOT_ALLOWED;
	inv_contest(inv, 0, &c);
	ck_assert_uint_eq(c.fit, 1);
	ck_assert_int_eq(c.rank, INV_FOUND);
	ck_assert_uint_eq(c.claims, 1);
	ck_assert_uint_eq(c.running, 0);
	ck_assert(!inv_contends(inv, 0, &c) && inv_contends(inv, 1, &c));
	inv->addresses[1].unfit = INV_NODE;
	inv_contest(inv, 0, &c);
	ck_assert_uint_eq(c.fit + c.claims, 0);
	inv_free(inv);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("inv_found");
	TCase *t = tcase_create("inv_found");

	tcase_add_test(t, inv_take_found_replaces_what_sources_found);
	tcase_add_test(t, inv_contest_highest_rank_that_is_fit);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
