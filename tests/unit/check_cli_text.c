/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include "base/xalloc.h"
#include "cli_answers.h"

#include <check.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static char *list_text(const struct cli *options, const char *answer_text)
{
	json_error_t error;
	json_t *answer = json_loads(answer_text, 0, &error);
	struct cli cli = *options;
	char *text = NULL;
	size_t len = 0;

	ck_assert_msg(answer, "%s", error.text);
	cli.out = open_memstream(&text, &len);
	cli_list_print(&cli, answer);
	fclose(cli.out);
	json_decref(answer);
	return text;
}

static void assert_list(const struct cli *options, const char *answer, const char *expected)
{
	char *text = list_text(options, answer);

	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(cli_list_print_all_kinds_of_rows)
{
	struct cli cli = { .exact = false };
	char *json = json_text(containers);

	assert_list(
		&cli, json,
		"CTID   NAME          ADDRESS             IN      OUT  NODE IN  NODE OUT  STATUS\n"
		"101    web           192.0.2.1      1.00 kB  2.35 MB     0  B      0  B  "
		"counting\n"
		"102    db            2 addresses     300  B   400  B     1  B      2  B  "
		"counting, stopped\n"
		"                       192.0.2.2     100  B   200  B     1  B      2  B  "
		"counting\n"
		"                       2001:db8::2        -        -        -         -  "
		"not-countable\n"
		"103    -             -                 0  B     0  B     0  B      0  B  retired\n"
		"104    was           1 address       900  B     0  B     0  B      0  B  "
		"counting\n"
		"                       192.0.2.4     100  B     0  B     0  B      0  B  "
		"counting\n"
		"TOTAL  4 containers  4 addresses    2.20 kB  2.35 MB     1  B      2  B\n");
	free(json);
}
END_TEST

START_TEST(cli_list_print_reason_stands_for_a_network_that_is_not_its_own)
{
	struct cli cli = { .exact = true };
	char *json = json_text(
		"{'sample_age_ms':0,'containers':[{'id':'106','name':'n','state':"
		"'running'," ROW(0, 0, 0, 0,
				 "not-countable") ",'reason':'shared network','addresses':[]}]}");

	assert_list(&cli, json,
		    "CTID  NAME  ADDRESS  IN  OUT  NODE IN  NODE OUT  STATUS\n"
		    "106   n     -         -    -        -         -  shared network\n");
	free(json);
}
END_TEST

START_TEST(cli_list_print_reason_stands_for_other)
{
	struct cli cli = { .exact = true };
	char *json = json_text(
		"{'sample_age_ms':0,'containers':[{'id':'105','name':'n','state':"
		"'stopped'," ROW(0, 0, 0, 0, "other") ",'reason':'no addresses','addresses':[]}]}");

	assert_list(&cli, json,
		    "CTID  NAME  ADDRESS  IN  OUT  NODE IN  NODE OUT  STATUS\n"
		    "105   n     -         0    0        0         0  no addresses, stopped\n");
	free(json);
}
END_TEST

/* clang-format off: strings that follow each other are one */
#define CONTAINER_AGAIN(id, name, status) \
	"{'id':'" id "','name':'" name    \
	"','state':'running'," ROW(0, 0, 0, 0, status) ",'addresses':["
#define CONTAINER(id, name, status) "{'containers':[" CONTAINER_AGAIN(id, name, status)
#define ADDRESS(address, status) "{'address':'" address "'," ROW(0, 0, 0, 0, status)

/* A reason does not stand for a status that scripts read. */
START_TEST(cli_links_print_each_address_has_a_line)
{
	struct cli cli = { .exact = true };
	char *json = json_text(
		CONTAINER("1", "x", "counting")
			ADDRESS("192.0.2.1", "counting") ",'link':'veth1','reason':''}," ADDRESS(
				"192.0.2.2",
				"pending") ",'link':'','reason':'no route\\u001b leads to "
					   "it'}]}," CONTAINER_AGAIN("2", "y", "conflict")
						   ADDRESS("192.0.2.3", "conflict") "}]}]}");
	json_t *answer = json_loads(json, 0, NULL);
	char *text = NULL, *list;
	size_t len;

	cli.out = xopen_memstream(&text, &len);
	cli_links_print(&cli, answer);
	fclose(cli.out);
	ck_assert_str_eq(text, "CTID  NAME  ADDRESS    LINK   STATUS    REASON\n"
			       "1     x     192.0.2.1  veth1  counting  -\n"
			       "1     x     192.0.2.2  -      pending   no route? leads to it\n"
			       "2     y     192.0.2.3  -      conflict  -\n");
	list = list_text(&cli, json);
	ck_assert_ptr_nonnull(strstr(list, "  pending\n"));
	ck_assert_ptr_null(strstr(list, "no route"));
	free(list);
	free(text);
	free(json);
	json_decref(answer);
}
END_TEST
/* clang-format on */

START_TEST(cli_list_print_runtimes_if_several)
{
	struct cli cli = { .exact = true };
	char *json = json_text(
		"{'sample_age_ms':0,'containers':[{'id':'5','name':'n','state':'running'," ROW(
			0, 0, 0, 0,
			"counting") ",'runtime':'docker','addresses':[]},"
				    "{'id':'6','name':'m','state':'running'," ROW(
					    0, 0, 0, 0,
					    "counting") ",'runtime':'incus','addresses':[]}]}");

	assert_list(
		&cli, json,
		"CTID   NAME          ADDRESS      IN  OUT  NODE IN  NODE OUT  STATUS    RUNTIME\n"
		"5      n             -             0    0        0         0  counting  docker\n"
		"6      m             -             0    0        0         0  counting  incus\n"
		"TOTAL  2 containers  0 addresses   0    0        0         0\n");
	free(json);
}
END_TEST

START_TEST(cli_list_print_exact_beyond_2_63)
{
	struct cli cli = { .exact = true };
	char *json = json_text("{'sample_age_ms':61000,'containers':[{'id':'1','name':'x',"
			       "'state':'running'," ROW('18446744073709551615', 9223372036854775807,
							5, 6, "counting") ",'addresses':[]}]}");

	assert_list(&cli, json,
		    "CTID  NAME  ADDRESS                    IN                  OUT  NODE IN  "
		    "NODE OUT  STATUS\n"
		    "1     x     -        18446744073709551615  9223372036854775807        5  "
		    "       6  counting\n"
		    "These counters were read 61 s ago.\n");
	free(json);
}
END_TEST

START_TEST(cli_list_print_packets_are_counted_too)
{
	struct cli cli = { .packets = true };
	char *json = json_text("{'containers':[{'id':'1','name':'x','state':'running'," ROW(
		0, 0, 0, 0, "counting") ",'addresses':[]}]}");

	assert_list(
		&cli, json,
		"CTID  NAME  ADDRESS  IN PKTS  OUT PKTS  NODE IN PKTS  NODE OUT PKTS  STATUS\n"
		"1     x     -            1         2             3           4.00 k  counting\n");
	free(json);
}
END_TEST

START_TEST(cli_list_print_hostile_name_is_tamed)
{
	struct cli cli = { .exact = true };
	char *json = json_text("{'containers':[{'id':'1','name':'a\\u001b[2Jb\\nc','state':"
			       "'running'," ROW(0, 0, 0, 0, "counting") ",'addresses':[]}]}");
	char *text = list_text(&cli, json);

	ck_assert_ptr_null(strchr(text, '\033'));
	ck_assert_ptr_nonnull(strstr(text, "a?[2Jb?c"));
	free(text);
	free(json);
}
END_TEST

START_TEST(cli_list_print_odd_answers_are_survived)
{
	struct cli cli = { .exact = false };

	assert_list(&cli, "{}", "no containers are known: see the sources in ctmeter status\n");
	free(list_text(&cli, "{\"containers\":[{},7,null,{\"addresses\":[5]}]}"));
	free(list_text(&cli, "{\"containers\":\"x\"}"));
}
END_TEST

START_TEST(cli_list_select_ids_in_their_order)
{
	char *json = json_text(containers);
	json_t *answer = json_loads(json, 0, NULL), *selected = NULL;
	char *ids[] = { (char *)"104", (char *)"101" }, *none[] = { (char *)"10" };
	struct err e = { "" };
	const json_t *list;

	ck_assert_int_eq(cli_list_select(answer, ids, 2, &selected, &e), 0);
	list = json_object_get(selected, "containers");
	ck_assert_uint_eq(json_array_size(list), 2);
	ck_assert_str_eq(cli_text(json_array_get(list, 0), "id"), "104");
	ck_assert_str_eq(cli_text(json_array_get(list, 1), "id"), "101");
	json_decref(selected);
	ck_assert_int_eq(cli_list_select(answer, none, 1, &selected, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "no container 10 "));
	json_decref(answer);
	free(json);
}
END_TEST

static char *status_text(const char *quoted)
{
	char *json = json_text(quoted), *text = NULL;
	json_t *answer = json_loads(json, 0, NULL);
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(answer);
	cli_status_print(answer, false, out);
	fclose(out);
	json_decref(answer);
	free(json);
	return text;
}

START_TEST(cli_status_print_backend_says_which_and_why)
{
	char *text = status_text("{'backend':'iptables','table':'mangle','on_links':false,"
				 "'strays':null,'backend_reason':'auto: link: no bpffs'}");

	ck_assert_ptr_nonnull(
		strstr(text, "  backend:        iptables, table mangle (auto: link: no bpffs)\n"));
	ck_assert_ptr_null(strstr(text, "spoofed"));
	free(text);
	text = status_text("{'backend':'link','table':'mangle','on_links':true,"
			   "'backend_reason':'','strays':{'spoofed_pkts':7,'spoofed_octets':2000,"
			   "'broken_pkts':0,'broken_octets':0}}");
	ck_assert_ptr_nonnull(strstr(text, "  backend:        link\n"));
	ck_assert_ptr_nonnull(
		strstr(text, "  spoofed:        7 packets, 2.00 kB from containers'"));
	ck_assert_ptr_null(strstr(text, "unreadable"));
	free(text);
}
END_TEST

START_TEST(cli_status_print_healthy_is_aligned)
{
	char *text = status_text(
		"{'version':'1.0','pid':5,'uptime_s':61,'backend':'iptables','table':'mangle',"
		"'node_traffic':true,'ipv4':'counting','ipv6':'counting','rules':16,"
		"'rule_repairs':1,'commits':2,'last_commit_ms':3,'containers':3,'addresses':4,"
		"'conflicts':0,'sample_age_ms':1250,'stale_answers':0,"
		"'sources':[{'name':'vz','state':'ok'}],'inventory_failures':0,'store':'ok',"
		"'clock':{'state':'ok','jumps':2,'last_jump':'2026-11-23T10:11:12Z',"
		"'last_jump_s':-86400,'last_jump_ago_s':60},"
		"'agentx':{'state':'up','socket':'/s','problem':'','requests':8,'varbinds':9},"
		"'problems':[]}");

	ck_assert_str_eq(
		text,
		"daemon\n"
		"  version:        1.0\n"
		"  pid:            5\n"
		"  running for:    1 min 1 s\n"
		"netfilter\n"
		"  backend:        iptables, table mangle\n"
		"  IPv4:           counting\n"
		"  IPv6:           counting\n"
		"  node traffic:   counted\n"
		"  rules:          16\n"
		"  repairs:        1\n"
		"  commits:        2, the last took 3 ms\n"
		"  last reading:   1.2 s ago\n"
		"inventory\n"
		"  source:         vz: ok\n"
		"  containers:     3\n"
		"  addresses:      4\n"
		"  conflicts:      0\n"
		"  failed looks:   0\n"
		"ledger\n"
		"  store:          ok\n"
		"  clock:          ok; set 2 times, last by -86400 s to 2026-11-23T10:11:12Z\n"
		"agentx\n"
		"  socket:         /s\n"
		"  session:        up\n"
		"  answered:       8 requests, 9 values\n"
		"  stale answers:  0\n"
		"\n"
		"healthy\n");
	free(text);
}
END_TEST

START_TEST(cli_status_print_problems_are_last)
{
	char *text = status_text("{'agentx':{'state':'down','problem':'no \\u001bsnmpd'},"
				 "'problems':['snmpd is away','a\\nb']}");

	ck_assert_ptr_nonnull(strstr(text, "  session:        down: no ?snmpd\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n\nproblem: snmpd is away\nproblem: a?b\n"));
	ck_assert_ptr_null(strstr(text, "healthy"));
	free(text);
	free(status_text("{}"));
}
END_TEST

START_TEST(cli_status_print_warnings_follow_problems)
{
	char *text = status_text("{'problems':[],'warnings':['clock: no']}");

	ck_assert_ptr_nonnull(strstr(text, "\n\nhealthy\nwarning: clock: no\nctmeter check "));
	free(text);
	text = status_text("{'problems':['p'],'warnings':['q']}");
	ck_assert_ptr_nonnull(strstr(text, "\n\nproblem: p\nwarning: q\nctmeter check "));
	free(text);
}
END_TEST

START_TEST(cli_check_print_cure_below_the_line)
{
	char text_in[] = "a\nb", cure[] = "mend \033it", *text = NULL;
	struct doctor_finding f = { .level = DOCTOR_WARN, .text = text_in, .cure = cure };
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	cli_check_print("disk", &f, false, out);
	f.level = DOCTOR_FAIL;
	f.cure = NULL;
	f.look = cure;
	cli_check_print("early-drops", &f, true, out);
	fclose(out);
	ck_assert_str_eq(text, "warn  disk             a?b\n"
			       "      mend: mend ?it\n"
			       "\033[31mfail\033[0m  early-drops      a?b\n"
			       "      look: mend ?it\n");
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cli_text");
	TCase *tc = tcase_create("cli_text");
	SRunner *sr;
	int failed;

	setlocale(LC_CTYPE, "C.UTF-8");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, cli_list_print_all_kinds_of_rows);
	tcase_add_test(tc, cli_list_print_reason_stands_for_a_network_that_is_not_its_own);
	tcase_add_test(tc, cli_list_print_reason_stands_for_other);
	tcase_add_test(tc, cli_list_print_runtimes_if_several);
	tcase_add_test(tc, cli_list_print_exact_beyond_2_63);
	tcase_add_test(tc, cli_list_print_packets_are_counted_too);
	tcase_add_test(tc, cli_links_print_each_address_has_a_line);
	tcase_add_test(tc, cli_list_print_hostile_name_is_tamed);
	tcase_add_test(tc, cli_list_print_odd_answers_are_survived);
	tcase_add_test(tc, cli_list_select_ids_in_their_order);
	tcase_add_test(tc, cli_status_print_healthy_is_aligned);
	tcase_add_test(tc, cli_status_print_backend_says_which_and_why);
	tcase_add_test(tc, cli_status_print_problems_are_last);
	tcase_add_test(tc, cli_status_print_warnings_follow_problems);
	tcase_add_test(tc, cli_check_print_cure_below_the_line);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
