/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of options: see cli_option.h. */
#include "cli/cli_option.h"

#include "base/cfg.h"
#include "base/join.h"
#include "base/xalloc.h"

#include <errno.h>
#include <string.h>

#define WIDTH 21 /* of the left column */

static const struct cli_option {
	const char *name;
	const char *takes; /* the name of its value; NULL: it takes none */
	int value; /* what getopt_long returns */
	const char *commands; /* words; NULL: all */
	const char *help; /* lines */
} table[] = {
	{ "config", "FILE", 'c', NULL, "configuration file (default " CFG_DEFAULT_PATH ")" },
	{ "json", NULL, CLI_JSON, NULL, "print the answer as JSON" },
	{ "community", "C", CLI_COMMUNITY, "check", "SNMP community for the tables" },
	{ "ports-community", "C", CLI_PORTS_COMMUNITY, "check",
	  "SNMP community for the switch view (default: that of\n"
	  "--community with -ports appended)" },
	{ "agent", "HOST", CLI_AGENT, "check", "address of snmpd, HOST[:PORT]" },
	{ "bytes", NULL, CLI_BYTES, "list report usage audit",
	  "every digit instead of kB, MB, GB" },
	{ "packets", NULL, CLI_PACKETS, "list", "packets instead of octets" },
	{ "links", NULL, CLI_LINKS, "list",
	  "the link where each address is counted, or why it\nis not" },
	{ "once", NULL, CLI_ONCE, "top", "print one table after one interval and exit" },
	{ "interval", "S", CLI_INTERVAL, "top", "seconds between two polls (default 2)" },
	{ "sort", "KEY", CLI_SORT, "top", "in, out, total (default) or pkts" },
	{ "addresses", NULL, CLI_ADDRESSES, "top", "one row for each address" },
	{ "count", "N", CLI_COUNT, "top", "at most N rows" },
	{ "since", "T", CLI_REPORT, "report",
	  "from 2026-11-01, 2026-11-01T12:00, 30d (default),\n"
	  "12h, month or last-month" },
	{ "until", "T", CLI_REPORT, "report",
	  "end of the period, in the same forms (default: now)" },
	{ "by", "WHAT", CLI_REPORT, "report", "container (default), address, day or hour" },
	{ "ct", "CTID", CLI_REPORT, "report", "only this container (may be repeated)" },
	{ "ip", "ADDRESS", CLI_REPORT, "report", "only this address (may be repeated)" },
	{ "format", "FORM", CLI_REPORT, "report", "table (default), csv or json" },
	{ "since-zero", NULL, CLI_REPORT, "report", "everything since the last ctmeter zero" },
	{ "dry-run", NULL, CLI_DRY_RUN, "import", "show what would be imported; write nothing" },
	{ "utc", NULL, CLI_UTC, "import", "times are UTC, not local" },
	{ "forget", NULL, CLI_FORGET, "import", "remove everything that was imported" },
	{ "month", "MONTH", CLI_MONTH, "statement",
	  "such as 2026-11 (default: the last one that is over)" },
	{ "output", "FILE", 'o', "statement", "write the page there (default: standard output)" },
	{ "all", "DIR", CLI_ALL, "statement",
	  "write everybody's into this directory, DIR/CTID.html" },
	{ "index", NULL, CLI_INDEX, "statement", "write DIR/index.html too, with links to them" },
	{ "init", NULL, CLI_INIT, "ship", "make or migrate the database's schema, and end" },
	{ "open", NULL, CLI_OPEN, "ship", "the periods that are not over, too, as they stand" },
	{ "database", "CONNINFO", CLI_DATABASE, "ship", "instead of [ship] database" },
	{ "take-over", NULL, CLI_TAKE_OVER, "ship",
	  "this machine is the node from now on, and no\nother" },
	{ "new-identity", NULL, CLI_NEW_IDENTITY, "ship",
	  "this machine is a clone: be another node from\nnow on" },
	{ "last", NULL, CLI_LAST, "audit", "the billing period before the present one" },
	{ "help", NULL, 'h', NULL, "print this help; after a command, that command's" },
	{ "version", NULL, 'V', NULL, "print the version" },
};

const struct option *cli_option_list(void)
{
	static struct option list[ARRAY_LEN(table) + 1];

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		list[i] = (struct option) { table[i].name,
					    table[i].takes ? required_argument : no_argument, NULL,
					    table[i].value };
	return list;
}

int cli_option_index(int letter)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].value == letter && letter < 256)
			return (int)i;
	return -1;
}

void cli_option_note(uint64_t *given, int index)
{
	*given |= UINT64_C(1) << index;
}

static bool goes_with(const struct cli_option *o, const char *command)
{
	size_t len = strlen(command);
	const char *word = o->commands;

	while (word && (strncmp(word, command, len) || (word[len] && word[len] != ' '))) {
		word = strchr(word, ' ');
		word = word ? word + 1 : NULL;
	}
	return !o->commands || word;
}

/* "list report" as "list, report" or "list and report". */
static void join(const char *words, const char *last, char *buf, size_t size)
{
	size_t len;

	for (*buf = '\0'; *words; words += len + (words[len] == ' ')) {
		len = strcspn(words, " ");
		join_text(buf, size, words[len] ? ", " : last, "%.*s", (int)len, words);
	}
}

int cli_option_check(uint64_t given, const char *command, struct err *e)
{
	char commands[64];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (!(given >> i & 1) || goes_with(&table[i], command))
			continue;
		join(table[i].commands, " and ", commands, sizeof(commands));
		err_set(e, "--%s goes with %s, not with %s", table[i].name, commands, command);
		return -EINVAL;
	}
	return 0;
}

static void print_option(const struct cli_option *o, bool name_commands, FILE *out)
{
	const char *line = o->help, *end;
	char left[64], commands[64] = "";

	snprintf(left, sizeof(left), "  %c%c%s--%s%s%s", o->value < 256 ? '-' : ' ',
		 o->value < 256 ? (char)o->value : ' ', o->value < 256 ? ", " : "  ", o->name,
		 o->takes ? " " : "", o->takes ? o->takes : "");
	if (name_commands && o->commands)
		join(o->commands, ", ", commands, sizeof(commands));
	/* A left column that is too long gets a line of its own. */
	if (strlen(left) >= WIDTH)
		fprintf(out, "%s\n%*s", left, WIDTH, "");
	else
		fprintf(out, "%-*s", WIDTH, left);
	fprintf(out, "%s%s", commands, *commands ? ": " : "");
	for (; (end = strchr(line, '\n')); line = end + 1)
		fprintf(out, "%.*s\n%*s", (int)(end - line), line, WIDTH, "");
	fprintf(out, "%s\n", line);
}

void cli_option_print(const char *command, FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (!command || goes_with(&table[i], command))
			print_option(&table[i], !command, out);
}
