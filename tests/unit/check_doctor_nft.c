/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nft's JSON says: drops before us, flowtables, guards, tables of iptables-nft. */
#include "base/xalloc.h"
#include "doctor/doctor_nft.h"
#include "seed.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rule sets, a line an item: "base FAMILY TABLE CHAIN HOOK PRIORITY POLICY", "chain FAMILY
 * TABLE CHAIN", "rule FAMILY TABLE CHAIN EXPRESSIONS" in JSON with ' for ", "flowtable FAMILY TABLE
 * NAME" ---- */

static json_t *named(const char *family, const char *table, const char *key, const char *name)
{
	return json_pack("{s:s, s:s, s:s, s:i}", "family", family, "table", table, key, name,
			 "handle", 7);
}

static json_t *expressions(const char *text)
{
	char *copy = xasprintf("[%s]", text);
	json_error_t error;
	json_t *j;

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	j = json_loads(copy, 0, &error);
	ck_assert_msg(j, "%s: %s", copy, error.text);
	free(copy);
	return j;
}

static json_t *item_of(const char *line)
{
	char kind[16], family[16], table[16], name[16], hook[16] = "", policy[16] = "";
	int prio = 0, at = 0;
	json_t *j;

	ck_assert_int_ge(sscanf(line, "%15s %15s %15s %15s %n", kind, family, table, name, &at), 4);
	j = named(family, table, strcmp(kind, "rule") ? "name" : "chain", name);
	if (!strcmp(kind, "rule")) {
		json_object_set_new(j, "expr", expressions(line + at));
	} else if (!strcmp(kind, "base")) {
		ck_assert_int_eq(sscanf(line + at, "%15s %d %15s", hook, &prio, policy), 3);
		json_object_set_new(j, "hook", json_string(hook));
		json_object_set_new(j, "prio", json_integer(prio));
		json_object_set_new(j, "policy", json_string(policy));
		snprintf(kind, sizeof(kind), "chain");
	}
	return json_pack("{s:o}", kind, j);
}

static struct nft_view *view_of(const char *lines)
{
	json_t *list = json_pack("[{s:{s:s}}]", "metainfo", "version", "1.0.6");
	json_t *set = json_pack("{s:o}", "nftables", list);
	char *copy = xstrdup(lines), *save = NULL, *text;
	struct nft_view *v;

	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		json_array_append_new(list, item_of(l));
	text = json_dumps(set, 0);
	v = nft_view_new(text);
	ck_assert_msg(v, "%s", text);
	free(text);
	free(copy);
	json_decref(set);
	return v;
}

#define C "base inet t c forward -200 accept\n"
#define DROP "{'drop': null}\n"
#define FIB(result, flags, op, right)                                         \
	"{'match': {'op': '" op "', 'left': {'fib': {'result': '" result "'," \
	" 'flags': [" flags "]}}, 'right': " right "}}, "
#define GUARD FIB("oif", "'saddr', 'iif'", "==", "false") DROP

/* Chains that drop before mangle's, as "table.chain ..." */
static void assert_drops(const char *items, int priority, const char *expected)
{
	struct nft_view *v = view_of(items);
	const struct nft_drop *drops;
	size_t n = nft_view_drops(v, priority, &drops);
	char text[256] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s.%s", i ? " " : "",
			 drops[i].table, drops[i].chain);
	ck_assert_str_eq(text, expected);
	nft_view_free(v);
}

START_TEST(nft_view_drops_by_hook_and_priority)
{
	assert_drops("", -150, "");
	assert_drops("base inet t c forward -150 accept", -150, "");
	assert_drops("base inet t c forward -150 drop", -150, "t.c");
	assert_drops("base inet t c forward -149 drop", -150, "");
	assert_drops("base ip t c forward 0 drop", 0, "t.c");
	assert_drops("base ip6 t c input -200 drop", -150, "t.c");
	assert_drops("base ip6 t c postrouting -200 drop", -150, "");
	assert_drops("base ip t c prerouting 300 drop", -150, "t.c");
	assert_drops("base netdev t c ingress 0 drop", -150, "t.c");
	assert_drops("base bridge t c forward -200 drop", -150, "");
	assert_drops("base arp t c input -200 drop", -150, "");
	assert_drops("base ip t c forward -200 drop\nbase ip6 t d input -200 drop", -150,
		     "t.c t.d");
}
END_TEST

START_TEST(nft_view_drops_by_rules_and_what_they_lead_to)
{
	assert_drops(C "rule inet t c {'match': {'op': '=='}}, {'counter': {'packets': 0}}, " DROP,
		     -150, "t.c");
	assert_drops(C "rule inet t c {'reject': {'type': 'icmpx'}}", -150, "t.c");
	assert_drops(C "rule inet t c {'accept': null}", -150, "");
	/* c -> d -> e, which drops. */
	assert_drops(C "chain inet t d\nchain inet t e\n"
		       "rule inet t c {'jump': {'target': 'd'}}\n"
		       "rule inet t d {'goto': {'target': 'e'}}\n"
		       "rule inet t e " DROP,
		     -150, "t.c");
	/* Another table's e does not matter, nor one that nobody leads to. */
	assert_drops(C "chain inet t e\nchain inet u e\nchain inet t f\n"
		       "rule inet t c {'jump': {'target': 'e'}}\n"
		       "rule inet u e " DROP "rule inet t f " DROP,
		     -150, "");
	/* A verdict map; a chain that leads to itself; one that is not there. */
	assert_drops(C
		     "chain inet t d\n"
		     "rule inet t c {'vmap': {'key': {'meta': {'key': 'iifname'}}, 'data': {'set': "
		     "[['a', {'accept': null}], ['b', {'jump': {'target': 'd'}}]]}}}\n"
		     "rule inet t d {'jump': {'target': 'd'}}\n"
		     "rule inet t d {'jump': {'target': 'gone'}}\n"
		     "rule inet t d " DROP,
		     -150, "t.c");
}
END_TEST

static void assert_guards(const char *lines, bool v4, bool v6)
{
	struct nft_view *v = view_of(lines);

	ck_assert_int_eq(nft_view_guards(v, ADDR_V4), v4);
	ck_assert_int_eq(nft_view_guards(v, ADDR_V6), v6);
	nft_view_free(v);
}

START_TEST(nft_view_guards_are_no_drops)
{
	static const char inet[] = "base inet t p prerouting -300 accept\nrule inet t p " GUARD;

	assert_drops(inet, -150, "");
	assert_guards(inet, true, true);
	assert_guards("base ip6 t p prerouting -300 accept\nrule ip6 t p " GUARD, false, true);
	assert_guards("base ip t p prerouting -300 accept\nrule ip t p " GUARD, true, false);
	assert_guards("base inet t p forward -300 accept\nrule inet t p " GUARD, false, false);
}
END_TEST

/* A rule in prerouting: is it a guard, and is it a drop before us? */
static void assert_rule(const char *rule, bool guards, bool drops)
{
	char *lines = xasprintf("base inet t p prerouting -300 accept\nrule inet t p %s", rule);

	assert_guards(lines, guards, guards);
	assert_drops(lines, -150, drops ? "t.p" : "");
	free(lines);
}

START_TEST(nft_view_guards_look_up_the_way_to_the_source)
{
	assert_rule(FIB("oif", "'saddr', 'iif'", "==", "0") DROP, true, false);
	assert_rule(FIB("oif", "'saddr', 'mark', 'iif'", "!=", "true") DROP, true, false);
	assert_rule(FIB("check", "'saddr', 'iif'", "==", "false") DROP, true, false);
	assert_rule(FIB("oif", "'saddr', 'iif'", "==", "false") "{'reject': null}", true, false);
	/* Loose: what has a way anywhere passes. */
	assert_rule(FIB("oif", "'saddr'", "==", "false") DROP, false, false);
	assert_rule("{'match': {'op': '==', 'left': {'fib': {'result': 'oif', 'flags': 'saddr'}}, "
		    "'right': false}}, " DROP,
		    false, false);
	/* Other questions to the routes are drops as any. */
	assert_rule(FIB("oif", "'saddr', 'iif'", "==", "true") DROP, false, true);
	assert_rule(FIB("oif", "'saddr', 'iif'", "!=", "false") DROP, false, true);
	assert_rule(FIB("oif", "'daddr', 'iif'", "==", "false") DROP, false, true);
	assert_rule(FIB("type", "'daddr'", "==", "'broadcast'") DROP, false, true);
	assert_rule(FIB("type", "'saddr'", "!=", "'unicast'") DROP, false, true);
	assert_rule("{'match': {'op': '==', 'left': {'fib': 7}, 'right': false}}, " DROP, false,
		    true);
	assert_rule(FIB("oif", "'saddr', 'iif'", "==", "false") "{'accept': null}", false, false);
}
END_TEST

START_TEST(nft_view_flows_by_rule)
{
	struct nft_view *v = view_of(C "flowtable inet t ft\n"
				       "rule inet t c {'flow': {'op': 'add', 'flowtable': '@ft'}}");
	const struct nft_flow *flows;

	ck_assert_uint_eq(nft_view_flowtables(v), 1);
	ck_assert_uint_eq(nft_view_flows(v, &flows), 1);
	ck_assert_str_eq(flows[0].flowtable, "ft");
	ck_assert_str_eq(flows[0].chain, "c");
	ck_assert_int_eq(flows[0].handle, 7);
	nft_view_free(v);
	v = view_of("");
	ck_assert_uint_eq(nft_view_flowtables(v), 0);
	ck_assert_uint_eq(nft_view_flows(v, &flows), 0);
	nft_view_free(v);
}
END_TEST

START_TEST(nft_view_compat_rules_are_iptables_nfts)
{
	struct nft_view *v = view_of("base ip filter FORWARD forward 0 accept\n"
				     "rule ip filter FORWARD " DROP "rule ip6 mangle FORWARD " DROP
				     "rule inet filter forward " DROP "rule ip fw x " DROP);

	ck_assert_uint_eq(nft_view_compat_rules(v), 2);
	nft_view_free(v);
}
END_TEST

/* ---- FORWARD, copies, bridges ---- */

START_TEST(nft_view_forward_drop_by_rule_or_policy)
{
	struct nft_view *v = view_of("base ip f pre prerouting -300 drop\n"
				     "base ip6 f fwd forward 0 accept\n"
				     "base inet g fwd forward 10 accept\n"
				     "rule ip6 f fwd {'xt': {'type': 'target', 'name': 'REJECT'}}");
	struct nft_place place = { .family = NULL };

	ck_assert(!nft_view_forward_drop(v, ADDR_V4, &place));
	ck_assert(nft_view_forward_drop(v, ADDR_V6, &place));
	ck_assert_str_eq(place.family, "ip6");
	nft_view_free(v);
	v = view_of("base inet g fwd forward 10 drop\nbase bridge b fwd forward 0 drop");
	ck_assert(nft_view_forward_drop(v, ADDR_V4, &place));
	ck_assert_str_eq(place.table, "g");
	ck_assert(nft_view_forward_drop(v, ADDR_V6, &place));
	nft_view_free(v);
	/* Whether a match is called so is no matter. */
	v = view_of("base ip f fwd forward 0 accept\n"
		    "rule ip f fwd {'xt': {'type': 'match', 'name': 'REJECT'}}");
	ck_assert(!nft_view_forward_drop(v, ADDR_V4, &place));
	nft_view_free(v);
}
END_TEST

START_TEST(nft_view_copies_leave_by_output)
{
	struct nft_view *v = view_of("rule netdev t in {'dup': {'addr': 'eth1'}}\n"
				     "rule ip t fwd {'counter': {'packets': 0, 'bytes': 0}}");
	struct nft_place place = { .family = NULL };

	ck_assert_uint_eq(nft_view_copies(v, &place), 0);
	ck_assert_ptr_null(place.family);
	nft_view_free(v);
	v = view_of("rule ip t fwd {'dup': {'addr': '192.0.2.7'}}\n"
		    "rule ip mangle FORWARD {'xt': {'type': 'target', 'name': 'TEE'}}");
	ck_assert_uint_eq(nft_view_copies(v, &place), 2);
	ck_assert_str_eq(place.chain, "fwd");
	nft_view_free(v);
}
END_TEST

#define SADDR(proto)                                                                            \
	"{'match': {'op': '!=', 'left': {'payload': {'protocol': '" proto "', 'field': 'saddr'" \
	"}}, 'right': 'x'}}"

START_TEST(nft_view_guards_bridges_that_look_at_sources_and_drop)
{
	struct nft_view *v = view_of(
		"base bridge b pre prerouting 0 accept\n"
		"rule bridge b pre " SADDR("ip") ", {'drop': null}\n"
						 "rule ip t pre " SADDR("ip6") ", {'drop': null}");

	ck_assert(nft_view_guards_bridges(v, ADDR_V4));
	ck_assert(!nft_view_guards_bridges(v, ADDR_V6));
	nft_view_free(v);
	v = view_of("base bridge b pre prerouting 0 accept\n"
		    "base bridge c pre prerouting 0 drop\n"
		    "rule bridge b pre " SADDR("ip") ", {'accept': null}");
	ck_assert(!nft_view_guards_bridges(v, ADDR_V4));
	nft_view_free(v);
}
END_TEST

/* ---- odd text ---- */

START_TEST(nft_view_new_odd_text_is_survived)
{
	static const char good[] =
		"{\"nftables\":[{\"chain\":{\"family\":\"ip\",\"table\":\"t\",\"name\":\"c\","
		"\"hook\":\"forward\",\"prio\":-200,\"policy\":\"drop\"}},{\"rule\":{\"family\":"
		"\"ip\",\"table\":\"t\",\"chain\":\"c\",\"expr\":[{\"drop\":null}]}}]}";
	uint64_t seed = seed_random("nft_view_new_odd_text_is_survived");
	const struct nft_drop *drops;
	struct nft_place place;

	ck_assert_ptr_null(nft_view_new(""));
	ck_assert_ptr_null(nft_view_new("{}"));
	ck_assert_ptr_null(nft_view_new("[1"));
	ck_assert_ptr_null(nft_view_new("{\"nftables\": 7}"));
	nft_view_free(nft_view_new("{\"nftables\": [7, null, {\"chain\": 5}, {\"rule\": []}, "
				   "{\"rule\": {\"expr\": {\"drop\": 1}}}]}"));
	nft_view_free(NULL);
	for (int i = 0; i < 2000; i++) {
		char text[sizeof(good)];
		struct nft_view *v;

		memcpy(text, good, sizeof(good));
		text[next_random(&seed) % (sizeof(good) - 1)] =
			(char)(' ' + next_random(&seed) % 95);
		v = nft_view_new(text);
		if (v)
			nft_view_drops(v, -150, &drops), nft_view_copies(v, &place),
				nft_view_forward_drop(v, ADDR_V4, &place);
		nft_view_free(v);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor_nft");
	TCase *tc = tcase_create("doctor_nft");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, nft_view_drops_by_hook_and_priority);
	tcase_add_test(tc, nft_view_drops_by_rules_and_what_they_lead_to);
	tcase_add_test(tc, nft_view_guards_are_no_drops);
	tcase_add_test(tc, nft_view_guards_look_up_the_way_to_the_source);
	tcase_add_test(tc, nft_view_flows_by_rule);
	tcase_add_test(tc, nft_view_compat_rules_are_iptables_nfts);
	tcase_add_test(tc, nft_view_forward_drop_by_rule_or_policy);
	tcase_add_test(tc, nft_view_copies_leave_by_output);
	tcase_add_test(tc, nft_view_guards_bridges_that_look_at_sources_and_drop);
	tcase_add_test(tc, nft_view_new_odd_text_is_survived);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
