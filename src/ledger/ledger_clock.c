/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times stamped while the clock was on trial move when the clock is set. The store does the same
 * with its rows (store_clock.c), so no row need be written for it. */
#include "ledger/ledger_rows.h"
#include "ledger/ledger_store.h"

/* Snapshots share a mark, so moving one makes a new mark. */
static void move_mark(struct snap_totals *t, int64_t by_s)
{
	struct snap_mark *moved;

	if (!t->zero)
		return;
	moved = snap_mark_new(t->zero->at, t->zero->wall_s + by_s);
	snap_mark_unref(t->zero);
	t->zero = moved;
}

static void step_totals(struct snap_totals *t, int64_t *gone_wall_s, uint8_t *unsure,
			const struct wallclock_step *step)
{
	if (*unsure & STORE_UNSURE_SINCE)
		t->since_wall_s += step->by_s;
	if (*unsure & STORE_UNSURE_DISCONTINUITY)
		t->discontinuity_wall_s += step->by_s;
	if (*unsure & STORE_UNSURE_ZERO)
		move_mark(t, step->by_s);
	if (*unsure & STORE_UNSURE_GONE)
		*gone_wall_s += step->by_s;
	if (step->kind == WALLCLOCK_SURE)
		*unsure = 0;
}

void ledger_take_step(struct ledger *l, const struct wallclock_step *step)
{
	if (step->kind == WALLCLOCK_UNSURE)
		return;
	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];

		step_totals(&c->totals, &c->gone_wall_s, &c->unsure, step);
	}
	for (size_t i = 0; i < l->n_rows; i++) {
		struct row *row = l->rows[i];

		step_totals(&row->totals, &row->gone_wall_s, &row->unsure, step);
	}
	if (l->turned_unsure)
		l->turned_wall_s += step->by_s;
	if (l->doubted_unsure)
		l->doubted_wall_s += step->by_s;
	if (step->kind == WALLCLOCK_SURE)
		l->turned_unsure = l->doubted_unsure = false;
	l->version++;
}

void ledger_step_stored(struct store_totals *t, int64_t *gone_wall_s,
			const struct wallclock_step *step)
{
	if (t->unsure & STORE_UNSURE_SINCE)
		t->since_wall_s += step->by_s;
	if (t->unsure & STORE_UNSURE_DISCONTINUITY)
		t->discontinuity_wall_s += step->by_s;
	if (t->unsure & STORE_UNSURE_ZERO)
		t->zero_wall_s += step->by_s;
	if (t->unsure & STORE_UNSURE_GONE)
		*gone_wall_s += step->by_s;
	if (step->kind == WALLCLOCK_SURE)
		t->unsure = 0;
}
