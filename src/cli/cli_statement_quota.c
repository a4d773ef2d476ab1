/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli_statement_quota.h"

#include "base/period.h"
#include "base/xalloc.h"
#include "base/zone.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct usage_row *)a)->id, ((const struct usage_row *)b)->id);
}

int statement_quotas_read(const struct cli *cli, const struct statement_month *month,
			  struct statement_quotas **ret_quotas, struct err *e)
{
	struct usage_query query = { .path = cli->cfg->ledger.path,
				     .quota = cli->cfg->billing.quota,
				     .thresholds = &cli->cfg->billing.thresholds };
	struct statement_quotas *q = xcalloc(1, sizeof(*q));
	int rc = usage_read(&query, &q->usage, e);

	/* -ENOTSUP: the ledger is of a ctmeter that knew no quotas */
	if (rc < 0 && rc != -ENOTSUP) {
		free(q);
		return rc;
	}
	if (q->usage && q->usage->n_rows)
		qsort(q->usage->rows, q->usage->n_rows, sizeof(*q->usage->rows), compare_rows);
	q->month = month;
	q->zone = cli->cfg->billing.zone;
	*ret_quotas = q;
	return 0;
}

void statement_quotas_free(struct statement_quotas *q)
{
	if (!q)
		return;
	usage_free(q->usage);
	free(q);
}

static bool begins_in_month(const struct statement_quotas *q, int64_t begin_s)
{
	char month[PERIOD_TEXT_SIZE], begins[PERIOD_TEXT_SIZE];
	struct zone_day day;

	if (!begin_s)
		return false;
	day = zone_day_of(q->zone, begin_s);
	snprintf(begins, sizeof(begins), "%04" PRId64 "-%02d", day.year, day.month);
	return !strcmp(begins, period_local(q->month->since_s, "%Y-%m", month));
}

static const char *counts_said(enum billing_counts counts)
{
	static const char *const said[BILLING_COUNTS_KINDS] = {
		[BILLING_COUNTS_IN] = "in",
		[BILLING_COUNTS_OUT] = "out",
		[BILLING_COUNTS_BOTH] = "in and out together",
		[BILLING_COUNTS_LARGER] = "the larger of in and out",
	};

	return said[counts] ? said[counts] : "";
}

void statement_quotas_set(struct statement_quotas *q, struct statement *s)
{
	const struct usage_row key = { .id = (char *)(uintptr_t)s->ctid }, *row = NULL;
	const struct store_period *p;

	if (q->usage && q->usage->n_rows)
		row = bsearch(&key, q->usage->rows, q->usage->n_rows, sizeof(key), compare_rows);
	if (!row || !row->quota.octets)
		return;
	p = &q->usage->period;
	q->one = (struct statement_quota) { .limit_octets = row->quota.octets,
					    .counts = counts_said(row->quota.counts) };
	if (begins_in_month(q, p->begin_s)) {
		q->one.used_octets = row->counted;
		q->one.since_s = p->begin_s;
		q->one.until_s = p->end_s;
	} else if (begins_in_month(q, p->last_begin_s)) {
		q->one.used_octets = row->last_counted;
		q->one.since_s = p->last_begin_s;
		q->one.until_s = p->last_end_s;
	} else {
		return;
	}
	s->quota = &q->one;
}
