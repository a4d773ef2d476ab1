/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_SQL_H
#define CTM_STORE_SQL_H

#include "store/store.h"

#include <sqlite3.h>
#include <sys/types.h>

/* The store's own objects: its connection and its prepared statements. For store*.c only. */

enum store_statement {
	STORE_GET_META,
	STORE_PUT_META,
	STORE_UPDATE_CONTAINER,
	STORE_INSERT_CONTAINER,
	STORE_UPDATE_ADDRESS,
	STORE_INSERT_ADDRESS,
	STORE_EACH_OPEN,
	STORE_PUT_BOOKED,
	STORE_PRUNE_BOOKED,
	STORE_PRUNE_ADDRESS,
	STORE_PRUNE_CONTAINER,
	STORE_PRUNE_IMPORTED,
	STORE_LAST_START,
	STORE_TAKE_UNSURE,
	STORE_EACH_UNSURE,
	STORE_MOVE_UNSURE,
	STORE_DROP_UNSURE,
	STORE_MOVE_CONTAINERS,
	STORE_MOVE_ADDRESSES,
	STORE_SURE_CONTAINERS,
	STORE_SURE_ADDRESSES,
	STORE_USAGE_5MIN, /* five each, in the order of enum store_usage_statement */
	STORE_USAGE_HOUR = STORE_USAGE_5MIN + 5,
	STORE_USAGE_UNSURE = STORE_USAGE_HOUR + 5,
	STORE_STATEMENTS = STORE_USAGE_UNSURE + 5
};

enum store_usage_statement { STORE_FIND, STORE_UPDATE, STORE_INSERT, STORE_DELETE, STORE_PRUNE };

struct store {
	char *path;
	int lock; /* held while the store is open for writing; -1: not yet, or none can be made */
	sqlite3 *db; /* NULL: not connected, or nothing to read */
	bool writable;
	bool begun;
	bool synced; /* what was begun is to survive a power failure */
	int wal_pages; /* in the WAL since it was last copied into the file */
	int failed; /* the first failure since begin, and its text */
	struct err why;
	bool unsure; /* the usage up to this transaction is unsure (store_clock.h) */
	int64_t sure_until_s; /* no period from here on holds sure usage */
	bool turned; /* a period ended since rows long gone were last looked for */
	bool known; /* dev and ino are set */
	dev_t dev;
	ino_t ino;
	sqlite3_stmt *stmt[STORE_STATEMENTS];
};

/* A statement and the column to bind or read next. NULL stmt: preparing it failed. */
struct store_cursor {
	sqlite3_stmt *stmt;
	int column;
};

/* Remember the first failure of a transaction. Returns it. */
int store_fail(struct store *s);

/* The prepared statement, with its first parameter next. */
struct store_cursor store_statement(struct store *s, int which);
void store_finalize(struct store *s);

void store_bind(struct store_cursor *c, uint64_t value);
void store_bind_text(struct store_cursor *c, const char *text); /* borrowed until it has run */
void store_bind_counters(struct store_cursor *c, const struct counters path[PATHS]);

/* Step to the next row, its first column next. Returns false at the end and after a failure; the
 * statement is then reset. */
bool store_next(struct store *s, struct store_cursor *c);
uint64_t store_read(struct store_cursor *c);
void store_read_counters(struct store_cursor *c, struct counters path[PATHS]);

/* Run to the end. Returns 0 or -errno; *ret_changes (may be NULL): the rows written. */
int store_run(struct store *s, struct store_cursor *c, int *ret_changes);

/* Handle a failure outside of puts: mark a damaged file, and close the connection unless the file
 * was only locked. Returns `error`. */
int store_give_up(struct store *s, int error);

/* Note how much of an address's totals is in the history. */
void store_put_booked(struct store *s, uint64_t key, const struct counters total[PATHS]);

/* Within a transaction: get the number that meta has under this key, or `without` if it has none;
 * put one. A failure is remembered. */
int64_t store_get_number(struct store *s, const char *key, int64_t without);
void store_put_number(struct store *s, const char *key, int64_t value);

/* Book the usage that is in no period yet into the one of wall_s; into usage_unsure as well if the
 * clock is on trial and that period may also hold sure usage. */
void store_book(struct store *s, int64_t wall_s);

/* Move this much usage, which began at start_s, by by_s; both are multiples of 300. */
void store_move_usage(struct store *s, uint64_t key, int64_t start_s, int64_t by_s,
		      const struct counters used[PATHS]);

/* Within a transaction: if wall_s is in another 5 minutes than the previous checkpoint, book the
 * usage up to that checkpoint into its 5 minutes and its hour. Then note wall_s as this
 * checkpoint's. A failure is remembered. */
void store_turn_period(struct store *s, int64_t wall_s);

#endif
