/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_REPORT_READER_H
#define CTM_REPORT_READER_H

#include "report/report.h"
#include "store/report_db.h"

/* A report being read: shared by report*.c only.
 * 1. Every selected address has a subject. Every subject adds to one row: its own, its container's
 *    or, by day and hour, the row of the interval being read.
 * 2. By day and hour, rows are in blocks of n_intervals: one block, or with each_container one for
 *    each of q->cts. `row` of a container, subject or origin is then the number of its block. */

struct report_subject {
	int64_t key; /* sorted */
	size_t row;
};

struct report_container {
	int64_t ifindex; /* sorted */
	char *ctid, *name;
	bool live, chosen;
	struct report_life life;
	int64_t zero_s;
	uint64_t octets[PATHS], zero[PATHS];
	size_t row; /* REPORT_NO_ROW until it has one */
};

#define REPORT_NO_ROW SIZE_MAX

/* An address that may have imported traffic. That traffic belongs to the container that had the
 * address first in the ledger, and only to the time before. */
struct report_origin {
	char *ip; /* sorted */
	int64_t since_s; /* INT64_MAX: the ledger never had it */
	bool chosen;
	size_t row; /* REPORT_NO_ROW: none yet */
};

struct report_rate;

struct report_reader {
	const struct report_query *q;
	struct report_db *db;
	struct report *report;
	bool *live; /* for each row: shown even without traffic */
	size_t cap_rows, cap_live;

	struct report_container *containers;
	size_t n_containers, cap_containers;
	struct report_subject *subjects;
	size_t n_subjects, cap_subjects;
	struct report_origin *origins;
	size_t n_origins, cap_origins;
	size_t foreign_row; /* by container: the row of addresses that belong to none */
	size_t n_foreign; /* such addresses */
	int64_t began_s; /* when counting began; 0: never */
	int64_t imported_s; /* when the oldest imported row was measured; 0: none was imported */
	size_t n_addresses; /* in the ledger, selected or not */
	bool *ct_found, *ip_found; /* for each of q->cts, q->ips */

	int64_t *keys; /* of the subjects if they are to be looked up, or NULL */
	size_t hint; /* the subject after the last one found */
	size_t interval; /* the day or hour being read */
	size_t n_intervals;
	struct report_rate *rates; /* of each row */
	struct report_rate *sum_rate;
	size_t *touched; /* rows with traffic in the 5 minutes being read */
	size_t n_touched;
	int64_t at_s; /* the 5 minutes being read */
};

bool report_by_time(const struct report_reader *r);
/* The row of a subject or origin; by day and hour, that of the interval being read. */
size_t report_row_of(const struct report_reader *r, size_t row);

/* Add a row and take its texts. Returns its index. */
size_t report_add_row(struct report_reader *r, const struct report_row *row, bool live);
/* Add octets to a row and its total; nothing wraps. */
void report_add_octets(struct report_row *row, const uint64_t octets[PATHS]);
uint64_t report_add(uint64_t a, uint64_t b);

/* Add the origin of an address in the ledger: in any order, repeats allowed. */
void report_add_origin(struct report_reader *r, const struct report_origin *take_o);
/* Sort the origins, after all were added. */
void report_sort_origins(struct report_reader *r);
/* Add the traffic imported and measured in [since_s, until_s) to the rows, or to the row of the
 * interval being read. Returns 0 or -errno with e filled. */
int report_sum_imported(struct report_reader *r, int64_t since_s, int64_t until_s, struct err *e);
void report_release_origins(struct report_reader *r);

/* Read containers and addresses, choose the subjects, and make the rows of containers or
 * addresses; with since_zero also fill them. Returns 0 or, with e filled, -ENOENT if the ledger
 * does not know a container or address asked for, or another -errno. */
int report_select(struct report_reader *r, struct err *e);
void report_select_release(struct report_reader *r);

#endif
