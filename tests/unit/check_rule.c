/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The prefix tree, walked as the kernel walks it (ip_tables.c: a goto does not push, RETURN and a
 * chain's end pop). */
#include "addrs.h"
#include "netfilter/iptables/rule.h"

#include <check.h>

struct walk {
	const struct ruleset *rs;
	const struct addr *src, *dst;
	unsigned counted[PATHS]; /* how often a counting rule of that path matched */
	unsigned strangers; /* counting rules of another address that matched */
	unsigned steps;
};

static bool matches(const struct rule *r, const struct walk *w)
{
	const struct addr *a = r->match == RULE_MATCH_SRC ? w->src : w->dst;
	struct addr prefix;

	if (r->match == RULE_MATCH_ALL || r->match == RULE_MATCH_NONE)
		return r->match == RULE_MATCH_ALL;
	prefix = addr_prefix(a, r->plen);
	return !memcmp(prefix.bytes, r->addr.bytes, 16);
}

static void count(struct walk *w, const char *chain, const struct rule *r)
{
	enum hook hook;
	enum path path;
	uint64_t epoch;

	ck_assert_int_eq(rule_name_parse(chain, &hook, &epoch, &path), RULE_NAME_TREE);
	ck_assert_int_eq(r->match, rule_path_match(path));
	w->counted[path]++;
	w->strangers += addr_cmp(&r->addr, r->match == RULE_MATCH_SRC ? w->src : w->dst) != 0;
}

static void walk_chain(struct walk *w, uint32_t chain)
{
	const struct rule_chain *c = &w->rs->chains[chain];

	for (uint32_t i = c->first; i < c->first + c->n; i++) {
		const struct rule *r = &w->rs->rules[i];

		w->steps++;
		if (!matches(r, w))
			continue;
		ck_assert_int_ne(r->kind, RULE_CANARY); /* invariant 2 */
		if (r->kind == RULE_COUNT)
			count(w, c->name, r);
		if (r->kind == RULE_COUNT || r->kind == RULE_STOP)
			return;
		walk_chain(w, r->chain);
		if (r->kind == RULE_GOTO)
			return;
	}
}

static struct walk walk(const struct ruleset *rs, enum hook hook, const struct addr *src,
			const struct addr *dst)
{
	struct walk w = { .rs = rs, .src = src, .dst = dst };

	walk_chain(&w, (uint32_t)rs->root[hook]);
	return w;
}

static bool contains(const struct addr *addrs, size_t n, const struct addr *a)
{
	return n && bsearch(a, addrs, n, sizeof(*a), addr_qsort_cmp);
}

static void check_packet(const struct ruleset *rs, const struct addr *addrs, size_t n,
			 const struct addr *src, const struct addr *dst)
{
	unsigned from = contains(addrs, n, src), to = contains(addrs, n, dst);
	struct walk fwd = walk(rs, HOOK_FORWARD, src, dst);
	struct walk in = walk(rs, HOOK_INPUT, src, dst);
	struct walk out = walk(rs, HOOK_OUTPUT, src, dst);

	ck_assert_uint_eq(fwd.counted[PATH_FWD_OUT], from);
	ck_assert_uint_eq(fwd.counted[PATH_FWD_IN], to);
	ck_assert_uint_eq(in.counted[PATH_NODE_OUT], from);
	ck_assert_uint_eq(out.counted[PATH_NODE_IN], to);
	ck_assert_uint_eq(fwd.strangers + in.strangers + out.strangers, 0);
}

START_TEST(ruleset_build_random_packet_counted_once)
{
	uint64_t seed = seed_random("ruleset_build_random_packet_counted_once");

	for (int round = 0; round < 60; round++) {
		enum addr_family family = round % 2;
		unsigned bits = (unsigned)addr_octets(family) * 8;
		unsigned spread = 1 + (unsigned)(next_random(&seed) % (bits - 8));
		size_t n, want = 1 + next_random(&seed) % (round < 50 ? 90 : 3000);
		struct addr *addrs = random_addrs(family, want, spread, &seed, &n);
		struct ruleset *rs = ruleset_build(family, addrs, n, true, 7);

		for (int packet = 0; packet < 300; packet++) {
			struct addr src = addrs[next_random(&seed) % n];
			struct addr dst = addrs[next_random(&seed) % n];
			unsigned bit = (unsigned)(next_random(&seed) % bits);

			if (packet % 3 == 0) /* a neighbour, mostly not of ours */
				src.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			check_packet(rs, addrs, n, &src, &dst);
		}
		ruleset_free(rs);
		free(addrs);
	}
}
END_TEST

START_TEST(ruleset_build_random_names_sorted_parsed_short)
{
	uint64_t seed = seed_random("ruleset_build_random_names_sorted_parsed_short");

	for (int round = 0; round < 20; round++) {
		size_t n;
		struct addr *addrs = random_addrs(round % 2, 3000, 24, &seed, &n);
		struct ruleset *rs = ruleset_build(round % 2, addrs, n, round % 3, 0xabcdef);

		for (size_t i = 0; i < rs->n_chains; i++) {
			const struct rule_chain *c = &rs->chains[i];
			enum hook hook;
			enum path path;
			uint64_t epoch = 0;

			ck_assert_uint_gt(c->n, 1);
			ck_assert_uint_le(c->n, 32 + 1);
			ck_assert_int_eq(rs->rules[c->first + c->n - 1].kind, RULE_CANARY);
			ck_assert_uint_le(strlen(c->name), 28);
			if (i)
				ck_assert_str_lt(rs->chains[i - 1].name, c->name);
			if (rule_name_parse(c->name, &hook, &epoch, &path) == RULE_NAME_ROOT) {
				ck_assert_int_eq(rs->root[hook], (int)i);
				ck_assert_uint_eq(epoch, 0xabcdef);
			}
			ck_assert_int_ne(rule_name_parse(c->name, &hook, &epoch, &path),
					 RULE_NAME_FOREIGN);
		}
		ruleset_free(rs);
		free(addrs);
	}
}
END_TEST

START_TEST(ruleset_build_ten_thousand_entries_within_reach)
{
	struct addr *addrs = xcalloc(10000, sizeof(*addrs));
	struct ruleset *rs;
	uint64_t seed = 1;
	size_t n;

	for (unsigned i = 0; i < 10000; i++) {
		addrs[i] = addr_of("10.0.0.0");
		addrs[i].bytes[2] = (uint8_t)(i >> 8);
		addrs[i].bytes[3] = (uint8_t)i;
	}
	rs = ruleset_build(ADDR_V4, addrs, 10000, true, 1);
	/* a chain's head and end, and the table's own eleven entries */
	ck_assert_uint_le(rs->n_rules + 2 * rs->n_chains + 11, 45800);
	ruleset_free(rs);
	free(addrs);
	addrs = random_addrs(ADDR_V4, 10000, 32, &seed, &n);
	rs = ruleset_build(ADDR_V4, addrs, n, true, 1);
	ck_assert_uint_le(rs->n_rules + 2 * rs->n_chains + 11, 49400);
	ruleset_free(rs);
	free(addrs);
}
END_TEST

START_TEST(ruleset_build_no_addresses_wants_nothing)
{
	struct ruleset *rs = ruleset_build(ADDR_V6, NULL, 0, true, 1);

	ck_assert_uint_eq(rs->n_chains, 0);
	ck_assert_uint_eq(rs->n_rules, 0);
	for (enum hook h = 0; h < HOOKS; h++)
		ck_assert_int_eq(rs->root[h], -1);
	ruleset_free(rs);
}
END_TEST

START_TEST(ruleset_build_without_node_traffic_only_forward)
{
	struct addr a = addr_of("192.0.2.1");
	struct ruleset *rs = ruleset_build(ADDR_V4, &a, 1, false, 1);

	ck_assert_int_ge(rs->root[HOOK_FORWARD], 0);
	ck_assert_int_eq(rs->root[HOOK_INPUT], -1);
	ck_assert_int_eq(rs->root[HOOK_OUTPUT], -1);
	ck_assert_uint_eq(rs->n_chains, 3); /* the root and two trees */
	ruleset_free(rs);
}
END_TEST

START_TEST(ruleset_set_epoch_renames_roots_only)
{
	struct addr addrs[] = { addr_of("192.0.2.1"), addr_of("192.0.2.200") };
	struct ruleset *a = ruleset_build(ADDR_V4, addrs, 2, true, 9);
	struct ruleset *b = ruleset_build(ADDR_V4, addrs, 2, true, 0xfff0);

	ruleset_set_epoch(a, 0xfff0);
	ck_assert_uint_eq(a->n_chains, b->n_chains);
	for (size_t i = 0; i < a->n_chains; i++) {
		ck_assert_str_eq(a->chains[i].name, b->chains[i].name);
		ck_assert_uint_eq(a->chains[i].digest, b->chains[i].digest);
	}
	ruleset_free(a);
	ruleset_free(b);
}
END_TEST

START_TEST(rule_canary_octets_any_epoch_never_zero_nor_same)
{
	for (uint64_t epoch = 1; epoch < 100000; epoch++) {
		ck_assert_uint_ne(rule_canary_octets(epoch), 0);
		ck_assert_uint_ne(rule_canary_octets(epoch), rule_canary_octets(epoch + 1));
	}
}
END_TEST

START_TEST(rule_name_parse_strangers_are_foreign)
{
	static const char *const names[] = { "",
					     "FORWARD",
					     "ctm",
					     "ctmx",
					     "ctm-",
					     "ctm-FORWARD",
					     "ctm-FORWARD-",
					     "ctm-FORWARD-xyz",
					     "ctm-INPUT-1g",
					     "ctm-x-10.0.0.0/8",
					     "CTM-d",
					     "ctmQ00",
					     "ctm-POSTROUTING-1" };
	enum hook hook;
	enum path path;
	uint64_t epoch;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		ck_assert_msg(rule_name_parse(names[i], &hook, &epoch, &path) == RULE_NAME_FOREIGN,
			      "\"%s\" is not ours", names[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rule");
	TCase *tc = tcase_create("rule");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, ruleset_build_random_packet_counted_once);
	tcase_add_test(tc, ruleset_build_random_names_sorted_parsed_short);
	tcase_add_test(tc, ruleset_build_ten_thousand_entries_within_reach);
	tcase_add_test(tc, ruleset_build_no_addresses_wants_nothing);
	tcase_add_test(tc, ruleset_build_without_node_traffic_only_forward);
	tcase_add_test(tc, ruleset_set_epoch_renames_roots_only);
	tcase_add_test(tc, rule_canary_octets_any_epoch_never_zero_nor_same);
	tcase_add_test(tc, rule_name_parse_strangers_are_foreign);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
