/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "veth_net.h"

#include "base/addr.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 4000
#define NODE "198.51.100.250"
#define NODE6 "2001:db8::fa"
#define CONTAINERS 32

static int node_ns = -1, container_ns[CONTAINERS];
static bool running[CONTAINERS];

static int own_ns(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void go(int ns)
{
	ck_assert_int_eq(setns(ns, CLONE_NEWNET), 0);
}

static void vrun(const char *fmt, va_list args)
{
	char command[512];

	vsnprintf(command, sizeof(command), fmt, args);
	ck_assert_msg(system(command) == 0, "failed: %s", command);
}

void veth_net_run(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vrun(fmt, args);
	va_end(args);
}

void veth_net_run_in(unsigned n, const char *fmt, ...)
{
	va_list args;

	go(container_ns[n]);
	va_start(args, fmt);
	vrun(fmt, args);
	va_end(args);
	go(node_ns);
}

const char *veth_net_bpf_dir(void)
{
	return "/sys/fs/bpf/ctmeter";
}

/* Names of files in sysctl's form, of which old kernels lack some. */
static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		ck_assert_int_eq(write(fd, value, strlen(value)), (ssize_t)strlen(value));
		close(fd);
	}
}

/* No router solicitations, no MLD, no link-local addresses. */
static void be_quiet(void)
{
	set("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1");
	set("/proc/sys/net/ipv6/conf/all/addr_gen_mode", "1");
	set("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	set("/proc/sys/net/ipv6/conf/default/router_solicitations", "0");
	set("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	set("/proc/sys/net/ipv4/conf/default/rp_filter", "0");
}

const char *veth_net_enter(void)
{
	if (geteuid() != 0)
		return "only root has BPF";
	if (system("ip -V >/dev/null 2>&1") != 0)
		return "no ip(8) here";
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		return "no network namespaces here";
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) < 0)
		return "no bpffs here";
	node_ns = own_ns();
	be_quiet();
	veth_net_run("ip link set lo up && ip addr add " NODE "/32 dev lo && "
		     "{ ip addr add " NODE6 "/128 dev lo nodad || :; }");
	return NULL;
}

static void configure(unsigned n)
{
	veth_net_run_in(n,
			"ip link set lo up && ip link set c%u up && "
			"ip route replace local 198.51.100.0/24 dev lo table main && "
			"ip route add " NODE "/32 dev c%u src 198.51.100.1 && "
			"ip neigh add " NODE " lladdr 02:00:00:00:%02x:01 dev c%u nud permanent && "
			"ip -6 route replace local 2001:db8::/64 dev lo table main && "
			"ip -6 route add " NODE6 "/128 dev c%u && "
			"ip neigh add " NODE6 " lladdr 02:00:00:00:%02x:01 dev c%u nud permanent",
			n, n, n, n, n, n, n);
}

uint32_t veth_net_start(unsigned n)
{
	char name[IFNAMSIZ];

	ck_assert_uint_lt(n, CONTAINERS);
	if (running[n])
		veth_net_stop(n);
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	container_ns[n] = own_ns();
	be_quiet();
	go(node_ns);
	running[n] = true;
	veth_net_run("ip link add h%u address 02:00:00:00:%02x:01 mtu 1500 type veth peer name c%u "
		     "address 02:00:00:00:%02x:02 netns /proc/%d/fd/%d && ip link set h%u up",
		     n, n, n, n, (int)getpid(), container_ns[n], n);
	configure(n);
	snprintf(name, sizeof(name), "h%u", n);
	return if_nametoindex(name);
}

void veth_net_adopt(unsigned n, const char *name)
{
	veth_net_run("ip link set %s netns /proc/%d/fd/%d name c%u", name, (int)getpid(),
		     container_ns[n], n);
	configure(n);
}

void veth_net_stop(unsigned n)
{
	veth_net_run("ip link del h%u", n);
	close(container_ns[n]);
	running[n] = false;
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

static int bound(int ns, const char *text, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(text, port, &ss);
	int fd, one = 1;

	go(ns);
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	/* The addresses are routed, and on no link. */
	ck_assert_int_eq(setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one)), 0);
	ck_assert_msg(bind(fd, (void *)&ss, len) == 0, "bind %s: %s", text, strerror(errno));
	go(node_ns);
	return fd;
}

static void carry(int from_ns, const char *from, int to_ns, const char *to, size_t ip_octets,
		  unsigned count)
{
	size_t head = strchr(from, ':') ? 48 : 28, size = ip_octets - head;
	int in = bound(to_ns, to, PORT), out = bound(from_ns, from, 0);
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(to, PORT, &ss);
	uint8_t buf[1500] = { 0 };

	ck_assert_uint_ge(ip_octets, head);
	for (unsigned i = 0; i < count; i++) {
		ck_assert_int_eq(sendto(out, buf, size, 0, (void *)&ss, len), (ssize_t)size);
		ck_assert_int_eq(recv(in, buf, sizeof(buf), 0), (ssize_t)size);
	}
	close(in);
	close(out);
}

void veth_net_send(unsigned n, const char *from, size_t ip_octets, unsigned count)
{
	carry(container_ns[n], from, node_ns, strchr(from, ':') ? NODE6 : NODE, ip_octets, count);
}

int veth_net_socket(unsigned n, const char *from)
{
	return bound(container_ns[n], from, 0);
}

unsigned veth_net_throw(int fd, size_t ip_octets)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(NODE, PORT, &ss);
	uint8_t buf[1500] = { 0 };
	ssize_t n = sendto(fd, buf, ip_octets - 28, 0, (void *)&ss, len);

	ck_assert(n >= 0 || errno == ENOBUFS || errno == EAGAIN);
	return n >= 0;
}

void veth_net_answer(unsigned n, const char *to, size_t ip_octets, unsigned count)
{
	bool six = strchr(to, ':') != NULL;

	veth_net_run("ip route replace %s dev h%u src %s && "
		     "ip neigh replace %s lladdr 02:00:00:00:%02x:02 dev h%u nud permanent",
		     to, n, six ? NODE6 : NODE, to, n, n);
	carry(node_ns, six ? NODE6 : NODE, container_ns[n], to, ip_octets, count);
}
