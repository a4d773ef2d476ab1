/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counting programs in the kernel, on packets made here, against what should come out: figures
 * written down, and a second implementation of the rules (link_ref.h). */
#include "link_world.h"
#include "netfilter/link/object.h"

#include "base/xalloc.h"

#include <check.h>

/* --- packets ------------------------------------------------------------------------------ */

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
	struct packet own_group6 = udp6("fd77:1::2", "ff12::1234", 0);
	struct packet routed6 = udp6("fd77:1::2", "ff05::2", 0);
	struct packet in4 = udp4(REF_NODE4, "10.77.1.2", 0);

	expect(LINK_COUNT_IN, &out4, 0, LINK_NODE_OUT, 28, 1);
	expect(LINK_COUNT_IN, &out6, 1, LINK_NODE_OUT, 48, 1);
	expect(LINK_COUNT_SHARED_IN, &out6, 1, LINK_NODE_OUT, 48, 1);
	expect(LINK_COUNT_IN, &all4, 0, LINK_NODE_OUT, 28, 1);
	expect(LINK_COUNT_IN, &group4, 0, LINK_NODE_OUT, 28, 1);
	expect(LINK_COUNT_IN, &routed4, 0, LINK_OUT, 28, 1);
	expect(LINK_COUNT_IN, &group6, 1, LINK_NODE_OUT, 48, 1);
	expect(LINK_COUNT_IN, &own_group6, 1, LINK_NODE_OUT, 48, 1);
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

/* Sixteen headers are read; of a packet with more, the number of its segments alone. */
START_TEST(program_segments_with_many_headers_end_somewhere)
{
	for (unsigned n = 14; n <= 15; n++) {
		struct packet p = { .n = 0 };

		put_ether(&p, 0x86dd);
		put_ip6(&p, "fd77:1::2", "2001:db8::7", 60);
		for (unsigned i = 1; i <= n; i++) {
			put_u16(&p, (i < n ? 60 : 6) << 8);
			put_zeros(&p, 6);
		}
		put_tcp(&p, 0);
		if (n == 14) {
			expect_segments(&p, 500, 100, 40 + 14 * 8 + 20);
			continue;
		}
		put_zeros(&p, 500);
		put_end(&p, 14);
		p.gso_size = 100;
		p.gso_segs = 5;
		expect(LINK_COUNT_IN, &p, 1, LINK_OUT, 500 + 5 * (40 + 15 * 8 + 20), 5);
		p.gso_segs = 0;
		expect(LINK_COUNT_IN, &p, 1, LINK_OUT, 680, 7);
	}
}
END_TEST

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
	tcase_add_checked_fixture(tc, world_make, world_end);
	tcase_add_test(tc, program_plain_packet_counts_at_its_place);
	tcase_add_test(tc, program_node_traffic_counts_apart);
	tcase_add_test(tc, program_source_of_another_is_a_stray);
	tcase_add_test(tc, program_what_is_no_ip_counts_nowhere);
	tcase_add_test(tc, program_padding_is_not_counted_but_hidden_data_is);
	tcase_add_test(tc, program_tags_are_skipped_and_not_counted);
	tcase_add_test(tc, program_segments_each_count_with_their_headers);
	tcase_add_test(tc, program_segments_with_extension_headers_count_them);
	tcase_add_test(tc, program_segments_with_many_headers_end_somewhere);
	tcase_add_test(tc, program_segments_in_tunnels_count_all_headers);
	tcase_add_test(tc, program_segments_of_unknown_tunnel_number_is_right);
	tcase_add_test(tc, program_l3_packet_begins_with_its_ip_header);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
