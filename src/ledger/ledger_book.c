/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Booking: the counters of readings and commits become octets of rows and of their containers. A
 * rule's counter is folded as the difference from its last value (slot.last). */
#include "ledger/ledger_rows.h"

#include <string.h>

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

void ledger_mark_discontinuity(struct snap_totals *t, uint8_t *unsure, uint64_t *counted_ns,
			       struct ledger_now now)
{
	if (*counted_ns == now.ns)
		return; /* several paths of one row, or rows of one container: one event */
	*counted_ns = now.ns;
	t->discontinuity_ns = now.ns;
	t->discontinuity_wall_s = now.wall_s;
	ledger_note_unsure(unsure, STORE_UNSURE_DISCONTINUITY, now);
	t->discontinuities++;
}

void ledger_discontinue(struct row *row, struct ledger_now now)
{
	ledger_touch(row);
	ledger_mark_discontinuity(&row->totals, &row->unsure, &row->counted_ns, now);
	ledger_mark_discontinuity(&row->container->totals, &row->container->unsure,
				  &row->container->counted_ns, now);
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

/* Continue from another value. What led to it is unknown and is booked to no row. */
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

/* Returns LEDGER_DISCONT if something happened that concerns the other rows too, unless each is
 * counted apart; sets s->struck if it concerns this row alone. */
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
	if (reading->zeroed && !reading->stale && !(row->intact & bit)) {
		/* Everything in the counter was counted since the zeroing. */
		s->lost &= (uint8_t)~bit;
		s->struck = true;
		rebase(s, path, doubled ? c : (struct counters) { 0, 0 });
		return reading->held ? LEDGER_OK : advance(s, path, c);
	}
	if (reading->stale || s->lost & bit) {
		/* Others put the rule back, with an unknown count. */
		s->lost &= (uint8_t)~bit;
		return rebase(s, path, c);
	}
	if (doubled) {
		rebase(s, path, c);
		return LEDGER_OK; /* the reading reports it for all rows */
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

/* Fold one slot's row of a reading, NULL: it has none; note in *found what that means. */
static enum ledger_result apply_row(struct slot *s, const struct fw_row *row,
				    const struct fw_reading *reading, bool committing, bool doubled,
				    struct disturbance *found)
{
	enum ledger_result worst = LEDGER_OK, r;
	bool odd = false;

	for (enum path p = 0; row && p < PATHS; p++) {
		if (!(row->present & 1u << p))
			continue;
		r = apply_path(s, p, row, reading, doubled);
		odd = odd || r == LEDGER_DISCONT;
		worst = worse(worst, r);
	}
	if (!committing) {
		r = miss_rules(s, row ? row->present : 0);
		odd = odd || r == LEDGER_DISCONT;
		worst = worse(worst, r);
	}
	if (odd && reading->apart)
		s->struck = true;
	s->missing = row && row->missing;
	found->all = found->all || (odd && !reading->apart);
	found->some = found->some || s->struck || s->missing;
	return worst;
}

/* Does a row, or that there is none, say nothing new of its slot? Most do, most of the time.
 * `plain`: the reading says nothing of all rows. */
static bool is_still(const struct slot *s, const struct fw_row *row, bool plain)
{
	if (!row) /* a retired address has no rules */
		return plain && !s->seen && !s->suspect && !s->struck && !s->missing;
	return plain && row->present == s->seen && !row->missing && !s->suspect && !s->lost &&
	       !memcmp(row->path, s->last, sizeof(s->last));
}

enum ledger_result ledger_apply(struct ledger *l, enum addr_family family,
				const struct fw_reading *reading, bool committing,
				struct ledger_now now)
{
	bool doubled = reading->doubled || l->gap[family].doubled;
	struct disturbance found = { .all = reading->stale };
	bool doubted = l->doubted[family];
	bool plain = !(doubled || doubted || reading->zeroed || reading->stale);
	bool moved = !plain || reading->disturbed || l->gap[family].lasts || l->gap[family].alone;
	enum ledger_result worst = LEDGER_OK;
	size_t i = 0;

	l->orphans[family].n = 0;
	for (size_t k = 0; k < l->n_slots; k++) {
		struct slot *s = &l->slots[k];
		const struct fw_row *row = NULL;

		if (s->addr.family != family)
			continue;
		while (i < reading->n_rows && addr_cmp(&reading->rows[i].addr, &s->addr) < 0)
			ledger_orphans_add(l, &reading->rows[i++]);
		if (i < reading->n_rows && !addr_cmp(&reading->rows[i].addr, &s->addr))
			row = &reading->rows[i++];
		if (doubted) {
			ledger_adopt(s, row);
			continue;
		}
		if (is_still(s, row, plain))
			continue;
		moved = true;
		worst = worse(worst, apply_row(s, row, reading, committing, doubled, &found));
	}
	while (i < reading->n_rows)
		ledger_orphans_add(l, &reading->rows[i++]);
	l->version += moved;
	l->doubted[family] = false;
	l->gap[family].doubled = reading->doubled;
	found.recheck = worst == LEDGER_RECHECK;
	ledger_note_disturbance(l, family, reading, found, now);
	if (worst == LEDGER_OK && (doubted || found.all || found.some || reading->disturbed))
		worst = LEDGER_DISCONT;
	return worst;
}

static bool is_made(const struct fw_final *f)
{
	return f->kind == FW_CREATED || f->kind == FW_RESUMED;
}

/* Does a final show that its rule was disturbed? It does if the rule was seen at the last reading
 * and was made anew since, or counts less than then. */
static bool is_odd(const struct ledger *l, const struct fw_final *f)
{
	const struct slot *s = ledger_find_slot(l, l->n_slots, &f->addr);

	if (!s || l->doubted[s->addr.family] || f->kind == FW_MISSED)
		return false;
	return is_made(f) ? s->seen & 1u << f->path : is_less(f->final, s->last[f->path]);
}

/* Were more rules than its own disturbed? `apart`: each is counted for itself. */
static bool befell_all(const struct ledger *l, const struct fw_final *f, bool apart)
{
	return f->kind == FW_DISTURBED || f->kind == FW_DOUBLED || (!apart && is_odd(l, f));
}

/* Does a final mean a discontinuity for its row alone? */
static bool befell_it(const struct ledger *l, const struct slot *s, const struct fw_final *f,
		      bool apart)
{
	if (l->doubted[f->addr.family])
		return false; /* already marked */
	if (f->kind == FW_MISSED || is_odd(l, f))
		return f->kind == FW_MISSED || apart;
	/* The rule existed before and was not wanted for a while; or it was missing at the last
	 * reading, which is already marked. Another backend counts in another way, even if no
	 * packet was missed. */
	return (f->kind == FW_CREATED || (f->kind == FW_RESUMED && l->left[f->addr.family])) &&
	       s->counted & 1u << f->path;
}

/* Book what a rule counted before it was removed or restarted. */
static void book_final(struct ledger *l, struct slot *s, const struct fw_final *f,
		       struct ledger_now now)
{
	enum addr_family family = f->addr.family;

	if (l->held[family]) {
		if (is_less(s->last[f->path], f->final)) /* nobody has said whose it is */
			ledger_stamp(s, now);
	} else if (!l->doubted[family] && !is_less(f->final, s->last[f->path]) &&
		   !l->gap[family].doubled) {
		advance(s, f->path, f->final);
	}
}

static void fold_final(struct ledger *l, const struct fw_final *f, bool apart,
		       struct ledger_now now)
{
	struct slot *s = ledger_find_slot(l, l->n_slots, &f->addr);
	uint8_t bit = (uint8_t)(1u << f->path);

	if (!s && is_made(f))
		ledger_addrs_add(&l->born, &f->addr);
	if (!s)
		return;
	if (befell_it(l, s, f, apart))
		apart || f->kind == FW_MISSED ? ledger_disturb_alone(l, s, now)
					      : ledger_stamp(s, now);
	if (f->kind == FW_MISSED)
		return;
	if (!is_made(f))
		book_final(l, s, f, now);
	s->last[f->path] = (struct counters) { 0, 0 };
	s->counted |= bit;
	s->seen &= (uint8_t)~bit;
	s->suspect &= (uint8_t)~bit;
	s->lost &= (uint8_t)~bit;
	ledger_touch(s->owner);
}

void ledger_finals(struct ledger *l, enum addr_family family, uint64_t commit,
		   const struct fw_final *finals, size_t n, bool apart, struct ledger_now now)
{
	bool all = false;

	if (!commit || commit <= l->commit[family])
		return;
	for (size_t i = 0; i < n; i++) {
		all = all || befell_all(l, &finals[i], apart);
		l->gap[family].doubled |= finals[i].kind == FW_DOUBLED;
	}
	if (all)
		ledger_disturb(l, family, now);
	for (size_t i = 0; i < n; i++)
		if (finals[i].kind != FW_DISTURBED && finals[i].kind != FW_DOUBLED)
			fold_final(l, &finals[i], apart, now);
	ledger_addrs_sort(&l->born);
	l->commit[family] = commit;
	l->version++;
}

void ledger_hold(struct ledger *l, enum addr_family family, bool held)
{
	l->held[family] = held;
}

bool ledger_is_held(const struct ledger *l, enum addr_family family)
{
	return l->held[family];
}

void ledger_leave(struct ledger *l, enum addr_family family, bool left)
{
	l->left[family] = left;
}

uint64_t ledger_commit(const struct ledger *l, enum addr_family family)
{
	return l->commit[family];
}
