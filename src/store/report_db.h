/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_REPORT_DB_H
#define CTM_REPORT_DB_H

#include "base/err.h"
#include "base/traffic.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ledger's database, opened for reading only, whether or not ctmeterd runs.
 * 1. It writes nothing and makes no file. Reading therefore needs only read permission, and root's
 *    reports leave no files of root's behind.
 * 2. Everything read from one `struct report_db` is of one moment. */

struct report_db;

/* Open the database and begin its only read transaction. Returns 0 or -errno with e filled. */
int report_db_open(const char *path, struct report_db **ret_db, struct err *e);
void report_db_close(struct report_db *db);

/* Did the file change while it was read without locks? Then discard everything read and open it
 * again. */
bool report_db_is_void(const struct report_db *db);

/* The time of the last checkpoint in Unix seconds. 0: the ledger of an older ctmeter, which did
 * not store it. */
int64_t report_db_counted_at(const struct report_db *db);

/* Whether the newest checkpoints are in a write-ahead log that could not be read. */
bool report_db_lacks_newest(const struct report_db *db);

typedef void report_db_imported_fn(void *arg, const char *ip, int64_t measured_s, uint64_t octets);

/* The imported rows (docs/ledger.md) measured in [since_s, until_s), in order of time. `ip` is
 * borrowed. Rows measured after counting began are included. Returns 0 or -errno with e filled. */
int report_db_imported(struct report_db *db, int64_t since_s, int64_t until_s,
		       report_db_imported_fn *fn, void *arg, struct err *e);

/* When the oldest imported row was measured; 0: nothing was imported. */
int report_db_imported_since(struct report_db *db, int64_t *ret_s, struct err *e);

/* Is there an imported row for this address? */
int report_db_is_imported(struct report_db *db, const char *ip, bool *ret_is, struct err *e);

/* Check the file (SQLite's quick_check) for at most timeout_ms. Returns 0; -EUCLEAN with e saying
 * what is damaged; -ETIMEDOUT: sound as far as it was checked; or another -errno with e filled. */
int report_db_check(struct report_db *db, int timeout_ms, struct err *e);

/* A row of `container` or `address`; texts are borrowed during the call. */
struct report_db_row {
	int64_t key; /* container: its ifindex */
	int64_t container; /* address: its container's ifindex */
	const char *text; /* container: its id; address: the address */
	const char *name; /* container only */
	bool live; /* neither retired nor aged out */
	int64_t since_s, zero_s; /* zero_s 0: no mark */
	int64_t gone_s; /* when it left the inventory; 0: it is there */
	uint64_t discontinuities;
	int64_t discontinuity_s; /* the last one; 0: none */
	uint64_t octets[PATHS]; /* the totals */
	uint64_t zero[PATHS]; /* the mark of `ctmeter zero` */
};

typedef void report_db_row_fn(void *arg, const struct report_db_row *row);

/* All containers in order of their ids; all addresses in order of their keys. Returns 0 or -errno
 * with e filled. */
int report_db_containers(struct report_db *db, report_db_row_fn *fn, void *arg, struct err *e);
int report_db_addresses(struct report_db *db, report_db_row_fn *fn, void *arg, struct err *e);

/* The billing period; begin_s 0: there is none yet. Returns 0; -ENOTSUP with e filled for a ledger
 * that an older ctmeter wrote; or another -errno. */
int report_db_period(struct report_db *db, struct store_period *ret_period, struct err *e);

/* A container's part in the billing period, settled; texts are borrowed during the call. */
struct report_db_bill {
	int64_t ifindex;
	const char *id, *name;
	bool live; /* neither retired nor aged out */
	int64_t since_s;
	struct flow total;
	struct store_bill bill;
};

typedef void report_db_bill_fn(void *arg, const struct report_db_bill *bill);

/* All containers in order of their ids. Returns 0 or -errno with e filled. */
int report_db_bills(struct report_db *db, const struct store_period *period, report_db_bill_fn *fn,
		    void *arg, struct err *e);

enum report_db_usage { REPORT_DB_5MIN, REPORT_DB_HOUR };

typedef void report_db_usage_fn(void *arg, int64_t address, int64_t start_s,
				const uint64_t octets[PATHS]);

/* The usage of the periods that began in [since_s, until_s), both multiples of the table's step,
 * in order of time. Traffic counted since the last period was booked belongs to the period of the
 * last checkpoint, so an address may come twice for that one. `keys`: the sorted keys of the
 * addresses wanted, NULL for all. They are looked up one by one, which pays when they are few;
 * other addresses may come too. */
int report_db_usage(struct report_db *db, enum report_db_usage table, int64_t since_s,
		    int64_t until_s, const int64_t *keys, size_t n_keys, report_db_usage_fn *fn,
		    void *arg, struct err *e);

#endif
