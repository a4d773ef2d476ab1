/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_REPORT_DB_ROOM_H
#define CTM_REPORT_DB_ROOM_H

#include "store/report_db.h"

#include <sqlite3.h>
#include <sys/stat.h>

/* The inside of an open report_db, for the files of store/ that read through it. */

struct report_db {
	char *path;
	sqlite3 *handle;
	bool immutable;
	bool lacks_newest;
	bool has_imported; /* the tables exist */
	bool has_bills; /* the columns exist */
	bool has_open; /* some usage is in no period yet */
	int64_t counted_at_s; /* that usage belongs to the period of this time */
	struct stat opened; /* of the file, when it was opened */
};

/* SQLite's error in words that say what to do. Returns -errno with e filled. */
int report_db_explain(const struct report_db *db, int code, struct err *e);

/* A column of the present row as text, "" for NULL; valid until the next row. */
const char *report_db_text(sqlite3_stmt *stmt, int column);

/* The octets of all paths from this column on, in the order of enum path. */
void report_db_octets(sqlite3_stmt *stmt, int column, uint64_t ret[PATHS]);

#endif
