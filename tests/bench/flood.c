/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flood: what one forwarded packet costs, on one CPU.
 *
 *   flood SEND-NETNS RECEIVE-NETNS to|from PEER SECONDS < ADDRESSES
 *
 * Sends UDP datagrams of 64 octets (IP length) from one network namespace, receives them in
 * another, and prints "NS-PER-PACKET SENT RECEIVED" (time over packets received).
 *   to    each to a random one of ADDRESSES (one a line), from PEER
 *   from  each from a random one of ADDRESSES, to PEER
 *
 * 1. One thread holds a socket in each namespace. It sends a batch, then takes out what has
 *    arrived: pinned to one CPU, the kernel's softirq carries the packets between the two calls,
 *    and no wake-up or other CPU has a part in the figure.
 * 2. The addresses are to be local ones in their namespace (ip route add local PREFIX dev lo).
 * 3. An eighth of the time goes by before counting begins, so that caches are warm.
 * 4. The choice is the same in every run: what is compared sees the same packets. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IP_LENGTH 64
#define BATCH 64
#define PORT 20000
#define NS_PER_S 1000000000ull
#define RECEIVE_BUFFER (16 << 20)

union address {
	struct in_addr v4;
	struct in6_addr v6;
};

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

union control {
	struct cmsghdr align;
	char v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
	char v6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct flood {
	union address *addresses;
	size_t n;
	int family;
	bool to; /* the random end is the destination */
	union address peer;
	int send_fd, receive_fd;
	uint64_t random, sent, received;
	struct mmsghdr messages[BATCH];
	union socket_address names[BATCH];
	union control controls[BATCH];
	struct iovec payload;
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int parse_address(const char *text, union address *ret)
{
	if (inet_pton(AF_INET, text, &ret->v4) == 1)
		return AF_INET;
	if (inet_pton(AF_INET6, text, &ret->v6) == 1)
		return AF_INET6;
	errno = EINVAL;
	die(text);
}

static void read_addresses(struct flood *f)
{
	char line[INET6_ADDRSTRLEN + 2];
	size_t room = 0;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (f->n == room) {
			room = room ? room * 2 : 1024;
			f->addresses = realloc(f->addresses, room * sizeof(*f->addresses));
			if (!f->addresses)
				die("memory");
		}
		if (parse_address(line, &f->addresses[f->n]) != f->family)
			die("addresses of both families");
		f->n++;
	}
	if (!f->n)
		die("no addresses");
}

static int open_socket(const char *netns, int family, bool receives)
{
	union socket_address any = { .any.sa_family = (sa_family_t)family };
	int ns = open(netns, O_RDONLY | O_CLOEXEC), room = RECEIVE_BUFFER, one = 1, fd;
	socklen_t length = family == AF_INET ? sizeof(any.v4) : sizeof(any.v6);

	if (ns < 0 || setns(ns, CLONE_NEWNET) != 0)
		die(netns);
	close(ns);
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die("socket");
	/* An IPv6 source that only a local prefix covers; IPv4 needs no permission. */
	if (family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one)) != 0)
		die("IPV6_FREEBIND");
	any.v4.sin_port = htons(PORT); /* the same place in both families */
	if (receives && (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0 ||
			 bind(fd, &any.any, length) != 0))
		die("bind");
	return fd;
}

static void set_source(struct msghdr *m, union control *c, int family, const union address *a)
{
	struct in_pktinfo v4 = { .ipi_spec_dst = a->v4 };
	struct in6_pktinfo v6 = { .ipi6_addr = a->v6 };
	bool is_v4 = family == AF_INET;

	m->msg_control = c;
	m->msg_controllen = is_v4 ? sizeof(c->v4) : sizeof(c->v6);
	c->align.cmsg_level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->align.cmsg_type = is_v4 ? IP_PKTINFO : IPV6_PKTINFO;
	c->align.cmsg_len = is_v4 ? CMSG_LEN(sizeof(v4)) : CMSG_LEN(sizeof(v6));
	memcpy(CMSG_DATA(&c->align), is_v4 ? (void *)&v4 : (void *)&v6,
	       is_v4 ? sizeof(v4) : sizeof(v6));
}

static void set_destination(struct msghdr *m, union socket_address *name, int family,
			    const union address *a)
{
	memset(name, 0, sizeof(*name));
	name->any.sa_family = (sa_family_t)family;
	name->v4.sin_port = htons(PORT);
	if (family == AF_INET)
		name->v4.sin_addr = a->v4;
	else
		name->v6.sin6_addr = a->v6;
	m->msg_name = name;
	m->msg_namelen = family == AF_INET ? sizeof(name->v4) : sizeof(name->v6);
}

/* xorshift64*: the same choice from the same seed everywhere. */
static const union address *random_address(struct flood *f)
{
	f->random ^= f->random >> 12;
	f->random ^= f->random << 25;
	f->random ^= f->random >> 27;
	return &f->addresses[(f->random * 2685821657736338717ull >> 32) % f->n];
}

static void send_batch(struct flood *f)
{
	int n;

	for (size_t i = 0; i < BATCH; i++) {
		struct msghdr *m = &f->messages[i].msg_hdr;
		const union address *a = random_address(f);

		set_destination(m, &f->names[i], f->family, f->to ? a : &f->peer);
		set_source(m, &f->controls[i], f->family, f->to ? &f->peer : a);
		m->msg_iov = &f->payload;
		m->msg_iovlen = 1;
	}
	n = sendmmsg(f->send_fd, f->messages, BATCH, 0);
	if (n < 0 && errno != EAGAIN && errno != ENOBUFS)
		die("sendmmsg");
	f->sent += n > 0 ? (uint64_t)n : 0;
}

static void receive_all(struct flood *f)
{
	struct mmsghdr messages[BATCH] = { 0 };
	static char data[BATCH][IP_LENGTH];
	struct iovec iov[BATCH];
	int n;

	for (size_t i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec) { data[i], sizeof(data[i]) };
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	do {
		n = recvmmsg(f->receive_fd, messages, BATCH, 0, NULL);
		if (n < 0 && errno != EAGAIN)
			die("recvmmsg");
		f->received += n > 0 ? (uint64_t)n : 0;
	} while (n == BATCH);
}

/* Returns how long it really took. */
static uint64_t run(struct flood *f, uint64_t duration_ns)
{
	uint64_t began = now_ns(), now = began;

	f->sent = f->received = 0;
	while (now - began < duration_ns) {
		send_batch(f);
		receive_all(f);
		now = now_ns();
	}
	return now - began;
}

int main(int argc, char **argv)
{
	static struct flood f = { .random = 88172645463325252ull };
	static char payload[IP_LENGTH];
	uint64_t duration_ns, took_ns;

	if (argc != 6 || (strcmp(argv[3], "to") != 0 && strcmp(argv[3], "from") != 0)) {
		fprintf(stderr, "usage: flood SEND-NETNS RECEIVE-NETNS to|from PEER SECONDS\n");
		return 2;
	}
	f.to = strcmp(argv[3], "to") == 0;
	f.family = parse_address(argv[4], &f.peer);
	f.payload = (struct iovec) { payload, IP_LENGTH - (f.family == AF_INET ? 20 : 40) - 8 };
	read_addresses(&f);
	f.send_fd = open_socket(argv[1], f.family, false);
	f.receive_fd = open_socket(argv[2], f.family, true);

	duration_ns = (uint64_t)(strtod(argv[5], NULL) * (double)NS_PER_S);
	run(&f, duration_ns / 8);
	took_ns = run(&f, duration_ns);
	if (!f.received) {
		fprintf(stderr, "flood: nothing arrived of %llu\n", (unsigned long long)f.sent);
		return 1;
	}
	printf("%.1f %llu %llu\n", (double)took_ns / (double)f.received, (unsigned long long)f.sent,
	       (unsigned long long)f.received);
	return 0;
}
