/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ledger serves one daemon. */
#include "store/store_file.h"
#include "store_helpers.h"

#include <signal.h>

/* Another process has it open for writing until it is killed. */
static pid_t writer_of(const char *path)
{
	int fds[2];
	pid_t pid;
	char c;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		must_open(path);
		if (write(fds[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &c, 1), 1);
	close(fds[0]);
	return pid;
}

START_TEST(store_open_anothers_ledger_is_refused)
{
	struct place p = place_new();
	char *link = xasprintf("%s/link", p.dir), *who;
	pid_t pid = writer_of(p.path);
	struct err e = { "" };
	struct store *s;

	who = xasprintf("process %ld", (long)pid);
	ck_assert_int_eq(store_open(p.path, &s, NULL, &e), -EBUSY);
	ck_assert_msg(strstr(e.text, p.path) && strstr(e.text, who), "%s", e.text);
	ck_assert_int_eq(symlink("ledger.db", link), 0);
	ck_assert_int_eq(store_open(link, &s, NULL, &e), -EBUSY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	s = must_open(link);
	must_put_small(s, 1, 1);
	store_close(s);
	free(link);
	free(who);
	place_remove(&p);
}
END_TEST

/* A damaged file is not set aside while another process writes it. */
START_TEST(store_open_anothers_damaged_ledger_is_left_alone)
{
	struct place p = place_new();
	pid_t pid = writer_of(p.path);
	struct err e = { "" };
	struct store *s;

	store_file_set_damaged(p.path);
	ck_assert_int_eq(store_open(p.path, &s, NULL, &e), -EBUSY);
	ck_assert_int_eq(count_files(&p, ".damaged-"), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	place_remove(&p);
}
END_TEST

/* The lock could not be had at first. It is taken when it can be, and another's is respected. */
START_TEST(store_begin_takes_the_lock_late)
{
	struct place p = place_new();
	char *name = xasprintf("%s-lock", p.path);
	struct err e = { "" };
	struct store *s;
	int status;
	pid_t pid;

	store_close(must_open(p.path));
	ck_assert_int_eq(unlink(name), 0);
	ck_assert_int_eq(mkfifo(name, 0600), 0);
	ck_assert_int_eq(store_open(p.path, &s, NULL, &e), -EROFS);
	ck_assert_msg(strstr(e.text, name) && strstr(e.text, "remove it"), "%s", e.text);
	ck_assert_int_eq(unlink(name), 0);
	pid = writer_of(p.path);
	ck_assert_int_eq(store_begin(s, false, WALL, &e), -EBUSY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	must_put_small(s, 1, 1);
	pid = fork();
	if (!pid) {
		struct store *second;

		_exit(store_open(p.path, &second, NULL, NULL) == -EBUSY ? 0 : 1);
	}
	ck_assert(waitpid(pid, &status, 0) == pid && status == 0);
	store_close(s);
	free(name);
	place_remove(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_lock");
	TCase *t = tcase_create("store_lock");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, store_open_anothers_ledger_is_refused);
	tcase_add_test(t, store_open_anothers_damaged_ledger_is_left_alone);
	tcase_add_test(t, store_begin_takes_the_lock_late);
	suite_add_tcase(s, t);
	return run_suite(s);
}
