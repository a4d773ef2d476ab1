/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rows are admitted when not all can be. */
#include "ledger/ledger_limit.h"

#include "base/xalloc.h"
#include "ledger_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ledger_limits limits;
static struct ledger_refused refused;

/* An inventory from "ID ADDR ADDR; ID ..". "1.2.3.4*300": 300 addresses from there on. */
static struct inventory *said(const char *text)
{
	struct inv_part *part = inv_part_new("test", NULL);
	char *copy = xstrdup(text), *save, *save2;
	struct inventory *inv;

	for (char *c = strtok_r(copy, ";", &save); c; c = strtok_r(NULL, ";", &save)) {
		char *id = strtok_r(c, " ", &save2), *w;

		ck_assert_int_eq(inv_part_container(part, 0, id, NULL, INV_RUN_RUNNING), 0);
		while ((w = strtok_r(NULL, " ", &save2))) {
			char *star = strchr(w, '*');
			int n = star ? atoi(star + 1) : 1, last;
			char *dot;

			if (star)
				*star = '\0';
			dot = strrchr(w, '.');
			last = atoi(dot + 1);
			for (int i = 0; i < n; i++) {
				char *a = xasprintf("%.*s.%d", (int)(dot - w), w, last + i);

				ck_assert_int_eq(inv_part_address(part, 0, a), 0);
				free(a);
			}
		}
	}
	inv = inv_merge(&part, 1, SIZE_MAX, NULL);
	inv_part_free(part);
	free(copy);
	return inv;
}

/* "ID ADDR ADDR!; ID .." with ! for a conflict, for free(). */
static char *text_of(const struct inventory *inv)
{
	char *text = xstrdup(""), *more, buf[ADDR_TEXT_SIZE];

	for (uint32_t i = 0; i < inv->n_containers; i++) {
		more = xasprintf("%s%s%s", text, i ? "; " : "", inv->containers[i].id);
		free(text);
		text = more;
		for (size_t j = 0; j < inv->n_addresses; j++) {
			const struct inv_address *a = &inv->addresses[j];

			if (a->container != i)
				continue;
			more = xasprintf("%s %s%s", text, addr_format(&a->addr, buf),
					 a->conflict ? "!" : "");
			free(text);
			text = more;
		}
	}
	return text;
}

static char most[65]; /* refused.most, which is the inventory's */

/* Assert that `expected` is admitted; then the ledger takes it. */
static void admit(const char *text, const char *expected)
{
	struct inventory *inv = said(text);
	char *got;

	ledger_admit(ledger, &limits, inv, &refused);
	got = text_of(inv);
	if (expected)
		ck_assert_str_eq(got, expected);
	free(got);
	later();
	ledger_set_inventory(ledger, inv, now);
	snprintf(most, sizeof(most), "%s", refused.most ? refused.most : "");
	inv_free(inv);
}

static void let(size_t rows, size_t addresses)
{
	limits = (struct ledger_limits) { rows, addresses };
}

START_TEST(ledger_admit_within_limits_all)
{
	let(3, 2);
	admit("1 10.0.0.1 10.0.0.2; 2 10.0.0.3; 3", "1 10.0.0.1 10.0.0.2; 2 10.0.0.3; 3");
	ck_assert_uint_eq(refused.containers + refused.addresses, 0);
	ck_assert_str_eq(most, "");
}
END_TEST

START_TEST(ledger_admit_one_container_no_more_than_its_share)
{
	let(100, 2);
	admit("1 10.0.0.1 10.0.0.2 10.0.0.3; 2 10.0.1.1", "1 10.0.0.1 10.0.0.2; 2 10.0.1.1");
	ck_assert_uint_eq(refused.addresses, 1);
	ck_assert_str_eq(most, "1");
	/* Lower addresses do not displace those already counted. */
	admit("1 9.0.0.1 9.0.0.2 9.0.0.3 10.0.0.1 10.0.0.2; 2 10.0.1.1",
	      "1 10.0.0.1 10.0.0.2; 2 10.0.1.1");
	ck_assert_uint_eq(refused.addresses, 3);
	admit("1 9.0.0.1 9.0.0.2 9.0.0.3 10.0.0.1; 2 10.0.1.1", "1 9.0.0.1 10.0.0.1; 2 10.0.1.1");
}
END_TEST

START_TEST(ledger_admit_full_existing_stay_new_share_what_is_left)
{
	let(6, 100);
	admit("2 10.0.9.1 10.0.9.2; 3 10.0.9.3", "2 10.0.9.1 10.0.9.2; 3 10.0.9.3");
	admit("1 10.0.0.1*50; 2 10.0.9.1 10.0.9.2; 3 10.0.9.3; 4 10.0.10.1 10.0.10.2",
	      "1 10.0.0.1 10.0.0.2; 2 10.0.9.1 10.0.9.2; 3 10.0.9.3; 4 10.0.10.1");
	ck_assert_uint_eq(refused.addresses, 49);
	ck_assert_str_eq(most, "1");
	/* Full: a newcomer gets nothing, and no container loses anything. */
	admit("0 9.0.0.1; 1 10.0.0.1*50; 2 10.0.9.1 10.0.9.2; 3 10.0.9.3; 4 10.0.10.1",
	      "0; 1 10.0.0.1 10.0.0.2; 2 10.0.9.1 10.0.9.2; 3 10.0.9.3; 4 10.0.10.1");
	/* A free place goes to the container with the fewest. */
	admit("0 9.0.0.1; 1 10.0.0.1*50; 2 10.0.9.1; 3 10.0.9.3; 4 10.0.10.1",
	      "0 9.0.0.1; 1 10.0.0.1 10.0.0.2; 2 10.0.9.1; 3 10.0.9.3; 4 10.0.10.1");
}
END_TEST

START_TEST(ledger_admit_limit_lowered_existing_stay)
{
	let(100, 100);
	admit("1 10.0.0.1*10; 2 10.0.1.1", NULL);
	let(3, 2);
	admit("1 10.0.0.1*12; 2 10.0.1.1 10.0.1.2",
	      "1 10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8 10.0.0.9 "
	      "10.0.0.10; 2 10.0.1.1");
	ck_assert_uint_eq(refused.addresses, 3);
}
END_TEST

START_TEST(ledger_admit_containers_bounded_existing_stay)
{
	let(3, 100);
	admit("8; 9 10.0.0.9", "8; 9 10.0.0.9");
	admit("1 10.0.0.1; 2; 3; 8; 9 10.0.0.9", "1 10.0.0.1; 8; 9 10.0.0.9");
	ck_assert_uint_eq(refused.containers, 2);
}
END_TEST

START_TEST(ledger_admit_refused_claim_makes_no_conflict)
{
	let(100, 2);
	admit("2 10.0.0.9", "2 10.0.0.9");
	admit("1 10.0.0.1 10.0.0.2 10.0.0.9; 2 10.0.0.9", "1 10.0.0.1 10.0.0.2; 2 10.0.0.9");
	let(100, 3);
	admit("1 10.0.0.1 10.0.0.2 10.0.0.9; 2 10.0.0.9",
	      "1 10.0.0.1 10.0.0.2 10.0.0.9!; 2 10.0.0.9!");
	expect("2", "10.0.0.9", 0, ROW_PENDING, 0);
	expect("1", "10.0.0.9", 0, ROW_CONFLICT, 0);
}
END_TEST

static size_t shown(void)
{
	struct snap *s = look();
	size_t n = s->n_addresses;

	snap_unref(s);
	return n;
}

START_TEST(ledger_limit_retired_of_one_container_are_his)
{
	let(1000, 4);
	admit("1 10.0.0.1; 2 10.0.9.1", NULL);
	admit("1 10.0.0.1", NULL);
	for (int i = 0; i < 50; i++) {
		char *text = xasprintf("1 10.1.%d.1*4", i);

		admit(text, NULL);
		ledger_limit_retired(ledger, &limits, now);
		ck_assert_uint_le(shown(), 9); /* 4 now, 4 retired; 2's */
		free(text);
	}
	expect("2", "10.0.9.1", 0, ROW_RETIRED, 0);
	expect("1", "10.1.48.1", 0, ROW_RETIRED, 0);
}
END_TEST

START_TEST(ledger_limit_retired_all_in_all)
{
	let(20, 4);
	for (int i = 0; i < 50; i++) {
		char *text = xasprintf("a%d 10.1.%d.1*4; b%d 10.2.%d.1*4; c%d", i, i, i, i, i);
		struct snap *s;

		admit(text, NULL);
		ledger_limit_retired(ledger, &limits, now);
		s = look();
		ck_assert_uint_le(s->n_addresses, 28);
		ck_assert_uint_le(s->n_containers, 23);
		snap_unref(s);
		free(text);
	}
	ck_assert(!ledger_limit_retired(ledger, &limits, now));
}
END_TEST

/* Whatever is asked for: never more than allowed, and no row lost. Of two new containers none gets
 * two more than the other while the other was refused something. */
START_TEST(ledger_admit_random_keeps_its_promises)
{
	srand((unsigned)seed_random("ledger_admit_random_keeps_its_promises"));
	for (int turn = 0; turn < 300; turn++) {
		struct inv_part *part = inv_part_new("test", NULL);
		struct inventory *inv;
		size_t n = 1 + (size_t)rand() % 12, before = 0, kept = 0, had[16] = { 0 };

		let(1 + (size_t)rand() % 30, 1 + (size_t)rand() % 10);
		for (size_t i = 0; i < n; i++) {
			char id[8];

			snprintf(id, sizeof(id), "%d", rand() % 12);
			inv_part_container(part, 0, id, NULL, INV_RUN_RUNNING);
			for (int k = rand() % 12; k > 0; k--) {
				char a[24];

				snprintf(a, sizeof(a), "10.0.0.%d", 1 + rand() % 60);
				inv_part_address(part, 0, a);
			}
		}
		inv = inv_merge(&part, 1, SIZE_MAX, NULL);
		for (size_t i = 0; i < inv->n_addresses; i++) {
			const struct inv_address *a = &inv->addresses[i];
			struct snap *s = look();
			size_t c = find_container(s, inv->containers[a->container].id);

			for (size_t k = 0; k < s->n_addresses; k++)
				before += s->addresses[k].container == c &&
					  !addr_cmp(&s->addresses[k].addr, &a->addr) &&
					  s->addresses[k].totals.status != ROW_RETIRED;
			snap_unref(s);
		}
		ledger_admit(ledger, &limits, inv, &refused);
		for (size_t i = 0; i < inv->n_addresses; i++) {
			ck_assert_uint_lt(inv->addresses[i].container, inv->n_containers);
			had[inv->addresses[i].container]++;
			ck_assert(!i || addr_cmp(&inv->addresses[i - 1].addr,
						 &inv->addresses[i].addr) <= 0);
		}
		kept = inv->n_addresses;
		ck_assert_uint_ge(kept, before);
		ck_assert(kept <= limits.max_rows || kept == before);
		for (size_t i = 0; i < inv->n_containers; i++)
			ck_assert(had[i] <= limits.max_addresses || had[i] <= before);
		later();
		ledger_set_inventory(ledger, inv, now);
		ledger_limit_retired(ledger, &limits, now);
		inv_free(inv);
		inv_part_free(part);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_limit");
	TCase *tc = tcase_create("ledger_limit");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ledger_admit_within_limits_all);
	tcase_add_test(tc, ledger_admit_one_container_no_more_than_its_share);
	tcase_add_test(tc, ledger_admit_full_existing_stay_new_share_what_is_left);
	tcase_add_test(tc, ledger_admit_limit_lowered_existing_stay);
	tcase_add_test(tc, ledger_admit_containers_bounded_existing_stay);
	tcase_add_test(tc, ledger_admit_refused_claim_makes_no_conflict);
	tcase_add_test(tc, ledger_limit_retired_of_one_container_are_his);
	tcase_add_test(tc, ledger_limit_retired_all_in_all);
	tcase_add_test(tc, ledger_admit_random_keeps_its_promises);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
