/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store.h"

#include "store_file.h"
#include "store_load.h"
#include "store_schema.h"
#include "xalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* 1. After any failure but a lock the connection is given up and made anew by the next begin, so
 *    what stood in the way leaves nothing behind in it.
 * 2. A file that was removed or replaced meanwhile is never written to: half of the rows would be
 *    missing in the new one, and the old one is nobody's any more.
 * 3. UPDATE and INSERT of a row bind the same values in the same order. */

#define CONTAINER(after) "name" after ", run" after ", " STORE_TOTALS(after)
#define ADDRESS(after) \
	STORE_TOTALS(after) ", owner" after ", seen" after ", " STORE_COUNTERS("last_", after)
#define Q8 "?, ?, ?, ?, ?, ?, ?, ?"
#define Q_TOTALS "?, ?, ?, ?, ?, " Q8 ", ?, " Q8

#define USAGE_FIND(table) \
	"SELECT rowid, " STORE_COUNTERS("", "") " FROM " table " WHERE start = ? AND address = ?"
#define USAGE_UPDATE(table) "UPDATE " table " SET " STORE_COUNTERS("", " = ?") " WHERE rowid = ?"
#define USAGE_INSERT(table) \
	"INSERT INTO " table " (" STORE_COUNTERS("", "") ", start, address) VALUES (" Q8 ", ?, ?)"
#define USAGE_PRUNE(table)                     \
	"DELETE FROM " table " WHERE rowid IN" \
	" (SELECT rowid FROM " table " WHERE start < ? ORDER BY start LIMIT ?)"

enum statement {
	PUT_META,
	UPDATE_CONTAINER,
	INSERT_CONTAINER,
	UPDATE_ADDRESS,
	INSERT_ADDRESS,
	USAGE_5MIN, /* four each, in the order of enum usage */
	USAGE_HOUR = USAGE_5MIN + 4,
	STATEMENTS = USAGE_HOUR + 4
};

enum usage { FIND, UPDATE, INSERT, PRUNE };

static const char *const sql[STATEMENTS] = {
	[PUT_META] = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
	[UPDATE_CONTAINER] =
		"UPDATE container SET " CONTAINER(" = ?") " WHERE ifindex = ? AND ctid = ?",
	[INSERT_CONTAINER] =
		"INSERT INTO container (" CONTAINER("") ", ifindex, ctid)"
							" VALUES (?, ?, " Q_TOTALS ", ?, ?)",
	[UPDATE_ADDRESS] =
		"UPDATE address SET " ADDRESS(" = ?") " WHERE key = ? AND container = ? AND ip = ?",
	[INSERT_ADDRESS] =
		"INSERT INTO address (" ADDRESS("") ", key, container, ip)"
						    " VALUES (" Q_TOTALS ", ?, ?, " Q8 ", ?, ?, ?)",
	[USAGE_5MIN + FIND] = USAGE_FIND("usage_5min"),
	[USAGE_5MIN + UPDATE] = USAGE_UPDATE("usage_5min"),
	[USAGE_5MIN + INSERT] = USAGE_INSERT("usage_5min"),
	[USAGE_5MIN + PRUNE] = USAGE_PRUNE("usage_5min"),
	[USAGE_HOUR + FIND] = USAGE_FIND("usage_hour"),
	[USAGE_HOUR + UPDATE] = USAGE_UPDATE("usage_hour"),
	[USAGE_HOUR + INSERT] = USAGE_INSERT("usage_hour"),
	[USAGE_HOUR + PRUNE] = USAGE_PRUNE("usage_hour"),
};

static const struct period {
	enum statement first;
	int64_t s;
	int64_t keep_s;
} periods[] = {
	{ USAGE_5MIN, 300, 35 * 86400 },
	{ USAGE_HOUR, 3600, 400 * 86400 },
};

struct store {
	char *path;
	sqlite3 *db; /* NULL: not connected, or nothing to read */
	bool writable;
	bool begun;
	int synced; /* what the connection is set to, -1: not set */
	int failed; /* the first failure since begin, and its text */
	struct err why;
	bool known; /* the file's identity is */
	dev_t dev;
	ino_t ino;
	sqlite3_stmt *stmt[STATEMENTS];
};

/* --- connecting ---------------------------------------------------------------------------- */

static void disconnect(struct store *s)
{
	for (size_t i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(s->stmt[i]);
		s->stmt[i] = NULL;
	}
	sqlite3_close(s->db);
	s->db = NULL;
	s->writable = false;
	s->synced = -1;
}

static int connected(struct store *s, bool writable)
{
	struct stat st;

	s->writable = writable;
	s->known = s->db && stat(s->path, &st) == 0;
	if (s->known) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	return 0;
}

static int connect_writable(struct store *s, struct err *e)
{
	int ret = store_file_open(s->path, &s->db, e);

	return ret ? ret : connected(s, true);
}

static int connect_read_only(struct store *s, struct err *e)
{
	int ret = store_file_open_read_only(s->path, &s->db, e);

	return ret ? ret : connected(s, false);
}

/* Failures that another way of opening does not get round. */
static bool is_final(int error)
{
	return error == -EBUSY || error == -ENOTSUP || error == -EUCLEAN;
}

int store_open(const char *path, struct store **ret_store, char **ret_aside, struct err *e)
{
	struct store *s = xcalloc(1, sizeof(*s));
	char *aside = NULL;
	int ret;

	s->path = xstrdup(path);
	s->synced = -1;
	ret = store_file_damaged(path) ? -EUCLEAN : connect_writable(s, e);
	if (ret == -EUCLEAN) {
		ret = store_file_set_aside(path, &aside, e);
		if (!ret)
			ret = connect_writable(s, e);
		else if (!is_final(ret))
			ret = -EUCLEAN; /* reading it is no way out either */
	}
	if (ret && !is_final(ret)) {
		struct err cannot_read;

		ret = connect_read_only(s, &cannot_read);
		if (ret && e)
			*e = cannot_read;
		else if (!ret)
			ret = -EROFS;
	}
	if (ret_aside)
		*ret_aside = aside;
	else
		free(aside);
	if (ret && ret != -EROFS)
		store_close(s);
	else
		*ret_store = s;
	return ret;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	disconnect(s);
	free(s->path);
	free(s);
}

/* --- statements ---------------------------------------------------------------------------- */

/* Remember the first failure of a transaction. Returns it. */
static int fail(struct store *s)
{
	if (!s->failed)
		s->failed = store_fault(s->db, s->path, &s->why);
	return s->failed;
}

/* A failure outside of puts: what does not pass by itself is noted or given up. */
static int give_up(struct store *s, int error)
{
	if (error == -EUCLEAN)
		store_file_set_damaged(s->path);
	if (error != -EBUSY)
		disconnect(s);
	return error;
}

/* A statement and the column that is bound or read next. NULL stmt: preparing it failed. */
struct cursor {
	sqlite3_stmt *stmt;
	int column;
};

static struct cursor statement(struct store *s, int which)
{
	if (!s->stmt[which] && sqlite3_prepare_v2(s->db, sql[which], -1, &s->stmt[which], NULL))
		fail(s);
	return (struct cursor) { s->stmt[which], 1 };
}

static void bind(struct cursor *c, uint64_t value)
{
	sqlite3_bind_int64(c->stmt, c->column++, (sqlite3_int64)value);
}

static void bind_text(struct cursor *c, const char *text)
{
	sqlite3_bind_text(c->stmt, c->column++, text, -1, SQLITE_STATIC);
}

static void bind_counters(struct cursor *c, const struct counters path[PATHS])
{
	for (int p = 0; p < PATHS; p++) {
		bind(c, path[p].octets);
		bind(c, path[p].pkts);
	}
}

/* Run to the end. Returns 0 or -errno; *ret_changes (may be NULL): rows written. */
static int run(struct store *s, struct cursor *c, int *ret_changes)
{
	int rc = c->stmt ? sqlite3_step(c->stmt) : SQLITE_ERROR;
	int ret = rc == SQLITE_DONE ? 0 : fail(s);

	sqlite3_reset(c->stmt);
	if (!ret && ret_changes)
		*ret_changes = sqlite3_changes(s->db);
	return ret;
}

/* --- loading ------------------------------------------------------------------------------- */

int store_load(struct store *s, struct store_meta *ret_meta, store_container_fn *container,
	       store_address_fn *address, void *arg, struct err *e)
{
	int ret = 0;

	assert(!s->begun);
	if (!s->db)
		ret = connect_read_only(s, e);
	if (ret)
		return give_up(s, ret);
	if (!s->db) {
		*ret_meta = (struct store_meta) { .next_ifindex = 1, .next_key = 1 };
		return 0;
	}
	ret = store_load_from(s->db, s->path, ret_meta, container, address, arg, e);
	return ret ? give_up(s, ret) : 0;
}

/* --- saving -------------------------------------------------------------------------------- */

static int check_identity(struct store *s, struct err *e)
{
	struct stat st;

	if (!s->known)
		return 0;
	if (stat(s->path, &st) == 0 ? st.st_dev == s->dev && st.st_ino == s->ino
				    : errno != ENOENT && errno != ENOTDIR)
		return 0;
	err_set(e, "%s: the file was removed or replaced while it was in use; it is written anew",
		s->path);
	return -ESTALE;
}

/* SQLite's default cannot change within a transaction. In WAL mode NORMAL never syncs at a commit,
 * FULL does. */
static int set_synced(struct store *s, bool synced, struct err *e)
{
	int ret;

	if (s->synced == synced)
		return 0;
	ret = store_exec(s->db, s->path,
			 synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", e);
	if (!ret)
		s->synced = synced;
	return ret;
}

int store_begin(struct store *s, bool synced, struct err *e)
{
	int ret = check_identity(s, e);

	assert(!s->begun);
	if (!ret && !s->writable) {
		disconnect(s);
		ret = connect_writable(s, e);
	}
	if (!ret)
		ret = set_synced(s, synced, e);
	if (!ret)
		ret = store_exec(s->db, s->path, "BEGIN IMMEDIATE", e);
	if (ret)
		return give_up(s, ret);
	s->begun = true;
	s->failed = 0;
	return 0;
}

int store_put_meta(struct store *s, const struct store_meta *m)
{
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = { { "epoch_ipv4", m->epoch[ADDR_V4] },
			{ "epoch_ipv6", m->epoch[ADDR_V6] },
			{ "next_ifindex", m->next_ifindex },
			{ "next_key", m->next_key },
			{ "port_view", m->port_view },
			{ "port_view_since", (uint64_t)m->turned_wall_s } };
	struct cursor c;

	assert(s->begun);
	if (s->failed)
		return s->failed;
	c = statement(s, PUT_META);
	bind_text(&c, "boot_id");
	bind_text(&c, m->boot_id);
	if (run(s, &c, NULL))
		return s->failed;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		c.column = 1;
		bind_text(&c, numbers[i].key);
		bind(&c, numbers[i].value);
		if (run(s, &c, NULL))
			break;
	}
	return s->failed;
}

static void bind_totals(struct cursor *c, enum store_state state, int64_t gone_wall_s,
			const struct store_totals *t)
{
	bind(c, state);
	bind(c, (uint64_t)gone_wall_s);
	bind(c, (uint64_t)t->since_wall_s);
	bind(c, t->discontinuities);
	bind(c, (uint64_t)t->discontinuity_wall_s);
	bind_counters(c, t->path);
	bind(c, (uint64_t)t->zero_wall_s);
	bind_counters(c, t->zero);
}

static void bind_container(struct cursor *c, const struct store_container *row)
{
	bind_text(c, row->name);
	bind(c, (uint64_t)row->run);
	bind_totals(c, row->state, row->gone_wall_s, &row->totals);
	bind(c, row->ifindex);
	bind_text(c, row->id);
}

int store_put_container(struct store *s, const struct store_container *row)
{
	struct cursor c;
	int changes;

	assert(s->begun);
	if (s->failed)
		return s->failed;
	c = statement(s, UPDATE_CONTAINER);
	bind_container(&c, row);
	if (run(s, &c, &changes) || changes)
		return s->failed;
	c = statement(s, INSERT_CONTAINER);
	bind_container(&c, row);
	return run(s, &c, NULL);
}

/* Book to the bucket of a period. The sum is made here: SQLite's + turns into a floating-point
 * number above 2^63. */
static int put_usage(struct store *s, const struct period *period, const struct store_address *a,
		     int64_t wall_s)
{
	struct counters sum[PATHS];
	struct cursor c = statement(s, period->first + FIND);
	int64_t rowid = 0, start = wall_s - (wall_s % period->s + period->s) % period->s;
	int rc;

	memcpy(sum, a->used, sizeof(sum));
	bind(&c, (uint64_t)start);
	bind(&c, a->key);
	rc = c.stmt ? sqlite3_step(c.stmt) : SQLITE_ERROR;
	if (rc == SQLITE_ROW)
		rowid = sqlite3_column_int64(c.stmt, 0);
	else if (rc != SQLITE_DONE)
		fail(s);
	for (int p = 0; rc == SQLITE_ROW && p < PATHS; p++) {
		sum[p].octets += (uint64_t)sqlite3_column_int64(c.stmt, 1 + 2 * p);
		sum[p].pkts += (uint64_t)sqlite3_column_int64(c.stmt, 2 + 2 * p);
	}
	sqlite3_reset(c.stmt);
	if (s->failed)
		return s->failed;
	c = statement(s, period->first + (rowid ? UPDATE : INSERT));
	bind_counters(&c, sum);
	bind(&c, (uint64_t)(rowid ? rowid : start));
	if (!rowid)
		bind(&c, a->key);
	return run(s, &c, NULL);
}

static void bind_address(struct cursor *c, const struct store_address *a, const char *ip)
{
	bind_totals(c, a->state, a->gone_wall_s, &a->totals);
	bind(c, a->owner);
	bind(c, a->seen);
	bind_counters(c, a->last);
	bind(c, a->key);
	bind(c, a->container);
	bind_text(c, ip);
}

static bool any_used(const struct store_address *a)
{
	for (int p = 0; p < PATHS; p++) {
		if (a->used[p].octets || a->used[p].pkts)
			return true;
	}
	return false;
}

int store_put_address(struct store *s, const struct store_address *a, int64_t wall_s)
{
	char ip[ADDR_TEXT_SIZE];
	struct cursor c;
	int changes;

	assert(s->begun);
	if (s->failed)
		return s->failed;
	addr_format(&a->addr, ip);
	c = statement(s, UPDATE_ADDRESS);
	bind_address(&c, a, ip);
	if (run(s, &c, &changes))
		return s->failed;
	if (!changes) {
		c = statement(s, INSERT_ADDRESS);
		bind_address(&c, a, ip);
		run(s, &c, NULL);
	}
	for (size_t i = 0; !s->failed && any_used(a) && i < ARRAY_LEN(periods); i++)
		put_usage(s, &periods[i], a, wall_s);
	return s->failed;
}

int store_end(struct store *s, struct err *e)
{
	int ret;

	assert(s->begun);
	s->begun = false;
	if (!s->failed)
		s->failed = store_exec(s->db, s->path, "COMMIT", &s->why);
	ret = s->failed;
	if (!ret)
		return 0;
	if (e)
		*e = s->why;
	/* Some failures have rolled it back already. */
	if (!sqlite3_get_autocommit(s->db))
		store_exec(s->db, s->path, "ROLLBACK", NULL);
	return give_up(s, ret);
}

int store_prune(struct store *s, int64_t now_wall_s, unsigned limit)
{
	int removed = 0;

	assert(!s->begun);
	if (!s->writable)
		return -EROFS;
	s->failed = set_synced(s, false, NULL);
	if (s->failed)
		return give_up(s, s->failed);
	for (size_t i = 0; i < ARRAY_LEN(periods) && (unsigned)removed < limit; i++) {
		struct cursor c = statement(s, periods[i].first + PRUNE);
		int n;

		bind(&c, (uint64_t)(now_wall_s - periods[i].keep_s));
		bind(&c, limit - (unsigned)removed);
		if (run(s, &c, &n))
			return give_up(s, s->failed);
		removed += n;
	}
	return removed;
}
