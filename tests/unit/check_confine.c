/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the filter of system calls leaves, tried in a process of its own each. */
#include "privilege.h"
#include "xalloc.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void confine(void)
{
	struct cfg *cfg = NULL;

	ck_assert_int_eq(cfg_parse("[inventory]\nsource = file:/x\n", "test", &cfg, NULL), 0);
	privilege_confine(cfg);
	cfg_free(cfg);
}

START_TEST(confine_what_nobody_needs_is_not_there)
{
	int pipes[2];

	ck_assert_int_eq(pipe(pipes), 0);
	confine();
	if (!privilege_confines())
		return;
	ck_assert(ioctl(pipes[0], TIOCSTI, "x") < 0 && errno == ENOSYS);
	ck_assert(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) < 0 && errno == ENOSYS);
	ck_assert(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == ENOSYS);
	ck_assert(execl("/bin/true", "true", (char *)NULL) < 0 && errno == ENOSYS);
	ck_assert(syscall(SYS_ptrace, 0, 0, 0, 0) < 0 && errno == ENOSYS);
}
END_TEST

START_TEST(confine_files_sockets_and_children_go_on)
{
	int status = 0, fd;
	pid_t pid;

	confine();
	fd = open("/dev/null", O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_ge(fd, 0);
	close(fd);
	pid = fork();
	if (pid == 0)
		_exit(7);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("confine");
	TCase *tc = tcase_create("confine");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, confine_what_nobody_needs_is_not_there);
	tcase_add_test(tc, confine_files_sockets_and_children_go_on);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
