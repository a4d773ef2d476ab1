/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ship/batch.h"

#include "base/loop.h"
#include "base/period.h"
#include "base/xalloc.h"
#include "ship/pg.h"
#include "ship/schema.h"
#include "store/owner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_ROWS 5000
#define READ_TRIES 5
#define USAGE_COLUMNS 11
#define COPY_USAGE                                                                  \
	"COPY ctmeter.inbox (start, container, ip, in_octets, in_pkts, out_octets," \
	" out_pkts, node_in_octets, node_in_pkts, node_out_octets, node_out_pkts)"  \
	" FROM STDIN WITH (FORMAT binary)"
#define ADDRESS_COLUMNS 7
#define COPY_ADDRESSES                                                  \
	"COPY ctmeter.inbox_counted (container, ip, name, since, gone," \
	" discontinuities, discontinuity) FROM STDIN WITH (FORMAT binary)"

/* ---- reading ---- */

/* One reading of the ledger, by fn: with the owner's rights, and again if the file changed. */
typedef int read_fn(struct ship *s, struct report_db *db, void *arg, struct err *e);

static int read_once(struct ship *s, read_fn *fn, void *arg, struct err *e)
{
	struct report_db *db = NULL;
	struct owner saved;
	int rc;

	owner_become(s->o->ledger, &saved);
	rc = report_db_open(s->o->ledger, &db, e);
	if (!rc && report_db_lacks_newest(db)) {
		err_set(e, "cannot read the write-ahead log of %s: run ctmeter as root",
			s->o->ledger);
		rc = -EACCES;
	}
	if (!rc)
		rc = fn(s, db, arg, e);
	if (db && report_db_is_void(db)) {
		err_set(e, "%s keeps changing while it is read: try again", s->o->ledger);
		rc = -EAGAIN;
	}
	report_db_close(db);
	owner_return(&saved);
	return rc;
}

static int read_ledger(struct ship *s, read_fn *fn, void *arg, struct err *e)
{
	int rc = -EAGAIN;

	for (int i = 0; i < READ_TRIES && rc == -EAGAIN; i++)
		rc = read_once(s, fn, arg, e);
	return rc;
}

static int facts(struct ship *s, struct report_db *db, void *arg, struct err *e)
{
	(void)s;
	return ship_db_facts(db, arg, e);
}

int ship_read_facts(struct ship *s, struct err *e)
{
	return read_ledger(s, facts, &s->facts, e);
}

static void put_usage(void *arg, const struct ship_row *row)
{
	struct pgcopy *c = arg;
	struct addr addr;

	if (addr_parse(row->ip, &addr) < 0)
		return; /* the store writes no such row */
	pgcopy_row(c, USAGE_COLUMNS);
	pgcopy_time(c, row->start_s);
	pgcopy_text(c, row->container);
	pgcopy_inet(c, &addr);
	for (int p = 0; p < PATHS; p++) {
		pgcopy_bigint(c, (int64_t)row->path[p].octets);
		pgcopy_bigint(c, (int64_t)row->path[p].pkts);
	}
}

/* ---- sending ---- */

void ship_begin(struct ship *s)
{
	s->begun_ns = loop_now_ns();
}

bool ship_is_late(const struct ship *s)
{
	return loop_now_ns() - s->begun_ns > SHIP_RUN_S * NS_PER_S;
}

/* Wait until the rows shipped so far are no more than the rate allows. */
static void keep_rate(const struct ship *s)
{
	uint64_t due = s->begun_ns + s->ret->rows * NS_PER_S / s->o->rate, now = loop_now_ns();
	struct timespec pause;

	if (now >= due)
		return;
	pause.tv_sec = (time_t)((due - now) / NS_PER_S);
	pause.tv_nsec = (long)((due - now) % NS_PER_S);
	nanosleep(&pause, NULL);
}

/* One transaction: the rows in s->copy, then the function that takes them. */
static int send(struct ship *s, const char *copy, const char *call, int n,
		const char *const *params, uint64_t *ret_changed, struct err *e)
{
	PGresult *r = NULL;
	int rc = pg_script(s->pg, "BEGIN", e);

	if (!rc && s->copy.rows)
		rc = pg_copy(s->pg, copy, s->copy.data, s->copy.len, e);
	if (!rc)
		rc = pg_query(s->pg, call, n, params, &r, e);
	if (!rc && ret_changed)
		*ret_changed = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	if (!rc)
		rc = pg_script(s->pg, "COMMIT", e);
	if (rc < 0)
		ship_explain(s->pg, e);
	return rc;
}

static int send_usage(struct ship *s, enum report_db_usage t, int64_t from_s, int64_t until_s,
		      bool advance, struct err *e)
{
	char step[24], from[24], until[24];
	const char *params[] = { s->facts.node, s->session, step,
				 from,          until,      advance ? until : NULL };
	uint64_t changed = 0;
	int rc;

	pgcopy_end(&s->copy);
	snprintf(step, sizeof(step), "%" PRId64, s->table[t].step_s);
	snprintf(from, sizeof(from), "%" PRId64, from_s);
	snprintf(until, sizeof(until), "%" PRId64, until_s);
	rc = send(s, COPY_USAGE, "SELECT ctmeter.ship_batch($1, $2, $3, $4, $5, $6)", 6, params,
		  &changed, e);
	if (rc < 0)
		return rc;
	s->ret->rows += s->copy.rows;
	s->ret->changed += changed;
	keep_rate(s);
	return 0;
}

/* ---- usage ---- */

struct range {
	enum report_db_usage t;
	int64_t from_s, until_s;
};

static int read_range(struct ship *s, struct report_db *db, void *arg, struct err *e)
{
	struct range *r = arg;

	pgcopy_begin(&s->copy);
	return ship_db_usage(db, r->t, r->from_s, r->until_s, BATCH_ROWS, put_usage, &s->copy,
			     &r->until_s, e);
}

int ship_range(struct ship *s, enum report_db_usage t, int64_t from_s, int64_t until_s,
	       bool advance, int64_t *ret_until_s, struct err *e)
{
	struct range r = { t, from_s, until_s };
	int rc = read_ledger(s, read_range, &r, e);

	if (!rc)
		rc = send_usage(s, t, from_s, r.until_s, advance, e);
	if (!rc)
		*ret_until_s = r.until_s;
	return rc;
}

static int read_open(struct ship *s, struct report_db *db, void *arg, struct err *e)
{
	struct range *r = arg;

	r->from_s = period_floor(report_db_counted_at(db), s->table[r->t].step_s);
	pgcopy_begin(&s->copy);
	return ship_db_open_usage(db, r->t, put_usage, &s->copy, e);
}

int ship_open_period(struct ship *s, enum report_db_usage t, struct err *e)
{
	struct range r = { .t = t };
	int rc = read_ledger(s, read_open, &r, e);

	return rc ? rc : send_usage(s, t, r.from_s, r.from_s + s->table[t].step_s, false, e);
}

/* ---- addresses ---- */

struct addresses {
	struct pgcopy *copy;
	uint64_t digest; /* FNV-1a of all that is sent */
};

static void add_digest(struct addresses *a, const void *octets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		a->digest = (a->digest ^ ((const uint8_t *)octets)[i]) * 1099511628211u;
}

static void put_time_or_null(struct pgcopy *c, int64_t unix_s)
{
	if (unix_s)
		pgcopy_time(c, unix_s);
	else
		pgcopy_null(c);
}

static void put_address(void *arg, const struct ship_address *row)
{
	struct addresses *a = arg;
	struct addr addr;
	int64_t numbers[] = { row->since_s, row->gone_s, row->discontinuities,
			      row->discontinuity_s };

	if (addr_parse(row->ip, &addr) < 0)
		return;
	add_digest(a, row->container, strlen(row->container) + 1);
	add_digest(a, row->name, strlen(row->name) + 1);
	add_digest(a, &addr, sizeof(addr));
	add_digest(a, numbers, sizeof(numbers));
	pgcopy_row(a->copy, ADDRESS_COLUMNS);
	pgcopy_text(a->copy, row->container);
	pgcopy_inet(a->copy, &addr);
	pgcopy_text(a->copy, row->name);
	put_time_or_null(a->copy, row->since_s);
	put_time_or_null(a->copy, row->gone_s);
	pgcopy_bigint(a->copy, row->discontinuities);
	put_time_or_null(a->copy, row->discontinuity_s);
}

static int read_addresses(struct ship *s, struct report_db *db, void *arg, struct err *e)
{
	struct addresses *a = arg;

	*a = (struct addresses) { &s->copy, 14695981039346656037u };
	pgcopy_begin(&s->copy);
	return ship_db_addresses(db, put_address, a, e);
}

int ship_addresses(struct ship *s, struct err *e)
{
	struct addresses a;
	char digest[24];
	const char *params[] = { s->facts.node, s->session, digest };
	int rc = read_ledger(s, read_addresses, &a, e);

	if (rc < 0 || (int64_t)a.digest == s->digest)
		return rc;
	pgcopy_end(&s->copy);
	snprintf(digest, sizeof(digest), "%" PRId64, (int64_t)a.digest);
	return send(s, COPY_ADDRESSES, "SELECT ctmeter.ship_counted($1, $2, $3)", 3, params, NULL,
		    e);
}

/* ---- comparing ---- */

struct days {
	enum report_db_usage t;
	struct ship_day *day;
	size_t n, cap;
};

static void put_day(void *arg, const struct ship_day *day)
{
	struct days *d = arg;

	d->day = xgrow(d->day, d->n, &d->cap, sizeof(*d->day));
	d->day[d->n++] = *day;
}

static int read_days(struct ship *s, struct report_db *db, void *arg, struct err *e)
{
	struct days *d = arg;
	const struct ship_table *table = &s->table[d->t];

	d->n = 0;
	return ship_db_days(db, d->t, table->oldest_s, table->closed_s, put_day, d, e);
}

static int fetch_days(struct ship *s, enum report_db_usage t, struct days *d, struct err *e)
{
	char step[24];
	const char *params[] = { s->facts.node, s->session, step };
	PGresult *r = NULL;
	int rc;

	snprintf(step, sizeof(step), "%" PRId64, s->table[t].step_s);
	rc = pg_query(s->pg, "SELECT * FROM ctmeter.ship_days($1, $2, $3)", 3, params, &r, e);
	if (rc < 0) {
		ship_explain(s->pg, e);
		return rc;
	}
	for (int i = 0; i < PQntuples(r); i++) {
		struct ship_day day = {
			.day = strtoll(PQgetvalue(r, i, 0), NULL, 10),
			.rows = strtoll(PQgetvalue(r, i, 1), NULL, 10),
			.octets = strtoll(PQgetvalue(r, i, 2), NULL, 10),
			.places = strtoll(PQgetvalue(r, i, 3), NULL, 10),
		};

		put_day(d, &day);
	}
	PQclear(r);
	return 0;
}

/* All of one day, whatever its size. Days that the ledger no longer has in full stay. */
static int ship_day(struct ship *s, enum report_db_usage t, int64_t day, struct err *e)
{
	const struct ship_table *table = &s->table[t];
	int64_t from_s = day * PERIOD_DAY_S, until_s = from_s + PERIOD_DAY_S;
	int64_t read_s = until_s < table->closed_s ? until_s : table->closed_s;
	int rc = 0;

	if (from_s < table->oldest_s)
		from_s = table->oldest_s;
	while (!rc && from_s < read_s)
		rc = ship_range(s, t, from_s, read_s, false, &from_s, e);
	if (!rc && from_s < until_s) { /* what is not over, or was never to be */
		pgcopy_begin(&s->copy);
		rc = send_usage(s, t, from_s, until_s, false, e);
	}
	s->ret->days += !rc;
	return rc;
}

static bool is_same(const struct ship_day *a, const struct ship_day *b)
{
	return a->rows == b->rows && a->octets == b->octets && a->places == b->places;
}

int ship_compare(struct ship *s, enum report_db_usage t, struct err *e)
{
	const struct ship_table *table = &s->table[t];
	int64_t end_s = table->next_s < table->closed_s ? table->next_s : table->closed_s;
	const struct ship_day never = { .day = INT64_MAX };
	struct days ours = { .t = t }, theirs = { .t = t };
	int rc = read_ledger(s, read_days, &ours, e);

	if (!rc)
		rc = fetch_days(s, t, &theirs, e);
	for (size_t i = 0, j = 0; !rc && (i < ours.n || j < theirs.n);) {
		const struct ship_day *a = i < ours.n ? &ours.day[i] : &never;
		const struct ship_day *b = j < theirs.n ? &theirs.day[j] : &never;
		int64_t day = a->day < b->day ? a->day : b->day;
		bool here = a->day == day, there = b->day == day;

		i += here;
		j += there;
		if ((here && there && is_same(a, b)) ||
		    (day + 1) * PERIOD_DAY_S <= table->oldest_s ||
		    (!there && day * PERIOD_DAY_S >= end_s))
			continue; /* the last of these is not there yet */
		if (ship_is_late(s)) {
			s->ret->backlog = true;
			break;
		}
		rc = ship_day(s, t, day, e);
	}
	free(ours.day);
	free(theirs.day);
	return rc;
}
