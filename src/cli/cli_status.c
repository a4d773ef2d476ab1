/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter status`: the health of the daemon, in groups of aligned lines. */
#include "cli/cli.h"

#include "base/display.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATUS_TIMEOUT_S 10

static void line(FILE *out, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void line(FILE *out, const char *key, const char *fmt, ...)
{
	char text[1024], *clean;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clean = display_clean(text);
	fprintf(out, "  %-15s %s\n", key, clean);
	free(clean);
}

static void heading(const char *text, bool colour, FILE *out)
{
	fprintf(out, "%s%s%s\n", table_style_begin(TABLE_BOLD, colour), text,
		table_style_end(TABLE_BOLD, colour));
}

static void print_daemon(const json_t *s, bool colour, FILE *out)
{
	char duration[DISPLAY_NUMBER_SIZE * 2];

	heading("daemon", colour, out);
	line(out, "version:", "%s", cli_text(s, "version"));
	line(out, "pid:", "%" PRIu64, cli_number(s, "pid"));
	line(out, "running for:", "%s", display_duration(cli_number(s, "uptime_s"), duration));
}

static void print_backend(const json_t *s, FILE *out)
{
	const char *reason = json_string_value(json_object_get(s, "backend_reason"));
	bool why = reason && *reason;

	if (json_is_true(json_object_get(s, "on_links")))
		line(out, "backend:", "%s%s%s%s", cli_text(s, "backend"), why ? " (" : "",
		     why ? reason : "", why ? ")" : "");
	else
		line(out, "backend:", "%s, table %s%s%s%s", cli_text(s, "backend"),
		     cli_text(s, "table"), why ? " (" : "", why ? reason : "", why ? ")" : "");
}

static void print_strays(const json_t *s, FILE *out)
{
	const json_t *strays = json_object_get(s, "strays");
	char octets[DISPLAY_NUMBER_SIZE];

	if (!json_is_object(strays))
		return; /* or the answer of an older ctmeterd */
	line(out, "spoofed:",
	     "%" PRIu64 " packets, %s from containers' own links with a source that is not theirs",
	     cli_number(strays, "spoofed_pkts"),
	     display_octets(cli_number(strays, "spoofed_octets"), octets));
	if (cli_number(strays, "broken_pkts"))
		line(out, "unreadable:",
		     "%" PRIu64 " packets, %s on containers' links with headers cut short",
		     cli_number(strays, "broken_pkts"),
		     display_octets(cli_number(strays, "broken_octets"), octets));
}

static void print_netfilter(const json_t *s, bool colour, FILE *out)
{
	uint64_t age = cli_number(s, "sample_age_ms");

	heading("netfilter", colour, out);
	print_backend(s, out);
	line(out, "IPv4:", "%s", cli_text(s, "ipv4"));
	line(out, "IPv6:", "%s", cli_text(s, "ipv6"));
	line(out, "node traffic:", "%s",
	     json_is_true(json_object_get(s, "node_traffic")) ? "counted" : "not counted");
	line(out, "rules:", "%" PRIu64, cli_number(s, "rules"));
	line(out, "repairs:", "%" PRIu64, cli_number(s, "rule_repairs"));
	line(out, "commits:", "%" PRIu64 ", the last took %" PRIu64 " ms", cli_number(s, "commits"),
	     cli_number(s, "last_commit_ms"));
	line(out, "last reading:", "%" PRIu64 ".%" PRIu64 " s ago", age / 1000, age % 1000 / 100);
	print_strays(s, out);
}

static void print_inventory(const json_t *s, bool colour, FILE *out)
{
	const json_t *sources = json_object_get(s, "sources");

	heading("inventory", colour, out);
	for (size_t i = 0; i < json_array_size(sources); i++) {
		const json_t *source = json_array_get(sources, i);

		line(out, "source:", "%s: %s", cli_text(source, "name"), cli_text(source, "state"));
	}
	line(out, "containers:", "%" PRIu64, cli_number(s, "containers"));
	line(out, "addresses:", "%" PRIu64, cli_number(s, "addresses"));
	line(out, "conflicts:", "%" PRIu64, cli_number(s, "conflicts"));
	if (cli_number(s, "unfit"))
		line(out, "node's own:", "%" PRIu64, cli_number(s, "unfit"));
	if (cli_number(s, "not_allowed"))
		line(out, "not allowed:", "%" PRIu64 " found in containers (ctmeter list --links)",
		     cli_number(s, "not_allowed"));
	if (cli_number(s, "refused_containers") || cli_number(s, "refused_addresses"))
		line(out, "refused:", "%" PRIu64 " containers, %" PRIu64 " addresses",
		     cli_number(s, "refused_containers"), cli_number(s, "refused_addresses"));
	line(out, "failed looks:", "%" PRIu64, cli_number(s, "inventory_failures"));
}

static void print_doubt(const json_t *s, FILE *out)
{
	time_t at = (time_t)cli_number(s, "ledger_doubted");
	char when[32];
	struct tm tm;

	if (!at)
		return;
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&at, &tm));
	line(out,
	     "older copy:", "at %s the ledger was older than the rules: see the discontinuities",
	     when);
}

static void print_agentx(const json_t *s, bool colour, FILE *out)
{
	const json_t *a = json_object_get(s, "agentx");
	const char *problem = json_string_value(json_object_get(a, "problem"));

	heading("agentx", colour, out);
	line(out, "socket:", "%s", cli_text(a, "socket"));
	line(out, "session:", "%s%s%s", cli_text(a, "state"), problem && *problem ? ": " : "",
	     problem ? problem : "");
	line(out, "answered:", "%" PRIu64 " requests, %" PRIu64 " values",
	     cli_number(a, "requests"), cli_number(a, "varbinds"));
	line(out, "stale answers:", "%" PRIu64, cli_number(s, "stale_answers"));
}

static void print_sentences(const json_t *list, const char *label, enum table_style style,
			    bool colour, FILE *out)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *sentence = json_string_value(json_array_get(list, i));
		char *clean = display_clean(sentence ? sentence : "-");

		fprintf(out, "%s%s%s %s\n", table_style_begin(style, colour), label,
			table_style_end(style, colour), clean);
		free(clean);
	}
}

static void print_verdict(const json_t *s, bool colour, FILE *out)
{
	const json_t *problems = json_object_get(s, "problems");
	const json_t *warnings = json_object_get(s, "warnings");

	if (!json_array_size(problems))
		fprintf(out, "%shealthy%s\n", table_style_begin(TABLE_GOOD, colour),
			table_style_end(TABLE_GOOD, colour));
	print_sentences(problems, "problem:", TABLE_BAD, colour, out);
	print_sentences(warnings, "warning:", TABLE_WARN, colour, out);
	if (json_array_size(problems) || json_array_size(warnings))
		fputs("ctmeter check shows more, and how to fix it\n", out);
}

/* The last setting of the clock stays on display, since it explains the figures of a report. */
static void print_ledger(const json_t *s, bool colour, FILE *out)
{
	const json_t *clock = json_object_get(s, "clock");
	json_int_t by = json_integer_value(json_object_get(clock, "last_jump_s"));

	heading("ledger", colour, out);
	line(out, "store:", "%s", cli_text(s, "store"));
	print_doubt(s, out);
	if (json_object_get(s, "ship") && strcmp(cli_text(s, "ship"), "off") != 0)
		line(out, "shipped:", "%s", cli_text(s, "ship"));
	if (!clock)
		return; /* the answer of an older ctmeterd */
	if (!cli_number(clock, "jumps"))
		line(out, "clock:", "%s", cli_text(clock, "state"));
	else
		line(out, "clock:",
		     "%s; set %" PRIu64 " times, last by %+" JSON_INTEGER_FORMAT " s to %s",
		     strcmp(cli_text(clock, "state"), "ok") != 0 ? "see below" : "ok",
		     cli_number(clock, "jumps"), by, cli_text(clock, "last_jump"));
}

void cli_status_print(const json_t *answer, bool colour, FILE *out)
{
	print_daemon(answer, colour, out);
	print_netfilter(answer, colour, out);
	print_inventory(answer, colour, out);
	print_ledger(answer, colour, out);
	print_agentx(answer, colour, out);
	fputc('\n', out);
	print_verdict(answer, colour, out);
}

int cli_status(const struct cli *cli, struct err *e)
{
	json_t *answer;
	size_t problems;
	int rc = cli_ask(cli, "status", STATUS_TIMEOUT_S, NULL, &answer, e);

	if (rc < 0)
		return rc;
	cli_check_quick(cli, answer);
	if (cli->json)
		cli_print_json(cli, answer);
	else
		cli_status_print(answer, cli->colour, cli->out);
	problems = json_array_size(json_object_get(answer, "problems"));
	json_decref(answer);
	if (!problems)
		return 0;
	err_set(e, "%zu %s: see the lines that begin with \"problem:\"", problems,
		problems == 1 ? "problem" : "problems");
	return -EREMOTEIO;
}
