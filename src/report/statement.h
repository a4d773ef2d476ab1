/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STATEMENT_H
#define CTM_STATEMENT_H

#include "base/err.h"
#include "report/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A statement: the traffic of one container in one month, as a page for its customer.
 * 1. All figures of a statement are of one moment, and those of `ctmeter report`; but the quota's
 *    are those of `ctmeter usage`, read next.
 * 2. The page is one HTML file without scripts. It loads nothing. */

struct statement_month {
	int64_t since_s, until_s; /* of the calendar month */
	int64_t now_s;
	bool stored; /* everything counted until now is in the ledger */
};

/* How much of a quota is used. */
struct statement_quota {
	uint64_t used_octets, limit_octets; /* the limit is not 0 */
	const char *counts; /* "in and out together" or the like: what counts against it */
	int64_t since_s, until_s; /* its period, which need not be the month */
};

struct statement {
	const char *ctid, *name; /* name may be "" */
	const struct statement_month *month;
	const struct report_row *sum; /* of the container; its times are those reported */
	const struct report_row *addresses; /* those with traffic and those of the month */
	size_t n_addresses;
	const struct report_row *days, *hours; /* in order of time, until the present at most */
	size_t n_days, n_hours;
	int64_t counted_at_s; /* as in struct report */
	const struct statement_quota *quota; /* NULL: none */
};

/* ---- reading ---- */

struct statements;

/* Read the statements of `cts`, each named once, from the database at `path`. They are borrowed
 * from *ret until statements_free. Returns 0, or with e filled an error of report_read. */
int statements_read(const char *path, const struct statement_month *month, char *const *cts,
		    size_t n_cts, struct statements **ret, struct err *e);
/* cts[i]'s. quota is NULL; the caller may set it. */
struct statement *statements_get(struct statements *all, size_t i);
/* The newest traffic is missing, because root alone could read it: worth a line to the operator. */
bool statements_lack_newest(const struct statements *all);
void statements_free(struct statements *all);

/* The ids of the containers that have a statement for the month, in their order: those with traffic
 * in it, and those that are still there and were counted before its end. *ret_cts, ended by NULL,
 * is for statement_cts_free. Returns 0, or with e filled an error of report_read. */
int statement_cts(const char *path, const struct statement_month *month, char ***ret_cts,
		  size_t *ret_n, struct err *e);
void statement_cts_free(char **cts);

/* ---- the page ---- */

/* Print the page. The caller checks `out` for errors. */
void statement_put(const struct statement *s, FILE *out);

/* Print what is known of interruptions in the month, as list items or a paragraph. */
void statement_put_gaps(const struct statement *s, FILE *out);

/* Print the page that leads to the statements of these containers. */
struct statement_link {
	const char *ctid, *name;
	const char *href; /* a relative URL */
	uint64_t total_octets;
};
void statement_put_index(const struct statement_month *month, const struct statement_link *links,
			 size_t n_links, FILE *out);

#endif
