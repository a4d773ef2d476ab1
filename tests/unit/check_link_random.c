/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counting programs in the kernel, on packets that are cut off or random, against a second
 * implementation of the rules (link_ref.h). */
#include "link_world.h"
#include "netfilter/link/object.h"

#include "base/xalloc.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* --- any packet ----------------------------------------------------------------------------- */

/* BPF_PROG_TEST_RUN refuses a packet that begins with an IP header and ends in it (Linux 6.12).
 * After a tag it lets it pass. */
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
		got = world_run(program, p);
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
		got = world_run(prog, &p);
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
	Suite *suite = suite_create("link random");
	TCase *tc = tcase_create("link random");
	SRunner *runner;
	int failed;

	if (!lab_enter())
		return 0;
	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, world_make, world_end);
	tcase_add_test(tc, program_truncated_anywhere_counts_what_is_there);
	tcase_add_test(tc, program_random_packets_count_as_the_rules_say);
	tcase_add_test(tc, program_prints_what_a_packet_costs);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
