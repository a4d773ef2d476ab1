/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store_load.h"

#include "store/store_batch.h"
#include "store/store_clock.h"
#include "store/store_period.h"
#include "store/store_schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Everything is read in one transaction, so that a process that writes meanwhile cannot mix two
 * checkpoints. If a row already has next_ifindex or next_key, that number moves past it: a number
 * must never be given twice. */

static const char meta_sql[] = "SELECT key, value FROM meta";
static const char highest_sql[] =
	"SELECT (SELECT max(ifindex) FROM container), (SELECT max(key) FROM address)";
#define CONTAINER                                                                    \
	"SELECT ifindex, ctid, name, run, " STORE_TOTALS("") ", " STORE_TOTALS_MORE( \
		"") ", runtime, runtime_id, " STORE_BILL("") " FROM container"
#define ADDRESS                                                                               \
	"SELECT key, container, ip, " STORE_TOTALS("") ", " STORE_TOTALS_MORE(                \
		"") ", owner, seen, " STORE_COUNTERS("last_",                                 \
						     "") ", EXISTS (SELECT 1 FROM container " \
							 "WHERE ifindex = "                   \
							 "address.container) FROM address"
#define NOT_GONE "state <> 3 OR owner <> 0" /* STORE_AGED */

static const char container_sql[] =
	CONTAINER " WHERE state <> 3 OR ifindex IN (SELECT container FROM address WHERE " NOT_GONE
		  ") ORDER BY ifindex";
static const char address_sql[] = ADDRESS " WHERE " NOT_GONE " ORDER BY key";
static const char find_container_sql[] = CONTAINER " WHERE ctid = ?";
static const char find_address_sql[] =
	ADDRESS " WHERE container = (SELECT ifindex FROM container WHERE ctid = ?) AND ip = ?";

struct load {
	sqlite3 *db;
	const char *path;
	struct store_meta meta;
	store_container_fn *container;
	store_address_fn *address;
	void *arg;
	struct err *e;
};

/* Reads the columns of a row one after another. */
struct cursor {
	sqlite3_stmt *stmt;
	int column;
};

static int64_t number(struct cursor *c)
{
	return sqlite3_column_int64(c->stmt, c->column++);
}

static const char *text(struct cursor *c)
{
	const unsigned char *t = sqlite3_column_text(c->stmt, c->column++);

	return t ? (const char *)t : "";
}

static void read_counters(struct cursor *c, struct counters path[PATHS])
{
	for (int p = 0; p < PATHS; p++) {
		path[p].octets = (uint64_t)number(c);
		path[p].pkts = (uint64_t)number(c);
	}
}

static void read_totals(struct cursor *c, int64_t *state, int64_t *gone_wall_s,
			struct store_totals *t)
{
	*state = number(c);
	*gone_wall_s = number(c);
	t->since_wall_s = number(c);
	t->discontinuities = (uint32_t)number(c);
	t->discontinuity_wall_s = number(c);
	read_counters(c, t->path);
	t->zero_wall_s = number(c);
	read_counters(c, t->zero);
	t->gone_lived_s = number(c);
	t->unsure = (uint8_t)number(c);
}

static struct flow read_flow(struct cursor *c)
{
	uint64_t in = (uint64_t)number(c);

	return (struct flow) { in, (uint64_t)number(c) };
}

/* What counts that this version does not know is as if nobody said. */
static struct billing_quota read_quota(struct cursor *c)
{
	uint64_t octets = (uint64_t)number(c);
	int64_t counts = number(c);

	return (struct billing_quota) { octets, counts > 0 && counts < BILLING_COUNTS_KINDS
							? (enum billing_counts)counts
							: BILLING_COUNTS_UNSET };
}

/* In the order of STORE_BILL. */
static void read_bill(struct cursor *c, struct store_bill *b)
{
	b->begin_s = number(c);
	b->at = read_flow(c);
	b->last = read_flow(c);
	b->next = read_flow(c);
	b->said = read_quota(c);
	b->set = read_quota(c);
	b->told = (uint32_t)number(c);
	b->told_quota = (uint64_t)number(c);
}

static int damaged(struct load *l, const char *table, int64_t key)
{
	err_set(l->e, "%s is damaged: row %lld of table %s holds a value ctmeter never writes",
		l->path, (long long)key, table);
	return -EUCLEAN;
}

/* A view that this version does not know counts as none shown yet. */
static enum port_view port_view(int64_t stored)
{
	return stored == PORT_VIEW_CONTAINER || stored == PORT_VIEW_SWITCH ? (enum port_view)stored
									   : PORT_VIEW_UNKNOWN;
}

static int load_meta_row(struct load *l, struct cursor *c)
{
	const char *key = text(c);

	if (!strcmp(key, "boot_id"))
		snprintf(l->meta.boot_id, sizeof(l->meta.boot_id), "%s", text(c));
	else if (!strcmp(key, STORE_KEY_COMMIT_IPV4))
		l->meta.commit[ADDR_V4] = (uint64_t)number(c);
	else if (!strcmp(key, STORE_KEY_COMMIT_IPV6))
		l->meta.commit[ADDR_V6] = (uint64_t)number(c);
	else if (!strcmp(key, "held_ipv4"))
		l->meta.held[ADDR_V4] = number(c) != 0;
	else if (!strcmp(key, "held_ipv6"))
		l->meta.held[ADDR_V6] = number(c) != 0;
	else if (!strcmp(key, "left_ipv4"))
		l->meta.left[ADDR_V4] = number(c) != 0;
	else if (!strcmp(key, "left_ipv6"))
		l->meta.left[ADDR_V6] = number(c) != 0;
	else if (!strcmp(key, "next_ifindex"))
		l->meta.next_ifindex = (uint32_t)number(c);
	else if (!strcmp(key, "next_key"))
		l->meta.next_key = (uint64_t)number(c);
	else if (!strcmp(key, "ledger"))
		l->meta.ledger = (uint64_t)number(c);
	else if (!strcmp(key, "checkpoint"))
		l->meta.checkpoint = (uint64_t)number(c);
	else if (!strcmp(key, "port_view"))
		l->meta.port_view = port_view(number(c));
	else if (!strcmp(key, "port_framing"))
		l->meta.port_framing = (uint32_t)number(c);
	else if (!strcmp(key, "port_view_since"))
		l->meta.turned_wall_s = number(c);
	else if (!strcmp(key, "port_view_unsure"))
		l->meta.turned_unsure = number(c) != 0;
	else if (!store_load_period(&l->meta.period, key, sqlite3_column_int64(c->stmt, c->column)))
		store_load_clock(&l->meta.clock, key, number(c));
	return 0;
}

static int load_highest(struct load *l, struct cursor *c)
{
	uint32_t ifindex = (uint32_t)number(c);
	uint64_t key = (uint64_t)number(c);

	if (ifindex >= l->meta.next_ifindex)
		l->meta.next_ifindex = ifindex + 1;
	if (key >= l->meta.next_key)
		l->meta.next_key = key + 1;
	return 0;
}

static int load_container_row(struct load *l, struct cursor *c)
{
	struct store_container row = { 0 };
	int64_t ifindex = number(c), run, state;
	size_t id_octets;

	row.ifindex = (uint32_t)ifindex;
	row.id = text(c);
	row.name = text(c);
	run = number(c);
	read_totals(c, &state, &row.gone_wall_s, &row.totals);
	row.runtime = text(c);
	row.runtime_id = text(c);
	read_bill(c, &row.bill);
	row.run = (int)run;
	row.state = (enum store_state)state;
	id_octets = strlen(row.id);
	if (ifindex < 1 || ifindex > UINT32_MAX || id_octets < 1 || id_octets > INV_ID_MAX ||
	    run < INV_RUN_UNKNOWN || run > INV_RUN_GONE || state < STORE_LIVE ||
	    state > STORE_AGED || state == STORE_CONFLICT)
		return damaged(l, "container", ifindex);
	l->container(l->arg, &row);
	return 0;
}

static int load_address_row(struct load *l, struct cursor *c)
{
	struct store_address row = { 0 };
	int64_t key = number(c), container = number(c), state, seen, known;
	int bad_ip = addr_parse(text(c), &row.addr);

	row.key = (uint64_t)key;
	row.container = (uint32_t)container;
	read_totals(c, &state, &row.gone_wall_s, &row.totals);
	row.state = (enum store_state)state;
	row.owner = number(c) != 0;
	seen = number(c);
	row.seen = (uint8_t)seen;
	read_counters(c, row.last);
	known = number(c);
	if (bad_ip || !known || state < STORE_LIVE || state > STORE_AGED || seen < 0 ||
	    seen >= 1 << PATHS)
		return damaged(l, "address", key);
	l->address(l->arg, &row);
	return 0;
}

typedef int load_row_fn(struct load *l, struct cursor *c);

/* Load each row of the statement. */
static int step_rows(struct load *l, sqlite3_stmt *stmt, load_row_fn *row)
{
	int rc, ret = 0;

	while (!ret && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct cursor c = { stmt, 0 };

		ret = row(l, &c);
	}
	if (!ret && rc != SQLITE_DONE)
		ret = store_fault(l->db, l->path, l->e);
	return ret;
}

static int prepare(struct load *l, const char *sql, sqlite3_stmt **ret_stmt)
{
	return sqlite3_prepare_v2(l->db, sql, -1, ret_stmt, NULL)
		       ? store_fault(l->db, l->path, l->e)
		       : 0;
}

static int load_rows(struct load *l, const char *sql, load_row_fn *row)
{
	sqlite3_stmt *stmt = NULL;
	int ret = prepare(l, sql, &stmt);

	if (!ret)
		ret = step_rows(l, stmt, row);
	sqlite3_finalize(stmt);
	return ret;
}

int store_load_from(sqlite3 *db, const char *path, struct store_meta *ret_meta,
		    store_container_fn *container, store_address_fn *address, void *arg,
		    struct err *e)
{
	struct load l = { .db = db,
			  .path = path,
			  .meta = { .next_ifindex = 1, .next_key = 1 },
			  .container = container,
			  .address = address,
			  .arg = arg,
			  .e = e };
	int ret = store_exec(db, path, "BEGIN", e);

	if (ret)
		return ret;
	ret = load_rows(&l, meta_sql, load_meta_row);
	if (!ret)
		ret = load_rows(&l, highest_sql, load_highest);
	if (!ret && container)
		ret = load_rows(&l, container_sql, load_container_row);
	if (!ret && address)
		ret = load_rows(&l, address_sql, load_address_row);
	store_exec(db, path, "COMMIT", NULL);
	if (!ret)
		*ret_meta = l.meta;
	return ret;
}

static int find_one(struct load *l, const struct store_key *key, sqlite3_stmt *container,
		    sqlite3_stmt *address)
{
	sqlite3_stmt *stmt = key->is_address ? address : container;
	char ip[ADDR_TEXT_SIZE];
	int ret;

	sqlite3_bind_text(stmt, 1, key->id, -1, SQLITE_STATIC);
	if (key->is_address)
		sqlite3_bind_text(stmt, 2, addr_format(&key->addr, ip), -1, SQLITE_STATIC);
	ret = step_rows(l, stmt, key->is_address ? load_address_row : load_container_row);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return ret;
}

int store_find_in(sqlite3 *db, const char *path, const struct store_key *keys, size_t n,
		  store_container_fn *container, store_address_fn *address, void *arg,
		  struct err *e)
{
	struct load l = { .db = db,
			  .path = path,
			  .container = container,
			  .address = address,
			  .arg = arg,
			  .e = e };
	sqlite3_stmt *find_container = NULL, *find_address = NULL;
	int ret = store_exec(db, path, "BEGIN", e);

	if (ret)
		return ret;
	ret = prepare(&l, find_container_sql, &find_container);
	if (!ret)
		ret = prepare(&l, find_address_sql, &find_address);
	for (size_t i = 0; i < n && !ret; i++)
		ret = find_one(&l, &keys[i], find_container, find_address);
	sqlite3_finalize(find_container);
	sqlite3_finalize(find_address);
	store_exec(db, path, "COMMIT", NULL);
	return ret;
}
