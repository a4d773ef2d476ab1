/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ledger kept in a real store while the clock is set, the daemon is restarted and the disk
 * fails. */
#include "base/wallclock.h"
#include "base/xalloc.h"
#include "keep_world.h"

#include <inttypes.h>

#define RIGHT_S 1796000000 /* 2026-11-30 */
#define PERIOD_S 300
#define PERIODS 2000
#define HOUR_S 3600

static uint64_t ns; /* CLOCK_BOOTTIME */
static int64_t off_s; /* how far the time of day is ahead of the right one */
static uint64_t rule; /* what the kernel has counted */
static uint64_t used[PERIODS]; /* for each 5 minutes of the right time */

static int64_t right_s(void)
{
	return RIGHT_S + (int64_t)(ns / NS_PER_S);
}

static void look_at_clock(void)
{
	now = keep_now(keep, ns, ns, right_s() + off_s);
}

static void pass(uint64_t s)
{
	ns += s * NS_PER_S;
	look_at_clock();
}

static void start(void)
{
	ledger_free(ledger);
	ledger = ledger_new();
	now = (struct ledger_now) { .ns = ns, .wall_s = right_s() + off_s };
	open_keep();
	look_at_clock();
}

static void restart(void)
{
	keep_free(keep);
	start();
}

/* Count this many octets, and take a checkpoint of them. */
static void use(uint64_t octets)
{
	rule += octets;
	count(rule);
	look_at_clock();
	used[(right_s() - RIGHT_S + RIGHT_S % PERIOD_S) / PERIOD_S] += octets;
	await_settled(keep_checkpoint(keep, now, false));
}

static void begin_right(void)
{
	begin();
	ns = 0;
	off_s = 0;
	rule = 0;
	memset(used, 0, sizeof(used));
	keep_free(keep);
	ck_assert_int_eq(unlink(place.path), 0);
	remove_beside(&place, "-wal");
	remove_beside(&place, "-shm");
	start();
	set(a_is_7, 1, true);
	look_at_clock();
	use(0);
}

static void expect_as_used(void)
{
	char *expected = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&expected, &size);

	pass(PERIOD_S);
	use(0); /* books the last period */
	for (int i = 0; i < PERIODS; i++)
		if (used[i])
			fprintf(f, "%d|%" PRIu64 " ", i, used[i]);
	fclose(f);
	expect_answer(place.path,
		      "SELECT start / 300 - 1796000000 / 300, in_octets FROM usage_5min"
		      " WHERE in_octets > 0 ORDER BY start",
		      expected);
	free(expected);
	expect_answer(
		place.path,
		"SELECT (SELECT sum(in_octets) FROM usage_hour) - in_octets,"
		" (SELECT sum(in_octets) FROM usage_5min) - in_octets, abs(since - 1796000000)"
		" < 3 FROM address",
		"0|0|1 ");
	expect_answer(place.path,
		      "SELECT count(*) FROM (SELECT h.in_octets - sum(m.in_octets) AS d"
		      " FROM usage_hour AS h LEFT JOIN usage_5min AS m"
		      " ON m.start BETWEEN h.start AND h.start + 3599 GROUP BY h.start)"
		      " WHERE d IS NULL OR d <> 0",
		      "0 ");
}

START_TEST(keep_now_ahead_and_back_right_periods)
{
	begin_right();
	use(100);
	off_s = 730ll * 86400;
	for (int i = 0; i < 8; i++) {
		pass(1);
		use(10);
	}
	off_s = 0;
	pass(1);
	use(1);
	expect_as_used();
	end();
}
END_TEST

/* A clock at 1970 until it is set, with a restart in between. */
START_TEST(keep_now_1970_until_set_right_periods)
{
	begin_right();
	pass(WALLCLOCK_SURE_S); /* the ledger's past is sure */
	use(7);
	off_s = -right_s() / PERIOD_S * PERIOD_S;
	pass(10);
	for (int i = 0; i < 5; i++) {
		use(10);
		pass(200);
	}
	restart();
	use(20);
	off_s = 0;
	restart();
	use(30);
	expect_as_used();
	end();
}
END_TEST

/* Whatever happens, an address that came then has counted since then. */
START_TEST(keep_now_stamps_follow_over_restarts)
{
	static const struct claim both[] = { { "7", A, false }, { "8", B, false } };
	struct snap *s;
	int64_t came;

	begin_right();
	off_s = -86400;
	pass(60);
	came = right_s();
	set(both, 2, true);
	look_at_clock();
	use(1);
	ledger_zero(ledger, "8", now);
	use(1);
	restart();
	off_s = 86400;
	pass(60);
	restart();
	off_s = 0;
	pass(60);
	s = look();
	ck_assert_int_le(llabs(find(s, "8", B)->totals.since_wall_s - came), 2);
	ck_assert_int_le(llabs(find(s, "8", B)->totals.zero->wall_s - came), 3);
	snap_unref(s);
	use(1);
	expect_answer(place.path,
		      "SELECT count(*) FROM address WHERE abs(since - 1796000000) < 100", "2 ");
	end();
}
END_TEST

/* The clock is set by whole periods, for less than an hour each time, by any means. */
START_TEST(keep_now_random_right_periods)
{
	uint64_t random = seed_random("keep_now_random_right_periods");
	int rounds = seed_slow() > 1 ? 60 : 300;

	begin_right();
	for (int i = 0; i < rounds; i++) {
		pass(next_random(&random) % 400);
		use(next_random(&random) % 1000);
		if (next_random(&random) % 3 == 0 || (off_s && next_random(&random) % 2)) {
			int64_t by = (int64_t)(next_random(&random) % 4000) - 2000;

			off_s = next_random(&random) % 2 ? by * PERIOD_S : 0;
			if (next_random(&random) % 4 == 0)
				restart();
			else
				pass(1);
		}
		if (next_random(&random) % 10 == 0)
			restart();
	}
	off_s = 0;
	pass(1);
	use(5);
	expect_as_used();
	end();
}
END_TEST

/* The disk fails meanwhile: the time of the usage is lost, its amount is not. */
START_TEST(keep_now_random_broken_disk_no_octet_lost)
{
	uint64_t random = seed_random("keep_now_random_broken_disk_no_octet_lost");
	int rounds = seed_slow() > 1 ? 60 : 300;

	begin_right();
	for (int i = 0; i < rounds; i++) {
		set_disk(next_random(&random) % 3 ? DISK_GOOD : DISK_BROKEN);
		rule += next_random(&random) % 1000;
		count(rule);
		off_s = ((int64_t)(next_random(&random) % 2000) - 1000) * 1000;
		pass(next_random(&random) % 100);
		await_settled(keep_checkpoint(keep, now, next_random(&random) % 2));
	}
	set_disk(DISK_GOOD);
	off_s = 0;
	pass(1);
	await_stored(keep_checkpoint(keep, now, true));
	pass(PERIOD_S);
	await_stored(keep_checkpoint(keep, now, true));
	expect_answer(place.path,
		      "SELECT (SELECT sum(in_octets) FROM usage_hour) - in_octets,"
		      " (SELECT sum(in_octets) FROM usage_5min) - in_octets FROM address",
		      "0|0 ");
	expect_answer(place.path,
		      "SELECT count(*) FROM usage_5min WHERE start < 1796000000 - 900"
		      " OR start > 1796000000 + 100000",
		      "0 ");
	end();
}
END_TEST

/* Gone for an hour of uptime when the node goes down; it comes up again at 1970 or in 2036. */
START_TEST(keep_new_wrong_clock_nothing_ages_out)
{
	static const int64_t offs[] = { -RIGHT_S, 10ll * 365 * 86400, 0 };

	for (size_t i = 0; i < ARRAY_LEN(offs); i++) {
		begin_right();
		set(NULL, 0, true);
		look_at_clock();
		pass(HOUR_S);
		use(0);
		off_s = offs[i];
		restart();
		pass(10);
		ck_assert(
			!ledger_age_out(ledger, (int64_t)ns - 2 * HOUR_S * (int64_t)NS_PER_S, now));
		expect("7", A, 0, ROW_RETIRED, 0);
		pass(HOUR_S);
		ck_assert(
			ledger_age_out(ledger, (int64_t)ns - 2 * HOUR_S * (int64_t)NS_PER_S, now));
		end();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keep_clock");
	TCase *t = tcase_create("keep_clock");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, keep_now_ahead_and_back_right_periods);
	tcase_add_test(t, keep_now_1970_until_set_right_periods);
	tcase_add_test(t, keep_now_stamps_follow_over_restarts);
	tcase_add_test(t, keep_now_random_right_periods);
	tcase_add_test(t, keep_now_random_broken_disk_no_octet_lost);
	tcase_add_test(t, keep_new_wrong_clock_nothing_ages_out);
	suite_add_tcase(suite, t);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
