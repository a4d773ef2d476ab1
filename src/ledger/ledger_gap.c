/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disturbances. Any change that others make to a family's rules is a discontinuity of all its
 * rows, since any of their packets may have passed uncounted or been counted twice. Where each row
 * is counted apart (fw_reading.apart), or a reading or a final names the row, it is one of that row
 * alone. A disturbance lasts from the last good reading to the first that shows all rules, or that
 * row, in place again.
 * The count of discontinuities counts events, so each row gets one more when a disturbance begins
 * (slot.told). Its time moves on with the readings until the disturbance is over, so a manager
 * that polled meanwhile sees it change. */
#include "ledger/ledger_rows.h"

/* Does the slot have a rule, or did it until lately, that could be missed? */
static bool is_concerned(const struct slot *s)
{
	return s->seen || (s->lost && s->owner->state == STORE_LIVE);
}

/* The slot has lost its rules, and is to have them. */
static bool are_rules_gone(const struct slot *s)
{
	return s->lost && !s->seen && s->owner->state == STORE_LIVE;
}

void ledger_stamp(struct slot *s, struct ledger_now now)
{
	if (s->told)
		ledger_prolong(s->owner, now);
	else
		ledger_discontinue(s->owner, now);
}

void ledger_disturb(struct ledger *l, enum addr_family family, struct ledger_now now)
{
	for (size_t i = 0; i < l->n_slots; i++) {
		struct slot *s = &l->slots[i];

		if (s->addr.family != family || !is_concerned(s))
			continue;
		ledger_stamp(s, now);
		s->told = true;
	}
	l->gap[family].lasts = true;
}

/* Prolong the discontinuity of the slots that have it. Returns whether some have no rules yet, so
 * that the disturbance is not over. */
static bool go_along(struct ledger *l, enum addr_family family, struct ledger_now now)
{
	bool rules_gone = false;

	for (size_t i = 0; i < l->n_slots; i++) {
		struct slot *s = &l->slots[i];

		if (s->addr.family != family || !s->told)
			continue;
		if (is_concerned(s))
			ledger_prolong(s->owner, now);
		rules_gone = rules_gone || are_rules_gone(s);
	}
	return rules_gone;
}

static void settle(struct ledger *l, enum addr_family family)
{
	for (size_t i = 0; i < l->n_slots; i++)
		if (l->slots[i].addr.family == family)
			l->slots[i].told = l->slots[i].alone;
	l->gap[family].lasts = false;
}

void ledger_disturb_alone(struct ledger *l, struct slot *s, struct ledger_now now)
{
	ledger_stamp(s, now);
	s->told = s->alone = true;
	l->gap[s->addr.family].alone = true;
}

/* The rows that are disturbed alone: each one's disturbance lasts until a reading shows it whole
 * again. */
static void note_alone(struct ledger *l, enum addr_family family, struct ledger_now now)
{
	bool some = false;

	for (size_t i = 0; i < l->n_slots; i++) {
		struct slot *s = &l->slots[i];
		bool lasts = s->missing || s->suspect || are_rules_gone(s);

		if (s->addr.family != family)
			continue;
		if (s->struck || s->missing)
			ledger_disturb_alone(l, s, now);
		else if (s->alone && is_concerned(s))
			ledger_prolong(s->owner, now);
		s->struck = s->missing = false;
		if (s->alone && !lasts) {
			s->alone = false;
			s->told = l->gap[family].lasts;
		}
		some = some || s->alone;
	}
	l->gap[family].alone = some;
}

void ledger_note_disturbance(struct ledger *l, enum addr_family family,
			     const struct fw_reading *reading, struct disturbance found,
			     struct ledger_now now)
{
	bool lasts = reading->disturbed || reading->doubled;

	if (found.all || lasts)
		ledger_disturb(l, family, now);
	if (found.some || l->gap[family].alone)
		note_alone(l, family, now);
	if (!l->gap[family].lasts)
		return;
	lasts = go_along(l, family, now) || lasts || found.recheck;
	if (!lasts)
		settle(l, family);
}
