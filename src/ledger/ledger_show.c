/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds the snapshot of the ledger. */
#include "ledger/ledger_rows.h"

#include "base/xalloc.h"

#include <string.h>

/* s: the slot that the row owns; NULL: none. */
static enum row_status status_of(const struct slot *s, const struct row *row, uint8_t wanted_paths,
				 const bool *problem)
{
	if (row->state == STORE_RETIRED)
		return ROW_RETIRED;
	if (row->state == STORE_CONFLICT)
		return row->unfit ? ROW_NOT_COUNTABLE : ROW_CONFLICT;
	if (problem[row->addr.family])
		return ROW_NOT_COUNTABLE;
	return s && (s->seen & wanted_paths) == wanted_paths ? ROW_COUNTING : ROW_PENDING;
}

/* A container has the status of the address that most needs attention. */
static enum row_status worse(enum row_status a, enum row_status b)
{
	static const uint8_t rank[] = {
		[ROW_OTHER] = 0,    [ROW_RETIRED] = 1, [ROW_NOT_COUNTABLE] = 2,
		[ROW_COUNTING] = 3, [ROW_PENDING] = 4, [ROW_CONFLICT] = 5
	};

	return rank[b] > rank[a] ? b : a;
}

void snap_not_countable(struct snap *s, size_t address)
{
	uint32_t container = s->addresses[address].container;
	enum row_status *status = &s->containers[container].totals.status;
	size_t first = address;

	s->addresses[address].totals.status = ROW_NOT_COUNTABLE;
	while (first && s->addresses[first - 1].container == container)
		first--;
	*status = ROW_OTHER;
	for (; first < s->n_addresses && s->addresses[first].container == container; first++)
		if (s->addresses[first].totals.status != ROW_RETIRED)
			*status = worse(*status, s->addresses[first].totals.status);
}

static struct snap_totals show_totals(const struct snap_totals *t)
{
	struct snap_totals to = *t;

	snap_mark_ref(to.zero);
	return to;
}

static struct snap_bill show_bill(const struct ledger *l, const struct container *c)
{
	struct snap_bill b = { .used = ledger_used(c),
			       .quota = ledger_quota_of(l, c),
			       .heard = c->heard };
	uint64_t counted = billing_counted(b.quota.counts, b.used.in, b.used.out);

	if (!l->period.begin_s)
		return (struct snap_bill) { .state = BILLING_NONE };
	b.state = billing_state_of(&l->terms.thresholds, counted, b.quota.octets);
	b.reached = billing_reached(&l->terms.thresholds, counted, b.quota.octets);
	return b;
}

static void show_container(const struct ledger *l, struct container *c, struct snap *snap)
{
	struct snap_container *to = &snap->containers[snap->n_containers];

	c->number = (uint32_t)snap->n_containers++;
	*to = (struct snap_container) { .id = c->shown,
					.name = c->shown + (c->name - c->id),
					.run = c->run,
					.run_ns = c->run_ns,
					.ifindex = c->ifindex,
					.totals = show_totals(&c->totals),
					.runtime = snap_text(snap, c->runtime),
					.runtime_id = snap_text(snap, c->runtime_id),
					.image = snap_text(snap, c->image),
					.net = c->net,
					.bill = show_bill(l, c) };
	to->totals.status = c->state != STORE_LIVE  ? ROW_RETIRED
			    : c->net == INV_NET_OWN ? ROW_OTHER
						    : ROW_NOT_COUNTABLE;
}

static void show_row(const struct ledger *l, struct row *row, uint8_t wanted_paths,
		     const bool *problem, struct snap *snap)
{
	struct snap_container *c = &snap->containers[row->container->number];
	struct snap_address *to = &snap->addresses[snap->n_addresses];
	const struct slot *slot = row->number ? &l->slots[row->number - 1] : NULL;

	row->number = (uint32_t)snap->n_addresses++;
	*to = (struct snap_address) { .container = row->container->number,
				      .addr = row->addr,
				      .totals = show_totals(&row->totals) };
	to->totals.status = status_of(slot, row, wanted_paths, problem);
	to->unfit = row->state == STORE_CONFLICT ? row->unfit : INV_FIT;
	snap->not_allowed += to->unfit == INV_NOT_ALLOWED;
	snap->unfit += to->unfit && to->unfit != INV_NOT_ALLOWED;
	snap->conflicts += to->totals.status == ROW_CONFLICT;
	if (to->totals.status == ROW_RETIRED)
		return;
	c->n_addresses++;
	c->totals.status = worse(c->totals.status, to->totals.status);
}

/* The orders of the switch view, taken from arrays already sorted that way. */
static void show_ports(const struct ledger *l, struct snap *snap)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_containers; i++)
		if (l->ports[i]->state != STORE_AGED)
			snap->ports[n++] =
				(struct snap_port) { l->ports[i]->ifindex, l->ports[i]->number };
	for (size_t i = 0; i < l->n_slots; i++)
		if (l->slots[i].owner->state == STORE_LIVE) {
			snap->held[snap->n_held++] = l->slots[i].owner->number;
			snap->n_held_v4 += l->slots[i].addr.family == ADDR_V4;
		}
	snap->ports_change_ns = l->ports_change_ns;
	snap->port_view = l->port_view;
	snap->port_framing = l->port_framing;
	snap->turned_ns = l->turned_ns;
}

static size_t text_octets(const struct container *c)
{
	return (size_t)(c->name - c->id) + strlen(c->name) + 1;
}

/* The ids and names of all containers change seldom: snapshots share a copy of them. */
static struct snap_names *show_names(struct ledger *l)
{
	size_t octets = 0;
	bool same = l->names != NULL;
	char *to;

	for (size_t i = 0; i < l->n_containers; i++)
		same = same && (l->containers[i]->shown || l->containers[i]->state == STORE_AGED);
	if (same)
		return snap_names_ref(l->names);
	for (size_t i = 0; i < l->n_containers; i++)
		if (l->containers[i]->state != STORE_AGED)
			octets += text_octets(l->containers[i]);
	snap_names_unref(l->names);
	l->names = snap_names_new(octets, &to);
	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];

		c->shown = c->state == STORE_AGED ? NULL : to;
		if (!c->shown)
			continue;
		memcpy(to, c->id, text_octets(c));
		to += text_octets(c);
	}
	return snap_names_ref(l->names);
}

/* Number each row by the slot that it owns, from 1; 0: none. */
static void number_slots(struct ledger *l)
{
	for (size_t i = 0; i < l->n_rows; i++)
		l->rows[i]->number = 0;
	for (size_t i = 0; i < l->n_slots; i++)
		l->slots[i].owner->number = (uint32_t)i + 1;
}

void ledger_snapshot(struct ledger *l, uint8_t wanted_paths, const bool problem[ADDR_FAMILIES],
		     struct snap *snap)
{
	number_slots(l);
	snap->names = show_names(l);
	snap_reserve(snap, l->n_containers, l->n_rows, l->n_slots);
	snap->last_change_ns = l->last_change_ns;
	snap->period_begin_s = l->period.begin_s;
	snap->period_end_s = l->period.end_s;
	for (size_t i = 0; i < l->n_containers; i++)
		if (l->containers[i]->state != STORE_AGED)
			show_container(l, l->containers[i], snap);
	for (size_t i = 0; i < l->n_rows; i++)
		if (l->rows[i]->state != STORE_AGED && l->rows[i]->container->state != STORE_AGED)
			show_row(l, l->rows[i], wanted_paths, problem, snap);
	show_ports(l, snap);
}
