/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PG_H
#define CTM_PG_H

#include "base/err.h"

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

/* A connection to PostgreSQL that never waits for ever: each call has a limit, whatever the server
 * or the network does. Errors are one line that says what to do. */

struct pg;

/* Connect with libpq's connection string. The whole of it, with TLS and authentication, takes
 * at most timeout_s, or the string's connect_timeout. -EINVAL: the string is wrong, or has a
 * password in it. */
int pg_open(const char *conninfo, unsigned timeout_s, struct pg **ret_pg, struct err *e);
void pg_close(struct pg *pg);

/* "HOST:PORT, database NAME", borrowed. */
const char *pg_where(const struct pg *pg);

/* Run one statement with n parameters as text (NULL: SQL's NULL). *ret_result (may be NULL) is for
 * PQclear. -EPROTO: the server refused it, and pg_sqlstate says why; -ETIMEDOUT, -ECONNRESET. */
int pg_query(struct pg *pg, const char *sql, int n, const char *const *params,
	     PGresult **ret_result, struct err *e);

/* Run statements without parameters or rows. */
int pg_script(struct pg *pg, const char *sql, struct err *e);

/* The same with a limit of its own. */
int pg_script_slow(struct pg *pg, const char *sql, unsigned timeout_s, struct err *e);

/* COPY ... FROM STDIN with these octets, all of them. */
int pg_copy(struct pg *pg, const char *sql, const char *data, size_t len, struct err *e);

/* The SQLSTATE of the last refusal, "" if there was none. */
const char *pg_sqlstate(const struct pg *pg);

#endif
