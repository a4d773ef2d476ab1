/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store_sql.h"

#include "base/xalloc.h"
#include "store/store_clock.h"
#include "store/store_file.h"
#include "store/store_load.h"
#include "store/store_period.h"
#include "store/store_schema.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 1. After any failure but a lock, the connection is closed, and the next begin opens a new one.
 *    So nothing of the failure lingers in it.
 * 2. A file that was removed or replaced is never written again: a replacement would lack half of
 *    the rows, and nobody would read the removed one.
 * 3. A process that opens the database for writing holds the lock beside it. Two daemons, possibly
 *    in two network namespaces, therefore never write one ledger, where each would retire the
 *    other's containers. */

#define WAL_PAGES 1000 /* enough to copy into the file; SQLite's own default */

/* --- connecting ---------------------------------------------------------------------------- */

static void disconnect(struct store *s)
{
	store_finalize(s);
	sqlite3_close(s->db);
	s->db = NULL;
	s->writable = false;
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

/* Runs after each commit, in place of SQLite's own hook, which copies the WAL within the commit. */
static int note_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	(void)db, (void)name;
	((struct store *)arg)->wal_pages = pages;
	return SQLITE_OK;
}

/* Where no lock file can be made, the database can hardly be written either; that error is the one
 * to report. */
static int lock(struct store *s, struct err *e)
{
	int ret = s->lock >= 0 ? 0 : store_file_lock(s->path, &s->lock, e);

	return ret == -EROFS ? 0 : ret;
}

static int connect_writable(struct store *s, struct err *e)
{
	int ret = store_file_make(s->path, e);

	if (!ret)
		ret = lock(s, e);
	if (!ret)
		ret = store_file_open(s->path, &s->db, e);
	if (ret)
		return ret;
	sqlite3_wal_hook(s->db, note_wal, s);
	return connected(s, true);
}

static int connect_read_only(struct store *s, struct err *e)
{
	int ret = store_file_open_read_only(s->path, &s->db, e);

	return ret ? ret : connected(s, false);
}

/* Failures that another way of opening does not avoid. */
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
	s->lock = -1;
	ret = store_file_damaged(path) ? -EUCLEAN : connect_writable(s, e);
	if (ret == -EUCLEAN)
		ret = lock(s, e) ? -EBUSY : -EUCLEAN;
	if (ret == -EUCLEAN) {
		ret = store_file_set_aside(path, &aside, e);
		if (!ret)
			ret = connect_writable(s, e);
		else if (!is_final(ret))
			ret = -EUCLEAN; /* nor can it be read */
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
	if (s->lock >= 0)
		close(s->lock);
	free(s->path);
	free(s);
}

/* --- failing ------------------------------------------------------------------------------- */

int store_give_up(struct store *s, int error)
{
	if (error == -EUCLEAN)
		store_file_set_damaged(s->path);
	if (error != -EBUSY)
		disconnect(s);
	return error;
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
		return store_give_up(s, ret);
	if (!s->db) {
		*ret_meta = (struct store_meta) { .next_ifindex = 1, .next_key = 1 };
		return 0;
	}
	ret = store_load_from(s->db, s->path, ret_meta, container, address, arg, e);
	return ret ? store_give_up(s, ret) : 0;
}

int store_find(struct store *s, const struct store_key *keys, size_t n,
	       store_container_fn *container, store_address_fn *address, void *arg, struct err *e)
{
	int ret = 0;

	assert(!s->begun);
	if (!s->db)
		ret = connect_read_only(s, e);
	if (!ret && s->writable)
		store_file_wait_while_frozen(s->db);
	if (!ret && s->db)
		ret = store_find_in(s->db, s->path, keys, n, container, address, arg, e);
	return ret ? store_give_up(s, ret) : 0;
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
	err_set(e, "%s: the file was removed or replaced while in use; writing the ledger anew",
		s->path);
	return -ESTALE;
}

int store_begin(struct store *s, bool synced, int64_t wall_s, struct err *e)
{
	return store_begin_stepped(s, synced, wall_s, NULL, 0, e);
}

int store_begin_stepped(struct store *s, bool synced, int64_t wall_s,
			const struct wallclock_step *steps, size_t n, struct err *e)
{
	int ret = check_identity(s, e);

	assert(!s->begun);
	if (!ret && !s->writable) {
		disconnect(s);
		ret = connect_writable(s, e);
	} else if (!ret) {
		ret = lock(s, e);
	}
	if (!ret) {
		store_file_wait_while_frozen(s->db);
		ret = store_exec(s->db, s->path, "BEGIN IMMEDIATE", e);
	}
	if (ret)
		return store_give_up(s, ret);
	s->begun = true;
	s->synced = synced;
	s->failed = 0;
	store_take_steps(s, steps, n);
	if (!s->failed)
		store_turn_period(s, wall_s);
	return 0;
}

int store_put_meta(struct store *s, const struct store_meta *m)
{
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = { { STORE_KEY_COMMIT_IPV4, m->commit[ADDR_V4] },
			{ STORE_KEY_COMMIT_IPV6, m->commit[ADDR_V6] },
			{ "next_ifindex", m->next_ifindex },
			{ "next_key", m->next_key },
			{ "ledger", m->ledger },
			{ "checkpoint", m->checkpoint },
			{ "port_view", m->port_view },
			{ "port_framing", m->port_framing },
			{ "port_view_since", (uint64_t)m->turned_wall_s },
			{ "port_view_unsure", m->turned_unsure },
			{ "held_ipv4", m->held[ADDR_V4] },
			{ "held_ipv6", m->held[ADDR_V6] },
			{ "left_ipv4", m->left[ADDR_V4] },
			{ "left_ipv6", m->left[ADDR_V6] } };
	struct store_cursor c;

	assert(s->begun);
	if (s->failed)
		return s->failed;
	c = store_statement(s, STORE_PUT_META);
	store_bind_text(&c, "boot_id");
	store_bind_text(&c, m->boot_id);
	if (store_run(s, &c, NULL))
		return s->failed;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		c.column = 1;
		store_bind_text(&c, numbers[i].key);
		store_bind(&c, numbers[i].value);
		if (store_run(s, &c, NULL))
			break;
	}
	store_put_clock(s, &m->clock);
	store_put_period(s, &m->period);
	return s->failed;
}

static void bind_totals(struct store_cursor *c, enum store_state state, int64_t gone_wall_s,
			const struct store_totals *t)
{
	store_bind(c, state);
	store_bind(c, (uint64_t)gone_wall_s);
	store_bind(c, (uint64_t)t->since_wall_s);
	store_bind(c, t->discontinuities);
	store_bind(c, (uint64_t)t->discontinuity_wall_s);
	store_bind_counters(c, t->path);
	store_bind(c, (uint64_t)t->zero_wall_s);
	store_bind_counters(c, t->zero);
	store_bind(c, (uint64_t)t->gone_lived_s);
	store_bind(c, t->unsure);
}

static void bind_flow(struct store_cursor *c, struct flow f)
{
	store_bind(c, f.in);
	store_bind(c, f.out);
}

static void bind_quota(struct store_cursor *c, struct billing_quota q)
{
	store_bind(c, q.octets);
	store_bind(c, q.counts);
}

/* In the order of STORE_BILL. */
static void bind_bill(struct store_cursor *c, const struct store_bill *b)
{
	store_bind(c, (uint64_t)b->begin_s);
	bind_flow(c, b->at);
	bind_flow(c, b->last);
	bind_flow(c, b->next);
	bind_quota(c, b->said);
	bind_quota(c, b->set);
	store_bind(c, b->told);
	store_bind(c, b->told_quota);
}

static void bind_container(struct store_cursor *c, const struct store_container *row)
{
	store_bind_text(c, row->name);
	store_bind(c, (uint64_t)row->run);
	bind_totals(c, row->state, row->gone_wall_s, &row->totals);
	store_bind_text(c, row->runtime ? row->runtime : "");
	store_bind_text(c, row->runtime_id ? row->runtime_id : "");
	bind_bill(c, &row->bill);
	store_bind(c, row->ifindex);
	store_bind_text(c, row->id);
}

int store_put_container(struct store *s, const struct store_container *row)
{
	struct store_cursor c;
	int changes;

	assert(s->begun);
	if (s->failed)
		return s->failed;
	c = store_statement(s, STORE_UPDATE_CONTAINER);
	bind_container(&c, row);
	if (store_run(s, &c, &changes) || changes)
		return s->failed;
	c = store_statement(s, STORE_INSERT_CONTAINER);
	bind_container(&c, row);
	return store_run(s, &c, NULL);
}

static void bind_address(struct store_cursor *c, const struct store_address *a, const char *ip)
{
	bind_totals(c, a->state, a->gone_wall_s, &a->totals);
	store_bind(c, a->owner);
	store_bind(c, a->seen);
	store_bind_counters(c, a->last);
	store_bind(c, a->key);
	store_bind(c, a->container);
	store_bind_text(c, ip);
}

int store_put_address(struct store *s, const struct store_address *a)
{
	char ip[ADDR_TEXT_SIZE];
	struct store_cursor c;
	int changes;

	assert(s->begun);
	if (s->failed)
		return s->failed;
	addr_format(&a->addr, ip);
	c = store_statement(s, STORE_UPDATE_ADDRESS);
	bind_address(&c, a, ip);
	if (store_run(s, &c, &changes))
		return s->failed;
	if (!changes) {
		c = store_statement(s, STORE_INSERT_ADDRESS);
		bind_address(&c, a, ip);
		if (!store_run(s, &c, NULL))
			store_put_booked(s, a->key, a->before);
	}
	return s->failed;
}

int store_end(struct store *s, struct err *e)
{
	int ret;

	assert(s->begun);
	s->begun = false;
	if (!s->failed)
		s->failed = store_exec(s->db, s->path, "COMMIT", &s->why);
	if (!s->failed && s->synced)
		s->failed = store_file_sync(s->db, &s->why);
	ret = s->failed;
	if (!ret)
		return 0;
	if (e)
		*e = s->why;
	/* Some failures have already rolled it back. */
	if (!sqlite3_get_autocommit(s->db))
		store_exec(s->db, s->path, "ROLLBACK", NULL);
	return store_give_up(s, ret);
}

void store_tidy(struct store *s)
{
	assert(!s->begun);
	if (!s->db)
		return;
	if (s->writable && s->wal_pages >= WAL_PAGES) {
		s->wal_pages = 0;
		store_file_wait_while_frozen(s->db);
		store_exec(s->db, s->path, "PRAGMA wal_checkpoint", NULL);
	}
	sqlite3_db_release_memory(s->db);
}
