/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bulk: streams as large as the kernel makes its packets (TCP, and UDP with UDP_SEGMENT), for the
 * tests of what offloads do to counters.
 *
 *   bulk sink PORT READY                    hears both kinds until SIGTERM; READY is written once
 *                                           it can
 *   bulk tcp|udp FROM TO PORT MB            sends so many MB (10^6 octets of data) and ends once
 *                                           the sink has heard all of it
 *
 * 1. No more than WINDOW octets are under way (the sink takes it from its environment), so that no
 *    queue on the way overflows: a packet that is dropped between two counters is none of their
 *    business.
 * 2. UDP: the last segment of a burst asks for an answer, and the next burst waits for it. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW (64 * 1024)
#define SEGMENT 1400
#define SEGMENTS 40
#define TAIL 77 /* what the last segment holds */
#define BURST (SEGMENTS * SEGMENT + TAIL)
#define MB 1000000ull
#define PATIENCE_MS 5000

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "bulk: %s: %s\n", what, strerror(errno));
	exit(1);
}

static socklen_t make_address(const char *text, unsigned port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		die(text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	return sizeof(*v6);
}

static int open_sink(int type, unsigned port)
{
	struct sockaddr_storage any;
	socklen_t len = make_address("::", port, &any);
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0), one = 1;
	int window = getenv("WINDOW") ? atoi(getenv("WINDOW")) : WINDOW;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    (type == SOCK_STREAM &&
	     setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &window, sizeof(window)) != 0 &&
	     setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window)) != 0) ||
	    bind(fd, (struct sockaddr *)&any, len) != 0 ||
	    (type == SOCK_STREAM && listen(fd, 8) != 0))
		die("sink");
	return fd;
}

static void hear_tcp(int listener)
{
	static char data[1 << 18];
	int fd = accept(listener, NULL, NULL);
	ssize_t n;

	if (fd < 0)
		die("accept");
	while ((n = read(fd, data, sizeof(data))) > 0)
		continue;
	if (n < 0)
		die("read");
	close(fd);
}

static void hear_udp(int fd)
{
	char data[SEGMENT];
	struct sockaddr_in6 from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);

	if (n > 0 && data[0] == '?')
		sendto(fd, data, 1, 0, (struct sockaddr *)&from, len);
}

static void run_sink(unsigned port, const char *ready)
{
	struct pollfd fds[2] = { { .fd = open_sink(SOCK_STREAM, port), .events = POLLIN },
				 { .fd = open_sink(SOCK_DGRAM, port), .events = POLLIN } };
	FILE *file = fopen(ready, "w");

	if (!file || fclose(file) != 0)
		die(ready);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents)
			hear_tcp(fds[0].fd);
		if (fds[1].revents)
			hear_udp(fds[1].fd);
	}
}

static int open_sender(int type, const char *from, const char *to, unsigned port)
{
	struct sockaddr_storage near, far;
	socklen_t near_len = make_address(from, 0, &near), far_len = make_address(to, port, &far);
	int fd = socket(near.ss_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&near, near_len) != 0 ||
	    connect(fd, (struct sockaddr *)&far, far_len) != 0)
		die(to);
	return fd;
}

static void send_tcp(int fd, uint64_t octets)
{
	static char data[1 << 17];
	ssize_t n;

	while (octets > 0) {
		n = write(fd, data, octets < sizeof(data) ? (size_t)octets : sizeof(data));
		if (n < 0)
			die("write");
		octets -= (uint64_t)n;
	}
	if (shutdown(fd, SHUT_WR) != 0 || read(fd, data, 1) != 0)
		die("the sink did not take all of it");
}

static void send_udp(int fd, uint64_t octets)
{
	static char data[BURST];
	struct pollfd answer = { .fd = fd, .events = POLLIN };
	int segment = SEGMENT;

	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)) != 0)
		die("UDP_SEGMENT");
	data[BURST - TAIL] = '?';
	for (uint64_t sent = 0; sent < octets; sent += BURST) {
		if (send(fd, data, BURST, 0) != BURST)
			die("send");
		if (poll(&answer, 1, PATIENCE_MS) != 1 || recv(fd, data + BURST - 1, 1, 0) != 1)
			die("no answer: a burst was lost");
	}
}

int main(int argc, char **argv)
{
	uint64_t octets;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && !strcmp(argv[1], "sink"))
		run_sink((unsigned)strtoul(argv[2], NULL, 10), argv[3]);
	if (argc != 6 || (strcmp(argv[1], "tcp") != 0 && strcmp(argv[1], "udp") != 0)) {
		fputs("usage: see the head of bulk.c\n", stderr);
		return 2;
	}
	octets = strtoull(argv[5], NULL, 10) * MB;
	fd = open_sender(!strcmp(argv[1], "tcp") ? SOCK_STREAM : SOCK_DGRAM, argv[2], argv[3],
			 (unsigned)strtoul(argv[4], NULL, 10));
	if (!strcmp(argv[1], "tcp"))
		send_tcp(fd, octets);
	else
		send_udp(fd, octets);
	close(fd);
	return 0;
}
