/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_IMPORT_H
#define CTM_STORE_IMPORT_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Imports traffic that was counted before ctmeter was installed into the ledger's database, beside
 * the history. ctmeterd may run meanwhile, and its checkpoints go on.
 * 1. No reader sees any row of a file before the import of that file has ended; then all readers
 *    see all rows.
 * 2. Rows are written in many small transactions with pauses between them, since the daemon waits
 *    at most 500 ms for a lock. What an interrupted import left behind, the next import removes.
 * 3. One import runs at a time, by an flock(2) on the database's directory, which ends with the
 *    process.
 * Not for the daemon: these calls wait. The caller must have the rights to write the file
 * (owner.h). */

struct store_import;

struct store_import_row {
	int64_t measured_s;
	struct addr addr;
	uint64_t octets;
};

/* Begin to import `file` (its name is kept), whose times were read in time zone `zone`. dry_run:
 * do all but write. Returns 0 or -errno with e filled: -ENOENT there is no ledger yet, -EBUSY
 * another import runs, -EINVAL the ledger has imports whose times were read in another zone. */
int store_import_begin(const char *path, const char *file, const char *zone, int64_t now_s,
		       bool dry_run, struct store_import **ret_import, struct err *e);

/* When the ledger began to count this address; 0: it never had it. */
int64_t store_import_counting_since(const struct store_import *im, const struct addr *addr);

/* Returns 0; 1: the row is already there; or with e filled -EEXIST: it is there with other octets,
 * *ret_other; or another -errno. After a failure only the end may follow. */
int store_import_put(struct store_import *im, const struct store_import_row *row,
		     uint64_t *ret_other, struct err *e);

/* End the import. keep: make all its rows visible; otherwise remove them. Frees im. Returns 0 or
 * -errno with e filled; after a failure none of its rows is visible. */
int store_import_end(struct store_import *take_im, bool keep, struct err *e);

/* Remove every imported row. Returns 0 with the number of rows, or -errno with e filled. */
int store_import_forget(const char *path, uint64_t *ret_rows, struct err *e);

#endif
