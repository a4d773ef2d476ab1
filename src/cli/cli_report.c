/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter report`: see cli_report.h. It reads the ledger itself, so it needs no daemon. */
#include "cli/cli_report.h"

#include "base/display.h"
#include "base/join.h"
#include "base/plain.h"
#include "base/xalloc.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STORE_TIMEOUT_S 2
#define NAME_MAX_WIDTH 40
#define COLUMNS_MAX 11

#define ISO_HOUR "%Y-%m-%dT%H:%M%z"
#define DAY "%Y-%m-%d"

static const char *const by_names[] = {
	[REPORT_BY_CONTAINER] = "container",
	[REPORT_BY_ADDRESS] = "address",
	[REPORT_BY_DAY] = "day",
	[REPORT_BY_HOUR] = "hour",
};

static const char *const format_names[] = {
	[CLI_REPORT_TABLE] = "table",
	[CLI_REPORT_CSV] = "csv",
	[CLI_REPORT_JSON] = "json",
};

static const char *const octets_keys[PATHS] = {
	[PATH_FWD_IN] = "in_octets",
	[PATH_FWD_OUT] = "out_octets",
	[PATH_NODE_IN] = "node_in_octets",
	[PATH_NODE_OUT] = "node_out_octets",
};

/* ---- options ---- */

/* Index of `value` in names, or -EINVAL with the choices in e. */
static int choose(const char *const *names, size_t n, const char *option, const char *value,
		  struct err *e)
{
	char list[128] = "";

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(names[i], value))
			return (int)i;
		join_text(list, sizeof(list), i + 1 < n ? ", " : " or ", "%s", names[i]);
	}
	err_set(e, "--%s %s: expected %s", option, value, list);
	return -EINVAL;
}

static int add_ip(struct cli_report *r, const char *text, struct err *e)
{
	r->ips = xgrow(r->ips, r->n_ips, &r->cap_ips, sizeof(*r->ips));
	if (addr_parse(text, &r->ips[r->n_ips]) < 0) {
		err_set(e, "--ip %s: not an IP address", text);
		return -EINVAL;
	}
	r->n_ips++;
	return 0;
}

int cli_report_option(struct cli_report *r, const char *name, char *value, struct err *e)
{
	int rc = 0;

	if (!strcmp(name, "since")) {
		r->since = value;
	} else if (!strcmp(name, "until")) {
		r->until = value;
	} else if (!strcmp(name, "by")) {
		rc = choose(by_names, ARRAY_LEN(by_names), name, value, e);
		r->by = rc < 0 ? r->by : (enum report_by)rc;
	} else if (!strcmp(name, "format")) {
		rc = choose(format_names, ARRAY_LEN(format_names), name, value, e);
		r->format = rc < 0 ? r->format : (enum cli_report_format)rc;
		r->format_named = true;
	} else if (!strcmp(name, "ct")) {
		r->cts = xgrow(r->cts, r->n_cts, &r->cap_cts, sizeof(*r->cts));
		r->cts[r->n_cts++] = value;
	} else if (!strcmp(name, "ip")) {
		rc = add_ip(r, value, e);
	} else {
		r->since_zero = true;
	}
	return rc < 0 ? rc : 0;
}

int cli_report_check(const struct cli *cli, struct err *e)
{
	const struct cli_report *r = cli->report;
	struct period period;

	if (cli->json && r->format_named && r->format != CLI_REPORT_JSON) {
		err_set(e, "--json conflicts with --format %s: give only one of them",
			format_names[r->format]);
		return -EINVAL;
	}
	if (!r->since_zero)
		return period_resolve(r->since, r->until, time(NULL), &period, e);
	if (r->since || r->until) {
		err_set(e, "--since-zero sets the period itself: leave out --since and --until");
		return -EINVAL;
	}
	if (r->by == REPORT_BY_DAY || r->by == REPORT_BY_HOUR) {
		err_set(e, "--since-zero works only with --by container and --by address");
		return -EINVAL;
	}
	return 0;
}

void cli_report_release(struct cli_report *r)
{
	free(r->cts);
	free(r->ips);
}

/* ---- common to all forms ---- */

/* The columns that identify a row. */
struct what {
	size_t n;
	const char *keys[3], *titles[3], *values[3];
	char buf[PERIOD_TEXT_SIZE];
};

static void add_what(struct what *w, const char *key, const char *title, const char *value)
{
	w->keys[w->n] = key;
	w->titles[w->n] = title;
	w->values[w->n++] = value ? value : "";
}

/* With row NULL only the titles are filled. */
static void what_of(const struct report_query *q, const struct report_row *row, bool for_people,
		    struct what *w)
{
	static const struct report_row none = { .total = 0 };

	w->n = 0;
	row = row ? row : &none;
	switch (q->by) {
	case REPORT_BY_ADDRESS:
		add_what(w, "address", "ADDRESS", row->address);
		/* fallthrough */
	case REPORT_BY_CONTAINER:
		add_what(w, "id", "CTID", row->ctid);
		add_what(w, "name", "NAME", row->name);
		break;
	case REPORT_BY_DAY:
		/* Known by whole hours only, a day may begin on the day before: take its middle. */
		add_what(w, "day", "DAY",
			 period_local(row->since_s + (row->until_s - row->since_s) / 2, DAY,
				      w->buf));
		break;
	case REPORT_BY_HOUR:
		add_what(w, "hour", "HOUR",
			 period_local(row->since_s, for_people ? PERIOD_MINUTE : ISO_HOUR, w->buf));
		break;
	}
}

/* ---- the table ---- */

struct sheet {
	const struct cli *cli;
	const struct report_query *q;
	struct table *table;
	bool has_imported;
};

static void put_octets(const struct sheet *s, uint64_t n, enum table_style style)
{
	char buf[DISPLAY_NUMBER_SIZE];

	table_cell(s->table, s->cli->exact ? display_exact(n, buf) : display_octets(n, buf), style);
}

static void put_rate(const struct sheet *s, const struct report_row *row, uint64_t bits,
		     enum table_style style)
{
	char buf[DISPLAY_NUMBER_SIZE], *text;

	if (!row->has_p95) {
		table_cell(s->table, "-", TABLE_DIM);
		return;
	}
	text = s->cli->exact ? xasprintf("%" PRIu64, bits)
			     : xasprintf("%sbit/s", display_count(bits, buf));
	table_cell(s->table, text, style);
	free(text);
}

static void put_numbers(const struct sheet *s, const struct report_row *row, enum table_style style,
			bool is_sum)
{
	char buf[PERIOD_TEXT_SIZE];

	for (int i = 0; i < PATHS; i++)
		put_octets(s, row->octets[i], style);
	if (s->has_imported)
		put_octets(s, row->imported_octets, style);
	put_octets(s, row->total, TABLE_BOLD);
	if (s->q->since_zero) {
		table_cell(s->table, is_sum ? "" : period_local(row->since_s, PERIOD_MINUTE, buf),
			   style);
		return;
	}
	put_rate(s, row, row->p95_in_bits, style);
	put_rate(s, row, row->p95_out_bits, style);
}

static void put_row(const struct sheet *s, const struct report_row *row)
{
	struct what w;
	char *cut;

	what_of(s->q, row, true, &w);
	for (size_t i = 0; i < w.n; i++) {
		cut = display_cut(*w.values[i] ? w.values[i] : "-", NAME_MAX_WIDTH);
		table_cell(s->table, cut, i ? TABLE_PLAIN : TABLE_BOLD);
		free(cut);
	}
	put_numbers(s, row, TABLE_PLAIN, false);
}

static void put_sum(const struct sheet *s, const struct report *report)
{
	char *count = xasprintf("%zu %s%s", report->n_rows, by_names[s->q->by],
				s->q->by == REPORT_BY_ADDRESS ? "es" : "s");
	struct what w;

	what_of(s->q, NULL, true, &w);
	table_cell(s->table, "TOTAL", TABLE_BOLD);
	for (size_t i = 1; i < w.n; i++)
		table_cell(s->table, i + 1 == w.n ? count : "", TABLE_BOLD);
	put_numbers(s, &report->sum, TABLE_BOLD, true);
	free(count);
}

/* The first line of the table: the period. */
static void print_period(const struct cli *cli, const struct report_query *q,
			 const struct report *report)
{
	char since[PERIOD_TEXT_SIZE], until[PERIOD_TEXT_SIZE], zone[PERIOD_TEXT_SIZE];
	int64_t until_s = report->sum.until_s < q->now_s ? report->sum.until_s : q->now_s;
	const char *when = "";

	if (until_s == q->now_s)
		when = q->stored ? " (now)" : " (as of the last checkpoint)";
	if (q->since_zero)
		fprintf(cli->out, "Since the last ctmeter zero, or since counting began\n");
	else
		fprintf(cli->out, "%s to %s%s, %s\n",
			period_local(report->sum.since_s, PERIOD_MINUTE, since),
			period_local(until_s, PERIOD_MINUTE, until), when,
			period_local(until_s, "%Z", zone));
}

void cli_report_print_table(const struct cli *cli, const struct report_query *q,
			    const struct report *report)
{
	static const char *const titles[] = { "IN",       "OUT",      "NODE IN",
					      "NODE OUT", "IMPORTED", "TOTAL" };
	struct table_column columns[COLUMNS_MAX];
	struct sheet sheet = { .cli = cli, .q = q, .has_imported = report->has_imported };
	struct what w;
	size_t n = 0;

	what_of(q, NULL, true, &w);
	for (size_t i = 0; i < w.n; i++)
		columns[n++] = (struct table_column) { w.titles[i], TABLE_LEFT };
	for (size_t i = 0; i < ARRAY_LEN(titles); i++)
		if (i != PATHS || report->has_imported)
			columns[n++] = (struct table_column) { titles[i], TABLE_RIGHT };
	if (q->since_zero) {
		columns[n++] = (struct table_column) { "COUNTED SINCE", TABLE_LEFT };
	} else {
		columns[n++] = (struct table_column) { "95% IN", TABLE_RIGHT };
		columns[n++] = (struct table_column) { "95% OUT", TABLE_RIGHT };
	}
	if (!report->n_rows) {
		fputs("The ledger holds no containers for this report.\n", cli->out);
		return;
	}
	print_period(cli, q, report);
	sheet.table = table_new(columns, n);
	for (size_t i = 0; i < report->n_rows; i++)
		put_row(&sheet, &report->rows[i]);
	if (report->n_rows > 1)
		put_sum(&sheet, report);
	table_print(sheet.table, cli->colour, cli->out);
	table_free(sheet.table);
	for (size_t i = 0; i < report->n_notes; i++)
		fprintf(cli->out, "%s\n", report->notes[i]);
}

/* ---- CSV: RFC 4180, but with Unix line ends; text as in plain.h ---- */

static void csv_titles(const struct report_query *q, FILE *out)
{
	struct what w;

	what_of(q, NULL, false, &w);
	for (size_t i = 0; i < w.n; i++)
		fprintf(out, "%s,", w.keys[i]);
	for (int i = 0; i < PATHS; i++)
		fprintf(out, "%s,", octets_keys[i]);
	fprintf(out, "total_octets,%s\n",
		q->since_zero ? "counted_since" : "p95_in_bits,p95_out_bits,imported_octets");
}

void cli_report_print_csv(const struct report_query *q, const struct report *report, FILE *out)
{
	char buf[PERIOD_TEXT_SIZE];
	struct what w;

	csv_titles(q, out);
	for (size_t i = 0; i < report->n_rows; i++) {
		const struct report_row *row = &report->rows[i];

		what_of(q, row, false, &w);
		for (size_t j = 0; j < w.n; j++) {
			plain_put_csv(w.values[j], out);
			fputc(',', out);
		}
		for (int j = 0; j < PATHS; j++)
			fprintf(out, "%" PRIu64 ",", row->octets[j]);
		fprintf(out, "%" PRIu64 ",", row->total);
		if (q->since_zero)
			fprintf(out, "%s\n", period_utc(row->since_s, PERIOD_ISO_UTC, buf));
		else if (row->has_p95)
			fprintf(out, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", row->p95_in_bits,
				row->p95_out_bits, row->imported_octets);
		else
			fprintf(out, ",,%" PRIu64 "\n", row->imported_octets);
	}
}

/* ---- JSON ---- */

/* Exact: above 2^63-1 a string of digits. */
static json_t *json_number(uint64_t n)
{
	char buf[DISPLAY_NUMBER_SIZE];

	return n <= INT64_MAX ? json_integer((json_int_t)n) : json_string(display_exact(n, buf));
}

static json_t *json_time(int64_t t)
{
	char buf[PERIOD_TEXT_SIZE];

	return t ? json_string(period_utc(t, PERIOD_ISO_UTC, buf)) : json_null();
}

static json_t *json_row(const struct report_query *q, const struct report_row *row, bool is_sum)
{
	json_t *object = json_object();
	struct what w = { .n = 0 };

	if (!is_sum)
		what_of(q, row, false, &w);
	for (size_t i = 0; i < w.n; i++) {
		char *clean = display_clean(w.values[i]);

		/* JSON holds only UTF-8, but a name may be anything. */
		if (json_object_set_new(object, w.keys[i], json_string(w.values[i])) < 0)
			json_object_set_new(object, w.keys[i], json_string(clean));
		free(clean);
	}
	if (!is_sum && (q->by == REPORT_BY_DAY || q->by == REPORT_BY_HOUR)) {
		json_object_set_new(object, "begin", json_time(row->since_s));
		json_object_set_new(object, "end", json_time(row->until_s));
	}
	for (int i = 0; i < PATHS; i++)
		json_object_set_new(object, octets_keys[i], json_number(row->octets[i]));
	json_object_set_new(object, "total_octets", json_number(row->total));
	if (q->since_zero) {
		json_object_set_new(object, "counted_since", json_time(row->since_s));
		return object;
	}
	json_object_set_new(object, "imported_octets", json_number(row->imported_octets));
	json_object_set_new(object, "p95_in_bits",
			    row->has_p95 ? json_number(row->p95_in_bits) : json_null());
	json_object_set_new(object, "p95_out_bits",
			    row->has_p95 ? json_number(row->p95_out_bits) : json_null());
	return object;
}

json_t *cli_report_json(const struct report_query *q, const struct report *report)
{
	json_t *object = json_object(), *rows = json_array(), *notes = json_array();

	json_object_set_new(object, "by", json_string(by_names[q->by]));
	if (!q->since_zero) {
		json_object_set_new(object, "since", json_time(report->sum.since_s));
		json_object_set_new(object, "until", json_time(report->sum.until_s));
	}
	json_object_set_new(object, "counted_until", json_time(report->counted_at_s));
	for (size_t i = 0; i < report->n_rows; i++)
		json_array_append_new(rows, json_row(q, &report->rows[i], false));
	for (size_t i = 0; i < report->n_notes; i++)
		json_array_append_new(notes, json_string(report->notes[i]));
	json_object_set_new(object, "rows", rows);
	json_object_set_new(object, "total", json_row(q, &report->sum, true));
	json_object_set_new(object, "notes", notes);
	return object;
}

/* ---- the command ---- */

static void print_report(const struct cli *cli, const struct report_query *q,
			 const struct report *report)
{
	json_t *object;

	if (cli->json || cli->report->format == CLI_REPORT_JSON) {
		object = cli_report_json(q, report);
		cli_print_json(cli, object);
		json_decref(object);
	} else if (cli->report->format == CLI_REPORT_CSV) {
		cli_report_print_csv(q, report, cli->out);
		for (size_t i = 0; i < report->n_notes; i++)
			fprintf(stderr, "ctmeter: %s\n", report->notes[i]);
	} else {
		cli_report_print_table(cli, q, report);
	}
}

int cli_report_store(const struct cli *cli, struct err *e)
{
	json_t *answer = NULL;
	int rc = cli_ask(cli, "store", STORE_TIMEOUT_S, NULL, &answer, e);

	json_decref(answer);
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		err_set(e, "ctmeterd is not running");
	return rc;
}

/* Add a note that newer figures are missing, and why. */
static void note_age(struct report *report, const struct err *why)
{
	char at[PERIOD_TEXT_SIZE];

	report_add_note(report,
			report->counted_at_s
				? xasprintf("Counted until %s: %s.",
					    period_local(report->counted_at_s, PERIOD_SECOND, at),
					    why->text)
				: xasprintf("Counted until the last checkpoint: %s.", why->text));
}

/* Does the period end now or later? Then the traffic being counted belongs to it. */
static bool is_open(const struct report_query *q)
{
	return q->since_zero || q->period.to_now || q->period.until_s > q->now_s;
}

/* Resolve the period. If the present is part of it, have the ledger's file brought up to date: sets
 * q->stored, or *ret_why. */
static int prepare(const struct cli *cli, struct report_query *q, struct err *ret_why,
		   struct err *e)
{
	const struct cli_report *r = cli->report;
	int rc = r->since_zero ? 0 : period_resolve(r->since, r->until, q->now_s, &q->period, e);

	if (rc < 0 || !is_open(q))
		return rc;
	q->stored = cli_report_store(cli, ret_why) == 0;
	q->now_s = time(NULL); /* the call may have taken a while */
	return r->since_zero ? 0 : period_resolve(r->since, r->until, q->now_s, &q->period, e);
}

int cli_report(const struct cli *cli, struct err *e)
{
	const struct cli_report *r = cli->report;
	struct report_query q = {
		.path = cli->cfg->ledger.path,
		.by = r->by,
		.since_zero = r->since_zero,
		.cts = r->cts,
		.n_cts = r->n_cts,
		.ips = r->ips,
		.n_ips = r->n_ips,
		.now_s = time(NULL),
	};
	struct report *report = NULL;
	struct err why = { "" };
	int rc = prepare(cli, &q, &why, e);

	if (!rc)
		rc = report_read(&q, &report, e);
	if (!rc && is_open(&q) && !q.stored)
		note_age(report, &why);
	if (!rc)
		print_report(cli, &q, report);
	report_free(report);
	return rc;
}
