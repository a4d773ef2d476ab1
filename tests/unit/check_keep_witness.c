/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ledger other than the one stored last: see keep_world.h. */
#include "keep_world.h"

#include "store/witness.h"

static char copy[128];

/* A copy of the ledger, as `cp` makes it between two runs. */
static void copy_file(const char *from, const char *to)
{
	char *command = xasprintf("cp '%s' '%s'", from, to);

	ck_assert_int_eq(system(command), 0);
	free(command);
}

static void stop(void)
{
	keep_free(keep);
	keep = NULL;
	ledger_free(ledger);
	ledger = ledger_new();
	later();
}

static void start(void)
{
	open_keep();
}

static void put_back(void)
{
	remove_beside(&place, "-wal");
	remove_beside(&place, "-shm");
	copy_file(copy, place.path);
}

/* The present witness. */
static struct witness noted(void)
{
	struct witness w;
	int fd = witness_open(place.dir);

	ck_assert(witness_read(fd, &w));
	close(fd);
	return w;
}

/* 7 has A with 100 octets; a copy is made; 900 more come. Ends stopped. */
static void copy_and_go_on(void)
{
	snprintf(copy, sizeof(copy), "%s/copy", place.dir);
	set(a_is_7, 1, true);
	count(100);
	await_stored(keep_checkpoint(keep, now, true));
	stop();
	copy_file(place.path, copy);
	start();
	count(1000);
	await_stored(keep_checkpoint(keep, now, true));
	stop();
}

START_TEST(keep_new_the_same_ledger_goes_on)
{
	copy_and_go_on();
	start();
	ck_assert_int_eq(ledger_doubted_s(ledger), 0);
	count(1001);
	expect("7", A, 1001, ROW_COUNTING, 0);
}
END_TEST

START_TEST(keep_new_an_older_copy_is_doubted_once)
{
	copy_and_go_on();
	put_back();
	start();
	ck_assert_int_ne(ledger_doubted_s(ledger), 0);
	expect("7", A, 100, ROW_COUNTING, 1);
	count(1001);
	expect("7", A, 100, ROW_COUNTING, 1);
	count(1003);
	await_stored(keep_checkpoint(keep, now, true));
	stop();
	start();
	ck_assert_int_eq(ledger_doubted_s(ledger), 0);
	count(1004);
	expect("7", A, 103, ROW_COUNTING, 1);
}
END_TEST

/* The newer ledger, put back after all, is by now another: what the older one counted is not
 * counted again. */
START_TEST(keep_new_the_newer_after_the_older_is_doubted)
{
	char newer[128];

	copy_and_go_on();
	snprintf(newer, sizeof(newer), "%s/newer", place.dir);
	copy_file(place.path, newer);
	put_back();
	start();
	count(1001);
	await_stored(keep_checkpoint(keep, now, true));
	stop();
	snprintf(copy, sizeof(copy), "%s", newer);
	put_back();
	start();
	ck_assert_int_ne(ledger_doubted_s(ledger), 0);
	count(1007);
	expect("7", A, 1000, ROW_COUNTING, 2);
}
END_TEST

START_TEST(keep_new_a_new_ledger_in_its_place_is_doubted)
{
	struct witness w;

	copy_and_go_on();
	remove_beside(&place, "-wal");
	remove_beside(&place, "-shm");
	remove_beside(&place, "");
	w = noted();
	ck_assert_uint_eq(w.next_ifindex, 2);
	start();
	ck_assert_int_ne(ledger_doubted_s(ledger), 0);
	count(1001);
	set(a_is_7, 1, true);
	count(1002);
	expect("7", A, 1, ROW_COUNTING, 1);
	await_stored(keep_checkpoint(keep, now, true));
	ck_assert_uint_ne(noted().ledger, w.ledger);
	ck_assert_uint_eq(noted().next_ifindex, 3); /* 1 was given before */
}
END_TEST

/* Killed after the transaction and before the witness was written. */
START_TEST(keep_new_a_ledger_newer_than_its_witness_goes_on)
{
	struct witness before;
	int fd;

	set(a_is_7, 1, true);
	count(100);
	await_stored(keep_checkpoint(keep, now, true));
	before = noted();
	count(200);
	await_stored(keep_checkpoint(keep, now, true));
	stop();
	fd = witness_open(place.dir);
	ck_assert_int_eq(witness_write(fd, &before), 0);
	close(fd);
	start();
	ck_assert_int_eq(ledger_doubted_s(ledger), 0);
}
END_TEST

START_TEST(keep_new_a_witness_of_another_boot_or_none_says_nothing)
{
	char *path = xasprintf("%s/ledger.witness", place.dir);
	struct witness w;
	int fd;

	copy_and_go_on();
	w = noted();
	snprintf(w.boot_id, sizeof(w.boot_id), "another");
	fd = witness_open(place.dir);
	ck_assert_int_eq(witness_write(fd, &w), 0);
	put_back();
	start();
	ck_assert_int_eq(ledger_doubted_s(ledger), 0);
	stop();
	ck_assert_int_eq(ftruncate(fd, 20), 0);
	close(fd);
	start();
	ck_assert_int_eq(ledger_doubted_s(ledger), 0);
	stop();
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	start();
	ck_assert_int_eq(ledger_doubted_s(ledger), 0);
	free(path);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keep_witness");
	TCase *t = tcase_create("keep_witness");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, keep_new_the_same_ledger_goes_on);
	tcase_add_test(t, keep_new_an_older_copy_is_doubted_once);
	tcase_add_test(t, keep_new_the_newer_after_the_older_is_doubted);
	tcase_add_test(t, keep_new_a_new_ledger_in_its_place_is_doubted);
	tcase_add_test(t, keep_new_a_ledger_newer_than_its_witness_goes_on);
	tcase_add_test(t, keep_new_a_witness_of_another_boot_or_none_says_nothing);
	suite_add_tcase(s, t);
	return run_suite(s);
}
