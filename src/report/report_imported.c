/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Imported traffic in a report: see report_reader.h. */
#include "base/xalloc.h"
#include "report/report_reader.h"

#include <stdlib.h>
#include <string.h>

void report_add_origin(struct report_reader *r, const struct report_origin *take_o)
{
	r->origins = xgrow(r->origins, r->n_origins, &r->cap_origins, sizeof(*r->origins));
	r->origins[r->n_origins++] = *take_o;
}

/* For one address the oldest first. */
static int cmp_origins(const void *a, const void *b)
{
	const struct report_origin *x = a, *y = b;
	int order = strcmp(x->ip, y->ip);

	return order ? order : (x->since_s > y->since_s) - (x->since_s < y->since_s);
}

/* Keep each address once, with its first container. */
void report_sort_origins(struct report_reader *r)
{
	size_t n = 0;

	if (r->n_origins)
		qsort(r->origins, r->n_origins, sizeof(*r->origins), cmp_origins);
	for (size_t i = 0; i < r->n_origins; i++) {
		if (n && !strcmp(r->origins[n - 1].ip, r->origins[i].ip))
			free(r->origins[i].ip);
		else
			r->origins[n++] = r->origins[i];
	}
	r->n_origins = n;
}

static bool is_chosen(const struct report_reader *r, const char *ip)
{
	struct addr addr;

	if (r->q->n_cts)
		return false;
	for (size_t i = 0; i < r->q->n_ips; i++)
		if (addr_parse(ip, &addr) == 0 && !addr_cmp(&r->q->ips[i], &addr))
			return true;
	return !r->q->n_ips;
}

/* The row of an address that belongs to no container. */
static size_t foreign_row(struct report_reader *r, const char *ip)
{
	const struct report_row *sum = &r->report->sum;
	struct report_row row = { .since_s = sum->since_s, .until_s = sum->until_s };

	if (report_by_time(r))
		return 0;
	if (r->q->by == REPORT_BY_CONTAINER && r->foreign_row != REPORT_NO_ROW)
		return r->foreign_row;
	row.ctid = xstrdup("");
	row.name = xstrdup("");
	if (r->q->by == REPORT_BY_ADDRESS)
		row.address = xstrdup(ip);
	r->foreign_row = report_add_row(r, &row, false);
	return r->foreign_row;
}

/* The address's origin; one is added for an address that the ledger never had. */
static struct report_origin *find_origin(struct report_reader *r, const char *ip)
{
	size_t low = 0, high = r->n_origins;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(r->origins[mid].ip, ip);

		if (!order)
			return &r->origins[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	r->origins = xgrow(r->origins, r->n_origins, &r->cap_origins, sizeof(*r->origins));
	memmove(&r->origins[low + 1], &r->origins[low], (r->n_origins - low) * sizeof(*r->origins));
	r->n_origins++;
	r->origins[low] = (struct report_origin) {
		.ip = xstrdup(ip),
		.since_s = INT64_MAX,
		.chosen = is_chosen(r, ip),
		.row = REPORT_NO_ROW,
	};
	if (r->origins[low].chosen) {
		r->n_foreign++;
		r->origins[low].row = foreign_row(r, ip);
	}
	return &r->origins[low];
}

static void add_imported(struct report_row *row, uint64_t octets)
{
	row->imported_octets = report_add(row->imported_octets, octets);
	row->total = report_add(row->total, octets);
}

static void take_imported(void *arg, const char *ip, int64_t measured_s, uint64_t octets)
{
	struct report_reader *r = arg;
	const struct report_origin *o = find_origin(r, ip);

	if (!o->chosen || measured_s > o->since_s)
		return;
	add_imported(&r->report->rows[report_row_of(r, o->row)], octets);
	add_imported(&r->report->sum, octets);
	r->report->has_imported = true;
}

int report_sum_imported(struct report_reader *r, int64_t since_s, int64_t until_s, struct err *e)
{
	return report_db_imported(r->db, since_s, until_s, take_imported, r, e);
}

void report_release_origins(struct report_reader *r)
{
	for (size_t i = 0; i < r->n_origins; i++)
		free(r->origins[i].ip);
	free(r->origins);
}
