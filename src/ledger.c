/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_rows.h"

#include "xalloc.h"

#include <stdlib.h>
#include <string.h>

struct ledger *ledger_new(void)
{
	struct ledger *l = xcalloc(1, sizeof(*l));

	l->next_ifindex = 1;
	l->next_key = 1;
	return l;
}

void ledger_free_container(struct container *c)
{
	snap_mark_unref(c->totals.zero);
	free(c->id);
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

/* --- booking ------------------------------------------------------------------------------ */

void ledger_touch(struct row *row)
{
	row->changed = true;
	row->container->changed = true;
}

static void book(struct row *row, enum path path, uint64_t octets, uint64_t pkts)
{
	if (!octets && !pkts)
		return;
	ledger_touch(row);
	row->totals.path[path].octets += octets;
	row->totals.path[path].pkts += pkts;
	row->container->totals.path[path].octets += octets;
	row->container->totals.path[path].pkts += pkts;
}

void ledger_mark_discontinuity(struct snap_totals *t, uint8_t *unsure, struct ledger_now now)
{
	if (t->discontinuity_ns == now.ns)
		return; /* several paths of one row, several rows of one container: one event */
	t->discontinuity_ns = now.ns;
	t->discontinuity_wall_s = now.wall_s;
	ledger_note_unsure(unsure, STORE_UNSURE_DISCONTINUITY, now);
	t->discontinuities++;
}

void ledger_discontinue(struct row *row, struct ledger_now now)
{
	ledger_touch(row);
	ledger_mark_discontinuity(&row->totals, &row->unsure, now);
	ledger_mark_discontinuity(&row->container->totals, &row->container->unsure, now);
}

static void prolong(struct snap_totals *t, uint8_t *unsure, struct ledger_now now)
{
	t->discontinuity_ns = now.ns;
	t->discontinuity_wall_s = now.wall_s;
	ledger_note_unsure(unsure, STORE_UNSURE_DISCONTINUITY, now);
}

void ledger_prolong(struct row *row, struct ledger_now now)
{
	ledger_touch(row);
	prolong(&row->totals, &row->unsure, now);
	prolong(&row->container->totals, &row->container->unsure, now);
}

static bool is_less(struct counters a, struct counters b)
{
	return a.octets < b.octets || a.pkts < b.pkts;
}

/* Count on from another value: what led to it is unknown and booked to nobody. */
static enum ledger_result rebase(struct slot *s, enum path path, struct counters c)
{
	ledger_touch(s->owner);
	s->last[path] = c;
	return LEDGER_DISCONT;
}

static enum ledger_result advance(struct slot *s, enum path path, struct counters c)
{
	struct counters *last = &s->last[path];

	book(s->owner, path, c.octets - last->octets, c.pkts - last->pkts);
	*last = c;
	return LEDGER_OK;
}

/* Returns LEDGER_DISCONT for what may have befallen the other rows too, and sets s->struck for what
 * befell this one alone. */
static enum ledger_result apply_path(struct slot *s, enum path path, const struct fw_row *row,
				     const struct fw_reading *reading, bool doubled)
{
	struct counters c = row->path[path];
	uint8_t bit = (uint8_t)(1u << path);
	bool suspected = s->suspect & bit;

	if (!(s->seen & bit))
		ledger_touch(s->owner);
	s->seen |= bit;
	s->suspect &= (uint8_t)~bit;
	if (s->older & bit) {
		/* What it counted before the row was made is nobody's. */
		s->older &= (uint8_t)~bit;
		rebase(s, path, c);
		return LEDGER_OK;
	}
	if (reading->zeroed && !(row->intact & bit)) {
		/* All it counts now, it counted since. */
		s->lost &= (uint8_t)~bit;
		s->struck = true;
		rebase(s, path, doubled ? c : (struct counters) { 0, 0 });
		return advance(s, path, c);
	}
	if (reading->stale || s->lost & bit) {
		/* Somebody, not we, put it back: with which count nobody knows. */
		s->lost &= (uint8_t)~bit;
		return rebase(s, path, c);
	}
	if (doubled) {
		rebase(s, path, c);
		return LEDGER_OK; /* the reading says so of all */
	}
	if (!is_less(c, s->last[path]))
		return reading->held ? LEDGER_OK : advance(s, path, c);
	if (suspected)
		return rebase(s, path, c);
	s->suspect |= bit;
	return LEDGER_RECHECK;
}

static enum ledger_result miss_rules(struct slot *s, uint8_t present)
{
	uint8_t missed = s->seen & (uint8_t)~present;

	if (!missed)
		return LEDGER_OK;
	s->seen &= present;
	s->suspect &= present;
	s->lost |= missed;
	ledger_touch(s->owner);
	return LEDGER_DISCONT;
}

/* RECHECK outranks DISCONT. */
static enum ledger_result worse(enum ledger_result a, enum ledger_result b)
{
	return a == LEDGER_RECHECK || b == LEDGER_OK ? a : b;
}

/* *all becomes true when something befell it that may have befallen the other rows too. */
static enum ledger_result apply_row(struct slot *s, const struct fw_row *row,
				    const struct fw_reading *reading, bool committing, bool doubled,
				    bool *all)
{
	enum ledger_result worst = LEDGER_OK, r;

	for (enum path p = 0; row && p < PATHS; p++) {
		if (!(row->present & 1u << p))
			continue;
		r = apply_path(s, p, row, reading, doubled);
		*all = *all || r == LEDGER_DISCONT;
		worst = worse(worst, r);
	}
	if (committing)
		return worst;
	r = miss_rules(s, row ? row->present : 0);
	*all = *all || r == LEDGER_DISCONT;
	return worse(worst, r);
}

enum ledger_result ledger_apply(struct ledger *l, enum addr_family family,
				const struct fw_reading *reading, bool committing,
				struct ledger_now now)
{
	bool doubled = reading->doubled || l->gap[family].doubled, all = reading->stale;
	bool doubted = l->doubted[family];
	enum ledger_result worst = LEDGER_OK;
	struct addrs *orphans = &l->orphans[family];
	size_t i = 0;

	orphans->n = 0;
	for (size_t k = 0; k < l->n_slots; k++) {
		struct slot *s = &l->slots[k];
		const struct fw_row *row = NULL;

		if (s->addr.family != family)
			continue;
		while (i < reading->n_rows && addr_cmp(&reading->rows[i].addr, &s->addr) < 0)
			ledger_addrs_add(orphans, &reading->rows[i++].addr);
		if (i < reading->n_rows && !addr_cmp(&reading->rows[i].addr, &s->addr))
			row = &reading->rows[i++];
		if (doubted) {
			ledger_adopt(s, row);
			continue;
		}
		worst = worse(worst, apply_row(s, row, reading, committing, doubled, &all));
	}
	while (i < reading->n_rows)
		ledger_addrs_add(orphans, &reading->rows[i++].addr);
	l->doubted[family] = false;
	l->gap[family].doubled = reading->doubled;
	ledger_note_disturbance(l, family, reading, all, worst == LEDGER_RECHECK, now);
	if (worst == LEDGER_OK && (doubted || all || reading->zeroed || reading->disturbed))
		worst = LEDGER_DISCONT;
	return worst;
}

/* Whether a final tells of something that befell more rules than its own: one that was there at the last
 * reading was removed since, or counts less than then; or the commit itself found the rules disturbed. */
static bool befell_all(const struct ledger *l, const struct fw_final *f)
{
	const struct slot *s;

	if (f->kind == FW_DISTURBED || f->kind == FW_DOUBLED)
		return true;
	s = ledger_find_slot(l, l->n_slots, &f->addr);
	if (!s || l->doubted[s->addr.family])
		return false;
	return f->kind == FW_CREATED ? s->seen & 1u << f->path
				     : is_less(f->final, s->last[f->path]);
}

static void fold_final(struct ledger *l, const struct fw_final *f, struct ledger_now now)
{
	struct slot *s = ledger_find_slot(l, l->n_slots, &f->addr);
	bool doubted = l->doubted[f->addr.family]; /* then it was told, and this is nobody's */
	uint8_t bit = (uint8_t)(1u << f->path);

	if (!s && f->kind == FW_CREATED)
		ledger_addrs_add(&l->born, &f->addr);
	if (!s)
		return;
	if (f->kind == FW_CREATED) {
		/* It had been there, and was not wanted for a while; or it was gone at the last
		 * reading, which is told. */
		if (!doubted && s->counted & bit && !befell_all(l, f))
			ledger_stamp(s, now);
	} else if (!doubted && !is_less(f->final, s->last[f->path]) &&
		   !l->gap[f->addr.family].doubled) {
		advance(s, f->path, f->final);
	}
	s->last[f->path] = (struct counters) { 0, 0 };
	s->counted |= bit;
	s->seen &= (uint8_t)~bit;
	s->suspect &= (uint8_t)~bit;
	s->lost &= (uint8_t)~bit;
	s->older &= (uint8_t)~bit;
	ledger_touch(s->owner);
}

void ledger_finals(struct ledger *l, enum addr_family family, uint64_t epoch,
		   const struct fw_final *finals, size_t n, struct ledger_now now)
{
	bool all = false;

	if (!epoch || epoch <= l->epoch[family])
		return;
	for (size_t i = 0; i < n; i++) {
		all = all || befell_all(l, &finals[i]);
		l->gap[family].doubled |= finals[i].kind == FW_DOUBLED;
	}
	if (all)
		ledger_disturb(l, family, now);
	for (size_t i = 0; i < n; i++)
		if (finals[i].kind < FW_DISTURBED)
			fold_final(l, &finals[i], now);
	ledger_addrs_sort(&l->born);
	l->epoch[family] = epoch;
}

uint64_t ledger_epoch(const struct ledger *l, enum addr_family family)
{
	return l->epoch[family];
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
	c->id = text;
	c->name = text + at;
}

static struct container *take_container(struct sweep *w, const struct inv_container *from)
{
	struct ledger *l = w->l;
	struct container *c = ledger_find_container(l, w->n_containers, from->id);

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		ledger_name_container(c, from->id, "");
		c->ifindex = l->next_ifindex++;
		c->totals.since_wall_s = w->now.wall_s;
		ledger_note_unsure(&c->unsure, STORE_UNSURE_SINCE, w->now);
		c->state = STORE_AGED;
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
	c->run = from->run;
	c->state = STORE_LIVE;
	c->gone_wall_s = 0;
	c->unsure &= (uint8_t)~STORE_UNSURE_GONE;
	return c;
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
		if (ledger_is_orphan(l, &row->addr)) {
			s->older = (1u << PATHS) - 1;
			ledger_discontinue(row, w->now);
		}
	}
	if (s->owner && s->owner != row)
		ledger_touch(s->owner);
	if (s->owner != row) {
		ledger_touch(row);
		s->counted = 0;
		s->told = false;
	}
	s->owner = row;
}

/* An address that several claim stays with whom it was counted for: nobody takes it from him by
 * claiming it. */
static bool holds(const struct sweep *w, const struct row *row)
{
	const struct slot *s = ledger_find_slot(w->l, w->n_slots, &row->addr);

	return row->state == STORE_LIVE && s && s->owner == row;
}

/* Is the address counted for claim i, whose row this is? `running` of those who claim it run: then the
 * others, which are stopped, have no traffic that could be theirs. */
static bool counts(const struct sweep *w, const struct row *row, size_t i, size_t running)
{
	const struct inv_address *claim = &w->inv->addresses[i];

	if (claim->unfit)
		return false;
	if (!claim->conflict)
		return true;
	if (running && !inv_runs(w->inv, i))
		return false;
	return running == 1 || holds(w, row);
}

static void take_address(struct sweep *w, struct container *c, size_t i, size_t running)
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
	if (!counts(w, row, i, running))
		state = STORE_CONFLICT;
	if (row->state != state || row->unfit != (from->unfit != INV_FIT)) {
		w->changed = true;
		ledger_touch(row);
	}
	row->state = state;
	row->unfit = from->unfit != INV_FIT;
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

		if (row->wanted || row->state == STORE_RETIRED || row->state == STORE_AGED)
			continue;
		row->state = STORE_RETIRED;
		row->gone_ns = (int64_t)w->now.ns;
		row->gone_wall_s = w->now.wall_s;
		row->gone_lived_s = w->now.lived_s;
		ledger_note_unsure(&row->unsure, STORE_UNSURE_GONE, w->now);
		ledger_touch(row);
		w->changed = true;
	}
}

static void retire_containers(struct sweep *w, const bool *in_inventory)
{
	for (size_t i = 0; i < w->n_containers; i++) {
		struct container *c = w->l->containers[i];

		if (in_inventory[i] || c->state != STORE_LIVE)
			continue;
		c->state = STORE_RETIRED;
		c->run = INV_RUN_GONE;
		c->run_ns = w->now.ns;
		c->gone_ns = (int64_t)w->now.ns;
		c->gone_wall_s = w->now.wall_s;
		c->gone_lived_s = w->now.lived_s;
		ledger_note_unsure(&c->unsure, STORE_UNSURE_GONE, w->now);
		c->changed = w->changed = true;
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
	for (size_t i = 0, end = 0, running = 0; i < inv->n_addresses; i++) {
		if (i == end)
			end += inv_claims(inv, i, &running);
		take_address(&w, taken[inv->addresses[i].container], i, running);
	}
	if (inv->complete && !inv->doubtful) {
		retire_missing(&w);
		retire_containers(&w, in_inventory);
	}
	ledger_sort(l);
	if (w.changed)
		l->last_change_ns = now.ns;
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

/* --- ports ----------------------------------------------------------------------------------- */

bool ledger_turn_ports(struct ledger *l, enum port_view view, struct ledger_now now)
{
	bool turned = l->port_view != PORT_VIEW_UNKNOWN && l->port_view != view;

	l->port_view = view;
	if (turned) {
		l->turned_ns = now.ns;
		l->turned_wall_s = now.wall_s;
		l->turned_unsure = now.unsure;
	}
	return turned;
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
	return marked;
}
