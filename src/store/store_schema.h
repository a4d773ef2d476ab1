/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_SCHEMA_H
#define CTM_STORE_SCHEMA_H

#include "base/err.h"

#include <sqlite3.h>
#include <stdbool.h>

/* The inside of the store's database file: its schema, the migration of older schemas, and the
 * recognition of damage. For store/ only. */

/* The schema's version (SQLite's user_version), and the versions from which a reader finds more. */
#define STORE_SCHEMA_VERSION 7
#define STORE_SCHEMA_BOOKED 2 /* a period is booked when it is over: `booked`, counted_at in meta */
#define STORE_SCHEMA_IMPORTED 3 /* `import` and `imported` */
#define STORE_SCHEMA_NODE 6 /* the node's id, in meta */
#define STORE_SCHEMA_BILLED 7 /* billing periods */

/* The eight counter columns in the order of enum path, octets before packets, each with `before`
 * in front of its name and `after` behind it. */
#define STORE_COUNTERS(before, after)                                                       \
	before "in_octets" after ", " before "in_pkts" after ", " before "out_octets" after \
	       ", " before "out_pkts" after ", " before "node_in_octets" after ", " before  \
	       "node_in_pkts" after ", " before "node_out_octets" after ", " before         \
	       "node_out_pkts" after

/* Those of octets alone, in the same order. */
#define STORE_OCTETS(before)                                                        \
	before "in_octets, " before "out_octets, " before "node_in_octets, " before \
	       "node_out_octets"

/* The columns that containers and addresses share, each with `after` behind its name. */
#define STORE_TOTALS(after)                                                       \
	"state" after ", gone_at" after ", since" after ", discontinuities" after \
	", discontinuity_at" after                                                \
	", " STORE_COUNTERS("", after) ", zero_at" after ", " STORE_COUNTERS("zero_", after)

/* A container's part in the billing period. */
#define STORE_BILL(after)                                                                    \
	"bill_begin" after ", bill_at_in" after ", bill_at_out" after ", bill_last_in" after \
	", bill_last_out" after ", bill_next_in" after ", bill_next_out" after               \
	", quota_said" after ", counts_said" after ", quota_set" after ", counts_set" after  \
	", quota_told" after ", told_quota" after

/* Shared columns that later schemas added behind the others. */
#define STORE_TOTALS_MORE(after) "gone_lived" after ", unsure" after

/* Keys of the table meta: the number of the last commit. The stored word stays as it was, for older
 * versions; "epoch" is what the iptables backend calls that number. */
#define STORE_KEY_COMMIT_IPV4 "epoch_ipv4"
#define STORE_KEY_COMMIT_IPV6 "epoch_ipv6"

/* The node's id among others, and since when it has it: 0 or missing, from the beginning. */
#define STORE_KEY_NODE "node"
#define STORE_KEY_NODE_SINCE "node_since"

/* Report db's last error: e becomes "PATH: SQLite's message: what to do". Returns -EBUSY (locked),
 * -ENOSPC (no room), -EROFS (not writable), -EACCES (cannot be opened), -EUCLEAN (damaged, or no
 * database), -EINVAL (against the schema's rules) or otherwise -EIO. */
int store_fault(sqlite3 *db, const char *path, struct err *e);

/* Run statements that return no rows. Returns 0 or -errno with e filled. */
int store_exec(sqlite3 *db, const char *path, const char *sql, struct err *e);

/* Check the file by reading its schema, its small tables and, of the history, the two ends where
 * rows are added and removed. A longer history takes no longer to check. *ret_present: the file
 * holds a ledger; an empty file does not. Returns 0 or, with e filled, -EUCLEAN for a damaged
 * file, -ENOTSUP for a newer schema or another program's database, or another -errno. */
int store_schema_check(sqlite3 *db, const char *path, bool *ret_present, struct err *e);

/* Bring an older schema, or none, up to the present one in one transaction. Returns 0 or -errno
 * with e filled. */
int store_schema_migrate(sqlite3 *db, const char *path, struct err *e);

#endif
