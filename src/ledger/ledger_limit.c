/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger_limit.h"

#include "base/xalloc.h"
#include "ledger/ledger_rows.h"

#include <stdlib.h>
#include <string.h>

#define GONE UINT32_MAX

/* A new address that asks for room. */
struct asking {
	uint32_t rank; /* how many addresses its container has before this one */
	uint32_t index; /* in the inventory */
};

struct admission {
	const struct ledger *l;
	const struct ledger_limits *limits;
	struct inventory *inv;
	struct container **known; /* the ledger's for each of the inventory's; NULL: new */
	uint32_t *to; /* the new index of each, GONE: refused */
	uint32_t *had; /* how many addresses each has */
	uint32_t *missed; /* how many each was refused */
	bool *in; /* which addresses are admitted */
};

/* --- containers --------------------------------------------------------------------------- */

/* Admit the containers already counted, and as many others as there is room for. */
static void admit_containers(struct admission *a, struct ledger_refused *refused)
{
	struct inventory *inv = a->inv;
	size_t n = 0, k = 0;
	uint32_t at = 0;

	for (size_t i = 0; i < inv->n_containers; i++) {
		const char *id = inv->containers[i].id;

		while (k < a->l->n_containers && inv_id_cmp(a->l->containers[k]->id, id) < 0)
			k++;
		if (k < a->l->n_containers && !strcmp(a->l->containers[k]->id, id) &&
		    a->l->containers[k]->state == STORE_LIVE)
			a->known[i] = a->l->containers[k];
		n += a->known[i] != NULL;
	}
	for (size_t i = 0; i < inv->n_containers; i++) {
		bool in = a->known[i] || n < a->limits->max_rows;

		n += in && !a->known[i];
		a->to[i] = in ? at++ : GONE;
		refused->containers += !in;
	}
}

/* --- addresses ---------------------------------------------------------------------------- */

static bool is_counted(const struct admission *a, const struct inv_address *claim)
{
	struct container *c = a->known[claim->container];
	const struct row *row = c ? ledger_find_row(a->l, a->l->n_rows, c, &claim->addr) : NULL;

	return row && (row->state == STORE_LIVE || row->state == STORE_CONFLICT);
}

static int cmp_asking(const void *x, const void *y)
{
	const struct asking *a = x, *b = y;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

static void refuse(struct admission *a, uint32_t container, struct ledger_refused *refused)
{
	refused->addresses++;
	a->missed[container]++;
}

static void admit_addresses(struct admission *a, struct ledger_refused *refused)
{
	const struct inv_address *claims = a->inv->addresses;
	struct asking *asking = xcalloc(a->inv->n_addresses, sizeof(*asking));
	size_t n = 0, n_asking = 0;

	for (size_t i = 0; i < a->inv->n_addresses; i++) {
		uint32_t c = claims[i].container;

		a->in[i] = a->to[c] != GONE && is_counted(a, &claims[i]);
		n += a->in[i];
		a->had[c] += a->in[i];
	}
	for (size_t i = 0; i < a->inv->n_addresses; i++) {
		uint32_t c = claims[i].container;

		if (a->in[i] || a->to[c] == GONE)
			continue;
		if (a->had[c] < a->limits->max_addresses)
			asking[n_asking++] = (struct asking) { a->had[c]++, (uint32_t)i };
		else
			refuse(a, c, refused);
	}
	if (n_asking)
		qsort(asking, n_asking, sizeof(*asking), cmp_asking);
	for (size_t i = 0; i < n_asking; i++) {
		if (n < a->limits->max_rows) {
			a->in[asking[i].index] = true;
			n++;
		} else {
			refuse(a, claims[asking[i].index].container, refused);
		}
	}
	free(asking);
}

/* --- what is left ------------------------------------------------------------------------- */

static void drop_refused(struct admission *a)
{
	struct inventory *inv = a->inv;
	struct inv_address *claims = inv->addresses;
	size_t kept = 0;

	for (size_t i = 0; i < inv->n_containers; i++)
		if (a->to[i] != GONE)
			inv->containers[a->to[i]] = inv->containers[i], kept++;
	inv->n_containers = kept;
	kept = 0;
	for (size_t i = 0; i < inv->n_addresses; i++) {
		if (!a->in[i])
			continue;
		claims[kept] = claims[i];
		claims[kept].container = a->to[claims[i].container];
		claims[kept].conflict = kept && !addr_cmp(&claims[kept - 1].addr, &claims[i].addr);
		if (claims[kept].conflict)
			claims[kept - 1].conflict = true;
		kept++;
	}
	inv->n_addresses = kept;
}

static const char *most_missed(const struct admission *a)
{
	const char *most = NULL;
	uint32_t n = 0;

	for (size_t i = 0; i < a->inv->n_containers; i++)
		if (a->missed[i] > n) {
			n = a->missed[i];
			most = a->inv->containers[i].id;
		}
	return most;
}

static bool is_within(const struct inventory *inv, const struct ledger_limits *limits)
{
	uint32_t *had;
	bool within = inv->n_containers <= limits->max_rows && inv->n_addresses <= limits->max_rows;

	if (!within || inv->n_addresses <= limits->max_addresses)
		return within;
	had = xcalloc(inv->n_containers, sizeof(*had));
	for (size_t i = 0; i < inv->n_addresses && within; i++)
		within = ++had[inv->addresses[i].container] <= limits->max_addresses;
	free(had);
	return within;
}

void ledger_admit(const struct ledger *l, const struct ledger_limits *limits, struct inventory *inv,
		  struct ledger_refused *ret_refused)
{
	struct admission a = { .l = l, .limits = limits, .inv = inv };

	*ret_refused = (struct ledger_refused) { 0 };
	if (is_within(inv, limits))
		return;
	a.known = xcalloc(inv->n_containers, sizeof(struct container *));
	a.to = xcalloc(inv->n_containers, sizeof(*a.to));
	a.had = xcalloc(inv->n_containers, sizeof(*a.had));
	a.missed = xcalloc(inv->n_containers, sizeof(*a.missed));
	a.in = xcalloc(inv->n_addresses, sizeof(*a.in));
	admit_containers(&a, ret_refused);
	admit_addresses(&a, ret_refused);
	ret_refused->most = most_missed(&a);
	if (ret_refused->containers || ret_refused->addresses)
		drop_refused(&a);
	free(a.known);
	free(a.to);
	free(a.had);
	free(a.missed);
	free(a.in);
}

/* --- retired rows ------------------------------------------------------------------------- */

static int cmp_gone(const void *x, const void *y)
{
	const struct row *a = *(struct row *const *)x, *b = *(struct row *const *)y;

	if (a->gone_ns != b->gone_ns)
		return a->gone_ns < b->gone_ns ? -1 : 1;
	return a->key < b->key ? -1 : a->key > b->key;
}

static int cmp_container_gone(const void *x, const void *y)
{
	const struct container *a = *(struct container *const *)x,
			       *b = *(struct container *const *)y;

	if (a->gone_ns != b->gone_ns)
		return a->gone_ns < b->gone_ns ? -1 : 1;
	return a->ifindex < b->ifindex ? -1 : a->ifindex > b->ifindex;
}

static bool limit_rows(struct ledger *l, const struct ledger_limits *limits)
{
	struct row **retired = xcalloc(l->n_rows, sizeof(struct row *));
	size_t n = 0, left;
	bool aged = false;

	for (size_t i = 0; i < l->n_containers; i++)
		l->containers[i]->number = 0;
	for (size_t i = 0; i < l->n_rows; i++)
		if (l->rows[i]->state == STORE_RETIRED) {
			retired[n++] = l->rows[i];
			l->rows[i]->container->number++;
		}
	if (n)
		qsort(retired, n, sizeof(struct row *), cmp_gone);
	left = n;
	for (size_t i = 0; i < n; i++) {
		struct row *row = retired[i];

		if (left <= limits->max_rows && row->container->number <= limits->max_addresses)
			continue;
		row->container->number--;
		left--;
		row->state = STORE_AGED;
		ledger_touch(row);
		aged = true;
	}
	free(retired);
	return aged;
}

static bool limit_containers(struct ledger *l, const struct ledger_limits *limits,
			     struct ledger_now now)
{
	struct container **retired = xcalloc(l->n_containers, sizeof(struct container *));
	size_t n = 0, over;

	for (size_t i = 0; i < l->n_containers; i++)
		if (l->containers[i]->state == STORE_RETIRED)
			retired[n++] = l->containers[i];
	if (n)
		qsort(retired, n, sizeof(struct container *), cmp_container_gone);
	over = n > limits->max_rows ? n - limits->max_rows : 0;
	for (size_t i = 0; i < over; i++) {
		retired[i]->state = STORE_AGED;
		retired[i]->changed = true;
		l->ports_change_ns = now.ns;
	}
	free(retired);
	return over;
}

bool ledger_limit_retired(struct ledger *l, const struct ledger_limits *limits,
			  struct ledger_now now)
{
	bool rows = limit_rows(l, limits), containers = limit_containers(l, limits, now);

	if (!rows && !containers)
		return false;
	l->some_aged = true;
	l->last_change_ns = now.ns;
	l->version++;
	return true;
}
