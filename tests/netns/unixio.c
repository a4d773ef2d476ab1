/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A Unix stream socket for the tests' shell scripts:
 *   unixio listen PATH GROUP COMMAND...   as a socket unit: mode 0660 and that group (a number),
 *   passed
 *                                         to COMMAND (sd_listen_fds(3))
 *   unixio answer PATH FILE               as a runtime's API: answers each HTTP request with what
 *                                         is in FILE then
 *   unixio ask PATH TEXT                  sends the line and prints what comes until the end
 *   unixio squat @NAME N                  takes a name in the abstract namespace and sleeps; where
 *   N is
 *                                         not 0 as many and one more may wait to be accepted
 * Exit status of ask: 0, or 1 when there is no connection. */
#include <errno.h>
#include <signal.h>
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

/* A request has no body: it ends with an empty line. Returns whether there was one. */
static int take_request(int fd)
{
	char buf[4096];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(buf) - 1 && (n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0) {
		len += (size_t)n;
		buf[len] = '\0';
		if (strstr(buf, "\r\n\r\n"))
			return 1;
	}
	return 0;
}

static void answer(int fd, const char *path)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t len = f ? fread(text, 1, sizeof(text), f) : 0;

	if (f)
		fclose(f);
	dprintf(fd,
		"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n",
		f ? "200 OK" : "404 Not Found", len);
	for (size_t sent = 0; sent < len;) {
		ssize_t n = write(fd, text + sent, len - sent);

		if (n <= 0)
			break;
		sent += (size_t)n;
	}
}

static int do_answer(int fd, const struct sockaddr_un *sun, const char *path)
{
	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 || listen(fd, 8) < 0)
		return fail(sun->sun_path);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int peer = accept(fd, NULL, NULL);

		if (peer < 0)
			return fail("accept");
		if (take_request(peer))
			answer(peer, path);
		close(peer);
	}
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
		fputs("usage: unixio listen PATH GROUP COMMAND... | answer PATH FILE | "
		      "ask PATH TEXT\n",
		      stderr);
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
	if (strcmp(argv[1], "answer") == 0)
		return do_answer(fd, &sun, argv[3]);
	return do_ask(fd, &sun, argv[3]);
}
