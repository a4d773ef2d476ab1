/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index: beside a plain list of what it should hold, with so few buckets that most overflow;
 * and as the program searches it. */
#include "base/xalloc.h"
#include "link_set.h"
#include "netfilter/link/index.h"
#include "seed.h"

#define KEYS 96
#define BUCKETS 8 /* 64 places, of one chain */

static struct fw_key key_of(uint32_t i)
{
	struct fw_key key = { .link = 1 + i % 3 };

	key.addr.family = i % 2 ? ADDR_V6 : ADDR_V4;
	key.addr.bytes[0] = 10;
	key.addr.bytes[2] = (uint8_t)(i >> 8);
	key.addr.bytes[3] = (uint8_t)i;
	return key;
}

/* Each key is held or not, in this slot. */
static void expect(const struct index *x, const uint32_t *slot_of)
{
	for (uint32_t i = 0; i < KEYS; i++) {
		struct fw_key key = key_of(i);
		uint32_t slot = UINT32_MAX;

		ck_assert_int_eq(index_get(x, &key, &slot), slot_of[i] ? 0 : -ENOENT);
		ck_assert_uint_eq(slot + 1, slot_of[i]);
	}
}

START_TEST(index_random_changes_hold_what_was_put)
{
	struct link_bucket bucket[BUCKETS] = { { { 0 } } };
	struct link_slot slot[2 * KEYS] = { { .spare = { 0 } } };
	uint64_t seed = seed_random("index_random_changes_hold_what_was_put");
	struct link_state state = { .reach = 2 * KEYS, .seed = next_random(&seed) };
	struct index x = { bucket, BUCKETS, slot, &state };
	uint32_t slot_of[KEYS] = { 0 }, refused = 0, held = 0;

	for (int round = 0; round < 20000; round++) {
		uint32_t i = (uint32_t)(next_random(&seed) % KEYS);
		struct fw_key key = key_of(i);
		int ret;

		switch (next_random(&seed) % 5) {
		case 0: /* another slot of the same key; never one that another key has */
		case 1:
		case 2:
			ret = index_put(&x, &key, i + (round % 2 ? KEYS : 0));
			ck_assert(ret == 0 ||
				  (ret == -ENOSPC && !slot_of[i] && held == BUCKETS * LINK_BUCKET));
			refused += ret < 0;
			held += !ret && !slot_of[i];
			if (!ret)
				slot_of[i] = 1 + i + (round % 2 ? KEYS : 0);
			break;
		default:
			ret = index_remove(&x, &key);
			ck_assert_int_eq(ret, slot_of[i] ? 0 : -ENOENT);
			held -= slot_of[i] != 0;
			slot_of[i] = 0;
		}
		if (round % 40 == 0)
			expect(&x, slot_of);
	}
	ck_assert_uint_gt(refused, 0);
}
END_TEST

/* Addresses that differ in one octet or two, or only in their links, go to buckets at random: none
 * of 10,000 finds no place in an index for 20,000, and few buckets are full. */
START_TEST(index_put_spreads_whatever_differs)
{
	uint32_t n_buckets = index_size(20000);
	struct link_slot *slot = xcalloc(10000, sizeof(*slot));

	for (int kind = 0; kind < 18; kind++) {
		struct link_bucket *bucket = xcalloc(n_buckets, sizeof(*bucket));
		uint64_t seed = seed_random("index_put_spreads_whatever_differs");
		struct link_state state = { .reach = 10000, .seed = next_random(&seed) };
		struct index x = { bucket, n_buckets, slot, &state };
		uint32_t full = 0;

		for (uint32_t i = 0; i < 10000; i++) {
			struct fw_key key = { .link = kind == 17 ? i + 1 : 7,
					      .addr = { .family = kind < 3 ? ADDR_V4 : ADDR_V6 } };

			key.addr.bytes[kind % 16] = (uint8_t)(kind == 17 ? 0 : i);
			key.addr.bytes[kind % 16 + (kind == 15 ? -1 : 1)] ^=
				(uint8_t)(kind == 17 ? 0 : i >> 8);
			ck_assert_int_eq(index_put(&x, &key, i), 0);
		}
		for (uint32_t b = 0; b < n_buckets; b++)
			full += bucket[b].entry[LINK_BUCKET - 1] != 0;
		ck_assert_uint_lt(full, n_buckets / 10);
		free(bucket);
	}
	free(slot);
}
END_TEST

START_TEST(index_size_has_room)
{
	ck_assert_uint_eq(index_size(1), 1);
	ck_assert_uint_eq(index_size(8), 1);
	ck_assert_uint_eq(index_size(9), 2);
	ck_assert_uint_eq(index_size(40000), 8192);
}
END_TEST

/* Address i on lo. */
static struct fw_key key_on_lo(uint32_t i)
{
	struct fw_key key = { .link = 1, .addr = { .family = ADDR_V4 } };

	key.addr.bytes[0] = 10;
	key.addr.bytes[2] = (uint8_t)(i >> 8);
	key.addr.bytes[3] = (uint8_t)i;
	return key;
}

/* A packet from it. */
static struct packet packet_from(uint32_t i)
{
	struct packet p = { .n = 0 };
	char text[ADDR_TEXT_SIZE];
	size_t ip;

	snprintf(text, sizeof(text), "10.0.%u.%u", i >> 8, i & 255);
	put_ether(&p, 0x0800);
	ip = put_ip4(&p, text, "198.51.100.7", 17, 0);
	put_udp(&p, 9);
	put_end(&p, ip);
	return p;
}

/* As many as there is room for, so that chains are long, then every second one less: all that are
 * left are found by the program, and those that are gone are not. */
START_TEST(program_finds_every_address_of_a_full_index)
{
	struct link_object o;
	uint32_t n;

	prepare(100);
	o = open_it();
	ck_assert_int_eq(link_object_reach(&o, o.slots), 0);
	ck_assert_int_eq(link_object_hold_index(&o), 0);
	for (n = 0; n < o.slots; n++) {
		struct fw_key key = key_on_lo(n);

		if (index_put(&o.index, &key, n) < 0)
			break;
	}
	ck_assert_uint_ge(n, o.slots / 2);
	for (uint32_t i = 0; i < n; i += 2) {
		struct fw_key key = key_on_lo(i);

		ck_assert_int_eq(index_remove(&o.index, &key), 0);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct packet p = packet_from(i);

		ck_assert_int_eq(lab_run(o.program[LINK_COUNT_IN], &p, 1, NULL), -1);
	}
	for (uint32_t i = 0; i < n; i++)
		ck_assert_uint_eq(o.slot[i].path[LINK_OUT].pkts, i % 2);
	link_object_close(&o);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link index");
	TCase *tc = tcase_create("link index"), *lab = tcase_create("link index, program");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, index_random_changes_hold_what_was_put);
	tcase_add_test(tc, index_put_spreads_whatever_differs);
	tcase_add_test(tc, index_size_has_room);
	suite_add_tcase(suite, tc);
	if (lab_enter()) {
		tcase_add_checked_fixture(lab, setup, teardown);
		tcase_add_test(lab, program_finds_every_address_of_a_full_index);
	}
	suite_add_tcase(suite, lab);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
