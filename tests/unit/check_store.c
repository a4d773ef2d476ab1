/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_helpers.h"

/* --- round trips --------------------------------------------------------------------------- */

START_TEST(store_open_new_database_empty_and_private)
{
	struct place p = place_new();
	char *deep = xasprintf("%s/a/b/ledger.db", p.dir), *dir = xasprintf("%s/a/b", p.dir);
	char *wal = xasprintf("%s-wal", deep);
	struct stat st;
	struct store *s;

	umask(0);
	s = must_open(deep);
	expect_contents(s, " 0 0 1 1\n");
	must_put_small(s, 1, 1);
	ck_assert(stat(dir, &st) == 0 && (st.st_mode & 07777) == 0750);
	ck_assert(stat(deep, &st) == 0 && (st.st_mode & 07777) == 0640);
	ck_assert(stat(wal, &st) == 0 && (st.st_mode & 07777) == 0640);
	store_close(s);
	free(wal);
	free(dir);
	free(deep);
	place_remove(&p);
}
END_TEST

START_TEST(store_load_after_save_same)
{
	static const struct store_meta meta = { .boot_id = "0f0e0d0c-0b0a-4908-8706-050403020100",
						.epoch = { UINT64_MAX, 1ull << 63 },
						.next_ifindex = 4000000000u,
						.next_key = 77,
						.port_view = PORT_VIEW_SWITCH,
						.turned_wall_s = 1795428672,
						.turned_unsure = true,
						.ledger = UINT64_MAX,
						.checkpoint = 1ull << 62 };
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_container c[3] = { { .ifindex = 1,
					  .id = "x'); DROP TABLE meta; --\"",
					  .name = "Bj\xc3\xb6rn's \"web\" ; \xe2\x98\x83" },
					{ .ifindex = 2, .name = "" },
					{ .ifindex = 3999999999u, .id = "103", .name = "n" } };
	struct store_address a[3] = { address_row(1, 1, "192.0.2.1"),
				      address_row(2, 3999999999u, "192.0.2.1"),
				      address_row(76, 2, "2001:db8::ffff:1") };
	char id[65], *expected;
	size_t len;
	FILE *f = open_memstream(&expected, &len);

	memset(id, 'z', 64);
	id[64] = '\0';
	c[1].id = id;
	print_meta(f, &meta);
	ck_assert_int_eq(store_begin(s, true, WALL, NULL), 0);
	store_put_meta(s, &meta);
	for (int i = 0; i < 3; i++) {
		c[i].run = INV_RUN_RUNNING + i;
		c[i].state = (enum store_state[]) { STORE_LIVE, STORE_RETIRED, STORE_AGED }[i];
		c[i].gone_wall_s = i * 1000;
		c[i].totals = some_totals(i ? UINT64_MAX - 100 : 1ull << 63);
		store_put_container(s, &c[i]);
		print_container(f, &c[i]); /* the aged one has an address that is not */
	}
	for (int i = 0; i < 3; i++) {
		a[i].state = (enum store_state)(STORE_CONFLICT + i);
		a[i].gone_wall_s = i * 2000;
		a[i].owner = i & 1;
		a[i].seen = (uint8_t)(15 - i);
		a[i].totals = some_totals((1ull << 63) - 20);
		memcpy(a[i].last, a[i].totals.zero, sizeof(a[i].last));
		store_put_address(s, &a[i]);
		if (a[i].state != STORE_AGED)
			print_address(f, &a[i]);
	}
	fclose(f);
	ck_assert_int_eq(store_end(s, NULL), 0);
	expect_contents(s, expected);
	store_close(s);
	s = must_open(p.path);
	expect_contents(s, expected);
	store_close(s);
	free(expected);
	place_remove(&p);
}
END_TEST

START_TEST(store_put_row_twice_updated)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);

	must_put_small(s, 5, 0);
	must_put_small(s, 7, 0);
	store_close(s);
	expect_answer(p.path, "SELECT ifindex, in_octets FROM container", "1|7 ");
	expect_answer(p.path, "SELECT key, in_octets FROM address", "1|7 ");
	place_remove(&p);
}
END_TEST

START_TEST(store_load_no_callbacks_only_meta)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_meta m;

	must_put_small(s, 5, 0);
	ck_assert_int_eq(store_load(s, &m, NULL, NULL, NULL, NULL), 0);
	ck_assert_str_eq(m.boot_id, "boot");
	ck_assert_uint_eq(m.epoch[1], 2);
	store_close(s);
	place_remove(&p);
}
END_TEST

START_TEST(store_load_numbers_lost_not_given_twice)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_meta m;

	must_put_small(s, 5, 0);
	tell(p.path, "DELETE FROM meta");
	ck_assert_int_eq(store_load(s, &m, NULL, NULL, NULL, NULL), 0);
	ck_assert_uint_eq(m.next_ifindex, 2);
	ck_assert_uint_eq(m.next_key, 2);
	store_close(s);
	place_remove(&p);
}
END_TEST

START_TEST(store_end_put_failed_nothing_changed)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_container other = { .ifindex = 9, .id = "101", .name = "", .run = 1 };
	struct err e = { "" };

	must_put_small(s, 5, 5);
	ck_assert_int_eq(store_begin(s, false, WALL, NULL), 0);
	ck_assert_int_eq(store_put_container(s, &other), -EINVAL); /* its id is 1's */
	ck_assert_int_eq(store_put_meta(s, &(struct store_meta) { .boot_id = "new",
								  .next_ifindex = 9 }),
			 -EINVAL);
	ck_assert_int_eq(store_end(s, &e), -EINVAL);
	ck_assert(strstr(e.text, p.path) && strstr(e.text, "ctid"));
	expect_small(p.path, "5 ", "5 ");
	expect_answer(p.path, "SELECT value FROM meta WHERE key = 'boot_id'", "boot ");
	must_put_small(s, 6, 1);
	store_close(s);
	expect_small(p.path, "6 ", "6 ");
	place_remove(&p);
}
END_TEST

/* --- usage --------------------------------------------------------------------------------- */

/* A checkpoint in which the address has so much more. */
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

/* One that changes nothing. */
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
	use(s, &b, hour + 10, 0, 3); /* back: still summed */
	use(s, &b, hour + 7200, 0, 0);
	use(s, &a, hour - 1, 1, 1);
	use(s, &a, -1, 9, 9); /* a clock that is not set: still whole buckets */
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
		ck_assert_int_eq(store_put_address(s, &wrong), -EINVAL); /* it is 1's */
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
	a.before[PATH_FWD_IN].octets = 2000; /* for a row that is there: of no meaning */
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

/* A container and an address of it that aged out, gone since then. */
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
	use(s, &a, now - 36 * day, 1, 1); /* the 5 minutes are */
	use(s, &a, now - 400 * day, 1, 1); /* and here the hour is just kept */
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

/* --- versions ------------------------------------------------------------------------------ */

static void expect_refused(const struct place *p, const char *text)
{
	struct store *s = NULL;
	struct err e = { "" };
	char *aside;
	char *before = ask(p->path, "SELECT group_concat(sql) FROM sqlite_master");

	ck_assert_int_eq(store_open(p->path, &s, &aside, &e), -ENOTSUP);
	ck_assert_msg(strstr(e.text, text) && strstr(e.text, p->path), "%s", e.text);
	ck_assert(aside == NULL && s == NULL);
	expect_answer(p->path, "SELECT group_concat(sql) FROM sqlite_master", before);
	free(before);
}

START_TEST(store_open_newer_schema_refused)
{
	struct place p = place_new();

	store_close(must_open(p.path));
	tell(p.path, "PRAGMA user_version = 1000");
	expect_refused(&p, "newer ctmeter (schema 1000");
	place_remove(&p);
}
END_TEST

START_TEST(store_open_other_programs_database_refused)
{
	struct place p = place_new();

	tell(p.path, "CREATE TABLE songs (title)");
	expect_refused(&p, "another program");
	expect_answer(p.path, "PRAGMA journal_mode", "delete ");
	tell(p.path, "PRAGMA user_version = 1");
	expect_refused(&p, "another program");
	place_remove(&p);
}
END_TEST

START_TEST(store_open_version_0_migrated)
{
	struct place p = place_new();
	struct store *s;

	write_at(p.path, 0, "", 0);
	s = must_open(p.path); /* no octets at all */
	must_put_small(s, 1, 1);
	store_close(s);
	remove_beside(&p, "");
	remove_beside(&p, "-wal");
	remove_beside(&p, "-shm");
	tell(p.path, "CREATE TABLE t (a)");
	tell(p.path, "DROP TABLE t"); /* pages, but no tables */
	s = must_open(p.path);
	must_put_small(s, 2, 2);
	store_close(s);
	expect_small(p.path, "2 ", "2 ");
	expect_answer(p.path, "PRAGMA user_version", "4 ");
	expect_answer(p.path, "PRAGMA journal_mode", "wal ");
	place_remove(&p);
}
END_TEST

/* A database as version 1 had it, in which every checkpoint booked. */
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
	expect_answer(p.path, "PRAGMA user_version", "4 ");
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

/* --- others -------------------------------------------------------------------------------- */

START_TEST(store_begin_locked_busy_then_saved)
{
	struct place p = place_new();
	struct store *s = must_open(p.path), *second;
	struct err e = { "" };
	sqlite3 *db;

	must_put_small(s, 1, 1);
	ck_assert_int_eq(sqlite3_open(p.path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(put_small(s, 2, 1, &e), -EBUSY);
	ck_assert(strstr(e.text, "locked") && strstr(e.text, p.path));
	ck_assert_int_eq(store_prune(s, WALL, 1), -EBUSY);
	second = must_open(p.path); /* a writer does not keep us from opening */
	store_close(second);
	ck_assert_int_eq(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	must_put_small(s, 3, 2);
	store_close(s);
	expect_small(p.path, "3 ", "3 ");
	place_remove(&p);
}
END_TEST

START_TEST(store_open_held_exclusively_busy)
{
	struct place p = place_new();
	struct store *s;
	struct err e = { "" };
	sqlite3 *db;

	store_close(must_open(p.path));
	ck_assert_int_eq(sqlite3_open(p.path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT", NULL, NULL,
		     NULL);
	ck_assert_int_eq(store_open(p.path, &s, NULL, &e), -EBUSY);
	ck_assert(strstr(e.text, p.path) != NULL);
	sqlite3_close(db);
	s = must_open(p.path);
	store_close(s);
	place_remove(&p);
}
END_TEST

START_TEST(store_begin_file_removed_told)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct err e = { "" };

	must_put_small(s, 1, 1);
	remove_beside(&p, "");
	ck_assert_int_eq(put_small(s, 2, 1, &e), -ESTALE);
	ck_assert(strstr(e.text, p.path) && strstr(e.text, "removed or replaced"));
	ck_assert_int_eq(put_small(s, 2, 1, &e), -ESTALE);
	store_close(s);
	s = must_open(p.path);
	must_put_small(s, 2, 1);
	store_close(s);
	expect_small(p.path, "2 ", "1 ");
	place_remove(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store");
	TCase *t = tcase_create("store");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, store_open_new_database_empty_and_private);
	tcase_add_test(t, store_load_after_save_same);
	tcase_add_test(t, store_put_row_twice_updated);
	tcase_add_test(t, store_load_no_callbacks_only_meta);
	tcase_add_test(t, store_load_numbers_lost_not_given_twice);
	tcase_add_test(t, store_end_put_failed_nothing_changed);
	tcase_add_test(t, store_begin_other_period_used_summed_in_buckets);
	tcase_add_test(t, store_begin_same_period_nothing_booked);
	tcase_add_test(t, store_end_failed_booked_once);
	tcase_add_test(t, store_put_address_new_before_is_not_used);
	tcase_add_test(t, store_begin_other_period_huge_still_integers);
	tcase_add_test(t, view_traffic_wiki_query_answered);
	tcase_add_test(t, store_prune_gone_for_long_removed);
	tcase_add_test(t, store_prune_old_removed_in_pieces);
	tcase_add_test(t, store_prune_imported_kept_400_days);
	tcase_add_test(t, store_open_newer_schema_refused);
	tcase_add_test(t, store_open_other_programs_database_refused);
	tcase_add_test(t, store_open_version_0_migrated);
	tcase_add_test(t, store_open_version_1_migrated);
	tcase_add_test(t, store_begin_locked_busy_then_saved);
	tcase_add_test(t, store_open_held_exclusively_busy);
	tcase_add_test(t, store_begin_file_removed_told);
	suite_add_tcase(s, t);
	return run_suite(s);
}
