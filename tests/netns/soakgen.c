/* SPDX-License-Identifier: GPL-2.0-or-later */
/* soakgen: UDP datagrams to (or from) many addresses, each address's packets and octets known.
 *
 *   soakgen in  FROM4 FROM6 PORT RATE SEED     to each guest address, from FROM4 or FROM6
 *   soakgen out TO4   TO6   PORT RATE SEED     from each guest address, to TO4 or TO6
 *
 * Commands come on stdin, one a line, and each is answered by one line on stdout:
 *   + ADDR    begin with this guest address
 *   - ADDR    end with it; once it is answered, nothing more is sent for it
 *   ?         the totals: "PACKETS OCTETS"
 *   =         every address ever: "ADDR PACKETS OCTETS" lines, then "."
 * It ends at the end of stdin.
 *
 * 1. What is printed is what the kernel took, octets as IP total length.
 * 2. One datagram is one packet (see udpgen.c, invariant 2). */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_GUESTS 1024
#define SIZE_MAX_IP 1500
#define SIZE_MIN 64
#define NS_PER_MS 1000000ull
#define BURST 16
#define PATIENCE_MS 50
#define V4_HEADERS (20 + 8)
#define V6_HEADERS (40 + 8)

struct guest {
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_storage addr;
	socklen_t len;
	int fd;
	bool on;
	uint64_t pkts, octets;
};

struct gen {
	bool out;
	unsigned port;
	uint64_t random;
	struct sockaddr_storage far[2]; /* IPv4, IPv6 */
	int far_fd[2]; /* "in": bound to far */
	struct guest guests[MAX_GUESTS];
	size_t n, next;
	char line[128];
	size_t n_line;
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "soakgen: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * NS_PER_MS + (uint64_t)t.tv_nsec;
}

/* xorshift64* */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ull;
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

static int open_bound(const char *text)
{
	struct sockaddr_storage from;
	socklen_t len = make_address(text, 0, &from);
	bool v6 = from.ss_family == AF_INET6;
	int pmtu = v6 ? IPV6_PMTUDISC_DO : IP_PMTUDISC_DO;
	int fd = socket(from.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&from, len) != 0 ||
	    setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
		       &pmtu, sizeof(pmtu)) != 0)
		die(text);
	return fd;
}

static struct guest *find_guest(struct gen *g, const char *text)
{
	struct guest *guest;

	for (size_t i = 0; i < g->n; i++)
		if (!strcmp(g->guests[i].text, text))
			return &g->guests[i];
	if (g->n == MAX_GUESTS)
		die("too many addresses");
	guest = &g->guests[g->n++];
	guest->len = make_address(text, g->port, &guest->addr);
	strncpy(guest->text, text, sizeof(guest->text) - 1);
	guest->fd = g->out ? open_bound(text) : -1;
	return guest;
}

/* One datagram for the next guest that is on. Returns whether there was one. */
static bool send_next(struct gen *g)
{
	static const char data[SIZE_MAX_IP];
	size_t tried = 0, payload;
	struct guest *guest;
	unsigned size;
	bool v6;

	do {
		if (tried++ == g->n)
			return false;
		g->next = (g->next + 1) % g->n;
		guest = &g->guests[g->next];
	} while (!guest->on);
	v6 = guest->addr.ss_family == AF_INET6;
	size = SIZE_MIN + (unsigned)(next_random(&g->random) % (SIZE_MAX_IP - SIZE_MIN + 1));
	payload = size - (v6 ? V6_HEADERS : V4_HEADERS);
	while (sendto(g->out ? guest->fd : g->far_fd[v6], data, payload, 0,
		      (struct sockaddr *)(g->out ? &g->far[v6] : &guest->addr),
		      guest->len) != (ssize_t)payload) {
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die(guest->text);
		nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
	}
	guest->pkts++;
	guest->octets += size;
	return true;
}

static void answer(struct gen *g, const char *line)
{
	uint64_t pkts = 0, octets = 0;

	for (size_t i = 0; i < g->n; i++) {
		pkts += g->guests[i].pkts;
		octets += g->guests[i].octets;
		if (*line == '=')
			printf("%s %llu %llu\n", g->guests[i].text,
			       (unsigned long long)g->guests[i].pkts,
			       (unsigned long long)g->guests[i].octets);
	}
	if (*line == '+' || *line == '-') {
		find_guest(g, line + 2)->on = *line == '+';
		puts("ok");
	} else if (*line == '?') {
		printf("%llu %llu\n", (unsigned long long)pkts, (unsigned long long)octets);
	} else {
		puts(".");
	}
	fflush(stdout);
}

/* Take one octet of the commands; a whole line is answered. Returns whether there is more. */
static bool read_command(struct gen *g)
{
	char c;

	if (read(STDIN_FILENO, &c, 1) != 1)
		return false;
	if (c != '\n') {
		if (g->n_line + 1 < sizeof(g->line))
			g->line[g->n_line++] = c;
		return true;
	}
	g->line[g->n_line] = '\0';
	g->n_line = 0;
	answer(g, g->line);
	return true;
}

static void run(struct gen *g, uint64_t gap_ns)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	for (uint64_t due = now_ns();;) {
		uint64_t now = now_ns();

		if (poll(&in, 1, now >= due ? 0 : (int)((due - now) / NS_PER_MS) + 1) > 0) {
			if (!read_command(g))
				return;
			continue;
		}
		for (int burst = 0; burst < BURST && due <= now_ns(); burst++, due += gap_ns)
			send_next(g);
		/* What was missed is not made up for: the kernel's backlog is finite. */
		if (due + PATIENCE_MS * NS_PER_MS < now_ns())
			due = now_ns();
	}
}

int main(int argc, char **argv)
{
	static struct gen g;
	uint64_t rate;

	if (argc != 7 || (strcmp(argv[1], "in") != 0 && strcmp(argv[1], "out") != 0)) {
		fputs("usage: see the head of soakgen.c\n", stderr);
		return 2;
	}
	g.out = !strcmp(argv[1], "out");
	g.port = (unsigned)strtoul(argv[4], NULL, 10);
	rate = strtoull(argv[5], NULL, 10);
	g.random = strtoull(argv[6], NULL, 10) | 1; /* 0 would stay 0 */
	for (int i = 0; i < 2; i++) {
		make_address(argv[2 + i], g.port, &g.far[i]);
		g.far_fd[i] = g.out ? -1 : open_bound(argv[2 + i]);
	}
	run(&g, 1000 * NS_PER_MS / (rate ? rate : 1));
	return 0;
}
