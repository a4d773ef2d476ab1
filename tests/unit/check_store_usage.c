/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_helpers.h"

/* A checkpoint in which the address has used this much more. */
static void use(struct store *s, struct store_address *a, int64_t wall_s, uint64_t octets,
		uint64_t pkts)
{
	for (unsigned i = 0; i < PATHS; i++) {
		a->totals.path[i].octets += octets ? octets + i : 0;
		a->totals.path[i].pkts += pkts;
	}
	ck_assert_int_eq(store_begin(s, false, wall_s, NULL), 0);
	store_put_address(s, a);
	ck_assert_int_eq(store_end(s, NULL), 0);
}

/* A checkpoint that changes nothing. */
static void turn(struct store *s, int64_t wall_s)
{
	ck_assert_int_eq(store_begin(s, false, wall_s, NULL), 0);
	ck_assert_int_eq(store_end(s, NULL), 0);
}

START_TEST(store_begin_other_period_used_summed_in_buckets)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_address a = address_row(1, 1, "192.0.2.1"), b = address_row(2, 1, "192.0.2.2");
	int64_t hour = WALL - WALL % 3600;

	use(s, &a, hour, 100, 1);
	use(s, &a, hour + 299, 10, 1);
	use(s, &a, hour + 300, 1000, 1);
	use(s, &a, hour + 3599, 5, 0);
	use(s, &a, hour + 3600, 7, 1);
	use(s, &b, hour + 10, 0, 3); /* the clock is back: still summed */
	use(s, &b, hour + 7200, 0, 0);
	use(s, &a, hour - 1, 1, 1);
	use(s, &a, -1, 9, 9); /* a clock that is not set: still whole periods */
	turn(s, hour);
	store_close(s);
	expect_answer(
		p.path,
		"SELECT (start - 1699999200), address, in_octets, in_pkts, out_octets, out_pkts,"
		" node_in_octets, node_in_pkts, node_out_octets, node_out_pkts"
		" FROM usage_5min WHERE start > 0 ORDER BY start, address",
		"-300|1|1|1|2|1|3|1|4|1 0|1|110|2|112|2|114|2|116|2 0|2|0|3|0|3|0|3|0|3 "
		"300|1|1000|1|1001|1|1002|1|1003|1 3300|1|5|0|6|0|7|0|8|0 "
		"3600|1|7|1|8|1|9|1|10|1 ");
	expect_answer(p.path,
		      "SELECT (start - 1699999200), address, in_octets, node_out_octets, in_pkts"
		      " FROM usage_hour WHERE start > 0 ORDER BY start, address",
		      "-3600|1|1|4|1 0|1|1115|1127|3 0|2|0|0|3 3600|1|7|10|1 ");
	expect_answer(p.path,
		      "SELECT start, (SELECT start FROM usage_hour WHERE start < 0)"
		      " FROM usage_5min WHERE start < 0",
		      "-300|-3600 ");
	place_remove(&p);
}
END_TEST

START_TEST(store_begin_same_period_nothing_booked)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_address a = address_row(1, 1, "192.0.2.1");
	int64_t hour = WALL - WALL % 3600;

	use(s, &a, hour, 100, 1);
	use(s, &a, hour + 299, 10, 1);
	expect_answer(p.path, "SELECT count(*) FROM usage_5min", "0 ");
	store_close(s);
	s = must_open(p.path); /* another process, long after */
	expect_answer(p.path, "SELECT in_octets FROM booked", "0 ");
	use(s, &a, hour + 7205, 1, 1);
	expect_answer(p.path, "SELECT start - 1699999200, in_octets FROM usage_5min", "0|110 ");
	expect_answer(p.path, "SELECT start - 1699999200, in_octets FROM usage_hour", "0|110 ");
	expect_answer(p.path, "SELECT in_octets FROM booked", "110 ");
	store_close(s);
	place_remove(&p);
}
END_TEST

START_TEST(store_end_failed_booked_once)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_address a = address_row(1, 1, "192.0.2.1"),
			     wrong = address_row(2, 1, "192.0.2.1");
	int64_t hour = WALL - WALL % 3600;

	use(s, &a, hour, 100, 1);
	a.totals.path[0].octets += 50;
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(store_begin(s, false, hour + 300, NULL), 0);
		store_put_address(s, &a);
		ck_assert_int_eq(store_put_address(s, &wrong), -EINVAL); /* container 1 has it */
		ck_assert_int_eq(store_end(s, NULL), -EINVAL);
	}
	expect_answer(p.path, "SELECT count(*) FROM usage_5min", "0 ");
	use(s, &a, hour + 300, 0, 0);
	use(s, &a, hour + 300, 0,
	    0); /* the same once more, as after a COMMIT that only seemed to fail */
	turn(s, hour + 600);
	expect_answer(p.path, "SELECT start - 1699999200, in_octets FROM usage_5min",
		      "0|100 300|50 ");
	store_close(s);
	place_remove(&p);
}
END_TEST

START_TEST(store_put_address_new_before_is_not_used)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_address a = address_row(1, 1, "192.0.2.1");

	a.before[PATH_FWD_IN].octets = 1000;
	a.totals.path[PATH_FWD_IN].octets = 1000;
	use(s, &a, WALL, 5, 0);
	a.before[PATH_FWD_IN].octets = 2000; /* ignored for a row that exists */
	use(s, &a, WALL, 6, 0);
	turn(s, WALL + 300);
	store_close(s);
	expect_answer(p.path, "SELECT in_octets FROM usage_hour", "11 ");
	place_remove(&p);
}
END_TEST

START_TEST(store_begin_other_period_huge_still_integers)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_address a = address_row(1, 1, "192.0.2.1");

	use(s, &a, WALL, 1ull << 62, 1);
	use(s, &a, WALL, (1ull << 62) + 1, 1);
	turn(s, WALL + 300);
	use(s, &a, WALL, UINT64_MAX - 100, 1); /* it wraps */
	use(s, &a, WALL, 101, 1);
	turn(s, WALL + 300);
	store_close(s);
	expect_answer(p.path, "SELECT typeof(in_octets), in_octets FROM usage_hour",
		      "integer|-9223372036854775807 "); /* 2^63 + 1, bit for bit */
	place_remove(&p);
}
END_TEST

START_TEST(view_traffic_wiki_query_answered)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_address a = address_row(1, 1, "192.0.2.1");
	int64_t now = time(NULL);

	use(s, &a, WALL, 1000, 1);
	use(s, &a, now - 29 * 86400, 10, 1);
	use(s, &a, now - 31 * 86400, 500, 1);
	use(s, &a, now, 100, 1); /* is in no period yet */
	store_close(s);
	expect_answer(p.path,
		      "SELECT ip, sum(bytes) FROM traffic"
		      " WHERE measuringtime > datetime('now', '-30 days') GROUP BY ip",
		      "192.0.2.1|222 "); /* (10 + 11) + (100 + 101): in and out, forwarded */
	expect_answer(p.path, "SELECT min(measuringtime) FROM traffic", "2023-11-14 22:00:00 ");
	place_remove(&p);
}
END_TEST

/* A container and one address of it that aged out, gone since this time. */
static void put_gone(struct store *s, uint32_t n, const char *id, int64_t gone_wall_s)
{
	struct store_container c = { .ifindex = n,
				     .id = id,
				     .name = "",
				     .run = INV_RUN_GONE,
				     .state = STORE_AGED,
				     .gone_wall_s = gone_wall_s };
	struct store_address a = address_row(n, n, "192.0.2.1");

	a.state = STORE_AGED;
	a.gone_wall_s = gone_wall_s;
	store_put_container(s, &c);
	store_put_address(s, &a);
}

START_TEST(store_prune_gone_for_long_removed)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	int64_t now = WALL + 500ll * 86400;

	ck_assert_int_eq(store_begin(s, false, WALL, NULL), 0);
	store_put_meta(s, &small_meta);
	put_gone(s, 1, "101", WALL);
	put_gone(s, 2, "102", now - 401ll * 86400 - 1);
	put_gone(s, 3, "103", now - 401ll * 86400);
	ck_assert_int_eq(store_end(s, NULL), 0);
	ck_assert_int_eq(store_prune(s, now, 1), 0); /* not before a period ends */
	turn(s, now);
	ck_assert_int_eq(store_prune(s, now, 1), 2);
	ck_assert_int_eq(store_prune(s, now, 1), 2);
	ck_assert_int_eq(store_prune(s, now, 1), 0);
	expect_answer(p.path, "SELECT ctid FROM container", "103 ");
	expect_answer(p.path, "SELECT key FROM address", "3 ");
	expect_answer(p.path, "SELECT address FROM booked", "3 ");
	store_close(s);
	place_remove(&p);
}
END_TEST

START_TEST(store_prune_imported_kept_400_days)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	char sql[256];

	tell(p.path, "INSERT INTO import VALUES (1, 'traffic.log', 'UTC', 0, 1)");
	for (int i = -2; i < 2; i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO imported VALUES (%lld, '192.0.2.1', %d, 1)",
			 (long long)WALL - 400ll * 86400 + i, i);
		tell(p.path, sql);
	}
	ck_assert_int_eq(store_prune(s, WALL, 1), 1);
	ck_assert_int_eq(store_prune(s, WALL, 10), 1);
	ck_assert_int_eq(store_prune(s, WALL, 10), 0);
	expect_answer(p.path, "SELECT octets FROM imported", "0 1 ");
	store_close(s);
	place_remove(&p);
}
END_TEST

START_TEST(store_prune_old_removed_in_pieces)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_address a = address_row(1, 1, "192.0.2.1");
	int64_t day = 86400, now = WALL - WALL % 3600 + 500 * day;

	for (int i = 0; i < 25; i++)
		use(s, &a, WALL + i * 3600, 1, 1); /* both are too old */
	use(s, &a, now - 36 * day, 1, 1); /* only the 5 minutes are */
	use(s, &a, now - 400 * day, 1, 1); /* here the hour is just kept */
	use(s, &a, now - 35 * day, 1, 1);
	use(s, &a, now, 1, 1);
	turn(s, now + 300);
	ck_assert_int_eq(store_prune(s, now, 10), 10);
	ck_assert_int_eq(store_prune(s, now, 10), 10);
	expect_answer(p.path, "SELECT count(*) FROM usage_5min", "9 ");
	ck_assert_int_eq(store_prune(s, now, 10), 10);
	expect_answer(p.path, "SELECT count(*) FROM usage_hour", "26 ");
	ck_assert_int_eq(store_prune(s, now, 1000), 22);
	ck_assert_int_eq(store_prune(s, now, 1000), 0);
	expect_answer(p.path, "SELECT count(*), min(start) FROM usage_5min", "2|1740175200 ");
	expect_answer(p.path, "SELECT count(*), min(start) FROM usage_hour", "4|1708639200 ");
	store_close(s);
	place_remove(&p);
}
END_TEST

/* A database of schema version 1, in which every checkpoint booked. */
static const char *const back_to_1[] = {
	"DROP TABLE booked",
	"DROP TABLE imported",
	"DROP TABLE import",
	"DROP VIEW traffic",
	"CREATE VIEW traffic AS SELECT a.ip AS ip, datetime(u.start, 'unixepoch') AS measuringtime,"
	" u.in_octets + u.out_octets AS bytes FROM usage_hour AS u"
	" JOIN address AS a ON a.key = u.address",
	"DELETE FROM meta WHERE key = 'counted_at'",
	"DROP TABLE usage_unsure",
	"ALTER TABLE container DROP COLUMN runtime",
	"ALTER TABLE container DROP COLUMN runtime_id",
	"ALTER TABLE container DROP COLUMN bill_begin",
	"ALTER TABLE container DROP COLUMN bill_at_in",
	"ALTER TABLE container DROP COLUMN bill_at_out",
	"ALTER TABLE container DROP COLUMN bill_last_in",
	"ALTER TABLE container DROP COLUMN bill_last_out",
	"ALTER TABLE container DROP COLUMN bill_next_in",
	"ALTER TABLE container DROP COLUMN bill_next_out",
	"ALTER TABLE container DROP COLUMN quota_said",
	"ALTER TABLE container DROP COLUMN counts_said",
	"ALTER TABLE container DROP COLUMN quota_set",
	"ALTER TABLE container DROP COLUMN counts_set",
	"ALTER TABLE container DROP COLUMN quota_told",
	"ALTER TABLE container DROP COLUMN told_quota",
	"ALTER TABLE container DROP COLUMN gone_lived",
	"ALTER TABLE container DROP COLUMN unsure",
	"ALTER TABLE address DROP COLUMN gone_lived",
	"ALTER TABLE address DROP COLUMN unsure",
	"PRAGMA user_version = 1",
};

START_TEST(store_open_version_1_migrated)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_address a = address_row(1, 1, "192.0.2.1"), b = address_row(2, 1, "192.0.2.2");
	char *was;

	use(s, &a, WALL, 100, 1);
	use(s, &b, WALL, 0, 0);
	turn(s, WALL + 300);
	must_put_small(s, 100, 0);
	was = contents(s);
	store_close(s);
	for (size_t i = 0; i < ARRAY_LEN(back_to_1); i++)
		tell(p.path, back_to_1[i]);
	s = must_open(p.path);
	expect_contents(s, was);
	expect_answer(p.path, "PRAGMA user_version", "7 ");
	/* Every ledger has an id, by which it is shipped. */
	expect_answer(p.path, "SELECT length(value) FROM meta WHERE key = 'node'", "32 ");
	expect_answer(p.path, "SELECT address, in_octets FROM booked", "1|100 2|0 ");
	use(s, &b, WALL + 900, 7, 1);
	use(s, &a, WALL + 900, 5, 1);
	turn(s, WALL + 1200);
	expect_answer(p.path, "SELECT start - 1699999800, address, in_octets FROM usage_5min",
		      "0|1|100 900|1|5 900|2|7 ");
	store_close(s);
	free(was);
	place_remove(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_usage");
	TCase *t = tcase_create("store_usage");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, store_begin_other_period_used_summed_in_buckets);
	tcase_add_test(t, store_begin_same_period_nothing_booked);
	tcase_add_test(t, store_end_failed_booked_once);
	tcase_add_test(t, store_put_address_new_before_is_not_used);
	tcase_add_test(t, store_begin_other_period_huge_still_integers);
	tcase_add_test(t, view_traffic_wiki_query_answered);
	tcase_add_test(t, store_prune_gone_for_long_removed);
	tcase_add_test(t, store_prune_imported_kept_400_days);
	tcase_add_test(t, store_prune_old_removed_in_pieces);
	tcase_add_test(t, store_open_version_1_migrated);
	suite_add_tcase(s, t);
	return run_suite(s);
}
