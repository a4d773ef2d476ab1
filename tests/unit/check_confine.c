/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the filter of system calls leaves. Only children of a test confine themselves: Check makes a
 * timer and reads clocks in the process that runs a test, and the filter would be in its way. */
#include "base/xalloc.h"
#include "inventory/source_kind.h"
#include "privilege.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a confined child: the first thing that is not as wanted, or NULL. */
typedef const char *(*trial)(void);

#define WANT(condition)                    \
	do {                               \
		if (!(condition))          \
			return #condition; \
	} while (0)

static void try_confined(trial what)
{
	struct cfg *cfg = NULL;
	char said[256] = "";
	int pipes[2], status = 0;
	pid_t pid;

	ck_assert_int_eq(cfg_parse("[inventory]\nsource = file:/x\n", "test", source_check, &cfg,
				   NULL),
			 0);
	ck_assert_int_eq(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		const char *wrong;

		privilege_confine(cfg);
		wrong = what();
		if (wrong && write(pipes[1], wrong, strlen(wrong)) < 0)
			_exit(2);
		_exit(wrong ? 1 : 0);
	}
	ck_assert_int_gt(pid, 0);
	close(pipes[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_ge(read(pipes[0], said, sizeof(said) - 1), 0);
	ck_assert_msg(status == 0, "status %#x: %s", (unsigned)status, said);
	close(pipes[0]);
	cfg_free(cfg);
}

static const char *try_what_nobody_needs(void)
{
	WANT(ioctl(-1, TIOCSTI, "x") < 0 && errno == ENOSYS);
	WANT(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) < 0 && errno == ENOSYS);
	WANT(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == ENOSYS);
	WANT(execl("/bin/true", "true", (char *)NULL) < 0 && errno == ENOSYS);
	WANT(syscall(SYS_ptrace, 0, 0, 0, 0) < 0 && errno == ENOSYS);
	return NULL;
}

START_TEST(confine_what_nobody_needs_is_not_there)
{
	try_confined(try_what_nobody_needs);
}
END_TEST

static const char *try_files_sockets_and_children(void)
{
	int status = 0, fd;
	pid_t pid;

	fd = open("/dev/null", O_RDWR);
	WANT(fd >= 0);
	WANT(write(fd, "x", 1) == 1);
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	WANT(fd >= 0);
	close(fd);
	pid = fork();
	if (pid == 0)
		_exit(7);
	WANT(waitpid(pid, &status, 0) == pid);
	WANT(WEXITSTATUS(status) == 7);
	return NULL;
}

START_TEST(confine_files_sockets_and_children_go_on)
{
	try_confined(try_files_sockets_and_children);
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s;
	SRunner *sr;
	int failed;

	if (!privilege_confines()) {
		printf("SKIP this build has no filter of system calls\n");
		return EXIT_SUCCESS;
	}
	s = suite_create("confine");
	tc = tcase_create("confine");
	tcase_add_test(tc, confine_what_nobody_needs_is_not_there);
	tcase_add_test(tc, confine_files_sockets_and_children_go_on);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
