/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_REPORT_READER_H
#define CTM_REPORT_READER_H

#include "report/report.h"
#include "store/report_db.h"

/* What report.c and report_select.c share, and nobody else knows: a report being read.
 * 1. Every selected address has a subject; every subject adds to one row: its own, that of its
 *    container or, by day and hour, that of the interval being read. */

struct report_subject {
	int64_t key; /* sorted */
	size_t row; /* not by day and hour */
};

struct report_container {
	int64_t ifindex; /* sorted */
	char *ctid, *name;
	bool live, chosen;
	int64_t since_s, zero_s;
	uint64_t octets[PATHS], zero[PATHS];
	size_t row; /* REPORT_NO_ROW until it has one */
};

#define REPORT_NO_ROW SIZE_MAX

/* An address of which something may have been imported. What was is of the container that the ledger had
 * it at first, and of no other time than before. */
struct report_origin {
	char *ip; /* sorted */
	int64_t since_s; /* INT64_MAX: the ledger never had it */
	bool chosen;
	size_t row; /* REPORT_NO_ROW: none yet; by container and address only */
};

struct report_rate;

struct report_reader {
	const struct report_query *q;
	struct report_db *db;
	struct report *report;
	bool *live; /* of each row: shown even without traffic */
	size_t cap_rows, cap_live;

	struct report_container *containers;
	size_t n_containers, cap_containers;
	struct report_subject *subjects;
	size_t n_subjects, cap_subjects;
	struct report_origin *origins;
	size_t n_origins, cap_origins;
	size_t foreign_row; /* by container: of addresses that are no container's */
	size_t n_foreign; /* such addresses */
	int64_t began_s; /* when counting began; 0: never */
	int64_t imported_s; /* when the oldest of what was imported was measured; 0: nothing was */
	size_t n_addresses; /* in the ledger, selected or not */
	bool *ct_found, *ip_found; /* of each of q->cts, q->ips */

	int64_t *keys; /* of the subjects when they are to be looked up, or NULL */
	size_t hint; /* the subject after the last one found */
	size_t interval; /* the row of the day or hour being read */
	struct report_rate *rates; /* of each row */
	struct report_rate *sum_rate;
	size_t *touched; /* rows with traffic in the 5 minutes being read */
	size_t n_touched;
	int64_t at_s; /* the 5 minutes being read */
};

bool report_by_time(const struct report_reader *r);

/* Add a row, whose texts are taken over. Returns its index. */
size_t report_add_row(struct report_reader *r, const struct report_row *row, bool live);
/* Add octets to a row and its total; nothing wraps. */
void report_add_octets(struct report_row *row, const uint64_t octets[PATHS]);
uint64_t report_add(uint64_t a, uint64_t b);

/* Of an address that the ledger has: origins come in any order, and twice. */
void report_add_origin(struct report_reader *r, const struct report_origin *take_o);
/* Sort them; after all were added. */
void report_sort_origins(struct report_reader *r);
/* Add what was imported and measured in [since_s, until_s) to the rows, or to the present interval's. */
int report_sum_imported(struct report_reader *r, int64_t since_s, int64_t until_s, struct err *e);
void report_release_origins(struct report_reader *r);

/* Read containers and addresses, choose the subjects, and make the rows of containers or
 * addresses; with since_zero fill them too. 0, -ENOENT when the ledger does not know what was
 * asked for, or another -errno; e is filled. */
int report_select(struct report_reader *r, struct err *e);
void report_select_release(struct report_reader *r);

#endif
