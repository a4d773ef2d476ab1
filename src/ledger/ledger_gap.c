/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disturbances. Any change that others make to a family's rules is a discontinuity of all its
 * rows, since any of their packets may have passed uncounted or been counted twice. A disturbance
 * lasts from the last good reading to the first that shows all rules in place again.
 * The count of discontinuities counts events, so each row gets one more when a disturbance begins
 * (slot.told). Its time moves on with the readings until the disturbance is over, so a manager
 * that polled meanwhile sees it change. */
#include "ledger/ledger_rows.h"

/* Does the slot have a rule, or did it until lately, that could be missed? */
static bool is_concerned(const struct slot *s)
{
	return s->seen || (s->lost && s->owner->state == STORE_LIVE);
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
		if (s->lost && !s->seen && s->owner->state == STORE_LIVE)
			rules_gone = true;
	}
	return rules_gone;
}

static void settle(struct ledger *l, enum addr_family family)
{
	for (size_t i = 0; i < l->n_slots; i++)
		if (l->slots[i].addr.family == family)
			l->slots[i].told = false;
	l->gap[family].lasts = false;
}

void ledger_note_disturbance(struct ledger *l, enum addr_family family,
			     const struct fw_reading *reading, bool all, bool recheck,
			     struct ledger_now now)
{
	bool lasts = reading->disturbed || reading->doubled;

	if (all || lasts)
		ledger_disturb(l, family, now);
	for (size_t i = 0; i < l->n_slots && reading->zeroed; i++) {
		struct slot *s = &l->slots[i];

		if (s->struck && !(all || lasts))
			ledger_stamp(s, now);
		s->struck = false;
	}
	if (!l->gap[family].lasts)
		return;
	lasts = go_along(l, family, now) || lasts || recheck;
	if (!lasts)
		settle(l, family);
}
