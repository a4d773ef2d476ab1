/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger's database, opened for reading only: see report_db.h.
 * 1. While ctmeterd runs, or after it was killed, a write-ahead log stands beside the file: read
 *    under SQLite's own locks. After a clean end there is no log, and opening the database would
 *    make one. The file is then read as it is ("immutable"), and report_db_is_void reports whether
 *    it changed. */
#include "store/report_db_room.h"

#include "base/loop.h"
#include "base/period.h"
#include "base/xalloc.h"
#include "store/store_file.h"
#include "store/store_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 5000

#define OCTETS STORE_OCTETS("")
#define ZERO STORE_OCTETS("zero_")
#define LIFE "gone_at, discontinuities, discontinuity_at"
#define USAGE "SELECT address, start, " OCTETS " FROM usage_"
#define OPEN                                                   \
	"SELECT a.key, " STORE_OCTETS("a.") ", " STORE_OCTETS( \
		"b.") " FROM address AS a"                     \
		      " LEFT JOIN booked AS b ON b.address = a.key"

static int stat_wal(const char *path, struct stat *ret)
{
	char *wal = xasprintf("%s-wal", path);
	int rc = stat(wal, ret) < 0 ? -errno : 0;

	free(wal);
	return rc;
}

/* Root reads with the rights of the directory's owner (owner.h). */
static const char *who_may(void)
{
	return getuid() == 0 ? "make it readable for the user that its directory belongs to"
			     : "run ctmeter as root";
}

int report_db_explain(const struct report_db *db, int code, struct err *e)
{
	switch (code & 0xff) {
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		err_set(e, "%s is damaged or not a ledger: %s (see ctmeterd's log)", db->path,
			sqlite3_errmsg(db->handle));
		return -EINVAL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		err_set(e, "%s is locked by another program: try again", db->path);
		return -EBUSY;
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
		err_set(e, "cannot read %s with its write-ahead log: %s", db->path, who_may());
		return -EACCES;
	default:
		err_set(e, "cannot read %s: %s", db->path, sqlite3_errmsg(db->handle));
		return -EIO;
	}
}

/* SQLite reports neither what is missing nor why: find out first. */
static int check_file(struct report_db *db, struct err *e)
{
	int fd = open(db->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;

	if (fd < 0 || fstat(fd, &db->opened) < 0)
		rc = -errno;
	if (rc == -ENOENT)
		err_set(e, "there is no ledger %s: has ctmeterd run with this configuration?",
			db->path);
	else if (rc == -EACCES)
		err_set(e, "cannot read %s: %s: %s", db->path, strerror(-rc), who_may());
	else if (rc < 0)
		err_set(e, "cannot read %s: %s", db->path, strerror(-rc));
	if (!rc && !S_ISREG(db->opened.st_mode)) {
		err_set(e, "%s is not a regular file: [ledger] path must name the database file",
			db->path);
		rc = -EINVAL;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* The first value of the first row, as a number. Returns SQLite's code. */
static int query_number(struct report_db *db, const char *sql, int64_t *ret_n)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);

	if (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		*ret_n = sqlite3_column_int64(stmt, 0);
		code = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Open, begin the transaction and read something, which starts it. Returns SQLite's code. */
static int try_open(struct report_db *db, const char *query, int64_t *ret_version)
{
	char *uri = store_file_uri(db->path, query);
	int code;

	sqlite3_close(db->handle);
	db->handle = NULL;
	code = sqlite3_open_v2(uri, &db->handle,
			       SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	free(uri);
	if (code == SQLITE_OK)
		code = sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db->handle, "BEGIN", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = query_number(db, "PRAGMA user_version", ret_version);
	return code;
}

static int open_database(struct report_db *db, struct err *e)
{
	struct stat wal = { .st_size = 0 };
	int64_t version = 0;
	int code = SQLITE_CANTOPEN, kind;

	db->immutable = stat_wal(db->path, &wal) == -ENOENT;
	if (!db->immutable)
		code = try_open(db, "mode=ro", &version);
	kind = code & 0xff;
	if (kind == SQLITE_CANTOPEN || kind == SQLITE_READONLY || kind == SQLITE_PERM) {
		db->lacks_newest = wal.st_size > 0;
		db->immutable = true;
		code = try_open(db, "mode=ro&immutable=1", &version);
	}
	if (code != SQLITE_OK)
		return report_db_explain(db, code, e);
	if (version > STORE_SCHEMA_VERSION) {
		err_set(e,
			"%s was written by a newer ctmeter (schema %lld, this one reads %d): "
			"upgrade ctmeter",
			db->path, (long long)version, STORE_SCHEMA_VERSION);
		return -ENOTSUP;
	}
	if (version < 1) {
		err_set(e, "%s is not a ctmeter ledger: check [ledger] path in the configuration",
			db->path);
		return -EINVAL;
	}
	db->has_bills = version >= STORE_SCHEMA_BILLED;
	db->has_imported = version >= STORE_SCHEMA_IMPORTED;
	if (version >= STORE_SCHEMA_BOOKED)
		code = query_number(db, "SELECT value FROM meta WHERE key = 'counted_at'",
				    &db->counted_at_s);
	db->has_open = version >= STORE_SCHEMA_BOOKED;
	return code == SQLITE_OK ? 0 : report_db_explain(db, code, e);
}

int report_db_open(const char *path, struct report_db **ret_db, struct err *e)
{
	struct report_db *db = xcalloc(1, sizeof(*db));
	int rc;

	db->path = xstrdup(path);
	rc = check_file(db, e);
	if (!rc)
		rc = open_database(db, e);
	if (rc < 0)
		report_db_close(db);
	else
		*ret_db = db;
	return rc;
}

void report_db_close(struct report_db *db)
{
	if (!db)
		return;
	sqlite3_close(db->handle);
	free(db->path);
	free(db);
}

bool report_db_is_void(const struct report_db *db)
{
	struct stat now;

	return db->immutable &&
	       (stat(db->path, &now) < 0 || now.st_ino != db->opened.st_ino ||
		now.st_dev != db->opened.st_dev || now.st_size != db->opened.st_size ||
		now.st_mtim.tv_sec != db->opened.st_mtim.tv_sec ||
		now.st_mtim.tv_nsec != db->opened.st_mtim.tv_nsec);
}

int64_t report_db_counted_at(const struct report_db *db)
{
	return db->counted_at_s;
}

bool report_db_lacks_newest(const struct report_db *db)
{
	return db->lacks_newest;
}

/* ---- reading ---- */

const char *report_db_text(sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	return text ? (const char *)text : "";
}

void report_db_octets(sqlite3_stmt *stmt, int column, uint64_t ret[PATHS])
{
	for (int i = 0; i < PATHS; i++)
		ret[i] = (uint64_t)sqlite3_column_int64(stmt, column + i);
}

static int read_rows(struct report_db *db, const char *sql, report_db_row_fn *fn, void *arg,
		     struct err *e)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct report_db_row row = {
			.key = sqlite3_column_int64(stmt, 0),
			.container = sqlite3_column_int64(stmt, 1),
			.text = report_db_text(stmt, 2),
			.name = report_db_text(stmt, 3),
			.live = sqlite3_column_int(stmt, 4) < 2,
			.since_s = sqlite3_column_int64(stmt, 5),
			.zero_s = sqlite3_column_int64(stmt, 6),
			.gone_s = sqlite3_column_int64(stmt, 7),
			.discontinuities = (uint64_t)sqlite3_column_int64(stmt, 8),
			.discontinuity_s = sqlite3_column_int64(stmt, 9),
		};

		report_db_octets(stmt, 10, row.octets);
		report_db_octets(stmt, 10 + PATHS, row.zero);
		fn(arg, &row);
		code = SQLITE_OK;
	}
	if (code != SQLITE_DONE)
		code = report_db_explain(db, code, e);
	else
		code = 0;
	sqlite3_finalize(stmt);
	return code;
}

int report_db_containers(struct report_db *db, report_db_row_fn *fn, void *arg, struct err *e)
{
	return read_rows(db,
			 "SELECT ifindex, 0, ctid, name, state, since, zero_at, " LIFE ", " OCTETS
			 ", " ZERO " FROM container ORDER BY length(ctid), ctid",
			 fn, arg, e);
}

int report_db_addresses(struct report_db *db, report_db_row_fn *fn, void *arg, struct err *e)
{
	return read_rows(db,
			 "SELECT key, container, ip, '', state, since, zero_at, " LIFE ", " OCTETS
			 ", " ZERO " FROM address ORDER BY key",
			 fn, arg, e);
}

/* One reading of a usage table. */
struct usage {
	struct report_db *db;
	int64_t open_s; /* when the open usage's period began; INT64_MAX: none, or given */
	report_db_usage_fn *fn;
	void *arg;
};

/* Give the usage that is in no period yet, for all addresses. Returns SQLite's code, SQLITE_DONE
 * at the end. */
static int each_open(struct usage *u)
{
	uint64_t total[PATHS], booked[PATHS];
	int64_t start_s = u->open_s;
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(u->db->handle, OPEN, -1, &stmt, NULL);

	u->open_s = INT64_MAX;
	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		report_db_octets(stmt, 1, total);
		report_db_octets(stmt, 1 + PATHS, booked);
		code = SQLITE_OK;
		if (!memcmp(total, booked, sizeof(total)))
			continue;
		for (int i = 0; i < PATHS; i++)
			total[i] -= booked[i];
		u->fn(u->arg, sqlite3_column_int64(stmt, 0), start_s, total);
	}
	sqlite3_finalize(stmt);
	return code;
}

/* Step through the statement's rows in order of time, with the open usage in its place. Returns
 * SQLite's code, SQLITE_DONE at the end. */
static int each_usage(struct usage *u, sqlite3_stmt *stmt)
{
	uint64_t octets[PATHS];
	int code;

	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t start_s = sqlite3_column_int64(stmt, 1);

		if (start_s > u->open_s && (code = each_open(u)) != SQLITE_DONE)
			break;
		report_db_octets(stmt, 2, octets);
		u->fn(u->arg, sqlite3_column_int64(stmt, 0), start_s, octets);
	}
	return code;
}

static int each_key(struct usage *u, sqlite3_stmt *stmt, int64_t start_s, const int64_t *keys,
		    size_t n_keys)
{
	int code = SQLITE_DONE;

	sqlite3_bind_int64(stmt, 1, start_s);
	for (size_t i = 0; i < n_keys && code == SQLITE_DONE; i++) {
		sqlite3_bind_int64(stmt, 2, keys[i]);
		code = each_usage(u, stmt);
		sqlite3_reset(stmt);
	}
	return code;
}

int report_db_usage(struct report_db *db, enum report_db_usage table, int64_t since_s,
		    int64_t until_s, const int64_t *keys, size_t n_keys, report_db_usage_fn *fn,
		    void *arg, struct err *e)
{
	static const char *const all[] = {
		[REPORT_DB_5MIN] = USAGE "5min WHERE start >= ?1 AND start < ?2 ORDER BY start",
		[REPORT_DB_HOUR] = USAGE "hour WHERE start >= ?1 AND start < ?2 ORDER BY start",
	};
	static const char *const one[] = {
		[REPORT_DB_5MIN] = USAGE "5min WHERE start = ?1 AND address = ?2",
		[REPORT_DB_HOUR] = USAGE "hour WHERE start = ?1 AND address = ?2",
	};
	int64_t step = table == REPORT_DB_HOUR ? PERIOD_HOUR_S : PERIOD_5MIN_S;
	struct usage u = { db, INT64_MAX, fn, arg };
	sqlite3_stmt *stmt = NULL;
	int code, rc = 0;

	if (since_s >= until_s)
		return 0;
	if (db->has_open && db->counted_at_s >= since_s && db->counted_at_s < until_s)
		u.open_s = period_floor(db->counted_at_s, step);
	code = sqlite3_prepare_v2(db->handle, keys ? one[table] : all[table], -1, &stmt, NULL);
	if (code == SQLITE_OK && !keys) {
		sqlite3_bind_int64(stmt, 1, since_s);
		sqlite3_bind_int64(stmt, 2, until_s);
		code = each_usage(&u, stmt);
	} else if (code == SQLITE_OK) {
		code = SQLITE_DONE;
		for (int64_t s = since_s; s < until_s && code == SQLITE_DONE; s += step)
			code = each_key(&u, stmt, s, keys, n_keys);
	}
	if (code == SQLITE_DONE && u.open_s != INT64_MAX)
		code = each_open(&u);
	if (code != SQLITE_DONE)
		rc = report_db_explain(db, code, e);
	sqlite3_finalize(stmt);
	return rc;
}

/* ---- imported rows ---- */

#define IMPORTED " FROM imported AS i JOIN import AS f ON f.id = i.import WHERE f.done = 1"

int report_db_imported(struct report_db *db, int64_t since_s, int64_t until_s,
		       report_db_imported_fn *fn, void *arg, struct err *e)
{
	sqlite3_stmt *stmt = NULL;
	int code, rc = 0;

	if (!db->has_imported)
		return 0;
	code = sqlite3_prepare_v2(db->handle,
				  "SELECT i.ip, i.measured, i.octets" IMPORTED
				  " AND i.measured >= ? AND i.measured < ? ORDER BY i.measured",
				  -1, &stmt, NULL);
	sqlite3_bind_int64(stmt, 1, since_s);
	sqlite3_bind_int64(stmt, 2, until_s);
	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		fn(arg, report_db_text(stmt, 0), sqlite3_column_int64(stmt, 1),
		   (uint64_t)sqlite3_column_int64(stmt, 2));
		code = SQLITE_OK;
	}
	if (code != SQLITE_DONE)
		rc = report_db_explain(db, code, e);
	sqlite3_finalize(stmt);
	return rc;
}

int report_db_imported_since(struct report_db *db, int64_t *ret_s, struct err *e)
{
	int64_t since_s = 0;
	int code = SQLITE_OK;

	if (db->has_imported)
		code = query_number(db, "SELECT i.measured" IMPORTED " ORDER BY i.measured LIMIT 1",
				    &since_s);
	if (code != SQLITE_OK)
		return report_db_explain(db, code, e);
	*ret_s = since_s;
	return 0;
}

int report_db_is_imported(struct report_db *db, const char *ip, bool *ret_is, struct err *e)
{
	sqlite3_stmt *stmt = NULL;
	int code = SQLITE_DONE, rc = 0;

	if (db->has_imported &&
	    (code = sqlite3_prepare_v2(db->handle, "SELECT 1" IMPORTED " AND i.ip = ? LIMIT 1", -1,
				       &stmt, NULL)) == SQLITE_OK) {
		sqlite3_bind_text(stmt, 1, ip, -1, SQLITE_STATIC);
		code = sqlite3_step(stmt);
	}
	if (code != SQLITE_DONE && code != SQLITE_ROW)
		rc = report_db_explain(db, code, e);
	else
		*ret_is = code == SQLITE_ROW;
	sqlite3_finalize(stmt);
	return rc;
}

/* ---- checking the file ---- */

#define CHECK_STEPS 10000 /* SQLite's VM instructions between two readings of the clock */

static int is_over(void *arg)
{
	return loop_now_ns() > *(const uint64_t *)arg;
}

int report_db_check(struct report_db *db, int timeout_ms, struct err *e)
{
	uint64_t until_ns = loop_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	sqlite3_stmt *stmt = NULL;
	const char *text;
	int code, rc = 0;

	sqlite3_progress_handler(db->handle, CHECK_STEPS, is_over, &until_ns);
	code = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_INTERRUPT) {
		rc = -ETIMEDOUT;
	} else if (code != SQLITE_ROW) {
		rc = report_db_explain(db, code, e);
	} else if (strcmp(report_db_text(stmt, 0), "ok") != 0) {
		/* The text is "*** in database main ***", then a line with the damage. */
		text = report_db_text(stmt, 0);
		err_set(e, "%s is damaged: %s", db->path,
			strchr(text, '\n') ? strchr(text, '\n') + 1 : text);
		rc = -EUCLEAN;
	}
	sqlite3_finalize(stmt);
	sqlite3_progress_handler(db->handle, 0, NULL, NULL);
	return rc;
}
