/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include "base/loop.h"
#include "base/xalloc.h"
#include "cli_answers.h"
#include "control/ctl.h"
#include "inventory/source_kind.h"
#include "netfilter/teardown.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In place of src/netfilter/teardown.c: the table "filter" cannot be torn down, "mangle" has 24
 * rules. */
int teardown_rules(const struct cfg *cfg, struct err *e, unsigned *ret_removed)
{
	if (!strcmp(cfg->netfilter.table, "filter")) {
		err_set(e, "no such table");
		return -ENOENT;
	}
	*ret_removed = 24;
	return 0;
}

int teardown_leftovers(const struct cfg *cfg, struct err *e)
{
	(void)cfg;
	(void)e;
	return 0;
}

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
	assert_run(w, "zero", 2, "",
		   "zero takes one container or one address: ctmeter zero CTID|ADDRESS");
	assert_run(w, "zero 101 102", 2, "", "zero takes one container or one address");
	assert_run(w, "status --bytes", 2, "",
		   "--bytes goes with list, report, usage and audit, not with status");
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
	assert_run(w, "-c CONF refresh", 1, "", "ctmeterd -c /tmp/check_cli.");
	assert_run(w, "-c CONF check daemon", 1, "fail  daemon ", "ctmeter: 1 check failed");
	assert_run(w, "-c CONF check daemon repairs --json", 1, "\"fail\": 1", "1 check failed");
	if (!source_kind_of("auto", "", NULL)) {
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
