/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/ship_db.h"

#include "base/period.h"
#include "store/report_db_room.h"
#include "store/store_file.h"
#include "store/store_schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BUSY_MS 5000
#define COUNTERS_OF(row) STORE_COUNTERS(row, "")
#define ROW_OF                                                       \
	" FROM usage_%s AS u JOIN address AS a ON a.key = u.address" \
	" JOIN container AS c ON c.ifindex = a.container"

static const char *table_name(enum report_db_usage table)
{
	return table == REPORT_DB_HOUR ? "hour" : "5min";
}

static int64_t table_step(enum report_db_usage table)
{
	return table == REPORT_DB_HOUR ? PERIOD_HOUR_S : PERIOD_5MIN_S;
}

static const char *text(sqlite3_stmt *stmt, int column)
{
	const unsigned char *t = sqlite3_column_text(stmt, column);

	return t ? (const char *)t : "";
}

static void counters(sqlite3_stmt *stmt, int column, struct counters ret[PATHS])
{
	for (int p = 0; p < PATHS; p++) {
		ret[p].octets = (uint64_t)sqlite3_column_int64(stmt, column + 2 * p);
		ret[p].pkts = (uint64_t)sqlite3_column_int64(stmt, column + 2 * p + 1);
	}
}

/* ---- facts ---- */

static void take_meta(struct ship_facts *f, const char *key, sqlite3_stmt *stmt)
{
	int64_t value = sqlite3_column_int64(stmt, 1);

	if (!strcmp(key, STORE_KEY_NODE))
		snprintf(f->node, sizeof(f->node), "%s", text(stmt, 1));
	else if (!strcmp(key, STORE_KEY_NODE_SINCE))
		f->since_s = value;
	else if (!strcmp(key, "checkpoint"))
		f->checkpoint = value;
	else if (!strcmp(key, "clock_steps"))
		f->clock_steps = value;
	else if (!strcmp(key, "counted_at"))
		f->counted_at_s = value;
}

/* Returns SQLite's code. */
static int read_meta(struct report_db *db, struct ship_facts *f)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->handle, "SELECT key, value FROM meta", -1, &stmt, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		take_meta(f, text(stmt, 0), stmt);
		code = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return code;
}

static int read_oldest(struct report_db *db, enum report_db_usage table, struct ship_facts *f)
{
	sqlite3_stmt *stmt = NULL;
	char sql[128];
	int code;

	snprintf(sql, sizeof(sql),
		 "SELECT start FROM usage_%s WHERE start >= ? ORDER BY start LIMIT 1",
		 table_name(table));
	code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
	sqlite3_bind_int64(stmt, 1, period_ceil(f->since_s, table_step(table)));
	if (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		f->oldest_s[table] = sqlite3_column_int64(stmt, 0);
		code = SQLITE_DONE;
	}
	sqlite3_finalize(stmt);
	return code;
}

int ship_db_facts(struct report_db *db, struct ship_facts *ret, struct err *e)
{
	struct ship_facts f = { .checkpoint = 0 };
	int code = read_meta(db, &f);

	if (code == SQLITE_DONE)
		code = read_oldest(db, REPORT_DB_5MIN, &f);
	if (code == SQLITE_DONE)
		code = read_oldest(db, REPORT_DB_HOUR, &f);
	if (code != SQLITE_DONE)
		return report_db_explain(db, code, e);
	if (!*f.node || !f.counted_at_s) {
		err_set(e,
			"%s has no node id yet: restart ctmeterd, which must be of this version "
			"(systemctl restart ctmeterd)",
			db->path);
		return -ENODATA;
	}
	*ret = f;
	return 0;
}

/* ---- usage ---- */

static int prepare_usage(struct report_db *db, enum report_db_usage table, const char *columns,
			 int64_t since_s, int64_t until_s, sqlite3_stmt **ret_stmt)
{
	char sql[512];
	int code;

	snprintf(sql, sizeof(sql),
		 "SELECT u.start, %s" ROW_OF
		 " WHERE u.start >= ? AND u.start < ? ORDER BY u.start, u.address",
		 columns, table_name(table));
	code = sqlite3_prepare_v2(db->handle, sql, -1, ret_stmt, NULL);
	sqlite3_bind_int64(*ret_stmt, 1, since_s);
	sqlite3_bind_int64(*ret_stmt, 2, until_s);
	return code;
}

int ship_db_usage(struct report_db *db, enum report_db_usage table, int64_t since_s,
		  int64_t until_s, size_t max_rows, ship_db_row_fn *fn, void *arg,
		  int64_t *ret_until_s, struct err *e)
{
	struct ship_row row = { .start_s = since_s };
	sqlite3_stmt *stmt = NULL;
	int64_t end_s = until_s;
	size_t n = 0;
	int code = prepare_usage(db, table, "c.ctid, a.ip, " COUNTERS_OF("u."), since_s, until_s,
				 &stmt);

	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t start_s = sqlite3_column_int64(stmt, 0);

		if (n >= max_rows && start_s != row.start_s) {
			end_s = start_s;
			code = SQLITE_DONE;
			break;
		}
		row.start_s = start_s;
		row.container = text(stmt, 1);
		row.ip = text(stmt, 2);
		counters(stmt, 3, row.path);
		fn(arg, &row);
		n++;
		code = SQLITE_OK;
	}
	code = code == SQLITE_DONE ? 0 : report_db_explain(db, code, e);
	sqlite3_finalize(stmt);
	if (!code)
		*ret_until_s = end_s;
	return code;
}

/* Differences and sums are computed here: SQL would turn them into floating point at 2^63. */
static bool sum_open(sqlite3_stmt *stmt, struct counters ret[PATHS])
{
	struct counters total[PATHS], booked[PATHS], used[PATHS];
	uint64_t any = 0;

	counters(stmt, 2, total);
	counters(stmt, 2 + 2 * PATHS, booked);
	counters(stmt, 2 + 4 * PATHS, used);
	for (int p = 0; p < PATHS; p++) {
		ret[p].octets = total[p].octets - booked[p].octets + used[p].octets;
		ret[p].pkts = total[p].pkts - booked[p].pkts + used[p].pkts;
		any |= ret[p].octets | ret[p].pkts;
	}
	return any != 0;
}

int ship_db_open_usage(struct report_db *db, enum report_db_usage table, ship_db_row_fn *fn,
		       void *arg, struct err *e)
{
	struct ship_row row = { .start_s = period_floor(db->counted_at_s, table_step(table)) };
	sqlite3_stmt *stmt = NULL;
	char sql[1024];
	int code;

	snprintf(sql, sizeof(sql),
		 "SELECT c.ctid, a.ip, " COUNTERS_OF("a.") ", " COUNTERS_OF("b.") ", " COUNTERS_OF(
			 "u.") " FROM address AS a JOIN container AS c ON c.ifindex = a.container"
			       " LEFT JOIN booked AS b ON b.address = a.key"
			       " LEFT JOIN usage_%s AS u ON u.address = a.key AND u.start = ?",
		 table_name(table));
	code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
	sqlite3_bind_int64(stmt, 1, row.start_s);
	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		row.container = text(stmt, 0);
		row.ip = text(stmt, 1);
		if (sum_open(stmt, row.path))
			fn(arg, &row);
		code = SQLITE_OK;
	}
	code = code == SQLITE_DONE ? 0 : report_db_explain(db, code, e);
	sqlite3_finalize(stmt);
	return code;
}

/* ---- addresses ---- */

int ship_db_addresses(struct report_db *db, ship_db_address_fn *fn, void *arg, struct err *e)
{
	static const char sql[] =
		"SELECT c.ctid, a.ip, c.name, a.since, a.gone_at, a.discontinuities,"
		" a.discontinuity_at FROM address AS a JOIN container AS c"
		" ON c.ifindex = a.container ORDER BY a.key";
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct ship_address a = {
			.container = text(stmt, 0),
			.ip = text(stmt, 1),
			.name = text(stmt, 2),
			.since_s = sqlite3_column_int64(stmt, 3),
			.gone_s = sqlite3_column_int64(stmt, 4),
			.discontinuities = sqlite3_column_int64(stmt, 5),
			.discontinuity_s = sqlite3_column_int64(stmt, 6),
		};

		fn(arg, &a);
		code = SQLITE_OK;
	}
	code = code == SQLITE_DONE ? 0 : report_db_explain(db, code, e);
	sqlite3_finalize(stmt);
	return code;
}

/* ---- days ---- */

static int64_t weigh(const struct counters path[PATHS])
{
	static const int64_t octets[PATHS] = { 1, 3, 5, 7 }, pkts[PATHS] = { 11, 13, 17, 19 };
	int64_t sum = 0;

	for (int p = 0; p < PATHS; p++)
		sum += octets[p] * ((int64_t)path[p].octets % 65521) +
		       pkts[p] * ((int64_t)path[p].pkts % 65521);
	return sum;
}

int ship_db_days(struct report_db *db, enum report_db_usage table, int64_t since_s, int64_t until_s,
		 ship_db_day_fn *fn, void *arg, struct err *e)
{
	struct ship_day day = { .rows = 0 };
	struct counters path[PATHS];
	sqlite3_stmt *stmt = NULL;
	int code = prepare_usage(db, table, COUNTERS_OF("u."), since_s, until_s, &stmt);

	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t start_s = sqlite3_column_int64(stmt, 0), weight;

		if (day.rows && day.day != period_floor(start_s, PERIOD_DAY_S) / PERIOD_DAY_S) {
			fn(arg, &day);
			day.rows = day.octets = day.places = 0;
		}
		day.day = period_floor(start_s, PERIOD_DAY_S) / PERIOD_DAY_S;
		counters(stmt, 1, path);
		weight = weigh(path);
		day.rows++;
		day.octets += weight;
		day.places += (start_s / table_step(table) % 1009 + 1) * weight;
		code = SQLITE_OK;
	}
	if (code == SQLITE_DONE && day.rows)
		fn(arg, &day);
	code = code == SQLITE_DONE ? 0 : report_db_explain(db, code, e);
	sqlite3_finalize(stmt);
	return code;
}

/* ---- identity ---- */

int ship_db_new_node(const char *path, int64_t since_s, struct err *e)
{
	sqlite3 *db = NULL;
	char sql[256];
	int rc = store_file_open(path, &db, e);

	if (rc < 0)
		return rc;
	sqlite3_busy_timeout(db, BUSY_MS);
	snprintf(sql, sizeof(sql),
		 "BEGIN IMMEDIATE;"
		 "INSERT OR REPLACE INTO meta VALUES ('" STORE_KEY_NODE
		 "', lower(hex(randomblob(16))));"
		 "INSERT OR REPLACE INTO meta VALUES ('" STORE_KEY_NODE_SINCE "', %lld); COMMIT",
		 (long long)since_s);
	rc = store_exec(db, path, sql, e);
	if (!rc)
		rc = store_file_sync(db, e);
	sqlite3_close(db);
	return rc;
}
