/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli.h"

#include "ctl.h"
#include "loop.h"
#include "source_one.h"
#include "teardown.h"
#include "xalloc.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In place of src/teardown.c: the table "filter" cannot be torn down, "mangle" has 24 rules. */
int teardown_rules(const struct cfg *cfg, struct err *e, unsigned *ret_removed)
{
	if (!strcmp(cfg->netfilter.table, "filter")) {
		err_set(e, "no such table");
		return -ENOENT;
	}
	*ret_removed = 24;
	return 0;
}

/* ---- text from answers ---- */

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

#define ROW(in, out, node_in, node_out, status)                                       \
	"'in_octets':" #in ",'out_octets':" #out ",'node_in_octets':" #node_in        \
	",'node_out_octets':" #node_out ",'in_pkts':1,'out_pkts':2,'node_in_pkts':3," \
	"'node_out_pkts':4000,'status':'" status "'"

/* JSON with ' for ", for free(). */
static char *json_text(const char *text)
{
	char *copy = xstrdup(text);

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	return copy;
}

static const char
	containers[] =
		"{'sample_age_ms':0,'containers':["
		"{'id':'101','name':'web','state':'running'," ROW(1000, 2345678, 0, 0, "counting") ",'addresses':[{'address':'192.0.2.1'," ROW(
			1000, 2345678, 0,
			0, "counting") "}]},"
				       "{'id':'102','name':'db','state':'stopped'," ROW(300, 400, 1, 2, "counting") ",'addresses':[{'address':'192.0.2.2'," ROW(100, 200, 1, 2, "counting") "},{'address':'2001:db8::2'," ROW(
					       0, 0, 0, 0,
					       "not-countable") "}]},"
								"{'id':'103','name':'','state':'"
								"gone'," ROW(
									0, 0, 0, 0,
									"retired") ",'addresses':[]"
										   "},"
										   "{'id':'104','"
										   "name':'was','"
										   "state':'"
										   "running'," ROW(
											   900, 0,
											   0, 0,
											   "countin"
											   "g") ",'"
												"ad"
												"dr"
												"es"
												"se"
												"s'"
												":["
												"{'"
												"ad"
												"dr"
												"es"
												"s'"
												":'"
												"19"
												"2."
												"0."
												"2."
												"4'"
												"," ROW(100,
													0,
													0,
													0,
													"counting") "}]}"
														    "]}";

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

	assert_list(&cli, "{}",
		    "no containers are known (ctmeter status tells what the sources say)\n");
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

	ck_assert_str_eq(text, "daemon\n"
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

/* ---- the whole command, in a child ---- */

struct world {
	char dir[32];
	char *config, *socket, *out, *err;
	struct loop *loop;
	struct ctl *ctl;
	bool ends; /* the daemon obeys teardown */
};

static void handle(void *arg, struct ctl_request *req)
{
	const char *command = ctl_request_command(req);
	struct world *w = arg;
	char *json = NULL;

	if (!strcmp(command, "teardown") && w->ends) {
		ctl_reply(req, json_pack("{s:i}", "removed", 5));
		ctl_free(w->ctl);
		w->ctl = NULL;
		return;
	}
	if (!strcmp(command, "status"))
		json = json_text("{'version':'1.0','problems':[]}");
	else if (!strcmp(command, "list"))
		json = json_text(containers);
	else if (!strcmp(command, "refresh"))
		json = json_text("{'containers':3,'addresses':4,'rules':16}");
	if (json)
		ctl_reply(req, json_loads(json, 0, NULL));
	else
		ctl_reply_error(req, "no %s here", command);
	free(json);
}

static void write_keys(const struct world *w, const char *table, const char *source)
{
	FILE *f = fopen(w->config, "w");

	fprintf(f, "[netfilter]\ntable = %s\n[inventory]\nsource = %s\n[control]\nsocket = %s\n",
		table, source, w->socket);
	fclose(f);
}

static void write_config(const struct world *w, const char *table)
{
	write_keys(w, table, "file:/none");
}

static struct world *world_new(bool with_daemon)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct err e = { "" };

	snprintf(w->dir, sizeof(w->dir), "/tmp/check_cli.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(w->dir));
	w->config = xasprintf("%s/conf", w->dir);
	w->socket = xasprintf("%s/sock", w->dir);
	w->out = xasprintf("%s/out", w->dir);
	w->err = xasprintf("%s/err", w->dir);
	write_config(w, "mangle");
	w->loop = loop_new();
	if (with_daemon)
		ck_assert_msg(!ctl_new(w->socket, w->loop, handle, w, &w->ctl, &e), "%s", e.text);
	return w;
}

static void world_free(struct world *w)
{
	ctl_free(w->ctl);
	loop_free(w->loop);
	unlink(w->config);
	unlink(w->out);
	unlink(w->err);
	ck_assert_int_eq(rmdir(w->dir), 0);
	free(w->config);
	free(w->socket);
	free(w->out);
	free(w->err);
	free(w);
}

static int run_in_child(const struct world *w, char **argv)
{
	int argc = 0, status;

	while (argv[argc])
		argc++;
	if (!freopen(w->out, "w", stdout) || !freopen(w->err, "w", stderr))
		return 99;
	status = cli_main(argc, argv);
	fflush(NULL);
	return status;
}

/* Run `ctmeter ARGS` (split at blanks) while the daemon, if any, answers. */
static int run(struct world *w, const char *args)
{
	char *copy = xasprintf("ctmeter %s", args), *argv[16], *save = NULL;
	int n = 0, status = 0;
	pid_t pid;

	for (char *s = strtok_r(copy, " ", &save); s && n < 15; s = strtok_r(NULL, " ", &save))
		argv[n++] = !strcmp(s, "CONF") ? w->config : s;
	argv[n] = NULL;
	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		_exit(run_in_child(w, argv));
	while (waitpid(pid, &status, WNOHANG) == 0)
		loop_run_once(w->loop, 5);
	ck_assert(WIFEXITED(status));
	free(copy);
	return WEXITSTATUS(status);
}

static bool file_has(const char *path, const char *part)
{
	char text[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return *part ? strstr(text, part) != NULL : n == 0;
}

/* Exit status, a part of stdout, a part of stderr; "": must be empty. */
static void assert_run(struct world *w, const char *args, int status, const char *out,
		       const char *err)
{
	ck_assert_msg(run(w, args) == status, "exit status of %s", args);
	ck_assert_msg(file_has(w->out, out), "stdout of %s lacks '%s'", args, out);
	ck_assert_msg(file_has(w->err, err), "stderr of %s lacks '%s'", args, err);
}

START_TEST(cli_main_usage_exits_2)
{
	struct world *w = world_new(false);

	assert_run(w, "", 2, "", "usage: ctmeter");
	assert_run(w, "nonsense", 2, "", "unknown command nonsense");
	assert_run(w, "top --interval 0", 2, "", "--interval takes 0.5 to 3600 seconds, not 0");
	assert_run(w, "--nonsense status", 2, "", "usage: ctmeter");
	assert_run(w, "status 101", 2, "", "too many arguments: 101");
	assert_run(w, "zero", 2, "", "which one: zero CTID|ADDRESS");
	assert_run(w, "zero 101 102", 2, "", "one at a time");
	assert_run(w, "status --bytes", 2, "",
		   "--bytes goes with list and report, not with status");
	assert_run(w, "status --bytes", 2, "", "usage: ctmeter status");
	assert_run(w, "check nonsense", 2, "", "no check is called nonsense");
	assert_run(w, "status --community x", 2, "",
		   "--community goes with check, not with status");
	assert_run(w, "-c", 2, "", "usage: ctmeter");
	world_free(w);
}
END_TEST

START_TEST(cli_main_help_and_version_exit_0)
{
	struct world *w = world_new(false);

	assert_run(w, "--help", 0, "teardown", "");
	assert_run(w, "-h", 0, "usage: ctmeter", "");
	assert_run(w, "report --help", 0, "usage: ctmeter report [OPTION...]\n", "");
	assert_run(w, "report --help", 0, "\n      --since T      from 2026-11-01,", "");
	assert_run(w, "-h report", 0, "usage: ctmeter report [OPTION...]\n", "");
	assert_run(w, "zero -h", 0, "usage: ctmeter zero [OPTION...] CTID|ADDRESS\n", "");
	assert_run(w, "nonsense --help", 2, "", "unknown command nonsense");
	assert_run(w, "--version", 0, "ctmeter ", "");
	world_free(w);
}
END_TEST

START_TEST(cli_main_daemon_answers_are_shown)
{
	struct world *w = world_new(true);

	assert_run(w, "-c CONF status", 0, "healthy", "");
	assert_run(w, "-c CONF status --json", 0, "  \"version\": \"1.0\"", "");
	assert_run(w, "-c CONF check daemon", 0, "warn  daemon ", "");
	assert_run(w, "-c CONF check repairs", 0, "\n1 ok, 0 warnings, 0 failed", "");
	assert_run(w, "-c CONF check --json repairs", 0, "\"level\": \"ok\"", "");
	assert_run(w, "-c CONF list", 0, "192.0.2.1 ", "");
	assert_run(w, "list --bytes 101 -c CONF", 0, "2345678", "");
	assert_run(w, "-c CONF --json list 101", 0, "\"in_octets\": 1000", "");
	assert_run(w, "-c CONF list 9", 1, "", "ctmeter: no container 9 is known");
	assert_run(w, "-c CONF refresh", 0, "3 containers, 4 addresses: 16 rules are in place\n",
		   "");
	assert_run(w, "-c CONF teardown", 1, "", "ctmeter: no teardown here\n");
	w->ends = true;
	assert_run(w, "-c CONF teardown", 0, "5 rules removed, ctmeterd has ended\n", "");
	world_free(w);
}
END_TEST

START_TEST(cli_main_no_daemon_says_what_to_do)
{
	struct world *w = world_new(false);

	assert_run(w, "-c CONF status", 1, "", ": No such file or directory: is it running?");
	assert_run(w, "-c CONF refresh", 1, "", "(ctmeterd -c /tmp/check_cli.");
	assert_run(w, "-c CONF check daemon", 1, "fail  daemon ", "ctmeter: 1 check failed");
	assert_run(w, "-c CONF check daemon repairs --json", 1, "\"fail\": 1", "1 check failed");
	if (!source_vz_present("")) {
		write_keys(w, "mangle", "auto");
		assert_run(w, "-c CONF status", 1, "",
			   "not configured yet: source = auto found no");
		assert_run(w, "-c CONF check daemon", 1, "then: ", "ctmeter: 1 check failed");
	}
	world_free(w);
}
END_TEST

START_TEST(cli_main_teardown_without_daemon_removes_rules)
{
	struct world *w = world_new(false);

	assert_run(w, "-c CONF teardown", 0, "24 rules removed", "");
	assert_run(w, "-c CONF --json teardown", 0, "\"removed\": 24", "");
	write_config(w, "filter");
	assert_run(w, "-c CONF teardown", 1, "", "ctmeter: no such table\n");
	world_free(w);
}
END_TEST

START_TEST(cli_main_bad_configuration_exits_1)
{
	struct world *w = world_new(true);

	assert_run(w, "-c /nonexistent status", 1, "", "cannot read the configuration");
	write_config(w, "nat");
	assert_run(w, "-c CONF list", 1, "", "conf:2: [netfilter] table = nat");
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cli");
	TCase *tc = tcase_create("cli");
	SRunner *sr;
	int failed;

	setlocale(LC_CTYPE, "C.UTF-8");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, cli_list_print_all_kinds_of_rows);
	tcase_add_test(tc, cli_list_print_reason_stands_for_other);
	tcase_add_test(tc, cli_list_print_exact_beyond_2_63);
	tcase_add_test(tc, cli_list_print_packets_are_counted_too);
	tcase_add_test(tc, cli_list_print_hostile_name_is_tamed);
	tcase_add_test(tc, cli_list_print_odd_answers_are_survived);
	tcase_add_test(tc, cli_list_select_ids_in_their_order);
	tcase_add_test(tc, cli_status_print_healthy_is_aligned);
	tcase_add_test(tc, cli_status_print_problems_are_last);
	tcase_add_test(tc, cli_status_print_warnings_follow_problems);
	tcase_add_test(tc, cli_check_print_cure_below_the_line);
	tcase_add_test(tc, cli_main_usage_exits_2);
	tcase_add_test(tc, cli_main_help_and_version_exit_0);
	tcase_add_test(tc, cli_main_daemon_answers_are_shown);
	tcase_add_test(tc, cli_main_no_daemon_says_what_to_do);
	tcase_add_test(tc, cli_main_teardown_without_daemon_removes_rules);
	tcase_add_test(tc, cli_main_bad_configuration_exits_1);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
