/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What shipping needs no server for: the octets of COPY, and the schema's steps. A server of its
 * own is in tests/fleet. */
#include "ship/pg.h"
#include "ship/pgcopy.h"
#include "ship/schema.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

START_TEST(pgcopy_each_type_has_the_octets_of_postgresql)
{
	static const uint8_t expected[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
					  "\0\5"
					  "\0\0\0\3w\303\251"
					  "\0\0\0\10\377\377\377\377\377\377\377\376"
					  "\0\0\0\10\0\0\0\0\0\17\102\100"
					  "\0\0\0\10\2\40\0\4\300\0\2\1"
					  "\377\377\377\377"
					  "\377\377";
	struct pgcopy c = { .data = NULL };
	struct addr a;

	ck_assert_int_eq(addr_parse("192.0.2.1", &a), 0);
	for (int i = 0; i < 2; i++) { /* and once more into the same memory */
		pgcopy_begin(&c);
		pgcopy_row(&c, 5);
		pgcopy_text(&c, "wé");
		pgcopy_bigint(&c, -2);
		pgcopy_time(&c, 946684801);
		pgcopy_inet(&c, &a);
		pgcopy_null(&c);
		pgcopy_end(&c);
		ck_assert_uint_eq(c.len, sizeof(expected) - 1);
		ck_assert_mem_eq(c.data, expected, c.len);
		ck_assert_uint_eq(c.rows, 1);
	}
	free(c.data);
}
END_TEST

START_TEST(pgcopy_inet_of_ipv6)
{
	static const uint8_t expected[] =
		"\0\0\0\24\3\200\0\20\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2";
	struct pgcopy c = { .data = NULL };
	struct addr a;

	ck_assert_int_eq(addr_parse("2001:db8::2", &a), 0);
	pgcopy_begin(&c);
	pgcopy_inet(&c, &a);
	ck_assert_mem_eq(c.data + 19, expected, sizeof(expected) - 1);
	free(c.data);
}
END_TEST

START_TEST(schema_steps_are_found_in_order)
{
	static const char sql[] = "-- head\n\n-- step 1: a\nA;\n-- no step 9\n-- step 2: b\nB;\n";
	size_t len;
	const char *step;

	ck_assert_int_eq(ship_schema_steps(sql), 2);
	step = ship_schema_step(sql, 1, &len);
	ck_assert_msg(!strncmp(step, "-- step 1: a\nA;", 15), "%s", step);
	ck_assert_ptr_null(memmem(step, len, "B;", 2));
	step = ship_schema_step(sql, 2, &len);
	ck_assert_uint_eq(len, strlen("-- step 2: b\nB;\n"));
	ck_assert_ptr_null(ship_schema_step(sql, 3, &len));
	/* The embedded one: each step but the first sets its own number. */
	for (int n = 2; n <= ship_schema_steps(ship_schema_sql); n++) {
		char set[64];

		snprintf(set, sizeof(set), "UPDATE ctmeter.schema SET version = %d;", n);
		step = ship_schema_step(ship_schema_sql, n, &len);
		ck_assert_ptr_nonnull(memmem(step, len, set, strlen(set)));
	}
	ck_assert_int_ge(ship_schema_steps(ship_schema_sql), 2);
}
END_TEST

static void assert_refused(const char *conninfo, const char *part)
{
	struct err e = { "" };
	struct pg *pg;

	ck_assert_int_lt(pg_open(conninfo, 1, &pg, &e), 0);
	ck_assert_msg(strstr(e.text, part) != NULL, "%s", e.text);
	ck_assert_msg(!strchr(e.text, '\n'), "%s", e.text);
}

START_TEST(pg_open_bad_string_says_what_to_do)
{
	assert_refused("host", "[ship] database is no connection string of libpq");
	assert_refused("hots=a dbname=b", "invalid connection option \"hots\"");
	assert_refused("host=a password=secret", "put it into a file with mode 0600");
	assert_refused("postgresql://u:secret@a/b", "put it into a file with mode 0600");
	assert_refused("host=/nonexistent dbname=b user=c", "is PostgreSQL running");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ship");
	Suite *s = suite_create("ship");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, pgcopy_each_type_has_the_octets_of_postgresql);
	tcase_add_test(tc, pgcopy_inet_of_ipv6);
	tcase_add_test(tc, schema_steps_are_found_in_order);
	tcase_add_test(tc, pg_open_bad_string_says_what_to_do);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
