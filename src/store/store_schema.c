/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store_schema.h"

#include "base/xalloc.h"

#include <errno.h>
#include <stdio.h>

/* 1. A released step never changes; a change of the schema is a further step.
 * 2. user_version is the number of steps done. application_id tells our files from those of other
 *    programs.
 * 3. Nothing newer than SQLite 3.7.17: no WITHOUT ROWID, no UPSERT. */

#define APPLICATION_ID 1129598324 /* "CTMt"; SQLite before 3.8.6 does not read hexadecimal */

#define STR_(x) #x
#define STR(x) STR_(x)
#define NUMBER " INTEGER NOT NULL"
#define ZERO NUMBER " DEFAULT 0"

/* Time first: rows are appended, pruned and summed in order of time. */
#define USAGE                              \
	"(start" NUMBER ", address" NUMBER \
	" REFERENCES address, " STORE_COUNTERS("", NUMBER) ", PRIMARY KEY (start, address));"

#define COUNTERS STORE_COUNTERS("", "")
#define COUNTERS_NEW STORE_COUNTERS("", NUMBER)

static const char *const steps[] = {
	"CREATE TABLE meta (key TEXT PRIMARY KEY NOT NULL, value NOT NULL);"
	"CREATE TABLE container (ifindex INTEGER PRIMARY KEY, ctid TEXT NOT NULL UNIQUE,"
	" name TEXT NOT NULL, run" NUMBER ", " STORE_TOTALS(
		NUMBER) ");"
			"CREATE TABLE address (key INTEGER PRIMARY KEY, container" NUMBER
			" REFERENCES container,"
			" ip TEXT NOT NULL, " STORE_TOTALS(
				NUMBER) ", owner" NUMBER ", seen" NUMBER
					", " STORE_COUNTERS(
						"last_",
						NUMBER) ", UNIQUE (container, ip));"
							"CREATE TABLE usage_5min " USAGE
							"CREATE TABLE usage_hour " USAGE
							"CREATE VIEW traffic AS SELECT a.ip AS ip,"
							" datetime(u.start, 'unixepoch') AS "
							"measuringtime,"
							" u.in_octets + u.out_octets AS bytes"
							" FROM usage_hour AS u JOIN address AS a "
							"ON a.key = u.address;"
							"PRAGMA application_id = " STR(
								APPLICATION_ID) ";",
	/* Up to version 1 each checkpoint booked its usage. */
	"CREATE TABLE booked (address INTEGER PRIMARY KEY REFERENCES address, " COUNTERS_NEW ");"
	"INSERT INTO booked SELECT key, " COUNTERS " FROM address;"
	"DROP VIEW traffic;"
	"CREATE VIEW traffic AS SELECT a.ip AS ip, datetime(u.start, 'unixepoch') AS measuringtime,"
	" u.in_octets + u.out_octets AS bytes FROM usage_hour AS u"
	" JOIN address AS a ON a.key = u.address"
	" UNION ALL"
	" SELECT a.ip, datetime(m.value - m.value % 3600, 'unixepoch'),"
	" a.in_octets - ifnull(b.in_octets, 0) + a.out_octets - ifnull(b.out_octets, 0)"
	" FROM meta AS m JOIN address AS a LEFT JOIN booked AS b ON b.address = a.key"
	" WHERE m.key = 'counted_at' AND (a.in_octets <> ifnull(b.in_octets, 0)"
	" OR a.out_octets <> ifnull(b.out_octets, 0));",
	/* Imports: traffic counted before ctmeter. */
	"CREATE TABLE import (id INTEGER PRIMARY KEY, file TEXT NOT NULL, zone TEXT NOT NULL,"
	" at" NUMBER ", done" NUMBER ");"
	"CREATE TABLE imported (measured" NUMBER ", ip TEXT NOT NULL, octets" NUMBER
	", import" NUMBER " REFERENCES import, PRIMARY KEY (measured, ip));"
	"DROP VIEW traffic;"
	"CREATE VIEW traffic AS SELECT a.ip AS ip, datetime(u.start, 'unixepoch') AS measuringtime,"
	" u.in_octets + u.out_octets AS bytes FROM usage_hour AS u"
	" JOIN address AS a ON a.key = u.address"
	" UNION ALL"
	" SELECT a.ip, datetime(m.value - m.value % 3600, 'unixepoch'),"
	" a.in_octets - ifnull(b.in_octets, 0) + a.out_octets - ifnull(b.out_octets, 0)"
	" FROM meta AS m JOIN address AS a LEFT JOIN booked AS b ON b.address = a.key"
	" WHERE m.key = 'counted_at' AND (a.in_octets <> ifnull(b.in_octets, 0)"
	" OR a.out_octets <> ifnull(b.out_octets, 0))"
	" UNION ALL"
	" SELECT i.ip, datetime(i.measured, 'unixepoch'), i.octets FROM imported AS i"
	" JOIN import AS f ON f.id = i.import"
	" LEFT JOIN (SELECT ip, min(since) AS since FROM address GROUP BY ip) AS s ON s.ip = i.ip"
	" WHERE f.done = 1 AND (s.since IS NULL OR i.measured <= s.since);",
	/* Up to version 3 the time of day was trusted. */
	"ALTER TABLE container ADD COLUMN gone_lived" NUMBER " DEFAULT 0;"
	"ALTER TABLE container ADD COLUMN unsure" NUMBER " DEFAULT 0;"
	"ALTER TABLE address ADD COLUMN gone_lived" NUMBER " DEFAULT 0;"
	"ALTER TABLE address ADD COLUMN unsure" NUMBER " DEFAULT 0;"
	"UPDATE container SET gone_lived = gone_at; UPDATE address SET gone_lived = gone_at;"
	"CREATE TABLE usage_unsure " USAGE,
	/* What runs a container, and its id there. */
	("ALTER TABLE container ADD COLUMN runtime TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE container ADD COLUMN runtime_id TEXT NOT NULL DEFAULT '';"),
	/* Who this node is among others, whatever its name. */
	"INSERT OR REPLACE INTO meta VALUES ('node', lower(hex(randomblob(16))));",
	/* Billing periods and quotas. */
	("ALTER TABLE container ADD COLUMN bill_begin" ZERO ";"
	 "ALTER TABLE container ADD COLUMN bill_at_in" ZERO ";"
	 "ALTER TABLE container ADD COLUMN bill_at_out" ZERO ";"
	 "ALTER TABLE container ADD COLUMN bill_last_in" ZERO ";"
	 "ALTER TABLE container ADD COLUMN bill_last_out" ZERO ";"
	 "ALTER TABLE container ADD COLUMN bill_next_in" ZERO ";"
	 "ALTER TABLE container ADD COLUMN bill_next_out" ZERO ";"
	 "ALTER TABLE container ADD COLUMN quota_said" ZERO ";"
	 "ALTER TABLE container ADD COLUMN counts_said" ZERO ";"
	 "ALTER TABLE container ADD COLUMN quota_set" ZERO ";"
	 "ALTER TABLE container ADD COLUMN counts_set" ZERO ";"
	 "ALTER TABLE container ADD COLUMN quota_told" ZERO ";"
	 "ALTER TABLE container ADD COLUMN told_quota" ZERO ";"),
};

_Static_assert(ARRAY_LEN(steps) == STORE_SCHEMA_VERSION, "a step for each version");

/* Reading these rows finds any damage that would make loading or the next save fail: all rows of
 * the small tables and, through the index, both ends of the history, where rows are added and
 * removed. */
static const struct {
	int since; /* schema version */
	const char *sql;
} probes[] = {
	{ 1, "SELECT count(*), max(length(value)) FROM meta" },
	{ 1, "SELECT count(*), total(zero_node_out_pkts), max(length(ctid)) FROM container" },
	{ 1, "SELECT count(*), total(last_node_out_pkts), max(length(ip)) FROM address" },
	{ 1, "SELECT ctid FROM container ORDER BY ctid" },
	{ 1, "SELECT container, ip FROM address ORDER BY container, ip" },
	{ 1, "SELECT start, node_out_pkts FROM usage_5min ORDER BY start, address LIMIT 1000" },
	{ 1, "SELECT start, node_out_pkts FROM usage_5min ORDER BY start DESC, address DESC"
	     " LIMIT 1000" },
	{ 1, "SELECT start, node_out_pkts FROM usage_hour ORDER BY start, address LIMIT 1000" },
	{ 1, "SELECT start, node_out_pkts FROM usage_hour ORDER BY start DESC, address DESC"
	     " LIMIT 1000" },
	{ 2, "SELECT count(*), total(node_out_pkts) FROM booked" },
	{ 3, "SELECT count(*), total(done), max(length(zone)) FROM import" },
	{ 3, "SELECT ip, octets FROM imported ORDER BY measured, ip LIMIT 1000" },
	{ 3, "SELECT ip, octets FROM imported ORDER BY measured DESC, ip DESC LIMIT 1000" },
	{ 4, "SELECT total(gone_lived), total(unsure) FROM container" },
	{ 4, "SELECT total(gone_lived), total(unsure) FROM address" },
	{ 7, "SELECT total(bill_at_in), total(told_quota) FROM container" },
	{ 5, "SELECT max(length(runtime)), max(length(runtime_id)) FROM container" },
	{ 4, "SELECT start, node_out_pkts FROM usage_unsure ORDER BY start, address LIMIT 1000" },
};

static int errno_of(int rc)
{
	/* No room for the WAL's index: SQLite reports an I/O error. */
	if (rc == SQLITE_IOERR_SHMSIZE)
		return -ENOSPC;
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_TOOBIG: /* before 3.8, SQLite's error for a damaged record */
		return -EUCLEAN;
	case SQLITE_CONSTRAINT:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static const char *advice(int error)
{
	switch (error) {
	case -EBUSY:
		return ": another program has it locked; ctmeterd tries again by itself";
	case -ENOSPC:
		return ": make room on its disk; saving resumes by itself";
	case -EROFS:
	case -EACCES:
		return ": make the file and its directory writable; saving resumes by itself";
	default:
		return "";
	}
}

int store_fault(sqlite3 *db, const char *path, struct err *e)
{
	int ret = errno_of(sqlite3_extended_errcode(db));

	err_set(e, "%s: %s%s", path, sqlite3_errmsg(db), advice(ret));
	return ret;
}

int store_exec(sqlite3 *db, const char *path, const char *sql, struct err *e)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) ? store_fault(db, path, e) : 0;
}

/* The first column of the first row. */
static int number(sqlite3 *db, const char *path, const char *sql, long long *ret_n, struct err *e)
{
	sqlite3_stmt *st;
	int ret = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
		return store_fault(db, path, e);
	if (sqlite3_step(st) == SQLITE_ROW)
		*ret_n = sqlite3_column_int64(st, 0);
	else
		ret = store_fault(db, path, e);
	sqlite3_finalize(st);
	return ret;
}

static int probe(sqlite3 *db, const char *path, const char *sql, struct err *e)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	/* The statement is valid, so a table or column is missing. */
	if (rc == SQLITE_ERROR) {
		store_fault(db, path, e);
		return -EUCLEAN;
	}
	if (rc)
		return store_fault(db, path, e);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		;
	rc = rc == SQLITE_DONE ? 0 : store_fault(db, path, e);
	sqlite3_finalize(st);
	return rc;
}

int store_schema_check(sqlite3 *db, const char *path, bool *ret_present, struct err *e)
{
	long long objects = 0, version = 0, id = 0;
	int ret = number(db, path, "SELECT count(*) FROM sqlite_master", &objects, e);

	if (!ret)
		ret = number(db, path, "PRAGMA user_version", &version, e);
	if (!ret)
		ret = number(db, path, "PRAGMA application_id", &id, e);
	if (ret)
		return ret;
	if (id != (version ? APPLICATION_ID : 0) || (!version && objects)) {
		err_set(e,
			"%s is the database of another program: set [ledger] path to a file of "
			"its own",
			path);
		return -ENOTSUP;
	}
	if (version > STORE_SCHEMA_VERSION) {
		err_set(e,
			"%s was written by a newer ctmeter (schema %lld, this one reads %d): "
			"upgrade ctmeter, or move the file away",
			path, version, STORE_SCHEMA_VERSION);
		return -ENOTSUP;
	}
	for (size_t i = 0; i < ARRAY_LEN(probes) && !ret; i++)
		if (version >= probes[i].since)
			ret = probe(db, path, probes[i].sql, e);
	if (!ret)
		*ret_present = version > 0;
	return ret;
}

int store_schema_migrate(sqlite3 *db, const char *path, struct err *e)
{
	long long version;
	char sql[64];
	int ret = number(db, path, "PRAGMA user_version", &version, e);

	if (ret || version == STORE_SCHEMA_VERSION)
		return ret;
	ret = store_exec(db, path, "BEGIN IMMEDIATE", e);
	if (ret)
		return ret;
	/* Read it again, now that no other process can migrate it. */
	ret = number(db, path, "PRAGMA user_version", &version, e);
	for (; !ret && version < STORE_SCHEMA_VERSION; version++)
		ret = store_exec(db, path, steps[version], e);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", STORE_SCHEMA_VERSION);
	if (!ret)
		ret = store_exec(db, path, sql, e);
	if (!ret)
		ret = store_exec(db, path, "COMMIT", e);
	if (ret && !sqlite3_get_autocommit(db))
		store_exec(db, path, "ROLLBACK", NULL);
	return ret;
}
