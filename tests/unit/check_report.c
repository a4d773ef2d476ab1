/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report_world.h"
#include "seed.h"

#include <errno.h>

#define MIDNIGHT (NOW - NOW % DAY)
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

START_TEST(report_read_by_container_greatest_first)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_CONTAINER, NOW - 30 * DAY - 127, NOW);
	const struct report *r;

	ledger_use(w->db, 1, NOW - DAY, 1, 2, 3, 4);
	ledger_use(w->db, 2, NOW - DAY, 100, 0, 0, 0);
	ledger_use(w->db, 3, NOW - 2 * DAY, 0, 50, 0, 0);
	ledger_use(w->db, 3, NOW, 7, 0, 0, 0); /* in the present 5 minutes */
	ledger_use(w->db, 1, NOW - 31 * DAY, 1000, 0, 0, 0); /* before */
	r = get(w, &q);
	ck_assert_uint_eq(r->n_rows, 2); /* 103 is gone and had no traffic */
	ck_assert_str_eq(r->rows[0].ctid, "102");
	ck_assert_str_eq(r->rows[0].name, "db");
	ck_assert_ptr_null(r->rows[0].address);
	ck_assert_uint_eq(r->rows[0].octets[PATH_FWD_IN], 107);
	ck_assert_uint_eq(r->rows[0].octets[PATH_FWD_OUT], 50);
	ck_assert_uint_eq(r->rows[0].total, 157);
	ck_assert_uint_eq(r->rows[1].octets[PATH_NODE_IN], 3);
	ck_assert_uint_eq(r->rows[1].octets[PATH_NODE_OUT], 4);
	ck_assert_uint_eq(r->rows[1].total, 10);
	ck_assert_uint_eq(r->sum.total, 167);
	ck_assert_uint_eq(r->n_notes, 0);
	world_free(w);
}
END_TEST

START_TEST(report_read_by_address_keeps_owners_apart)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_ADDRESS, NOW - 2 * DAY - 127, NOW);
	struct addr ip;
	const struct report *r;

	ledger_use(w->db, 1, NOW - HOUR, 5, 0, 0, 0);
	ledger_use(w->db, 4, NOW - DAY, 6, 0, 0, 0); /* 103 held it at that time */
	r = get(w, &q);
	ck_assert_uint_eq(r->n_rows, 4);
	ck_assert_str_eq(r->rows[0].address, "192.0.2.1");
	ck_assert_str_eq(r->rows[0].ctid, "103");
	ck_assert_str_eq(r->rows[1].ctid, "101");
	ck_assert_str_eq(r->rows[2].address, "192.0.2.2");
	ck_assert_str_eq(r->rows[3].address, "2001:db8::2");
	ck_assert_int_eq(addr_parse("192.0.2.1", &ip), 0);
	q.ips = &ip;
	q.n_ips = 1;
	r = get(w, &q);
	ck_assert_uint_eq(r->n_rows, 2);
	ck_assert_uint_eq(r->sum.total, 11);
	q.by = REPORT_BY_CONTAINER;
	r = get(w, &q);
	ck_assert_uint_eq(r->n_rows, 2);
	ck_assert_str_eq(r->rows[0].ctid, "103");
	world_free(w);
}
END_TEST

START_TEST(report_read_unknown_choice_is_named)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_DAY, NOW - 2 * DAY - 127, NOW);
	char *cts[] = { (char *)"101", (char *)"999" };
	struct addr ip;

	q.cts = cts;
	q.n_cts = 2;
	assert_fails(&q, -ENOENT, "knows no container 999");
	q.n_cts = 1;
	ck_assert_int_eq(addr_parse("2001:db8::9", &ip), 0);
	q.ips = &ip;
	q.n_ips = 1;
	assert_fails(&q, -ENOENT, "knows no address 2001:db8::9");
	/* Known, but 101 never had it: nothing to sum. */
	ck_assert_int_eq(addr_parse("192.0.2.2", &ip), 0);
	ledger_use(w->db, 2, NOW - HOUR, 5, 0, 0, 0);
	ck_assert_uint_eq(get(w, &q)->sum.total, 0);
	world_free(w);
}
END_TEST

START_TEST(report_read_ends_within_an_hour_use_5_minutes)
{
	struct world *w = world_new();
	struct report_query q =
		query(w, REPORT_BY_CONTAINER, MIDNIGHT + 55 * 60, MIDNIGHT + 3 * HOUR + 300);

	/* One octet more at each time, so that the sum shows which were taken. */
	ledger_use(w->db, 1, MIDNIGHT + 50 * 60, 1, 0, 0, 0);
	ledger_use(w->db, 1, MIDNIGHT + 55 * 60, 10, 0, 0, 0);
	ledger_use(w->db, 1, MIDNIGHT + HOUR, 100, 0, 0, 0);
	ledger_use(w->db, 1, MIDNIGHT + 3 * HOUR, 1000, 0, 0, 0);
	ledger_use(w->db, 1, MIDNIGHT + 3 * HOUR + 300, 10000, 0, 0, 0);
	ck_assert_uint_eq(get(w, &q)->sum.total, 1110);
	q.period.until_s = MIDNIGHT + HOUR;
	ck_assert_uint_eq(get(w, &q)->sum.total, 10);
	q.period.since_s = MIDNIGHT + 50 * 60;
	q.period.until_s = MIDNIGHT + 55 * 60;
	ck_assert_uint_eq(get(w, &q)->sum.total, 1);
	q.period.since_s = MIDNIGHT + 3 * HOUR;
	q.period.until_s = NOW;
	q.period.to_now = true;
	ck_assert_uint_eq(get(w, &q)->sum.total, 11000);
	world_free(w);
}
END_TEST

START_TEST(report_read_open_usage_is_of_its_period)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_ADDRESS, MIDNIGHT + HOUR, MIDNIGHT + HOUR + 900);
	int64_t at = MIDNIGHT + HOUR + 599;
	char *ct = (char *)"102";

	ledger_exec(w->db, "UPDATE address SET in_octets = 1000000");
	ledger_exec(w->db, "INSERT INTO booked (address, in_octets) SELECT key, in_octets"
			   " FROM address");
	ledger_use(w->db, 2, MIDNIGHT + HOUR, 750, 0, 0, 0);
	ledger_use(w->db, 2, MIDNIGHT + HOUR + 300, 1500, 0, 0, 0);
	ledger_use(w->db, 2, MIDNIGHT + HOUR + 600, 75, 0, 0, 0); /* the clock was set back */
	ledger_leave_open(w->db, 2, at, 1500, 0);
	ledger_leave_open(w->db, 3, at, 0, 2);
	for (int i = 0; i < 2; i++) {
		const struct report *r = get(w, &q);

		ck_assert_uint_eq(r->sum.total, 3827);
		ck_assert_str_eq(r->rows[0].address, "192.0.2.2");
		ck_assert_uint_eq(r->rows[0].total, 3825);
		ck_assert_uint_eq(r->rows[0].p95_in_bits,
				  3000 * 8 / 300); /* counted once, with the others of its period */
		ck_assert_uint_eq(r->rows[1].total, 2);
		q.cts = &ct; /* looked up by key */
		q.n_cts = 1;
	}
	q.period.since_s = MIDNIGHT + HOUR + 600;
	ck_assert_uint_eq(get(w, &q)->sum.total, 75);
	q.period.since_s = MIDNIGHT;
	q.period.until_s = MIDNIGHT + HOUR + 300;
	ck_assert_uint_eq(get(w, &q)->sum.total, 750);
	q.period.until_s = MIDNIGHT + 2 * HOUR; /* from the hourly history */
	ck_assert_uint_eq(get(w, &q)->sum.total, 3827);
	q.period.until_s = MIDNIGHT + HOUR;
	ck_assert_uint_eq(get(w, &q)->sum.total, 0);
	world_free(w);
}
END_TEST

START_TEST(report_read_random_periods_add_up)
{
	static const enum report_by bys[] = { REPORT_BY_CONTAINER, REPORT_BY_ADDRESS, REPORT_BY_DAY,
					      REPORT_BY_HOUR };
	uint64_t seed = seed_random("report");
	int64_t begin = NOW - 50 * DAY - 127, cut;
	struct world *w = world_new();
	struct report_query q;
	uint64_t whole = 0, octets, parts, rows;

	setenv("TZ", next_random(&seed) % 2 ? "IST-5:30" : BERLIN, 1);
	tzset();
	ledger_exec(w->db, "BEGIN");
	for (int i = 0; i < 500; i++) {
		octets = next_random(&seed) % 1000000;
		ledger_use(w->db, (int)(next_random(&seed) % 4) + 1,
			   begin + (int64_t)(next_random(&seed) % (50 * DAY)), octets, 0, octets,
			   0);
		whole += 2 * octets;
	}
	octets = next_random(&seed) % 1000000;
	ledger_leave_open(w->db, 2, begin + 300 + (int64_t)(next_random(&seed) % (50 * DAY)),
			  octets, 7);
	whole += octets + 7;
	ledger_exec(w->db, "COMMIT");
	for (int i = 0; i < 40; i++) {
		cut = period_floor(begin + 3600 + (int64_t)(next_random(&seed) % (49 * DAY)), 300);
		q = query(w, bys[i % 4], period_floor(begin, 3600), cut);
		parts = get(w, &q)->sum.total;
		q = query(w, bys[i % 4], cut, NOW);
		parts += get(w, &q)->sum.total;
		ck_assert_msg(parts == whole, "cut at %" PRId64, cut);
		rows = 0;
		q = query(w, bys[i % 4], period_floor(begin, 3600), NOW);
		get(w, &q);
		for (size_t j = 0; j < w->report->n_rows; j++)
			rows += w->report->rows[j].total;
		ck_assert_uint_eq(rows, whole);
	}
	world_free(w);
}
END_TEST

START_TEST(report_read_by_day_follows_the_zone)
{
	struct world *w = world_new();
	int64_t since, until;
	struct report_query q;
	const struct report *r;

	setenv("TZ", BERLIN, 1);
	tzset();
	ck_assert_int_eq(period_parse("2026-10-24", NOW, &since), 0);
	ck_assert_int_eq(period_parse("2026-10-27T12:00", NOW, &until), 0);
	q = query(w, REPORT_BY_DAY, since, until);
	ledger_use(w->db, 1, since + DAY - 300, 1, 0, 0, 0);
	ledger_use(w->db, 2, since + DAY, 10, 0, 0, 0);
	ledger_use(w->db, 1, since + DAY + 25 * HOUR - 300, 10, 0, 0, 0); /* winter time began */
	ledger_use(w->db, 1, since + DAY + 25 * HOUR, 100, 0, 0, 0);
	r = get(w, &q);
	ck_assert_uint_eq(r->n_rows, 4);
	ck_assert_uint_eq(r->rows[0].total, 1);
	ck_assert_uint_eq(r->rows[1].total, 20);
	ck_assert_int_eq(r->rows[1].until_s - r->rows[1].since_s, 25 * HOUR);
	ck_assert_uint_eq(r->rows[2].total, 100);
	ck_assert_uint_eq(r->rows[3].total, 0);
	ck_assert_int_eq(r->rows[3].until_s, until);
	world_free(w);
}
END_TEST

START_TEST(report_read_by_hour_has_every_hour)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_HOUR, MIDNIGHT + 1800, MIDNIGHT + 3 * HOUR);
	const struct report *r;

	ledger_use(w->db, 1, MIDNIGHT, 1, 0, 0, 0);
	ledger_use(w->db, 1, MIDNIGHT + 1800, 10, 0, 0, 0);
	ledger_use(w->db, 2, MIDNIGHT + 2 * HOUR, 100, 0, 0, 0);
	r = get(w, &q);
	ck_assert_uint_eq(r->n_rows, 3);
	ck_assert_uint_eq(r->rows[0].total, 10);
	ck_assert_int_eq(r->rows[0].since_s, MIDNIGHT + 1800);
	ck_assert_uint_eq(r->rows[1].total, 0);
	ck_assert_uint_eq(r->rows[2].total, 100);
	world_free(w);
}
END_TEST

START_TEST(report_read_percentile_is_of_the_sum_of_addresses)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_CONTAINER, MIDNIGHT, MIDNIGHT + 100 * 300);
	const struct report *r;

	/* 100 samples: the highest five do not count. In and out are judged separately. */
	for (int i = 0; i < 6; i++) {
		ledger_use(w->db, 2, MIDNIGHT + i * 300, 300, 0, 0, 0);
		ledger_use(w->db, 3, MIDNIGHT + i * 300, 0, 0, 300, 0);
		ledger_use(w->db, 1, MIDNIGHT + (i + 20) * 300, 0, 75, 0, (uint64_t)i * 75);
	}
	ledger_use(w->db, 2, MIDNIGHT + 40 * 300, 1000000, 0, 0, 0);
	r = get(w, &q);
	ck_assert_str_eq(r->rows[0].ctid, "102");
	ck_assert(r->rows[0].has_p95 && r->rows[1].has_p95 && r->sum.has_p95);
	ck_assert_uint_eq(r->rows[0].p95_in_bits, 600 * 8 / 300);
	ck_assert_uint_eq(r->rows[0].p95_out_bits, 0);
	ck_assert_uint_eq(r->rows[1].p95_in_bits, 0);
	ck_assert_uint_eq(r->rows[1].p95_out_bits, 2);
	ck_assert_uint_eq(r->sum.p95_in_bits, 600 * 8 / 300);
	ck_assert_uint_eq(r->sum.p95_out_bits, 2);
	q.by = REPORT_BY_HOUR; /* 12 samples: the highest counts */
	r = get(w, &q);
	ck_assert_uint_eq(r->rows[0].p95_in_bits, 16);
	ck_assert_uint_eq(r->rows[1].p95_out_bits, 8);
	ck_assert_uint_eq(r->rows[3].p95_in_bits, 1000000 * 8 / 300);
	ck_assert_uint_eq(r->sum.p95_in_bits, 16);
	world_free(w);
}
END_TEST

START_TEST(report_read_percentile_leaves_the_present_5_minutes_out)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_CONTAINER, period_floor(NOW, 300) - 600, NOW);

	ledger_use(w->db, 1, NOW - 300, 75, 0, 0, 0);
	ledger_use(w->db, 1, NOW, 7500, 0, 0, 0);
	ck_assert_uint_eq(get(w, &q)->rows[0].total, 7575);
	ck_assert_uint_eq(w->report->rows[0].p95_in_bits, 2);
	q.period.since_s = period_floor(NOW, 300);
	ck_assert_uint_eq(get(w, &q)->rows[0].total, 7500);
	ck_assert(!w->report->rows[0].has_p95);
	world_free(w);
}
END_TEST

START_TEST(report_read_older_than_5_minute_data_is_by_hours)
{
	struct world *w = world_new();
	int64_t hour = period_floor(NOW, HOUR) - 40 * DAY;
	struct report_query q = query(w, REPORT_BY_CONTAINER, hour + 900, hour + HOUR + 900);
	const struct report *r;

	ledger_use(w->db, 1, hour, 1, 0, 0, 0);
	ledger_use(w->db, 1, hour + HOUR, 10, 0, 0, 0);
	ledger_exec(w->db, "DELETE FROM usage_5min");
	r = get(w, &q);
	ck_assert_uint_eq(r->sum.total, 1);
	ck_assert_int_eq(r->sum.since_s, hour);
	ck_assert_int_eq(r->sum.until_s, hour + HOUR);
	ck_assert(!r->rows[0].has_p95 && !r->sum.has_p95);
	ck_assert(has_note(r, "rounded down to the hour") && has_note(r, "No 95th percentile"));
	/* Days within the 35 have their percentile all the same. */
	q = query(w, REPORT_BY_DAY, hour - hour % DAY, NOW);
	r = get(w, &q);
	ck_assert_uint_eq(r->n_rows, 41);
	ck_assert(!r->rows[0].has_p95 && r->rows[40].has_p95 && !r->sum.has_p95);
	world_free(w);
}
END_TEST

START_TEST(report_read_period_before_history_is_clipped_or_refused)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_DAY, MIDNIGHT - 450 * DAY, NOW);

	ck_assert_uint_eq(get(w, &q)->n_rows, 401);
	ck_assert(has_note(w->report, "400 days"));
	q.period.until_s = MIDNIGHT - 420 * DAY;
	q.period.to_now = false;
	assert_fails(&q, -ENODATA, "holds no traffic for this period");
	ledger_put(w->db, "UPDATE container SET since = %d", MIDNIGHT - 3 * DAY + 100);
	q = query(w, REPORT_BY_DAY, MIDNIGHT - 30 * DAY, NOW);
	ck_assert_uint_eq(get(w, &q)->n_rows, 4);
	ck_assert(has_note(w->report, "Counting began at 2026-11-20 00:00."));
	world_free(w);
}
END_TEST

START_TEST(report_read_huge_counters_do_not_wrap)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_CONTAINER, NOW - DAY - 127, NOW);
	const struct report *r;

	ledger_use(w->db, 1, NOW - 2 * HOUR, 1ull << 63, 0, 0, 0); /* stored as a negative number */
	ledger_use(w->db, 1, NOW - HOUR, 5, 0, 0, 0);
	ledger_use(w->db, 2, NOW - HOUR, UINT64_MAX, 9, 0, 0);
	r = get(w, &q);
	ck_assert_uint_eq(r->rows[1].total, (1ull << 63) + 5);
	ck_assert_uint_eq(r->rows[0].octets[PATH_FWD_IN], UINT64_MAX);
	ck_assert_uint_eq(r->rows[0].total, UINT64_MAX);
	ck_assert_uint_eq(r->sum.total, UINT64_MAX);
	ck_assert_uint_eq(r->sum.octets[PATH_FWD_OUT], 9);
	world_free(w);
}
END_TEST

START_TEST(report_read_since_zero_counts_from_the_mark)
{
	struct world *w = world_new();
	struct report_query q = { .path = w->path, .since_zero = true, .now_s = NOW };
	const struct report *r;
	struct addr ip;

	/* 102's total also holds 40 of an address that it no longer has. */
	ledger_exec(w->db, "UPDATE container SET in_octets = 1040, zero_in_octets = 400,"
			   " zero_at = 1795000000 WHERE ifindex = 2;"
			   "UPDATE address SET in_octets = 1000, zero_in_octets = 380,"
			   " zero_at = 1795000000 WHERE key = 2;"
			   "UPDATE container SET out_octets = 7 WHERE ifindex = 1;"
			   "UPDATE address SET out_octets = 7, zero_out_octets = 9 WHERE key = 1");
	r = get(w, &q);
	ck_assert_uint_eq(r->n_rows, 2);
	ck_assert_uint_eq(r->rows[0].total, 640);
	ck_assert_int_eq(r->rows[0].since_s, 1795000000);
	ck_assert_uint_eq(r->rows[1].total, 7);
	ck_assert_int_eq(r->rows[1].since_s, NOW - 500 * DAY);
	ck_assert_uint_eq(r->sum.total, 647);
	q.by = REPORT_BY_ADDRESS;
	r = get(w, &q);
	ck_assert_uint_eq(r->rows[0].total, 620);
	ck_assert_uint_eq(r->sum.total, 620);
	q.by = REPORT_BY_CONTAINER;
	ck_assert_int_eq(addr_parse("192.0.2.2", &ip), 0);
	q.ips = &ip;
	q.n_ips = 1;
	r = get(w, &q);
	ck_assert_uint_eq(r->n_rows, 1);
	ck_assert_uint_eq(r->sum.total, 620);
	world_free(w);
}
END_TEST

START_TEST(report_read_few_of_many_equals_all)
{
	uint64_t seed = seed_random("few of many");
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_ADDRESS, NOW - 3 * DAY - 127, NOW);
	char *cts[] = { (char *)"102" };
	uint64_t totals[2], rates[2];

	for (int key = 10; key < 90; key++) {
		char *ip = xasprintf("198.51.100.%d", key);

		ledger_address(w->db, key, 1, ip, 0, NOW - 500 * DAY);
		free(ip);
	}
	ledger_exec(w->db, "BEGIN");
	for (int i = 0; i < 3000; i++)
		ledger_use(w->db, (int)(next_random(&seed) % 80) + 2,
			   NOW - 2 * DAY + (int64_t)(next_random(&seed) % (2 * DAY)), 1000000,
			   next_random(&seed) % 1000000, 0, 0);
	for (int key = 2; key < 90; key++)
		ledger_leave_open(w->db, key,
				  NOW - 2 * DAY + (int64_t)(next_random(&seed) % (2 * DAY)),
				  1000000, next_random(&seed) % 1000000);
	ledger_exec(w->db, "COMMIT");
	get(w, &q);
	for (size_t i = 0; i < w->report->n_rows; i++) {
		const struct report_row *row = &w->report->rows[i];

		if (!strcmp(row->ctid, "102")) {
			totals[!strcmp(row->address, "192.0.2.2")] = row->total;
			rates[!strcmp(row->address, "192.0.2.2")] = row->p95_out_bits;
		}
	}
	q.cts = cts;
	q.n_cts = 1;
	get(w, &q);
	ck_assert_uint_eq(w->report->n_rows, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct report_row *row = &w->report->rows[i];
		bool second = !strcmp(row->address, "192.0.2.2");

		ck_assert_uint_gt(row->total, 0);
		ck_assert_uint_eq(row->total, totals[second]);
		ck_assert_uint_eq(row->p95_out_bits, rates[second]);
	}
	world_free(w);
}
END_TEST

START_TEST(report_read_each_container_has_rows_of_its_own)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_DAY, NOW - 2 * DAY - NOW % DAY, NOW);
	char *cts[] = { (char *)"102", (char *)"101" };
	const struct report *r;

	ledger_use(w->db, 1, NOW - DAY, 10, 0, 0, 0);
	ledger_use(w->db, 2, NOW - DAY, 100, 0, 0, 0);
	ledger_use(w->db, 3, NOW - DAY, 1000, 0, 0, 0);
	ledger_use(w->db, 4, NOW - DAY, 10000, 0, 0, 0);
	ledger_use(w->db, 1, NOW - HOUR, 0, 7, 0, 0);
	q.cts = cts;
	q.n_cts = 2;
	q.sums_only = true;
	q.each_container = true;
	r = get(w, &q);
	ck_assert_uint_eq(r->n_rows, 6);
	ck_assert_uint_eq(r->rows[0].total, 0);
	ck_assert_uint_eq(r->rows[1].total, 1100);
	ck_assert_uint_eq(r->rows[2].total, 0);
	ck_assert_uint_eq(r->rows[4].total, 10);
	ck_assert_uint_eq(r->rows[5].octets[PATH_FWD_OUT], 7);
	ck_assert_int_eq(r->rows[3].since_s, r->rows[0].since_s);
	ck_assert_uint_eq(r->sum.total, 1117);
	ck_assert(!r->sum.has_p95);
	world_free(w);
}
END_TEST

START_TEST(report_read_tells_the_life_of_rows)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_ADDRESS, NOW - DAY - NOW % DAY, NOW);
	char *cts[] = { (char *)"103" };
	const struct report *r;

	ledger_use(w->db, 4, NOW - HOUR, 1, 0, 0, 0);
	ledger_exec(w->db, "UPDATE address SET gone_at = 1795400000, discontinuities = 3,"
			   " discontinuity_at = 1795300000 WHERE key = 4");
	q.cts = cts;
	q.n_cts = 1;
	r = get(w, &q);
	ck_assert_uint_eq(r->n_rows, 1);
	ck_assert_int_eq(r->rows[0].life.since_s, NOW - 500 * DAY);
	ck_assert_int_eq(r->rows[0].life.gone_s, 1795400000);
	ck_assert_uint_eq(r->rows[0].life.discontinuities, 3);
	ck_assert_int_eq(r->rows[0].life.discontinuity_s, 1795300000);
	q.by = REPORT_BY_CONTAINER;
	r = get(w, &q);
	ck_assert_uint_eq(r->rows[0].life.discontinuities, 0);
	ck_assert_int_eq(r->rows[0].life.since_s, NOW - 500 * DAY);
	world_free(w);
}
END_TEST

START_TEST(report_read_many_is_of_one_moment_or_nothing)
{
	struct world *w = world_new();
	char *cts[] = { (char *)"nobody" };
	struct report *reports[2] = { NULL, NULL };
	struct report_query q[2];
	struct err e = { "" };

	q[0] = q[1] = query(w, REPORT_BY_CONTAINER, NOW - DAY, NOW);
	q[1].by = REPORT_BY_HOUR;
	ledger_use(w->db, 1, NOW - HOUR, 5, 0, 0, 0);
	ck_assert_msg(!report_read_many(q, 2, reports, &e), "%s", e.text);
	ck_assert_uint_eq(reports[0]->sum.total, 5);
	ck_assert_uint_eq(reports[1]->sum.total, 5);
	report_free(reports[0]);
	report_free(reports[1]);
	reports[0] = reports[1] = NULL;
	q[1].cts = cts;
	q[1].n_cts = 1;
	ck_assert_int_eq(report_read_many(q, 2, reports, &e), -ENOENT);
	ck_assert_ptr_null(reports[0]);
	ck_assert_ptr_null(reports[1]);
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report");
	TCase *tc = tcase_create("report");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, report_read_by_container_greatest_first);
	tcase_add_test(tc, report_read_by_address_keeps_owners_apart);
	tcase_add_test(tc, report_read_unknown_choice_is_named);
	tcase_add_test(tc, report_read_ends_within_an_hour_use_5_minutes);
	tcase_add_test(tc, report_read_open_usage_is_of_its_period);
	tcase_add_test(tc, report_read_random_periods_add_up);
	tcase_add_test(tc, report_read_by_day_follows_the_zone);
	tcase_add_test(tc, report_read_by_hour_has_every_hour);
	tcase_add_test(tc, report_read_percentile_is_of_the_sum_of_addresses);
	tcase_add_test(tc, report_read_percentile_leaves_the_present_5_minutes_out);
	tcase_add_test(tc, report_read_older_than_5_minute_data_is_by_hours);
	tcase_add_test(tc, report_read_period_before_history_is_clipped_or_refused);
	tcase_add_test(tc, report_read_huge_counters_do_not_wrap);
	tcase_add_test(tc, report_read_since_zero_counts_from_the_mark);
	tcase_add_test(tc, report_read_few_of_many_equals_all);
	tcase_add_test(tc, report_read_each_container_has_rows_of_its_own);
	tcase_add_test(tc, report_read_tells_the_life_of_rows);
	tcase_add_test(tc, report_read_many_is_of_one_moment_or_nothing);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
