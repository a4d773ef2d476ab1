/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Selects the containers and addresses of a report: see report_reader.h. */
#include "base/xalloc.h"
#include "report/report_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* *ret_index: which of q->cts it is; untouched if none. */
static bool choose_container(struct report_reader *r, const char *ctid, size_t *ret_index)
{
	bool chosen = r->q->n_cts == 0;

	for (size_t i = 0; i < r->q->n_cts; i++) {
		if (strcmp(r->q->cts[i], ctid) != 0)
			continue;
		chosen = r->ct_found[i] = true;
		*ret_index = i;
	}
	return chosen;
}

static bool choose_address(struct report_reader *r, const char *text)
{
	bool chosen = r->q->n_ips == 0;
	struct addr addr;

	if (chosen || addr_parse(text, &addr) < 0)
		return chosen;
	for (size_t i = 0; i < r->q->n_ips; i++) {
		if (!addr_cmp(&r->q->ips[i], &addr))
			chosen = r->ip_found[i] = true;
	}
	return chosen;
}

static struct report_life life_of(const struct report_db_row *row)
{
	return (struct report_life) { row->since_s, row->gone_s, row->discontinuities,
				      row->discontinuity_s };
}

static void take_container(void *arg, const struct report_db_row *row)
{
	struct report_reader *r = arg;
	struct report_container *c;
	size_t index = 0;
	bool chosen = choose_container(r, row->text, &index);

	r->containers =
		xgrow(r->containers, r->n_containers, &r->cap_containers, sizeof(*r->containers));
	c = &r->containers[r->n_containers++];
	*c = (struct report_container) {
		.ifindex = row->key,
		.ctid = xstrdup(row->text),
		.name = xstrdup(row->name),
		.live = row->live,
		.chosen = chosen,
		.life = life_of(row),
		.zero_s = row->zero_s,
		.row = !report_by_time(r)     ? REPORT_NO_ROW
		       : r->q->each_container ? index
					      : 0,
	};
	memcpy(c->octets, row->octets, sizeof(c->octets));
	memcpy(c->zero, row->zero, sizeof(c->zero));
}

static int cmp_ifindex(const void *a, const void *b)
{
	int64_t x = ((const struct report_container *)a)->ifindex;
	int64_t y = ((const struct report_container *)b)->ifindex;

	return (x > y) - (x < y);
}

static struct report_container *find_container(const struct report_reader *r, int64_t ifindex)
{
	struct report_container key = { .ifindex = ifindex };

	return r->n_containers
		       ? bsearch(&key, r->containers, r->n_containers, sizeof(key), cmp_ifindex)
		       : NULL;
}

/* Add what was counted since the mark. A mark above the total would mean a damaged ledger. */
static void add_since_zero(struct report_row *row, const uint64_t octets[PATHS],
			   const uint64_t zero[PATHS], int64_t since_s)
{
	uint64_t used[PATHS];

	for (int i = 0; i < PATHS; i++)
		used[i] = octets[i] > zero[i] ? octets[i] - zero[i] : 0;
	report_add_octets(row, used);
	if (!row->since_s || since_s < row->since_s)
		row->since_s = since_s;
}

static size_t container_row(struct report_reader *r, const struct report_container *c)
{
	struct report_row row = { .ctid = xstrdup(c->ctid),
				  .name = xstrdup(c->name),
				  .life = c->life };

	return report_add_row(r, &row, c->live);
}

static size_t address_row(struct report_reader *r, struct report_container *c,
			  const struct report_db_row *a)
{
	struct report_row row = { .order = 0 };

	if (r->q->by == REPORT_BY_ADDRESS) {
		row.life = life_of(a);
		row.ctid = xstrdup(c->ctid);
		row.name = xstrdup(c->name);
		row.address = xstrdup(a->text);
		return report_add_row(r, &row, a->live);
	}
	if (c->row == REPORT_NO_ROW)
		c->row = container_row(r, c);
	return c->row;
}

/* By address, the row is the one that take_address is about to make for this address. */
static void add_origin(struct report_reader *r, struct report_container *c,
		       const struct report_db_row *row)
{
	struct report_origin o = {
		.ip = xstrdup(row->text),
		.since_s = row->since_s,
		.chosen = choose_address(r, row->text) && c->chosen,
		.row = REPORT_NO_ROW,
	};

	if (o.chosen)
		o.row = r->q->by == REPORT_BY_ADDRESS ? r->report->n_rows
			: c->row == REPORT_NO_ROW     ? r->report->n_rows
						      : c->row;
	report_add_origin(r, &o);
}

static void take_address(void *arg, const struct report_db_row *row)
{
	struct report_reader *r = arg;
	struct report_container *c = find_container(r, row->container);
	struct report_subject *s;

	r->n_addresses++;
	if (c && !r->q->since_zero)
		add_origin(r, c, row);
	/* Both choices apply: a known address of another container is no error. */
	if (!choose_address(r, row->text) || !c || !c->chosen)
		return;
	r->subjects = xgrow(r->subjects, r->n_subjects, &r->cap_subjects, sizeof(*r->subjects));
	s = &r->subjects[r->n_subjects++];
	s->key = row->key;
	s->row = address_row(r, c, row);
	/* A container's own totals also hold the octets of addresses that it has no more. So they
	 * are used unless addresses were chosen. */
	if (r->q->since_zero && (r->q->by == REPORT_BY_ADDRESS || r->q->n_ips))
		add_since_zero(&r->report->rows[s->row], row->octets, row->zero,
			       row->zero_s ? row->zero_s : row->since_s);
}

/* Containers without an address are shown too, unless addresses were asked for. */
static void finish_containers(struct report_reader *r)
{
	if (r->q->by != REPORT_BY_CONTAINER || r->q->n_ips)
		return;
	for (size_t i = 0; i < r->n_containers; i++) {
		struct report_container *c = &r->containers[i];

		if (!c->chosen)
			continue;
		if (c->row == REPORT_NO_ROW)
			c->row = container_row(r, c);
		if (r->q->since_zero)
			add_since_zero(&r->report->rows[c->row], c->octets, c->zero,
				       c->zero_s ? c->zero_s : c->life.since_s);
	}
}

static int check_found(const struct report_reader *r, struct err *e)
{
	char buf[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < r->q->n_cts; i++) {
		if (!r->ct_found[i]) {
			err_set(e,
				"the ledger %s knows no container %s: ctmeter list shows their ids",
				r->q->path, r->q->cts[i]);
			return -ENOENT;
		}
	}
	for (size_t i = 0; i < r->q->n_ips; i++) {
		bool imported = false;

		if (!r->ip_found[i] && !r->q->since_zero) {
			int rc = report_db_is_imported(r->db, addr_format(&r->q->ips[i], buf),
						       &imported, e);

			if (rc < 0)
				return rc;
		}
		if (!r->ip_found[i] && !imported) {
			err_set(e, "the ledger %s knows no address %s", r->q->path,
				addr_format(&r->q->ips[i], buf));
			return -ENOENT;
		}
	}
	return 0;
}

int report_select(struct report_reader *r, struct err *e)
{
	int rc = report_db_containers(r->db, take_container, r, e);

	if (rc < 0)
		return rc;
	if (r->n_containers)
		qsort(r->containers, r->n_containers, sizeof(*r->containers), cmp_ifindex);
	rc = report_db_addresses(r->db, take_address, r, e);
	if (rc < 0)
		return rc;
	finish_containers(r);
	report_sort_origins(r);
	return check_found(r, e);
}

void report_select_release(struct report_reader *r)
{
	for (size_t i = 0; i < r->n_containers; i++) {
		free(r->containers[i].ctid);
		free(r->containers[i].name);
	}
	free(r->containers);
	free(r->subjects);
}
