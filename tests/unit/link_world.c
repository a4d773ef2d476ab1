/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link_world.h"

#include "netfilter/link/slot.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

struct link_object object;

/* --- the world of the packets ------------------------------------------------------------- */

static void add_key(uint32_t slot)
{
	const struct ref_key *key = &ref_keys[slot];
	struct fw_key k = { .link = key->link };

	ck_assert_int_eq(addr_parse(key->addr, &k.addr), 0);
	ck_assert_int_eq(link_object_hold_index(&object), 0);
	ck_assert_int_eq(index_put(&object.index, &k, slot), 0);
	link_object_drop_index(&object);
}

static void add_node(void)
{
	uint8_t a4[4], a6[16], one = 1;

	inet_pton(AF_INET, REF_NODE4, a4);
	inet_pton(AF_INET6, REF_NODE6, a6);
	ck_assert_int_eq(bpf_map_update_elem(object.node[ADDR_V4], a4, &one, BPF_ANY), 0);
	ck_assert_int_eq(bpf_map_update_elem(object.node[ADDR_V6], a6, &one, BPF_ANY), 0);
}

void world_make(void)
{
	struct err e = { "" };

	ck_assert_msg(link_object_prepare(LAB_BPF_DIR, 100, 0, 0, &e) == 0, "%s", e.text);
	ck_assert_msg(link_object_open(LAB_BPF_DIR, &object, &e) == 0, "%s", e.text);
	ck_assert_int_eq(link_object_reach(&object, REF_KEYS), 0);
	for (uint32_t i = 0; i < REF_KEYS; i++)
		add_key(i);
	add_node();
}

void world_end(void)
{
	struct err e = { "" };

	link_object_close(&object);
	ck_assert_msg(link_object_remove(LAB_BPF_DIR, &e) == 0, "%s", e.text);
}

struct outcome world_run(enum link_program program, const struct packet *p)
{
	struct link_slot slots[REF_KEYS];
	struct link_strays strays[LINK_STRAYS];
	struct outcome o = { .slot = REF_NOTHING };
	int changes = 0;

	memcpy(slots, object.slot, sizeof(slots));
	memcpy(strays, object.strays, sizeof(strays));
	ck_assert_int_eq(lab_run(object.program[program], p, 1, NULL), -1); /* TC_ACT_UNSPEC */
	for (int i = 0; i < REF_KEYS; i++) {
		for (int path = 0; path < LINK_PATHS; path++) {
			uint64_t octets =
				object.slot[i].path[path].octets - slots[i].path[path].octets;
			uint64_t pkts = object.slot[i].path[path].pkts - slots[i].path[path].pkts;

			if (!octets && !pkts)
				continue;
			o = (struct outcome) { i, path, octets, pkts };
			changes++;
		}
	}
	for (int i = 0; i < LINK_STRAYS; i++) {
		uint64_t pkts = object.strays[i].pkts - strays[i].pkts;

		if (!pkts)
			continue;
		o = (struct outcome) { i == LINK_STRAYS_SOURCE ? REF_STRAY : REF_BROKEN, 0,
				       object.strays[i].octets - strays[i].octets, pkts };
		changes++;
	}
	ck_assert_int_le(changes, 1);
	return o;
}

void expect_same(struct outcome got, struct outcome want, enum link_program program,
		 const struct packet *p)
{
	if (got.slot == want.slot && got.path == want.path && got.octets == want.octets &&
	    got.pkts == want.pkts)
		return;
	printf("%s, %zu octets, gso %u x %u, by %u:", link_program_name[program], p->n, p->gso_size,
	       p->gso_segs, p->came_in_by);
	for (size_t i = 0; i < p->n && i < 120; i++)
		printf("%s%02x", i % 4 ? "" : " ", p->at[i]);
	printf("\n");
	ck_abort_msg("slot %d path %d %llu octets %llu packets, not slot %d path %d %llu %llu",
		     got.slot, got.path, (unsigned long long)got.octets,
		     (unsigned long long)got.pkts, want.slot, want.path,
		     (unsigned long long)want.octets, (unsigned long long)want.pkts);
}

void expect(enum link_program program, const struct packet *p, int slot, int path, uint64_t octets,
	    uint64_t pkts)
{
	struct outcome want = { slot, path, octets, pkts };

	expect_same(world_run(program, p), want, program, p);
	expect_same(ref_outcome(program, p), want, program, p);
}

/* --- packets -------------------------------------------------------------------------------- */

struct packet udp4(const char *from, const char *to, size_t payload)
{
	struct packet p = { .n = 0, .came_in_by = 1 };
	size_t ip;

	put_ether(&p, 0x0800);
	ip = put_ip4(&p, from, to, 17, 0);
	put_udp(&p, 9);
	put_zeros(&p, payload);
	put_end(&p, ip);
	return p;
}

struct packet udp6(const char *from, const char *to, size_t payload)
{
	struct packet p = { .n = 0, .came_in_by = 1 };
	size_t ip;

	put_ether(&p, 0x86dd);
	ip = put_ip6(&p, from, to, 17);
	put_udp(&p, 9);
	put_zeros(&p, payload);
	put_end(&p, ip);
	return p;
}

struct packet outer(bool v4, unsigned proto)
{
	struct packet p = { .n = 0 };

	put_ether(&p, v4 ? 0x0800 : 0x86dd);
	if (v4)
		put_ip4(&p, "10.77.1.2", "198.51.100.7", proto, 0);
	else
		put_ip6(&p, "fd77:1::2", "2001:db8::7", proto);
	return p;
}

void put_inner(struct packet *p, bool v4)
{
	if (v4)
		put_ip4(p, "172.16.0.1", "172.16.0.2", 6, 0);
	else
		put_ip6(p, "fd99::1", "fd99::2", 6);
	put_tcp(p, 12);
}
