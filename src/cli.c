/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operator's command: its command line, its table of commands, and what they share. */
#include "cli.h"

#include "cli_report.h"
#include "ctl_client.h"
#include "display.h"
#include "version.h"
#include "xalloc.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

struct command {
	const char *name, *args, *summary;
	int (*run)(const struct cli *cli, struct err *e);
	bool takes_ids; /* arguments: container ids; of check, names */
	bool takes_units; /* --bytes, --packets */
	bool takes_report; /* --since, --until, ..; --bytes */
	bool takes_top; /* --once, --interval, .. */
	bool takes_check; /* --community, .. */
	bool despite; /* a bad configuration: it tells how the daemon is that runs with another */
	/* Are its options right? NULL: nothing to check. */
	int (*check)(const struct cli *cli, struct err *e);
};

static const struct command commands[] = {
	{ "status", "", "is everything counted and served?", .run = cli_status, .despite = true },
	{ "check", " [CHECK...]", "what stands between a packet and the poller, and what mends it",
	  .run = cli_check, .takes_ids = true, .takes_check = true, .despite = true,
	  .check = cli_check_check },
	{ "list", " [CTID...]", "traffic of containers and their addresses", .run = cli_list,
	  .takes_ids = true, .takes_units = true },
	{ "top", "", "live rates, the busiest first", .run = cli_top, .takes_top = true,
	  .check = cli_top_check },
	{ "report", "", "traffic of a period: last month, by day, ..", .run = cli_report,
	  .takes_report = true, .check = cli_report_check },
	{ "zero", " CTID|ADDRESS", "count it from now on, in list and report --since-zero",
	  .run = cli_zero, .takes_ids = true, .check = cli_zero_check },
	{ "refresh", "", "look at the inventory now; done when the rules are in place",
	  .run = cli_refresh },
	{ "teardown", "", "remove every rule of ours and end the daemon", .run = cli_teardown,
	  .despite = true },
};

static void print_usage(FILE *out)
{
	char head[64];

	fputs("usage: ctmeter [-c FILE] [--json] COMMAND\n", out);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		snprintf(head, sizeof(head), "%s%s", commands[i].name, commands[i].args);
		fprintf(out, "  %-18s %s\n", head, commands[i].summary);
	}
	fputs("options:\n"
	      "  -c, --config FILE  configuration, " CFG_DEFAULT_PATH " by default\n"
	      "      --json         print the answer as JSON\n"
	      "      --community C  check: by which snmpd shows the tables; the switch view is\n"
	      "                     asked for with --ports-community, \"C-ports\" by default\n"
	      "      --agent HOST   check: where snmpd listens, HOST[:PORT]\n"
	      "      --bytes        list, report: every digit instead of kB, MB, GB\n"
	      "      --packets      list: packets instead of octets\n"
	      "      --once         top: one table after one interval, no live display\n"
	      "      --interval S   top: seconds between looks, 2 by default\n"
	      "      --sort KEY     top: in, out, total (default) or pkts\n"
	      "      --addresses    top: a row for each address\n"
	      "      --count N      top: at most N rows\n"
	      "      --since T      report: from 2026-11-01, 2026-11-01T12:00, 30d (default),\n"
	      "                     12h, month or last-month on\n"
	      "      --until T      report: up to then; default: now\n"
	      "      --by WHAT      report: container (default), address, day or hour\n"
	      "      --ct CTID      report: only this container (may be repeated)\n"
	      "      --ip ADDRESS   report: only this address (may be repeated)\n"
	      "      --format FORM  report: table (default), csv or json\n"
	      "      --since-zero   report: all since the mark of ctmeter zero\n"
	      "  -h, --help         print this\n"
	      "  -V, --version      print the version\n",
	      out);
}

static int usage_error(const char *what, const char *token)
{
	char *clean = display_clean(token);

	fprintf(stderr, "ctmeter: %s%s\n", what, clean);
	print_usage(stderr);
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

enum long_option {
	OPT_ONCE = 256,
	OPT_INTERVAL,
	OPT_SORT,
	OPT_ADDRESSES,
	OPT_COUNT,
	OPT_REPORT,
	OPT_COMMUNITY,
	OPT_PORTS_COMMUNITY,
	OPT_AGENT
};

/* False: it is not one of top's. */
static bool take_top_option(int c, const char *value, struct cli_top_options *top)
{
	switch (c) {
	case OPT_ONCE:
		top->once = true;
		return true;
	case OPT_INTERVAL:
		top->interval = value;
		return true;
	case OPT_SORT:
		top->sort = value;
		return true;
	case OPT_ADDRESSES:
		top->by_address = true;
		return true;
	case OPT_COUNT:
		top->count = value;
		return true;
	default:
		return false;
	}
}

/* False: it is not one of check's. */
static bool take_check_option(int c, const char *value, struct cli_check_options *check)
{
	switch (c) {
	case OPT_COMMUNITY:
		check->community = value;
		return true;
	case OPT_PORTS_COMMUNITY:
		check->ports_community = value;
		return true;
	case OPT_AGENT:
		check->agent = value;
		return true;
	default:
		return false;
	}
}

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "bytes", no_argument, NULL, 'b' },
	{ "packets", no_argument, NULL, 'p' },
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "sort", required_argument, NULL, OPT_SORT },
	{ "addresses", no_argument, NULL, OPT_ADDRESSES },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "community", required_argument, NULL, OPT_COMMUNITY },
	{ "ports-community", required_argument, NULL, OPT_PORTS_COMMUNITY },
	{ "agent", required_argument, NULL, OPT_AGENT },
	{ "since", required_argument, NULL, OPT_REPORT },
	{ "until", required_argument, NULL, OPT_REPORT },
	{ "by", required_argument, NULL, OPT_REPORT },
	{ "ct", required_argument, NULL, OPT_REPORT },
	{ "ip", required_argument, NULL, OPT_REPORT },
	{ "format", required_argument, NULL, OPT_REPORT },
	{ "since-zero", no_argument, NULL, OPT_REPORT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Returns -1 to go on, or an exit status. */
static int parse_options(int argc, char **argv, struct cli *cli)
{
	struct err e = { "" };
	int c, index;

	while ((c = getopt_long(argc, argv, "c:hV", options, &index)) != -1) {
		switch (c) {
		case 'c':
			cli->config_path = optarg;
			cli->config_named = true;
			break;
		case 'j':
			cli->json = true;
			break;
		case 'b':
			cli->exact = true;
			break;
		case 'p':
			cli->packets = true;
			break;
		case OPT_REPORT:
			if (cli_report_option(cli->report, options[index].name, optarg, &e) < 0)
				return usage_error("", e.text);
			break;
		case 'h':
			print_usage(stdout);
			return EXIT_DONE;
		case 'V':
			puts("ctmeter " CTM_VERSION);
			return EXIT_DONE;
		default:
			if (take_top_option(c, optarg, &cli->top) ||
			    take_check_option(c, optarg, &cli->check))
				break;
			print_usage(stderr);
			return EXIT_USAGE;
		}
	}
	return -1;
}

/* Every key has a default, so the default file may be missing; one that was named may not. */
static int load_config(struct cli *cli, struct err *e)
{
	int rc = cfg_load(cli->config_path, &cli->cfg, e);

	if (rc == -ENOENT && !cli->config_named)
		rc = cfg_parse("", cli->config_path, &cli->cfg, e);
	return rc;
}

static bool has_top_options(const struct cli_top_options *top)
{
	return top->once || top->interval || top->sort || top->by_address || top->count;
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
	    cfg_load_good_lines(cli->config_path, &cli->cfg, &e) == 0) {
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

static bool has_check_options(const struct cli_check_options *check)
{
	return check->community || check->ports_community || check->agent;
}

/* What does not go with the command; NULL: all does. */
static const char *misplaced(const struct command *command, const struct cli *cli)
{
	if ((cli->exact && !command->takes_units && !command->takes_report) ||
	    (cli->packets && !command->takes_units))
		return "--bytes goes with list and report, --packets with list, not with ";
	if (cli->report->first_option && !command->takes_report)
		return "--since, --until, --by, --ct, --ip, --format and --since-zero go with "
		       "report, not with ";
	if (has_top_options(&cli->top) && !command->takes_top)
		return "--once, --interval, --sort, --addresses and --count go with top, not with ";
	if (has_check_options(&cli->check) && !command->takes_check)
		return "--community, --ports-community and --agent go with check, not with ";
	return NULL;
}

static int run_main(int argc, char **argv, struct cli_report *report)
{
	struct cli cli = {
		.report = report,
		.config_path = CFG_DEFAULT_PATH,
		.colour = wants_colour(STDOUT_FILENO),
		.out = stdout,
	};
	int status = parse_options(argc, argv, &cli);
	struct err e = { "" };
	const struct command *command;
	const char *wrong;

	if (status >= 0)
		return status;
	if (optind == argc)
		return usage_error("which command?", "");
	command = find_command(argv[optind]);
	if (!command)
		return usage_error("unknown command ", argv[optind]);
	cli.args = argv + optind + 1;
	cli.n_args = (size_t)(argc - optind - 1);
	if (cli.n_args && !command->takes_ids)
		return usage_error("too many arguments: ", cli.args[0]);
	wrong = misplaced(command, &cli);
	if (wrong)
		return usage_error(wrong, command->name);
	if (command->check && command->check(&cli, &e) < 0)
		return usage_error("", e.text);
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

static int ask(const struct cli *cli, const char *command, const char *what, int timeout_s,
	       const char *waiting_for, json_t **ret_answer, struct err *e)
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
	rc = ctl_client_call(cli->cfg->control.socket, request, &wait, ret_answer, e);
	json_decref(request);
	len = strlen(e->text);
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		snprintf(e->text + len, sizeof(e->text) - len, ": is it running? (ctmeterd -c %s)",
			 cli->config_path);
	else if (rc == -EACCES || rc == -EPERM)
		snprintf(e->text + len, sizeof(e->text) - len, ": run ctmeter as root");
	else if (rc == -ETIMEDOUT)
		snprintf(e->text + len, sizeof(e->text) - len, ": its log may say why");
	return rc;
}

int cli_ask(const struct cli *cli, const char *command, int timeout_s, const char *waiting_for,
	    json_t **ret_answer, struct err *e)
{
	return ask(cli, command, NULL, timeout_s, waiting_for, ret_answer, e);
}

int cli_ask_about(const struct cli *cli, const char *command, const char *what, json_t **ret_answer,
		  struct err *e)
{
	return ask(cli, command, what, 10, NULL, ret_answer, e);
}

void cli_print_json(const struct cli *cli, const json_t *answer)
{
	json_dumpf(answer, cli->out, JSON_INDENT(2));
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
