/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_NET_LAB_H
#define CTM_TESTS_NET_LAB_H

#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Real links in network namespaces of a test's own. A container is a process in another
 * namespace. */

static pid_t containers[16];
static size_t n_containers;

static inline bool run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline bool run(const char *fmt, ...)
{
	char command[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command) == 0;
}

#define RUN(...) ck_assert_msg(run(__VA_ARGS__), __VA_ARGS__)

static inline bool enter(const char *test)
{
	if (unshare(CLONE_NEWNET) == 0 && run("ip link set lo up 2>/dev/null"))
		return true;
	printf("SKIP %s: needs root, network namespaces and ip(8)\n", test);
	return false;
}

static inline pid_t container(void)
{
	int ready[2];
	pid_t pid;
	char c;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "x", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	containers[n_containers++] = pid;
	return pid;
}

/* A veth of the node, up, whose other end is eth0 in the container. */
static inline void veth(const char *name, pid_t pid, const char *address)
{
	RUN("ip link add %s type veth peer name eth0 netns %d && ip link set %s up && "
	    "nsenter -n -t %d sh -c 'ip link set eth0 up && ip addr add %s dev eth0'",
	    name, pid, name, pid, address);
}

/* End all containers. */
static inline void net_lab_end(void)
{
	for (size_t i = 0; i < n_containers; i++) {
		kill(containers[i], SIGKILL);
		waitpid(containers[i], NULL, 0);
	}
	n_containers = 0;
}

#endif
