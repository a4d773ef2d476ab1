/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SHIP_DB_H
#define CTM_SHIP_DB_H

#include "store/report_db.h"

/* What is shipped of a ledger that report_db_open has opened: closed periods, its addresses, and
 * what a server must know to tell where it stands. Each opening sees one moment. */

struct ship_facts {
	char node[33]; /* the node's id, 32 hexadecimal digits */
	int64_t checkpoint, clock_steps;
	int64_t counted_at_s; /* the last checkpoint; periods before the one it is in are closed */
	int64_t oldest_s[2]; /* by enum report_db_usage: the first period with usage; 0: none */
	int64_t since_s; /* what was counted before is another node's; 0: nothing is */
};

/* Returns 0; -ENODATA with e filled if no daemon of this version has opened the ledger yet; or
 * another -errno. */
int ship_db_facts(struct report_db *db, struct ship_facts *ret, struct err *e);

struct ship_row {
	int64_t start_s;
	const char *container, *ip; /* borrowed during the call */
	struct counters path[PATHS];
};

typedef void ship_db_row_fn(void *arg, const struct ship_row *row);

/* The usage of the periods that began in [since_s, until_s), in order of time: all of each period,
 * but no further period after max_rows rows. *ret_until_s: where the next call goes on; until_s at
 * the end. */
int ship_db_usage(struct report_db *db, enum report_db_usage table, int64_t since_s,
		  int64_t until_s, size_t max_rows, ship_db_row_fn *fn, void *arg,
		  int64_t *ret_until_s, struct err *e);

/* The usage of the period that counted_at_s is in, as it stands. */
int ship_db_open_usage(struct report_db *db, enum report_db_usage table, ship_db_row_fn *fn,
		       void *arg, struct err *e);

struct ship_address {
	const char *container, *ip, *name; /* borrowed during the call */
	int64_t since_s, gone_s; /* gone_s 0: in the inventory */
	int64_t discontinuities, discontinuity_s; /* 0: none */
};

typedef void ship_db_address_fn(void *arg, const struct ship_address *a);

int ship_db_addresses(struct report_db *db, ship_db_address_fn *fn, void *arg, struct err *e);

/* What the ledger has of a day (UTC). The checksums are those of the server's ship_days; the second
 * one depends on the places of the rows. */
struct ship_day {
	int64_t day; /* since 1970-01-01 */
	int64_t rows, octets, places;
};

typedef void ship_db_day_fn(void *arg, const struct ship_day *day);

int ship_db_days(struct report_db *db, enum report_db_usage table, int64_t since_s, int64_t until_s,
		 ship_db_day_fn *fn, void *arg, struct err *e);

/* Make the ledger at `path` another node's from since_s on, with a new random id. For a cloned
 * node: what was counted before is the original's. Writes to the file, beside a running daemon; see
 * owner.h. Returns 0 or -errno with e filled. */
int ship_db_new_node(const char *path, int64_t since_s, struct err *e);

#endif
