/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A Unix stream socket for the tests' shell scripts:
 *   unixio listen PATH GROUP COMMAND...   as a socket unit: mode 0660 and that group (a number),
 *   passed
 *                                         to COMMAND (sd_listen_fds(3))
 *   unixio ask PATH TEXT                  sends the line and prints what comes until the end
 *   unixio squat @NAME N                  takes a name in the abstract namespace and sleeps; where
 *   N is
 *                                         not 0 as many and one more may wait to be accepted
 * Exit status of ask: 0, or 1 when there is no connection. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "unixio: %s: %s\n", what, strerror(errno));
	return 1;
}

static int do_listen(int fd, const struct sockaddr_un *sun, gid_t gid, char **command)
{
	char pid[16];

	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ||
	    chown(sun->sun_path, (uid_t)-1, gid) < 0 || chmod(sun->sun_path, 0660) < 0 ||
	    listen(fd, 8) < 0 || dup2(fd, 3) < 0)
		return fail(sun->sun_path);
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	execv(command[0], command);
	return fail(command[0]);
}

static int do_ask(int fd, const struct sockaddr_un *sun, const char *text)
{
	char buf[4096];
	ssize_t n;

	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0)
		return fail(sun->sun_path);
	if (dprintf(fd, "%s\n", text) < 0)
		return fail("send");
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc < 4 || strlen(argv[2]) >= sizeof(sun.sun_path)) {
		fputs("usage: unixio listen PATH GROUP COMMAND... | ask PATH TEXT\n", stderr);
		return 2;
	}
	strcpy(sun.sun_path, argv[2]);
	if (strcmp(argv[1], "squat") == 0) {
		socklen_t len =
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(argv[2]));

		sun.sun_path[0] = '\0';
		if (bind(fd, (const struct sockaddr *)&sun, len) < 0 ||
		    (atoi(argv[3]) && listen(fd, atoi(argv[3])) < 0))
			return fail(argv[2]);
		return pause();
	}
	if (strcmp(argv[1], "listen") == 0 && argc > 4)
		return do_listen(fd, &sun, (gid_t)strtoul(argv[3], NULL, 10), argv + 4);
	return do_ask(fd, &sun, argv[3]);
}
