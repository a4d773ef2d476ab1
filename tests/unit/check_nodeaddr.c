/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The node's own addresses in an inventory; and what this machine's kernel says of its own. */
#include "engine/nodeaddr.h"

#include "addrs.h"

#include <check.h>
#include <stdlib.h>

START_TEST(nodeaddr_mark_claims_on_them_and_no_others)
{
	struct nodeaddr own[] = { { addr_of("192.0.2.1"), INV_NODE },
				  { addr_of("192.0.2.255"), INV_BROADCAST },
				  { addr_of("198.51.100.1"), INV_GATEWAY },
				  { addr_of("2001:db8::1"), INV_NODE } };
	struct inv_address claims[] = {
		{ .addr = addr_of("10.0.0.1") },    { .addr = addr_of("192.0.2.1") },
		{ .addr = addr_of("192.0.2.1") },   { .addr = addr_of("192.0.2.2") },
		{ .addr = addr_of("192.0.2.255") }, { .addr = addr_of("198.51.100.1") },
		{ .addr = addr_of("2001:db8::1") }, { .addr = addr_of("2001:db8::2") },
	};
	static const enum inv_unfit wanted[] = { INV_FIT,       INV_NODE,    INV_NODE, INV_FIT,
						 INV_BROADCAST, INV_GATEWAY, INV_NODE, INV_FIT };
	struct inventory inv = { .addresses = claims, .n_addresses = 8 };

	nodeaddr_mark(own, 4, &inv);
	for (size_t i = 0; i < 8; i++)
		ck_assert_int_eq(claims[i].unfit, wanted[i]);
	nodeaddr_mark(NULL, 0, &inv);
	ck_assert_int_eq(claims[1].unfit, INV_NODE);
}
END_TEST

START_TEST(nodeaddr_list_is_sorted)
{
	size_t n;
	struct nodeaddr *list = nodeaddr_list(&n);

	for (size_t i = 1; i < n; i++)
		ck_assert_int_lt(addr_cmp(&list[i - 1].addr, &list[i].addr), 0);
	free(list);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nodeaddr");
	TCase *tc = tcase_create("nodeaddr");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, nodeaddr_mark_claims_on_them_and_no_others);
	tcase_add_test(tc, nodeaddr_list_is_sorted);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
