/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inv_helpers.h"

static struct inv_part *part(void)
{
	return inv_part_new("src", NULL);
}

START_TEST(inv_part_container_bad_ids_refused)
{
	struct inv_part *p = part();
	char longest[INV_ID_MAX + 2];

	log_capture();
	memset(longest, 'x', sizeof(longest));
	longest[INV_ID_MAX] = '\0';
	ck_assert_int_eq(inv_part_container(p, 1, longest, NULL, INV_RUN_UNKNOWN), 0);
	longest[INV_ID_MAX] = 'x';
	longest[INV_ID_MAX + 1] = '\0';
	ck_assert_int_eq(inv_part_container(p, 2, longest, NULL, INV_RUN_UNKNOWN), -EINVAL);
	ck_assert_int_eq(inv_part_container(p, 3, "", NULL, INV_RUN_UNKNOWN), -EINVAL);
	ck_assert_int_eq(inv_part_container(p, 4, "a\nb", NULL, INV_RUN_UNKNOWN), -EINVAL);
	ck_assert_int_eq(inv_part_container(p, 5, "a\x7f", NULL, INV_RUN_UNKNOWN), -EINVAL);
	ck_assert_int_eq(inv_part_container(p, 6, "a\xc2\x80", NULL, INV_RUN_UNKNOWN), -EINVAL);
	EXPECT_LOG(5, "src:2: container id", "longer than 64", "src:3: ", "empty",
		   "src:4: container id \"a?b\"", "control");
	inv_part_free(p);
}
END_TEST

/* What two people read alike is one id, or none. */
START_TEST(inv_part_container_hidden_characters_refused)
{
	static const char *const bad[] = {
		"101\xc2\xa0",
		"1\xc2\xad"
		"01",
		"\xe2\x80\x8b"
		"101",
		"101\xe2\x80\x8e",
		"101\xe2\x80\xaf",
		"101\xe2\x81\xa0",
		"101\xe2\x80\xae",
		"101\xe3\x80\x80",
		"\xef\xbb\xbf"
		"101",
		"101\xe2\x80\x87",
		"101\xe2\x80\xa8",
		"101\xe3\x85\xa4",
		"e\xcc\x81",
		"101\xef\xb8\x8f",
		"101\xe1\x9a\x80",
		"101\xf3\xa0\x80\xa0",
		"101\xf0\x9f\xbf\xbe",
		"101\xef\xbf\xbf",
		" 101",
		"101 ",
	};
	static const char *const good[] = { "\xc3\xa9", "a b", "\xe0\xa4\x95\xe0\xa4\xbf",
					    "\xe2\x82\xac", "\xc2\xae" };
	struct inv_part *p = part();
	const char *first;

	log_capture();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_msg(inv_part_container(p, (unsigned)i + 1, bad[i], NULL,
						 INV_RUN_UNKNOWN) == -EINVAL,
			      "%zu", i);
		ck_assert_uint_eq(inv_part_doubts(p, &first), i + 1);
	}
	EXPECT_LOG(ARRAY_LEN(bad), "U+00A0, which looks like a space",
		   "U+200E, which is invisible by itself", "begins or ends with a blank");
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(inv_part_container(p, 99, good[i], NULL, INV_RUN_UNKNOWN) == 0, "%zu",
			      i);
	inv_part_free(p);
}
END_TEST

START_TEST(inv_part_container_utf8_checked)
{
	static const char *const bad[] = {
		"\xff",
		"\x80",
		"\xc3",
		"\xc0\xaf", /* overlong */
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xe2\x82",
		"\xc3(",
	};
	static const char *const good[] = { "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
					    "\xf4\x8f\xbf\xbd", "\xed\x9f\xbf" };
	struct inv_part *p = part();

	log_capture();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(inv_part_container(p, 0, bad[i], NULL, INV_RUN_UNKNOWN), -EINVAL);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_int_eq(inv_part_container(p, 0, good[i], NULL, INV_RUN_UNKNOWN), 0);
	inv_part_free(p);
}
END_TEST

START_TEST(inv_part_container_bad_names_cleaned_and_cut)
{
	struct inv_part *p = part();
	char name[400], *text;

	inv_part_container(p, 0, "1", "a\nb\xff\xc3\xa4", INV_RUN_UNKNOWN);
	expect_part(p, "1[a?b?\xc3\xa4,unknown]");
	inv_part_free(p);

	/* 254 octets and a two-octet character: cut before it, not within. */
	p = part();
	memset(name, 'n', 254);
	strcpy(name + 254, "\xc3\xa4tail");
	inv_part_container(p, 0, "1", name, INV_RUN_UNKNOWN);
	name[254] = '\0';
	text = part_text(p);
	ck_assert_uint_eq(strlen(text), 254 + strlen("1[,unknown]"));
	ck_assert(!strncmp(text + 2, name, 254));
	free(text);
	inv_part_free(p);
}
END_TEST

START_TEST(inv_part_take_names_names_only_what_is_there)
{
	struct inv_part *p = part(), *names = part();

	inv_part_container(p, 0, "103", NULL, INV_RUN_STOPPED);
	inv_part_container(p, 0, "101", NULL, INV_RUN_RUNNING);
	inv_part_address(p, 0, "192.0.2.1");
	inv_part_container(p, 0, "102", "own", INV_RUN_RUNNING);
	inv_part_container(p, 0, "101", NULL, INV_RUN_RUNNING);
	inv_part_address(p, 0, "192.0.2.2");
	inv_part_take_names(p, NULL);
	inv_part_container(names, 0, "101", "one", INV_RUN_UNKNOWN);
	inv_part_container(names, 0, "101", "forged", INV_RUN_UNKNOWN);
	inv_part_container(names, 0, "102", "two", INV_RUN_UNKNOWN);
	inv_part_container(names, 0, "104", "four", INV_RUN_UNKNOWN);
	inv_part_address(names, 0, "192.0.2.4");
	inv_part_take_names(p, names);
	inv_part_free(names);
	expect_part(p, "101[one,running] 192.0.2.1 192.0.2.2; 102[own,running]; 103[-,stopped]");
	inv_part_free(p);
}
END_TEST

START_TEST(inv_part_address_unusable_refused)
{
	static const char *const unfit[] = {
		"0.0.0.0",          "0.0.0.0/0",   "127.0.0.1", "169.254.1.1", "224.0.0.1",
		"255.255.255.255",  "::",          "::1",       "fe80::1",     "ff02::1",
		"::ffff:127.0.0.1", "::192.0.2.1", "fe80::/64", "::/0"
	};
	static const char *const unreadable[] = { "10.0.0",
						  "10.0.0.1/33",
						  "",
						  "host",
						  "2001:db8::/129",
						  "1.2.3.4/",
						  "01.2.3.4",
						  "1.2.03.4",
						  "1.2.3.4/+24",
						  "1.2.3.4/255.0.255.0",
						  "2001:db8::1%eth0",
						  "1.2.3.4-9",
						  "1.2.3.4\xe2\x80\x8b" };
	struct inv_part *p = part();

	log_capture();
	inv_part_container(p, 7, "101", NULL, INV_RUN_UNKNOWN);
	for (size_t i = 0; i < ARRAY_LEN(unfit); i++)
		ck_assert_msg(inv_part_address(p, 7, unfit[i]) == -EADDRNOTAVAIL, "%s", unfit[i]);
	for (size_t i = 0; i < ARRAY_LEN(unreadable); i++)
		ck_assert_msg(inv_part_address(p, 7, unreadable[i]) == -EINVAL, "%s",
			      unreadable[i]);
	EXPECT_LOG(ARRAY_LEN(unfit) + ARRAY_LEN(unreadable),
		   "src:7: address \"0.0.0.0\" of container 101 refused: unspecified", "loopback",
		   "link-local", "multicast", "IPv4-compatible", "not an IPv4 or IPv6 address",
		   "a zone (%)", "it has U+200B, which looks like");
	ck_assert_uint_eq(inv_part_addresses(p), 0);
	inv_part_free(p);
}
END_TEST

/* Whoever writes a network wants all of it counted. */
START_TEST(inv_part_address_network_refused_and_doubted)
{
	static const char *const networks[] = {
		"192.0.2.128/28",       "192.0.2.0/24",    "192.0.2.0/255.255.255.0",
		"10.0.0.0/8",           "192.0.2.4/30",    "2001:db8:1:5::/64",
		"2001:db8::/32",        "2001:DB8::4/126", "192.0.0.0/2",
		"::ffff:192.0.2.0/120",
	};
	static const char *const hosts[] = {
		"192.0.2.102/24",
		"192.0.2.0",
		"192.0.2.0/32",
		"192.0.2.2/31",
		"192.0.2.3/31",
		"192.0.2.1/0",
		"192.0.2.4/255.255.255.255",
		"2001:db8::/128",
		"2001:db8::2/127",
		"2001:db8:1:5::1/64",
		"2001:db8:1:5::",
		"192.0.2.143/28",
		"::ffff:192.0.2.1/128",
	};
	struct inv_part *p = part();
	const char *first;

	log_capture();
	inv_part_container(p, 7, "101", NULL, INV_RUN_UNKNOWN);
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		ck_assert_msg(inv_part_address(p, 7, hosts[i]) == 0, "%s", hosts[i]);
	ck_assert_uint_eq(inv_part_doubts(p, &first), 0);
	EXPECT_LOG(0, "");
	for (size_t i = 0; i < ARRAY_LEN(networks); i++)
		ck_assert_msg(inv_part_address(p, 7, networks[i]) == -EINVAL, "%s", networks[i]);
	EXPECT_LOG(ARRAY_LEN(networks),
		   "src:7: address \"192.0.2.128/28\" of container 101 refused: it is a network");
	ck_assert_uint_eq(inv_part_doubts(p, &first), 1);
	ck_assert_msg(strstr(first, "line 7: address \"192.0.2.128/28\"") != NULL, "%s", first);
	ck_assert_uint_eq(inv_part_addresses(p), ARRAY_LEN(hosts));
	inv_part_free(p);
}
END_TEST

START_TEST(inv_part_doubt_counts_lines_and_is_merged)
{
	struct inv_part *p[] = { part(), part() };
	struct inventory *inv;
	const char *first;

	inv_part_container(p[0], 0, "101", NULL, INV_RUN_UNKNOWN);
	ck_assert_uint_eq(inv_part_doubts(p[0], &first), 0);
	inv = inv_merge(p, 2, 10, NULL);
	ck_assert(inv->complete && !inv->doubtful);
	inv_free(inv);
	log_capture();
	inv_part_complain(p[1], 3, "line left out: it is a joke");
	inv_part_doubt(p[1], 3);
	inv_part_doubt(p[1], 3);
	inv_part_complain(p[1], 5, "another one");
	inv_part_doubt(p[1], 5);
	ck_assert_uint_eq(inv_part_doubts(p[1], &first), 2);
	ck_assert_str_eq(first, "line 3 left out: it is a joke");
	inv = inv_merge(p, 2, 10, NULL);
	ck_assert(inv->complete && inv->doubtful);
	inv_free(inv);
	inv_part_free(p[0]);
	inv_part_free(p[1]);
}
END_TEST

START_TEST(inv_part_address_of_refused_container_swallowed)
{
	struct inv_part *p = part();

	log_capture();
	inv_part_container(p, 1, "101", NULL, INV_RUN_UNKNOWN);
	inv_part_container(p, 2, "", NULL, INV_RUN_UNKNOWN);
	ck_assert_int_eq(inv_part_address(p, 2, "192.0.2.1"), -EADDRNOTAVAIL);
	inv_part_container(p, 3, "102", NULL, INV_RUN_UNKNOWN);
	ck_assert_int_eq(inv_part_address(p, 3, "192.0.2.2"), 0);
	expect_part(p, "(doubtful); 101[-,unknown]; 102[-,unknown] 192.0.2.2");
	EXPECT_LOG(1, "src:2:");
	inv_part_free(p);
}
END_TEST

START_TEST(inv_part_address_masks_stripped_mapped_folded)
{
	struct inv_part *p = part();

	inv_part_container(p, 0, "101", NULL, INV_RUN_UNKNOWN);
	ck_assert_int_eq(inv_part_address(p, 0, "192.0.2.1/24"), 0);
	ck_assert_int_eq(inv_part_address(p, 0, "192.0.2.1/255.255.255.0"), 0);
	ck_assert_int_eq(inv_part_address(p, 0, "::ffff:192.0.2.1"), 0);
	ck_assert_int_eq(inv_part_address(p, 0, "2001:db8::1/64"), 0);
	ck_assert_int_eq(inv_part_address(p, 0, "2001:0db8:0000:0000:0000:0000:0000:0001"), 0);
	expect_part(p, "101[-,unknown] 192.0.2.1 2001:db8::1");
	inv_part_free(p);
}
END_TEST

static void look(struct inv_log *log, const char *const *ids, size_t n, bool whole)
{
	struct inv_part *p = inv_part_new("src", log);

	for (unsigned i = 0; i < n; i++)
		inv_part_complain(p, i + 1, "bad thing %s", ids[i]);
	inv_log_end(log, whole, 1);
	inv_part_free(p);
}

START_TEST(inv_log_same_complaint_logged_once)
{
	static const char *const a[] = { "a", "b" }, *const b[] = { "x", "a", "b" };
	struct inv_log *log = inv_log_new();

	log_capture();
	look(log, a, 2, true);
	EXPECT_LOG(2, "src:1: bad thing a", "src:2: bad thing b");
	look(log, a, 2, true);
	EXPECT_LOG(0, "");
	look(log, b, 3, true); /* the old ones have moved down a line */
	EXPECT_LOG(1, "src:1: bad thing x");
	look(log, b, 0, false); /* a broken look forgets nothing */
	look(log, b, 0, false);
	look(log, b, 3, true);
	EXPECT_LOG(0, "");
	look(log, b, 0, true); /* a good one without them does */
	look(log, b, 3, true);
	EXPECT_LOG(3, "bad thing x", "bad thing a");
	inv_log_free(log);
}
END_TEST

START_TEST(inv_log_flood_capped)
{
	struct inv_log *log = inv_log_new();
	struct inv_part *p = inv_part_new("src", log);

	log_capture();
	for (unsigned i = 0; i < 30000; i++)
		inv_part_complain(p, i + 1, "bad thing %u", i);
	inv_log_end(log, true, 1);
	EXPECT_LOG(INV_COMPLAINTS_MAX + 1, "src:20: bad thing 19", "29980 further complaints");
	inv_part_free(p);
	inv_log_free(log);
}
END_TEST

START_TEST(inv_id_cmp_order_shorter_first)
{
	ck_assert_int_lt(inv_id_cmp("9", "10"), 0);
	ck_assert_int_lt(inv_id_cmp("10", "11"), 0);
	ck_assert_int_gt(inv_id_cmp("b", "a"), 0);
	ck_assert_int_gt(inv_id_cmp("\xc3", "z"), 0);
	ck_assert_int_eq(inv_id_cmp("abc", "abc"), 0);
}
END_TEST

START_TEST(inv_merge_two_parts_folded_and_sorted)
{
	struct inv_part *p[2] = { part(), part() };
	struct inventory *inv;
	char *text;

	inv_part_container(p[0], 0, "1000", "", INV_RUN_UNKNOWN);
	inv_part_address(p[0], 0, "2001:db8::5");
	inv_part_address(p[0], 0, "192.0.2.9");
	inv_part_container(p[0], 0, "101", "web", INV_RUN_RUNNING);
	inv_part_address(p[0], 0, "192.0.2.10");
	inv_part_container(p[1], 0, "101", "other", INV_RUN_STOPPED);
	inv_part_address(p[1], 0, "192.0.2.2");
	inv_part_address(p[1], 0, "192.0.2.10");
	inv_part_container(p[1], 0, "1000", "late", INV_RUN_STOPPED);
	inv_part_address(p[1], 0, "192.0.2.9");
	inv = inv_merge(p, 2, 100, NULL);
	text = inv_text(inv);
	ck_assert_str_eq(text, "101[web,running] 192.0.2.2 192.0.2.10; "
			       "1000[late,stopped] 192.0.2.9 2001:db8::5");
	free(text);
	inv_free(inv);
	inv_part_free(p[0]);
	inv_part_free(p[1]);
}
END_TEST

START_TEST(inv_merge_address_of_two_containers_conflict)
{
	struct inv_part *p[2] = { part(), part() };
	struct inventory *inv;
	char *text;

	inv_part_container(p[0], 0, "101", NULL, INV_RUN_UNKNOWN);
	inv_part_address(p[0], 0, "192.0.2.1");
	inv_part_address(p[0], 0, "192.0.2.2");
	inv_part_container(p[1], 0, "102", NULL, INV_RUN_UNKNOWN);
	inv_part_address(p[1], 0, "192.0.2.1/32");
	inv_part_container(p[1], 0, "103", NULL, INV_RUN_UNKNOWN);
	inv_part_address(p[1], 0, "192.0.2.1");
	inv = inv_merge(p, 2, 100, NULL);
	text = inv_text(inv);
	ck_assert_str_eq(text, "101[-,unknown] 192.0.2.1! 192.0.2.2; 102[-,unknown] 192.0.2.1!; "
			       "103[-,unknown] 192.0.2.1!");
	free(text);
	inv_free(inv);
	inv_part_free(p[0]);
	inv_part_free(p[1]);
}
END_TEST

/* Whoever names it, the one who is believed most counts, and the first pid. */
START_TEST(inv_merge_ranks_and_pids_folded)
{
	for (int i = 0; i < 2; i++) {
		struct inv_part *a = part(), *b = part(), *both[] = { i ? b : a, i ? a : b };
		struct inventory *inv;

		inv_part_container(a, 0, "1", NULL, INV_RUN_RUNNING);
		inv_part_pid(a, 77);
		inv_part_rank(a, INV_FOUND);
		inv_part_address(a, 0, "192.0.2.1");
		inv_part_address(a, 0, "192.0.2.2");
		inv_part_container(a, 0, "2", NULL, INV_RUN_RUNNING);
		inv_part_pid(a, -1);
		inv_part_address(a, 0, "192.0.2.3");
		inv_part_container(b, 0, "1", NULL, INV_RUN_RUNNING);
		inv_part_address(b, 0, "192.0.2.1");
		inv = inv_merge(both, 2, SIZE_MAX, NULL);
		ck_assert_int_eq(inv->containers[0].pid, 77);
		ck_assert_int_eq(inv->containers[1].pid, 0);
		ck_assert_uint_eq(inv->n_addresses, 3);
		ck_assert_int_eq(inv->addresses[0].rank, INV_ASSIGNED);
		ck_assert_int_eq(inv->addresses[1].rank, INV_FOUND);
		ck_assert_int_eq(inv->addresses[2].rank, INV_ASSIGNED);
		inv_free(inv);
		inv_part_free(a);
		inv_part_free(b);
	}
}
END_TEST

START_TEST(inv_merge_missing_part_incomplete)
{
	struct inv_part *p[2] = { part(), NULL };
	struct inventory *inv = inv_merge(p, 1, 100, NULL);

	ck_assert(inv->complete);
	inv_free(inv);
	inv = inv_merge(p, 2, 100, NULL);
	ck_assert(!inv->complete);
	inv_free(inv);
	inv_part_free(p[0]);
}
END_TEST

START_TEST(inv_merge_over_max_rows_highest_left_out)
{
	struct inv_part *p = part();
	struct inventory *inv;
	size_t refused = 99;
	char *text;

	inv_part_container(p, 0, "101", NULL, INV_RUN_UNKNOWN);
	inv_part_address(p, 0, "192.0.2.3");
	inv_part_address(p, 0, "2001:db8::1");
	inv_part_address(p, 0, "192.0.2.1");
	inv_part_address(p, 0, "192.0.2.2");
	inv_part_address(p, 0, "192.0.2.1");
	inv = inv_merge(&p, 1, 4, &refused);
	ck_assert_uint_eq(refused, 0);
	inv_free(inv);
	inv = inv_merge(&p, 1, 2, &refused);
	ck_assert_uint_eq(refused, 2);
	text = inv_text(inv);
	ck_assert_str_eq(text, "101[-,unknown] 192.0.2.1 192.0.2.2");
	free(text);
	inv_free(inv);
	inv_part_free(p);
}
END_TEST

/* Against a plain model: who[c][a] for few containers and addresses, in any order, in 3 parts. */
START_TEST(inv_merge_random_parts_as_model)
{
	enum { CONTAINERS = 12, ADDRESSES = 20, ROUNDS = 300 };

	seed_random();
	for (int round = 0; round < ROUNDS; round++) {
		bool who[CONTAINERS][ADDRESSES] = { { false } }, known[CONTAINERS] = { false };
		struct inv_part *p[3] = { part(), part(), part() };
		struct inventory *inv;
		size_t n = 0, containers = 0;

		for (size_t i = random_below(60); i; i--) {
			size_t c = random_below(CONTAINERS), a = random_below(ADDRESSES);
			struct inv_part *to = p[random_below(3)];
			char id[16], addr[32];

			snprintf(id, sizeof(id), "%zu", c * 9);
			snprintf(addr, sizeof(addr), a % 2 ? "10.0.%zu.1" : "2001:db8::%zx", a + 1);
			ck_assert_int_eq(inv_part_container(to, 0, id, NULL, INV_RUN_RUNNING), 0);
			known[c] = true;
			if (random_below(5)) {
				ck_assert_int_eq(inv_part_address(to, 0, addr), 0);
				who[c][a] = true;
			}
		}
		inv = inv_merge(p, 3, 1000, NULL);
		for (size_t i = 0; i < inv->n_containers; i++) {
			ck_assert(known[strtoul(inv->containers[i].id, NULL, 10) / 9]);
			ck_assert(!i ||
				  inv_id_cmp(inv->containers[i - 1].id, inv->containers[i].id) < 0);
		}
		for (size_t i = 0; i < inv->n_addresses; i++) {
			const struct inv_address *x = &inv->addresses[i];
			size_t c = strtoul(inv->containers[x->container].id, NULL, 10) / 9;
			size_t a = x->addr.family == ADDR_V4 ? x->addr.bytes[2] : x->addr.bytes[15];
			size_t claims = 0;

			for (size_t k = 0; k < CONTAINERS; k++)
				claims += who[k][a - 1];
			ck_assert(who[c][a - 1]);
			ck_assert_int_eq(x->conflict, claims > 1);
			ck_assert(!i || addr_cmp(&x[-1].addr, &x->addr) < 0 ||
				  (!addr_cmp(&x[-1].addr, &x->addr) &&
				   x[-1].container < x->container));
		}
		for (size_t c = 0; c < CONTAINERS; c++) {
			containers += known[c];
			for (size_t a = 0; a < ADDRESSES; a++)
				n += who[c][a];
		}
		ck_assert_uint_eq(inv->n_containers, containers);
		ck_assert_uint_eq(inv->n_addresses, n);
		inv_free(inv);
		for (int i = 0; i < 3; i++)
			inv_part_free(p[i]);
	}
}
END_TEST

START_TEST(inv_part_limit_is_kept_and_told)
{
	struct inv_part *p = inv_part_new("src", NULL);

	inv_part_limit(p, 2);
	ck_assert_int_eq(inv_part_container(p, 1, "1", NULL, INV_RUN_RUNNING), 0);
	ck_assert_int_eq(inv_part_address(p, 1, "192.0.2.1"), 0);
	ck_assert_int_eq(inv_part_container(p, 2, "2", NULL, INV_RUN_RUNNING), 0);
	ck_assert_int_eq(inv_part_address(p, 2, "192.0.2.2"), 0);
	ck_assert(!inv_part_is_over(p));
	ck_assert_int_eq(inv_part_address(p, 2, "192.0.2.3"), -EADDRNOTAVAIL);
	ck_assert(inv_part_is_over(p));
	ck_assert_int_eq(inv_part_container(p, 3, "3", NULL, INV_RUN_RUNNING), -EINVAL);
	ck_assert_int_eq(inv_part_address(p, 3, "192.0.2.4"), -EADDRNOTAVAIL);
	ck_assert_uint_eq(inv_part_containers(p), 2);
	ck_assert_uint_eq(inv_part_addresses(p), 2);
	inv_part_free(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("inv");
	TCase *t = tcase_create("inv");

	tcase_add_test(t, inv_part_container_bad_ids_refused);
	tcase_add_test(t, inv_part_container_hidden_characters_refused);
	tcase_add_test(t, inv_part_container_utf8_checked);
	tcase_add_test(t, inv_part_container_bad_names_cleaned_and_cut);
	tcase_add_test(t, inv_part_take_names_names_only_what_is_there);
	tcase_add_test(t, inv_part_address_unusable_refused);
	tcase_add_test(t, inv_part_address_network_refused_and_doubted);
	tcase_add_test(t, inv_part_doubt_counts_lines_and_is_merged);
	tcase_add_test(t, inv_part_address_of_refused_container_swallowed);
	tcase_add_test(t, inv_part_address_masks_stripped_mapped_folded);
	tcase_add_test(t, inv_log_same_complaint_logged_once);
	tcase_add_test(t, inv_log_flood_capped);
	tcase_add_test(t, inv_id_cmp_order_shorter_first);
	tcase_add_test(t, inv_part_limit_is_kept_and_told);
	tcase_add_test(t, inv_merge_two_parts_folded_and_sorted);
	tcase_add_test(t, inv_merge_address_of_two_containers_conflict);
	tcase_add_test(t, inv_merge_ranks_and_pids_folded);
	tcase_add_test(t, inv_merge_missing_part_incomplete);
	tcase_add_test(t, inv_merge_over_max_rows_highest_left_out);
	tcase_add_test(t, inv_merge_random_parts_as_model);
	suite_add_tcase(s, t);
	return run_suite(s);
}
