/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SHIP_BATCH_H
#define CTM_SHIP_BATCH_H

#include "ship/pgcopy.h"
#include "ship/ship.h"
#include "store/ship_db.h"

struct pg;

/* The parts of a run that read the ledger and send what they read. For src/ship only. */

#define SHIP_TABLES 2

struct ship_table {
	int64_t step_s;
	int64_t oldest_s; /* nothing earlier is in the ledger, or kept by the server */
	int64_t closed_s; /* the periods before this one are over */
	int64_t next_s; /* all before this one is there; 0: nothing is */
};

struct ship {
	const struct ship_options *o;
	struct ship_result *ret;
	struct pg *pg;
	struct ship_facts facts; /* of the ledger, at the beginning */
	char session[24];
	int64_t clock_steps, digest; /* as the server has them */
	struct ship_table table[SHIP_TABLES]; /* by enum report_db_usage */
	struct pgcopy copy;
	uint64_t begun_ns;
};

/* All of these return 0 or -errno with e filled. */
int ship_read_facts(struct ship *s, struct err *e);

/* Start the clock of the rate. Is the time of a run over? */
void ship_begin(struct ship *s);
bool ship_is_late(const struct ship *s);

/* The ledger's rows (names, since when, discontinuities), if they are not there as they are. */
int ship_addresses(struct ship *s, struct err *e);

/* One batch: what the ledger has of [from_s, until_s), or its first part, replaces what is there.
 * advance: everything before it is there. *ret_until_s: its end. */
int ship_range(struct ship *s, enum report_db_usage t, int64_t from_s, int64_t until_s,
	       bool advance, int64_t *ret_until_s, struct err *e);

/* The period that is not over, as it stands. */
int ship_open_period(struct ship *s, enum report_db_usage t, struct err *e);

/* Compare each day that was shipped, and ship those again that differ. */
int ship_compare(struct ship *s, enum report_db_usage t, struct err *e);

#endif
