/* SPDX-License-Identifier: GPL-2.0-or-later */
/* appear: how long after a container's link has appeared its packets are counted.
 *
 *   appear NODE-NETNS CONTAINER-NETNS LINK PEER ADDRESS MILLISECONDS
 *
 * Says "ready", waits for the kernel's RTM_NEWLINK of LINK in the node, and then sends for so long
 * a packet every INTERVAL_US through the link each way: from ADDRESS by PEER, the container's end,
 * and to it by LINK, as soon as the links take them. Then it prints how many were sent from and to
 * it, "FROM TO", and for each line of stdin, "COUNTED-FROM COUNTED-TO", the milliseconds from the
 * event to the first counted packet each way.
 *
 * 1. What is counted is all from the first counted packet on: so the first one is the one that has
 *    as many before it as are missing in the end.
 * 2. The frames go to no station's MAC, so nobody answers. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_US 100
#define IP_LENGTH 64
#define PROTOCOL 253 /* for experiments, RFC 3692 */
#define ROOM 100000
#define NS_PER_S 1000000000ull
#define FAR "198.51.100.2"

struct frame {
	struct ether_header ether;
	struct iphdr ip;
	char payload[IP_LENGTH - sizeof(struct iphdr)];
} __attribute__((packed));

struct way {
	const char *netns, *link;
	int fd; /* -1: the link is not there yet */
	struct sockaddr_ll to;
	struct frame frame;
	size_t n;
	uint64_t sent_ns[ROOM];
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "appear: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
		die(netns);
	close(fd);
}

static int hear_links(void)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof(me)) != 0)
		die("netlink");
	return fd;
}

static bool is_of(const struct nlmsghdr *h, const char *name)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	int left = (int)IFLA_PAYLOAD(h);

	if (h->nlmsg_type != RTM_NEWLINK)
		return false;
	for (const struct rtattr *a = IFLA_RTA(link); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_IFNAME)
			return strcmp(RTA_DATA(a), name) == 0;
	return false;
}

/* Returns when the kernel said that the link is there. */
static uint64_t await_link(int fd, const char *name)
{
	char buffer[32768] __attribute__((aligned(8)));

	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
		uint64_t at = now_ns();
		unsigned left = n > 0 ? (unsigned)n : 0;

		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			die("netlink");
		for (const struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left))
			if (is_of(h, name))
				return at;
	}
}

static void fill(struct frame *f, const char *from, const char *to)
{
	uint16_t words[sizeof(struct iphdr) / 2];
	uint32_t sum = 0;

	memset(f, 0, sizeof(*f));
	memcpy(f->ether.ether_dhost, "\x02\0\0\0\xff\xff", ETH_ALEN);
	memcpy(f->ether.ether_shost, "\x02\0\0\0\xff\xfe", ETH_ALEN);
	f->ether.ether_type = htons(ETHERTYPE_IP);
	f->ip = (struct iphdr) {
		.version = 4, .ihl = 5, .tot_len = htons(IP_LENGTH), .ttl = 64, .protocol = PROTOCOL
	};
	if (inet_pton(AF_INET, from, &f->ip.saddr) != 1 ||
	    inet_pton(AF_INET, to, &f->ip.daddr) != 1)
		die("address");
	memcpy(words, &f->ip, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		sum += words[i];
	f->ip.check = (uint16_t) ~(sum + (sum >> 16));
}

/* Returns whether the link is there. */
static bool open_way(struct way *w)
{
	unsigned index;

	enter(w->netns);
	index = if_nametoindex(w->link);
	if (!index)
		return false;
	w->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		die("packet socket");
	w->to = (struct sockaddr_ll) { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETHERTYPE_IP),
				       .sll_ifindex = (int)index,
				       .sll_halen = ETH_ALEN };
	return true;
}

static void send_one(struct way *w)
{
	uint64_t at = now_ns();

	if ((w->fd < 0 && !open_way(w)) || w->n == ROOM)
		return;
	if (sendto(w->fd, &w->frame, sizeof(w->frame), 0, (struct sockaddr *)&w->to,
		   sizeof(w->to)) > 0)
		w->sent_ns[w->n++] = at;
	else if (errno != ENETDOWN && errno != ENOBUFS)
		die(w->link);
}

static double first_ms(const struct way *w, uint64_t began, unsigned long counted)
{
	size_t missing = w->n - counted;

	if (!counted || counted > w->n)
		return -1;
	return (double)(w->sent_ns[missing] - began) / 1e6;
}

int main(int argc, char **argv)
{
	static struct way from = { .fd = -1 }, to = { .fd = -1 };
	unsigned long counted_from, counted_to;
	uint64_t began, until;
	int links;

	if (argc != 7) {
		fprintf(stderr, "usage: appear NODE-NETNS CONTAINER-NETNS LINK PEER ADDRESS "
				"MILLISECONDS\n");
		return 2;
	}
	from.netns = argv[2];
	from.link = argv[4];
	to.netns = argv[1];
	to.link = argv[3];
	fill(&from.frame, argv[5], FAR);
	fill(&to.frame, FAR, argv[5]);
	enter(argv[1]);
	links = hear_links();
	puts("ready");
	fflush(stdout);
	began = await_link(links, argv[3]);
	until = began + strtoul(argv[6], NULL, 10) * 1000000;
	while (now_ns() < until) {
		send_one(&from);
		send_one(&to);
		usleep(INTERVAL_US);
	}
	printf("%zu %zu\n", from.n, to.n);
	fflush(stdout);
	while (scanf("%lu %lu", &counted_from, &counted_to) == 2) {
		printf("%.2f %.2f\n", first_ms(&from, began, counted_from),
		       first_ms(&to, began, counted_to));
		fflush(stdout);
	}
	close(links);
	return 0;
}
