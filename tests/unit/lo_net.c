/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lo_net.h"

#include "addrs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libiptc/libiptc.h>
#include <linux/if.h>
#include <linux/ipv6.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 4000

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
		close(fd);
	}
}

static bool enter_namespaces(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	if (unshare(CLONE_NEWNET) == 0)
		return true;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
	return true;
}

static void add_addresses(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr;
	struct sockaddr_in *sin = (void *)&ifr.ifr_addr;

	memset(&ifr, 0, sizeof(ifr)); /* all of the union, which an initialiser leaves out */
	strcpy(ifr.ifr_name, "lo");
	ifr.ifr_flags = IFF_UP | IFF_LOOPBACK;
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	/* The network is on loopback as a whole: each of its addresses is local. */
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "lo:1");
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = inet_addr("198.51.100.1");
	ck_assert_int_eq(ioctl(fd, SIOCSIFADDR, &ifr), 0);
	sin->sin_addr.s_addr = inet_addr("255.255.255.0");
	ck_assert_int_eq(ioctl(fd, SIOCSIFNETMASK, &ifr), 0);
	for (unsigned i = 1; fd6 >= 0 && i <= 250; i++) {
		union {
			struct ifreq all; /* what valgrind thinks is read */
			struct in6_ifreq six;
		} u;

		memset(&u, 0, sizeof(u));
		u.six.ifr6_prefixlen = 128;
		u.six.ifr6_ifindex = 1;
		inet_pton(AF_INET6, "2001:db8::", &u.six.ifr6_addr);
		u.six.ifr6_addr.s6_addr[15] = (uint8_t)i;
		ioctl(fd6, SIOCSIFADDR, &u.six);
	}
	close(fd);
	if (fd6 >= 0)
		close(fd6);
}

const char *lo_net_enter(void)
{
	struct xtc_handle *h;
	char lock[] = "/tmp/ctmeter-test-lock.XXXXXX";
	int fd;

	if (!enter_namespaces())
		return "no network namespaces here";
	h = iptc_init("mangle");
	if (!h)
		return "no legacy iptables table \"mangle\" here";
	iptc_free(h);
	fd = mkstemp(lock);
	ck_assert_int_ge(fd, 0);
	close(fd);
	setenv("XTABLES_LOCKFILE", lock, 1);
	add_addresses();
	return NULL;
}

static socklen_t sockaddr_of(const char *text, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *six = (void *)ss;
	struct sockaddr_in *sin = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		return sizeof(*sin);
	}
	ck_assert_int_eq(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	return sizeof(*six);
}

/* A new IPv6 address can be bound once the kernel's worker has looked for duplicates. */
static int bind_patiently(int fd, const struct sockaddr_storage *ss, socklen_t len)
{
	for (int tries = 0; tries < 500; tries++) {
		if (bind(fd, (const void *)ss, len) == 0)
			return 0;
		if (errno != EADDRNOTAVAIL)
			break;
		usleep(10000);
	}
	return -errno;
}

void lo_net_send(const char *from, const char *to, size_t ip_octets, unsigned n)
{
	struct sockaddr_storage a, b;
	socklen_t a_len = sockaddr_of(from, 0, &a), b_len = sockaddr_of(to, PORT, &b);
	size_t head = a.ss_family == AF_INET ? 28 : 48, len = ip_octets - head;
	int out = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int in = socket(b.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint8_t buf[1500] = { 0 };

	ck_assert_uint_ge(ip_octets, head);
	ck_assert_int_eq(bind_patiently(in, &b, b_len), 0);
	ck_assert_int_eq(bind_patiently(out, &a, a_len), 0);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_eq(sendto(out, buf, len, 0, (void *)&b, b_len), (ssize_t)len);
		ck_assert_int_eq(recv(in, buf, sizeof(buf), 0), (ssize_t)len);
	}
	close(in);
	close(out);
}

void lo_net_add_foreign_rule(const char *table)
{
	union {
		struct ipt_entry e;
		uint8_t room[sizeof(struct ipt_entry) + sizeof(struct xt_standard_target)];
	} rule;
	struct xt_entry_target *target = (void *)(rule.room + sizeof(struct ipt_entry));
	struct xtc_handle *h = iptc_init(table);
	const xt_chainlabel input = "INPUT";

	memset(&rule, 0, sizeof(rule));
	rule.e.target_offset = sizeof(struct ipt_entry);
	rule.e.next_offset = sizeof(rule);
	target->u.user.target_size = sizeof(struct xt_standard_target);
	ck_assert_ptr_nonnull(h);
	ck_assert_int_eq(iptc_append_entry(input, &rule.e, h), 1);
	ck_assert_int_eq(iptc_commit(h), 1);
	iptc_free(h);
}

void lo_net_foreign_counters(const char *table, uint64_t *ret_octets, uint64_t *ret_pkts)
{
	struct xtc_handle *h = iptc_init(table);
	const struct ipt_entry *e, *last = NULL;

	ck_assert_ptr_nonnull(h);
	for (e = iptc_first_rule("INPUT", h); e; e = iptc_next_rule(e, h))
		last = e;
	ck_assert_ptr_nonnull(last);
	*ret_octets = last->counters.bcnt;
	*ret_pkts = last->counters.pcnt;
	iptc_free(h);
}
