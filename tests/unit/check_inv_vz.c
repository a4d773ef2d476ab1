/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inv_helpers.h"
#include "inventory/inv_vz.h"

typedef int parse_fn(struct inv_part *part, const char *text, size_t len, struct err *e);

static int json_ip(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	return inv_vz_json(part, text, len, "ip", e);
}

static int json_configured(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	return inv_vz_json(part, text, len, "configured_ip", e);
}

static int names(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	return inv_vz_names(part, text, len, e);
}

static int prlctl_ip(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	return inv_vz_prlctl(part, text, len, "ip", e);
}

static int prlctl_names(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	return inv_vz_prlctl_names(part, text, len, e);
}

static int prlctl_configured(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	return inv_vz_prlctl(part, text, len, "ip_configured", e);
}

static void good(parse_fn *parse, const char *text, size_t len, const char *inventory)
{
	struct inv_part *part = inv_part_new("src", NULL);
	struct err e = { "" };

	ck_assert_msg(parse(part, text, len, &e) == 0, "%s", e.text);
	expect_part(part, inventory);
	inv_part_free(part);
}

static void bad(parse_fn *parse, const char *text, size_t len, const char *message)
{
	struct inv_part *part = inv_part_new("src", NULL);
	struct err e = { "" };

	ck_assert_msg(parse(part, text, len, &e) == -EBADMSG, "taken: %.200s", text);
	ck_assert_msg(strstr(e.text, message) != NULL, "\"%s\" says not \"%s\"", e.text, message);
	inv_part_free(part);
}

static void good_fixture(parse_fn *parse, const char *name, const char *inventory)
{
	size_t len;
	char *text = fixture_read(name, &len);

	good(parse, text, len, inventory);
	free(text);
}

static void bad_fixture(parse_fn *parse, const char *name, const char *message)
{
	size_t len;
	char *text = fixture_read(name, &len);

	bad(parse, text, len, message);
	free(text);
}

static void good_text(parse_fn *parse, const char *text, const char *inventory)
{
	good(parse, text, strlen(text), inventory);
}

static void bad_text(parse_fn *parse, const char *text, const char *message)
{
	bad(parse, text, strlen(text), message);
}

#define SIX                                                                                     \
	"101[-,running] 192.0.2.10; 102[-,running] 192.0.2.11 198.51.100.11 2001:db8:0:1::11; " \
	"103[-,stopped] 192.0.2.12; 104[-,stopped]; 105[-,stopped]; "                           \
	"2147483644[-,stopped] 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
#define UUID "550e8400-e29b-41d4-a716-446655440000"

START_TEST(inv_vz_json_openvz6_taken)
{
	log_capture();
	good_fixture(json_ip, "vz/vzlist6.json", SIX);
	EXPECT_LOG(1, "src: address \"0.0.0.0\" of container 105 refused: unspecified");
}
END_TEST

START_TEST(inv_vz_columns_openvz6_taken)
{
	log_capture();
	good_fixture(inv_vz_columns, "vz/vzlist6.columns", SIX);
	EXPECT_LOG(1, "src:5: address \"0.0.0.0\" of container 105");
}
END_TEST

START_TEST(inv_vz_names_taken_whole)
{
	good_fixture(names, "vz/vzlist6.names",
		     "101[web1.example.com,unknown]; 102[two.example.com,unknown]; "
		     "103[-,unknown]; 104[noaddr.example.com,unknown]; "
		     "105[sample.example.com,unknown]; "
		     "2147483644[a-host-name-that-is-longer-than-its-column.example.com,unknown]");
	good_fixture(names, "vz/vzlist7.names",
		     "200[two hundred,unknown]; 201[-,unknown]; " UUID
		     "[seven.example.com,unknown]");
	good_text(names, "      CTID HOSTNAME\n 1 a  b \n 0 node\n 2\n",
		  "1[a  b,unknown]; 2[-,unknown]");
	bad_text(names, "", "printed nothing");
	bad_text(names, "Unable to open /dev/vzctl\n", "line 1: not \"CTID HOSTNAME\"");
	bad_text(names, "101 web\n\n", "line 2: not \"CTID HOSTNAME\"");
	bad_text(names, "101 web\n102 h", "cut off");
}
END_TEST

/* Whatever is in it, a name is a name. */
START_TEST(inv_vz_names_odd_ones_are_names)
{
	char *expected, name[INV_NAME_MAX + 1];

	memset(name, 'h', INV_NAME_MAX);
	name[INV_NAME_MAX] = '\0';
	expected = xasprintf("101[web,unknown]; "
			     "102[evil\"                            192.0.2.101,unknown]; "
			     "103[z\"},{\"ctid\":101,\"hostname\":\"forged,unknown]; "
			     "104[%s,unknown]",
			     name);
	good_fixture(names, "vz/odd-names.names", expected);
	free(expected);
}
END_TEST

START_TEST(inv_vz_json_openvz7_configured_addresses_taken)
{
	static const char expected[] = "200[-,stopped] 192.0.2.71; 201[-,stopped]; " UUID
				       "[-,running] 192.0.2.70 2001:db8:7::1";

	good_fixture(json_configured, "vz/vzlist7.json", expected);
	good_fixture(inv_vz_columns, "vz/vzlist7.columns", expected);
	/* What the tenant has inside is not what is asked for. */
	bad_fixture(json_configured, "vz/vzlist7.ip.json", "missing or bad \"configured_ip\"");
}
END_TEST

START_TEST(inv_vz_json_text_that_forges_refused)
{
	bad_fixture(json_ip, "vz/forge-quote.json", "not JSON");
	bad_fixture(json_ip, "vz/forge-backslash.json", "not JSON");
	bad_fixture(json_ip, "vz/forge-repeat.json", "not JSON");
	bad_fixture(json_ip, "vz/forge-object.json", "another number of containers");
	bad_fixture(json_ip, "vz/forge-nested.json", "nested value of \"x\"");
}
END_TEST

START_TEST(inv_vz_json_cut_anywhere_refused)
{
	size_t len;
	char *text = fixture_read("vz/vzlist6.json", &len);

	log_capture();
	for (size_t cut = 0; cut < len - 1; cut++) /* the last newline may be missing */
		bad(json_ip, text, cut, cut ? "not JSON" : "printed nothing");
	free(text);
}
END_TEST

START_TEST(inv_vz_columns_cut_anywhere_refused)
{
	size_t len;
	char *text = fixture_read("vz/vzlist6.columns", &len);

	log_capture();
	for (size_t cut = 0; cut < len; cut++)
		if (!cut || text[cut - 1] != '\n')
			bad(inv_vz_columns, text, cut, cut ? "cut off" : "printed nothing");
	free(text);
}
END_TEST

START_TEST(inv_vz_json_empty_list_is_an_answer)
{
	good_text(json_ip, "[]\n", "");
	good_text(json_ip, "[\n]\n", "");
	good_text(prlctl_ip, "[]", "");
	bad_text(json_ip, "", "printed nothing");
	bad_text(json_ip, "\n", "not JSON");
	bad_text(json_ip, "{}", "not a JSON list");
	bad_text(json_ip, "null", "not JSON"); /* jansson takes no scalars */
	bad_text(prlctl_ip, "", "printed nothing");
	bad_text(inv_vz_columns, "", "printed nothing");
	bad_text(inv_vz_veinfo, "", "printed nothing");
}
END_TEST

START_TEST(inv_vz_json_bad_values_refused)
{
	bad_text(json_ip, "[1]", "not an object");
	bad_text(json_ip, "[{\"hostname\": \"a\", \"ip\": []}]", "missing or bad \"ctid\"");
	bad_text(json_ip, "[{\"ctid\": null, \"ip\": []}]", "missing or bad \"ctid\"");
	bad_text(json_ip, "[{\"ctid\": -1, \"ip\": []}]", "missing or bad \"ctid\"");
	bad_text(json_ip, "[{\"ctid\": 1.5, \"ip\": []}]", "missing or bad \"ctid\"");
	bad_text(json_ip, "[{\"ctid\": \"\", \"ip\": []}]", "missing or bad \"ctid\"");
	bad_text(json_ip, "[{\"ctid\": 1}]", "missing or bad \"ip\"");
	bad_text(json_ip, "[{\"ctid\": 1, \"ip\": 7}]", "not a string in \"ip\"");
	bad_text(json_ip, "[{\"ctid\": 1, \"ip\": [7]}]", "not a string in \"ip\"");
	bad_text(prlctl_names, "[{\"uuid\": \"1\", \"name\": 7}]", "missing or bad \"name\"");
	bad_text(prlctl_names, "[{\"name\": \"a\"}]", "missing or bad \"uuid\"");
	bad_text(json_ip, "[{\"ctid\": 1, \"ip\": [], \"status\": []}]",
		 "missing or bad \"status\"");
	bad_text(json_ip, "[] trailing", "not JSON");
	bad_text(json_ip, "Warning: something\n[]", "not JSON");
}
END_TEST

/* A container's configuration is a person's text: one mistake in it is no reason to doubt all
 * others. */
START_TEST(inv_vz_unreadable_address_costs_itself)
{
	log_capture();
	good_text(json_ip,
		  "[{\"ctid\": 1, \"ip\": [\"192.0.2.1\", \"192.0.2.300\", \"192.0.2.2\"]}, "
		  "{\"ctid\": 2, \"ip\": [\"192.0.2.3\"]}]",
		  "(doubtful); 1[-,unknown] 192.0.2.1 192.0.2.2; 2[-,unknown] 192.0.2.3");
	good_text(json_ip,
		  "[{\"ctid\": \"1\xc2\xa0\", \"ip\": [\"192.0.2.1\"]}, "
		  "{\"ctid\": 2, \"ip\": [\"192.0.2.3\"]}]",
		  "(doubtful); 2[-,unknown] 192.0.2.3");
	good_text(inv_vz_columns, "1 stopped 192.0.2.1 dhcp 192.0.2.2\n2 running 192.0.2.3\n",
		  "(doubtful); 1[-,stopped] 192.0.2.1 192.0.2.2; 2[-,running] 192.0.2.3");
	good_text(inv_vz_columns, "1 stopped 192.0.2.128/28\n", "(doubtful); 1[-,stopped]");
	good_text(prlctl_ip, "[{\"uuid\": \"1\", \"ip\": \"192.0.2.1 none 192.0.2.2\"}]",
		  "(doubtful); 1[-,unknown] 192.0.2.1 192.0.2.2");
	good_text(inv_vz_veinfo, "       101     0    22      192.0.2 192.0.2.1\n",
		  "(doubtful); 101[-,running] 192.0.2.1");
	EXPECT_LOG(6, "src: address \"192.0.2.300\" of container 1 refused",
		   "src:1: address \"dhcp\"");
}
END_TEST

START_TEST(inv_vz_json_corner_values_taken)
{
	good_text(json_ip, "[{\"ctid\": 0, \"ip\": [\"192.0.2.1\"]}, {\"ctid\": 1, \"ip\": null}]",
		  "1[-,unknown]");
	good_text(json_ip, "[{\"ctid\":1,\"ip\":[\"-\"],\"hostname\":\"h\",\"status\":null}]",
		  "1[-,unknown]");
	good_text(json_ip, "[{\"ctid\":1,\"ip\":[],\"laverage\":[0.1, 0.2, 0.3],\"onboot\":true}]",
		  "1[-,unknown]");
	good_text(json_ip, "[{\"ctid\":1,\"ip\":[],\"status\":\"starting\"}]", "1[-,unknown]");
}
END_TEST

START_TEST(inv_vz_json_deep_nesting_refused)
{
	size_t n = 1000000;
	char *text = xmalloc(n);

	memset(text, '[', n);
	bad(json_ip, text, n, "not JSON");
	free(text);
}
END_TEST

START_TEST(inv_vz_columns_bad_lines_refused)
{
	bad_text(inv_vz_columns, "101\n", "line 1: not \"CTID STATUS");
	bad_text(inv_vz_columns, "host running 192.0.2.1\n", "line 1: not \"CTID STATUS");
	bad_text(inv_vz_columns, "101 - 192.0.2.1\n", "no status");
	bad_text(inv_vz_columns, "101 running -\n\n", "line 2: it is empty");
	bad(inv_vz_columns, "101 running -\0\n", 15, "NUL");
	bad_text(inv_vz_columns, "Unable to open /dev/vzctl: No such device\n", "line 1");
	bad_text(inv_vz_columns, "Segmentation fault\n", "line 1");
}
END_TEST

START_TEST(inv_vz_columns_header_skipped_other_widths_taken)
{
	good_text(inv_vz_columns,
		  "      CTID STATUS    IP_ADDR        \n"
		  "101 running 192.0.2.1 192.0.2.2\n102 stopped -\n103 stopped\n0 running -\n",
		  "101[-,running] 192.0.2.1 192.0.2.2; 102[-,stopped]; 103[-,stopped]");
}
END_TEST

/* vzlist's buffer ends in the middle of an address, and what is left is an address too. */
START_TEST(inv_vz_columns_line_of_buffer_length_loses_its_last_word)
{
	static const size_t lengths[] = { 4088, 4095, 4087, 4096, 16380 };

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		char text[16500], *whole;
		struct inv_part *part = inv_part_new("src", NULL);
		struct err e = { "" };
		const char *first;
		size_t n = (size_t)snprintf(text, sizeof(text), "%10d %-9s", 101, "running");
		size_t total = 0;

		log_capture();
		for (; n + 12 < lengths[i]; total++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " 192.0.2.100");
		whole = xasprintf("%.*s %.*s", (int)n, text, (int)(lengths[i] - n - 1),
				  "2001:db8::100");
		memcpy(text, whole, lengths[i]);
		text[lengths[i]] = '\n';
		free(whole);
		ck_assert_msg(inv_vz_columns(part, text, lengths[i] + 1, &e) == 0, "%s", e.text);
		if (lengths[i] == 4087 || lengths[i] == 4096) {
			ck_assert_uint_ge(inv_part_addresses(part), total);
		} else {
			ck_assert_uint_eq(inv_part_addresses(part), total);
			ck_assert_uint_eq(inv_part_doubts(part, &first), 1);
			ck_assert_msg(strstr(first, "as long as vzlist's buffer") != NULL, "%s",
				      first);
		}
		inv_part_free(part);
	}
}
END_TEST

START_TEST(inv_vz_prlctl_one_string_of_addresses_taken)
{
	good_fixture(prlctl_configured, "vz/prlctl.json",
		     UUID "[-,running] 192.0.2.70 2001:db8:7::1; "
			  "6ba7b810-9dad-11d1-80b4-00c04fd430c8[-,stopped]");
	good_fixture(prlctl_names, "vz/prlctl-names.json",
		     UUID "[seven,unknown]; 6ba7b810-9dad-11d1-80b4-00c04fd430c8[-,unknown]");
	good_fixture(prlctl_ip, "vz/prlctl-ip.json", UUID "[-,running] 192.0.2.70 2001:db8:7::1");
	bad_fixture(prlctl_configured, "vz/prlctl-ip.json", "missing or bad \"ip_configured\"");
}
END_TEST

START_TEST(inv_vz_veinfo_addresses_taken_node_skipped)
{
	good_fixture(inv_vz_veinfo, "vz/veinfo6",
		     "101[-,running] 192.0.2.10; "
		     "102[-,running] 192.0.2.11 198.51.100.11 2001:db8:0:1::11; 106[-,running]");
	good_fixture(inv_vz_veinfo, "vz/veinfo-node-only", "");
}
END_TEST

START_TEST(inv_vz_veinfo_unusable_refused)
{
	bad_fixture(inv_vz_veinfo, "vz/veinfo-no-addresses", "without their addresses");
	bad_text(inv_vz_veinfo, "       101     0    22       192.0.2.1", "cut off");
	bad_text(inv_vz_veinfo, "       101     0\n", "not \"CTID NUMBER NUMBER");
	bad_text(inv_vz_veinfo, "       101     0    x       192.0.2.1\n", "not \"CTID NUMBER");
	bad_text(inv_vz_veinfo, "\n", "not \"CTID NUMBER");
}
END_TEST

START_TEST(inv_vz_random_damage_survived)
{
	static const struct {
		parse_fn *parse;
		const char *fixture;
	} t[] = {
		{ json_ip, "vz/vzlist6.json" },
		{ json_configured, "vz/vzlist7.json" },
		{ json_ip, "vz/forge-nested.json" },
		{ inv_vz_columns, "vz/vzlist6.columns" },
		{ inv_vz_columns, "vz/vzlist7.columns" },
		{ names, "vz/odd-names.names" },
		{ prlctl_names, "vz/prlctl-names.json" },
		{ prlctl_configured, "vz/prlctl.json" },
		{ inv_vz_veinfo, "vz/veinfo6" },
		{ inv_vz_veinfo, "vz/veinfo-no-addresses" },
	};

	seed_random();
	log_capture();
	for (size_t i = 0; i < 9000; i++) {
		size_t len, n;
		char *text = fixture_read(t[i % ARRAY_LEN(t)].fixture, &len);
		char *damaged = mutate(text, len, &n);
		struct inv_part *part = inv_part_new("src", NULL);
		struct err e = { "" };
		int ret = t[i % ARRAY_LEN(t)].parse(part, damaged, n, &e);

		ck_assert_int_eq(ret < 0, *e.text != '\0');
		free(part_text(part));
		inv_part_free(part);
		free(damaged);
		free(text);
		if (i % 100 == 0)
			free(log_text());
	}
}
END_TEST

/* Each value takes far more memory than the text of it. */
START_TEST(inv_vz_json_of_nothing_but_values_is_not_parsed)
{
	size_t n = 8 * 101, len = 2 * n + 1;
	struct inv_part *part = inv_part_new("src", NULL);
	struct err e = { "" };
	char *text = xmalloc(len + 1);

	*text = '[';
	for (size_t i = 0; i < n; i++)
		memcpy(text + 1 + 2 * i, "0,", 2);
	text[len - 1] = ']';
	text[len] = '\0';
	inv_part_limit(part, 1000);
	ck_assert_int_eq(inv_vz_json(part, text, len, "ip", &e), -EBADMSG);
	ck_assert_msg(strstr(e.text, "not an object") != NULL, "%s", e.text);
	inv_part_limit(part, 100);
	ck_assert_int_eq(inv_vz_json(part, text, len, "ip", &e), -EBADMSG);
	ck_assert_msg(strstr(e.text, "far more values") != NULL, "%s", e.text);
	inv_part_free(part);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("inv_vz");
	TCase *t = tcase_create("inv_vz");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, inv_vz_json_of_nothing_but_values_is_not_parsed);
	tcase_add_test(t, inv_vz_json_openvz6_taken);
	tcase_add_test(t, inv_vz_columns_openvz6_taken);
	tcase_add_test(t, inv_vz_json_openvz7_configured_addresses_taken);
	tcase_add_test(t, inv_vz_json_text_that_forges_refused);
	tcase_add_test(t, inv_vz_names_taken_whole);
	tcase_add_test(t, inv_vz_names_odd_ones_are_names);
	tcase_add_test(t, inv_vz_unreadable_address_costs_itself);
	tcase_add_test(t, inv_vz_json_cut_anywhere_refused);
	tcase_add_test(t, inv_vz_columns_cut_anywhere_refused);
	tcase_add_test(t, inv_vz_json_empty_list_is_an_answer);
	tcase_add_test(t, inv_vz_json_bad_values_refused);
	tcase_add_test(t, inv_vz_json_corner_values_taken);
	tcase_add_test(t, inv_vz_json_deep_nesting_refused);
	tcase_add_test(t, inv_vz_columns_bad_lines_refused);
	tcase_add_test(t, inv_vz_columns_header_skipped_other_widths_taken);
	tcase_add_test(t, inv_vz_columns_line_of_buffer_length_loses_its_last_word);
	tcase_add_test(t, inv_vz_prlctl_one_string_of_addresses_taken);
	tcase_add_test(t, inv_vz_veinfo_addresses_taken_node_skipped);
	tcase_add_test(t, inv_vz_veinfo_unusable_refused);
	tcase_add_test(t, inv_vz_random_damage_survived);
	suite_add_tcase(s, t);
	return run_suite(s);
}
