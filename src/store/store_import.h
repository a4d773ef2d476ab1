/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_IMPORT_H
#define CTM_STORE_IMPORT_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was counted before there was a ctmeter, put into the ledger's database beside the history: also
 * while ctmeterd runs, whose checkpoints go on.
 * 1. Nothing of a file is seen by anybody before its end, and then all of it.
 * 2. It is written in many small transactions, with pauses: the daemon waits 500 ms at most for another's
 *    lock. What one that was cut off has left behind, the next removes.
 * 3. One at a time: an flock(2) of the database's directory, which goes with the process.
 * Not for the daemon: these wait. The caller is who may write the file (owner.h). */

struct store_import;

struct store_import_row {
	int64_t measured_s;
	struct addr addr;
	uint64_t octets;
};

/* Begin to take over `file` (its name is kept), whose times were read as those of `zone`. dry_run: as if, and
 * nothing is written. Returns 0 or -errno with e filled: -ENOENT there is no ledger yet, -EBUSY another
 * import runs, -EINVAL: the ledger has imports whose times are of another zone. */
int store_import_begin(const char *path, const char *file, const char *zone, int64_t now_s,
		       bool dry_run, struct store_import **ret_import, struct err *e);

/* Since when the ledger counts this address; 0: it never had it. */
int64_t store_import_counting_since(const struct store_import *im, const struct addr *addr);

/* Returns 0; 1: it is there already; -EEXIST: with other octets, *ret_other; or another -errno. e is filled
 * with every failure. After one there is only the end. */
int store_import_put(struct store_import *im, const struct store_import_row *row,
		     uint64_t *ret_other, struct err *e);

/* keep: make all of it seen, and else remove it. Frees im. Returns 0 or -errno with e filled, then nothing of
 * it is seen. */
int store_import_end(struct store_import *take_im, bool keep, struct err *e);

/* Remove all that was ever imported. Returns 0 and how many rows, or -errno with e filled. */
int store_import_forget(const char *path, uint64_t *ret_rows, struct err *e);

#endif
