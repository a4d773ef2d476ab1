/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger_rows.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct ledger *ledger_new(void)
{
	struct ledger *l = xcalloc(1, sizeof(*l));

	l->next_ifindex = 1;
	l->next_key = 1;
	l->version = 1;
	return l;
}

uint64_t ledger_version(const struct ledger *l)
{
	return l->version;
}

void ledger_free_container(struct container *c)
{
	snap_mark_unref(c->totals.zero);
	free(c->id);
	free(c->runtime);
	free(c);
}

void ledger_free_row(struct row *row)
{
	snap_mark_unref(row->totals.zero);
	free(row);
}

void ledger_free(struct ledger *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_rows; i++)
		ledger_free_row(l->rows[i]);
	for (size_t i = 0; i < l->n_containers; i++)
		ledger_free_container(l->containers[i]);
	free(l->rows);
	free(l->containers);
	free(l->ports);
	free(l->slots);
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		free(l->orphans[f].at);
	free(l->born.at);
	snap_names_unref(l->names);
	free(l);
}

/* --- finding ------------------------------------------------------------------------------ */

static int container_cmp(const void *a, const void *b)
{
	return inv_id_cmp((*(struct container *const *)a)->id, (*(struct container *const *)b)->id);
}

static int row_cmp(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
	int order =
		x->container == y->container ? 0 : inv_id_cmp(x->container->id, y->container->id);

	return order ? order : addr_cmp(&x->addr, &y->addr);
}

static int slot_cmp(const void *a, const void *b)
{
	return addr_cmp(&((const struct slot *)a)->addr, &((const struct slot *)b)->addr);
}

/* While an inventory is swept, new objects are appended; they are sorted in at its end. So only
 * the first n_sorted are searched. */
struct container *ledger_find_container(const struct ledger *l, size_t n_sorted, char *id)
{
	struct container key = { .id = id }, *k = &key, **found;

	found = n_sorted ? bsearch(&k, l->containers, n_sorted, sizeof(k), container_cmp) : NULL;
	return found ? *found : NULL;
}

struct row *ledger_find_row(const struct ledger *l, size_t n_sorted, struct container *c,
			    const struct addr *addr)
{
	struct row key = { .container = c, .addr = *addr }, *k = &key, **found;

	found = n_sorted ? bsearch(&k, l->rows, n_sorted, sizeof(k), row_cmp) : NULL;
	return found ? *found : NULL;
}

struct slot *ledger_find_slot(const struct ledger *l, size_t n_sorted, const struct addr *addr)
{
	struct slot key = { .addr = *addr };

	return n_sorted ? bsearch(&key, l->slots, n_sorted, sizeof(key), slot_cmp) : NULL;
}

/* --- inventory ---------------------------------------------------------------------------- */

/* The state of ledger_set_inventory. */
struct sweep {
	struct ledger *l;
	const struct inventory *inv;
	struct ledger_now now;
	size_t n_containers, n_rows, n_slots; /* those sorted so far */
	struct ledger_belief belief;
	bool changed;
};

void ledger_add_container(struct ledger *l, struct container *c)
{
	l->containers = xgrow(l->containers, l->n_containers, &l->cap_containers, sizeof(c));
	l->ports = xgrow(l->ports, l->n_containers, &l->cap_ports, sizeof(c));
	l->ports[l->n_containers] = c;
	l->containers[l->n_containers++] = c;
}

void ledger_name_container(struct container *c, const char *id, const char *name)
{
	size_t at = strlen(id) + 1, size = at + strlen(name) + 1;
	char *text = xmalloc(size);

	memcpy(text, id, at);
	memcpy(text + at, name, size - at);
	free(c->id);
	c->shown = NULL;
	c->id = text;
	c->name = text + at;
}

void ledger_set_runtime(struct container *c, const char *runtime, const char *runtime_id,
			const char *image)
{
	char *text;

	runtime = runtime ? runtime : "";
	runtime_id = runtime_id ? runtime_id : "";
	text = xasprintf("%s%c%s%c%s", runtime, '\0', runtime_id, '\0', image ? image : "");
	free(c->runtime);
	c->runtime = text;
	c->runtime_id = text + strlen(runtime) + 1;
	c->image = c->runtime_id + strlen(runtime_id) + 1;
}

bool ledger_runtime_differs(const struct container *c, const struct inv_container *from)
{
	return strcmp(c->runtime, from->runtime ? from->runtime : "") != 0 ||
	       strcmp(c->runtime_id, from->runtime_id ? from->runtime_id : "") != 0 ||
	       strcmp(c->image, from->image ? from->image : "") != 0;
}

bool ledger_quota_differs(const struct container *c, const struct inv_container *from)
{
	return c->bill.said.octets != from->quota.octets ||
	       c->bill.said.counts != from->quota.counts;
}

static struct container *take_container(struct sweep *w, const struct inv_container *from)
{
	struct ledger *l = w->l;
	struct container *c = ledger_find_container(l, w->n_containers, from->id);

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		ledger_name_container(c, from->id, "");
		ledger_set_runtime(c, "", "", "");
		c->ifindex = l->next_ifindex++;
		c->totals.since_wall_s = w->now.wall_s;
		ledger_note_unsure(&c->unsure, STORE_UNSURE_SINCE, w->now);
		c->state = STORE_AGED;
		c->bill.begin_s = l->period.begin_s;
		ledger_add_container(l, c);
	}
	if (c->state == STORE_AGED)
		l->ports_change_ns = w->now.ns;
	if (c->run != from->run)
		c->run_ns = w->now.ns;
	if (c->state != STORE_LIVE || c->run != from->run || strcmp(c->name, from->name) != 0) {
		ledger_name_container(c, from->id, from->name);
		c->changed = w->changed = true;
	}
	if (ledger_runtime_differs(c, from)) {
		ledger_set_runtime(c, from->runtime, from->runtime_id, from->image);
		c->changed = w->changed = true;
	}
	if (ledger_quota_differs(c, from)) {
		c->bill.said = from->quota;
		c->changed = w->changed = true;
	}
	w->changed = w->changed || c->net != from->net;
	c->net = from->net;
	c->run = from->run;
	c->state = STORE_LIVE;
	c->gone_wall_s = 0;
	c->unsure &= (uint8_t)~STORE_UNSURE_GONE;
	return c;
}

/* Rules that are older than the row. What they have counted until now is booked to no row; from
 * there they count for this one. */
static void take_orphan(struct sweep *w, struct slot *s, struct row *row)
{
	const struct fw_row *rules = ledger_find_orphan(w->l, &row->addr);

	if (!rules)
		return;
	s->seen = rules->present;
	memcpy(s->last, rules->path, sizeof(s->last));
	ledger_discontinue(row, w->now);
}

static void own_slot(struct sweep *w, struct row *row)
{
	struct ledger *l = w->l;
	struct slot *s = ledger_find_slot(l, w->n_slots, &row->addr);

	if (!s) {
		l->slots = xgrow(l->slots, l->n_slots, &l->cap_slots, sizeof(*s));
		s = &l->slots[l->n_slots++];
		memset(s, 0, sizeof(*s));
		s->addr = row->addr;
		take_orphan(w, s, row);
	}
	if (s->owner && s->owner != row)
		ledger_touch(s->owner);
	if (s->owner != row) {
		ledger_touch(row);
		s->counted = 0;
		s->told = s->alone = false;
	}
	s->owner = row;
}

static void take_address(struct sweep *w, struct container *c, size_t i,
			 const struct inv_contest *contest)
{
	const struct inv_address *from = &w->inv->addresses[i];
	struct ledger *l = w->l;
	struct row *row = ledger_find_row(l, w->n_rows, c, &from->addr);
	enum store_state state = STORE_LIVE;

	if (!row) {
		row = xcalloc(1, sizeof(*row));
		row->container = c;
		row->addr = from->addr;
		row->totals.since_wall_s = w->now.wall_s;
		ledger_note_unsure(&row->unsure, STORE_UNSURE_SINCE, w->now);
		row->state = STORE_RETIRED;
		row->key = l->next_key++;
		l->rows = xgrow(l->rows, l->n_rows, &l->cap_rows, sizeof(row));
		l->rows[l->n_rows++] = row;
	}
	if (!ledger_believes(&w->belief, row, i, contest))
		state = STORE_CONFLICT;
	if (row->state != state || row->unfit != from->unfit) {
		w->changed = true;
		ledger_touch(row);
	}
	row->state = state;
	row->unfit = from->unfit;
	row->gone_wall_s = 0;
	row->unsure &= (uint8_t)~STORE_UNSURE_GONE;
	row->wanted = true;
	if (state == STORE_LIVE)
		own_slot(w, row);
}

static void retire_missing(struct sweep *w)
{
	struct ledger *l = w->l;

	for (size_t i = 0; i < w->n_rows; i++) {
		struct row *row = l->rows[i];

		if (row->wanted || row->state == STORE_RETIRED || row->state == STORE_AGED ||
		    inv_is_unheard(w->inv, row->container->runtime))
			continue;
		row->state = STORE_RETIRED;
		row->gone_ns = (int64_t)w->now.ns;
		row->gone_wall_s = w->now.wall_s;
		row->gone_lived_s = w->now.lived_s;
		ledger_note_unsure(&row->unsure, STORE_UNSURE_GONE, w->now);
		ledger_touch(row);
		w->changed = l->some_retired = true;
	}
}

static void retire_containers(struct sweep *w, const bool *in_inventory)
{
	for (size_t i = 0; i < w->n_containers; i++) {
		struct container *c = w->l->containers[i];

		if (in_inventory[i] || c->state != STORE_LIVE || inv_is_unheard(w->inv, c->runtime))
			continue;
		c->state = STORE_RETIRED;
		c->run = INV_RUN_GONE;
		c->run_ns = w->now.ns;
		c->gone_ns = (int64_t)w->now.ns;
		c->gone_wall_s = w->now.wall_s;
		c->gone_lived_s = w->now.lived_s;
		ledger_note_unsure(&c->unsure, STORE_UNSURE_GONE, w->now);
		c->changed = w->changed = w->l->some_retired = true;
	}
}

void ledger_sort(struct ledger *l)
{
	if (l->n_containers)
		qsort(l->containers, l->n_containers, sizeof(*l->containers), container_cmp);
	if (l->n_rows)
		qsort(l->rows, l->n_rows, sizeof(*l->rows), row_cmp);
	if (l->n_slots)
		qsort(l->slots, l->n_slots, sizeof(*l->slots), slot_cmp);
}

bool ledger_set_inventory(struct ledger *l, const struct inventory *inv, struct ledger_now now)
{
	struct sweep w = { .l = l,
			   .inv = inv,
			   .now = now,
			   .n_containers = l->n_containers,
			   .n_rows = l->n_rows,
			   .n_slots = l->n_slots };
	struct container **taken = xcalloc(inv->n_containers, sizeof(*taken));
	struct inv_contest contest = { .end = 0 };
	bool *in_inventory = xcalloc(l->n_containers, sizeof(*in_inventory));

	for (size_t i = 0; i < l->n_rows; i++)
		l->rows[i]->wanted = false;
	for (size_t i = 0; i < l->n_containers; i++)
		l->containers[i]->number = (uint32_t)i;
	for (size_t i = 0; i < inv->n_containers; i++) {
		size_t before = l->n_containers;

		taken[i] = take_container(&w, &inv->containers[i]);
		if (l->n_containers == before)
			in_inventory[taken[i]->number] = true;
	}
	ledger_belief_begin(&w.belief, l, inv, now);
	for (size_t i = 0; i < inv->n_addresses; i++) {
		if (i == contest.end)
			inv_contest(inv, i, &contest);
		take_address(&w, taken[inv->addresses[i].container], i, &contest);
	}
	ledger_belief_end(&w.belief);
	if (inv->complete && !inv->doubtful) {
		retire_missing(&w);
		retire_containers(&w, in_inventory);
	}
	ledger_sort(l);
	/* Otherwise a source or runtime without an answer may yet name another owner. */
	if (inv->complete && !inv->n_unheard)
		memset(l->held, 0, sizeof(l->held));
	if (w.changed)
		l->last_change_ns = now.ns;
	l->version++;
	free(taken);
	free(in_inventory);
	return w.changed;
}

const char *ledger_holder(const struct ledger *l, const struct addr *addr)
{
	const struct slot *s = ledger_find_slot(l, l->n_slots, addr);

	return s && s->owner->state == STORE_LIVE ? s->owner->container->id : NULL;
}

struct addr *ledger_wanted(const struct ledger *l, enum addr_family family, size_t *ret_n)
{
	struct addr *addrs = xcalloc(l->n_slots, sizeof(*addrs));
	size_t n = 0;

	for (size_t i = 0; i < l->n_slots; i++) {
		const struct slot *s = &l->slots[i];

		if (s->addr.family == family && s->owner->state == STORE_LIVE)
			addrs[n++] = s->addr;
	}
	*ret_n = n;
	return addrs;
}

struct ledger_claim *ledger_claims(const struct ledger *l, size_t *ret_n)
{
	struct ledger_claim *claims = xcalloc(l->n_slots, sizeof(*claims));
	size_t n = 0;

	for (size_t i = 0; i < l->n_slots; i++) {
		const struct row *owner = l->slots[i].owner;

		if (owner->state == STORE_LIVE)
			claims[n++] =
				(struct ledger_claim) { l->slots[i].addr, owner->container->id,
							owner->container->run };
	}
	*ret_n = n;
	return claims;
}

/* --- ports ----------------------------------------------------------------------------------- */

struct ledger_turn ledger_turn_ports(struct ledger *l, enum port_view view, uint32_t framing_octets,
				     struct ledger_now now)
{
	bool known = l->port_view != PORT_VIEW_UNKNOWN;
	struct ledger_turn turn = { known && l->port_view != view,
				    known && l->port_framing != framing_octets };

	l->port_view = view;
	l->port_framing = framing_octets;
	l->version++;
	if (turn.swapped || turn.framed) {
		l->turned_ns = now.ns;
		l->turned_wall_s = now.wall_s;
		l->turned_unsure = now.unsure;
	}
	return turn;
}

/* --- marks --------------------------------------------------------------------------------- */

static void set_mark(struct snap_totals *t, uint8_t *unsure, struct ledger_now now)
{
	snap_mark_unref(t->zero);
	t->zero = snap_mark_new(t->path, now.wall_s);
	ledger_note_unsure(unsure, STORE_UNSURE_ZERO, now);
}

size_t ledger_zero(struct ledger *l, const char *what, struct ledger_now now)
{
	struct addr addr = { 0 };
	bool is_addr = addr_parse(what, &addr) == 0;
	size_t marked = 0;

	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];

		if (c->state == STORE_AGED || strcmp(c->id, what) != 0)
			continue;
		set_mark(&c->totals, &c->unsure, now);
		c->changed = true;
		marked++;
	}
	for (size_t i = 0; i < l->n_rows; i++) {
		struct row *row = l->rows[i];
		bool named = !strcmp(row->container->id, what) ||
			     (is_addr && !addr_cmp(&row->addr, &addr));

		if (row->state == STORE_AGED || !named)
			continue;
		set_mark(&row->totals, &row->unsure, now);
		ledger_touch(row);
		marked++;
	}
	l->version++;
	return marked;
}
