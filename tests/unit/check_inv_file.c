/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inv_helpers.h"
#include "inventory/inv_file.h"

static struct inv_part *parse(const char *text, int expected)
{
	struct inv_part *part = inv_part_new("src", NULL);
	struct err e = { "" };

	ck_assert_int_eq(inv_file_parse(part, text, strlen(text), &e), expected);
	ck_assert_int_eq(*e.text != '\0', expected < 0);
	return part;
}

static void expect(const char *text, const char *inventory)
{
	struct inv_part *part = parse(text, 0);

	expect_part(part, inventory);
	inv_part_free(part);
}

START_TEST(inv_file_parse_good_file_taken)
{
	struct inv_part *part = inv_part_new("src", NULL);
	size_t len;
	char *text = fixture_read("inv/good.txt", &len);

	log_capture();
	ck_assert_int_eq(inv_file_parse(part, text, len, NULL), 0);
	expect_part(part,
		    "101[web1,running] 192.0.2.10 192.0.2.20; "
		    "102[two words,stopped] 192.0.2.11 2001:db8::11; 103[-,unknown]; "
		    "104[quote \" and \\ in it,unknown] 192.0.2.13; a b[-,unknown] 192.0.2.14; "
		    "550e8400-e29b-41d4-a716-446655440000[x#y,unknown] 2001:db8::1");
	EXPECT_LOG(0, "");
	inv_part_free(part);
	free(text);
}
END_TEST

START_TEST(inv_file_parse_malformed_lines_left_out_with_line)
{
	struct inv_part *part = inv_part_new("src", NULL);
	size_t len;
	char *text = fixture_read("inv/malformed.txt", &len);
	const char *first;

	log_capture();
	ck_assert_int_eq(inv_file_parse(part, text, len, NULL), 0);
	expect_part(part, "(doubtful); 101[ok,unknown] 192.0.2.1; 110[-,unknown] 192.0.2.110; "
			  "113[-,unknown] 192.0.2.13; 115[-,stopped] 192.0.2.15");
	EXPECT_LOG(
		13, "src:2: line left out: a quote is not closed: \"102\"",
		"src:3: line left out: unknown key", "\"colour=red\" (103)",
		"src:4: line left out: state must be running or stopped: \"state=sleeping\" (104)",
		"src:5: line left out: state is given twice",
		"src:6: line left out: name is given twice",
		"src:7: line left out: it must begin with the container's id",
		"src:8: line left out: it has a NUL octet", "src:9: line left out: a \\ in quotes",
		"src:10: address \"192.0.2.300\" of container 110 refused",
		"src:11: container id \"xxx", "src:12: line left out: it is longer than 64 KiB",
		"src:13: address \"0.0.0.0\"", "src:14: container id", "UTF-8");
	/* Not the address and the id that were read and refused: 0.0.0.0, and 65 octets. */
	ck_assert_uint_eq(inv_part_doubts(part, &first), 11);
	ck_assert_str_eq(first, "line 2 left out: a quote is not closed: \"102\"");
	inv_part_free(part);
	free(text);
}
END_TEST

/* A link is that of its line's addresses. */
START_TEST(inv_file_parse_link_taken)
{
	expect("101 192.0.2.1 192.0.2.2 link=veth101i0\n101 link=\"veth101i1\" 192.0.2.3\n"
	       "101 192.0.2.4\n102 192.0.2.1 192.0.2.5 link=tap102i0\n102 192.0.2.5\n"
	       "103 192.0.2.6\n103 192.0.2.6 link=b\n103 192.0.2.6 link=a\n",
	       "101[-,unknown] 192.0.2.1@veth101i0! 192.0.2.2@veth101i0 192.0.2.3@veth101i1 "
	       "192.0.2.4; 102[-,unknown] 192.0.2.1@tap102i0! 192.0.2.5@tap102i0; "
	       "103[-,unknown] 192.0.2.6@a");
}
END_TEST

START_TEST(inv_file_parse_pid_taken)
{
	static const char text[] = "101 pid=4711\n102 192.0.2.1\n";
	struct inv_part *part = inv_part_new("src", NULL);
	struct inventory *inv;
	struct err e;

	ck_assert_int_eq(inv_file_parse(part, text, strlen(text), &e), 0);
	inv = inv_merge(&part, 1, 10, NULL);
	ck_assert_int_eq(inv->containers[0].pid, 4711);
	ck_assert_int_eq(inv->containers[1].pid, 0);
	inv_free(inv);
	inv_part_free(part);
}
END_TEST

START_TEST(inv_file_parse_bad_pid_leaves_the_line_out)
{
	static const char *const bad[] = { "pid=",   "pid=0", "pid=-1",         "pid=+7",
					   "pid=7x", "pid= ", "pid=2147483648", "pid=7 pid=7" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *text = xasprintf("101 192.0.2.1\n102 192.0.2.2 %s\n", bad[i]);

		log_capture();
		expect(text, "(doubtful); 101[-,unknown] 192.0.2.1");
		EXPECT_LOG(1, "src:2: line left out: pid ");
		free(text);
	}
}
END_TEST

START_TEST(inv_file_parse_bad_link_leaves_the_line_out)
{
	static const char *const bad[] = { "link=",        "link=sixteen-letters!", "link=a/b",
					   "link=..",      "link=\"a b\"",          "link=a link=a",
					   "link=\xc3\xa4" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *text = xasprintf("101 192.0.2.1\n102 192.0.2.2 %s\n", bad[i]);

		log_capture();
		expect(text, "(doubtful); 101[-,unknown] 192.0.2.1");
		EXPECT_LOG(1, "src:2: line left out: link ");
		free(text);
	}
}
END_TEST

START_TEST(inv_file_parse_quota_taken)
{
	expect("101 192.0.2.1 quota=2TB\n102 quota=none\n103 quota-counts=larger quota=\"1 kB\"\n"
	       "101 quota=7 quota-counts=in\n104 quota=0\n",
	       "101[-,unknown] quota=2000000000000/in 192.0.2.1; 102[-,unknown] quota=-1/; "
	       "103[-,unknown] quota=1000/larger; 104[-,unknown] quota=-1/");
}
END_TEST

START_TEST(inv_file_parse_bad_quota_leaves_the_line_out)
{
	static const char *const bad[] = { "quota=",           "quota=2TX",
					   "quota-counts=all", "quota-counts=",
					   "quota=1 quota=1",  "quota-counts=in quota-counts=in" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *text = xasprintf("101 192.0.2.1\n102 192.0.2.2 %s\n", bad[i]);

		log_capture();
		expect(text, "(doubtful); 101[-,unknown] 192.0.2.1");
		EXPECT_LOG(1, "src:2: line left out: quota");
		free(text);
	}
}
END_TEST

START_TEST(inv_file_parse_address_in_place_of_an_id_is_doubted)
{
	static const char text[] = "192.0.2.1\n192.0.2.2 192.0.2.2\n2001:db8::1 name=x\n7\n";
	struct inv_part *part = inv_part_new("src", NULL);
	const char *first;

	log_capture();
	ck_assert_int_eq(inv_file_parse(part, text, strlen(text), NULL), 0);
	expect_part(part, "(doubtful); 7[-,unknown]; 192.0.2.2[-,unknown] 192.0.2.2");
	EXPECT_LOG(2, "src:1: line left out: container \"192.0.2.1\" has no address", "src:3: ");
	ck_assert_uint_eq(inv_part_doubts(part, &first), 2);
	inv_part_free(part);
}
END_TEST

/* A blank that is none makes an address part of an id or a name: its container would seem gone. */
START_TEST(inv_file_parse_blanks_that_are_none_doubted)
{
	static const char *const bad[] = {
		"101\xc2\xa0"
		"192.0.2.101\n",
		"101 name=web\xc2\xa0"
		"192.0.2.101\n",
		"101\xa0"
		"192.0.2.101\n", /* Latin-1 */
		"101 name=web\xe3\x80\x80"
		"192.0.2.101\n",
		"101 name=web\f192.0.2.101\n",
		"101 name=web\v192.0.2.101\n",
		"101 name=web\r192.0.2.101\n",
		"\"101\xc2\xa0\" 192.0.2.101\n", /* an id, even in quotes */
		"\"101 \" 192.0.2.101\n",
		"\xef\xbb\xbf\xef\xbb\xbf"
		"101 192.0.2.101\n",
		"101 192.0.2.101\xe2\x80\x8b\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *text = xasprintf("7\n%s", bad[i]);
		struct inv_part *part = parse(text, 0);
		const char *first;

		log_capture();
		ck_assert_uint_eq(inv_part_doubts(part, &first), 1);
		ck_assert_msg(!strncmp(first, "line 2", 6), "%s", first);
		ck_assert_uint_eq(inv_part_addresses(part), 0);
		inv_part_free(part);
		free(text);
	}
	/* A name may have them, where it is quoted; and what only looks like one in octets. */
	expect("101 name=\"a\xc2\xa0z\" 192.0.2.1\n", "101[a\xc2\xa0z,unknown] 192.0.2.1");
	expect("101 name=\xc3\xa0z 192.0.2.1\n", "101[\xc3\xa0z,unknown] 192.0.2.1");
}
END_TEST

START_TEST(inv_file_parse_network_leaves_the_rest_of_the_line)
{
	struct inv_part *part = inv_part_new("src", NULL);
	static const char text[] = "102 2001:db8:1:5::/64 192.0.2.128/28 192.0.2.102/24\n103\n";

	log_capture();
	ck_assert_int_eq(inv_file_parse(part, text, strlen(text), NULL), 0);
	expect_part(part, "(doubtful); 102[-,unknown] 192.0.2.102; 103[-,unknown]");
	EXPECT_LOG(2,
		   "src:1: address \"2001:db8:1:5::/64\" of container 102 refused: it is a network",
		   "src:1: address \"192.0.2.128/28\"");
	inv_part_free(part);
}
END_TEST

START_TEST(inv_file_feed_any_cut_same_result)
{
	size_t len;
	char *text = fixture_read("inv/good.txt", &len);
	struct inv_part *whole = inv_part_new("src", NULL);
	char *expected;

	ck_assert_int_eq(inv_file_parse(whole, text, len, NULL), 0);
	expected = part_text(whole);
	for (size_t cut = 0; cut <= len; cut++) {
		struct inv_part *part = inv_part_new("src", NULL);
		struct inv_file *f = inv_file_new(part);

		inv_file_feed(f, text, cut);
		inv_file_feed(f, text + cut, len - cut);
		ck_assert_int_eq(inv_file_finish(f, NULL), 0);
		expect_part(part, expected);
		inv_file_free(f);
		inv_part_free(part);
	}
	free(expected);
	inv_part_free(whole);
	free(text);
}
END_TEST

START_TEST(inv_file_parse_cut_off_fails)
{
	struct err e;
	struct inv_part *part = inv_part_new("src", NULL);
	static const char text[] = "101 192.0.2.1\n102 192.0.2.2";

	ck_assert_int_eq(inv_file_parse(part, text, strlen(text), &e), -EPIPE);
	ck_assert_str_eq(e.text,
			 "cut off: line 2 has no newline at its end (is it still being written?)");
	inv_part_free(part);
}
END_TEST

START_TEST(inv_file_parse_nothing_fails_comment_is_an_answer)
{
	inv_part_free(parse("", -ENODATA));
	expect("# none\n", "");
	expect("\n", "");
}
END_TEST

START_TEST(inv_file_parse_only_garbage_fails)
{
	log_capture();
	inv_part_free(parse("{\"a\"=1}\nx=1\n", -ENODATA));
	inv_part_free(parse("# list\nx=1\n\n", -ENODATA));
	EXPECT_LOG(3, "src:1", "src:2");
}
END_TEST

START_TEST(inv_file_parse_crlf_taken_told_once)
{
	log_capture();
	expect("101 192.0.2.1\r\n102 name=b\r\n\r\n", "101[-,unknown] 192.0.2.1; 102[b,unknown]");
	EXPECT_LOG(1, "src:1: lines end in CR LF");
	log_capture();
	inv_part_free(parse("101 192.0.2.1\r 192.0.2.2\n", -ENODATA));
	EXPECT_LOG(1, "src:1: line left out: it has a character that looks like a space",
		   "\"101\"");
}
END_TEST

START_TEST(inv_file_parse_byte_order_mark_skipped)
{
	expect("\xef\xbb\xbf"
	       "101 192.0.2.1\n",
	       "101[-,unknown] 192.0.2.1");
}
END_TEST

START_TEST(inv_file_parse_corner_forms_taken)
{
	expect("101 name= state=running\n", "101[-,running]");
	expect("101 name=\"\"\n", "101[-,unknown]");
	expect("101 name=a=b\n", "101[a=b,unknown]");
	expect("101 \"name\"=x\n", "101[x,unknown]");
	expect("101 name=\"a\"b# state=stopped # comment\n", "101[ab#,stopped]");
}
END_TEST

START_TEST(inv_file_feed_line_at_limit_taken)
{
	size_t len = INV_FILE_LINE_MAX;
	char *text = xmalloc(len + 3);
	struct inv_part *part = inv_part_new("src", NULL);

	log_capture();
	memset(text, ' ', len + 3);
	memcpy(text, "101 192.0.2.1", 13);
	text[len] = '\n';
	ck_assert_int_eq(inv_file_parse(part, text, len + 1, NULL), 0);
	text[len] = ' ';
	text[len + 1] = '\n';
	ck_assert_int_eq(inv_file_parse(part, text, len + 2, NULL), 0);
	EXPECT_LOG(1, "src:1: line left out: it is longer than 64 KiB");
	inv_part_free(part);
	free(text);
}
END_TEST

/* No damage may crash or hang it; whatever was taken passed the checks (inv_merge would assert). */
START_TEST(inv_file_parse_random_damage_survived)
{
	static const char *const names[] = { "inv/good.txt", "inv/malformed.txt" };

	seed_random();
	log_capture();
	for (int i = 0; i < 3000; i++) {
		size_t len, n;
		char *text = fixture_read(names[i % 16 == 0], &len), *bad = mutate(text, len, &n);
		struct inv_part *part = inv_part_new("src", NULL);
		struct inv_file *f = inv_file_new(part);
		size_t cut = random_below(n + 1);

		inv_file_feed(f, bad, cut);
		inv_file_feed(f, bad + cut, n - cut);
		/* An end without a newline is never believed. */
		if (inv_file_finish(f, NULL) == 0)
			ck_assert(n && bad[n - 1] == '\n');
		free(part_text(part));
		inv_file_free(f);
		inv_part_free(part);
		free(bad);
		free(text);
		if (i % 100 == 0)
			free(log_text());
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("inv_file");
	TCase *t = tcase_create("inv_file");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, inv_file_parse_good_file_taken);
	tcase_add_test(t, inv_file_parse_malformed_lines_left_out_with_line);
	tcase_add_test(t, inv_file_parse_link_taken);
	tcase_add_test(t, inv_file_parse_pid_taken);
	tcase_add_test(t, inv_file_parse_bad_pid_leaves_the_line_out);
	tcase_add_test(t, inv_file_parse_quota_taken);
	tcase_add_test(t, inv_file_parse_bad_quota_leaves_the_line_out);
	tcase_add_test(t, inv_file_parse_bad_link_leaves_the_line_out);
	tcase_add_test(t, inv_file_parse_address_in_place_of_an_id_is_doubted);
	tcase_add_test(t, inv_file_parse_blanks_that_are_none_doubted);
	tcase_add_test(t, inv_file_parse_network_leaves_the_rest_of_the_line);
	tcase_add_test(t, inv_file_feed_any_cut_same_result);
	tcase_add_test(t, inv_file_parse_cut_off_fails);
	tcase_add_test(t, inv_file_parse_nothing_fails_comment_is_an_answer);
	tcase_add_test(t, inv_file_parse_only_garbage_fails);
	tcase_add_test(t, inv_file_parse_crlf_taken_told_once);
	tcase_add_test(t, inv_file_parse_byte_order_mark_skipped);
	tcase_add_test(t, inv_file_parse_corner_forms_taken);
	tcase_add_test(t, inv_file_feed_line_at_limit_taken);
	tcase_add_test(t, inv_file_parse_random_damage_survived);
	suite_add_tcase(s, t);
	return run_suite(s);
}
