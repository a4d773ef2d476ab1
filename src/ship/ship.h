/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SHIP_H
#define CTM_SHIP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Closed periods of the ledger, put into the fleet's PostgreSQL (schema.sql, docs/fleet.md).
 * 1. Where it stands is asked of the server; nothing about it is kept here.
 * 2. A batch is one transaction that replaces a range of periods. Repeating it changes nothing, so
 *    neither a lost answer nor a kill, a replay or a second run loses or doubles an octet.
 * 3. The ledger is only read, for as long as one batch takes to read, with the rights of its
 *    directory's owner.
 * 4. A run ends after SHIP_RUN_S at the latest, and ships at most `rate` rows a second. */

#define SHIP_RUN_S 240

struct ship_options {
	const char *ledger, *database, *node; /* [ledger] path, [ship] database and node */
	unsigned rate; /* rows a second */
	bool open; /* the periods that are not over, too, as they stand */
	bool take_over; /* this machine is the node from now on, whichever was */
};

struct ship_result {
	char where[256]; /* the database */
	uint64_t rows; /* shipped */
	uint64_t changed; /* of them, and of those that are no longer in the ledger */
	uint64_t days; /* earlier days that differed and were shipped again */
	int64_t hours_until_s, minutes_until_s; /* everything before these is there; 0: nothing */
	bool backlog; /* there is more for the next run */
};

/* One run. Returns 0, or -errno with e saying what failed and what to do: -EINVAL the connection
 * string; -ECONNREFUSED, -ETIMEDOUT, -ECONNRESET the server; -EPROTO it refused; -EPERM this
 * machine may not ship as this node; or one of report_db_open or ship_db_facts. *ret is filled as
 * far as it got, whatever is returned. */
int ship_run(const struct ship_options *o, struct ship_result *ret, struct err *e);

/* Make the schema in the database, or bring it up to this version. *ret_from, *ret_to: the versions
 * before (0: none) and after. Returns 0 or -errno with e filled. */
int ship_init(const char *database, int *ret_from, int *ret_to, struct err *e);

#endif
