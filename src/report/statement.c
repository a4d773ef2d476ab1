/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the statements of a month: see statement.h. */
#include "report/statement.h"

#include "base/xalloc.h"
#include "inventory/inv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum part { PART_SUMS, PART_ADDRESSES, PART_DAYS, PART_HOURS, PARTS };

struct statements {
	struct statement_month month;
	struct report *reports[PARTS];
	struct report_row *addresses; /* borrowed from the report, container by container */
	struct statement *items;
	size_t n_items;
};

/* The month, as far as it has passed. */
static struct period period_of(const struct statement_month *month)
{
	struct period p = { .since_s = period_floor(month->since_s, PERIOD_5MIN_S) };

	p.to_now = month->until_s > month->now_s;
	p.until_s = p.to_now ? month->now_s : period_floor(month->until_s, PERIOD_5MIN_S);
	return p;
}

static struct report_query query_of(const char *path, const struct statement_month *month,
				    enum report_by by)
{
	return (struct report_query) {
		.path = path,
		.by = by,
		.period = period_of(month),
		.now_s = month->now_s,
		.stored = month->stored,
		.sums_only = true,
	};
}

static const struct report_row *find_sum(const struct report *sums, const char *ctid)
{
	for (size_t i = 0; i < sums->n_rows; i++)
		if (!strcmp(sums->rows[i].ctid, ctid))
			return &sums->rows[i];
	return NULL; /* not reached: the report names every container that it was asked for */
}

/* Was it counted at some time of the period? */
static bool lived_in(const struct report_row *row)
{
	return row->life.since_s < row->until_s &&
	       (!row->life.gone_s || row->life.gone_s > row->since_s);
}

/* Copy the container's addresses to `to`. Returns their number. */
static size_t pick_addresses(const struct report *report, const char *ctid, struct report_row *to)
{
	size_t n = 0;

	for (size_t i = 0; i < report->n_rows; i++) {
		const struct report_row *row = &report->rows[i];

		if (!strcmp(row->ctid, ctid) && (row->total || lived_in(row)))
			to[n++] = *row;
	}
	return n;
}

static void arrange(struct statements *all, char *const *cts)
{
	const struct report *const *reports = (const struct report *const *)all->reports;
	size_t n_days = reports[PART_DAYS]->n_rows / all->n_items;
	size_t n_hours = reports[PART_HOURS]->n_rows / all->n_items;
	struct report_row *to;

	all->addresses = to = xcalloc(reports[PART_ADDRESSES]->n_rows + 1, sizeof(*to));
	for (size_t i = 0; i < all->n_items; i++) {
		struct statement *s = &all->items[i];

		s->month = &all->month;
		s->sum = find_sum(reports[PART_SUMS], cts[i]);
		assert(s->sum); /* each of them was asked for */
		s->ctid = s->sum->ctid;
		s->name = s->sum->name;
		s->addresses = to;
		s->n_addresses = pick_addresses(reports[PART_ADDRESSES], cts[i], to);
		to += s->n_addresses;
		s->days = reports[PART_DAYS]->rows + i * n_days;
		s->n_days = n_days;
		s->hours = reports[PART_HOURS]->rows + i * n_hours;
		s->n_hours = n_hours;
		s->counted_at_s = reports[PART_SUMS]->counted_at_s;
	}
}

int statements_read(const char *path, const struct statement_month *month, char *const *cts,
		    size_t n_cts, struct statements **ret, struct err *e)
{
	static const enum report_by by[PARTS] = {
		[PART_SUMS] = REPORT_BY_CONTAINER,
		[PART_ADDRESSES] = REPORT_BY_ADDRESS,
		[PART_DAYS] = REPORT_BY_DAY,
		[PART_HOURS] = REPORT_BY_HOUR,
	};
	struct statements *all = xcalloc(1, sizeof(*all));
	struct report_query q[PARTS];
	int rc;

	all->month = *month;
	for (int i = 0; i < PARTS; i++) {
		q[i] = query_of(path, month, by[i]);
		q[i].cts = cts;
		q[i].n_cts = n_cts;
		q[i].sums_only = i != PART_SUMS;
		q[i].each_container = i != PART_ADDRESSES;
	}
	rc = report_read_many(q, PARTS, all->reports, e);
	if (rc < 0) {
		free(all);
		return rc;
	}
	all->n_items = n_cts;
	all->items = xcalloc(n_cts + 1, sizeof(*all->items));
	arrange(all, cts);
	*ret = all;
	return 0;
}

struct statement *statements_get(struct statements *all, size_t i)
{
	return &all->items[i];
}

bool statements_lack_newest(const struct statements *all)
{
	return all->reports[PART_SUMS]->lacks_newest;
}

void statements_free(struct statements *all)
{
	if (!all)
		return;
	for (int i = 0; i < PARTS; i++)
		report_free(all->reports[i]);
	free(all->addresses);
	free(all->items);
	free(all);
}

/* ---- everybody's ---- */

static int cmp_ids(const void *a, const void *b)
{
	return inv_id_cmp(*(char *const *)a, *(char *const *)b);
}

int statement_cts(const char *path, const struct statement_month *month, char ***ret_cts,
		  size_t *ret_n, struct err *e)
{
	struct report_query q = query_of(path, month, REPORT_BY_CONTAINER);
	struct report *report = NULL;
	int rc = report_read(&q, &report, e);
	size_t n = 0;
	char **cts;

	if (rc < 0)
		return rc;
	cts = xcalloc(report->n_rows + 1, sizeof(*cts));
	for (size_t i = 0; i < report->n_rows; i++) {
		const struct report_row *row = &report->rows[i];

		/* Imported traffic of addresses that no container had is in a row without id. */
		if (*row->ctid && (row->total || row->life.since_s < month->until_s))
			cts[n++] = xstrdup(row->ctid);
	}
	if (n)
		qsort(cts, n, sizeof(*cts), cmp_ids);
	report_free(report);
	*ret_cts = cts;
	*ret_n = n;
	return 0;
}

void statement_cts_free(char **cts)
{
	for (size_t i = 0; cts && cts[i]; i++)
		free(cts[i]);
	free(cts);
}
