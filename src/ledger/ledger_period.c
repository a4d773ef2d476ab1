/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger_period.h"

#include "ledger/ledger_rows.h"

#include <string.h>

void ledger_set_terms(struct ledger *l, const struct ledger_terms *terms)
{
	l->terms = *terms;
	l->version++;
}

const struct store_period *ledger_period(const struct ledger *l)
{
	return &l->period;
}

/* FNV-1a of the day and the zone's name. */
static int64_t rule_number(const struct billing_rule *rule)
{
	uint64_t h = 14695981039346656037ull ^ rule->start_day;

	for (const char *c = zone_name_of(rule->zone); *c; c++)
		h = (h ^ (unsigned char)*c) * 1099511628211ull;
	return (int64_t)(h >> 1); /* never negative, for those who read it with SQL */
}

/* --- periods --------------------------------------------------------------------------------- */

/* All containers that are in memory count from here, or from the marks. */
static void begin_parts(struct ledger *l, bool last)
{
	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];
		struct flow total = flow_of(c->totals.path);
		struct flow at = l->period.marked ? c->bill.next : total;

		c->bill.last = last ? flow_less(at, c->bill.at) : (struct flow) { 0, 0 };
		c->bill.at = at;
		c->bill.begin_s = l->period.begin_s;
		c->bill.told = c->heard = 0;
		c->changed = true;
	}
	l->period.marked = 0;
}

/* 1970 has no period that began before it, and 0 stands for none. */
static int64_t begin_of(const struct ledger *l, int64_t wall_s)
{
	int64_t begin_s = billing_begin(&l->terms.rule, wall_s);

	return begin_s > 0 ? begin_s : 1;
}

static void begin_first(struct ledger *l, const struct wallclock *clock, struct ledger_now now)
{
	const struct billing_rule *rule = &l->terms.rule;

	l->period = (struct store_period) { .begin_s = begin_of(l, now.wall_s),
					    .end_s = billing_next(rule, now.wall_s),
					    .counted_s = now.wall_s,
					    .rule = rule_number(rule),
					    .guess = now.unsure ? clock->jumps + 1 : 0 };
	begin_parts(l, false);
}

/* The clock by which the first period began has been set: it was another period. */
static bool correct_guess(struct ledger *l, const struct wallclock *clock, struct ledger_now now)
{
	struct store_period *p = &l->period;
	bool jumped = p->guess && p->guess != clock->jumps + 1;

	if (jumped) {
		p->begin_s = begin_of(l, now.wall_s);
		p->end_s = billing_next(&l->terms.rule, now.wall_s);
		/* Its usage moves as far. */
		p->counted_s =
			p->guess == clock->jumps ? p->counted_s + clock->jump_by_s : now.wall_s;
		p->marked = 0;
		for (size_t i = 0; i < l->n_containers; i++) {
			l->containers[i]->bill.begin_s = p->begin_s;
			l->containers[i]->changed = true;
		}
	}
	if (p->guess)
		p->guess = now.unsure ? clock->jumps + 1 : 0;
	return jumped;
}

static void take_rule(struct ledger *l, int64_t believed_s)
{
	struct store_period *p = &l->period;
	int64_t rule = rule_number(&l->terms.rule);

	if (p->rule == rule)
		return;
	p->rule = rule;
	p->end_s = billing_next(&l->terms.rule, believed_s > p->begin_s ? believed_s : p->begin_s);
}

static void mark(struct ledger *l, struct ledger_now now)
{
	l->period.marked = now.wall_s;
	l->version++;
	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];

		c->bill.next = flow_of(c->totals.path);
		c->changed = true;
	}
}

static void begin_next(struct ledger *l, int64_t believed_s)
{
	struct store_period *p = &l->period;

	p->last_begin_s = p->begin_s;
	p->last_end_s = p->end_s;
	p->last_counted_s = p->counted_s;
	p->counted_s = p->marked;
	p->begin_s = billing_begin(&l->terms.rule, believed_s);
	p->end_s = billing_next(&l->terms.rule, p->begin_s);
	p->guess = 0;
	begin_parts(l, true);
}

bool ledger_turn_period(struct ledger *l, const struct wallclock *clock, struct ledger_now now)
{
	struct store_period *p = &l->period;
	int64_t believed_s = wallclock_believed_s(clock);

	if (!l->terms.rule.zone)
		return false;
	if (!p->begin_s) {
		begin_first(l, clock, now);
		l->version++;
		return true;
	}
	if (correct_guess(l, clock, now)) {
		l->version++;
		return true;
	}
	take_rule(l, believed_s);
	if (now.wall_s < p->end_s) {
		p->marked = 0; /* the clock was wrong */
		return false;
	}
	if (!p->marked)
		mark(l, now);
	if (believed_s < p->end_s)
		return false;
	begin_next(l, believed_s);
	l->version++;
	return true;
}

/* --- quotas ---------------------------------------------------------------------------------- */

struct billing_quota ledger_quota_of(const struct ledger *l, const struct container *c)
{
	struct billing_quota quota;

	billing_quota_of(&c->bill.set, &c->bill.said, &l->terms.quota, &quota);
	return quota;
}

struct flow ledger_used(const struct container *c)
{
	return flow_less(flow_of(c->totals.path), c->bill.at);
}

size_t ledger_reach(struct ledger *l, ledger_reach_fn *fn, void *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_containers && l->period.begin_s; i++) {
		struct container *c = l->containers[i];
		const struct billing_quota quota = ledger_quota_of(l, c);
		struct flow used = ledger_used(c);
		uint32_t reached = billing_reached(&l->terms.thresholds,
						   billing_counted(quota.counts, used.in, used.out),
						   quota.octets);

		if (quota.octets != c->bill.told_quota && c->bill.told > reached) {
			c->bill.told = reached;
			c->changed = true;
			l->version++;
		}
		c->heard = c->heard > reached ? reached : c->heard;
		if (reached <= c->bill.told)
			continue;
		c->bill.told = reached;
		c->bill.told_quota = quota.octets;
		c->changed = true;
		l->version++;
		fn(arg, &(struct ledger_reach) { c->id, c->name, reached, used, quota });
		n++;
	}
	return n;
}

bool ledger_set_quota(struct ledger *l, const char *id, struct billing_quota quota)
{
	for (size_t i = 0; i < l->n_containers; i++) {
		struct container *c = l->containers[i];

		if (c->state == STORE_AGED || strcmp(c->id, id) != 0)
			continue;
		c->bill.set = quota;
		c->changed = true;
		l->version++;
		return true;
	}
	return false;
}
