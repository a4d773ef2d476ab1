/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter ship`: one run that puts closed periods of the ledger into PostgreSQL. It needs no
 * daemon. */
#include "cli/cli.h"

#include "base/period.h"
#include "ship/ship.h"
#include "store/owner.h"
#include "store/ship_db.h"
#include "store/ship_state.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

int cli_ship_check(const struct cli *cli, struct err *e)
{
	const struct cli_ship_options *o = &cli->ship;

	if (o->init && (o->open || o->take_over || o->new_identity))
		err_set(e, "--init takes no other option of ship but --database");
	else if (o->new_identity && (o->open || o->take_over || o->database))
		err_set(e, "--new-identity takes no other option of ship: it only writes to the "
			   "ledger");
	else
		return 0;
	return -EINVAL;
}

#ifdef CTM_NO_SHIP

int cli_ship(const struct cli *cli, struct err *e)
{
	(void)cli;
	err_set(e, "this ctmeter was built without libpq, so it cannot ship: build it with "
		   "libpq-dev");
	return -ENOTSUP;
}

#else

static const char *utc(int64_t t, char buf[PERIOD_TEXT_SIZE])
{
	return t ? period_utc(t, PERIOD_ISO_UTC, buf) : "-";
}

static void print_json(const struct cli *cli, const struct ship_result *r, const struct err *e)
{
	char hours[PERIOD_TEXT_SIZE], minutes[PERIOD_TEXT_SIZE];
	json_t *answer =
		json_pack("{s:s, s:I, s:I, s:I, s:s, s:s, s:b, s:s}", "database", r->where, "rows",
			  (json_int_t)r->rows, "changed", (json_int_t)r->changed, "days_again",
			  (json_int_t)r->days, "hours_until", utc(r->hours_until_s, hours),
			  "minutes_until", utc(r->minutes_until_s, minutes), "backlog", r->backlog,
			  "error", e ? e->text : "");

	cli_print_json(cli, answer);
	json_decref(answer);
}

static void print_result(const struct cli *cli, const struct ship_result *r)
{
	char hours[PERIOD_TEXT_SIZE], minutes[PERIOD_TEXT_SIZE];

	fprintf(cli->out,
		"%s: %" PRIu64 " rows shipped, %" PRIu64 " of them new or changed; hours until %s, "
		"5-minute periods until %s\n",
		r->where, r->rows, r->changed, utc(r->hours_until_s, hours),
		utc(r->minutes_until_s, minutes));
	if (r->days)
		fprintf(cli->out, "  days that differed and were shipped again: %" PRIu64 "\n",
			r->days);
	if (r->backlog)
		fputs("  there is more, which the next run ships\n", cli->out);
}

static int init(const struct cli *cli, const char *database, struct err *e)
{
	int from, to, rc = ship_init(database, &from, &to, e);

	if (rc < 0)
		return rc;
	if (from == to)
		fprintf(cli->out, "the schema is up to date (version %d)\n", to);
	else if (!from)
		fprintf(cli->out, "the schema was made (version %d)\n", to);
	else
		fprintf(cli->out, "the schema was migrated from version %d to %d\n", from, to);
	return 0;
}

static int new_identity(const struct cli *cli, struct err *e)
{
	const char *path = cli->cfg->ledger.path;
	int64_t now_s = time(NULL);
	struct report_db *db = NULL;
	struct ship_facts facts;
	struct owner saved;
	int rc;

	owner_become(path, &saved);
	rc = report_db_open(path, &db, e); /* there must be a ledger: writing would make one */
	if (!rc)
		rc = ship_db_facts(db, &facts, e);
	report_db_close(db);
	if (!rc)
		rc = ship_db_new_node(path, now_s, e);
	owner_return(&saved);
	if (!rc)
		fputs("this is a node of its own now; what was counted until now is the "
		      "original's\n",
		      cli->out);
	return rc;
}

/* For `status` and `check`: that this run ended, and how. A run with --database is a try. */
static void note_end(const struct cli *cli, const struct ship_result *r, int rc,
		     const struct err *e)
{
	const char *ledger = cli->cfg->ledger.path;
	struct ship_state before = { .at_s = 0 }, now = { .at_s = time(NULL) };
	struct owner saved;

	if (cli->ship.database)
		return;
	owner_become(ledger, &saved);
	ship_state_read(ledger, &before);
	now.shipped_s = rc < 0 ? before.shipped_s : now.at_s;
	now.until_s = r->hours_until_s ? r->hours_until_s : before.until_s;
	now.backlog = r->backlog;
	if (rc < 0) {
		now.failing_since_s = before.failing_since_s ? before.failing_since_s : now.at_s;
		snprintf(now.error, sizeof(now.error), "%s", e->text);
	}
	ship_state_write(ledger, &now); /* where that fails the ledger cannot be written either */
	owner_return(&saved);
}

int cli_ship(const struct cli *cli, struct err *e)
{
	struct ship_options o = {
		.ledger = cli->cfg->ledger.path,
		.database = cli->ship.database ? cli->ship.database : cli->cfg->ship.database,
		.node = cli->cfg->ship.node,
		.rate = cli->cfg->ship.rate,
		.open = cli->ship.open,
		.take_over = cli->ship.take_over,
	};
	struct ship_result r;
	int rc;

	if (cli->ship.new_identity)
		return new_identity(cli, e);
	if (!o.database) {
		err_set(e,
			"no database is configured: set [ship] database in %s, or give --database",
			cli->config_path);
		return -EINVAL;
	}
	if (cli->ship.init)
		return init(cli, o.database, e);
	rc = ship_run(&o, &r, e);
	note_end(cli, &r, rc, e);
	if (cli->json)
		print_json(cli, &r, rc < 0 ? e : NULL);
	else if (!rc)
		print_result(cli, &r);
	return rc;
}

#endif
