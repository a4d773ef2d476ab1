/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disturbances. Whatever somebody does to a family's rules is a discontinuity of all its rows, since any
 * of their packets may have passed uncounted, or twice. It lasts from the last good reading to the first
 * that shows all in its place again. The count tells events, so each row gets one more when it begins
 * (slot.told); the time goes along with the readings until it is over, so that whoever polled
 * meanwhile finds it changed. */
#include "ledger/ledger_rows.h"

/* Whether a rule of it is, or was lately, there to be missed. */
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

/* Those that were told go along. Returns whether some have no rules yet, which is not over. */
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

/* After all rules were looked at. `all`: something befell all rows; recheck: and may turn out to have
 * befallen more. */
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
