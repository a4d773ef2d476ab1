/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_LINK_SET_H
#define CTM_TESTS_LINK_SET_H

/* A set of maps in the laboratory's bpffs: made, opened, counted in, and looked at. */
#include "link_lab.h"
#include "netfilter/link/object.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SET LAB_BPF_DIR "/set"
#define SOME_USER 65534
#define ADDRESS "10.77.1.2"

static inline void prepare(size_t n)
{
	struct err e = { "" };

	ck_assert_msg(link_object_prepare(LAB_BPF_DIR, n, 0, 0, &e) == 0, "%s", e.text);
}

static inline struct link_object open_it(void)
{
	struct link_object o;
	struct err e = { "" };

	ck_assert_msg(link_object_open(LAB_BPF_DIR, &o, &e) == 0, "%s", e.text);
	return o;
}

static inline void expect_refused(size_t n, int error, const char *part)
{
	struct err e = { "" };

	ck_assert_int_eq(link_object_prepare(LAB_BPF_DIR, n, 0, 0, &e), error);
	ck_assert_msg(strstr(e.text, part) != NULL, "\"%s\" is not in \"%s\"", part, e.text);
}

static inline void setup(void)
{
	struct err e = { "" };

	ck_assert_msg(link_object_remove(LAB_BPF_DIR, &e) == 0, "%s", e.text);
}

static inline void teardown(void)
{
	struct err e = { "" };

	ck_assert_msg(link_object_remove(LAB_BPF_DIR, &e) == 0, "%s", e.text);
	ck_assert_int_lt(access(LAB_BPF_DIR, F_OK), 0);
}

/* In a child process: what is given up there is not given up here. */
static inline void in_child(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		fn();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child failed: %x",
		      status);
}

/* For a child, where Check must not assert. */
static inline void need(bool holds, const char *what)
{
	if (holds)
		return;
	printf("in the child: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

/* A slot for the address, LIVE and in the index. */
static inline void raise_slot(struct link_object *o, uint32_t slot)
{
	struct fw_key key = { .link = 1 };

	ck_assert_int_eq(link_object_reach(o, slot + 1), 0);
	ck_assert_int_eq(addr_parse(ADDRESS, &key.addr), 0);
	o->owner[slot].link = 1;
	memcpy(o->owner[slot].addr, key.addr.bytes, 4);
	o->owner[slot].state = LINK_LIVE;
	ck_assert_int_eq(link_object_hold_index(o), 0);
	ck_assert_int_eq(index_put(&o->index, &key, slot), 0);
	link_object_drop_index(o);
}

/* So many packets of 128 octets from the address, seen by a program. */
static inline void count_pkts(int program, unsigned n)
{
	struct packet p = { .n = 0 };
	size_t ip;

	put_ether(&p, 0x0800);
	ip = put_ip4(&p, ADDRESS, "198.51.100.7", 17, 0);
	put_udp(&p, 9);
	put_zeros(&p, 100);
	put_end(&p, ip);
	ck_assert_int_eq(lab_run(program, &p, n, NULL), -1);
}

static inline void expect_pkts(const struct link_object *o, uint32_t slot, uint64_t pkts)
{
	ck_assert_uint_eq(o->slot[slot].path[LINK_OUT].pkts, pkts);
	ck_assert_uint_eq(o->slot[slot].path[LINK_OUT].octets, pkts * 128);
}

#endif
