/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/view.h"

#include "base/loop.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	ck_assert_msg(text, "no text '%s'", key);
	return text;
}

static json_int_t int_of(const json_t *o, const char *key)
{
	const json_t *n = json_object_get(o, key);

	ck_assert_msg(json_is_integer(n), "no integer '%s'", key);
	return json_integer_value(n);
}

START_TEST(view_status_json_full_has_everything)
{
	static const struct view_source sources[] = { { "vz", "ok", false },
						      { "file:/x", "cannot read", true } };
	static const char *const problems[] = { "the source file:/x fails" };
	struct view_status s = {
		.version = "1.2.3",
		.pid = 77,
		.uptime_s = 5000000000,
		.config = "ok",
		.backend = "iptables",
		.backend_reason = "auto: link: no bpffs is mounted",
		.table = "mangle",
		.node_traffic = true,
		.family_state = { "counting", "not countable: no table" },
		.rules = 16,
		.rule_repairs = 2,
		.commits = 9,
		.last_commit_ms = 12,
		.sample_age_ms = 345,
		.stale_answers = 1,
		.containers = 3,
		.addresses = 4,
		.conflicts = 5,
		.unfit = 6,
		.not_allowed = 9,
		.refused_containers = 7,
		.refused_addresses = 8,
		.sources = sources,
		.n_sources = 2,
		.inventory_failures = 6,
		.store = "ok",
		.ship = "off",
		.ledger_doubted_s = 1700000000,
		.clock = { "ok", 2, -86400, 1795428672, 60 },
		.agentx = { "up", "/var/agentx/master", "", 100, 2000 },
		.problems = problems,
		.n_problems = 1,
	};
	json_t *j = view_status_json(&s);
	char *text = json_dumps(j, JSON_COMPACT);

	ck_assert_str_eq(
		text,
		"{\"version\":\"1.2.3\",\"pid\":77,\"uptime_s\":5000000000,\"config\":\"ok\","
		"\"backend\":\"iptables\",\"table\":\"mangle\",\"node_traffic\":true,"
		"\"backend_reason\":\"auto: link: no bpffs is mounted\",\"on_links\":false,"
		"\"strays\":null,\"ipv4\":\"counting\",\"ipv6\":\"not countable: no table\","
		"\"rules\":16,\"rule_repairs\":2,\"commits\":9,\"last_commit_ms\":12,"
		"\"containers\":3,\"addresses\":4,\"conflicts\":5,\"unfit\":6,\"not_allowed\":9,"
		"\"refused_containers\":7,\"refused_addresses\":8,"
		"\"sample_age_ms\":345,\"stale_answers\":1,"
		"\"sources\":[{\"name\":\"vz\",\"state\":\"ok\",\"failing\":false},"
		"{\"name\":\"file:/x\",\"state\":\"cannot read\",\"failing\":true}],"
		"\"inventory_failures\":6,\"store\":\"ok\",\"ship\":\"off\","
		"\"ledger_doubted\":1700000000,"
		"\"clock\":{\"state\":\"ok\",\"jumps\":2,\"last_jump\":\"2026-11-23T10:11:12Z\","
		"\"last_jump_s\":-86400,\"last_jump_ago_s\":60},"
		"\"agentx\":{\"state\":\"up\",\"socket\":\"/var/agentx/master\",\"problem\":\"\","
		"\"requests\":100,\"varbinds\":2000},\"problems\":[\"the source file:/x fails\"]}");
	free(text);
	json_decref(j);
}

START_TEST(view_status_json_strays_are_an_object)
{
	struct view_status s = { .backend = "link",
				 .on_links = true,
				 .has_strays = true,
				 .spoofed = { 3000000000, 2000000 },
				 .broken = { 64, 1 } };
	json_t *j = view_status_json(&s);
	char *text = json_dumps(json_object_get(j, "strays"), JSON_COMPACT);

	ck_assert_str_eq(text, "{\"spoofed_pkts\":2000000,\"spoofed_octets\":3000000000,"
			       "\"broken_pkts\":1,\"broken_octets\":64}");
	ck_assert(json_is_true(json_object_get(j, "on_links")));
	free(text);
	json_decref(j);
}
END_TEST
END_TEST

START_TEST(view_status_json_zeroed_is_valid)
{
	struct view_status s = { .version = NULL };
	json_t *j = view_status_json(&s);

	ck_assert_str_eq(text_of(j, "version"), "");
	ck_assert_str_eq(text_of(json_object_get(j, "agentx"), "problem"), "");
	ck_assert_uint_eq(json_array_size(json_object_get(j, "problems")), 0);
	json_decref(j);
}
END_TEST

static struct snap_totals totals(uint64_t base, enum row_status status)
{
	struct snap_totals t = { .status = status };

	for (size_t i = 0; i < PATHS; i++)
		t.path[i] = (struct counters) { base + 10 * i, base + 10 * i + 1 };
	return t;
}

/* The row whose totals are totals(1000). */
static void expect_counters(const json_t *c)
{
	ck_assert_int_eq(int_of(c, "in_octets"), 1000);
	ck_assert_int_eq(int_of(c, "in_pkts"), 1001);
	ck_assert_int_eq(int_of(c, "out_octets"), 1010);
	ck_assert_int_eq(int_of(c, "out_pkts"), 1011);
	ck_assert_int_eq(int_of(c, "node_in_octets"), 1020);
	ck_assert_int_eq(int_of(c, "node_in_pkts"), 1021);
	ck_assert_int_eq(int_of(c, "node_out_octets"), 1030);
	ck_assert_int_eq(int_of(c, "node_out_pkts"), 1031);
}

/* All pieces of the list in one text, for free(). `snap` lies on the caller's stack: it keeps one
 * reference for ever. */
static char *list_text(struct snap *snap, uint64_t now_ns)
{
	char *text = NULL, *piece;
	struct view_list *l;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	snap->refs = 1;
	l = view_list_new(snap, now_ns);
	ck_assert_uint_eq(snap->refs, 2);
	while ((piece = view_list_next(l))) {
		ck_assert_uint_lt(strlen(piece), 1024);
		fputs(piece, out);
		free(piece);
	}
	ck_assert_ptr_null(view_list_next(l));
	view_list_free(l);
	ck_assert_uint_eq(snap->refs, 1);
	fclose(out);
	return text;
}

static json_t *list_json(struct snap *snap, uint64_t now_ns)
{
	char *text = list_text(snap, now_ns);
	json_error_t error;
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(j, "%s in %s", error.text, text);
	free(text);
	return j;
}

START_TEST(view_list_next_no_rows_is_valid)
{
	struct snap snap = { .taken_ns = 7 * NS_PER_MS + 1 };
	char *text = list_text(&snap, 9 * NS_PER_MS + 1);

	ck_assert_str_eq(text, "{\"sample_age_ms\":2,\"sampled_ms\":7,\"containers\":[]}");
	free(text);
	snap.taken_ns = 0;
	text = list_text(&snap, 0);
	ck_assert_str_eq(text, "{\"sample_age_ms\":0,\"sampled_ms\":null,\"containers\":[]}");
	free(text);
}
END_TEST

START_TEST(view_list_what_cannot_be_counted_is_null)
{
	struct snap_container c[2] = { { .id = "101", .name = "" }, { .id = "102", .name = "" } };
	struct snap snap = { .containers = c, .n_containers = 2, .no_node_traffic = true };
	const json_t *list, *row;
	char *text;
	json_t *j;

	c[0].totals.status = ROW_NOT_COUNTABLE;
	c[0].totals.path[PATH_FWD_OUT] = (struct counters) { 5, 1 }; /* before it was so */
	c[1].totals.status = ROW_COUNTING;
	text = list_text(&snap, 0);
	j = json_loads(text, 0, NULL);
	list = json_object_get(j, "containers");
	row = json_array_get(list, 0);
	ck_assert(json_is_null(json_object_get(row, "in_octets")));
	ck_assert(json_is_null(json_object_get(row, "in_pkts")));
	ck_assert(json_is_null(json_object_get(row, "node_out_octets")));
	ck_assert_int_eq(int_of(row, "out_octets"), 5);
	row = json_array_get(list, 1);
	ck_assert_int_eq(int_of(row, "in_octets"), 0);
	ck_assert(json_is_integer(json_object_get(row, "in_octets")));
	ck_assert(json_is_null(json_object_get(row, "node_in_octets")));
	json_decref(j);
	free(text);
}
END_TEST

/* What a row of zeroes is, after its own members. */
static const char *zeros(const char *status, char buf[512])
{
	snprintf(
		buf, 512,
		"\"status\":\"%s\",\"in_octets\":0,\"in_pkts\":0,\"out_octets\":0,"
		"\"out_pkts\":0,\"node_in_octets\":0,\"node_in_pkts\":0,"
		"\"node_out_octets\":0,\"node_out_pkts\":0,\"zeroed\":null,\"counting_since\":null,"
		"\"discontinuities\":0,\"last_discontinuity\":null",
		status);
	return buf;
}

static void expect_container(FILE *out, const char *id, unsigned n_addresses)
{
	char buf[512];

	fprintf(out, "{\"id\":\"%s\",\"name\":\"\",\"state\":\"unknown\",\"ifindex\":0,%s,", id,
		zeros("other", buf));
	fputs("\"reason\":null,\"runtime\":\"\",\"runtime_id\":\"\",\"image\":\"\",\"addresses\":[",
	      out);
	for (unsigned i = 0; i < n_addresses; i++)
		fprintf(out, "%s{\"address\":\"192.0.2.1\",%s,\"link\":\"\",\"reason\":\"\"}",
			i ? "," : "", zeros("counting", buf));
	fputs("]}", out);
}

/* The text as it has always been, commas and all. */
START_TEST(view_list_next_text_is_compact_json)
{
	struct snap_container containers[] = {
		{ .id = (char *)"1", .name = (char *)"" },
		{ .id = (char *)"2", .name = (char *)"" },
		{ .id = (char *)"3", .name = (char *)"" },
	};
	struct snap_address addresses[] = { { .container = 0 },
					    { .container = 0 },
					    { .container = 2 } };
	struct snap snap = { .containers = containers,
			     .n_containers = 3,
			     .addresses = addresses,
			     .n_addresses = 3 };
	char *text, *expected = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&expected, &len);

	for (size_t i = 0; i < 3; i++) {
		addresses[i].totals.status = ROW_COUNTING;
		ck_assert_int_eq(addr_parse("192.0.2.1", &addresses[i].addr), 0);
	}
	fputs("{\"sample_age_ms\":0,\"sampled_ms\":null,\"containers\":[", out);
	expect_container(out, "1", 2);
	fputc(',', out);
	expect_container(out, "2", 0);
	fputc(',', out);
	expect_container(out, "3", 1);
	fputs("]}", out);
	fclose(out);
	text = list_text(&snap, 0);
	ck_assert_str_eq(text, expected);
	free(expected);
	free(text);
}
END_TEST

/* Who stops listening in the middle. */
START_TEST(view_list_free_unfinished_drops_the_snapshot)
{
	struct snap snap = { .refs = 1 };
	struct view_list *l = view_list_new(&snap, 0);

	free(view_list_next(l));
	view_list_free(l);
	ck_assert_uint_eq(snap.refs, 1);
	view_list_free(NULL);
}
END_TEST

static void expect_without_addresses(const json_t *c)
{
	ck_assert_str_eq(text_of(c, "id"), "7");
	ck_assert_str_eq(text_of(c, "state"), "stopped");
	ck_assert_uint_eq(json_array_size(json_object_get(c, "addresses")), 0);
	ck_assert(json_is_null(json_object_get(c, "counting_since")));
	ck_assert_str_eq(text_of(c, "status"), "other");
	ck_assert_str_eq(text_of(c, "reason"), "no addresses");
}

START_TEST(view_list_next_rows_in_order)
{
	struct snap_container containers[] = {
		{ .id = (char *)"7", .name = (char *)"", .run = INV_RUN_STOPPED },
		{ .id = (char *)"100",
		  .name = (char *)"web",
		  .run = INV_RUN_RUNNING,
		  .ifindex = 3 },
		{ .id = (char *)"200", .name = (char *)"db", .run = INV_RUN_GONE },
	};
	struct snap_address addresses[] = { { .container = 1 },
					    { .container = 1 },
					    { .container = 2 } };
	struct snap snap = { .containers = containers,
			     .n_containers = 3,
			     .addresses = addresses,
			     .n_addresses = 3,
			     .taken_ns = 5 * NS_PER_S };
	const json_t *list, *c, *a;
	json_t *j;

	containers[0].totals.status = ROW_OTHER;
	containers[1].totals = totals(1000, ROW_COUNTING);
	containers[1].totals.since_wall_s = 1714564800;
	containers[1].totals.discontinuities = 2;
	containers[1].totals.discontinuity_wall_s = 1714564801;
	addresses[0].totals = totals(500, ROW_PENDING);
	ck_assert_int_eq(addr_parse("192.0.2.1", &addresses[0].addr), 0);
	ck_assert_int_eq(addr_parse("2001:DB8::1", &addresses[1].addr), 0);
	ck_assert_int_eq(addr_parse("192.0.2.2", &addresses[2].addr), 0);

	j = list_json(&snap, 5 * NS_PER_S + 250 * NS_PER_MS);
	ck_assert_int_eq(int_of(j, "sample_age_ms"), 250);
	ck_assert_int_eq(int_of(j, "sampled_ms"), 5000);
	list = json_object_get(j, "containers");
	ck_assert_uint_eq(json_array_size(list), 3);

	expect_without_addresses(json_array_get(list, 0));

	c = json_array_get(list, 1);
	ck_assert(json_is_null(json_object_get(c, "reason")));
	ck_assert_str_eq(text_of(c, "name"), "web");
	ck_assert_str_eq(text_of(c, "status"), "counting");
	ck_assert_int_eq(int_of(c, "ifindex"), 3);
	expect_counters(c);
	ck_assert_int_eq(int_of(c, "discontinuities"), 2);
	ck_assert_str_eq(text_of(c, "counting_since"), "2024-05-01T12:00:00Z");
	ck_assert_str_eq(text_of(c, "last_discontinuity"), "2024-05-01T12:00:01Z");
	ck_assert_uint_eq(json_array_size(json_object_get(c, "addresses")), 2);
	a = json_array_get(json_object_get(c, "addresses"), 0);
	ck_assert_str_eq(text_of(a, "address"), "192.0.2.1");
	ck_assert_str_eq(text_of(a, "status"), "pending");
	ck_assert_int_eq(int_of(a, "node_out_pkts"), 531);
	a = json_array_get(json_object_get(c, "addresses"), 1);
	ck_assert_str_eq(text_of(a, "address"), "2001:db8::1");

	c = json_array_get(list, 2);
	ck_assert_uint_eq(json_array_size(json_object_get(c, "addresses")), 1);
	json_decref(j);
}
END_TEST

START_TEST(view_list_next_counters_are_exact)
{
	struct snap_container container = { .id = (char *)"1", .name = (char *)"" };
	struct snap snap = { .containers = &container, .n_containers = 1 };
	const json_t *c;
	json_t *j;

	container.totals.path[PATH_FWD_IN].octets = INT64_MAX;
	container.totals.path[PATH_FWD_OUT].octets = (uint64_t)INT64_MAX + 1;
	container.totals.path[PATH_NODE_IN].octets = UINT64_MAX;
	container.totals.path[PATH_NODE_OUT].octets = (1ull << 53) + 1;
	j = list_json(&snap, 0);
	c = json_array_get(json_object_get(j, "containers"), 0);
	ck_assert_int_eq(int_of(c, "in_octets"), INT64_MAX);
	ck_assert_str_eq(text_of(c, "out_octets"), "9223372036854775808");
	ck_assert_str_eq(text_of(c, "node_in_octets"), "18446744073709551615");
	ck_assert_int_eq(int_of(c, "node_out_octets"), 9007199254740993);
	json_decref(j);
}
END_TEST

START_TEST(view_list_next_invalid_utf8_is_replaced)
{
	struct snap_container container = { .id = (char *)"1", .name = (char *)"a\xff\xc3z" };
	struct snap snap = { .containers = &container, .n_containers = 1 };
	json_t *j = list_json(&snap, 0);

	ck_assert_str_eq(text_of(json_array_get(json_object_get(j, "containers"), 0), "name"),
			 "a??z");
	json_decref(j);
}
END_TEST

START_TEST(view_list_next_clock_before_reading_is_age_0)
{
	struct snap snap = { .taken_ns = 5 };
	json_t *j = list_json(&snap, 4);

	ck_assert_int_eq(int_of(j, "sample_age_ms"), 0);
	json_decref(j);
}
END_TEST

START_TEST(view_words_unknown_values_have_one)
{
	ck_assert_str_eq(view_row_status(ROW_NOT_COUNTABLE), "not-countable");
	ck_assert_str_eq(view_row_status(ROW_RETIRED), "retired");
	ck_assert_str_eq(view_row_status(0), "other");
	ck_assert_str_eq(view_row_status(99), "other");
	ck_assert_str_eq(view_run_state(INV_RUN_RUNNING), "running");
	ck_assert_str_eq(view_run_state(0), "unknown");
	ck_assert_str_eq(view_run_state(99), "unknown");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("view");
	TCase *tc = tcase_create("view");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, view_status_json_full_has_everything);
	tcase_add_test(tc, view_status_json_strays_are_an_object);
	tcase_add_test(tc, view_status_json_zeroed_is_valid);
	tcase_add_test(tc, view_list_what_cannot_be_counted_is_null);
	tcase_add_test(tc, view_list_next_no_rows_is_valid);
	tcase_add_test(tc, view_list_next_text_is_compact_json);
	tcase_add_test(tc, view_list_free_unfinished_drops_the_snapshot);
	tcase_add_test(tc, view_list_next_rows_in_order);
	tcase_add_test(tc, view_list_next_counters_are_exact);
	tcase_add_test(tc, view_list_next_invalid_utf8_is_replaced);
	tcase_add_test(tc, view_list_next_clock_before_reading_is_age_0);
	tcase_add_test(tc, view_words_unknown_values_have_one);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
