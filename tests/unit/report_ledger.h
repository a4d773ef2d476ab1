/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_REPORT_LEDGER_H
#define CTM_TESTS_REPORT_LEDGER_H

#include <check.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>

/* A ledger as docs/ledger.md describes it, filled by hand: the one place in the tests that makes
 * its tables. */

#define LEDGER_SEVEN(p)                                                                            \
	p "in_pkts DEFAULT 0," p "out_octets DEFAULT 0," p "out_pkts DEFAULT 0," p                 \
	  "node_in_octets DEFAULT 0," p "node_in_pkts DEFAULT 0," p "node_out_octets DEFAULT 0," p \
	  "node_out_pkts DEFAULT 0"
#define LEDGER_COUNTERS(p) p "in_octets DEFAULT 0," LEDGER_SEVEN(p)
#define LEDGER_TOTALS                                                                             \
	"state INTEGER DEFAULT 0, gone_at INTEGER DEFAULT 0, since INTEGER DEFAULT 0,"            \
	"discontinuities INTEGER DEFAULT 0, discontinuity_at INTEGER DEFAULT 0," LEDGER_COUNTERS( \
		"") ", zero_at INTEGER DEFAULT 0," LEDGER_COUNTERS("zero_")
#define LEDGER_USAGE                                                          \
	"(start INTEGER NOT NULL, address INTEGER NOT NULL," LEDGER_COUNTERS( \
		"") ", PRIMARY KEY (start, address));"

static inline void ledger_exec(sqlite3 *db, const char *sql)
{
	char *message = NULL;

	sqlite3_exec(db, sql, NULL, NULL, &message);
	ck_assert_msg(!message, "%s: %s", sql, message);
}

static inline void __attribute__((format(printf, 2, 3)))
ledger_put(sqlite3 *db, const char *fmt, ...)
{
	char sql[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	ledger_exec(db, sql);
}

/* A new, open ledger with its tables. */
static inline sqlite3 *ledger_create(const char *path)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ledger_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
			"CREATE TABLE meta (key TEXT PRIMARY KEY, value);"
			"CREATE TABLE container (ifindex INTEGER PRIMARY KEY, ctid TEXT UNIQUE,"
			" name TEXT, run INTEGER DEFAULT 2, " LEDGER_TOTALS ");"
			"CREATE TABLE address (key INTEGER PRIMARY KEY, container INTEGER, ip "
			"TEXT," LEDGER_TOTALS
			", owner INTEGER DEFAULT 1, seen INTEGER DEFAULT 15, " LEDGER_COUNTERS(
				"last_") ", UNIQUE (container, ip));"
					 "CREATE TABLE usage_5min " LEDGER_USAGE
					 "CREATE TABLE usage_hour " LEDGER_USAGE
					 "CREATE TABLE booked (address INTEGER PRIMARY "
					 "KEY," LEDGER_COUNTERS("") ");"
								    "PRAGMA user_version = 2;");
	return db;
}

static inline void ledger_container(sqlite3 *db, int ifindex, const char *ctid, const char *name,
				    int state, int64_t since)
{
	ledger_put(db,
		   "INSERT INTO container (ifindex, ctid, name, state, since) "
		   "VALUES (%d, '%s', '%s', %d, %" PRId64 ")",
		   ifindex, ctid, name, state, since);
}

static inline void ledger_address(sqlite3 *db, int key, int container, const char *ip, int state,
				  int64_t since)
{
	ledger_put(db,
		   "INSERT INTO address (key, container, ip, state, since) "
		   "VALUES (%d, %d, '%s', %d, %" PRId64 ")",
		   key, container, ip, state, since);
}

/* One booking, into the hour and the 5 minutes that t is in. */
static inline void ledger_use(sqlite3 *db, int key, int64_t t, uint64_t in, uint64_t out,
			      uint64_t node_in, uint64_t node_out)
{
	static const struct {
		const char *table;
		int step;
	} tables[] = { { "usage_5min", 300 }, { "usage_hour", 3600 } };

	for (int i = 0; i < 2; i++) {
		int64_t start = t - t % tables[i].step;

		ledger_put(db, "INSERT OR IGNORE INTO %s (start, address) VALUES (%" PRId64 ", %d)",
			   tables[i].table, start, key);
		ledger_put(db,
			   "UPDATE %s SET in_octets = in_octets + %" PRId64
			   ", out_octets = out_octets + %" PRId64
			   ", node_in_octets = node_in_octets + %" PRId64
			   ", node_out_octets = node_out_octets + %" PRId64
			   " WHERE start = %" PRId64 " AND address = %d",
			   tables[i].table, (int64_t)in, (int64_t)out, (int64_t)node_in,
			   (int64_t)node_out, start, key);
	}
}

/* So much of what the address has counted is in no period yet; it is of the one that t is in, the
 * time of the last checkpoint. */
static inline void ledger_leave_open(sqlite3 *db, int key, int64_t t, uint64_t in, uint64_t out)
{
	ledger_put(db, "INSERT OR REPLACE INTO meta VALUES ('counted_at', %" PRId64 ")", t);
	ledger_put(db,
		   "INSERT OR REPLACE INTO booked (address, in_octets, out_octets)"
		   " SELECT key, in_octets, out_octets FROM address WHERE key = %d",
		   key);
	ledger_put(db,
		   "UPDATE address SET in_octets = in_octets + %" PRId64
		   ", out_octets = out_octets + %" PRId64 " WHERE key = %d",
		   (int64_t)in, (int64_t)out, key);
}

#endif
