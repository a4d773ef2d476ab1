/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service manager's ear: notified SOCKET prints each datagram that comes to SOCKET ('@' and a
 * name: an abstract one), its lines joined by '|', on a line of its own. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = argc == 2 ? strlen(argv[1]) : 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[4096];
	ssize_t n;

	if (fd < 0 || len < 2 || len >= sizeof(sun.sun_path)) {
		fputs("usage: notified SOCKET\n", stderr);
		return 2;
	}
	memcpy(sun.sun_path, argv[1], len);
	if (*argv[1] == '@')
		sun.sun_path[0] = '\0';
	len += offsetof(struct sockaddr_un, sun_path);
	if (bind(fd, (const void *)&sun, (socklen_t)len) < 0) {
		perror(argv[1]);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((n = recv(fd, text, sizeof(text) - 1, 0)) >= 0) {
		text[n] = '\0';
		for (char *c = text; (c = strchr(c, '\n'));)
			*c = '|';
		puts(text);
	}
	perror("recv");
	return 1;
}
