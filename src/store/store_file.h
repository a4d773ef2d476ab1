/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_FILE_H
#define CTM_STORE_FILE_H

#include "base/err.h"

#include <sqlite3.h>
#include <stdbool.h>

/* The store's database as a file: made, opened in every way there is, set aside. For store*.c
 * only. Close what they return with sqlite3_close. */

/* Make the file (mode 0640) and its directory when missing. Returns 0 or -errno with e filled. */
int store_file_make(const char *path, struct err *e);

/* Take the lock of the ledger at `path`, which is there: "PATH-lock", PATH with its links resolved, a file
 * beside SQLite's own, whose locks no other descriptor may disturb (lockfile.h). Does not wait. Returns 0 with
 * *ret_fd; with e filled -EBUSY: another process has it; -EROFS: no file can be made there; or another
 * -errno. */
int store_file_lock(const char *path, int *ret_fd, struct err *e);

/* Open `path` for writing, its schema made when missing and an older one brought up. Returns 0 or -errno
 * with e filled: -EUCLEAN for a damaged file, -ENOTSUP for one that is not ours to write. */
int store_file_open(const char *path, sqlite3 **ret_db, struct err *e);

/* Open it for reading, whatever cannot be written: its directory, itself, its disk. Changes
 * nothing. *ret_db becomes NULL when there is no ledger in it yet. Returns 0 or -errno as
 * above. */
int store_file_open_read_only(const char *path, sqlite3 **ret_db, struct err *e);

/* Note beside the file that it is damaged, for store_file_damaged and the next open, since not
 * every damage shows when it is opened. */
void store_file_set_damaged(const char *path);
bool store_file_damaged(const char *path);

/* Rename the file, its WAL and its index out of the way; nobody here has it open. *ret_aside
 * becomes the file's new name, for free(). Returns 0; -EBUSY: another process has it open (it
 * would remove the next database's WAL when it closes); or another -errno, with e filled. */
int store_file_set_aside(const char *path, char **ret_aside, struct err *e);

#endif
