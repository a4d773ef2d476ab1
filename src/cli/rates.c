/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rates from two answers: see rates.h. Rows are matched by name through jansson's hash tables,
 * since an answer may have 20,000 of them. */
#include "cli/rates.h"

#include "base/xalloc.h"
#include "cli/cli.h"
#include "inventory/inv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const key_words[] = { [RATES_BY_IN] = "in",
					 [RATES_BY_OUT] = "out",
					 [RATES_BY_TOTAL] = "total",
					 [RATES_BY_PKTS] = "pkts" };

struct builder {
	struct rates *r;
	size_t cap;
	bool by_address;
};

bool rates_key_parse(const char *word, enum rates_key *ret_key)
{
	for (size_t i = 0; i < ARRAY_LEN(key_words); i++) {
		if (strcmp(word, key_words[i]) != 0)
			continue;
		*ret_key = (enum rates_key)i;
		return true;
	}
	return false;
}

const char *rates_key_word(enum rates_key key)
{
	return key_words[key];
}

uint64_t rates_sampled_ms(const json_t *answer)
{
	return cli_number(answer, "sampled_ms");
}

/* ---- one row ---- */

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static bool is_retired(const json_t *row)
{
	return !strcmp(text_of(row, "status"), "retired");
}

/* Its counters do not run, so a 0 means nothing. */
static bool is_not_counted(const char *status)
{
	return !strcmp(status, "conflict") || !strcmp(status, "not-countable") ||
	       !strcmp(status, "pending");
}

/* Add newer - older of a forwarded and a node counter. False: one of them fell. */
static bool add_difference(const json_t *older, const json_t *newer, const char *const keys[2],
			   uint64_t *sum)
{
	for (size_t i = 0; i < 2; i++) {
		uint64_t before = cli_number(older, keys[i]), now = cli_number(newer, keys[i]);

		if (now < before)
			return false;
		*sum += now - before;
	}
	return true;
}

static bool measure(const json_t *older, const json_t *newer, struct rates_flow flow[])
{
	static const char *const octets[RATES_DIRECTIONS][2] = {
		{ "in_octets", "node_in_octets" }, { "out_octets", "node_out_octets" }
	};
	static const char *const pkts[RATES_DIRECTIONS][2] = { { "in_pkts", "node_in_pkts" },
							       { "out_pkts", "node_out_pkts" } };

	for (size_t i = 0; i < RATES_DIRECTIONS; i++)
		if (!add_difference(older, newer, octets[i], &flow[i].octets) ||
		    !add_difference(older, newer, pkts[i], &flow[i].pkts))
			return false;
	return true;
}

static void divide(struct rates_flow flow[], uint64_t elapsed_ms)
{
	for (size_t i = 0; i < RATES_DIRECTIONS; i++) {
		flow[i].bits_s = (double)flow[i].octets * 8000 / (double)elapsed_ms;
		flow[i].pkts_s = (double)flow[i].pkts * 1000 / (double)elapsed_ms;
	}
}

/* One of the two may be NULL. */
static struct rates_row compare(const json_t *older, const json_t *newer, uint64_t elapsed_ms)
{
	struct rates_row row = { .status = text_of(newer ? newer : older, "status") };

	if (!newer || (older && is_retired(newer) && !is_retired(older)))
		row.state = RATES_WENT;
	else if (!older || (is_retired(older) && !is_retired(newer)))
		row.state = RATES_CAME;
	if (!newer)
		row.status = "gone";
	if (!older || !newer)
		return row;
	row.known = measure(older, newer, row.flow);
	if (!row.known) {
		row.state = RATES_FELL;
	} else if (!elapsed_ms || (is_not_counted(row.status) && !row.flow[RATES_IN].pkts &&
				   !row.flow[RATES_OUT].pkts)) {
		row.known = false;
	} else {
		divide(row.flow, elapsed_ms);
	}
	if (!row.known)
		memset(row.flow, 0, sizeof(row.flow));
	return row;
}

/* ---- all rows ---- */

/* A new object: the rows of an array by their member `key`. */
static json_t *index_by(const json_t *array, const char *key)
{
	json_t *index = json_object();

	for (size_t i = 0; i < json_array_size(array); i++) {
		json_t *row = json_array_get(array, i);

		json_object_set(index, text_of(row, key), row);
	}
	return index;
}

static void add_row(struct builder *b, const json_t *container, const char *address,
		    struct rates_row row)
{
	struct rates *r = b->r;

	row.id = text_of(container, "id");
	row.name = text_of(container, "name");
	row.address = address;
	r->rows = xgrow(r->rows, r->n_rows, &b->cap, sizeof(*r->rows));
	r->rows[r->n_rows++] = row;
}

typedef void pair_fn(struct builder *b, const json_t *container, const json_t *older,
		     const json_t *newer);

/* Call fn for each row of either array, with its match in the other by the member `key`, unless it
 * is retired in both. `container` is passed to fn; NULL: the row itself is the container. */
static void pair_up(struct builder *b, const json_t *container, const json_t *older,
		    const json_t *newer, const char *key, pair_fn *fn)
{
	json_t *before = index_by(older, key), *value;
	const char *name;

	for (size_t i = 0; i < json_array_size(newer); i++) {
		const json_t *now = json_array_get(newer, i), *was;

		name = text_of(now, key);
		was = json_object_get(before, name);
		if (!is_retired(now) || (was && !is_retired(was)))
			fn(b, container ? container : now, was, now);
		json_object_del(before, name);
	}
	json_object_foreach(before, name, value) if (!is_retired(value))
		fn(b, container ? container : value, value, NULL);
	json_decref(before);
}

static void add_address(struct builder *b, const json_t *container, const json_t *older,
			const json_t *newer)
{
	add_row(b, container, text_of(newer ? newer : older, "address"),
		compare(older, newer, b->r->elapsed_ms));
}

static void add_container(struct builder *b, const json_t *container, const json_t *older,
			  const json_t *newer)
{
	struct rates *r = b->r;
	struct rates_row row = compare(older, newer, r->elapsed_ms);

	r->n_containers += row.state != RATES_WENT;
	r->n_came += row.state == RATES_CAME;
	r->n_went += row.state == RATES_WENT;
	r->n_fell += row.state == RATES_FELL;
	for (size_t i = 0; i < RATES_DIRECTIONS; i++) {
		r->total[i].octets += row.flow[i].octets;
		r->total[i].pkts += row.flow[i].pkts;
	}
	if (!b->by_address)
		add_row(b, container, NULL, row);
	else
		pair_up(b, container, json_object_get(older, "addresses"),
			json_object_get(newer, "addresses"), "address", add_address);
}

/* ---- order ---- */

static double weigh(const struct rates_row *row, enum rates_key key)
{
	const struct rates_flow *in = &row->flow[RATES_IN], *out = &row->flow[RATES_OUT];

	if (!row->known)
		return -1;
	switch (key) {
	case RATES_BY_IN:
		return in->bits_s;
	case RATES_BY_OUT:
		return out->bits_s;
	case RATES_BY_PKTS:
		return in->pkts_s + out->pkts_s;
	default:
		return in->bits_s + out->bits_s;
	}
}

/* Heaviest first, then by id and address, so that idle rows keep their places. */
static int row_cmp(const void *x, const void *y)
{
	const struct rates_row *a = x, *b = y;
	int order = (a->weight < b->weight) - (a->weight > b->weight);

	if (!order)
		order = inv_id_cmp(a->id, b->id);
	if (!order && a->address && b->address)
		order = inv_id_cmp(a->address, b->address);
	return order;
}

struct rates *rates_new(json_t *older, json_t *newer, bool by_address, enum rates_key key)
{
	struct rates *r = xcalloc(1, sizeof(*r));
	struct builder b = { .r = r, .by_address = by_address };
	uint64_t before = rates_sampled_ms(older), now = rates_sampled_ms(newer);

	r->older = json_incref(older);
	r->newer = json_incref(newer);
	r->elapsed_ms = before && now > before ? now - before : 0;
	pair_up(&b, NULL, json_object_get(older, "containers"),
		json_object_get(newer, "containers"), "id", add_container);
	if (r->elapsed_ms)
		divide(r->total, r->elapsed_ms);
	for (size_t i = 0; i < r->n_rows; i++)
		r->rows[i].weight = weigh(&r->rows[i], key);
	if (r->n_rows)
		qsort(r->rows, r->n_rows, sizeof(*r->rows), row_cmp);
	return r;
}

void rates_free(struct rates *r)
{
	if (!r)
		return;
	json_decref(r->older);
	json_decref(r->newer);
	free(r->rows);
	free(r);
}

/* ---- JSON ---- */

/* As in `list`: above 2^63-1, where most JSON readers fail, a string of digits. */
static json_t *count_json(uint64_t n)
{
	char digits[24];

	if (n <= INT64_MAX)
		return json_integer((json_int_t)n);
	snprintf(digits, sizeof(digits), "%" PRIu64, n);
	return json_string(digits);
}

static json_t *rate_json(double rate)
{
	return json_integer(rate < 9e18 ? (json_int_t)(rate + 0.5) : INT64_MAX);
}

static void put_flows(json_t *object, const struct rates_flow flow[], bool known)
{
	static const char *const names[RATES_DIRECTIONS][4] = {
		{ "in_octets", "in_pkts", "in_bits_per_s", "in_pkts_per_s" },
		{ "out_octets", "out_pkts", "out_bits_per_s", "out_pkts_per_s" },
	};

	for (size_t i = 0; i < RATES_DIRECTIONS; i++) {
		const struct rates_flow *f = &flow[i];
		const char *const *name = names[i];

		json_object_set_new(object, name[0], known ? count_json(f->octets) : json_null());
		json_object_set_new(object, name[1], known ? count_json(f->pkts) : json_null());
		json_object_set_new(object, name[2], known ? rate_json(f->bits_s) : json_null());
		json_object_set_new(object, name[3], known ? rate_json(f->pkts_s) : json_null());
	}
}

static json_t *row_json(const struct rates_row *row)
{
	static const char *const changes[] = {
		[RATES_CAME] = "came", [RATES_WENT] = "went", [RATES_FELL] = "restarted"
	};
	const char *change = changes[row->state];
	json_t *object = json_object();

	json_object_set_new(object, "id", json_string(row->id));
	json_object_set_new(object, "name", json_string(row->name));
	if (row->address)
		json_object_set_new(object, "address", json_string(row->address));
	json_object_set_new(object, "status", json_string(row->status));
	json_object_set_new(object, "change", change ? json_string(change) : json_null());
	put_flows(object, row->flow, row->known);
	return object;
}

json_t *rates_json(const struct rates *r, size_t max_rows)
{
	json_t *object = json_object(), *total = json_object(), *rows = json_array();

	put_flows(total, r->total, r->elapsed_ms > 0);
	for (size_t i = 0; i < r->n_rows && i < max_rows; i++)
		json_array_append_new(rows, row_json(&r->rows[i]));
	json_object_set_new(object, "elapsed_ms", count_json(r->elapsed_ms));
	json_object_set_new(object, "containers", count_json(r->n_containers));
	json_object_set_new(object, "total", total);
	json_object_set_new(object, "rows", rows);
	return object;
}
