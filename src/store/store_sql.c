/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store_sql.h"

#include "store/store_schema.h"

/* UPDATE and INSERT of a row bind the same values in the same order. */

#define TOTALS(after) STORE_TOTALS(after) ", " STORE_TOTALS_MORE(after)
#define CONTAINER(after)                                                                     \
	"name" after ", run" after ", " TOTALS(after) ", runtime" after ", runtime_id" after \
						      ", " STORE_BILL(after)
#define ADDRESS(after) \
	TOTALS(after) ", owner" after ", seen" after ", " STORE_COUNTERS("last_", after)
#define COUNTERS STORE_COUNTERS("", "")
#define A_COUNTERS STORE_COUNTERS("a.", "")
#define B_COUNTERS STORE_COUNTERS("b.", "")
#define Q8 "?, ?, ?, ?, ?, ?, ?, ?"
#define Q_TOTALS "?, ?, ?, ?, ?, " Q8 ", ?, " Q8 ", ?, ?"

#define Q_BILL "?, ?, ?, ?, ?, " Q8

#define USAGE_FIND(table) \
	"SELECT rowid, " STORE_COUNTERS("", "") " FROM " table " WHERE start = ? AND address = ?"
#define USAGE_UPDATE(table) "UPDATE " table " SET " STORE_COUNTERS("", " = ?") " WHERE rowid = ?"
#define USAGE_INSERT(table) \
	"INSERT INTO " table " (" STORE_COUNTERS("", "") ", start, address) VALUES (" Q8 ", ?, ?)"
#define USAGE_DELETE(table) "DELETE FROM " table " WHERE rowid = ?"
#define USAGE_PRUNE(table)                     \
	"DELETE FROM " table " WHERE rowid IN" \
	" (SELECT rowid FROM " table " WHERE start < ? ORDER BY start LIMIT ?)"

/* The bits of enum store_unsure. */
#define MOVE_STAMPS                                                       \
	"since = since + ?1 * (unsure & 1),"                              \
	" discontinuity_at = discontinuity_at + ?1 * ((unsure & 2) / 2)," \
	" zero_at = zero_at + ?1 * ((unsure & 4) / 4),"                   \
	" gone_at = gone_at + ?1 * ((unsure & 8) / 8) WHERE unsure <> 0"

static const char *const sql[STORE_STATEMENTS] = {
	[STORE_GET_META] = "SELECT value FROM meta WHERE key = ?",
	[STORE_PUT_META] = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
	[STORE_UPDATE_CONTAINER] =
		"UPDATE container SET " CONTAINER(" = ?") " WHERE ifindex = ? AND ctid = ?",
	[STORE_INSERT_CONTAINER] =
		"INSERT INTO container (" CONTAINER("") ", ifindex, ctid)"
							" VALUES (?, ?, " Q_TOTALS ", ?, ?, " Q_BILL
							", ?, ?)",
	[STORE_UPDATE_ADDRESS] =
		"UPDATE address SET " ADDRESS(" = ?") " WHERE key = ? AND container = ? AND ip = ?",
	[STORE_INSERT_ADDRESS] =
		"INSERT INTO address (" ADDRESS("") ", key, container, ip)"
						    " VALUES (" Q_TOTALS ", ?, ?, " Q8 ", ?, ?, ?)",
	/* A row missing from `booked` reads as zeros. */
	[STORE_EACH_OPEN] = "SELECT a.key, " A_COUNTERS ", " B_COUNTERS
			    " FROM address AS a LEFT JOIN booked AS b ON b.address = a.key",
	[STORE_PUT_BOOKED] =
		"INSERT OR REPLACE INTO booked (" COUNTERS ", address) VALUES (" Q8 ", ?)",
	/* Aged-out rows: state 3. A row of `booked` whose address is gone has no effect. */
	[STORE_PRUNE_ADDRESS] = "DELETE FROM address WHERE key IN (SELECT key FROM address"
				" WHERE state = 3 AND owner = 0 AND gone_at < ? LIMIT ?)",
	[STORE_PRUNE_BOOKED] =
		"DELETE FROM booked WHERE address IN (SELECT b.address FROM booked AS b"
		" LEFT JOIN address AS a ON a.key = b.address WHERE a.key IS NULL)",
	[STORE_PRUNE_CONTAINER] =
		"DELETE FROM container WHERE ifindex IN (SELECT ifindex FROM container"
		" WHERE state = 3 AND gone_at < ? AND NOT EXISTS"
		" (SELECT 1 FROM address WHERE address.container = container.ifindex) LIMIT ?)",
	[STORE_PRUNE_IMPORTED] = "DELETE FROM imported WHERE rowid IN (SELECT rowid FROM imported"
				 " WHERE measured < ? ORDER BY measured LIMIT ?)",
	[STORE_LAST_START] = "SELECT max((SELECT ifnull(max(start), 0) FROM usage_5min),"
			     " (SELECT ifnull(max(start), 0) FROM usage_hour))",
	[STORE_TAKE_UNSURE] =
		"INSERT INTO usage_unsure (start, address, " COUNTERS ")"
		" SELECT start, address, " COUNTERS " FROM usage_5min WHERE start >= ?",
	[STORE_EACH_UNSURE] =
		"SELECT start, address, " COUNTERS " FROM usage_unsure ORDER BY start, address",
	[STORE_MOVE_UNSURE] = "UPDATE usage_unsure SET start = start + ?",
	[STORE_DROP_UNSURE] = "DELETE FROM usage_unsure WHERE start >= ?",
	[STORE_MOVE_CONTAINERS] = "UPDATE container SET " MOVE_STAMPS,
	[STORE_MOVE_ADDRESSES] = "UPDATE address SET " MOVE_STAMPS,
	[STORE_SURE_CONTAINERS] = "UPDATE container SET unsure = 0 WHERE unsure <> 0",
	[STORE_SURE_ADDRESSES] = "UPDATE address SET unsure = 0 WHERE unsure <> 0",
	[STORE_USAGE_5MIN + STORE_FIND] = USAGE_FIND("usage_5min"),
	[STORE_USAGE_5MIN + STORE_UPDATE] = USAGE_UPDATE("usage_5min"),
	[STORE_USAGE_5MIN + STORE_INSERT] = USAGE_INSERT("usage_5min"),
	[STORE_USAGE_5MIN + STORE_DELETE] = USAGE_DELETE("usage_5min"),
	[STORE_USAGE_5MIN + STORE_PRUNE] = USAGE_PRUNE("usage_5min"),
	[STORE_USAGE_HOUR + STORE_FIND] = USAGE_FIND("usage_hour"),
	[STORE_USAGE_HOUR + STORE_UPDATE] = USAGE_UPDATE("usage_hour"),
	[STORE_USAGE_HOUR + STORE_INSERT] = USAGE_INSERT("usage_hour"),
	[STORE_USAGE_HOUR + STORE_DELETE] = USAGE_DELETE("usage_hour"),
	[STORE_USAGE_HOUR + STORE_PRUNE] = USAGE_PRUNE("usage_hour"),
	[STORE_USAGE_UNSURE + STORE_FIND] = USAGE_FIND("usage_unsure"),
	[STORE_USAGE_UNSURE + STORE_UPDATE] = USAGE_UPDATE("usage_unsure"),
	[STORE_USAGE_UNSURE + STORE_INSERT] = USAGE_INSERT("usage_unsure"),
	[STORE_USAGE_UNSURE + STORE_DELETE] = USAGE_DELETE("usage_unsure"),
	[STORE_USAGE_UNSURE + STORE_PRUNE] = USAGE_PRUNE("usage_unsure"),
};

int store_fail(struct store *s)
{
	if (!s->failed)
		s->failed = store_fault(s->db, s->path, &s->why);
	return s->failed;
}

struct store_cursor store_statement(struct store *s, int which)
{
	if (!s->stmt[which] && sqlite3_prepare_v2(s->db, sql[which], -1, &s->stmt[which], NULL))
		store_fail(s);
	return (struct store_cursor) { s->stmt[which], 1 };
}

void store_finalize(struct store *s)
{
	for (size_t i = 0; i < STORE_STATEMENTS; i++) {
		sqlite3_finalize(s->stmt[i]);
		s->stmt[i] = NULL;
	}
}

void store_bind(struct store_cursor *c, uint64_t value)
{
	sqlite3_bind_int64(c->stmt, c->column++, (sqlite3_int64)value);
}

void store_bind_text(struct store_cursor *c, const char *text)
{
	sqlite3_bind_text(c->stmt, c->column++, text, -1, SQLITE_STATIC);
}

void store_bind_counters(struct store_cursor *c, const struct counters path[PATHS])
{
	for (int p = 0; p < PATHS; p++) {
		store_bind(c, path[p].octets);
		store_bind(c, path[p].pkts);
	}
}

bool store_next(struct store *s, struct store_cursor *c)
{
	int rc = c->stmt ? sqlite3_step(c->stmt) : SQLITE_ERROR;

	c->column = 0;
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		store_fail(s);
	sqlite3_reset(c->stmt);
	return false;
}

uint64_t store_read(struct store_cursor *c)
{
	return (uint64_t)sqlite3_column_int64(c->stmt, c->column++);
}

void store_read_counters(struct store_cursor *c, struct counters path[PATHS])
{
	for (int p = 0; p < PATHS; p++) {
		path[p].octets = store_read(c);
		path[p].pkts = store_read(c);
	}
}

int store_run(struct store *s, struct store_cursor *c, int *ret_changes)
{
	int rc = c->stmt ? sqlite3_step(c->stmt) : SQLITE_ERROR;
	int ret = rc == SQLITE_DONE ? 0 : store_fail(s);

	sqlite3_reset(c->stmt);
	if (!ret && ret_changes)
		*ret_changes = sqlite3_changes(s->db);
	return ret;
}
