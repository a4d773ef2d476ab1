/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SHIP_SCHEMA_H
#define CTM_SHIP_SCHEMA_H

#include "base/err.h"

#include <stddef.h>

struct pg;

/* schema.sql, with a NUL at its end. The Makefile names its file. */
extern const char ship_schema_sql[];

/* The number of steps in a text like schema.sql, and one of them, from 1: returns its first
 * character, NULL if there is no such step. */
int ship_schema_steps(const char *sql);
const char *ship_schema_step(const char *sql, int n, size_t *ret_len);

/* A node needs at least this version of the schema. */
#define SHIP_SCHEMA_LEAST 1

/* Can this version ship to the database? Returns 0 or -EPROTO with e filled. */
int ship_schema_check(struct pg *pg, struct err *e);

/* Add to an error of the server what to do about it. */
void ship_explain(const struct pg *pg, struct err *e);

#endif
