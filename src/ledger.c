/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Three kinds of objects, each in an array sorted by its key:
 *   containers (id)   rows (container, address)   slots (address)
 * A slot is the ledger's side of an address's counting rules: the last reading of each, and the
 * row that what comes next is booked to. Rules are keyed by address alone, so an address that
 * changes hands only gets another owner. */
#include "ledger.h"

#include "xalloc.h"

#include <stdlib.h>
#include <string.h>

struct container {
	char *id, *name;
	enum inv_run run;
	uint32_t ifindex;
	struct snap_totals totals;
	bool live; /* in the inventory */
	uint64_t gone_ns;
	uint32_t number; /* place in the sorted array, while a snapshot is made */
};

enum row_state { ROW_LIVE, ROW_DISPUTED, ROW_GONE };

struct row {
	struct container *container;
	struct addr addr;
	struct snap_totals totals;
	enum row_state state;
	uint64_t gone_ns;
	bool wanted; /* mark while an inventory is swept */
};

struct slot {
	struct addr addr;
	struct row *owner; /* NULL: nobody yet; the counts wait in the kernel */
	struct counters last[PATHS];
	uint8_t seen; /* bits of paths whose rule was read */
	uint8_t suspect; /* bits of paths that decreased at the last reading */
};

struct ledger {
	struct container **containers;
	struct row **rows;
	struct slot *slots;
	size_t n_containers, n_rows, n_slots;
	size_t cap_containers, cap_rows, cap_slots;
	uint32_t next_ifindex;
	uint64_t last_change_ns;
};

struct ledger *ledger_new(void)
{
	struct ledger *l = xcalloc(1, sizeof(*l));

	l->next_ifindex = 1;
	return l;
}

static void container_free(struct container *c)
{
	free(c->id);
	free(c->name);
	free(c);
}

void ledger_free(struct ledger *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_rows; i++)
		free(l->rows[i]);
	for (size_t i = 0; i < l->n_containers; i++)
		container_free(l->containers[i]);
	free(l->rows);
	free(l->containers);
	free(l->slots);
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

/* New objects are appended while an inventory is swept and sorted in at its end, so only the
 * first n_sorted are searched. */
static struct container *find_container(const struct ledger *l, size_t n_sorted, char *id)
{
	struct container key = { .id = id }, *k = &key, **found;

	found = n_sorted ? bsearch(&k, l->containers, n_sorted, sizeof(k), container_cmp) : NULL;
	return found ? *found : NULL;
}

static struct row *find_row(const struct ledger *l, size_t n_sorted, struct container *c,
			    const struct addr *addr)
{
	struct row key = { .container = c, .addr = *addr }, *k = &key, **found;

	found = n_sorted ? bsearch(&k, l->rows, n_sorted, sizeof(k), row_cmp) : NULL;
	return found ? *found : NULL;
}

static struct slot *find_slot(const struct ledger *l, size_t n_sorted, const struct addr *addr)
{
	struct slot key = { .addr = *addr };

	return n_sorted ? bsearch(&key, l->slots, n_sorted, sizeof(key), slot_cmp) : NULL;
}

/* --- booking ------------------------------------------------------------------------------ */

static void book(struct row *row, enum path path, uint64_t octets, uint64_t pkts)
{
	row->totals.path[path].octets += octets;
	row->totals.path[path].pkts += pkts;
	row->container->totals.path[path].octets += octets;
	row->container->totals.path[path].pkts += pkts;
}

static void mark_discontinuity(struct snap_totals *t, struct ledger_now now)
{
	if (t->discontinuity_ns == now.ns)
		return; /* several paths of one row, several rows of one container: one event */
	t->discontinuity_ns = now.ns;
	t->discontinuity_wall_s = now.wall_s;
	t->discontinuities++;
}

static void discontinue(struct row *row, struct ledger_now now)
{
	mark_discontinuity(&row->totals, now);
	mark_discontinuity(&row->container->totals, now);
}

static enum ledger_result apply_path(struct slot *s, enum path path, struct counters c, bool zeroed,
				     struct ledger_now now)
{
	struct counters *last = &s->last[path];
	uint8_t bit = (uint8_t)(1u << path);
	bool less = c.octets < last->octets || c.pkts < last->pkts;

	s->seen |= bit;
	if (!zeroed && less && !(s->suspect & bit)) {
		s->suspect |= bit;
		return LEDGER_RECHECK;
	}
	s->suspect &= (uint8_t)~bit;
	if (!zeroed && !less) {
		book(s->owner, path, c.octets - last->octets, c.pkts - last->pkts);
		*last = c;
		return LEDGER_OK;
	}
	/* Reset by somebody: what it counts now, it counted since. */
	book(s->owner, path, c.octets, c.pkts);
	*last = c;
	discontinue(s->owner, now);
	return LEDGER_DISCONT;
}

static enum ledger_result miss_rules(struct slot *s, uint8_t present, struct ledger_now now)
{
	uint8_t missed = s->seen & (uint8_t)~present;

	if (!missed)
		return LEDGER_OK;
	for (enum path p = 0; p < PATHS; p++)
		if (missed & 1u << p)
			s->last[p] = (struct counters) { 0, 0 };
	s->seen = present;
	s->suspect &= present;
	if (s->owner)
		discontinue(s->owner, now);
	return LEDGER_DISCONT;
}

enum ledger_result ledger_apply(struct ledger *l, enum addr_family family,
				const struct fw_reading *reading, bool committing,
				struct ledger_now now)
{
	enum ledger_result worst = LEDGER_OK, r;
	size_t i = 0;

	for (size_t k = 0; k < l->n_slots; k++) {
		struct slot *s = &l->slots[k];
		const struct fw_row *row = NULL;

		if (s->addr.family != family)
			continue;
		while (i < reading->n_rows && addr_cmp(&reading->rows[i].addr, &s->addr) < 0)
			i++;
		if (i < reading->n_rows && !addr_cmp(&reading->rows[i].addr, &s->addr))
			row = &reading->rows[i];
		for (enum path p = 0; row && s->owner && p < PATHS; p++) {
			if (!(row->present & 1u << p))
				continue;
			r = apply_path(s, p, row->path[p], reading->zeroed, now);
			worst = r == LEDGER_RECHECK || worst == LEDGER_OK ? (r ? r : worst) : worst;
		}
		if (committing)
			continue;
		r = miss_rules(s, row ? row->present : 0, now);
		if (worst == LEDGER_OK)
			worst = r;
	}
	return worst;
}

void ledger_finals(struct ledger *l, const struct fw_final *finals, size_t n, struct ledger_now now)
{
	for (size_t i = 0; i < n; i++) {
		const struct fw_final *f = &finals[i];
		struct slot *s = find_slot(l, l->n_slots, &f->addr);
		uint8_t bit = (uint8_t)(1u << f->path);

		if (!s)
			continue;
		/* Made anew though it was there at the last reading: somebody had removed it. */
		if (f->kind == FW_CREATED && s->seen & bit && s->owner)
			discontinue(s->owner, now);
		if (f->kind != FW_CREATED && s->owner)
			apply_path(s, f->path, f->final,
				   f->final.octets < s->last[f->path].octets ||
					   f->final.pkts < s->last[f->path].pkts,
				   now);
		s->last[f->path] = (struct counters) { 0, 0 };
		s->suspect &= (uint8_t)~bit;
		s->seen &= (uint8_t)~bit;
	}
}

/* --- inventory ---------------------------------------------------------------------------- */

/* What ledger_set_inventory works with. */
struct sweep {
	struct ledger *l;
	const struct inventory *inv;
	struct ledger_now now;
	size_t n_containers, n_rows, n_slots; /* sorted so far */
	bool changed;
};

static struct container *take_container(struct sweep *w, const struct inv_container *from)
{
	struct ledger *l = w->l;
	struct container *c = find_container(l, w->n_containers, from->id);

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->id = xstrdup(from->id);
		c->name = xstrdup("");
		c->ifindex = l->next_ifindex++;
		c->totals.since_wall_s = w->now.wall_s;
		l->containers =
			xgrow(l->containers, l->n_containers, &l->cap_containers, sizeof(c));
		l->containers[l->n_containers++] = c;
	}
	if (!c->live || c->run != from->run)
		w->changed = true;
	if (strcmp(c->name, from->name) != 0) {
		free(c->name);
		c->name = xstrdup(from->name);
		w->changed = true;
	}
	c->run = from->run;
	c->live = true;
	return c;
}

static void own_slot(struct sweep *w, struct row *row)
{
	struct ledger *l = w->l;
	struct slot *s = find_slot(l, w->n_slots, &row->addr);

	if (!s) {
		l->slots = xgrow(l->slots, l->n_slots, &l->cap_slots, sizeof(*s));
		s = &l->slots[l->n_slots++];
		memset(s, 0, sizeof(*s));
		s->addr = row->addr;
	}
	s->owner = row;
}

static void take_address(struct sweep *w, struct container *c, const struct inv_address *from)
{
	struct ledger *l = w->l;
	struct row *row = find_row(l, w->n_rows, c, &from->addr);
	enum row_state state = from->conflict ? ROW_DISPUTED : ROW_LIVE;

	if (!row) {
		row = xcalloc(1, sizeof(*row));
		row->container = c;
		row->addr = from->addr;
		row->totals.since_wall_s = w->now.wall_s;
		row->state = ROW_GONE;
		l->rows = xgrow(l->rows, l->n_rows, &l->cap_rows, sizeof(row));
		l->rows[l->n_rows++] = row;
	}
	if (row->state != state)
		w->changed = true;
	row->state = state;
	row->wanted = true;
	if (state == ROW_LIVE)
		own_slot(w, row);
}

static void retire_missing(struct sweep *w)
{
	struct ledger *l = w->l;

	for (size_t i = 0; i < w->n_rows; i++) {
		struct row *row = l->rows[i];

		if (row->wanted || row->state == ROW_GONE)
			continue;
		row->state = ROW_GONE;
		row->gone_ns = w->now.ns;
		w->changed = true;
	}
}

static void retire_containers(struct sweep *w, const bool *in_inventory)
{
	for (size_t i = 0; i < w->n_containers; i++) {
		struct container *c = w->l->containers[i];

		if (in_inventory[i] || !c->live)
			continue;
		c->live = false;
		c->run = INV_RUN_GONE;
		c->gone_ns = w->now.ns;
		w->changed = true;
	}
}

static void sort_all(struct ledger *l)
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
	for (size_t i = 0; i < inv->n_addresses; i++)
		take_address(&w, taken[inv->addresses[i].container], &inv->addresses[i]);
	if (inv->complete) {
		retire_missing(&w);
		retire_containers(&w, in_inventory);
	}
	sort_all(l);
	if (w.changed)
		l->last_change_ns = now.ns;
	free(taken);
	free(in_inventory);
	return w.changed;
}

struct addr *ledger_wanted(const struct ledger *l, enum addr_family family, size_t *ret_n)
{
	struct addr *addrs = xcalloc(l->n_slots, sizeof(*addrs));
	size_t n = 0;

	for (size_t i = 0; i < l->n_slots; i++) {
		const struct slot *s = &l->slots[i];

		if (s->addr.family == family && s->owner && s->owner->state == ROW_LIVE)
			addrs[n++] = s->addr;
	}
	*ret_n = n;
	return addrs;
}

/* --- ageing ------------------------------------------------------------------------------- */

static bool drop_rows(struct ledger *l, uint64_t before_ns)
{
	size_t kept = 0, n_slots = 0;

	for (size_t i = 0; i < l->n_slots; i++) {
		const struct row *owner = l->slots[i].owner;

		/* Its rules are gone (seen is 0) and so is what they were booked to. */
		if (owner && owner->state == ROW_GONE && owner->gone_ns < before_ns &&
		    !l->slots[i].seen)
			continue;
		l->slots[n_slots++] = l->slots[i];
	}
	l->n_slots = n_slots;
	for (size_t i = 0; i < l->n_rows; i++)
		l->rows[i]->wanted = false;
	for (size_t i = 0; i < n_slots; i++)
		if (l->slots[i].owner)
			l->slots[i].owner->wanted = true;
	for (size_t i = 0; i < l->n_rows; i++) {
		struct row *row = l->rows[i];

		if (row->state == ROW_GONE && row->gone_ns < before_ns && !row->wanted)
			free(row);
		else
			l->rows[kept++] = row;
	}
	if (kept == l->n_rows)
		return false;
	l->n_rows = kept;
	return true;
}

static bool drop_containers(struct ledger *l, uint64_t before_ns)
{
	size_t kept = 0, row = 0;
	bool dropped = false;

	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];
		size_t first = row;

		while (row < l->n_rows && l->rows[row]->container == c)
			row++;
		if (c->live || c->gone_ns >= before_ns || row > first) {
			l->containers[kept++] = c;
			continue;
		}
		container_free(c);
		dropped = true;
	}
	l->n_containers = kept;
	return dropped;
}

bool ledger_age_out(struct ledger *l, uint64_t before_ns, struct ledger_now now)
{
	bool rows = drop_rows(l, before_ns);
	bool containers = drop_containers(l, before_ns);

	if (rows || containers)
		l->last_change_ns = now.ns;
	return rows || containers;
}

/* --- showing ------------------------------------------------------------------------------ */

static enum row_status status_of(const struct ledger *l, const struct row *row,
				 uint8_t wanted_paths, const bool *problem)
{
	const struct slot *s;

	if (row->state == ROW_GONE)
		return ROW_RETIRED;
	if (row->state == ROW_DISPUTED)
		return ROW_CONFLICT;
	if (problem[row->addr.family])
		return ROW_NOT_COUNTABLE;
	s = find_slot(l, l->n_slots, &row->addr);
	return s && s->owner == row && (s->seen & wanted_paths) == wanted_paths ? ROW_COUNTING
										: ROW_PENDING;
}

/* A container is what most needs attention among its addresses. */
static enum row_status worse(enum row_status a, enum row_status b)
{
	static const uint8_t rank[] = {
		[ROW_OTHER] = 0,    [ROW_RETIRED] = 1, [ROW_NOT_COUNTABLE] = 2,
		[ROW_COUNTING] = 3, [ROW_PENDING] = 4, [ROW_CONFLICT] = 5
	};

	return rank[b] > rank[a] ? b : a;
}

void ledger_snapshot(const struct ledger *l, uint8_t wanted_paths,
		     const bool problem[ADDR_FAMILIES], struct snap *snap)
{
	snap->containers = xcalloc(l->n_containers, sizeof(*snap->containers));
	snap->addresses = xcalloc(l->n_rows, sizeof(*snap->addresses));
	snap->n_containers = l->n_containers;
	snap->n_addresses = l->n_rows;
	snap->last_change_ns = l->last_change_ns;
	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];

		c->number = (uint32_t)i;
		snap->containers[i] = (struct snap_container) { .id = xstrdup(c->id),
								.name = xstrdup(c->name),
								.run = c->run,
								.ifindex = c->ifindex,
								.totals = c->totals };
		snap->containers[i].totals.status = c->live ? ROW_OTHER : ROW_RETIRED;
	}
	for (size_t i = 0; i < l->n_rows; i++) {
		const struct row *row = l->rows[i];
		struct snap_container *c = &snap->containers[row->container->number];
		enum row_status status = status_of(l, row, wanted_paths, problem);

		snap->addresses[i] = (struct snap_address) { .container = row->container->number,
							     .addr = row->addr,
							     .totals = row->totals };
		snap->addresses[i].totals.status = status;
		if (status == ROW_RETIRED)
			continue;
		c->n_addresses++;
		c->totals.status = worse(c->totals.status, status);
	}
}

size_t ledger_conflicts(const struct ledger *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_rows; i++)
		n += l->rows[i]->state == ROW_DISPUTED;
	return n;
}
