/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger kept in a real store: see keep_world.h. */
#include "keep_world.h"

#include <signal.h>
#include <sys/mman.h>

static void expect_stored(const char *octets)
{
	expect_answer(place.path, "SELECT in_octets FROM address", octets);
	expect_answer(place.path, "SELECT in_octets FROM container", octets);
	expect_answer(place.path, "SELECT last_in_octets FROM address", octets);
}

START_TEST(keep_checkpoint_stored_then_settled)
{
	uint64_t ticket;

	ck_assert(keep_is_settled(keep, 0) && keep_is_stored(keep, 0));
	set(a_is_7, 1, true);
	count(100);
	ticket = keep_checkpoint(keep, now, false);
	ck_assert(!keep_is_settled(keep, ticket) && !keep_is_stored(keep, ticket));
	await_stored(ticket);
	ck_assert_int_eq(told, 1);
	expect_stored("100 ");
}
END_TEST

START_TEST(keep_checkpoint_slow_disk_holds_nobody)
{
	uint64_t first, second, third;

	set(a_is_7, 1, true);
	count(100);
	await_stored(keep_checkpoint(keep, now, true));
	set_disk(DISK_SLOW);
	count(110);
	first = keep_checkpoint(keep, now, true);
	while (!waiting)
		loop_run_once(loop, 1);
	count(120); /* while the batch is written */
	second = keep_checkpoint(keep, now, false);
	count(125);
	third = keep_checkpoint(keep, now, true);
	loop_run_once(loop, 0);
	ck_assert(!keep_is_settled(keep, first));
	ck_assert(second > first && third > second);
	set_disk(DISK_GOOD);
	await_stored(first);
	ck_assert(!keep_is_settled(keep, second)); /* the batch may have held less */
	await_stored(third);
	ck_assert(keep_is_stored(keep, second));
	ck_assert_int_eq(told, 3); /* the last two were one batch */
	expect_stored("125 ");
	expect_answer(place.path, IN_OCTETS_USED("usage_hour"), "125 ");
}
END_TEST

START_TEST(keep_checkpoint_disk_never_ready_is_given_up)
{
	uint64_t first, second;

	set(a_is_7, 1, true);
	count(100);
	await_stored(keep_checkpoint(keep, now, true));
	set_disk(DISK_SLOW);
	count(110);
	first = keep_checkpoint(keep, now, true);
	second = keep_checkpoint(keep, now, true);
	await_settled(first);
	ck_assert(keep_is_settled(keep, second) && !keep_is_stored(keep, first));
	ck_assert(strstr(keep_problem(keep), "its disk takes longer than 5 s"));
	count(111);
	second = keep_checkpoint(keep, now, true);
	ck_assert(keep_is_settled(keep, second) && !keep_is_stored(keep, second));
	set_disk(DISK_GOOD);
	while (!keep_is_stored(keep, second))
		loop_run_once(loop, 20000);
	ck_assert(!keep_problem(keep));
	expect_stored("111 ");
	expect_answer(place.path, IN_OCTETS_USED("usage_hour"), "111 ");
}
END_TEST

START_TEST(keep_checkpoint_broken_disk_tried_again_and_booked_once)
{
	uint64_t ticket;

	set(a_is_7, 1, true);
	count(100);
	await_stored(keep_checkpoint(keep, now, true));
	set_disk(DISK_BROKEN);
	for (uint64_t i = 1; i <= 3; i++) {
		count(100 + 10 * i);
		ticket = keep_checkpoint(keep, now, true);
		await_settled(ticket);
		ck_assert(!keep_is_stored(keep, ticket));
		ck_assert(strstr(keep_problem(keep), place.path));
	}
	set_disk(DISK_GOOD);
	now.wall_s += 300;
	await_stored(keep_checkpoint(keep, now, true));
	ck_assert(keep_is_stored(keep, ticket));
	expect_stored("130 ");
	/* A checkpoint that only could not be synced may be stored all the same. */
	expect_answer(place.path, IN_OCTETS_USED("usage_5min"), "130 ");
	expect_answer(place.path, IN_OCTETS_USED("usage_hour"), "130 ");
}
END_TEST

START_TEST(keep_checkpoint_locked_tried_again)
{
	uint64_t ticket;
	sqlite3 *db;

	set(a_is_7, 1, true);
	count(100);
	await_stored(keep_checkpoint(keep, now, true));
	ck_assert_int_eq(sqlite3_open(place.path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 20000); /* the thread may still be pruning */
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	count(110);
	ticket = keep_checkpoint(keep, now, true);
	await_settled(ticket);
	ck_assert(!keep_is_stored(keep, ticket) && strstr(keep_problem(keep), "locked"));
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	await_stored(keep_checkpoint(keep, now, true));
	expect_stored("110 ");
}
END_TEST

START_TEST(keep_checkpoint_file_removed_all_is_written_anew)
{
	uint64_t ticket;

	set(a_is_7, 1, true);
	count(100);
	await_stored(keep_checkpoint(keep, now, true));
	remove_beside(&place, "");
	remove_beside(&place, "-wal");
	remove_beside(&place, "-shm");
	count(130);
	ticket = keep_checkpoint(keep, now, true);
	await_settled(ticket);
	ck_assert(!keep_is_stored(keep, ticket) && keep_problem(keep));
	await_stored(keep_checkpoint(keep, now, true));
	expect_stored("130 ");
	expect_answer(place.path, IN_OCTETS_USED("usage_hour"), "30 "); /* since it was stored */
}
END_TEST

START_TEST(keep_checkpoint_another_ledger_appeared_refused)
{
	char *dir = xasprintf("%s/sub", place.dir);
	uint64_t ticket;
	struct store *s;

	keep_free(keep);
	write_at(dir, 0, "", 0); /* not a directory: nothing below it can be opened */
	snprintf(place.path, sizeof(place.path), "%.70s/ledger.db", dir);
	open_keep();
	ck_assert(strstr(keep_problem(keep), place.path));
	set(a_is_7, 1, true);
	await_settled(keep_checkpoint(keep, now, true));
	ck_assert(keep_problem(keep));
	ck_assert_int_eq(unlink(dir), 0);
	s = must_open(place.path);
	must_put_small(s, 5, 0);
	store_close(s);
	ticket = keep_checkpoint(keep, now, true);
	await_settled(ticket);
	ck_assert(!keep_is_stored(keep, ticket));
	ck_assert(strstr(keep_problem(keep), "appeared after ctmeterd started"));
	expect_answer(place.path, "SELECT in_octets FROM address", "5 ");
	free(dir);
}
END_TEST

START_TEST(keep_wait_all_that_was_asked_for_is_written)
{
	uint64_t ticket;

	set(a_is_7, 1, true);
	count(100);
	keep_checkpoint(keep, now, false);
	count(101);
	ticket = keep_checkpoint(keep, now, true);
	keep_wait(keep);
	ck_assert(keep_is_stored(keep, ticket));
	expect_stored("101 ");
}
END_TEST

START_TEST(keep_free_what_is_under_way_is_written)
{
	set(a_is_7, 1, true);
	count(100);
	keep_checkpoint(keep, now, true);
	told = 0;
	keep_free(keep);
	ck_assert_int_eq(told, 0);
	expect_stored("100 ");
	ledger_free(ledger);
	ledger = ledger_new();
	open_keep();
	expect("7", A, 100, ROW_COUNTING, 0);
}
END_TEST

/* Killed at random instants of a stream of checkpoints: what was reported as stored is stored. */
static void stream(volatile uint64_t *stored)
{
	uint64_t octets = *stored;

	ledger = ledger_new();
	open_keep();
	set(a_is_7, 1, true);
	for (;;) {
		uint64_t ticket;

		count(++octets);
		ticket = keep_checkpoint(keep, now, octets % 4 == 0);
		while (!keep_is_stored(keep, ticket))
			loop_run_once(loop, 1000);
		*stored = octets;
	}
}

START_TEST(keep_killed_anywhere_what_is_stored_stays)
{
	uint64_t seed = seed_random("keep_killed_anywhere_what_is_stored_stays");
	volatile uint64_t *stored =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	keep_free(keep); /* no thread while it forks */
	for (int round = 0; round < 30; round++) {
		uint64_t before = *stored, octets;
		pid_t pid = fork();
		char *answer;
		int status;

		if (!pid)
			stream(stored);
		while (*stored == before)
			usleep(100);
		usleep((useconds_t)(next_random(&seed) % 20000));
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSIGNALED(status), "the child ended by itself: %d", status);
		answer = ask(place.path, "SELECT in_octets FROM address");
		octets = strtoull(answer, NULL, 10);
		ck_assert_uint_ge(octets, *stored);
		ck_assert_uint_le(octets, *stored + 1);
		expect_answer(place.path, IN_OCTETS_USED("usage_hour"), answer);
		*stored = octets;
		free(answer);
	}
	open_keep();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keep");
	TCase *t = tcase_create("keep");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, keep_checkpoint_stored_then_settled);
	tcase_add_test(t, keep_checkpoint_slow_disk_holds_nobody);
	tcase_add_test(t, keep_checkpoint_disk_never_ready_is_given_up);
	tcase_add_test(t, keep_checkpoint_broken_disk_tried_again_and_booked_once);
	tcase_add_test(t, keep_checkpoint_locked_tried_again);
	tcase_add_test(t, keep_checkpoint_file_removed_all_is_written_anew);
	tcase_add_test(t, keep_checkpoint_another_ledger_appeared_refused);
	tcase_add_test(t, keep_wait_all_that_was_asked_for_is_written);
	tcase_add_test(t, keep_free_what_is_under_way_is_written);
	tcase_add_test(t, keep_killed_anywhere_what_is_stored_stays);
	suite_add_tcase(s, t);
	return run_suite(s);
}
