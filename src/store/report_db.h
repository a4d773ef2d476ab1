/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_REPORT_DB_H
#define CTM_REPORT_DB_H

#include "base/err.h"
#include "base/traffic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ledger's database, opened for reading only, whether ctmeterd runs or not.
 * 1. Nothing is written and no file is made, so that reading needs no more than the right to read
 *    (and root's reports leave no files of theirs behind).
 * 2. All that is read from one `struct report_db` is of one moment. */

struct report_db;

/* Open the database and begin the one reading transaction. Returns 0 or -errno with e filled. */
int report_db_open(const char *path, struct report_db **ret_db, struct err *e);
void report_db_close(struct report_db *db);

/* Was the file changed while it was read without locks? Then everything read is void: open it
 * again. */
bool report_db_is_void(const struct report_db *db);

/* When the last checkpoint was, Unix seconds; 0: a ledger of an older ctmeter does not say. */
int64_t report_db_counted_at(const struct report_db *db);

/* The newest checkpoints are in a log that could not be read. */
bool report_db_lacks_newest(const struct report_db *db);

typedef void report_db_imported_fn(void *arg, const char *ip, int64_t measured_s, uint64_t octets);

/* What was imported (docs/ledger.md) and measured in [since_s, until_s), in the order of time; the text is
 * borrowed. What was measured after counting began is not left out. 0 or -errno with e filled. */
int report_db_imported(struct report_db *db, int64_t since_s, int64_t until_s,
		       report_db_imported_fn *fn, void *arg, struct err *e);

/* When the oldest of it was measured; 0: there is none. */
int report_db_imported_since(struct report_db *db, int64_t *ret_s, struct err *e);

/* Is some of it of this address? */
int report_db_is_imported(struct report_db *db, const char *ip, bool *ret_is, struct err *e);

/* Is the file whole (SQLite's quick_check)? Looks for at most timeout_ms. Returns 0; -EUCLEAN with e
 * saying what is damaged; -ETIMEDOUT: sound as far as it was looked at; or another -errno with e
 * filled. */
int report_db_check(struct report_db *db, int timeout_ms, struct err *e);

/* A row of `container` or `address`; texts are borrowed during the call. */
struct report_db_row {
	int64_t key; /* container: its ifindex */
	int64_t container; /* address: its container's ifindex */
	const char *text; /* container: its id; address: the address */
	const char *name; /* container only */
	bool live; /* neither retired nor aged out */
	int64_t since_s, zero_s; /* zero_s 0: no mark */
	uint64_t octets[PATHS]; /* all that was ever counted */
	uint64_t zero[PATHS]; /* the mark of `ctmeter zero` */
};

typedef void report_db_row_fn(void *arg, const struct report_db_row *row);

/* All containers in the order of their ids; all addresses by key. 0 or -errno with e filled. */
int report_db_containers(struct report_db *db, report_db_row_fn *fn, void *arg, struct err *e);
int report_db_addresses(struct report_db *db, report_db_row_fn *fn, void *arg, struct err *e);

enum report_db_usage { REPORT_DB_5MIN, REPORT_DB_HOUR };

typedef void report_db_usage_fn(void *arg, int64_t address, int64_t start_s,
				const uint64_t octets[PATHS]);

/* The usage that began in [since_s, until_s), both multiples of the table's step, in the order of
 * time. What was counted since the last period was booked belongs to the period of the last checkpoint,
 * of which an address may so come twice. `keys` chooses addresses by sorted keys (NULL: all): they are
 * looked up one by one, which pays when they are few; others may come too. */
int report_db_usage(struct report_db *db, enum report_db_usage table, int64_t since_s,
		    int64_t until_s, const int64_t *keys, size_t n_keys, report_db_usage_fn *fn,
		    void *arg, struct err *e);

#endif
