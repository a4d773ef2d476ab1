/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of `ctmeter ship`: greet, compare if a clock was set, go on where the server stands.
 *
 * A comparison is due when the ledger has taken steps of the clock (wallclock.h) since the last
 * complete run, for usage of any day may have moved then; and when a machine was taken over. */
#include "ship/ship.h"

#include "base/file.h"
#include "base/period.h"
#include "base/xalloc.h"
#include "ship/batch.h"
#include "ship/pg.h"
#include "ship/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_S 30

/* ---- who we are ---- */

/* The machine's id as 64 bits that do not give it away: systemd asks not to show it. "": none. */
static void read_machine(char ret[17])
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	char *text = NULL;

	*ret = '\0';
	if (file_read("/etc/machine-id", 4096, &text, NULL) < 0)
		return;
	text[strcspn(text, " \r\n")] = '\0';
	if (strlen(text) >= 32) {
		for (const char *c = text; *c; c++)
			hash = (hash ^ (uint8_t)*c) * 1099511628211u;
		snprintf(ret, 17, "%016" PRIx64, hash);
	}
	free(text);
}

static void read_boot(char ret[40])
{
	char *text = NULL;

	*ret = '\0';
	if (file_read("/proc/sys/kernel/random/boot_id", 4096, &text, NULL) < 0)
		return;
	snprintf(ret, 40, "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
}

/* ---- greeting ---- */

static int64_t number(const PGresult *r, int column)
{
	return strtoll(PQgetvalue(r, 0, column), NULL, 10);
}

static int take_hello(struct ship *s, const PGresult *r, struct err *e)
{
	if (strcmp(PQgetvalue(r, 0, 0), "ok") != 0) {
		err_set(e,
			"%s: %s. If this machine is to be that node from now on: ctmeter ship "
			"--take-over. If it is the clone: ctmeter ship --new-identity",
			pg_where(s->pg), PQgetvalue(r, 0, 1));
		return -EPERM;
	}
	snprintf(s->session, sizeof(s->session), "%s", PQgetvalue(r, 0, 2));
	s->table[REPORT_DB_HOUR].next_s = number(r, 3);
	s->table[REPORT_DB_5MIN].next_s = number(r, 4);
	s->table[REPORT_DB_HOUR].oldest_s = number(r, 5);
	s->table[REPORT_DB_5MIN].oldest_s = number(r, 6);
	s->clock_steps = number(r, 7);
	s->digest = number(r, 8);
	return 0;
}

static int hello(struct ship *s, struct err *e)
{
	char machine[17], boot[40], numbers[3][24];
	const int64_t *oldest = s->facts.oldest_s;
	const char *params[] = {
		s->facts.node,
		s->o->node,
		machine,
		boot,
		numbers[0],
		oldest[REPORT_DB_HOUR] ? numbers[1] : NULL,
		oldest[REPORT_DB_5MIN] ? numbers[2] : NULL,
		s->o->take_over ? "true" : "false",
	};
	PGresult *r = NULL;
	int rc;

	read_machine(machine);
	read_boot(boot);
	snprintf(numbers[0], sizeof(numbers[0]), "%" PRId64, s->facts.checkpoint);
	snprintf(numbers[1], sizeof(numbers[1]), "%" PRId64, oldest[REPORT_DB_HOUR]);
	snprintf(numbers[2], sizeof(numbers[2]), "%" PRId64, oldest[REPORT_DB_5MIN]);
	rc = pg_query(s->pg, "SELECT * FROM ctmeter.ship_hello($1, $2, $3, $4, $5, $6, $7, $8)", 8,
		      params, &r, e);
	if (rc < 0) {
		ship_explain(s->pg, e);
		return rc;
	}
	rc = take_hello(s, r, e);
	PQclear(r);
	return rc;
}

/* From where until where each table can be shipped. */
static void set_bounds(struct ship *s)
{
	for (int t = 0; t < SHIP_TABLES; t++) {
		struct ship_table *table = &s->table[t];

		table->step_s = t == REPORT_DB_HOUR ? PERIOD_HOUR_S : PERIOD_5MIN_S;
		table->closed_s = period_floor(s->facts.counted_at_s, table->step_s);
		if (!s->facts.oldest_s[t])
			table->oldest_s = table->closed_s;
		else if (table->oldest_s < s->facts.oldest_s[t])
			table->oldest_s = s->facts.oldest_s[t];
	}
}

/* ---- going on ---- */

/* The last period that is there is shipped once more: a clock that was set back by a few seconds
 * may have put some octets into it since. */
static int go_on(struct ship *s, enum report_db_usage t, struct err *e)
{
	struct ship_table *table = &s->table[t];
	int64_t from_s = table->oldest_s, until_s;
	int rc = 0;

	if (table->next_s) {
		from_s = table->next_s < table->closed_s ? table->next_s : table->closed_s;
		from_s -= table->step_s;
	}
	if (from_s < table->oldest_s)
		from_s = table->oldest_s;
	if (from_s > table->closed_s)
		from_s = table->closed_s;
	do {
		rc = ship_range(s, t, from_s, table->closed_s, true, &until_s, e);
		from_s = until_s;
		if (!rc)
			table->next_s = until_s;
	} while (!rc && from_s < table->closed_s && !ship_is_late(s));
	s->ret->backlog |= !rc && from_s < table->closed_s;
	return rc;
}

static int done(struct ship *s, struct err *e)
{
	char numbers[3][24];
	const char *params[] = { s->facts.node, s->session, numbers[0], numbers[1], numbers[2] };

	if (s->ret->backlog)
		return 0;
	snprintf(numbers[0], sizeof(numbers[0]), "%" PRId64, s->facts.checkpoint);
	snprintf(numbers[1], sizeof(numbers[1]), "%" PRId64, s->facts.clock_steps);
	snprintf(numbers[2], sizeof(numbers[2]), "%" PRId64, s->facts.counted_at_s);
	return pg_query(s->pg, "SELECT ctmeter.ship_done($1, $2, $3, $4, $5)", 5, params, NULL, e);
}

static int ship_all(struct ship *s, struct err *e)
{
	bool is_new = !s->table[REPORT_DB_HOUR].next_s && !s->table[REPORT_DB_5MIN].next_s;
	int rc = ship_addresses(s, e);

	if (!rc && !is_new && s->clock_steps != s->facts.clock_steps) {
		rc = ship_compare(s, REPORT_DB_HOUR, e);
		if (!rc)
			rc = ship_compare(s, REPORT_DB_5MIN, e);
	}
	/* Bills are made of hours. */
	if (!rc && !s->ret->backlog)
		rc = go_on(s, REPORT_DB_HOUR, e);
	if (!rc && !s->ret->backlog)
		rc = go_on(s, REPORT_DB_5MIN, e);
	if (!rc && s->o->open && !s->ret->backlog) {
		rc = ship_open_period(s, REPORT_DB_HOUR, e);
		if (!rc)
			rc = ship_open_period(s, REPORT_DB_5MIN, e);
	}
	return rc ? rc : done(s, e);
}

int ship_run(const struct ship_options *o, struct ship_result *ret, struct err *e)
{
	struct ship s = { .o = o, .ret = ret };
	int rc;

	*ret = (struct ship_result) { .rows = 0 };
	rc = ship_read_facts(&s, e); /* before connecting: most faults are here */
	if (!rc)
		rc = pg_open(o->database, CONNECT_S, &s.pg, e);
	if (rc < 0)
		return rc;
	snprintf(ret->where, sizeof(ret->where), "%s", pg_where(s.pg));
	rc = ship_schema_check(s.pg, e);
	if (!rc)
		rc = ship_read_facts(&s, e); /* as late as possible: see ship_hello */
	if (!rc)
		rc = hello(&s, e);
	if (!rc) {
		set_bounds(&s);
		ship_begin(&s);
		rc = ship_all(&s, e);
	}
	ret->hours_until_s = s.table[REPORT_DB_HOUR].next_s;
	ret->minutes_until_s = s.table[REPORT_DB_5MIN].next_s;
	free(s.copy.data);
	pg_close(s.pg);
	return rc;
}
