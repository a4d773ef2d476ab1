/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_helpers.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

/* --- disks --------------------------------------------------------------------------------- */

/* A file system of the test's own over its directory, seen by this process only. */
static bool mount_small(const struct place *p, const char *test)
{
	if (unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", p->dir, "tmpfs", 0, "size=384k") == 0)
		return true;
	printf("SKIP %s: no mount namespaces here: %s\n", test, strerror(errno));
	return false;
}

static void set_read_only(const struct place *p, bool on)
{
	ck_assert_msg(mount("none", p->dir, "none", MS_REMOUNT | (on ? MS_RDONLY : 0), NULL) == 0,
		      "remount: %s", strerror(errno));
}

static void fill_disk(const struct place *p)
{
	static const char block[1024] = "x";
	char *name = xasprintf("%s/filler", p->dir);
	int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);

	ck_assert(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
	free(name);
}

static void clear_disk(const struct place *p)
{
	char *name = xasprintf("%s/filler", p->dir);

	ck_assert_int_eq(unlink(name), 0);
	free(name);
}

START_TEST(store_end_disk_full_resumes_by_itself)
{
	struct place p = place_new();
	struct err e = { "" };
	struct store *s;
	uint64_t n = 0;
	char *sum;

	if (!mount_small(&p, "store_end_disk_full_resumes_by_itself"))
		goto cleanup;
	s = must_open(p.path);
	fill_disk(&p);
	while (put_small(s, n + 1, 1, &e) == 0)
		n++;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(put_small(s, n + 1, 1, &e), -ENOSPC);
	ck_assert_msg(strstr(e.text, p.path) && strstr(e.text, "make room"), "%s", e.text);
	clear_disk(&p);
	must_put_small(s, n + 1, 1);
	store_close(s);
	sum = xasprintf("%llu ", (unsigned long long)n + 1);
	expect_small(p.path, sum, sum);
	free(sum);
	umount2(p.dir, MNT_DETACH);
cleanup:
	place_remove(&p);
}
END_TEST

START_TEST(store_open_disk_full_read_then_saved)
{
	struct place p = place_new();
	struct err e = { "" };
	struct store *s;
	char *was;

	if (!mount_small(&p, "store_open_disk_full_read_then_saved"))
		goto cleanup;
	fill_disk(&p);
	ck_assert_int_eq(store_open(p.path, &s, NULL, &e), -EROFS); /* not even a file */
	expect_contents(s, " 0 0 1 1\n");
	ck_assert_int_lt(put_small(s, 1, 1, &e), 0);
	ck_assert_msg(strstr(e.text, p.path) != NULL, "%s", e.text);
	clear_disk(&p);
	must_put_small(s, 1, 1);
	was = contents(s);
	store_close(s);
	remove_beside(&p, "-wal");
	remove_beside(&p, "-shm");
	fill_disk(&p);
	ck_assert_int_eq(store_open(p.path, &s, NULL, &e), -EROFS); /* no room for an index */
	expect_contents(s, was);
	ck_assert_int_lt(put_small(s, 2, 1, &e), 0);
	expect_contents(s, was);
	clear_disk(&p);
	must_put_small(s, 3, 2);
	store_close(s);
	expect_small(p.path, "3 ", "3 ");
	free(was);
	umount2(p.dir, MNT_DETACH);
cleanup:
	place_remove(&p);
}
END_TEST

/* One more checkpoint by a process that is then killed, so that it is only in the WAL. */
static void leave_wal(const struct place *p, uint64_t total)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct store *s = must_open(p->path);

		must_put_small(s, total, 1);
		kill(getpid(), SIGKILL);
	}
	ck_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
}

/* Read-only: everything is loaded, saves fail, and saves work again afterwards. */
static void expect_read_only(const struct place *p, const char *was)
{
	struct store *s = NULL;
	struct err e = { "" };
	char *aside;

	set_read_only(p, true);
	ck_assert_msg(store_open(p->path, &s, &aside, &e) == -EROFS, "%s", e.text);
	ck_assert_msg(strstr(e.text, p->path) && strstr(e.text, "writable"), "%s", e.text);
	ck_assert(aside == NULL);
	expect_contents(s, was);
	ck_assert_int_eq(store_prune(s, WALL, 1), -EROFS);
	ck_assert_int_lt(put_small(s, 100, 1, &e), 0);
	ck_assert_msg(strstr(e.text, p->path) && strstr(e.text, "writable"), "%s", e.text);
	expect_contents(s, was);
	set_read_only(p, false);
	must_put_small(s, 200, 2);
	store_close(s);
	expect_answer(p->path, "SELECT in_octets FROM address", "200 ");
}

START_TEST(store_open_read_only_disk_read_then_saved)
{
	struct place p = place_new();
	struct store *s;
	char *was;

	if (!mount_small(&p, "store_open_read_only_disk_read_then_saved"))
		goto cleanup;
	for (int i = 0; i < 4; i++) {
		leave_wal(&p, 41);
		leave_wal(&p, 42 + (uint64_t)i);
		s = must_open(p.path);
		was = contents(s);
		store_close(s);
		if (i & 1)
			leave_wal(&p, 42 + (uint64_t)i);
		if (i == 2)
			remove_beside(&p, "-wal");
		if (i & 2)
			remove_beside(&p, "-shm");
		if (i == 2 && sqlite3_libversion_number() < 3008005) {
			printf("SKIP no WAL file: SQLite %s cannot read that\n",
			       sqlite3_libversion());
			free(was);
			continue;
		}
		printf("WAL %s, index %s\n",
		       i & 1 ? "full"
		       : i   ? "missing"
			     : "empty",
		       i & 2 ? "missing" : "there");
		expect_read_only(&p, was);
		free(was);
	}
	umount2(p.dir, MNT_DETACH);
cleanup:
	place_remove(&p);
}
END_TEST

START_TEST(store_open_damaged_on_read_only_disk_fails)
{
	struct place p = place_new();
	struct err e = { "" };
	struct store *s;

	if (!mount_small(&p, "store_open_damaged_on_read_only_disk_fails"))
		goto cleanup;
	write_at(p.path, 0, "no database, and what there is of it is not to be lost", 50);
	set_read_only(&p, true);
	ck_assert_int_eq(store_open(p.path, &s, NULL, &e), -EUCLEAN);
	ck_assert_msg(strstr(e.text, p.path) && strstr(e.text, "damaged"), "%s", e.text);
	set_read_only(&p, false);
	expect_set_aside(&p);
	umount2(p.dir, MNT_DETACH);
cleanup:
	place_remove(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_disk");
	TCase *t = tcase_create("store_disk");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, store_end_disk_full_resumes_by_itself);
	tcase_add_test(t, store_open_disk_full_read_then_saved);
	tcase_add_test(t, store_open_read_only_disk_read_then_saved);
	tcase_add_test(t, store_open_damaged_on_read_only_disk_fails);
	suite_add_tcase(s, t);
	return run_suite(s);
}
