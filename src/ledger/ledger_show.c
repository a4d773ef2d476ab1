/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds the snapshot of the ledger. */
#include "ledger/ledger_rows.h"

#include "base/xalloc.h"

#include <string.h>

static enum row_status status_of(const struct ledger *l, const struct row *row,
				 uint8_t wanted_paths, const bool *problem)
{
	const struct slot *s;

	if (row->state == STORE_RETIRED)
		return ROW_RETIRED;
	if (row->state == STORE_CONFLICT)
		return row->unfit ? ROW_NOT_COUNTABLE : ROW_CONFLICT;
	if (problem[row->addr.family])
		return ROW_NOT_COUNTABLE;
	s = ledger_find_slot(l, l->n_slots, &row->addr);
	return s && s->owner == row && (s->seen & wanted_paths) == wanted_paths ? ROW_COUNTING
										: ROW_PENDING;
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

static void show_container(struct container *c, struct snap *snap)
{
	struct snap_container *to = &snap->containers[snap->n_containers];

	c->number = (uint32_t)snap->n_containers++;
	*to = (struct snap_container) { .id = snap_text(snap, c->id),
					.name = snap_text(snap, c->name),
					.run = c->run,
					.run_ns = c->run_ns,
					.ifindex = c->ifindex,
					.totals = show_totals(&c->totals) };
	to->totals.status = c->state == STORE_LIVE ? ROW_OTHER : ROW_RETIRED;
}

static void show_row(const struct ledger *l, struct row *row, uint8_t wanted_paths,
		     const bool *problem, struct snap *snap)
{
	struct snap_container *c = &snap->containers[row->container->number];
	struct snap_address *to = &snap->addresses[snap->n_addresses];

	row->number = (uint32_t)snap->n_addresses++;
	*to = (struct snap_address) { .container = row->container->number,
				      .addr = row->addr,
				      .totals = show_totals(&row->totals) };
	to->totals.status = status_of(l, row, wanted_paths, problem);
	snap->unfit += row->unfit && to->totals.status == ROW_NOT_COUNTABLE;
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

	snap->ports = xcalloc(snap->n_containers, sizeof(*snap->ports));
	for (size_t i = 0; i < l->n_containers; i++)
		if (l->ports[i]->state != STORE_AGED)
			snap->ports[n++] =
				(struct snap_port) { l->ports[i]->ifindex, l->ports[i]->number };
	snap->ipv4 = xcalloc(l->n_slots, sizeof(*snap->ipv4));
	for (size_t i = 0; i < l->n_slots; i++)
		if (l->slots[i].addr.family == ADDR_V4 && l->slots[i].owner->state == STORE_LIVE)
			snap->ipv4[snap->n_ipv4++] = l->slots[i].owner->number;
	snap->ports_change_ns = l->ports_change_ns;
	snap->port_view = l->port_view;
	snap->port_framing = l->port_framing;
	snap->turned_ns = l->turned_ns;
}

void ledger_snapshot(const struct ledger *l, uint8_t wanted_paths,
		     const bool problem[ADDR_FAMILIES], struct snap *snap)
{
	snap->containers = xcalloc(l->n_containers, sizeof(*snap->containers));
	snap->addresses = xcalloc(l->n_rows, sizeof(*snap->addresses));
	snap->last_change_ns = l->last_change_ns;
	for (size_t i = 0; i < l->n_containers; i++)
		if (l->containers[i]->state != STORE_AGED)
			show_container(l->containers[i], snap);
	for (size_t i = 0; i < l->n_rows; i++)
		if (l->rows[i]->state != STORE_AGED && l->rows[i]->container->state != STORE_AGED)
			show_row(l, l->rows[i], wanted_paths, problem, snap);
	show_ports(l, snap);
}
