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

static const struct store_meta meta = { .boot_id = "0f0e0d0c-0b0a-4908-8706-050403020100",
					.commit = { UINT64_MAX, 1ull << 63 },
					.next_ifindex = 4000000000u,
					.next_key = 77,
					.port_view = PORT_VIEW_SWITCH,
					.turned_wall_s = 1795428672,
					.turned_unsure = true,
					.port_framing = 18,
					.left = { false, true },
					.ledger = UINT64_MAX,
					.checkpoint = 1ull << 62 };

static const struct store_bill some_bill = { .begin_s = 1,
					     .at = { UINT64_MAX, 2 },
					     .last = { 3, 4 },
					     .next = { 5, 6 },
					     .said = { BILLING_NO_QUOTA, BILLING_COUNTS_IN },
					     .set = { 7, BILLING_COUNTS_LARGER },
					     .told = 100,
					     .told_quota = 8 };

START_TEST(store_load_after_save_same)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct store_container c[3] = { { .ifindex = 1,
					  .id = "x'); DROP TABLE meta; --\"",
					  .name = "Bj\xc3\xb6rn's \"web\" ; \xe2\x98\x83" },
					{ .ifindex = 2, .name = "" },
					{ .ifindex = 3999999999u,
					  .id = "103",
					  .name = "n",
					  .runtime = "docker",
					  .runtime_id = "0f1e" } };
	struct store_address a[3] = { address_row(1, 1, "192.0.2.1"),
				      address_row(2, 3999999999u, "192.0.2.1"),
				      address_row(76, 2, "2001:db8::ffff:1") };
	struct store_meta with_period = meta;
	char id[65], *expected;
	size_t len;
	FILE *f = open_memstream(&expected, &len);

	memset(id, 'z', 64);
	id[64] = '\0';
	c[1].id = id;
	with_period.period = (struct store_period) { 1, 2, 3, 4, 5, 6, INT64_MAX, 8, 9 };
	c[2].bill = some_bill;
	print_meta(f, &with_period);
	ck_assert_int_eq(store_begin(s, true, WALL, NULL), 0);
	store_put_meta(s, &with_period);
	for (int i = 0; i < 3; i++) {
		c[i].run = INV_RUN_RUNNING + i;
		c[i].state = (enum store_state[]) { STORE_LIVE, STORE_RETIRED, STORE_AGED }[i];
		c[i].gone_wall_s = i * 1000;
		c[i].totals = some_totals(i ? UINT64_MAX - 100 : 1ull << 63);
		store_put_container(s, &c[i]);
		print_container(f, &c[i]); /* the aged-out one has an address that is live */
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
	ck_assert_uint_eq(m.commit[1], 2);
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
	ck_assert_int_eq(store_put_container(s, &other), -EINVAL); /* container 1 has this id */
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
	expect_answer(p.path, "PRAGMA user_version", "7 ");
	expect_answer(p.path, "PRAGMA journal_mode", "wal ");
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
	second = must_open(p.path); /* a writer does not keep a second process from opening */
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
	tcase_add_test(t, store_open_newer_schema_refused);
	tcase_add_test(t, store_open_other_programs_database_refused);
	tcase_add_test(t, store_open_version_0_migrated);
	tcase_add_test(t, store_begin_locked_busy_then_saved);
	tcase_add_test(t, store_open_held_exclusively_busy);
	tcase_add_test(t, store_begin_file_removed_told);
	suite_add_tcase(s, t);
	return run_suite(s);
}
