/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traffic of a period: see report.h.
 * 1. By container and address, one interval (the whole period) is read for all rows. By day and
 *    hour, the intervals are read one after another, each into its own row.
 * 2. Usage comes in order of time: a row's 5 minutes are complete when the next begin. */
#include "report/report.h"

#include "base/xalloc.h"
#include "inventory/inv.h"
#include "report/percentile.h"
#include "report/report_reader.h"
#include "store/owner.h"
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READ_TRIES 3
/* Looking up one address costs about as much as scanning over this many. */
#define LOOKUP_COST 8

enum direction { DIR_IN, DIR_OUT, DIRS };

struct report_rate {
	uint64_t octets[DIRS]; /* of the 5 minutes being read */
	bool touched;
	struct percentile *p95[DIRS]; /* NULL: not available */
};

bool report_by_time(const struct report_reader *r)
{
	return r->q->by == REPORT_BY_DAY || r->q->by == REPORT_BY_HOUR;
}

size_t report_row_of(const struct report_reader *r, size_t row)
{
	return report_by_time(r) ? row * r->n_intervals + r->interval : row;
}

uint64_t report_add(uint64_t a, uint64_t b)
{
	return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

void report_add_octets(struct report_row *row, const uint64_t octets[PATHS])
{
	for (int i = 0; i < PATHS; i++) {
		row->octets[i] = report_add(row->octets[i], octets[i]);
		row->total = report_add(row->total, octets[i]);
	}
}

void report_add_note(struct report *r, char *take_text)
{
	assert(r->n_notes < REPORT_NOTES_MAX);
	r->notes[r->n_notes++] = take_text;
}

size_t report_add_row(struct report_reader *r, const struct report_row *row, bool live)
{
	struct report *report = r->report;

	report->rows = xgrow(report->rows, report->n_rows, &r->cap_rows, sizeof(*report->rows));
	r->live = xgrow(r->live, report->n_rows, &r->cap_live, sizeof(*r->live));
	r->live[report->n_rows] = live;
	report->rows[report->n_rows] = *row;
	report->rows[report->n_rows].order = report->n_rows;
	return report->n_rows++;
}

/* ---- usage ---- */

/* Usage of one period mostly comes in order of keys, so try the next subject first. */
static const struct report_subject *find_subject(struct report_reader *r, int64_t key)
{
	size_t low = 0, high = r->n_subjects;

	if (r->hint < high && r->subjects[r->hint].key == key)
		return &r->subjects[r->hint++];
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->subjects[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == r->n_subjects || r->subjects[low].key != key) {
		r->hint = low;
		return NULL;
	}
	r->hint = low + 1;
	return &r->subjects[low];
}

static size_t find_row(struct report_reader *r, int64_t key)
{
	const struct report_subject *s = find_subject(r, key);

	if (!s)
		return REPORT_NO_ROW;
	return report_row_of(r, s->row);
}

static void take_sum(void *arg, int64_t key, int64_t start_s, const uint64_t octets[PATHS])
{
	struct report_reader *r = arg;
	size_t row = find_row(r, key);

	(void)start_s;
	if (row == REPORT_NO_ROW)
		return;
	report_add_octets(&r->report->rows[row], octets);
	report_add_octets(&r->report->sum, octets);
}

/* [since_s, until_s): whole hours from the hourly history, the rest from the 5-minute one. */
static int sum_usage(struct report_reader *r, int64_t since_s, int64_t until_s, struct err *e)
{
	int64_t first_hour = period_ceil(since_s, PERIOD_HOUR_S);
	int64_t end_hour = period_floor(until_s, PERIOD_HOUR_S);
	int rc;

	if (first_hour > end_hour)
		return report_db_usage(r->db, REPORT_DB_5MIN, since_s, until_s, r->keys,
				       r->n_subjects, take_sum, r, e);
	rc = report_db_usage(r->db, REPORT_DB_5MIN, since_s, first_hour, r->keys, r->n_subjects,
			     take_sum, r, e);
	if (!rc)
		rc = report_db_usage(r->db, REPORT_DB_HOUR, first_hour, end_hour, r->keys,
				     r->n_subjects, take_sum, r, e);
	if (!rc)
		rc = report_db_usage(r->db, REPORT_DB_5MIN, end_hour, until_s, r->keys,
				     r->n_subjects, take_sum, r, e);
	return rc;
}

/* ---- the 95th percentile ---- */

static void rate_begin(struct report_rate *rate, int64_t since_s, int64_t until_s)
{
	for (int i = 0; i < DIRS; i++)
		rate->p95[i] = percentile_new((size_t)((until_s - since_s) / PERIOD_5MIN_S));
}

static void rate_flush(struct report_rate *rate)
{
	for (int i = 0; i < DIRS; i++) {
		if (rate->p95[i])
			percentile_add(rate->p95[i], rate->octets[i]);
		rate->octets[i] = 0;
	}
	rate->touched = false;
}

/* Octets of 5 minutes as bits a second, rounded down. */
static uint64_t bits_per_s(uint64_t octets)
{
	return octets / 75 * 2 + octets % 75 * 2 / 75;
}

static void rate_end(struct report_rate *rate, struct report_row *row)
{
	row->has_p95 = rate->p95[DIR_IN] != NULL;
	if (row->has_p95) {
		row->p95_in_bits = bits_per_s(percentile_get(rate->p95[DIR_IN]));
		row->p95_out_bits = bits_per_s(percentile_get(rate->p95[DIR_OUT]));
	}
	for (int i = 0; i < DIRS; i++) {
		percentile_free(rate->p95[i]);
		rate->p95[i] = NULL;
	}
}

static void flush_5min(struct report_reader *r)
{
	for (size_t i = 0; i < r->n_touched; i++)
		rate_flush(&r->rates[r->touched[i]]);
	if (r->n_touched)
		rate_flush(r->sum_rate);
	r->n_touched = 0;
}

static void rate_add(struct report_rate *rate, const uint64_t octets[PATHS])
{
	uint64_t in = report_add(octets[PATH_FWD_IN], octets[PATH_NODE_IN]);
	uint64_t out = report_add(octets[PATH_FWD_OUT], octets[PATH_NODE_OUT]);

	rate->octets[DIR_IN] = report_add(rate->octets[DIR_IN], in);
	rate->octets[DIR_OUT] = report_add(rate->octets[DIR_OUT], out);
}

static void take_rate(void *arg, int64_t key, int64_t start_s, const uint64_t octets[PATHS])
{
	struct report_reader *r = arg;
	size_t row = find_row(r, key);

	if (row == REPORT_NO_ROW)
		return;
	if (start_s != r->at_s)
		flush_5min(r);
	r->at_s = start_s;
	if (!r->rates[row].touched) {
		r->rates[row].touched = true;
		r->touched[r->n_touched++] = row;
	}
	rate_add(&r->rates[row], octets);
	rate_add(r->sum_rate, octets);
}

/* Are the rates of [since_s, *until_s) available? The present 5 minutes are not over, so they are
 * cut off. */
static bool clip_rates(const struct report_reader *r, int64_t since_s, int64_t *until_s)
{
	int64_t end_s = *until_s < r->q->now_s ? *until_s : r->q->now_s;

	*until_s = period_floor(end_s, PERIOD_5MIN_S);
	return since_s >= r->q->now_s - STORE_KEEP_5MIN_S && since_s < *until_s;
}

/* Imported traffic has no rates. */
static int64_t rates_since(const struct report_reader *r, int64_t since_s)
{
	return since_s < r->began_s ? r->began_s : since_s;
}

/* Read the rates of rows [first, end), which all have one interval. */
static int read_rates(struct report_reader *r, size_t first, size_t end, struct err *e)
{
	int64_t since_s, until_s;
	int rc;

	if (first == end || r->q->sums_only)
		return 0;
	since_s = r->report->rows[first].since_s;
	until_s = r->report->rows[first].until_s;
	since_s = rates_since(r, since_s);
	if (!clip_rates(r, since_s, &until_s))
		return 0;
	for (size_t i = first; i < end; i++)
		rate_begin(&r->rates[i], since_s, until_s);
	rc = report_db_usage(r->db, REPORT_DB_5MIN, since_s, until_s, r->keys, r->n_subjects,
			     take_rate, r, e);
	flush_5min(r);
	for (size_t i = first; i < end; i++)
		rate_end(&r->rates[i], &r->report->rows[i]);
	return rc;
}

/* ---- the period ---- */

/* When counting began on the node; 0: never. */
static int64_t counting_began(const struct report_reader *r)
{
	int64_t first = 0;

	for (size_t i = 0; i < r->n_containers; i++) {
		int64_t since_s = r->containers[i].life.since_s;

		if (since_s > 0 && (!first || since_s < first))
			first = since_s;
	}
	return period_floor(first, PERIOD_5MIN_S);
}

/* Round an end of the period down to the hour if its 5-minute data are no longer kept. */
static int64_t round_end(const struct report_reader *r, int64_t t)
{
	int64_t kept_s = period_ceil(r->q->now_s - STORE_KEEP_5MIN_S, PERIOD_HOUR_S);

	return t < kept_s ? period_floor(t, PERIOD_HOUR_S) : t;
}

/* Put the period that can be reported into the sum's row. */
static int clip_period(struct report_reader *r, struct err *e)
{
	const struct period *p = &r->q->period;
	struct report_row *sum = &r->report->sum;
	int64_t first_s = r->began_s;
	int64_t kept_s = period_ceil(r->q->now_s - STORE_KEEP_HOUR_S, PERIOD_HOUR_S);
	char begin[PERIOD_TEXT_SIZE], end[PERIOD_TEXT_SIZE];

	sum->since_s = round_end(r, p->since_s);
	/* The traffic of the present 5 minutes is included. */
	sum->until_s = p->to_now ? period_floor(p->until_s, PERIOD_5MIN_S) + PERIOD_5MIN_S
				 : round_end(r, p->until_s);
	if (sum->since_s != p->since_s || (!p->to_now && sum->until_s != p->until_s))
		report_add_note(r->report,
				xasprintf("The period's ends are rounded down to the hour: "
					  "5-minute data are kept for %d days.",
					  STORE_KEEP_5MIN_DAYS));
	if (sum->since_s < kept_s) {
		sum->since_s = kept_s;
		report_add_note(r->report,
				xasprintf("The report begins later than asked: the history is kept "
					  "for %d days.",
					  STORE_KEEP_HOUR_DAYS));
	}
	if (r->imported_s && (!first_s || r->imported_s < first_s))
		first_s = period_floor(r->imported_s, PERIOD_HOUR_S);
	if (r->began_s > sum->since_s)
		report_add_note(r->report,
				xasprintf("Counting began at %s.",
					  period_local(r->began_s, PERIOD_MINUTE, begin)));
	if (first_s > sum->since_s)
		sum->since_s = first_s;
	if (sum->since_s < sum->until_s)
		return 0;
	err_set(e, "%s holds no traffic for this period: it ends at %s, the history begins at %s",
		r->q->path, period_local(sum->until_s, PERIOD_MINUTE, end),
		period_local(sum->since_s, PERIOD_MINUTE, begin));
	return -ENODATA;
}

/* The end of the day or hour that `s` is in, as far as the history resolves it. A day may begin
 * within an hour of the clock (in zones with half hours); hourly data cannot split that hour. */
static int64_t interval_end(const struct report_reader *r, int64_t s)
{
	int64_t next = s, end;

	if (r->q->by == REPORT_BY_HOUR)
		return period_floor(s, PERIOD_HOUR_S) + PERIOD_HOUR_S;
	do {
		next = period_next_day(next);
		end = round_end(r, next);
	} while (end <= s);
	return end;
}

/* Make a row for each day or hour of the period. */
static void make_block(struct report_reader *r)
{
	int64_t end_s = r->report->sum.until_s;

	for (int64_t s = r->report->sum.since_s; s < end_s;) {
		int64_t until_s = interval_end(r, s);
		struct report_row row = { .since_s = s };

		row.until_s = until_s < end_s ? until_s : end_s;
		report_add_row(r, &row, true);
		s = row.until_s;
	}
}

static void make_intervals(struct report_reader *r)
{
	assert(!r->q->each_container || (r->q->n_cts && r->q->sums_only));
	make_block(r);
	r->n_intervals = r->report->n_rows;
	for (size_t i = 1; i < r->q->n_cts && r->q->each_container; i++)
		make_block(r);
}

static int read_intervals(struct report_reader *r, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < r->n_intervals && !rc; i++) {
		const struct report_row *row = &r->report->rows[i];

		r->interval = i;
		rc = sum_usage(r, row->since_s, row->until_s, e);
		if (!rc)
			rc = report_sum_imported(r, row->since_s, row->until_s, e);
		if (!rc)
			rc = read_rates(r, i, i + 1, e);
	}
	return rc;
}

static int read_whole(struct report_reader *r, struct err *e)
{
	const struct report_row *sum = &r->report->sum;
	int rc;

	for (size_t i = 0; i < r->report->n_rows; i++) {
		r->report->rows[i].since_s = sum->since_s;
		r->report->rows[i].until_s = sum->until_s;
	}
	rc = sum_usage(r, sum->since_s, sum->until_s, e);
	if (!rc)
		rc = read_rates(r, 0, r->report->n_rows, e);
	/* This may add rows, which have no rates. */
	return rc < 0 ? rc : report_sum_imported(r, sum->since_s, sum->until_s, e);
}

/* A few addresses of many are looked up one by one. */
static void choose_keys(struct report_reader *r)
{
	if (r->n_subjects * LOOKUP_COST >= r->n_addresses)
		return;
	r->keys = xcalloc(r->n_subjects + 1, sizeof(*r->keys));
	for (size_t i = 0; i < r->n_subjects; i++)
		r->keys[i] = r->subjects[i].key;
}

static void note_imported(struct report_reader *r)
{
	if (r->report->has_imported)
		report_add_note(r->report,
				xstrdup("Imported traffic was counted before ctmeter, in and out "
					"together; it is in the totals, not in the percentiles."));
	if (r->n_foreign)
		report_add_note(r->report,
				xasprintf("Imported addresses that never belonged to a container "
					  "here: %zu. Their rows have no id.",
					  r->n_foreign));
}

static int read_period(struct report_reader *r, struct err *e)
{
	struct report_row *sum = &r->report->sum;
	int64_t until_s;
	int rc = clip_period(r, e);

	if (rc < 0)
		return rc;
	choose_keys(r);
	if (report_by_time(r))
		make_intervals(r);
	r->rates = xcalloc(r->report->n_rows + 1, sizeof(*r->rates));
	r->sum_rate = xcalloc(1, sizeof(*r->sum_rate));
	r->touched = xcalloc(r->report->n_rows + 1, sizeof(*r->touched));
	until_s = sum->until_s;
	if (r->q->sums_only)
		;
	else if (clip_rates(r, rates_since(r, sum->since_s), &until_s))
		rate_begin(r->sum_rate, rates_since(r, sum->since_s), until_s);
	else if (rates_since(r, sum->since_s) < r->q->now_s - STORE_KEEP_5MIN_S)
		report_add_note(r->report,
				xasprintf("No 95th percentile: it needs 5-minute data, which are "
					  "kept for %d days.",
					  STORE_KEEP_5MIN_DAYS));
	rc = report_by_time(r) ? read_intervals(r, e) : read_whole(r, e);
	rate_end(r->sum_rate, sum);
	note_imported(r);
	return rc;
}

/* ---- the report ---- */

static void sum_rows(struct report *report)
{
	for (size_t i = 0; i < report->n_rows; i++) {
		const struct report_row *row = &report->rows[i];

		report_add_octets(&report->sum, row->octets);
		if (!report->sum.since_s || row->since_s < report->sum.since_s)
			report->sum.since_s = row->since_s;
	}
}

static void row_release(struct report_row *row)
{
	free(row->ctid);
	free(row->name);
	free(row->address);
}

static void drop_gone(struct report_reader *r)
{
	struct report *report = r->report;
	size_t n = 0;

	for (size_t i = 0; i < report->n_rows; i++) {
		if (r->live[i] || report->rows[i].total || r->q->each_container)
			report->rows[n++] = report->rows[i];
		else
			row_release(&report->rows[i]);
	}
	report->n_rows = n;
}

static int cmp_rows(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;
	int order;

	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	order = inv_id_cmp(x->ctid, y->ctid);
	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static void reader_release(struct report_reader *r)
{
	report_select_release(r);
	report_release_origins(r);
	free(r->keys);
	free(r->live);
	free(r->rates);
	free(r->sum_rate);
	free(r->touched);
	free(r->ip_found);
	free(r->ct_found);
}

static int read_all(struct report_reader *r, struct err *e)
{
	int rc = report_select(r, e);

	if (!rc)
		rc = report_db_imported_since(r->db, &r->imported_s, e);
	r->began_s = counting_began(r);
	if (!rc && r->q->since_zero)
		sum_rows(r->report);
	else if (!rc && (r->n_containers || r->imported_s))
		rc = read_period(r, e);
	if (rc < 0)
		return rc;
	if (!report_by_time(r)) {
		drop_gone(r);
		if (r->report->n_rows)
			qsort(r->report->rows, r->report->n_rows, sizeof(*r->report->rows),
			      cmp_rows);
	}
	r->report->counted_at_s = report_db_counted_at(r->db);
	r->report->lacks_newest = report_db_lacks_newest(r->db);
	if (r->report->lacks_newest)
		report_add_note(
			r->report,
			xstrdup("The newest traffic is missing: the ledger's write-ahead log "
				"could not be read. Run ctmeter as root."));
	return 0;
}

static int read_one(const struct report_query *q, struct report_db *db, struct report **ret_report,
		    struct err *e)
{
	struct report_reader r = { .q = q, .db = db, .foreign_row = REPORT_NO_ROW };
	int rc;

	r.report = xcalloc(1, sizeof(*r.report));
	r.ip_found = xcalloc(q->n_ips + 1, sizeof(*r.ip_found));
	r.ct_found = xcalloc(q->n_cts + 1, sizeof(*r.ct_found));
	rc = read_all(&r, e);
	reader_release(&r);
	if (rc < 0)
		report_free(r.report);
	else
		*ret_report = r.report;
	return rc;
}

/* Try once. -EAGAIN: the file changed meanwhile. */
static int try_read(const struct report_query *queries, size_t n, struct report **reports,
		    struct err *e)
{
	struct report_db *db = NULL;
	struct owner saved;
	size_t done = 0;
	int rc;

	owner_become(queries->path, &saved);
	rc = report_db_open(queries->path, &db, e);
	while (!rc && done < n && (rc = read_one(&queries[done], db, &reports[done], e)) == 0)
		done++;
	if (db && report_db_is_void(db)) {
		err_set(e, "%s keeps changing while it is read: try again", queries->path);
		rc = -EAGAIN;
	}
	report_db_close(db);
	owner_return(&saved);
	while (rc < 0 && done > 0)
		report_free(reports[--done]);
	return rc;
}

int report_read_many(const struct report_query *queries, size_t n, struct report **ret_reports,
		     struct err *e)
{
	struct report **reports = xcalloc(n + 1, sizeof(struct report *));
	int rc = -EAGAIN;

	for (int i = 0; i < READ_TRIES && rc == -EAGAIN; i++)
		rc = try_read(queries, n, reports, e);
	for (size_t i = 0; i < n && !rc; i++)
		ret_reports[i] = reports[i];
	free(reports);
	return rc;
}

int report_read(const struct report_query *q, struct report **ret_report, struct err *e)
{
	return report_read_many(q, 1, ret_report, e);
}

void report_free(struct report *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_rows; i++)
		row_release(&r->rows[i]);
	for (size_t i = 0; i < r->n_notes; i++)
		free(r->notes[i]);
	free(r->rows);
	free(r);
}
