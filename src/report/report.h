/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_REPORT_H
#define CTM_REPORT_H

#include "base/addr.h"
#include "base/err.h"
#include "base/period.h"
#include "base/traffic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Traffic of a period, read from the ledger's database.
 * 1. Reports of adjoining periods add up: every octet of the history is in exactly one of them.
 * 2. Whole hours come from the hourly history, the rest of a period from the 5-minute one. Where
 *    that is no longer kept, the period's ends are rounded down to the hour.
 * 3. Sums do not wrap: they stop at 2^64-1. */

enum report_by { REPORT_BY_CONTAINER, REPORT_BY_ADDRESS, REPORT_BY_DAY, REPORT_BY_HOUR };

struct report_query {
	const char *path; /* the database */
	enum report_by by;
	struct period period; /* not used with since_zero */
	bool since_zero; /* totals since the mark of `ctmeter zero`; by container or address only */
	char *const *cts; /* only these containers and addresses; none: all */
	size_t n_cts;
	const struct addr *ips;
	size_t n_ips;
	int64_t now_s;
	bool stored; /* everything counted until now is in the database */
	bool sums_only; /* no percentiles, which take longest to read */
	/* Something for each of cts, which names each once. By container: also a row of those that
	 * are gone and had no traffic. By day and hour, with sums_only: rows for each by itself,
	 * first those of cts[0], then as many of cts[1], and so on. */
	bool each_container;
};

/* A container or address as the ledger knows it now. */
struct report_life {
	int64_t since_s; /* when counting began */
	int64_t gone_s; /* when it left the inventory; 0: it is there */
	uint64_t discontinuities;
	int64_t discontinuity_s; /* the last one; 0: none */
};

struct report_row {
	char *ctid, *name, *address; /* NULL where the row is not for one */
	struct report_life life; /* of the container or address; zeros where the row is for none */
	int64_t since_s, until_s; /* the time summed; since_zero: since_s is the mark */
	uint64_t octets[PATHS];
	/* Traffic counted before ctmeter, in and out together: imported, measured in the period,
	 * and before the ledger counted the address. */
	uint64_t imported_octets;
	uint64_t total; /* all of these */
	/* The 95th percentile of the 5-minute rates, forwarded and node traffic together; 5
	 * minutes without traffic count as 0. Valid only if has_p95. */
	bool has_p95;
	uint64_t p95_in_bits, p95_out_bits; /* bits a second */
	size_t order; /* private */
};

#define REPORT_NOTES_MAX 8

struct report {
	/* Imported traffic of addresses that the ledger never had is in rows with the id "".
	 * Containers and addresses: greatest total first, without those that are gone and had no
	 * traffic. Days and hours: in order of time, with those without traffic. */
	struct report_row *rows;
	size_t n_rows;
	struct report_row sum; /* of all rows */
	bool has_imported; /* some row has imported octets */
	bool lacks_newest; /* the newest checkpoints could not be read; a note says so */
	int64_t counted_at_s; /* the last checkpoint: later traffic is not in; 0: not known */
	char *notes[REPORT_NOTES_MAX]; /* what the reader must know, in whole sentences */
	size_t n_notes;
};

/* Returns 0 and a new *ret_report for report_free; or with e filled -ENOENT: the ledger does not
 * exist or does not know a container or address; or another -errno. */
int report_read(const struct report_query *q, struct report **ret_report, struct err *e);
void report_free(struct report *r);

/* The same for n queries of one database; all reports are of one moment. After a failure there is
 * none. */
int report_read_many(const struct report_query *queries, size_t n, struct report **ret_reports,
		     struct err *e);

/* Add a note. */
void report_add_note(struct report *r, char *take_text);

#endif
