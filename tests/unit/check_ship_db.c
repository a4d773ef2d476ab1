/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/ship_db.h"

#include "store_helpers.h"

#define START 1795435200 /* 2026-11-23 12:00:00 UTC */
#define HOUR 3600

static void run(const char *path, const char *sql)
{
	char *message = NULL;
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, sql, NULL, NULL, &message);
	ck_assert_msg(!message, "%s: %s", sql, message);
	sqlite3_close(db);
}

/* A ledger of two addresses, the daemon's last checkpoint at 13:07. */
static struct place ledger_new(void)
{
	struct place p = place_new();
	struct store_meta meta = { .next_ifindex = 3, .next_key = 3, .checkpoint = 77 };
	struct store *s = must_open(p.path);
	struct err e;

	ck_assert_int_eq(store_begin(s, false, START + HOUR + 420, &e), 0);
	for (uint32_t i = 1; i <= 2; i++) {
		struct store_container c = { .ifindex = i, .run = 2 };
		struct store_address a = { .key = i, .container = i };

		c.id = i == 1 ? "101" : "wéb";
		c.name = "name";
		a.totals.path[PATH_FWD_IN].octets = 1000;
		a.totals.discontinuities = i;
		ck_assert_int_eq(addr_parse(i == 1 ? "192.0.2.1" : "2001:db8::2", &a.addr), 0);
		ck_assert_int_eq(store_put_container(s, &c), 0);
		ck_assert_int_eq(store_put_address(s, &a), 0);
	}
	ck_assert_int_eq(store_put_meta(s, &meta), 0);
	ck_assert_int_eq(store_end(s, &e), 0);
	store_close(s);
	run(p.path,
	    "INSERT INTO usage_5min SELECT 1795435200 + 300 * n, key, 10 * key + n, 1, 2, 3, 4, "
	    "5, 6, 7"
	    " FROM address, (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 13);"
	    "INSERT INTO usage_hour VALUES (1795438800, 1, 5, 0, 0, 0, 0, 0, 0, 0);"
	    "UPDATE booked SET in_octets = 600 WHERE address = 1");
	return p;
}

static struct report_db *must_read(const char *path)
{
	struct report_db *db = NULL;
	struct err e = { "" };

	ck_assert_msg(report_db_open(path, &db, &e) == 0, "%s", e.text);
	return db;
}

static void print_row(void *arg, const struct ship_row *row)
{
	fprintf(arg, "%lld %s %s %llu;", (long long)row->start_s - START, row->container, row->ip,
		(unsigned long long)row->path[PATH_FWD_IN].octets);
}

static void print_day(void *arg, const struct ship_day *day)
{
	fprintf(arg, "%lld %lld %lld %lld;", (long long)day->day, (long long)day->rows,
		(long long)day->octets, (long long)day->places);
}

START_TEST(facts_new_ledger_has_an_id_that_stays)
{
	struct place p = ledger_new();
	struct report_db *db = must_read(p.path);
	struct ship_facts f, again;
	struct err e = { "" };

	ck_assert_int_eq(ship_db_facts(db, &f, &e), 0);
	ck_assert_uint_eq(strlen(f.node), 32);
	ck_assert_uint_eq(strspn(f.node, "0123456789abcdef"), 32);
	ck_assert_int_eq(f.checkpoint, 77);
	ck_assert_int_eq(f.counted_at_s, START + HOUR + 420);
	ck_assert_int_eq(f.oldest_s[REPORT_DB_5MIN], START);
	ck_assert_int_eq(f.oldest_s[REPORT_DB_HOUR], START + HOUR);
	report_db_close(db);
	store_close(must_open(p.path));
	db = must_read(p.path);
	ck_assert_int_eq(ship_db_facts(db, &again, &e), 0);
	ck_assert_str_eq(again.node, f.node);
	report_db_close(db);
	place_remove(&p);
}
END_TEST

START_TEST(facts_without_an_id_say_what_to_do)
{
	struct place p = ledger_new();
	struct report_db *db;
	struct ship_facts f;
	struct err e = { "" };

	run(p.path, "DELETE FROM meta WHERE key = 'node'");
	db = must_read(p.path);
	ck_assert_int_eq(ship_db_facts(db, &f, &e), -ENODATA);
	ck_assert_msg(strstr(e.text, "restart ctmeterd") != NULL, "%s", e.text);
	report_db_close(db);
	place_remove(&p);
}
END_TEST

START_TEST(usage_is_cut_between_periods)
{
	struct place p = ledger_new();
	struct report_db *db = must_read(p.path);
	struct err e = { "" };
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);
	int64_t until = 0;

	ck_assert_int_eq(ship_db_usage(db, REPORT_DB_5MIN, START, START + 900, 1, print_row, f,
				       &until, &e),
			 0);
	ck_assert_int_eq(until, START + 300);
	fputc('|', f);
	ck_assert_int_eq(ship_db_usage(db, REPORT_DB_5MIN, until, START + 900, 3, print_row, f,
				       &until, &e),
			 0);
	ck_assert_int_eq(until, START + 900);
	fclose(f);
	ck_assert_str_eq(text, "0 101 192.0.2.1 10;0 wéb 2001:db8::2 20;|300 101 192.0.2.1 11;"
			       "300 wéb 2001:db8::2 21;600 101 192.0.2.1 12;"
			       "600 wéb 2001:db8::2 22;");
	free(text);
	report_db_close(db);
	place_remove(&p);
}
END_TEST

START_TEST(open_usage_is_what_is_booked_and_what_is_not_yet)
{
	struct place p = ledger_new();
	struct report_db *db = must_read(p.path);
	struct err e = { "" };
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	ck_assert_int_eq(ship_db_open_usage(db, REPORT_DB_5MIN, print_row, f, &e), 0);
	fputc('|', f);
	ck_assert_int_eq(ship_db_open_usage(db, REPORT_DB_HOUR, print_row, f, &e), 0);
	fclose(f);
	/* Of address 1 600 octets are booked: 23 of 13:05, 5 of the hour of 13:00. Of address 2
	 * none are, so all of its 1000 are open. */
	ck_assert_str_eq(text, "3900 101 192.0.2.1 423;3900 wéb 2001:db8::2 1033;|"
			       "3600 101 192.0.2.1 405;3600 wéb 2001:db8::2 1000;");
	free(text);
	report_db_close(db);
	place_remove(&p);
}
END_TEST

static char *days(const struct place *p)
{
	struct report_db *db = must_read(p->path);
	struct err e = { "" };
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	ck_assert_int_eq(ship_db_days(db, REPORT_DB_5MIN, 0, START + HOUR, print_day, f, &e), 0);
	fclose(f);
	report_db_close(db);
	return text;
}

START_TEST(days_a_move_within_the_day_shows)
{
	struct place p = ledger_new();
	char *before = days(&p), *after;

	ck_assert_str_eq(before, "20780 6 2112 859588;");
	run(p.path, "UPDATE usage_5min SET start = start + 1500 WHERE start = 1795435800");
	after = days(&p);
	ck_assert_str_ne(before, after);
	free(after);
	run(p.path, "UPDATE usage_5min SET start = start - 1500 WHERE start = 1795437300");
	after = days(&p);
	ck_assert_str_eq(before, after);
	free(after);
	free(before);
	place_remove(&p);
}
END_TEST

START_TEST(new_node_has_another_id_and_no_past)
{
	struct place p = ledger_new();
	struct report_db *db = must_read(p.path);
	struct ship_facts f, now;
	struct err e = { "" };

	ck_assert_int_eq(ship_db_facts(db, &f, &e), 0);
	report_db_close(db);
	ck_assert_int_eq(ship_db_new_node(p.path, START + 301, &e), 0);
	db = must_read(p.path);
	ck_assert_int_eq(ship_db_facts(db, &now, &e), 0);
	ck_assert_str_ne(now.node, f.node);
	ck_assert_int_eq(now.since_s, START + 301);
	ck_assert_int_eq(now.oldest_s[REPORT_DB_5MIN], START + 600);
	report_db_close(db);
	place_remove(&p);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ship_db");
	Suite *s = suite_create("ship_db");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, facts_new_ledger_has_an_id_that_stays);
	tcase_add_test(tc, facts_without_an_id_say_what_to_do);
	tcase_add_test(tc, usage_is_cut_between_periods);
	tcase_add_test(tc, open_usage_is_what_is_booked_and_what_is_not_yet);
	tcase_add_test(tc, days_a_move_within_the_day_shows);
	tcase_add_test(tc, new_node_has_another_id_and_no_past);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
