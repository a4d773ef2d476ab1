/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Importing traffic counted before ctmeter: see store_import.h.
 *
 * Each row holds the number of its import and becomes visible when that import is `done`. So one
 * small update makes a whole file visible, however many rows it has. */
#include "store/store_import.h"

#include "base/loop.h"
#include "base/xalloc.h"
#include "store/store_file.h"
#include "store/store_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_ROWS 100 /* in one transaction: a millisecond or two */
#define BUSY_MS 5000 /* longest wait for the daemon's checkpoint */

struct since {
	struct addr addr;
	int64_t s;
};

struct store_import {
	char *path;
	sqlite3 *db;
	int lock; /* of the directory */
	bool dry_run;
	int64_t id;
	sqlite3_stmt *find, *insert;
	struct store_import_row rows[CHUNK_ROWS]; /* still to be written */
	int pending; /* number of them */
	struct since *since; /* sorted by address */
	size_t n_since, cap_since;
};

/* ---- opening ---- */

static int lock_directory(const char *path, int *ret_fd, struct err *e)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	free(copy);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		rc = -errno;
	if (rc == -EWOULDBLOCK) {
		err_set(e, "another ctmeter import runs: wait until it ends");
		rc = -EBUSY;
	} else if (rc < 0) {
		err_set(e, "cannot lock the directory of %s: %s", path, strerror(-rc));
	}
	if (rc < 0 && fd >= 0)
		close(fd);
	else if (!rc)
		*ret_fd = fd;
	return rc;
}

static int open_database(struct store_import *im, struct err *e)
{
	int rc;

	if (access(im->path, F_OK) < 0) {
		rc = -errno;
		err_set(e, "%s: %s: start ctmeterd once, so that there is a ledger", im->path,
			strerror(-rc));
		return rc;
	}
	rc = lock_directory(im->path, &im->lock, e);
	if (!rc)
		rc = store_file_open(im->path, &im->db, e);
	if (rc < 0)
		return rc;
	sqlite3_busy_timeout(im->db, BUSY_MS);
	/* Only the end must survive a power failure: an import that did not end is removed anyway.
	 * The daemon copies the WAL into the file, or this connection does if it is the last to
	 * close. */
	return store_exec(im->db, im->path,
			  "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0", e);
}

static struct store_import *import_alloc(const char *path, bool dry_run)
{
	struct store_import *im = xcalloc(1, sizeof(*im));

	im->path = xstrdup(path);
	im->lock = -1;
	im->dry_run = dry_run;
	return im;
}

static void import_close(struct store_import *im)
{
	sqlite3_finalize(im->find);
	sqlite3_finalize(im->insert);
	sqlite3_close(im->db);
	if (im->lock >= 0)
		close(im->lock);
	free(im->since);
	free(im->path);
	free(im);
}

static int prepare(struct store_import *im, const char *sql, sqlite3_stmt **ret, struct err *e)
{
	return sqlite3_prepare_v2(im->db, sql, -1, ret, NULL) ? store_fault(im->db, im->path, e)
							      : 0;
}

/* ---- transactions ---- */

/* Leave the database to others for as long as this transaction held it. */
static void pause_after(uint64_t began_ns)
{
	uint64_t ns = loop_now_ns() - began_ns + NS_PER_MS;
	struct timespec t = { (time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S) };

	nanosleep(&t, NULL);
}

static int insert_row(struct store_import *im, const struct store_import_row *row, struct err *e)
{
	char ip[ADDR_TEXT_SIZE];
	int rc = 0;

	sqlite3_bind_int64(im->insert, 1, row->measured_s);
	sqlite3_bind_text(im->insert, 2, addr_format(&row->addr, ip), -1, SQLITE_STATIC);
	sqlite3_bind_int64(im->insert, 3, (int64_t)row->octets);
	sqlite3_bind_int64(im->insert, 4, im->id);
	if (sqlite3_step(im->insert) != SQLITE_DONE)
		rc = store_fault(im->db, im->path, e);
	sqlite3_reset(im->insert);
	return rc;
}

/* Write the pending rows, holding the lock no longer than that takes. */
static int end_chunk(struct store_import *im, struct err *e)
{
	int rc = 0;
	uint64_t began_ns;

	if (!im->pending)
		return 0;
	if (!im->dry_run)
		rc = store_exec(im->db, im->path, "BEGIN IMMEDIATE", e);
	began_ns = loop_now_ns();
	for (int i = 0; i < im->pending && !rc; i++)
		rc = insert_row(im, &im->rows[i], e);
	if (!rc && !im->dry_run)
		rc = store_exec(im->db, im->path, "COMMIT", e);
	if (!im->dry_run)
		pause_after(began_ns);
	im->pending = 0;
	return rc;
}

/* Remove the imports that `which` selects and their rows, with pauses. */
static int remove_rows(struct store_import *im, const char *which, uint64_t *ret_rows,
		       struct err *e)
{
	char *sql = xasprintf("DELETE FROM imported WHERE rowid IN (SELECT rowid FROM imported"
			      " WHERE import IN (SELECT id FROM import %s) LIMIT %d)",
			      which, CHUNK_ROWS);
	char *rest = xasprintf("DELETE FROM import %s", which);
	int rc, n;

	do {
		uint64_t began_ns = loop_now_ns();

		rc = store_exec(im->db, im->path, sql, e);
		n = rc ? 0 : sqlite3_changes(im->db);
		*ret_rows += (uint64_t)n;
		if (n)
			pause_after(began_ns);
	} while (n);
	if (!rc)
		rc = store_exec(im->db, im->path, rest, e);
	free(sql);
	free(rest);
	return rc;
}

/* ---- beginning ---- */

/* All times must have been read in one zone: a line read in two zones would count twice. */
static int check_zone(struct store_import *im, const char *zone, struct err *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc = prepare(im, "SELECT zone FROM import WHERE done = 1 AND zone <> ? LIMIT 1", &stmt,
			 e);

	if (!rc)
		sqlite3_bind_text(stmt, 1, zone, -1, SQLITE_STATIC);
	if (!rc && sqlite3_step(stmt) == SQLITE_ROW) {
		err_set(e,
			"earlier imports were read in time zone %s, this one in %s: the same lines "
			"would be counted twice; use the same zone, or run ctmeter import --forget "
			"first",
			(const char *)sqlite3_column_text(stmt, 0), zone);
		rc = -EINVAL;
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int cmp_since(const void *a, const void *b)
{
	return addr_cmp(&((const struct since *)a)->addr, &((const struct since *)b)->addr);
}

static int load_since(struct store_import *im, struct err *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc = prepare(im, "SELECT ip, min(since) FROM address GROUP BY ip", &stmt, e), code = 0;

	while (!rc && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *ip = (const char *)sqlite3_column_text(stmt, 0);

		im->since = xgrow(im->since, im->n_since, &im->cap_since, sizeof(*im->since));
		im->since[im->n_since].s = sqlite3_column_int64(stmt, 1);
		if (ip && addr_parse(ip, &im->since[im->n_since].addr) == 0)
			im->n_since++;
	}
	if (!rc && code != SQLITE_DONE)
		rc = store_fault(im->db, im->path, e);
	if (!rc && im->n_since)
		qsort(im->since, im->n_since, sizeof(*im->since), cmp_since);
	sqlite3_finalize(stmt);
	return rc;
}

static int add_import(struct store_import *im, const char *file, const char *zone, int64_t now_s,
		      struct err *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc = prepare(im, "INSERT INTO import (file, zone, at, done) VALUES (?, ?, ?, 0)", &stmt,
			 e);

	if (!rc) {
		sqlite3_bind_text(stmt, 1, file, -1, SQLITE_STATIC);
		sqlite3_bind_text(stmt, 2, zone, -1, SQLITE_STATIC);
		sqlite3_bind_int64(stmt, 3, now_s);
		if (sqlite3_step(stmt) != SQLITE_DONE)
			rc = store_fault(im->db, im->path, e);
		im->id = sqlite3_last_insert_rowid(im->db);
	}
	sqlite3_finalize(stmt);
	return rc;
}

/* A dry run keeps its rows in a temporary table and uses the same statements. */
static int prepare_rows(struct store_import *im, struct err *e)
{
	int rc = 0;

	if (im->dry_run)
		rc = store_exec(im->db, im->path,
				"CREATE TEMP TABLE dry (measured, ip, octets, import,"
				" PRIMARY KEY (measured, ip))",
				e);
	if (!rc)
		rc = prepare(
			im,
			im->dry_run ? "SELECT octets FROM imported WHERE measured = ?1 AND ip = ?2"
				      " UNION ALL SELECT octets FROM dry"
				      " WHERE measured = ?1 AND ip = ?2"
				    : "SELECT octets FROM imported WHERE measured = ?1 AND ip = ?2",
			&im->find, e);
	if (!rc)
		rc = prepare(im,
			     im->dry_run ? "INSERT INTO dry VALUES (?1, ?2, ?3, ?4)"
					 : "INSERT INTO imported (measured, ip, octets, import)"
					   " VALUES (?1, ?2, ?3, ?4)",
			     &im->insert, e);
	return rc;
}

int store_import_begin(const char *path, const char *file, const char *zone, int64_t now_s,
		       bool dry_run, struct store_import **ret_import, struct err *e)
{
	struct store_import *im = import_alloc(path, dry_run);
	uint64_t left = 0;
	int rc = open_database(im, e);

	if (!rc)
		rc = check_zone(im, zone, e);
	if (!rc)
		rc = load_since(im, e);
	if (!rc && !dry_run)
		rc = remove_rows(im, "WHERE done = 0", &left, e);
	if (!rc && !dry_run)
		rc = add_import(im, file, zone, now_s, e);
	if (!rc)
		rc = prepare_rows(im, e);
	if (rc < 0)
		import_close(im);
	else
		*ret_import = im;
	return rc;
}

/* ---- rows ---- */

int64_t store_import_counting_since(const struct store_import *im, const struct addr *addr)
{
	struct since key = { .addr = *addr };
	const struct since *found = NULL;

	if (im->n_since)
		found = bsearch(&key, im->since, im->n_since, sizeof(key), cmp_since);
	return found ? found->s : 0;
}

/* Look for a row of this time and address. Returns 1 and its octets, 0 if there is none, or
 * -errno. */
static int find(struct store_import *im, const struct store_import_row *row, uint64_t *ret_octets,
		struct err *e)
{
	char ip[ADDR_TEXT_SIZE];
	int code, rc;

	for (int i = 0; i < im->pending; i++) {
		if (im->rows[i].measured_s == row->measured_s &&
		    !addr_cmp(&im->rows[i].addr, &row->addr)) {
			*ret_octets = im->rows[i].octets;
			return 1;
		}
	}
	sqlite3_bind_int64(im->find, 1, row->measured_s);
	sqlite3_bind_text(im->find, 2, addr_format(&row->addr, ip), -1, SQLITE_STATIC);
	code = sqlite3_step(im->find);
	if (code == SQLITE_ROW)
		*ret_octets = (uint64_t)sqlite3_column_int64(im->find, 0);
	rc = code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : store_fault(im->db, im->path, e);
	sqlite3_reset(im->find);
	return rc;
}

int store_import_put(struct store_import *im, const struct store_import_row *row,
		     uint64_t *ret_other, struct err *e)
{
	char ip[ADDR_TEXT_SIZE];
	uint64_t octets = 0;
	int rc = find(im, row, &octets, e);

	if (rc < 0)
		return rc;
	if (!rc) {
		im->rows[im->pending++] = *row;
		return im->pending == CHUNK_ROWS ? end_chunk(im, e) : 0;
	}
	if (octets == row->octets)
		return 1;
	*ret_other = octets;
	err_set(e, "the ledger has other octets for %s at this time", addr_format(&row->addr, ip));
	return -EEXIST;
}

/* ---- the end ---- */

static int finish(struct store_import *im, struct err *e)
{
	char *sql = xasprintf("UPDATE import SET done = 1 WHERE id = %lld", (long long)im->id);
	int rc = end_chunk(im, e);

	if (!rc)
		rc = store_exec(im->db, im->path, "PRAGMA synchronous = FULL", e);
	if (!rc)
		rc = store_exec(im->db, im->path, sql, e);
	free(sql);
	return rc;
}

int store_import_end(struct store_import *take_im, bool keep, struct err *e)
{
	struct store_import *im = take_im;
	uint64_t removed = 0;
	int rc = 0;

	if (!im->dry_run && keep)
		rc = finish(im, e);
	if (!sqlite3_get_autocommit(im->db))
		store_exec(im->db, im->path, "ROLLBACK", NULL);
	if (!im->dry_run && (!keep || rc < 0))
		remove_rows(im, "WHERE done = 0", &removed, rc < 0 ? NULL : e);
	import_close(im);
	return rc;
}

int store_import_forget(const char *path, uint64_t *ret_rows, struct err *e)
{
	struct store_import *im = import_alloc(path, false);
	uint64_t rows = 0;
	int rc = open_database(im, e);

	/* First hide all rows from readers, then remove them. */
	if (!rc)
		rc = store_exec(im->db, im->path, "UPDATE import SET done = 0", e);
	if (!rc)
		rc = remove_rows(im, "WHERE done = 0", &rows, e);
	import_close(im);
	if (!rc)
		*ret_rows = rows;
	return rc;
}
