/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/audit.h"

#include "base/period.h"
#include "base/xalloc.h"
#include "store/owner.h"
#include "store/report_db.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define READ_TRIES 3

/* A container or an address, sorted by its key, and the container's row. */
struct subject {
	int64_t key;
	size_t row;
};

struct reader {
	const struct audit_query *q;
	struct report_db *db;
	struct audit *audit;
	struct store_period period;
	struct subject *containers, *subjects;
	size_t n_subjects, cap_subjects, hint;
	bool *found; /* for each id asked for */
	size_t offset; /* of the flow in struct audit_row that usage is added to */
};

static struct flow flow_of_octets(const uint64_t octets[PATHS])
{
	return (struct flow) { octets[PATH_FWD_IN] + octets[PATH_NODE_IN],
			       octets[PATH_FWD_OUT] + octets[PATH_NODE_OUT] };
}

static void add(struct flow *to, struct flow more)
{
	to->in += more.in;
	to->out += more.out;
}

/* ---- containers and addresses ---- */

static bool is_wanted(struct reader *r, const char *id)
{
	bool wanted = !r->q->n_ids;

	for (size_t i = 0; i < r->q->n_ids; i++)
		if (!strcmp(r->q->ids[i], id))
			wanted = r->found[i] = true;
	return wanted;
}

static void take_bill(void *arg, const struct report_db_bill *b)
{
	struct reader *r = arg;
	struct audit *a = r->audit;

	if (!is_wanted(r, b->id))
		return;
	a->rows = xgrow(a->rows, a->n_rows, &a->cap, sizeof(*a->rows));
	a->rows[a->n_rows++] = (struct audit_row) {
		.id = xstrdup(b->id),
		.ifindex = b->ifindex,
		.total = b->total,
		.period = r->q->last ? b->bill.last : flow_less(b->total, b->bill.at),
		.pruned = b->since_s < r->q->now_s - STORE_KEEP_HOUR_S,
	};
}

static const struct subject *find(const struct subject *list, size_t n, int64_t key)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && list[low].key == key ? &list[low] : NULL;
}

static void take_address(void *arg, const struct report_db_row *row)
{
	struct reader *r = arg;
	const struct subject *c = find(r->containers, r->audit->n_rows, row->container);

	if (!c)
		return;
	add(&r->audit->rows[c->row].rows, flow_of_octets(row->octets));
	r->subjects = xgrow(r->subjects, r->n_subjects, &r->cap_subjects, sizeof(*r->subjects));
	r->subjects[r->n_subjects++] = (struct subject) { row->key, c->row };
}

static int subject_cmp(const void *a, const void *b)
{
	const struct subject *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

static void sort_containers(struct reader *r)
{
	struct audit *a = r->audit;

	r->containers = xcalloc(a->n_rows, sizeof(*r->containers));
	for (size_t i = 0; i < a->n_rows; i++)
		r->containers[i] = (struct subject) { a->rows[i].ifindex, i };
	if (a->n_rows)
		qsort(r->containers, a->n_rows, sizeof(*r->containers), subject_cmp);
}

/* ---- the history ---- */

/* Usage mostly comes in order of keys, so try the next subject first. */
static const struct subject *find_subject(struct reader *r, int64_t key)
{
	const struct subject *s;

	if (r->hint < r->n_subjects && r->subjects[r->hint].key == key)
		return &r->subjects[r->hint++];
	s = find(r->subjects, r->n_subjects, key);
	r->hint = s ? (size_t)(s - r->subjects) + 1 : 0;
	return s;
}

static void take_usage(void *arg, int64_t key, int64_t start_s, const uint64_t octets[PATHS])
{
	struct reader *r = arg;
	const struct subject *s = find_subject(r, key);

	(void)start_s;
	if (s)
		add((struct flow *)((char *)&r->audit->rows[s->row] + r->offset),
		    flow_of_octets(octets));
}

static int sum(struct reader *r, enum report_db_usage table, int64_t since_s, int64_t until_s,
	       size_t offset, struct err *e)
{
	r->offset = offset;
	r->hint = 0;
	return report_db_usage(r->db, table, since_s, until_s, NULL, 0, take_usage, r, e);
}

/* The interval that holds this moment: 5 minutes, or an hour where these are no longer kept. */
static int64_t step_at(const struct reader *r, int64_t t)
{
	return t < r->q->now_s - STORE_KEEP_5MIN_S + PERIOD_DAY_S ? PERIOD_HOUR_S : PERIOD_5MIN_S;
}

static int sum_interval(struct reader *r, int64_t start_s, size_t offset, struct err *e)
{
	int64_t step = step_at(r, start_s);

	return sum(r, step == PERIOD_HOUR_S ? REPORT_DB_HOUR : REPORT_DB_5MIN, start_s,
		   start_s + step, offset, e);
}

/* Whole hours from the hourly history, the rest of the period from the 5-minute one. */
static int sum_history(struct reader *r, int64_t since_s, int64_t until_s, struct err *e)
{
	const size_t at = offsetof(struct audit_row, history);
	int64_t first = period_ceil(since_s, PERIOD_HOUR_S);
	int64_t end = period_floor(until_s, PERIOD_HOUR_S);
	int rc;

	if (first > end)
		return sum(r, REPORT_DB_5MIN, since_s, until_s, at, e);
	rc = sum(r, REPORT_DB_5MIN, since_s, first, at, e);
	if (!rc)
		rc = sum(r, REPORT_DB_HOUR, first, end, at, e);
	if (!rc)
		rc = sum(r, REPORT_DB_5MIN, end, until_s, at, e);
	return rc;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Where the octets of this period and of the next begin to be counted. */
static int read_history(struct reader *r, struct err *e)
{
	const struct store_period *p = &r->period;
	int64_t since_s = r->q->last ? later(p->last_begin_s, p->last_counted_s)
				     : later(p->begin_s, p->counted_s);
	int64_t until_s = r->q->last ? later(p->begin_s, p->counted_s) : r->audit->end_s;
	int rc;

	since_s = period_floor(since_s, step_at(r, since_s));
	until_s = r->q->last ? period_floor(until_s, step_at(r, until_s))
			     : period_floor(until_s, PERIOD_5MIN_S) + PERIOD_5MIN_S;
	rc = sum_history(r, since_s, until_s, e);
	if (!rc)
		rc = sum_interval(r, since_s, offsetof(struct audit_row, more), e);
	if (!rc && r->q->last)
		rc = sum_interval(r, until_s, offsetof(struct audit_row, less), e);
	return rc;
}

/* ---- judging ---- */

static bool is_within(uint64_t history, uint64_t period, uint64_t more, uint64_t less)
{
	return history >= period ? history - period <= more : period - history <= less;
}

static void judge(struct audit_row *row)
{
	row->rows_ok = row->pruned
			       ? row->rows.in <= row->total.in && row->rows.out <= row->total.out
			       : row->rows.in == row->total.in && row->rows.out == row->total.out;
	row->history_ok =
		is_within(row->history.in, row->period.in, row->more.in, row->less.in) &&
		is_within(row->history.out, row->period.out, row->more.out, row->less.out);
}

static int read_all(struct reader *r, struct err *e)
{
	struct audit *a = r->audit;
	int rc = report_db_period(r->db, &r->period, e);

	if (!rc && !(r->q->last ? r->period.last_begin_s : r->period.begin_s)) {
		err_set(e, r->q->last ? "there was no billing period before the present one"
				      : "no billing period has begun yet: start ctmeterd");
		rc = -ENOENT;
	}
	a->begin_s = r->q->last ? r->period.last_begin_s : r->period.begin_s;
	a->counted_s = r->q->last ? r->period.last_counted_s : r->period.counted_s;
	a->end_s = r->q->last ? r->period.last_end_s : report_db_counted_at(r->db);
	if (!rc)
		rc = report_db_bills(r->db, &r->period, take_bill, r, e);
	sort_containers(r);
	if (!rc)
		rc = report_db_addresses(r->db, take_address, r, e);
	if (!rc)
		rc = read_history(r, e);
	for (size_t i = 0; !rc && i < r->q->n_ids; i++)
		if (!r->found[i]) {
			err_set(e, "the ledger knows no container %s: ctmeter usage shows all",
				r->q->ids[i]);
			rc = -ENOENT;
		}
	for (size_t i = 0; i < a->n_rows; i++) {
		judge(&a->rows[i]);
		a->wrong += !a->rows[i].rows_ok || !a->rows[i].history_ok;
	}
	return rc;
}

/* Try once. -EAGAIN: the file changed meanwhile. */
static int try_read(const struct audit_query *q, struct audit **ret_audit, struct err *e)
{
	struct reader r = { .q = q };
	struct owner saved;
	int rc;

	owner_become(q->path, &saved);
	r.audit = xcalloc(1, sizeof(*r.audit));
	r.found = xcalloc(q->n_ids + 1, sizeof(*r.found));
	rc = report_db_open(q->path, &r.db, e);
	if (!rc) {
		rc = read_all(&r, e);
		if (report_db_is_void(r.db)) {
			err_set(e, "%s keeps changing while it is read: try again", q->path);
			rc = -EAGAIN;
		}
	}
	report_db_close(r.db);
	owner_return(&saved);
	free(r.found);
	free(r.containers);
	free(r.subjects);
	if (rc < 0)
		audit_free(r.audit);
	else
		*ret_audit = r.audit;
	return rc;
}

int audit_read(const struct audit_query *q, struct audit **ret_audit, struct err *e)
{
	int rc = -EAGAIN;

	for (int i = 0; i < READ_TRIES && rc == -EAGAIN; i++)
		rc = try_read(q, ret_audit, e);
	return rc;
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n_rows; i++)
		free(a->rows[i].id);
	free(a->rows);
	free(a);
}
