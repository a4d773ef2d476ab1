/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ship/schema.h"

#include "base/xalloc.h"
#include "ship/pg.h"
#include "ship/ship.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "\n-- step "
#define CONNECT_S 30
#define STEP_S 3600 /* a migration may have to rewrite what years have left */

/* ---- the text ---- */

const char *ship_schema_step(const char *sql, int n, size_t *ret_len)
{
	const char *at = sql, *end;

	while (n-- > 0 && (at = strstr(at, MARK)))
		at++;
	if (!at)
		return NULL;
	end = strstr(at, MARK);
	*ret_len = end ? (size_t)(end - at) : strlen(at);
	return at;
}

int ship_schema_steps(const char *sql)
{
	size_t len;
	int n = 0;

	while (ship_schema_step(sql, n + 1, &len))
		n++;
	return n;
}

/* ---- errors ---- */

void ship_explain(const struct pg *pg, struct err *e)
{
	static const struct {
		const char *sqlstate, *cure;
	} cures[] = {
		{ "3F000", "there is no schema of ctmeter: run ctmeter ship --init as its owner" },
		{ "42P01", "there is no schema of ctmeter: run ctmeter ship --init as its owner" },
		{ "42883", "the schema is older: run ctmeter ship --init as its owner" },
		{ "42501", "GRANT ctmeter_node TO this role" },
		{ "25006",
		  "it is a standby: name the primary, or target_session_attrs=read-write" },
		{ "53100", "make room on the server's disk" },
		{ "55P03", "somebody holds a lock; it is tried again next time" },
		{ "57014", "it took too long; it is tried again next time" },
		{ "57P01", "the server was stopped; it is tried again next time" },
	};
	size_t len = strlen(e->text);

	for (size_t i = 0; i < ARRAY_LEN(cures); i++)
		if (!strcmp(cures[i].sqlstate, pg_sqlstate(pg)))
			snprintf(e->text + len, sizeof(e->text) - len, ": %s", cures[i].cure);
}

int ship_schema_check(struct pg *pg, struct err *e)
{
	int known = ship_schema_steps(ship_schema_sql), version, accepts;
	PGresult *r = NULL;
	int rc = pg_query(pg, "SELECT version, accepts FROM ctmeter.schema", 0, NULL, &r, e);

	if (rc < 0) {
		ship_explain(pg, e);
		return rc;
	}
	version = PQntuples(r) ? atoi(PQgetvalue(r, 0, 0)) : 0;
	accepts = PQntuples(r) ? atoi(PQgetvalue(r, 0, 1)) : 0;
	PQclear(r);
	if (version < SHIP_SCHEMA_LEAST) {
		err_set(e,
			"%s: its schema (version %d) is older than this ctmeter needs (%d): run "
			"ctmeter ship --init as its owner",
			pg_where(pg), version, SHIP_SCHEMA_LEAST);
		rc = -EPROTO;
	} else if (accepts > known) {
		err_set(e,
			"%s: its schema (version %d) is newer and takes nothing from this ctmeter "
			"(it knows %d): upgrade ctmeter on this node",
			pg_where(pg), version, known);
		rc = -EPROTO;
	}
	return rc;
}

/* ---- ctmeter ship --init ---- */

static int read_version(struct pg *pg, int *ret, struct err *e)
{
	PGresult *r = NULL;
	int rc = pg_query(pg, "SELECT to_regclass('ctmeter.schema') IS NOT NULL", 0, NULL, &r, e);
	bool there = !rc && *PQgetvalue(r, 0, 0) == 't';

	PQclear(r);
	*ret = 0;
	if (rc < 0 || !there)
		return rc;
	rc = pg_query(pg, "SELECT version FROM ctmeter.schema", 0, NULL, &r, e);
	if (!rc && PQntuples(r))
		*ret = atoi(PQgetvalue(r, 0, 0));
	if (!rc)
		PQclear(r);
	return rc;
}

static void explain_init(const struct pg *pg, struct err *e)
{
	size_t len = strlen(e->text);
	const char *cure = NULL;

	if (strcmp(pg_sqlstate(pg), "42501") != 0)
		return;
	if (strstr(e->text, "create role"))
		cure = "have a superuser run: CREATE ROLE ctmeter_node; CREATE ROLE "
		       "ctmeter_billing; CREATE ROLE ctmeter_customer";
	else
		cure = "connect as the database's owner (--database)";
	snprintf(e->text + len, sizeof(e->text) - len, ": %s", cure);
}

static int run_steps(struct pg *pg, int *ret_from, int *ret_to, struct err *e)
{
	int known = ship_schema_steps(ship_schema_sql), version = 0;
	int rc = pg_script(pg,
			   "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s';"
			   "SELECT pg_advisory_xact_lock(hashtext('ctmeter schema'))",
			   e);

	if (!rc)
		rc = read_version(pg, &version, e);
	if (!rc && version > known) {
		err_set(e,
			"%s: its schema is of a newer ctmeter (version %d, this one knows %d): "
			"upgrade this ctmeter first",
			pg_where(pg), version, known);
		return -EPROTO;
	}
	*ret_from = version;
	for (int n = version + 1; !rc && n <= known; n++) {
		size_t len = 0;
		const char *text = ship_schema_step(ship_schema_sql, n, &len);
		char *step;

		assert(text);
		step = xstrndup(text, len);
		rc = pg_script_slow(pg, step, STEP_S, e);
		free(step);
		if (rc < 0)
			err_prefix(e, "step %d of the schema", n);
	}
	*ret_to = known;
	return rc ? rc : pg_script(pg, "COMMIT", e);
}

int ship_init(const char *database, int *ret_from, int *ret_to, struct err *e)
{
	struct pg *pg;
	int rc = pg_open(database, CONNECT_S, &pg, e);

	if (rc < 0)
		return rc;
	rc = run_steps(pg, ret_from, ret_to, e);
	if (rc < 0)
		explain_init(pg, e);
	pg_close(pg);
	return rc;
}
