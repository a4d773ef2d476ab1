/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter usage` and `quota`. usage reads the ledger itself, so it needs no daemon. */
#include "cli/cli.h"

#include "base/display.h"
#include "base/period.h"
#include "base/xalloc.h"
#include "cli/cli_report.h"
#include "cli/table.h"
#include "control/ctl_client.h"
#include "report/usage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_WIDTH 40

/* ---- JSON ---- */

/* Above 2^63-1, where most readers fail, a string of digits: as in all answers (view.h). */
static json_t *number(uint64_t n)
{
	char buf[DISPLAY_NUMBER_SIZE];

	return n <= INT64_MAX ? json_integer((json_int_t)n) : json_string(display_exact(n, buf));
}

static json_t *when(int64_t t)
{
	char buf[PERIOD_TEXT_SIZE];

	return t > 1 ? json_string(period_utc(t, PERIOD_ISO_UTC, buf)) : json_null();
}

static json_t *period_json(int64_t begin_s, int64_t end_s, int64_t counted_s)
{
	json_t *p = json_object();

	json_object_set_new(p, "start", when(begin_s));
	json_object_set_new(p, "end", when(end_s));
	json_object_set_new(p, "counted_since", when(counted_s > begin_s ? counted_s : begin_s));
	return p;
}

static json_t *flow_json(struct flow f, uint64_t counted)
{
	json_t *o = json_object();

	json_object_set_new(o, "in_octets", number(f.in));
	json_object_set_new(o, "out_octets", number(f.out));
	json_object_set_new(o, "used_octets", number(counted));
	return o;
}

static json_t *row_json(const struct usage_row *row)
{
	uint64_t quota = row->quota.octets;
	uint64_t left = row->counted < quota ? quota - row->counted : 0;
	json_t *o = flow_json(row->used, row->counted);

	json_object_set_new(o, "id", json_string(row->id));
	json_object_set_new(o, "name", json_string(row->name));
	json_object_set_new(o, "gone", json_boolean(row->gone));
	json_object_set_new(o, "counted_since", when(row->since_s));
	json_object_set_new(o, "quota_octets", quota ? number(quota) : json_null());
	json_object_set_new(o, "quota_counts", json_string(billing_counts_text(row->quota.counts)));
	json_object_set_new(o, "left_octets", quota ? number(left) : json_null());
	json_object_set_new(o, "percent",
			    quota ? number(billing_percent(row->counted, quota)) : json_null());
	json_object_set_new(o, "state", json_string(billing_state_text(row->state)));
	json_object_set_new(o, "last", flow_json(row->last, row->last_counted));
	return o;
}

static void print_json(const struct cli *cli, const struct usage *u)
{
	const struct store_period *p = &u->period;
	json_t *o = json_object(), *rows = json_array();

	json_object_set_new(o, "counted_at", when(u->counted_at_s));
	json_object_set_new(o, "period", period_json(p->begin_s, p->end_s, p->counted_s));
	json_object_set_new(o, "last_period",
			    p->last_begin_s
				    ? period_json(p->last_begin_s, p->last_end_s, p->last_counted_s)
				    : json_null());
	for (size_t i = 0; i < u->n_rows; i++)
		json_array_append_new(rows, row_json(&u->rows[i]));
	json_object_set_new(o, "containers", rows);
	cli_print_json(cli, o);
	json_decref(o);
}

/* ---- the table ---- */

static void put_octets(const struct cli *cli, struct table *t, uint64_t n)
{
	char buf[DISPLAY_NUMBER_SIZE];

	table_cell(t, cli->exact ? display_exact(n, buf) : display_octets(n, buf), TABLE_PLAIN);
}

static enum table_style style_of(enum billing_state state)
{
	return state == BILLING_OVER ? TABLE_BAD : state == BILLING_NEAR ? TABLE_WARN : TABLE_PLAIN;
}

static void put_row(const struct cli *cli, struct table *t, const struct usage_row *row)
{
	char *name = display_cut(*row->name ? row->name : "-", NAME_MAX_WIDTH);
	char percent[32] = "-";

	if (row->quota.octets)
		snprintf(percent, sizeof(percent), "%" PRIu64 "%%",
			 billing_percent(row->counted, row->quota.octets));
	table_cell(t, row->id, TABLE_BOLD);
	table_cell(t, name, TABLE_PLAIN);
	put_octets(cli, t, row->counted);
	if (row->quota.octets)
		put_octets(cli, t, row->quota.octets);
	else
		table_cell(t, "-", TABLE_DIM);
	table_cell(t, percent, style_of(row->state));
	table_cell(t, billing_counts_text(row->quota.counts), TABLE_DIM);
	put_octets(cli, t, row->used.in);
	put_octets(cli, t, row->used.out);
	put_octets(cli, t, row->last_counted);
	table_cell(t, row->gone ? "gone" : "", TABLE_DIM);
	free(name);
}

static const char *date(int64_t t, char buf[PERIOD_TEXT_SIZE])
{
	return period_local(t, PERIOD_MINUTE, buf);
}

/* A period's begin, in the zone of billing. */
static const char *day(const struct cli *cli, int64_t t, char buf[PERIOD_TEXT_SIZE])
{
	struct zone_day d = zone_day_of(cli->cfg->billing.zone, t);

	snprintf(buf, PERIOD_TEXT_SIZE, "%04" PRId64 "-%02d-%02d", d.year, d.month, d.day);
	return buf;
}

static void print_table(const struct cli *cli, const struct usage *u, const struct err *why)
{
	static const struct table_column columns[] = {
		{ "CTID", TABLE_LEFT },   { "NAME", TABLE_LEFT }, { "USED", TABLE_RIGHT },
		{ "LIMIT", TABLE_RIGHT }, { "%", TABLE_RIGHT },   { "COUNTS", TABLE_LEFT },
		{ "IN", TABLE_RIGHT },    { "OUT", TABLE_RIGHT }, { "LAST", TABLE_RIGHT },
		{ "", TABLE_LEFT },
	};
	char begin[PERIOD_TEXT_SIZE], end[PERIOD_TEXT_SIZE], at[PERIOD_TEXT_SIZE];
	const struct store_period *p = &u->period;
	struct table *t = table_new(columns, ARRAY_LEN(columns));

	fprintf(cli->out, "period %s to %s", day(cli, p->begin_s, begin), day(cli, p->end_s, end));
	if (p->last_begin_s)
		fprintf(cli->out, ", last %s to %s", day(cli, p->last_begin_s, begin),
			day(cli, p->last_end_s, end));
	fprintf(cli->out, " (%s)\n", zone_name_of(cli->cfg->billing.zone));
	for (size_t i = 0; i < u->n_rows; i++)
		put_row(cli, t, &u->rows[i]);
	table_print(t, cli->colour, cli->out);
	table_free(t);
	if (p->counted_s > p->begin_s + PERIOD_HOUR_S)
		fprintf(cli->out, "The period's traffic is counted since %s.\n",
			date(p->counted_s, at));
	if (*why->text)
		fprintf(cli->out, "Counted until %s: %s.\n", date(u->counted_at_s, at), why->text);
}

int cli_usage(const struct cli *cli, struct err *e)
{
	struct usage_query q = { .path = cli->cfg->ledger.path,
				 .quota = cli->cfg->billing.quota,
				 .thresholds = &cli->cfg->billing.thresholds,
				 .ids = cli->args,
				 .n_ids = cli->n_args };
	struct usage *u = NULL;
	struct err why = { "" };
	int rc;

	if (cli_report_store(cli, &why) == 0)
		*why.text = '\0';
	rc = usage_read(&q, &u, e);
	if (!rc && !u->period.begin_s) {
		err_set(e, "no billing period has begun yet: start ctmeterd, or wait until it has "
			   "read the counters once");
		rc = -ENODATA;
	}
	if (!rc && cli->json)
		print_json(cli, u);
	else if (!rc)
		print_table(cli, u, &why);
	usage_free(u);
	return rc;
}

/* ---- quota ---- */

int cli_quota_check(const struct cli *cli, struct err *e)
{
	uint64_t octets;

	if (cli->n_args < 2 || cli->n_args > 3) {
		err_set(e, "quota takes a container and its quota: ctmeter quota CTID "
			   "SIZE|none|default [in|out|both|larger]");
		return -EINVAL;
	}
	if (strcmp(cli->args[1], "default") && billing_parse_quota(cli->args[1], &octets, e) < 0) {
		err_prefix(e, "%s", cli->args[1]);
		return -EINVAL;
	}
	if (cli->n_args == 3 && !billing_counts_parse(cli->args[2])) {
		err_set(e, "%s: must be one of " BILLING_COUNTS_WORDS, cli->args[2]);
		return -EINVAL;
	}
	return 0;
}

int cli_quota(const struct cli *cli, struct err *e)
{
	const char *counts = cli->n_args == 3 ? cli->args[2] : "default";
	json_t *more = json_pack("{s:s, s:s}", "quota", cli->args[1], "counts", counts);
	json_t *answer;
	int rc = cli_ask_with(cli, "quota", cli->args[0], more, &answer, e);

	json_decref(more);
	if (rc < 0)
		return rc;
	if (cli->json)
		cli_print_json(cli, answer);
	else
		fprintf(cli->out, "the quota of %s is %s now\n", cli->args[0],
			strcmp(cli->args[1], "default")
				? cli->args[1]
				: "what its source or the configuration says");
	json_decref(answer);
	return 0;
}
