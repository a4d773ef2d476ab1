/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter usage` without its command: periods and quotas as they stand in a ledger. */
#include "report/usage.h"

#include "store_helpers.h"

#include <check.h>

#define BEGIN 1793491200
#define LAST 1790812800

static struct place place;
static const struct store_meta with_period = { .boot_id = "b",
					       .next_ifindex = 9,
					       .next_key = 9,
					       .period = { .begin_s = BEGIN,
							   .end_s = BEGIN + 30 * 86400,
							   .counted_s = BEGIN + 3,
							   .last_begin_s = LAST,
							   .last_end_s = BEGIN } };

static void put(struct store *s, uint32_t ifindex, const char *id, enum store_state state,
		uint64_t in, uint64_t node_out, struct store_bill bill)
{
	struct store_container c = { .ifindex = ifindex,
				     .id = id,
				     .name = "",
				     .run = INV_RUN_RUNNING,
				     .state = state,
				     .bill = bill };

	c.totals.path[PATH_FWD_IN].octets = in;
	c.totals.path[PATH_NODE_OUT].octets = node_out;
	store_put_container(s, &c);
}

static void begin(void)
{
	struct store *s;

	place = place_new();
	s = must_open(place.path);
	ck_assert_int_eq(store_begin(s, true, WALL, NULL), 0);
	store_put_meta(s, &with_period);
	put(s, 1, "101", STORE_LIVE, 1000, 80,
	    (struct store_bill) { .begin_s = BEGIN,
				  .at = { 300, 20 },
				  .last = { 7, 1 },
				  .said = { 900, BILLING_COUNTS_OUT },
				  .set = { 750, BILLING_COUNTS_UNSET } });
	/* Gone since the last period, and not in memory when this one began. */
	put(s, 2, "102", STORE_AGED, 500, 0,
	    (struct store_bill) { .begin_s = LAST, .at = { 100, 0 } });
	put(s, 3, "103", STORE_AGED, 500, 0, (struct store_bill) { .begin_s = 77 });
	put(s, 4, "104", STORE_LIVE, 0, 0, (struct store_bill) { .begin_s = BEGIN });
	ck_assert_int_eq(store_end(s, NULL), 0);
	store_close(s);
}

static struct usage *must_read(char *const *ids, size_t n)
{
	struct billing_thresholds t;
	struct usage_query q = { .path = place.path,
				 .quota = { 100, BILLING_COUNTS_BOTH },
				 .thresholds = &t,
				 .ids = ids,
				 .n_ids = n };
	struct usage *u = NULL;
	struct err e = { "" };

	ck_assert(!billing_parse_thresholds("8 100", &t, &e));
	ck_assert_msg(!usage_read(&q, &u, &e), "%s", e.text);
	return u;
}

START_TEST(usage_read_all_with_what_is_gone)
{
	struct usage *u;

	begin();
	u = must_read(NULL, 0);
	ck_assert_uint_eq(u->n_rows, 3); /* 103 had no traffic in either period */
	ck_assert_str_eq(u->rows[0].id, "101");
	ck_assert(u->rows[0].used.in == 700 && u->rows[0].used.out == 60);
	ck_assert(u->rows[0].last.in == 7 && u->rows[0].last.out == 1);
	ck_assert_uint_eq(u->rows[0].quota.octets, 750);
	ck_assert_int_eq((int)u->rows[0].quota.counts, BILLING_COUNTS_OUT);
	ck_assert(u->rows[0].counted == 60 && u->rows[0].last_counted == 1);
	ck_assert_int_eq((int)u->rows[0].state, BILLING_NEAR);
	ck_assert_int_eq(u->rows[0].since_s, BEGIN + 3);
	ck_assert_str_eq(u->rows[1].id, "102");
	ck_assert(u->rows[1].gone && !u->rows[1].used.in && u->rows[1].last.in == 400);
	ck_assert_uint_eq(u->rows[1].last_counted, 400);
	ck_assert_str_eq(u->rows[2].id, "104");
	ck_assert_uint_eq(u->rows[2].quota.octets, 100);
	ck_assert_int_eq((int)u->rows[2].state, BILLING_UNDER);
	usage_free(u);
	place_remove(&place);
}
END_TEST

START_TEST(usage_read_those_named)
{
	char *ids[] = { (char *)"103", (char *)"105" };
	struct billing_thresholds t = { .n = 0 };
	struct usage_query q = { .ids = ids, .n_ids = 2, .thresholds = &t };
	struct err e = { "" };
	struct usage *u;

	begin();
	u = must_read(ids, 1);
	ck_assert_uint_eq(u->n_rows, 1);
	usage_free(u);
	q.path = place.path;
	ck_assert_int_eq(usage_read(&q, &u, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "105"));
	place_remove(&place);
}
END_TEST

START_TEST(usage_read_older_ledger_says_so)
{
	struct billing_thresholds t = { .n = 0 };
	struct usage_query q = { .thresholds = &t };
	struct err e = { "" };
	struct usage *u;

	begin();
	tell(place.path, "PRAGMA user_version = 5");
	q.path = place.path;
	ck_assert_int_eq(usage_read(&q, &u, &e), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(e.text, "start ctmeterd"));
	place_remove(&place);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("usage");
	TCase *tc = tcase_create("usage");

	tcase_add_test(tc, usage_read_all_with_what_is_gone);
	tcase_add_test(tc, usage_read_those_named);
	tcase_add_test(tc, usage_read_older_ledger_says_so);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
