/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter audit`: see report/audit.h. It reads the ledger itself, so it needs no daemon. */
#include "cli/cli.h"

#include "base/display.h"
#include "base/period.h"
#include "base/xalloc.h"
#include "cli/cli_report.h"
#include "cli/table.h"
#include "report/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

static json_t *number(uint64_t n)
{
	char buf[DISPLAY_NUMBER_SIZE];

	return n <= INT64_MAX ? json_integer((json_int_t)n) : json_string(display_exact(n, buf));
}

static json_t *flow_json(struct flow f)
{
	json_t *o = json_object();

	json_object_set_new(o, "in_octets", number(f.in));
	json_object_set_new(o, "out_octets", number(f.out));
	return o;
}

static json_t *when(int64_t t)
{
	char buf[PERIOD_TEXT_SIZE];

	return json_string(period_utc(t, PERIOD_ISO_UTC, buf));
}

static void print_json(const struct cli *cli, const struct audit *a)
{
	json_t *o = json_object(), *rows = json_array(), *c;

	json_object_set_new(o, "start", when(a->begin_s));
	json_object_set_new(o, "end", when(a->end_s));
	json_object_set_new(o, "ok", json_boolean(!a->wrong));
	for (size_t i = 0; i < a->n_rows; i++) {
		const struct audit_row *row = &a->rows[i];

		c = json_object();
		json_object_set_new(c, "id", json_string(row->id));
		json_object_set_new(c, "addresses_ok", json_boolean(row->rows_ok));
		json_object_set_new(c, "history_ok", json_boolean(row->history_ok));
		json_object_set_new(c, "total", flow_json(row->total));
		json_object_set_new(c, "addresses", flow_json(row->rows));
		json_object_set_new(c, "period", flow_json(row->period));
		json_object_set_new(c, "history", flow_json(row->history));
		json_object_set_new(c, "margin_more", flow_json(row->more));
		json_object_set_new(c, "margin_less", flow_json(row->less));
		json_array_append_new(rows, c);
	}
	json_object_set_new(o, "containers", rows);
	cli_print_json(cli, o);
	json_decref(o);
}

static void put(const struct cli *cli, struct table *t, struct flow f)
{
	char buf[DISPLAY_NUMBER_SIZE];
	uint64_t n = f.in + f.out;

	table_cell(t, cli->exact ? display_exact(n, buf) : display_octets(n, buf), TABLE_PLAIN);
}

/* "+12" or "-3": how much more the first has. */
static void put_difference(struct table *t, struct flow a, struct flow b)
{
	uint64_t x = a.in + a.out, y = b.in + b.out;
	char text[32];

	snprintf(text, sizeof(text), "%s%" PRIu64,
		 x > y   ? "+"
		 : x < y ? "-"
			 : "",
		 x > y ? x - y : y - x);
	table_cell(t, text, x == y ? TABLE_DIM : TABLE_PLAIN);
}

static void print_table(const struct cli *cli, const struct audit *a)
{
	static const struct table_column columns[] = {
		{ "CTID", TABLE_LEFT },    { "TOTAL", TABLE_RIGHT },   { "ADDRESSES", TABLE_RIGHT },
		{ "PERIOD", TABLE_RIGHT }, { "HISTORY", TABLE_RIGHT }, { "MARGIN", TABLE_RIGHT },
		{ "", TABLE_LEFT },
	};
	char begin[PERIOD_TEXT_SIZE], end[PERIOD_TEXT_SIZE];
	struct table *t = table_new(columns, ARRAY_LEN(columns));

	fprintf(cli->out, "period %s to %s\n", period_local(a->begin_s, PERIOD_MINUTE, begin),
		period_local(a->end_s, PERIOD_MINUTE, end));
	for (size_t i = 0; i < a->n_rows; i++) {
		const struct audit_row *row = &a->rows[i];
		bool ok = row->rows_ok && row->history_ok;

		table_cell(t, row->id, TABLE_BOLD);
		put(cli, t, row->total);
		put_difference(t, row->rows, row->total);
		put(cli, t, row->period);
		put_difference(t, row->history, row->period);
		put(cli, t,
		    (struct flow) { row->more.in + row->less.in, row->more.out + row->less.out });
		table_cell(t,
			   ok              ? "adds up"
			   : !row->rows_ok ? "ADDRESSES DIFFER"
					   : "HISTORY DIFFERS",
			   ok ? TABLE_GOOD : TABLE_BAD);
	}
	table_print(t, cli->colour, cli->out);
	table_free(t);
}

int cli_audit(const struct cli *cli, struct err *e)
{
	struct audit_query q = { .path = cli->cfg->ledger.path,
				 .last = cli->last,
				 .ids = cli->args,
				 .n_ids = cli->n_args,
				 .now_s = time(NULL) };
	struct audit *a = NULL;
	struct err ignored;
	int rc;

	cli_report_store(cli, &ignored); /* the ledger adds up at each checkpoint */
	rc = audit_read(&q, &a, e);
	if (!rc && cli->json)
		print_json(cli, a);
	else if (!rc)
		print_table(cli, a);
	if (!rc && a->wrong) {
		err_set(e, "%zu of %zu containers do not add up: ctmeter.1 says what that may mean",
			a->wrong, a->n_rows);
		rc = -EREMOTEIO;
	}
	audit_free(a);
	return rc;
}
