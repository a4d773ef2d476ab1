/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_FILE_H
#define CTM_STORE_FILE_H

#include "base/err.h"

#include <sqlite3.h>
#include <stdbool.h>

/* The store's database as a file: making it, opening it for writing or reading, setting it aside.
 * For store/ only. Close the databases returned with sqlite3_close. */

/* Make the file (mode 0640) and its directory if missing. Returns 0 or -errno with e filled. */
int store_file_make(const char *path, struct err *e);

/* Lock the ledger at `path`, which must exist. The lock file is "PATH-lock", PATH with its links
 * resolved: a file beside SQLite's own, since closing any descriptor of a file drops the process's
 * locks on it (lockfile.h). Does not wait. Returns 0 with *ret_fd; or with e filled -EBUSY:
 * another process has the lock; -EROFS: no lock file can be made there; or another -errno. */
int store_file_lock(const char *path, int *ret_fd, struct err *e);

/* Open `path` for writing. A missing schema is made and an older one migrated. Returns 0 or -errno
 * with e filled: -EUCLEAN for a damaged file, -ENOTSUP for one that is not ours to write. */
int store_file_open(const char *path, sqlite3 **ret_db, struct err *e);

/* Before each transaction of a database open for writing: wait while its file system is frozen (for
 * a snapshot). SQLite would block in a page fault of the WAL's mapped index, and each fork by
 * another thread waits for page faults. */
void store_file_wait_while_frozen(sqlite3 *db);

/* What was committed survives a power failure. SQLite's own way (synchronous = FULL) syncs within
 * the commit, before it writes the mapped index: that takes as long as the disk likes, and in all
 * that time a file system that is frozen would catch it. Returns 0 or -errno with e filled. */
int store_file_sync(sqlite3 *db, struct err *e);

/* Open it for reading, even if its directory, the file or the disk cannot be written. Changes
 * nothing. *ret_db becomes NULL when there is no ledger in it yet. Returns 0 or -errno as above. */
int store_file_open_read_only(const char *path, sqlite3 **ret_db, struct err *e);

/* "file:PATH?QUERY" for sqlite3_open_v2, with the characters of PATH escaped that mean something in
 * a URI. For free(). */
char *store_file_uri(const char *path, const char *query);

/* Mark the file as damaged, by a file beside it, for store_file_damaged and the next open: not all
 * damage shows on opening. */
void store_file_set_damaged(const char *path);
bool store_file_damaged(const char *path);

/* Rename the file, its WAL and its index out of the way; this process must not have it open.
 * *ret_aside becomes the file's new name, for free(). Returns 0 or, with e filled, -EBUSY: another
 * process has it open (and would remove the next database's WAL when it closes); or another
 * -errno. */
int store_file_set_aside(const char *path, char **ret_aside, struct err *e);

#endif
