/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libpq's asynchronous calls, each waited for with poll(2) until a deadline. Only the look-up of a
 * host's name is libc's, which has limits of its own. */
#include "ship/pg.h"

#include "base/loop.h"
#include "base/xalloc.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_S 90 /* a little longer than the server is told to take */

struct pg {
	PGconn *conn;
	char *where;
	uint64_t deadline_ns;
	unsigned limit_s;
	char sqlstate[6];
};

/* The first line of libpq's message without its end, which a person reads in one line of ours. */
static void first_line(const char *message, char *buf, size_t size)
{
	size_t len = strcspn(message, "\n");
	const char *more = message[len] ? message + len + 1 : "";
	size_t rest = strcspn(more, "\n");

	/* "connection to server at X failed: FATAL: ...", or a reason in a second line. */
	while (*more == '\t' || *more == ' ')
		more++, rest--;
	if (rest && strncmp(more, "DETAIL", 6) && strncmp(more, "CONTEXT", 7) &&
	    strncmp(more, "LINE", 4))
		snprintf(buf, size, "%.*s %.*s", (int)len, message, (int)rest, more);
	else
		snprintf(buf, size, "%.*s", (int)len, message);
}

static void begin(struct pg *pg, unsigned limit_s)
{
	pg->limit_s = limit_s;
	pg->deadline_ns = loop_now_ns() + limit_s * NS_PER_S;
	*pg->sqlstate = '\0';
}

static int wait_for(struct pg *pg, short events, struct err *e)
{
	uint64_t now = loop_now_ns();
	struct pollfd p = { .fd = PQsocket(pg->conn), .events = events };
	int left_ms = now < pg->deadline_ns ? (int)((pg->deadline_ns - now) / NS_PER_MS) + 1 : 0;

	if (left_ms && (p.fd < 0 || poll(&p, 1, left_ms) > 0 || errno == EINTR))
		return 0;
	err_set(e, "%s does not answer within %u s: is it overloaded, or the network between?",
		pg->where, pg->limit_s);
	return -ETIMEDOUT;
}

/* ---- connecting ---- */

static const struct {
	const char *in, *cure;
} cures[] = {
	{ "password authentication failed",
	  "check the password in the file that passfile names, or ~/.pgpass" },
	{ "no password supplied", "put it into a file, with mode 0600, and name that by passfile" },
	{ "no pg_hba.conf entry", "let this node in by a line in the server's pg_hba.conf" },
	{ "certificate verify failed", "check sslrootcert and the server's certificate" },
	{ "does not match host name", "connect by the name in the certificate, or issue another" },
	{ "root certificate file", "name the authority's certificate by sslrootcert" },
	{ "server does not support SSL", "switch on ssl in postgresql.conf" },
	{ "certificate authentication failed", "check sslcert and sslkey: its CN names the role" },
	{ "certificate", "check sslrootcert, sslcert and sslkey" },
	{ "private key", "check sslkey" },
	{ "No such file or directory", "is PostgreSQL running, and its socket there?" },
	{ "does not exist", "create it, or correct [ship] database" },
	{ "could not translate host name", "correct host in [ship] database, or the DNS" },
	{ "Connection refused", "is PostgreSQL running, and listening there?" },
	{ "permission denied for database", "GRANT CONNECT ON DATABASE to this role" },
	{ "too many connections", "raise max_connections, or put pgbouncer in between" },
	{ "remaining connection slots", "raise max_connections, or put pgbouncer in between" },
	{ "is not permitted to log in", "ALTER ROLE .. LOGIN" },
	{ "the database system is", "it is tried again next time" },
};

static int connect_failed(struct pg *pg, struct err *e)
{
	char line[320];

	first_line(PQerrorMessage(pg->conn), line, sizeof(line));
	for (size_t i = 0; i < ARRAY_LEN(cures); i++) {
		if (!strstr(line, cures[i].in))
			continue;
		err_set(e, "%s: %s", line, cures[i].cure);
		return -ECONNREFUSED;
	}
	err_set(e, "%s", *line ? line : "cannot connect to the database");
	return -ECONNREFUSED;
}

static int connect_wait(struct pg *pg, struct err *e)
{
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	int rc = 0;

	if (PQstatus(pg->conn) == CONNECTION_BAD)
		return connect_failed(pg, e);
	while (!rc && state != PGRES_POLLING_OK) {
		rc = wait_for(pg, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, e);
		if (!rc && (state = PQconnectPoll(pg->conn)) == PGRES_POLLING_FAILED)
			rc = connect_failed(pg, e);
	}
	return rc;
}

/* *timeout_s becomes the string's connect_timeout, if it has one: libpq's asynchronous calls do not
 * look at it. */
static int check_conninfo(const char *conninfo, unsigned *timeout_s, struct err *e)
{
	char *message = NULL, line[320];
	PQconninfoOption *options = PQconninfoParse(conninfo, &message);
	int rc = 0;

	if (!options) {
		first_line(message ? message : "no memory", line, sizeof(line));
		err_set(e,
			"[ship] database is no connection string of libpq: %s (an example: "
			"host=db.example dbname=fleet user=node1 sslmode=verify-full)",
			line);
		rc = -EINVAL;
	}
	for (PQconninfoOption *o = options; o && o->keyword; o++) {
		if (!strcmp(o->keyword, "password") && o->val && *o->val)
			rc = -EINVAL;
		if (!strcmp(o->keyword, "connect_timeout") && o->val && atoi(o->val) > 0)
			*timeout_s = (unsigned)atoi(o->val);
	}
	if (rc && options)
		err_set(e, "[ship] database has a password in it, which everybody can read: put it "
			   "into a file with mode 0600 and name that by passfile=");
	PQfreemem(message);
	PQconninfoFree(options);
	return rc;
}

static char *describe(const PGconn *conn)
{
	const char *host = PQhost(conn), *port = PQport(conn), *name = PQdb(conn);

	return xasprintf("database %s at %s%s%s", name && *name ? name : "?",
			 host && *host ? host : "this host", port && *port ? ":" : "",
			 port ? port : "");
}

static void ignore_notice(void *arg, const PGresult *result)
{
	(void)arg, (void)result;
}

int pg_open(const char *conninfo, unsigned timeout_s, struct pg **ret_pg, struct err *e)
{
	/* What the string says wins over what stands before it. */
	static const char *const names[] = { "fallback_application_name",
					     "keepalives_idle",
					     "keepalives_interval",
					     "keepalives_count",
					     "tcp_user_timeout",
					     "dbname",
					     NULL };
	const char *values[] = { "ctmeter", "30", "10", "3", "60000", conninfo, NULL };
	int rc = check_conninfo(conninfo, &timeout_s, e);
	struct pg *pg;

	if (rc < 0)
		return rc;
	pg = xcalloc(1, sizeof(*pg));
	begin(pg, timeout_s);
	pg->conn = PQconnectStartParams(names, values, 1);
	if (!pg->conn)
		xalloc_die();
	pg->where = describe(pg->conn);
	rc = connect_wait(pg, e);
	if (!rc) {
		free(pg->where);
		pg->where = describe(pg->conn);
		PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
		PQsetnonblocking(pg->conn, 1);
		/* Whoever holds a lock or hangs is the server's to end, too. */
		rc = pg_script(pg,
			       "SET statement_timeout = '80s'; SET lock_timeout = '60s';"
			       "SET idle_in_transaction_session_timeout = '120s';"
			       "SET client_encoding = 'UTF8'; SET client_min_messages = warning",
			       e);
	}
	if (rc < 0)
		pg_close(pg);
	else
		*ret_pg = pg;
	return rc;
}

void pg_close(struct pg *pg)
{
	if (!pg)
		return;
	PQfinish(pg->conn);
	free(pg->where);
	free(pg);
}

const char *pg_where(const struct pg *pg)
{
	return pg->where;
}

const char *pg_sqlstate(const struct pg *pg)
{
	return pg->sqlstate;
}

/* ---- statements ---- */

static int broken(struct pg *pg, struct err *e)
{
	char line[320];

	first_line(PQerrorMessage(pg->conn), line, sizeof(line));
	err_set(e, "%s: the connection broke: %s", pg->where, *line ? line : "no reason given");
	return -ECONNRESET;
}

static int refused(struct pg *pg, const PGresult *result, struct err *e)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (!state || PQstatus(pg->conn) == CONNECTION_BAD)
		return broken(pg, e);
	snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", state);
	err_set(e, "%s: %s", pg->where, text ? text : "refused");
	return -EPROTO;
}

/* Send what is left to be sent. */
static int flush(struct pg *pg, struct err *e)
{
	int left, rc = 0;

	while (!rc && (left = PQflush(pg->conn)) == 1) {
		rc = wait_for(pg, POLLIN | POLLOUT, e);
		if (!rc && !PQconsumeInput(pg->conn))
			return broken(pg, e);
	}
	if (!rc && left < 0)
		rc = broken(pg, e);
	return rc;
}

/* The next result of what was sent; NULL: there is none. */
static int next_result(struct pg *pg, PGresult **ret, struct err *e)
{
	int rc = flush(pg, e);

	while (!rc && PQisBusy(pg->conn)) {
		rc = wait_for(pg, POLLIN, e);
		if (!rc && !PQconsumeInput(pg->conn))
			rc = broken(pg, e);
	}
	if (!rc)
		*ret = PQgetResult(pg->conn);
	return rc;
}

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN;
}

/* All results, of which the last good one is given. Stops at COPY's, which must be fed first. */
static int finish(struct pg *pg, PGresult **ret_result, struct err *e)
{
	PGresult *result = NULL, *last = NULL;
	int rc = 0, failed = 0;

	while (!(rc = next_result(pg, &result, e)) && result) {
		if (!is_good(result) && !failed)
			failed = refused(pg, result, e);
		PQclear(last);
		last = result;
		if (PQresultStatus(result) == PGRES_COPY_IN)
			break;
		if (PQstatus(pg->conn) == CONNECTION_BAD) {
			failed = failed ? failed : broken(pg, e);
			break;
		}
	}
	rc = failed ? failed : rc;
	if (!rc && ret_result)
		*ret_result = last;
	else
		PQclear(last);
	return rc;
}

int pg_query(struct pg *pg, const char *sql, int n, const char *const *params,
	     PGresult **ret_result, struct err *e)
{
	begin(pg, QUERY_S);
	if (!PQsendQueryParams(pg->conn, sql, n, NULL, params, NULL, NULL, 0))
		return broken(pg, e);
	return finish(pg, ret_result, e);
}

int pg_script_slow(struct pg *pg, const char *sql, unsigned timeout_s, struct err *e)
{
	begin(pg, timeout_s);
	if (!PQsendQuery(pg->conn, sql))
		return broken(pg, e);
	return finish(pg, NULL, e);
}

int pg_script(struct pg *pg, const char *sql, struct err *e)
{
	return pg_script_slow(pg, sql, QUERY_S, e);
}

/* ---- COPY ---- */

#define CHUNK (64 * 1024)

static int put_all(struct pg *pg, const char *data, size_t len, struct err *e)
{
	int rc = 0, put;

	while (!rc && len) {
		size_t n = len < CHUNK ? len : CHUNK;

		put = PQputCopyData(pg->conn, data, (int)n);
		if (put < 0)
			return broken(pg, e);
		if (put) {
			data += n;
			len -= n;
		}
		rc = flush(pg, e);
	}
	while (!rc && (put = PQputCopyEnd(pg->conn, NULL)) != 1)
		rc = put < 0 ? broken(pg, e) : wait_for(pg, POLLOUT, e);
	return rc;
}

int pg_copy(struct pg *pg, const char *sql, const char *data, size_t len, struct err *e)
{
	int rc = pg_script(pg, sql, e);

	if (!rc) {
		begin(pg, QUERY_S);
		rc = put_all(pg, data, len, e);
	}
	return rc ? rc : finish(pg, NULL, e);
}
