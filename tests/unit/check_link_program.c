/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counting programs in the kernel, on packets made here, against what should come out: figures
 * written down, and a second implementation of the rules (link_ref.h). */
#include "link_ref.h"
#include "netfilter/link/object.h"

#include "base/xalloc.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct link_object object;

/* --- the world of the packets ------------------------------------------------------------- */

static void add_key(uint32_t slot)
{
	const struct ref_key *key = &ref_keys[slot];
	struct link_key4 k4 = { .link = key->link };
	struct link_key6 k6 = { .link = key->link };
	bool v4 = inet_pton(AF_INET, key->addr, k4.addr) == 1;

	if (!v4)
		ck_assert_int_eq(inet_pton(AF_INET6, key->addr, k6.addr), 1);
	ck_assert_int_eq(bpf_map_update_elem(object.index[v4 ? ADDR_V4 : ADDR_V6],
					     v4 ? (void *)&k4 : &k6, &slot, BPF_ANY),
			 0);
}

static void add_node(void)
{
	uint8_t a4[4], a6[16], one = 1;

	inet_pton(AF_INET, REF_NODE4, a4);
	inet_pton(AF_INET6, REF_NODE6, a6);
	ck_assert_int_eq(bpf_map_update_elem(object.node[ADDR_V4], a4, &one, BPF_ANY), 0);
	ck_assert_int_eq(bpf_map_update_elem(object.node[ADDR_V6], a6, &one, BPF_ANY), 0);
}

static void setup(void)
{
	struct err e = { "" };

	ck_assert_msg(link_object_prepare(LAB_BPF_DIR, 100, 0, 0, &e) == 0, "%s", e.text);
	ck_assert_msg(link_object_open(LAB_BPF_DIR, &object, &e) == 0, "%s", e.text);
	ck_assert_int_eq(link_object_reach(&object, REF_KEYS), 0);
	for (uint32_t i = 0; i < REF_KEYS; i++)
		add_key(i);
	add_node();
}

static void teardown(void)
{
	struct err e = { "" };

	link_object_close(&object);
	ck_assert_msg(link_object_remove(LAB_BPF_DIR, &e) == 0, "%s", e.text);
}

/* What a program did with a packet: the one thing that has changed. */
static struct outcome run(enum link_program program, const struct packet *p)
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

static void expect_same(struct outcome got, struct outcome want, enum link_program program,
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

/* The figures given here, and those of the second implementation. */
static void expect(enum link_program program, const struct packet *p, int slot, int path,
		   uint64_t octets, uint64_t pkts)
{
	struct outcome want = { slot, path, octets, pkts };

	expect_same(run(program, p), want, program, p);
	expect_same(ref_outcome(program, p), want, program, p);
}

/* --- packets ------------------------------------------------------------------------------ */

static struct packet udp4(const char *from, const char *to, size_t payload)
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

static struct packet udp6(const char *from, const char *to, size_t payload)
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

START_TEST(program_plain_packet_counts_at_its_place)
{
	struct packet out4 = udp4("10.77.1.2", "198.51.100.7", 100);
	struct packet out6 = udp6("fd77:1::2", "2001:db8::7", 100);
	struct packet in4 = udp4("198.51.100.7", "10.77.1.2", 100);
	struct packet in6 = udp6("2001:db8::7", "fd77:1::2", 100);

	expect(LINK_COUNT_IN, &out4, 0, LINK_OUT, 128, 1);
	expect(LINK_COUNT_IN, &out6, 1, LINK_OUT, 148, 1);
	expect(LINK_COUNT_OUT, &in4, 0, LINK_IN, 128, 1);
	expect(LINK_COUNT_OUT, &in6, 1, LINK_IN, 148, 1);
	/* On an uplink the directions are the other way round. */
	expect(LINK_COUNT_UP_IN, &in4, 0, LINK_IN, 128, 1);
	expect(LINK_COUNT_UP_IN, &in6, 1, LINK_IN, 148, 1);
	expect(LINK_COUNT_UP_OUT, &out4, 0, LINK_OUT, 128, 1);
	expect(LINK_COUNT_UP_OUT, &out6, 1, LINK_OUT, 148, 1);
	expect(LINK_COUNT_SHARED_IN, &out4, 0, LINK_OUT, 128, 1);
	/* The other end of a packet is nobody's business here. */
	expect(LINK_COUNT_OUT, &out4, REF_NOTHING, 0, 0, 0);
	expect(LINK_COUNT_UP_IN, &out6, REF_NOTHING, 0, 0, 0);
	expect(LINK_COUNT_UP_OUT, &in4, REF_NOTHING, 0, 0, 0);
}
END_TEST

START_TEST(program_node_traffic_counts_apart)
{
	struct packet out4 = udp4("10.77.1.2", REF_NODE4, 0),
		      out6 = udp6("fd77:1::2", REF_NODE6, 0);
	struct packet all4 = udp4("10.77.1.2", "255.255.255.255", 0);
	struct packet group4 = udp4("10.77.1.2", "224.0.0.251", 0);
	struct packet routed4 = udp4("10.77.1.2", "224.0.1.1", 0);
	struct packet group6 = udp6("fd77:1::2", "ff02::fb", 0);
	struct packet routed6 = udp6("fd77:1::2", "ff05::2", 0);
	struct packet in4 = udp4(REF_NODE4, "10.77.1.2", 0);

	expect(LINK_COUNT_IN, &out4, 0, LINK_NODE_OUT, 28, 1);
	expect(LINK_COUNT_IN, &out6, 1, LINK_NODE_OUT, 48, 1);
	expect(LINK_COUNT_SHARED_IN, &out6, 1, LINK_NODE_OUT, 48, 1);
	expect(LINK_COUNT_IN, &all4, 0, LINK_NODE_OUT, 28, 1);
	expect(LINK_COUNT_IN, &group4, 0, LINK_NODE_OUT, 28, 1);
	expect(LINK_COUNT_IN, &routed4, 0, LINK_OUT, 28, 1);
	expect(LINK_COUNT_IN, &group6, 1, LINK_NODE_OUT, 48, 1);
	expect(LINK_COUNT_IN, &routed6, 1, LINK_OUT, 48, 1);
	expect(LINK_COUNT_UP_OUT, &out4, 0, LINK_OUT, 28, 1);
	/* To the container it is the node's if it came in by no link, whatever its source is. */
	expect(LINK_COUNT_OUT, &in4, 0, LINK_IN, 28, 1);
	in4.came_in_by = 0;
	expect(LINK_COUNT_OUT, &in4, 0, LINK_NODE_IN, 28, 1);
	expect(LINK_COUNT_UP_IN, &in4, 0, LINK_IN, 28, 1);
}
END_TEST

START_TEST(program_source_of_another_is_a_stray)
{
	struct packet spoofed = udp4("10.77.9.9", "198.51.100.7", 100);
	struct packet spoofed6 = udp6("fd77:9::9", "2001:db8::7", 100);
	struct packet unnamed = udp4("10.77.1.3", "198.51.100.7", 100);
	struct packet dhcp = udp4("0.0.0.0", "255.255.255.255", 300);
	struct packet solicit = udp6("::", "ff02::1:ff00:2", 24);
	struct packet local = udp6("fe80::1", "ff02::1", 24);
	struct packet to_other = udp4("198.51.100.7", "10.77.9.9", 100);

	expect(LINK_COUNT_IN, &spoofed, REF_STRAY, 0, 128, 1);
	expect(LINK_COUNT_IN, &spoofed6, REF_STRAY, 0, 148, 1);
	expect(LINK_COUNT_IN, &unnamed, REF_STRAY, 0, 128, 1);
	expect(LINK_COUNT_IN, &dhcp, REF_NOTHING, 0, 0, 0);
	expect(LINK_COUNT_IN, &solicit, REF_NOTHING, 0, 0, 0);
	expect(LINK_COUNT_IN, &local, REF_NOTHING, 0, 0, 0);
	expect(LINK_COUNT_SHARED_IN, &spoofed, REF_NOTHING, 0, 0, 0);
	expect(LINK_COUNT_UP_OUT, &unnamed, REF_NOTHING, 0, 0, 0);
	expect(LINK_COUNT_OUT, &to_other, REF_NOTHING, 0, 0, 0); /* a flood */
}
END_TEST

START_TEST(program_what_is_no_ip_counts_nowhere)
{
	struct packet arp = { .n = 0 }, pppoe = { .n = 0 };

	put_ether(&arp, 0x0806);
	put_zeros(&arp, 28);
	put_ether(&pppoe, 0x8864);
	put_zeros(&pppoe, 8);
	put_ip4(&pppoe, "10.77.1.2", "198.51.100.7", 17, 0);
	expect(LINK_COUNT_IN, &arp, REF_NOTHING, 0, 0, 0);
	expect(LINK_COUNT_IN, &pppoe, REF_NOTHING, 0, 0, 0);
}
END_TEST

START_TEST(program_padding_is_not_counted_but_hidden_data_is)
{
	struct packet p = udp4("10.77.1.2", "198.51.100.7", 2);

	put_zeros(&p, 16); /* 60 octets, the shortest frame */
	expect(LINK_COUNT_IN, &p, 0, LINK_OUT, 30, 1);
	put_zeros(&p, 1);
	expect(LINK_COUNT_IN, &p, 0, LINK_OUT, 47, 1);
	put_zeros(&p, 1000);
	expect(LINK_COUNT_IN, &p, 0, LINK_OUT, 1047, 1);
	/* A length that cannot be, and one of more than there is. */
	p = udp4("10.77.1.2", "198.51.100.7", 2);
	p.at[14 + 3] = 19;
	expect(LINK_COUNT_IN, &p, 0, LINK_OUT, 30, 1);
	p.at[14 + 2] = 5;
	expect(LINK_COUNT_IN, &p, 0, LINK_OUT, 30, 1);
	p = udp6("fd77:1::2", "2001:db8::7", 3);
	put_zeros(&p, 10); /* more than padding can be with IPv6 and UDP */
	expect(LINK_COUNT_IN, &p, 1, LINK_OUT, 61, 1);
}
END_TEST

START_TEST(program_tags_are_skipped_and_not_counted)
{
	static const unsigned kinds[] = { 0x8100, 0x88a8, 0x8100 };

	for (size_t n = 1; n <= ARRAY_LEN(kinds); n++) {
		struct packet p = { .came_in_by = 1 };
		size_t ip;

		put_ether(&p, kinds[3 - n]);
		for (size_t i = 3 - n; i < 3; i++) {
			put_u16(&p, 5); /* the network's number */
			put_u16(&p, i < 2 ? kinds[i + 1] : 0x0800);
		}
		ip = put_ip4(&p, "10.77.1.2", "198.51.100.7", 17, 0);
		put_udp(&p, 9);
		put_zeros(&p, 72);
		put_end(&p, ip);
		if (n <= 2)
			expect(LINK_COUNT_IN, &p, 0, LINK_OUT, 100, 1);
		else
			expect(LINK_COUNT_IN, &p, REF_NOTHING, 0, 0, 0);
	}
}
END_TEST

/* --- segments ------------------------------------------------------------------------------ */

/* The packet goes as segments of `size` octets of payload, of which there are `payload`; each has
 * `headers` octets from its IP header on. */
static void expect_segments(struct packet *p, size_t payload, unsigned size, uint64_t headers)
{
	uint64_t n = (payload + size - 1) / size;
	int slot = p->at[12] == 0x08 ? 0 : 1;

	put_zeros(p, payload);
	put_end(p, 14);
	p->gso_size = size;
	for (p->gso_segs = 0; p->gso_segs <= n; p->gso_segs += (uint32_t)n)
		expect(LINK_COUNT_IN, p, slot, LINK_OUT, payload + n * headers, n);
}

START_TEST(program_segments_each_count_with_their_headers)
{
	for (size_t payload = 1; payload < 1000; payload += 37) {
		struct packet tcp4 = { .n = 0 }, tcp6 = { .n = 0 }, udp = { .n = 0 },
			      sctp = { .n = 0 };

		put_ether(&tcp4, 0x0800);
		put_ip4(&tcp4, "10.77.1.2", "198.51.100.7", 6, 8);
		put_tcp(&tcp4, 12);
		expect_segments(&tcp4, payload, 100, 28 + 32);
		put_ether(&tcp6, 0x86dd);
		put_ip6(&tcp6, "fd77:1::2", "2001:db8::7", 6);
		put_tcp(&tcp6, 0);
		expect_segments(&tcp6, payload, 100, 40 + 20);
		put_ether(&udp, 0x86dd);
		put_ip6(&udp, "fd77:1::2", "2001:db8::7", 17);
		put_udp(&udp, 443);
		expect_segments(&udp, payload, 100, 40 + 8);
		/* SCTP's have sizes of their own: the kernel knows the number. */
		put_ether(&sctp, 0x0800);
		put_ip4(&sctp, "10.77.1.2", "198.51.100.7", 132, 0);
		put_zeros(&sctp, 12 + payload);
		put_end(&sctp, 14);
		sctp.gso_size = 0xffff;
		sctp.gso_segs = 7;
		expect(LINK_COUNT_IN, &sctp, 0, LINK_OUT, payload + 7 * (20 + 12), 7);
	}
}
END_TEST

START_TEST(program_segments_with_extension_headers_count_them)
{
	struct packet p = { .n = 0 };

	put_ether(&p, 0x86dd);
	put_ip6(&p, "fd77:1::2", "2001:db8::7", 0); /* hop-by-hop */
	put_u16(&p, 60 << 8 | 1);
	put_zeros(&p, 14);
	put_u16(&p, 43 << 8 | 0); /* destination */
	put_zeros(&p, 6);
	put_u16(&p, 51 << 8 | 2); /* routing */
	put_zeros(&p, 22);
	put_u16(&p, 60 << 8 | 4); /* authentication: in units of 4 octets, plus 2 */
	put_zeros(&p, 22);
	put_u16(&p, 6 << 8 | 0); /* destination */
	put_zeros(&p, 6);
	put_tcp(&p, 12);
	expect_segments(&p, 950, 100, 40 + 16 + 8 + 24 + 24 + 8 + 32);
}
END_TEST

/* The start of a packet of the container's: outer headers of a tunnel. */
static struct packet outer(bool v4, unsigned proto)
{
	struct packet p = { .n = 0 };

	put_ether(&p, v4 ? 0x0800 : 0x86dd);
	if (v4)
		put_ip4(&p, "10.77.1.2", "198.51.100.7", proto, 0);
	else
		put_ip6(&p, "fd77:1::2", "2001:db8::7", proto);
	return p;
}

static void put_inner(struct packet *p, bool v4)
{
	if (v4)
		put_ip4(p, "172.16.0.1", "172.16.0.2", 6, 0);
	else
		put_ip6(p, "fd99::1", "fd99::2", 6);
	put_tcp(p, 12);
}

START_TEST(program_segments_in_tunnels_count_all_headers)
{
	for (int kind = 0; kind < 4; kind++) {
		bool v4 = kind & 1, inner = kind & 2;
		uint64_t out = v4 ? 20 : 40, in = (inner ? 20 : 40) + 32;
		struct packet ip = outer(v4, inner ? 4 : 41), gre = outer(v4, 47);
		struct packet tap = outer(v4, 47), vxlan = outer(v4, 17), geneve = outer(v4, 17);

		put_inner(&ip, inner);
		expect_segments(&ip, 950, 100, out + in);
		put_u16(&gre, 0xb000); /* checksum, key, sequence number */
		put_u16(&gre, inner ? 0x0800 : 0x86dd);
		put_zeros(&gre, 12);
		put_inner(&gre, inner);
		expect_segments(&gre, 950, 100, out + 16 + in);
		put_u16(&tap, 0);
		put_u16(&tap, 0x6558);
		put_ether(&tap, 0x8100);
		put_u16(&tap, 7);
		put_u16(&tap, inner ? 0x0800 : 0x86dd);
		put_inner(&tap, inner);
		expect_segments(&tap, 950, 100, out + 4 + 18 + in);
		put_udp(&vxlan, inner ? 4789 : 8472);
		put_u32(&vxlan, 0x08000000);
		put_u32(&vxlan, 42 << 8);
		put_ether(&vxlan, inner ? 0x0800 : 0x86dd);
		put_inner(&vxlan, inner);
		expect_segments(&vxlan, 950, 100, out + 16 + 14 + in);
		put_udp(&geneve, 6081);
		put_u16(&geneve, 3 << 8); /* 12 octets of options */
		put_u16(&geneve, 0x6558);
		put_zeros(&geneve, 4 + 12);
		put_ether(&geneve, inner ? 0x0800 : 0x86dd);
		put_inner(&geneve, inner);
		expect_segments(&geneve, 950, 100, out + 16 + 12 + 14 + in);
	}
}
END_TEST

/* The number of segments that the kernel knows is believed, and the headers follow from it. */
START_TEST(program_segments_of_unknown_tunnel_number_is_right)
{
	struct packet p = outer(true, 17), false_tunnel = outer(true, 17);

	put_udp(&p, 9999);
	put_zeros(&p, 50 + 1000); /* 50 of another kind of tunnel, 10 segments of 100 */
	put_end(&p, 14);
	p.gso_size = 100;
	p.gso_segs = 10;
	expect(LINK_COUNT_IN, &p, 0, LINK_OUT, 1000 + 10 * (28 + 50), 10);
	p.gso_segs = 0; /* from a virtual machine: it has no tunnels of this kind */
	expect(LINK_COUNT_IN, &p, 0, LINK_OUT, 1050 + 11 * 28, 11);

	/* Plain UDP to the port of a tunnel, that looks like one. */
	put_udp(&false_tunnel, 4789);
	put_u32(&false_tunnel, 0x08000000);
	put_u32(&false_tunnel, 0);
	put_ether(&false_tunnel, 0x0800);
	put_inner(&false_tunnel, true);
	put_zeros(&false_tunnel, 910 - 8 - 14 - 52);
	put_end(&false_tunnel, 14);
	false_tunnel.gso_size = 100;
	false_tunnel.gso_segs = 10;
	expect(LINK_COUNT_IN, &false_tunnel, 0, LINK_OUT, 910 + 10 * 28, 10);
}
END_TEST

/* --- links without Ethernet headers -------------------------------------------------------- */

/* BPF_PROG_TEST_RUN takes octets 12 and 13 for an EtherType, whatever the link: so the source must
 * have that number at this place. */
START_TEST(program_l3_packet_begins_with_its_ip_header)
{
	struct packet in4 = { .came_in_by = 5 }, in6 = { .came_in_by = 5 }, out4 = { .n = 0 };
	size_t ip = put_ip4(&in4, "8.0.3.4", "10.77.1.2", 17, 0);

	put_udp(&in4, 9);
	put_zeros(&in4, 20);
	put_end(&in4, ip);
	expect(LINK_COUNT_OUT_L3, &in4, 0, LINK_IN, 48, 1);
	expect(LINK_COUNT_UP_IN_L3, &in4, 0, LINK_IN, 48, 1);
	expect(LINK_COUNT_UP_OUT_L3, &in4, REF_NOTHING, 0, 0, 0);
	expect(LINK_COUNT_IN_L3, &in4, REF_STRAY, 0, 48, 1);
	expect(LINK_COUNT_SHARED_IN_L3, &in4, REF_NOTHING, 0, 0, 0);
	in4.came_in_by = 0;
	expect(LINK_COUNT_OUT_L3, &in4, 0, LINK_NODE_IN, 48, 1);
	ip = put_ip6(&in6, "2001:db8:86dd::7", "fd77:1::2", 6);
	put_tcp(&in6, 0);
	put_zeros(&in6, 250);
	put_end(&in6, ip);
	in6.gso_size = 100;
	expect(LINK_COUNT_OUT_L3, &in6, 1, LINK_IN, 250 + 3 * 60, 3);
	put_ip4(&out4, "8.0.1.1", "198.51.100.7", 17, 0);
	put_zeros(&out4, 30);
	out4.at[0] = 0x44; /* shorter than a header is */
	expect(LINK_COUNT_IN_L3, &out4, REF_BROKEN, 0, 50, 1);
	out4.at[0] = 0x65;
	expect(LINK_COUNT_IN_L3, &out4, REF_BROKEN, 0, 50, 1);
}
END_TEST

/* --- any packet ----------------------------------------------------------------------------- */

/* BPF_PROG_TEST_RUN refuses a packet that begins with an IP header and ends in it (Linux 6.12). After
 * a tag it lets it pass. */
static bool can_run(const struct packet *p)
{
	unsigned type = (unsigned)(p->at[12] << 8 | p->at[13]);

	return (type != 0x0800 || p->n >= 14 + 20) && (type != 0x86dd || p->n >= 14 + 40);
}

static struct packet with_tag(const struct packet *p)
{
	struct packet tagged = { .n = 0 };

	put(&tagged, p->at, 12);
	put_u32(&tagged, 0x81000007);
	put(&tagged, p->at + 12, p->n - 12);
	return tagged;
}

#define SEEDS 12

static size_t make_seeds(struct packet *seeds)
{
	size_t n = 0;

	for (int kind = 0; kind < 2; kind++) {
		bool v4 = kind;
		struct packet p = outer(v4, 17);

		put_udp(&p, 6081);
		put_u16(&p, 1 << 8);
		put_u16(&p, 0x6558);
		put_zeros(&p, 8);
		put_ether(&p, 0x8100);
		put_u16(&p, 1);
		put_u16(&p, 0x86dd);
		put_inner(&p, false);
		put_zeros(&p, 300);
		seeds[n++] = p;
		p = outer(v4, 47);
		put_u32(&p, 0x20000800);
		put_u32(&p, 1);
		put_ip4(&p, "172.16.0.1", "172.16.0.2", 41, 4);
		put_ip6(&p, "fd99::1", "fd99::2", 60);
		put_u32(&p, 6 << 24);
		put_zeros(&p, 4);
		put_tcp(&p, 8);
		put_zeros(&p, 200);
		seeds[n++] = p;
		seeds[n++] = v4 ? udp4("198.51.100.7", "10.77.1.2", 20)
				: udp6("2001:db8::7", "fd77:1::2", 20);
	}
	for (size_t i = n; i > 0; i--)
		seeds[n + i - 1] = with_tag(&seeds[i - 1]);
	return 2 * n;
}

/* Returns whether the packet was one that cannot be read. */
static bool truncate_to(struct packet *p, size_t n, enum link_program program)
{
	bool broken = false;

	p->n = n;
	for (p->gso_size = 0; can_run(p) && p->gso_size <= 100; p->gso_size += 50) {
		struct outcome got;

		p->gso_segs = p->gso_size == 50 ? 3 : 0;
		got = run(program, p);
		expect_same(got, ref_outcome(program, p), program, p);
		broken = broken || got.slot == REF_BROKEN;
		if (!p->gso_size)
			ck_assert_uint_le(got.octets, n - 14);
	}
	return broken;
}

START_TEST(program_truncated_anywhere_counts_what_is_there)
{
	struct packet seeds[SEEDS];
	size_t n = make_seeds(seeds), broken = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t to = seeds[i].n; to >= 14; to--)
			for (enum link_program prog = 0; prog < LINK_COUNT_IN_L3; prog++)
				broken += truncate_to(&seeds[i], to, prog);
	ck_assert_uint_ge(broken, 6 * 20); /* in the inner IP header of each tagged one */
}
END_TEST

static unsigned seed_of_run(void)
{
	const char *text = getenv("SEED");
	unsigned seed = text ? (unsigned)strtoul(text, NULL, 0) : (unsigned)time(NULL);

	printf("SEED=%u\n", seed);
	return seed;
}

/* Mostly numbers that mean something at some place. */
static uint8_t some_octet(void)
{
	static const uint8_t known[] = {
		0,    4,    6,    8,    17,   41,   43,   44,   47,   51,
		60,   132,  0x45, 0x46, 0x60, 0x65, 0x58, 0x81, 0x88, 0xa8,
		0x86, 0xdd, 0x12, 0xb5, 0x17, 0xc1, 0x21, 0x18, 0xff, 0x80
	};

	return rand() % 3 ? known[(size_t)rand() % ARRAY_LEN(known)] : (uint8_t)rand();
}

START_TEST(program_random_packets_count_as_the_rules_say)
{
	struct packet seeds[SEEDS];
	size_t n = make_seeds(seeds), counted = 0, strays = 0, segmented = 0;

	srand(seed_of_run());
	for (int i = 0; i < 60000; i++) {
		struct packet p = seeds[(size_t)rand() % n];
		enum link_program prog = (enum link_program)((unsigned)rand() % LINK_PROGRAMS);
		struct outcome got;

		for (int k = rand() % 6; k > 0; k--)
			p.at[12 + (size_t)rand() % (p.n - 12)] = some_octet();
		if (rand() % 4 == 0)
			p.n = 14 + (size_t)rand() % (p.n - 14);
		p.gso_size = rand() % 2 ? 0 : rand() % 20 ? 1 + (uint32_t)rand() % 200 : 0xffff;
		p.gso_segs = p.gso_size && rand() % 2 ? 1 + (uint32_t)rand() % 20 : 0;
		p.came_in_by = (uint32_t)rand() % 2;
		if (!can_run(&p))
			continue;
		got = run(prog, &p);
		expect_same(got, ref_outcome(prog, &p), prog, &p);
		counted += got.slot >= 0;
		strays += got.slot < REF_NOTHING;
		segmented += got.slot >= 0 && got.pkts > 1;
	}
	printf("60000 random packets: %zu counted, %zu of them as segments, %zu strays\n", counted,
	       segmented, strays);
	ck_assert_uint_gt(counted, 1000);
	ck_assert_uint_gt(segmented, 300);
	ck_assert_uint_gt(strays, 300);
}
END_TEST

/* Prints what a packet costs. Speed is no reason to fail. */
START_TEST(program_prints_what_a_packet_costs)
{
	struct packet hit4 = udp4("10.77.1.2", "198.51.100.7", 36),
		      hit6 = udp6("fd77:1::2", "2001:db8::7", 16);
	struct packet in4 = udp4("198.51.100.7", "10.77.1.2", 36), tso = outer(true, 6),
		      arp = { .n = 0 };
	const struct {
		const char *what;
		enum link_program program;
		const struct packet *p;
	} runs[] = { { "IPv4 out", LINK_COUNT_IN, &hit4 },
		     { "IPv6 out", LINK_COUNT_IN, &hit6 },
		     { "IPv4 in", LINK_COUNT_OUT, &in4 },
		     { "TSO IPv4 out", LINK_COUNT_IN, &tso },
		     { "ARP", LINK_COUNT_IN, &arp } };

	put_tcp(&tso, 12);
	put_zeros(&tso, 1000);
	put_end(&tso, 14);
	tso.gso_size = 100;
	put_ether(&arp, 0x0806);
	put_zeros(&arp, 46);
	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		uint32_t ns = 0;

		ck_assert_int_eq(lab_run(object.program[runs[i].program], runs[i].p, 1000000, &ns),
				 -1);
		printf("%s: %u ns\n", runs[i].what, ns);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link program");
	TCase *tc = tcase_create("link program");
	SRunner *runner;
	int failed;

	if (!lab_enter())
		return 0;
	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, program_plain_packet_counts_at_its_place);
	tcase_add_test(tc, program_node_traffic_counts_apart);
	tcase_add_test(tc, program_source_of_another_is_a_stray);
	tcase_add_test(tc, program_what_is_no_ip_counts_nowhere);
	tcase_add_test(tc, program_padding_is_not_counted_but_hidden_data_is);
	tcase_add_test(tc, program_tags_are_skipped_and_not_counted);
	tcase_add_test(tc, program_segments_each_count_with_their_headers);
	tcase_add_test(tc, program_segments_with_extension_headers_count_them);
	tcase_add_test(tc, program_segments_in_tunnels_count_all_headers);
	tcase_add_test(tc, program_segments_of_unknown_tunnel_number_is_right);
	tcase_add_test(tc, program_l3_packet_begins_with_its_ip_header);
	tcase_add_test(tc, program_truncated_anywhere_counts_what_is_there);
	tcase_add_test(tc, program_random_packets_count_as_the_rules_say);
	tcase_add_test(tc, program_prints_what_a_packet_costs);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
