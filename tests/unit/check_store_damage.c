/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_helpers.h"

#include <signal.h>
#include <sys/mman.h>

/* --- crashes ------------------------------------------------------------------------------- */

static void crash_child(const char *path, volatile uint64_t *confirmed)
{
	struct crash_state now;
	struct store *s;

	if (store_open(path, &s, NULL, NULL))
		_exit(2);
	crash_load(s, &now);
	for (uint64_t n = now.checkpoint + 1;; n++) {
		crash_put(s, n);
		*confirmed = n;
	}
}

START_TEST(store_killed_anywhere_last_checkpoint_whole)
{
	uint64_t seed = seed_random("store_killed_anywhere_last_checkpoint_whole");
	struct place p = place_new();
	volatile uint64_t *confirmed =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int round = 0; round < 60; round++) {
		struct crash_state now;
		struct store *s;
		char *expected;
		uint64_t before = *confirmed;
		pid_t pid = fork();
		int status;

		if (pid == 0)
			crash_child(p.path, confirmed);
		/* Half of the kills while it opens, half in its stream of checkpoints. */
		while (round & 1 && *confirmed == before)
			usleep(100);
		usleep((useconds_t)(next_random(&seed) % 40000));
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSIGNALED(status), "the child ended by itself: %d", status);
		s = must_open(p.path);
		crash_load(s, &now);
		ck_assert_uint_ge(now.checkpoint, *confirmed);
		ck_assert_uint_le(now.checkpoint, *confirmed + 1);
		ck_assert_uint_eq(now.rows, now.checkpoint ? CRASH_ADDRESSES + 1 : 0);
		ck_assert_uint_eq(now.sum, now.rows * now.checkpoint);
		*confirmed = now.checkpoint;
		expected = xasprintf("%llu ", (unsigned long long)now.sum - now.checkpoint);
		if (now.rows) {
			expect_answer(p.path, IN_OCTETS_USED("usage_5min"), expected);
			expect_answer(p.path, IN_OCTETS_USED("usage_hour"), expected);
		}
		free(expected);
		store_close(s);
	}
	printf("%llu checkpoints\n", (unsigned long long)*confirmed);
	ck_assert_uint_ge(*confirmed, 30);
	expect_answer(p.path, "PRAGMA integrity_check", "ok ");
	place_remove(&p);
}
END_TEST

/* --- damage -------------------------------------------------------------------------------- */

START_TEST(store_open_no_database_set_aside)
{
	struct place p = place_new();
	static const char text[] =
		"This is no database, but somebody's diary, and it is long enough "
		"to have a header's size and more: 100 octets.";

	for (int i = 1; i <= 3; i++) {
		write_at(p.path, 0, text, sizeof(text));
		expect_set_aside(&p);
		ck_assert_int_eq(count_files(&p, ".damaged-"), i); /* none is overwritten */
		remove_beside(&p, "");
	}
	place_remove(&p);
}
END_TEST

/* A database of some hundred rows, checkpointed into its file. */
static void make_large(const struct place *p)
{
	struct store *s = must_open(p->path);

	for (uint64_t n = 1; n < 50; n++)
		crash_put(s, n);
	store_close(s);
}

START_TEST(store_open_cut_off_set_aside)
{
	struct place p = place_new();
	struct stat st;

	make_large(&p);
	ck_assert_int_eq(stat(p.path, &st), 0);
	ck_assert_int_eq(truncate(p.path, st.st_size / 2), 0);
	expect_set_aside(&p);
	place_remove(&p);
}
END_TEST

START_TEST(store_open_table_missing_set_aside)
{
	struct place p = place_new();

	make_large(&p);
	tell(p.path, "DROP TABLE usage_hour");
	expect_set_aside(&p);
	place_remove(&p);
}
END_TEST

/* Whatever octets are overwritten, it works again at the second opening at the latest, or the
 * damage is where only a report would read. */
START_TEST(store_open_garbled_anywhere_works_again)
{
	uint64_t seed = seed_random("store_open_garbled_anywhere_works_again");
	struct place p = place_new();
	struct stat st;
	int set_aside = 0;

	for (int round = 0; round < 60; round++) {
		unsigned char junk[512];
		int ret = -EUCLEAN;

		make_large(&p);
		ck_assert_int_eq(stat(p.path, &st), 0);
		for (size_t i = 0; i < sizeof(junk); i++)
			junk[i] = (unsigned char)next_random(&seed);
		/* The version and the id (octets 60 to 71) identify our files. */
		write_at(p.path, 72 + (off_t)(next_random(&seed) % (uint64_t)(st.st_size - 600)),
			 junk, sizeof(junk));
		for (int tries = 0; ret == -EUCLEAN && tries < 2; tries++) {
			struct store *s = NULL;
			struct err e = { "" };
			char *aside, *all = NULL;
			size_t len;
			FILE *f = open_memstream(&all, &len);
			struct store_meta m;

			ck_assert_msg(!store_open(p.path, &s, &aside, &e), "%s", e.text);
			set_aside += aside != NULL;
			ret = store_load(s, &m, print_container, print_address, f, &e);
			if (!ret)
				ret = put_small(s, 1, 1, &e);
			if (ret == -EINVAL)
				ret = 0; /* readable, but 101 has become another id */
			ck_assert_msg(!ret || (ret == -EUCLEAN && !aside), "%d %s", ret, e.text);
			store_close(s);
			fclose(f);
			free(all);
			free(aside);
		}
		ck_assert_int_eq(ret, 0);
		remove_beside(&p, "");
		remove_beside(&p, "-wal");
		remove_beside(&p, "-shm");
		remove_beside(&p, "-damaged");
	}
	printf("%d of 60 set aside\n", set_aside);
	ck_assert_int_gt(set_aside, 10);
	place_remove(&p);
}
END_TEST

START_TEST(store_load_wrong_value_damaged_then_set_aside)
{
	static const char *const wrong[] = {
		"UPDATE address SET ip = '192.0.2.300'", "UPDATE address SET state = 4",
		"UPDATE address SET container = 5",      "UPDATE container SET state = 1",
		"UPDATE container SET ctid = ''",        "UPDATE container SET run = 0",
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct place p = place_new();
		struct store *s = must_open(p.path);
		struct store_meta m;
		struct err e = { "" };
		char *rows;
		size_t len;
		FILE *f = open_memstream(&rows, &len);

		must_put_small(s, 1, 1);
		tell(p.path, wrong[i]);
		ck_assert_int_eq(store_load(s, &m, print_container, print_address, f, &e),
				 -EUCLEAN);
		ck_assert(strstr(e.text, p.path) && strstr(e.text, "row 1 of table"));
		store_close(s);
		fclose(f);
		free(rows);
		expect_set_aside(&p);
		place_remove(&p);
	}
}
END_TEST

START_TEST(store_open_damaged_and_in_use_waits)
{
	struct place p = place_new();
	struct store *s = must_open(p.path);
	struct err e = { "" };
	char *mark = xasprintf("%s-damaged", p.path);
	int up[2], status;
	pid_t pid;

	must_put_small(s, 1, 1);
	store_close(s);
	ck_assert(pipe(up) == 0);
	pid = fork();
	if (pid == 0) {
		sqlite3 *db;

		sqlite3_open(p.path, &db);
		sqlite3_exec(db, "SELECT * FROM meta", NULL, NULL, NULL);
		if (write(up[1], "", 1) == 1) /* no assertion: it is killed, as check_commit says */
			pause();
		_exit(1);
	}
	ck_assert(read(up[0], &status, 1) == 1);
	write_at(mark, 0, "", 0);
	ck_assert_int_eq(store_open(p.path, &s, NULL, &e), -EBUSY);
	ck_assert(strstr(e.text, p.path) && strstr(e.text, "process"));
	ck_assert_int_eq(count_files(&p, ".damaged-"), 0);
	kill(pid, SIGKILL);
	ck_assert(waitpid(pid, &status, 0) == pid);
	expect_set_aside(&p);
	free(mark);
	place_remove(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_damage");
	TCase *t = tcase_create("store_damage");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, store_killed_anywhere_last_checkpoint_whole);
	tcase_add_test(t, store_open_no_database_set_aside);
	tcase_add_test(t, store_open_cut_off_set_aside);
	tcase_add_test(t, store_open_table_missing_set_aside);
	tcase_add_test(t, store_open_garbled_anywhere_works_again);
	tcase_add_test(t, store_load_wrong_value_damaged_then_set_aside);
	tcase_add_test(t, store_open_damaged_and_in_use_waits);
	suite_add_tcase(s, t);
	return run_suite(s);
}
