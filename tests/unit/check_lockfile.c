/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A lock that goes with its process. Another process is needed to see it: POSIX locks are a
 * process's. */
#include "base/lockfile.h"

#include "base/loop.h"
#include "base/xalloc.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], *path, *other;

static void setup(void)
{
	strcpy(dir, "/tmp/check_lockfile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = xasprintf("%s/lock", dir);
	other = xasprintf("%s/other", dir);
}

static void teardown(void)
{
	unlink(path);
	unlink(other);
	ck_assert_int_eq(rmdir(dir), 0);
	free(path);
	free(other);
}

/* A process that has the lock, and a child of it that has all its descriptors. */
static pid_t holder(pid_t *ret_child)
{
	int fds[2], fd;
	long by;
	pid_t pid, child;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		if (lockfile_take(path, 0, &fd, &by) < 0)
			_exit(1);
		child = fork();
		if (child && write(fds[1], &child, sizeof(child)) != sizeof(child))
			_exit(1);
		pause();
		_exit(0);
	}
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], ret_child, sizeof(*ret_child)), sizeof(*ret_child));
	close(fds[0]);
	return pid;
}

START_TEST(lockfile_take_held_is_busy_and_says_by_whom)
{
	pid_t child, pid = holder(&child);
	long by = -1;
	int fd = -1;

	ck_assert_int_eq(lockfile_take(path, 0, &fd, &by), -EBUSY);
	ck_assert_int_eq(by, pid);
	ck_assert_int_eq(fd, -1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_msg(kill(child, 0) == 0, "the child lives");
	ck_assert_int_eq(lockfile_take(path, 0, &fd, &by), 0);
	close(fd);
	kill(child, SIGKILL);
}
END_TEST

START_TEST(lockfile_take_waits_for_one_that_ends)
{
	pid_t child, pid = holder(&child);
	long by;
	int fd;

	if (!fork()) {
		usleep(50000); /* whichever comes first, it is taken */
		kill(pid, SIGKILL);
		_exit(0);
	}
	ck_assert_int_eq(lockfile_take(path, 30 * NS_PER_S, &fd, &by), 0);
	close(fd);
	kill(child, SIGKILL);
	while (wait(NULL) > 0)
		;
}
END_TEST

START_TEST(lockfile_take_is_for_its_owner_alone)
{
	struct stat st;
	long by;
	int fd;

	ck_assert_int_eq(lockfile_take(path, 0, &fd, &by), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_size, 0);
	close(fd);
}
END_TEST

START_TEST(lockfile_take_what_is_no_file_is_einval)
{
	long by;
	int fd;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(lockfile_take(path, 0, &fd, &by), -EINVAL);
	unlink(path);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(lockfile_take(path, 0, &fd, &by), -EINVAL);
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(lockfile_take(path, 0, &fd, &by), -EINVAL);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(access(other, F_OK), -1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("lockfile");
	Suite *s = suite_create("lockfile");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, lockfile_take_held_is_busy_and_says_by_whom);
	tcase_add_test(tc, lockfile_take_waits_for_one_that_ends);
	tcase_add_test(tc, lockfile_take_is_for_its_owner_alone);
	tcase_add_test(tc, lockfile_take_what_is_no_file_is_einval);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
