/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/statement.h"

#include "html_check.h"
#include "report_world.h"

#include <errno.h>

#define NOV_1 1793491200 /* 2026-11-01 00:00 UTC */
#define DEC_1 (NOV_1 + 30 * DAY)
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static void use_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static struct statement_month month_at(const char *text, int64_t now_s)
{
	struct statement_month m = { .now_s = now_s, .stored = true };
	struct err e = { "" };

	ck_assert_msg(!period_month(text, now_s, &m.since_s, &m.until_s, &e), "%s", e.text);
	return m;
}

static struct statements *must_read(const struct world *w, const struct statement_month *m,
				    char *const *cts, size_t n)
{
	struct statements *all = NULL;
	struct err e = { "" };

	ck_assert_msg(!statements_read(w->path, m, cts, n, &all, &e), "%s", e.text);
	return all;
}

/* The page, for free(). */
static char *page_of(const struct statement *s)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	statement_put(s, out);
	fclose(out);
	html_check(text);
	return text;
}

static char *page(const struct world *w, const struct statement_month *m, const char *ctid)
{
	char *cts[] = { (char *)(uintptr_t)ctid };
	struct statements *all = must_read(w, m, cts, 1);
	char *text = page_of(statements_get(all, 0));

	statements_free(all);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "no '%s' in the page", part);
}

static void assert_lacks(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "'%s' in the page", part);
}

#define NB "\xc2\xa0"

/* ---- what is read ---- */

START_TEST(statements_read_parts_agree_and_belong_to_their_container)
{
	char *cts[] = { (char *)"102", (char *)"103", (char *)"101" };
	struct world *w = world_new();
	struct statement_month m = month_at("2026-11", DEC_1 + HOUR);
	struct statements *all;
	const struct statement *s;
	uint64_t days = 0, hours = 0;

	ledger_use(w->db, 2, NOV_1, 100, 10, 0, 0);
	ledger_use(w->db, 3, DEC_1 - 1, 1000, 0, 7, 0);
	ledger_use(w->db, 2, NOV_1 - 1, 1 << 20, 0, 0, 0); /* October's, December's */
	ledger_use(w->db, 2, DEC_1, 1 << 20, 0, 0, 0);
	ledger_use(w->db, 1, NOV_1 + 5 * DAY, 1, 0, 0, 0);
	all = must_read(w, &m, cts, 3);
	s = statements_get(all, 0);
	ck_assert_str_eq(s->ctid, "102");
	ck_assert_str_eq(s->name, "db");
	ck_assert_uint_eq(s->sum->total, 1117);
	ck_assert_uint_eq(s->n_addresses, 2);
	ck_assert_str_eq(s->addresses[0].address, "2001:db8::2");
	ck_assert_uint_eq(s->n_days, 30);
	ck_assert_uint_eq(s->n_hours, 720);
	for (size_t i = 0; i < s->n_days; i++)
		days += s->days[i].total;
	for (size_t i = 0; i < s->n_hours; i++)
		hours += s->hours[i].total;
	ck_assert_uint_eq(days, 1117);
	ck_assert_uint_eq(hours, 1117);
	s = statements_get(all, 1); /* gone and without traffic, but asked for */
	ck_assert_str_eq(s->ctid, "103");
	ck_assert_uint_eq(s->sum->total, 0);
	s = statements_get(all, 2);
	ck_assert_uint_eq(s->days[5].total, 1);
	ck_assert_uint_eq(s->sum->total, 1);
	statements_free(all);
	world_free(w);
}
END_TEST

START_TEST(statements_read_unknown_container_is_named)
{
	struct world *w = world_new();
	struct statement_month m = month_at("2026-11", DEC_1 + HOUR);
	char *cts[] = { (char *)"101", (char *)"nobody" };
	struct statements *all = NULL;
	struct err e = { "" };

	ck_assert_int_eq(statements_read(w->path, &m, cts, 2, &all, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "knows no container nobody: ctmeter list"));
	ck_assert_ptr_null(all);
	world_free(w);
}
END_TEST

START_TEST(statement_cts_are_those_of_the_month)
{
	struct world *w = world_new();
	struct statement_month m = month_at("2026-11", DEC_1 + HOUR);
	struct err e = { "" };
	char **cts = NULL;
	size_t n = 0;

	ledger_container(w->db, 4, "20", "later", 0, DEC_1 + 60);
	ledger_container(w->db, 5, "9", "gone", 2, NOW - 100 * DAY);
	ledger_address(w->db, 5, 5, "192.0.2.9", 2, NOW - 100 * DAY);
	ledger_use(w->db, 5, NOV_1 + HOUR, 0, 1, 0, 0);
	ck_assert_msg(!statement_cts(w->path, &m, &cts, &n, &e), "%s", e.text);
	/* 103 is gone and had no traffic. */
	ck_assert_uint_eq(n, 3);
	ck_assert_str_eq(cts[0], "9");
	ck_assert_str_eq(cts[1], "101");
	ck_assert_str_eq(cts[2], "102");
	ck_assert_ptr_null(cts[3]);
	statement_cts_free(cts);
	world_free(w);
}
END_TEST

/* ---- the page ---- */

START_TEST(statement_put_has_totals_rates_and_every_digit)
{
	struct world *w = world_new();
	struct statement_month m = month_at("2026-11", DEC_1 + HOUR);
	char *text;

	for (int i = 0; i < 30 * 288; i++)
		if (i % 10 == 0) /* often enough for a percentile that is not 0 */
			ledger_use(w->db, 1, NOV_1 + i * 300, 1234567, 75000, 0, 0);
	ledger_use(w->db, 1, NOV_1, 0, 0, 5, 6);
	text = page(w, &m, "101");
	assert_has(text, "<title>web, November 2026</title>");
	assert_has(text, "<h1>web</h1>\n<p>Traffic of container 101 in November 2026</p>");
	assert_has(text, "2026-11-01 00:00 UTC to 2026-12-01 00:00 UTC");
	assert_has(text, "1.07" NB "GB <small>1066665893 octets</small>");
	assert_has(text, "64.8" NB "MB <small>64800006 octets</small>");
	assert_has(text, "in 5" NB "B <small>(5 octets)</small>, out 6" NB "B ");
	assert_has(text, "32.9" NB "kbit/s <small>32921 bit/s</small>");
	assert_has(text, "2.00" NB "kbit/s <small>2000 bit/s</small>");
	assert_has(text, "<h2>By day</h2>");
	assert_has(text, "2026-11-30 <small>Monday</small>");
	assert_has(text, "<th scope=\"row\">2026-11-01 23:00</th>");
	assert_has(text, "No interruption of the counting is known");
	assert_lacks(text, "class=\"note\"");
	assert_lacks(text, "Quota");
	/* Nothing runs, nothing is loaded. */
	assert_has(text, "default-src 'none'");
	assert_lacks(text, "<script");
	assert_lacks(text, "src=");
	assert_lacks(text, "url(");
	assert_lacks(text, "@import");
	assert_lacks(text, "href=");
	free(text);
	world_free(w);
}
END_TEST

START_TEST(statement_put_odd_names_do_nothing)
{
	struct world *w = world_new();
	struct statement_month m = month_at("2026-11", DEC_1 + HOUR);
	char *text;

	ledger_exec(w->db,
		    "UPDATE container SET ctid = '<b>&\"''', name = '</title><script>alert(1)"
		    "</script>' || CAST(x'fffee280ae' AS TEXT) WHERE ifindex = 1");
	ledger_use(w->db, 1, NOV_1, 1, 0, 0, 0);
	text = page(w, &m, "<b>&\"'");
	assert_has(text, "<title>&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
	assert_has(text, "container &lt;b&gt;&amp;&quot;&#39; in November");
	assert_lacks(text, "<script");
	assert_lacks(text, "<b>");
	assert_lacks(text, "\xe2\x80\xae");
	free(text);
	ledger_exec(w->db, "UPDATE container SET name = '' WHERE ifindex = 1");
	text = page(w, &m, "<b>&\"'");
	assert_has(text, "<h1>&lt;b&gt;&amp;&quot;&#39;</h1>");
	free(text);
	world_free(w);
}
END_TEST

START_TEST(statement_put_empty_month_says_so)
{
	struct world *w = world_new();
	struct statement_month m = month_at("2026-11", DEC_1 + HOUR);
	char *text = page(w, &m, "101");

	assert_has(text, "No traffic was counted in this month.");
	assert_has(text, "0" NB "B <small>0 octets</small>");
	assert_has(text, "192.0.2.1");
	assert_lacks(text, "<svg");
	assert_lacks(text, "percentile");
	free(text);
	world_free(w);
}
END_TEST

START_TEST(statement_put_part_of_a_month_says_which)
{
	struct world *w = world_new();
	struct statement_month m = month_at("2026-11", NOW);
	char *text;

	ledger_use(w->db, 1, NOW - DAY, 1, 0, 0, 0);
	text = page(w, &m, "101");
	assert_has(text, "The month is not over. These figures go until 2026-11-23 12:07 UTC.");
	free(text);
	m.stored = false;
	ledger_leave_open(w->db, 1, NOW - HOUR, 5, 0);
	text = page(w, &m, "101");
	assert_has(text, "The month is not over. These figures go until 2026-11-23 11:07 UTC.");
	free(text);
	/* The daemon ended in the month. */
	m = month_at("2026-11", DEC_1 + DAY);
	text = page(w, &m, "101");
	assert_has(text,
		   "These figures go until 2026-11-23 11:07 UTC; what came later is missing.");
	free(text);
	ledger_put(w->db,
		   "UPDATE container SET since = %d, gone_at = %d, state = 2 WHERE ifindex = 1",
		   NOV_1 + 5 * DAY, NOV_1 + 25 * DAY);
	ledger_put(w->db, "UPDATE address SET since = %d, gone_at = %d WHERE key = 1",
		   NOV_1 + 6 * DAY, NOV_1 + 24 * DAY);
	text = page(w, &m, "101");
	assert_has(text, "Counting of this container began at 2026-11-06 00:00 UTC.");
	assert_has(text, "The container has been gone since 2026-11-26 00:00 UTC.");
	assert_has(text, "2026-11-06 <small>");
	assert_lacks(text, "2026-11-05 <small>");
	assert_has(text, "2026-11-25 <small>");
	assert_lacks(text, "2026-11-26 <small>");
	assert_has(text, "192.0.2.1 <small>from 2026-11-07 00:00 UTC</small> "
			 "<small>until 2026-11-25 00:00 UTC</small></th>");
	free(text);
	ledger_put(w->db, "UPDATE container SET since = %d WHERE ifindex = 2", DEC_1 + 60);
	text = page(w, &m, "102");
	assert_has(text, "was not counted in this month: counting began at 2026-12-01 00:01 UTC.");
	free(text);
	world_free(w);
}
END_TEST

START_TEST(statement_put_old_month_has_no_percentile)
{
	struct world *w = world_new();
	struct statement_month m = month_at("2026-08", NOW);
	char *text;

	ledger_use(w->db, 1, NOW - 90 * DAY, 1, 0, 0, 0);
	text = page(w, &m, "101");
	assert_has(text, "<h2>95th percentile</h2>\n<p>Not available: it needs the figures of each "
			 "5 minutes, which are kept for 35 days.</p>");
	free(text);
	world_free(w);
}
END_TEST

START_TEST(statement_put_days_of_other_lengths_are_told)
{
	struct world *w = world_new();
	struct statement_month m;
	char *text;

	use_zone(BERLIN);
	m = month_at("2026-10", NOV_1 + DAY);
	/* 2026-10-25 is summer time until 03:00: the hour from 2 is there twice. */
	ledger_use(w->db, 1, NOV_1 - 7 * DAY, 10, 0, 0, 0);
	ledger_use(w->db, 1, NOV_1 - 7 * DAY + HOUR, 20, 0, 0, 0);
	text = page(w, &m, "101");
	assert_has(text, "2026-10-25 <small>Sunday, 25 hours</small></th><td>30" NB "B");
	assert_has(text, "2026-10-24 <small>Saturday</small>");
	assert_has(text, "2026-10-01 00:00 CEST to 2026-11-01 00:00 CET");
	assert_has(text, "2026-10-25 02:00 CEST</th><td>10" NB "B");
	assert_has(text, "2026-10-25 02:00 CET</th><td>20" NB "B");
	free(text);
	m = month_at("2026-03", NOV_1);
	ledger_use(w->db, 1, NOV_1 - 216 * DAY, 3, 0, 0, 0); /* 2026-03-30 */
	text = page(w, &m, "101");
	assert_has(text, "2026-03-29 <small>Sunday, 23 hours</small></th>");
	assert_has(text, "2026-03-30 <small>Monday</small></th><td>3" NB "B");
	free(text);
	world_free(w);
}
END_TEST

START_TEST(statement_put_imported_figures_are_told_apart)
{
	struct world *w = world_new();
	struct statement_month m = month_at("2026-11", DEC_1 + HOUR);
	struct report_row sum = { .since_s = NOV_1, .until_s = DEC_1 };
	struct report_row day = { .since_s = NOV_1, .until_s = NOV_1 + DAY };
	struct statement s = { .ctid = "101",
			       .name = "",
			       .month = &m,
			       .sum = &sum,
			       .days = &day,
			       .n_days = 1,
			       .hours = &day,
			       .n_hours = 1 };
	char *text;

	sum.imported_octets = sum.total = 5000;
	day.imported_octets = day.total = 5000;
	text = page_of(&s);
	assert_has(text, "Earlier figures</dt><dd>5.00" NB "kB <small>5000 octets</small>");
	assert_has(text, "with in and out together. They are part of every total.");
	assert_has(text, ", earlier figures 5.00" NB "kB</title><rect class=\"other\"");
	assert_has(text, "The container had no address in this month.");
	free(text);
	world_free(w);
}
END_TEST

START_TEST(statement_put_quota_is_shown_where_there_is_one)
{
	struct world *w = world_new();
	struct statement_month m = month_at("2026-11", DEC_1 + HOUR);
	char *cts[] = { (char *)"101" };
	struct statements *all = must_read(w, &m, cts, 1);
	struct statement_quota q = { .used_octets = 1500000000000,
				     .limit_octets = 2000000000000,
				     .counts = "in & out together",
				     .since_s = NOV_1 + 14 * DAY,
				     .until_s = DEC_1 + 14 * DAY };
	char *text;

	statements_get(all, 0)->quota = &q;
	text = page_of(statements_get(all, 0));
	assert_has(text, "75" NB "%: 1.50" NB "TB <small>(1500000000000 octets)</small> of 2.00" NB
			 "TB <small>(2000000000000 octets)</small>, in &amp; out together, from "
			 "2026-11-15 00:00 UTC to 2026-12-15 00:00 UTC.");
	free(text);
	q.used_octets = UINT64_MAX;
	q.limit_octets = 1;
	text = page_of(statements_get(all, 0));
	assert_has(text, "width: 100%");
	assert_has(text, "%, used up: 18.4" NB "EB");
	free(text);
	statements_free(all);
	world_free(w);
}
END_TEST

/* ---- interruptions ---- */

static void disturb(const struct world *w, int n, int64_t container_at_s, int64_t address_at_s)
{
	ledger_put(w->db,
		   "UPDATE container SET discontinuities = %d, discontinuity_at = %" PRId64
		   " WHERE ifindex = 2",
		   n, container_at_s);
	ledger_put(w->db,
		   "UPDATE address SET discontinuities = 1, discontinuity_at = %" PRId64
		   " WHERE key IN (2, 3)",
		   address_at_s);
}

static void assert_gaps(const struct world *w, const char *has, const char *lacks)
{
	struct statement_month m = month_at("2026-11", DEC_1 + 10 * DAY);
	char *text = page(w, &m, "102");

	assert_has(text, has);
	assert_lacks(text, lacks);
	free(text);
}

#define NONE "No interruption of the counting is known in this month."
#define MAYBE "so earlier ones may also belong to this month"

START_TEST(statement_put_gaps_says_what_is_known_and_no_more)
{
	struct world *w = world_new();

	ledger_use(w->db, 2, NOV_1, 1, 0, 0, 0);
	assert_gaps(w, NONE, MAYBE);
	disturb(w, 1, NOV_1 + 12 * DAY, NOV_1 + 12 * DAY);
	assert_gaps(w, "<li>2026-11-13 00:00 UTC: 192.0.2.2, 2001:db8::2</li>", NONE);
	assert_gaps(w, "Counting was disturbed at these times.", MAYBE);
	disturb(w, 4, NOV_1 + 12 * DAY, NOV_1 - DAY); /* of an address that is not listed */
	assert_gaps(w, "<li>2026-11-13 00:00 UTC: the container</li>", NONE);
	assert_gaps(w, "there were 4 interruptions. Only the last is kept with its time, " MAYBE,
		    "after this month");
	disturb(w, 4, NOV_1 - 1, NOV_1 - 1);
	assert_gaps(w, NONE, MAYBE);
	disturb(w, 1, DEC_1 + HOUR, DEC_1 + HOUR);
	assert_gaps(w, NONE, MAYBE);
	disturb(w, 2, DEC_1 + HOUR, DEC_1 + HOUR);
	assert_gaps(w, "(2026-12-01 01:00 UTC, after this month), " MAYBE, NONE);
	world_free(w);
}
END_TEST

START_TEST(statement_put_index_leads_to_the_pages)
{
	struct statement_month m;
	const struct statement_link links[] = {
		{ "101", "web <1>", "101.html", 1500 },
		{ "a/b", "", "a%252Fb.html", 0 },
	};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	use_zone("UTC0");
	m = month_at("2026-11", DEC_1 + HOUR);
	statement_put_index(&m, links, 2, out);
	fclose(out);
	html_check(text);
	assert_has(text, "<a href=\"101.html\">101</a> <small>web &lt;1&gt;</small></th><td>1.50" NB
			 "kB <small>1500</small>");
	assert_has(text, "<a href=\"a%252Fb.html\">a/b</a>");
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("statement");
	TCase *tc = tcase_create("statement");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, statements_read_parts_agree_and_belong_to_their_container);
	tcase_add_test(tc, statements_read_unknown_container_is_named);
	tcase_add_test(tc, statement_cts_are_those_of_the_month);
	tcase_add_test(tc, statement_put_has_totals_rates_and_every_digit);
	tcase_add_test(tc, statement_put_odd_names_do_nothing);
	tcase_add_test(tc, statement_put_empty_month_says_so);
	tcase_add_test(tc, statement_put_part_of_a_month_says_which);
	tcase_add_test(tc, statement_put_old_month_has_no_percentile);
	tcase_add_test(tc, statement_put_days_of_other_lengths_are_told);
	tcase_add_test(tc, statement_put_imported_figures_are_told_apart);
	tcase_add_test(tc, statement_put_quota_is_shown_where_there_is_one);
	tcase_add_test(tc, statement_put_gaps_says_what_is_known_and_no_more);
	tcase_add_test(tc, statement_put_index_leads_to_the_pages);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
