/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link_lab.h"

#include "base/addr.h"
#include "netfilter/link/slot.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool skip(const char *why)
{
	printf("SKIP %s: %s\n", why, strerror(errno));
	return false;
}

bool lab_enter(void)
{
	struct err e = { "" };
	int ret;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0)
		return skip("no namespaces of its own");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) < 0)
		return skip("no bpffs");
	ret = link_object_prepare(LAB_BPF_DIR, 100, 0, 0, &e);
	if (ret == -EPERM || ret == -ENOSYS) {
		printf("SKIP %s\n", e.text);
		return false;
	}
	if (ret)
		printf("%s\n", e.text);
	return true;
}

int lab_run(int program, const struct packet *p, uint32_t repeat, uint32_t *ret_ns)
{
	struct __sk_buff ctx = { .ingress_ifindex = p->came_in_by,
				 .gso_size = p->gso_size,
				 .gso_segs = p->gso_segs };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)program;
	attr.test.repeat = repeat;
	attr.test.data_in = (uintptr_t)p->at;
	attr.test.data_size_in = (uint32_t)p->n;
	attr.test.ctx_in = (uintptr_t)&ctx;
	attr.test.ctx_size_in = sizeof(ctx);
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0)
		return -errno - 1000;
	if (ret_ns)
		*ret_ns = attr.test.duration;
	return (int)attr.test.retval;
}

/* --- making packets ----------------------------------------------------------------------- */

void put(struct packet *p, const void *octets, size_t n)
{
	ck_assert_uint_le(p->n + n, sizeof(p->at));
	memcpy(p->at + p->n, octets, n);
	p->n += n;
}

void put_zeros(struct packet *p, size_t n)
{
	ck_assert_uint_le(p->n + n, sizeof(p->at));
	memset(p->at + p->n, 0, n);
	p->n += n;
}

void put_u16(struct packet *p, unsigned value)
{
	put(p, (uint8_t[]) { (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

void put_u32(struct packet *p, uint32_t value)
{
	put_u16(p, value >> 16);
	put_u16(p, value & 0xffff);
}

void put_ether(struct packet *p, unsigned type)
{
	put(p, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
	put_u16(p, type);
}

static void put_addr(struct packet *p, const char *text)
{
	uint8_t octets[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	ck_assert_int_eq(inet_pton(family, text, octets), 1);
	put(p, octets, family == AF_INET ? 4 : 16);
}

size_t put_ip4(struct packet *p, const char *from, const char *to, unsigned proto, size_t options)
{
	size_t ip = p->n;

	put_u16(p, (unsigned)(0x4500 + (options / 4 << 8)));
	put_zeros(p, 6);
	put_u16(p, 64 << 8 | proto);
	put_u16(p, 0);
	put_addr(p, from);
	put_addr(p, to);
	put_zeros(p, options);
	return ip;
}

size_t put_ip6(struct packet *p, const char *from, const char *to, unsigned next)
{
	size_t ip = p->n;

	put_u32(p, 0x60000000);
	put_u16(p, 0);
	put_u16(p, next << 8 | 64);
	put_addr(p, from);
	put_addr(p, to);
	return ip;
}

void put_tcp(struct packet *p, size_t options)
{
	put_zeros(p, 12);
	put_u16(p, (unsigned)((20 + options) / 4 << 12));
	put_zeros(p, 6 + options);
}

void put_udp(struct packet *p, unsigned port)
{
	put_u16(p, 5000);
	put_u16(p, port);
	put_u32(p, 0);
}

void put_end(struct packet *p, size_t ip)
{
	bool v4 = p->at[ip] >> 4 == 4;
	size_t n = p->n - ip - (v4 ? 0 : 40);

	p->at[ip + (v4 ? 2 : 4)] = (uint8_t)(n >> 8);
	p->at[ip + (v4 ? 3 : 5)] = (uint8_t)n;
}
