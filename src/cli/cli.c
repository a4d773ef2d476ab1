/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter`, the operator's command: its command line, its commands, and what they share. */
#include "cli/cli.h"

#include "base/display.h"
#include "base/plain.h"
#include "base/xalloc.h"
#include "cli/cli_option.h"
#include "cli/cli_report.h"
#include "control/ctl_client.h"
#include "inventory/source.h"
#include "inventory/source_kind.h"
#include "version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

struct command {
	const char *name, *args, *summary;
	int (*run)(const struct cli *cli, struct err *e);
	bool takes_args; /* container ids; for check, names of checks */
	bool despite; /* runs despite a bad configuration: the daemon may use an earlier one */
	/* Check its arguments and options. NULL: nothing to check. */
	int (*check)(const struct cli *cli, struct err *e);
};

static const struct command commands[] = {
	{ "status", "", "show whether all traffic is counted and served", .run = cli_status,
	  .despite = true },
	{ "check", " [CHECK...]", "find what is not counted or served, and how to fix it",
	  .run = cli_check, .takes_args = true, .despite = true, .check = cli_check_check },
	{ "list", " [CTID...]", "show the traffic of containers and their addresses",
	  .run = cli_list, .takes_args = true },
	{ "top", "", "show live rates, busiest first", .run = cli_top, .check = cli_top_check },
	{ "report", "", "show the traffic of a period: last month, by day, ..", .run = cli_report,
	  .check = cli_report_check },
	{ "statement", " CTID", "write a page about a container's month for its customer",
	  .run = cli_statement, .takes_args = true, .check = cli_statement_check },
	{ "usage", " [CTID...]", "show what of their quotas containers used this period",
	  .run = cli_usage, .takes_args = true },
	{ "quota", " CTID SIZE", "set a container's quota: 2TB, none or default", .run = cli_quota,
	  .takes_args = true, .check = cli_quota_check },
	{ "audit", " [CTID...]", "prove that a billing period's figures add up", .run = cli_audit,
	  .takes_args = true },
	{ "import", " FILE...", "add traffic that was counted before ctmeter to the history",
	  .run = cli_import, .takes_args = true, .check = cli_import_check },
	{ "ship", "", "put closed periods into the fleet's PostgreSQL", .run = cli_ship,
	  .check = cli_ship_check },
	{ "zero", " CTID|ADDRESS", "restart its totals in list and report --since-zero",
	  .run = cli_zero, .takes_args = true, .check = cli_zero_check },
	{ "refresh", "", "poll the inventory now and wait until the rules are in place",
	  .run = cli_refresh },
	{ "teardown", "", "remove all rules of ctmeter and stop the daemon", .run = cli_teardown,
	  .despite = true },
};

/* Print the usage of one command, or (NULL) of all. */
static void print_usage(const struct command *command, FILE *out)
{
	char head[64];

	if (command)
		fprintf(out, "usage: ctmeter %s [OPTION...]%s\n%s\n", command->name, command->args,
			command->summary);
	else
		fputs("usage: ctmeter [-c FILE] [--json] COMMAND\n", out);
	for (size_t i = 0; !command && i < ARRAY_LEN(commands); i++) {
		snprintf(head, sizeof(head), "%s%s", commands[i].name, commands[i].args);
		fprintf(out, "  %-18s %s\n", head, commands[i].summary);
	}
	fputs("options:\n", out);
	cli_option_print(command ? command->name : NULL, out);
	fputs("exit status: 0 success; 1 failure, or status, check, refresh or audit found a\n"
	      "  problem; 2 wrong usage\n",
	      out);
}

static int usage_error(const struct command *command, const char *what, const char *token)
{
	char *clean = display_clean(token);

	fprintf(stderr, "ctmeter: %s%s\n", what, clean);
	print_usage(command, stderr);
	free(clean);
	return EXIT_USAGE;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static bool wants_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no_color && *no_color) && term && strcmp(term, "dumb");
}

/* False: not an option of top. */
static bool take_top_option(int c, const char *value, struct cli_top_options *top)
{
	switch (c) {
	case CLI_ONCE:
		top->once = true;
		return true;
	case CLI_INTERVAL:
		top->interval = value;
		return true;
	case CLI_SORT:
		top->sort = value;
		return true;
	case CLI_ADDRESSES:
		top->by_address = true;
		return true;
	case CLI_COUNT:
		top->count = value;
		return true;
	default:
		return false;
	}
}

/* False: not an option of import. */
static bool take_import_option(int c, struct cli_import_options *import)
{
	switch (c) {
	case CLI_UTC:
		import->utc = true;
		return true;
	case CLI_DRY_RUN:
		import->dry_run = true;
		return true;
	case CLI_FORGET:
		import->forget = true;
		return true;
	default:
		return false;
	}
}

/* False: not an option of statement. */
static bool take_statement_option(int c, const char *value, struct cli_statement_options *statement)
{
	switch (c) {
	case CLI_MONTH:
		statement->month = value;
		return true;
	case 'o':
		statement->output = value;
		return true;
	case CLI_ALL:
		statement->all = value;
		return true;
	case CLI_INDEX:
		statement->index = true;
		return true;
	default:
		return false;
	}
}

/* False: not an option of ship. */
static bool take_ship_option(int c, const char *value, struct cli_ship_options *ship)
{
	switch (c) {
	case CLI_INIT:
		ship->init = true;
		return true;
	case CLI_OPEN:
		ship->open = true;
		return true;
	case CLI_TAKE_OVER:
		ship->take_over = true;
		return true;
	case CLI_NEW_IDENTITY:
		ship->new_identity = true;
		return true;
	case CLI_DATABASE:
		ship->database = value;
		return true;
	default:
		return false;
	}
}

/* False: not an option of check. */
static bool take_check_option(int c, const char *value, struct cli_check_options *check)
{
	switch (c) {
	case CLI_COMMUNITY:
		check->community = value;
		return true;
	case CLI_PORTS_COMMUNITY:
		check->ports_community = value;
		return true;
	case CLI_AGENT:
		check->agent = value;
		return true;
	default:
		return false;
	}
}

/* The command line while it is parsed. given: cli_option_note of each option. */
struct line {
	struct cli *cli;
	uint64_t given;
	bool help;
};

/* Returns -1 to continue, or an exit status. */
static int take_option(struct line *line, int c, const char *name)
{
	struct cli *cli = line->cli;
	struct err e = { "" };

	switch (c) {
	case 'c':
		cli->config_path = optarg;
		cli->config_named = true;
		break;
	case CLI_JSON:
		cli->json = true;
		break;
	case CLI_BYTES:
		cli->exact = true;
		break;
	case CLI_PACKETS:
		cli->packets = true;
		break;
	case CLI_LINKS:
		cli->links = true;
		break;
	case CLI_LAST:
		cli->last = true;
		break;
	case CLI_REPORT:
		if (cli_report_option(cli->report, name, optarg, &e) < 0)
			return usage_error(find_command("report"), "", e.text);
		break;
	case 'h':
		line->help = true;
		break;
	case 'V':
		puts("ctmeter " CTM_VERSION);
		return EXIT_DONE;
	default:
		if (take_top_option(c, optarg, &cli->top) ||
		    take_check_option(c, optarg, &cli->check) ||
		    take_import_option(c, &cli->import) ||
		    take_statement_option(c, optarg, &cli->statement) ||
		    take_ship_option(c, optarg, &cli->ship))
			break;
		print_usage(NULL, stderr);
		return EXIT_USAGE;
	}
	return -1;
}

static int parse_options(int argc, char **argv, struct line *line)
{
	const struct option *options = cli_option_list();
	int c, index = -1, status = -1;

	while (status < 0 &&
	       (c = getopt_long(argc, argv, CLI_OPTION_LETTERS, options, &index)) != -1) {
		if (index < 0)
			index = cli_option_index(c);
		if (index >= 0)
			cli_option_note(&line->given, index);
		status = take_option(line, c, index >= 0 ? options[index].name : "");
		index = -1;
	}
	return status;
}

/* Every key has a default, so the default file may be missing. A file named by -c must exist. */
static int load_config(struct cli *cli, struct err *e)
{
	int rc = cfg_load(cli->config_path, source_check, &cli->cfg, e);

	if (rc == -ENOENT && !cli->config_named)
		rc = cfg_parse("", cli->config_path, source_check, &cli->cfg, e);
	return rc;
}

static void complain(const struct err *e)
{
	char *clean = display_clean(e->text);

	fprintf(stderr, "ctmeter: %s\n", clean);
	free(clean);
}

static int run_command(const struct command *command, struct cli *cli)
{
	struct err e = { "" };
	int rc = load_config(cli, &e);

	if (rc == -EINVAL && command->despite &&
	    cfg_load_good_lines(cli->config_path, source_check, &cli->cfg, &e) == 0) {
		complain(&e);
		rc = 0;
	}
	if (!rc)
		rc = command->run(cli, &e);
	if (!rc && (fflush(cli->out) || ferror(cli->out))) {
		rc = errno ? -errno : -EIO;
		err_set(&e, "cannot write the output: %s", strerror(-rc));
	}
	if (rc < 0)
		complain(&e);
	cfg_free(cli->cfg);
	return rc < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int run_main(int argc, char **argv, struct cli_report *report)
{
	struct cli cli = {
		.report = report,
		.config_path = CFG_DEFAULT_PATH,
		.colour = wants_colour(STDOUT_FILENO),
		.out = stdout,
	};
	struct line line = { .cli = &cli };
	int status = parse_options(argc, argv, &line);
	struct err e = { "" };
	const struct command *command;

	if (status >= 0)
		return status;
	command = optind < argc ? find_command(argv[optind]) : NULL;
	if (optind < argc && !command)
		return usage_error(NULL, "unknown command ", argv[optind]);
	if (line.help) {
		print_usage(command, stdout);
		return EXIT_DONE;
	}
	if (!command)
		return usage_error(NULL, "no command given", "");
	cli.args = argv + optind + 1;
	cli.n_args = (size_t)(argc - optind - 1);
	if (cli.n_args && !command->takes_args)
		return usage_error(command, "too many arguments: ", cli.args[0]);
	if (cli_option_check(line.given, command->name, &e) < 0 ||
	    (command->check && command->check(&cli, &e) < 0))
		return usage_error(command, "", e.text);
	return run_command(command, &cli);
}

int cli_main(int argc, char **argv)
{
	struct cli_report report = { .since = NULL };
	int status = run_main(argc, argv, &report);

	cli_report_release(&report);
	return status;
}

/* ---- what commands share ---- */

static void say_waiting(void *arg)
{
	fprintf(stderr, "ctmeter: waiting for %s ...\n", (const char *)arg);
}

/* Is a source of the inventory configured? Until then no daemon can run. */
static bool is_configured(const struct cli *cli, struct err *e)
{
	struct err why = { "" };

	if (sources_are_configured(cli->cfg->inventory.sources, cli->cfg->inventory.n_sources, "",
				   &why))
		return true;
	err_set(e, "%s of %s, then: systemctl start ctmeterd", why.text, cli->config_path);
	return false;
}

static int ask(const struct cli *cli, const char *command, const char *what, const json_t *more,
	       int timeout_s, const char *waiting_for, json_t **ret_answer, struct err *e)
{
	struct ctl_client_wait wait = { .timeout_ms = timeout_s * 1000, .notice_ms = 1000 };
	json_t *request = json_object();
	size_t len;
	int rc;

	if (waiting_for && isatty(STDERR_FILENO)) {
		wait.notice = say_waiting;
		wait.arg = (void *)(uintptr_t)waiting_for;
	}
	json_object_set_new(request, "command", json_string(command));
	if (what)
		json_object_set_new(request, "what", json_string(what));
	if (more)
		json_object_update(request, (json_t *)(uintptr_t)more);
	rc = ctl_client_call(cli->cfg->control.socket, request, &wait, ret_answer, e);
	json_decref(request);
	len = strlen(e->text);
	if ((rc == -ENOENT || rc == -ECONNREFUSED) && !is_configured(cli, e))
		;
	else if (rc == -ENOENT || rc == -ECONNREFUSED)
		snprintf(e->text + len, sizeof(e->text) - len,
			 ": is it running? Start it: systemctl start ctmeterd, or ctmeterd -c %s",
			 cli->config_path);
	else if (rc == -EACCES || rc == -EPERM)
		snprintf(e->text + len, sizeof(e->text) - len, ": run ctmeter as root");
	else if (rc == -ETIMEDOUT)
		snprintf(e->text + len, sizeof(e->text) - len, ": see its log");
	return rc;
}

int cli_ask(const struct cli *cli, const char *command, int timeout_s, const char *waiting_for,
	    json_t **ret_answer, struct err *e)
{
	return ask(cli, command, NULL, NULL, timeout_s, waiting_for, ret_answer, e);
}

int cli_ask_about(const struct cli *cli, const char *command, const char *what, json_t **ret_answer,
		  struct err *e)
{
	return ask(cli, command, what, NULL, 10, NULL, ret_answer, e);
}

int cli_ask_with(const struct cli *cli, const char *command, const char *what, const json_t *more,
		 json_t **ret_answer, struct err *e)
{
	return ask(cli, command, what, more, 10, NULL, ret_answer, e);
}

void cli_print_json(const struct cli *cli, const json_t *answer)
{
	char *text = json_dumps(answer, JSON_INDENT(2));

	if (text)
		plain_put_json(text, cli->out);
	free(text);
	fputc('\n', cli->out);
}

const char *cli_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text ? text : "-";
}

uint64_t cli_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		return strtoull(json_string_value(value), NULL, 10);
	return json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
}
