/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udpgen: UDP datagrams of known IP length, sent and counted to the octet.
 *
 *   udpgen send --from ADDR --to ADDR --port P --size MIN[-MAX] [--count N] [--duration S]
 *               [--rate PPS] [--seed N] [--from-count N] [--to-count N]
 *   udpgen sink --port P [--expect N] [--duration S] [--ready FILE]
 *
 * Both print "PACKETS OCTETS" when they end, octets as IP total length, and end by themselves:
 * at the count, after the duration (default 60 s), or at SIGTERM.
 *
 * 1. What is printed is what the kernel took (send) or handed over (sink), nothing else.
 * 2. A datagram is one packet: sizes stay at or below 1500, and "don't fragment" is set.
 * 3. The sink hears IPv4 and IPv6 on one socket; it writes FILE once it is bound. */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IP_MAX 1500
#define V4_HEADERS (20 + 8)
#define V6_HEADERS (40 + 8)
#define MAX_FROM 900
#define SINK_BUFFER (64 << 20)

struct options {
	const char *from, *to, *ready;
	unsigned port, min, max, from_count, to_count;
	uint64_t count, rate, seed;
	double duration_s;
};

struct tally {
	uint64_t pkts;
	uint64_t octets;
};

static volatile sig_atomic_t stopped;

static void on_term(int sig)
{
	(void)sig;
	stopped = 1;
}

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "udpgen: %s: %s\n", what, strerror(errno));
	exit(1);
}

__attribute__((noreturn)) static void usage(const char *problem)
{
	fprintf(stderr, "udpgen: %s; see the head of udpgen.c\n", problem);
	exit(2);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nap(double s)
{
	struct timespec t = { .tv_sec = (time_t)s,
			      .tv_nsec = (long)((s - (double)(time_t)s) * 1e9) };

	nanosleep(&t, NULL);
}

/* A socket address for `text`, its last 32 bits raised by `offset`. Returns its length. */
static socklen_t make_address(const char *text, unsigned offset, unsigned port,
			      struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	uint32_t tail;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		v4->sin_addr.s_addr = htonl(ntohl(v4->sin_addr.s_addr) + offset);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		memcpy(&tail, &v6->sin6_addr.s6_addr[12], sizeof(tail));
		tail = htonl(ntohl(tail) + offset);
		memcpy(&v6->sin6_addr.s6_addr[12], &tail, sizeof(tail));
		return sizeof(*v6);
	}
	usage("an address is neither IPv4 nor IPv6");
}

static int open_sender(const struct options *o, unsigned i)
{
	struct sockaddr_storage from;
	socklen_t len = make_address(o->from, i, 0, &from);
	bool v6 = from.ss_family == AF_INET6;
	int one = 1, pmtu = v6 ? IPV6_PMTUDISC_DO : IP_PMTUDISC_DO;
	int fd = socket(from.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	/* Many source addresses need not all be configured on an interface. */
	if (o->from_count > 1)
		(void)setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
				 v6 ? IPV6_FREEBIND : IP_FREEBIND, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	if (setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
		       &pmtu, sizeof(pmtu)) != 0)
		die("MTU_DISCOVER");
	if (bind(fd, (struct sockaddr *)&from, len) != 0)
		die(o->from);
	return fd;
}

/* One datagram, tried again while the kernel is short of room. False when stopped meanwhile. */
static bool send_one(int fd, const struct sockaddr_storage *to, socklen_t len, size_t payload)
{
	static const char data[IP_MAX];

	while (!stopped) {
		if (sendto(fd, data, payload, 0, (const struct sockaddr *)to, len) ==
		    (ssize_t)payload)
			return true;
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die("sendto");
		nap(0.001);
	}
	return false;
}

/* Wait until packet number `n` is due. */
static void pace(const struct options *o, uint64_t n, double start)
{
	double ahead = start + (double)n / (double)o->rate - now_s();

	if (ahead > 0.001)
		nap(ahead);
}

/* xorshift64*: the same sizes from the same seed everywhere. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ull;
}

static struct tally run_send(const struct options *o)
{
	struct tally sent = { 0, 0 };
	struct sockaddr_storage *to = calloc(o->to_count, sizeof(*to));
	double start = now_s(), end = start + o->duration_s;
	uint64_t random = o->seed;
	unsigned headers, size;
	socklen_t len = 0;
	int fds[MAX_FROM];

	for (unsigned i = 0; i < o->from_count; i++)
		fds[i] = open_sender(o, i);
	for (unsigned i = 0; i < o->to_count; i++)
		len = make_address(o->to, i, o->port, &to[i]);
	headers = to[0].ss_family == AF_INET6 ? V6_HEADERS : V4_HEADERS;
	if (o->min < headers)
		usage("--size is less than the headers");

	while (!stopped && sent.pkts < o->count && now_s() < end) {
		pace(o, sent.pkts, start);
		size = o->min + (unsigned)(next_random(&random) % (o->max - o->min + 1));
		if (!send_one(fds[sent.pkts % o->from_count], &to[sent.pkts % o->to_count], len,
			      size - headers))
			break;
		sent.pkts++;
		sent.octets += size;
	}
	free(to);
	return sent;
}

static int open_sink(const struct options *o)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)o->port) };
	struct timeval wait = { .tv_usec = 50000 };
	int zero = 0, room = SINK_BUFFER;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0)
		die("sink");
	/* Without the privilege the smaller, ordinary limit holds. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0)
		die("bind");
	return fd;
}

static struct tally run_sink(const struct options *o)
{
	struct tally got = { 0, 0 };
	double end = now_s() + o->duration_s;
	int fd = open_sink(o);
	FILE *ready;

	if (o->ready) {
		ready = fopen(o->ready, "w");
		if (!ready || fclose(ready) != 0)
			die(o->ready);
	}
	while (!stopped && got.pkts < o->count && now_s() < end) {
		struct sockaddr_in6 from;
		socklen_t from_len = sizeof(from);
		char data[IP_MAX];
		ssize_t n = recvfrom(fd, data, sizeof(data), MSG_TRUNC, (struct sockaddr *)&from,
				     &from_len);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			die("recvfrom");
		got.pkts++;
		got.octets += (uint64_t)n;
		got.octets += IN6_IS_ADDR_V4MAPPED(&from.sin6_addr) ? V4_HEADERS : V6_HEADERS;
	}
	close(fd);
	return got;
}

static void parse_size(struct options *o, const char *text)
{
	char *end;

	o->min = o->max = (unsigned)strtoul(text, &end, 10);
	if (*end == '-')
		o->max = (unsigned)strtoul(end + 1, &end, 10);
	if (*end != '\0' || o->min > o->max || o->max > IP_MAX)
		usage("--size takes MIN[-MAX], at most 1500");
}

static void parse_options(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{ "from", 1, NULL, 'f' },       { "to", 1, NULL, 't' },
		{ "port", 1, NULL, 'p' },       { "size", 1, NULL, 's' },
		{ "count", 1, NULL, 'c' },      { "expect", 1, NULL, 'c' },
		{ "rate", 1, NULL, 'r' },       { "seed", 1, NULL, 'S' },
		{ "duration", 1, NULL, 'd' },   { "ready", 1, NULL, 'R' },
		{ "from-count", 1, NULL, 'F' }, { "to-count", 1, NULL, 'T' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->from = optarg;
			break;
		case 't':
			o->to = optarg;
			break;
		case 'R':
			o->ready = optarg;
			break;
		case 's':
			parse_size(o, optarg);
			break;
		case 'p':
			o->port = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'c':
			o->count = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			o->rate = strtoull(optarg, NULL, 10);
			break;
		case 'S':
			o->seed = strtoull(optarg, NULL, 10);
			break;
		case 'd':
			o->duration_s = strtod(optarg, NULL);
			break;
		case 'F':
			o->from_count = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'T':
			o->to_count = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			usage("unknown option");
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = { .count = UINT64_MAX,
			     .rate = 20000,
			     .seed = 1,
			     .duration_s = 60,
			     .min = 100,
			     .max = 100,
			     .from_count = 1,
			     .to_count = 1 };
	struct sigaction term = { .sa_handler = on_term };
	struct tally t;
	bool send;

	if (argc < 2)
		usage("send or sink?");
	send = strcmp(argv[1], "send") == 0;
	parse_options(&o, argc - 1, argv + 1);
	if (!send && strcmp(argv[1], "sink") != 0)
		usage("send or sink?");
	if (o.port == 0 || o.port > 65535 || o.rate == 0 || o.seed == 0)
		usage("--port, --rate and --seed must be above 0");
	if (send && (!o.from || !o.to))
		usage("send needs --from and --to");
	if (o.from_count < 1 || o.from_count > MAX_FROM || o.to_count < 1)
		usage("--from-count takes 1..900, --to-count 1 or more");

	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &term, NULL);
	t = send ? run_send(&o) : run_sink(&o);
	printf("%llu %llu\n", (unsigned long long)t.pkts, (unsigned long long)t.octets);
	return 0;
}
