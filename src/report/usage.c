/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/usage.h"

#include "base/xalloc.h"
#include "store/owner.h"
#include "store/report_db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READ_TRIES 3

struct reader {
	const struct usage_query *q;
	struct usage *usage;
	bool *found; /* for each id asked for */
};

static bool is_wanted(struct reader *r, const struct report_db_bill *b, struct flow used)
{
	bool wanted = false;

	for (size_t i = 0; i < r->q->n_ids; i++)
		if (!strcmp(r->q->ids[i], b->id))
			wanted = r->found[i] = true;
	if (r->q->n_ids)
		return wanted;
	return b->live || used.in || used.out || b->bill.last.in || b->bill.last.out;
}

static void take_bill(void *arg, const struct report_db_bill *b)
{
	struct reader *r = arg;
	struct usage *u = r->usage;
	struct flow used = flow_less(b->total, b->bill.at);
	struct usage_row *row;

	if (!is_wanted(r, b, used))
		return;
	u->rows = xgrow(u->rows, u->n_rows, &u->cap, sizeof(*u->rows));
	row = &u->rows[u->n_rows++];
	*row = (struct usage_row) {
		.id = xstrdup(b->id),
		.name = xstrdup(b->name),
		.gone = !b->live,
		.used = used,
		.last = b->bill.last,
		.since_s = b->since_s > u->period.counted_s ? b->since_s : u->period.counted_s,
	};
	if (row->since_s < u->period.begin_s)
		row->since_s = u->period.begin_s;
	billing_quota_of(&b->bill.set, &b->bill.said, &r->q->quota, &row->quota);
	row->counted = billing_counted(row->quota.counts, used.in, used.out);
	row->last_counted = billing_counted(row->quota.counts, row->last.in, row->last.out);
	row->state = billing_state_of(r->q->thresholds, row->counted, row->quota.octets);
}

static int read_all(struct reader *r, struct report_db *db, struct err *e)
{
	int rc = report_db_period(db, &r->usage->period, e);

	if (!rc)
		rc = report_db_bills(db, &r->usage->period, take_bill, r, e);
	r->usage->counted_at_s = report_db_counted_at(db);
	for (size_t i = 0; !rc && i < r->q->n_ids; i++)
		if (!r->found[i]) {
			err_set(e, "the ledger knows no container %s: ctmeter usage shows all",
				r->q->ids[i]);
			rc = -ENOENT;
		}
	return rc;
}

/* Try once. -EAGAIN: the file changed meanwhile. */
static int try_read(const struct usage_query *q, struct usage **ret_usage, struct err *e)
{
	struct reader r = { .q = q };
	struct report_db *db = NULL;
	struct owner saved;
	int rc;

	owner_become(q->path, &saved);
	r.usage = xcalloc(1, sizeof(*r.usage));
	r.found = xcalloc(q->n_ids + 1, sizeof(*r.found));
	rc = report_db_open(q->path, &db, e);
	if (!rc) {
		rc = read_all(&r, db, e);
		if (report_db_is_void(db)) {
			err_set(e, "%s keeps changing while it is read: try again", q->path);
			rc = -EAGAIN;
		}
	}
	report_db_close(db);
	owner_return(&saved);
	free(r.found);
	if (rc < 0)
		usage_free(r.usage);
	else
		*ret_usage = r.usage;
	return rc;
}

int usage_read(const struct usage_query *q, struct usage **ret_usage, struct err *e)
{
	int rc = -EAGAIN;

	for (int i = 0; i < READ_TRIES && rc == -EAGAIN; i++)
		rc = try_read(q, ret_usage, e);
	return rc;
}

void usage_free(struct usage *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->n_rows; i++) {
		free(u->rows[i].id);
		free(u->rows[i].name);
	}
	free(u->rows);
	free(u);
}
