/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LEDGER_PERIOD_H
#define CTM_LEDGER_PERIOD_H

#include "base/billing.h"
#include "ledger/ledger.h"
#include "store/store.h"

/* Billing periods and quotas.
 * 1. What a container used in a period is the difference of its totals: those now, or when the
 *    next period began, less those when it began. The totals at both moments are stored with the
 *    totals themselves, so a kill loses nothing, and adjoining periods add up to the octet.
 * 2. Wall time alone ends no period. When the clock passes a period's end and is not believed
 *    (wallclock_believed_s), the totals of that moment are kept aside (`marked`); the period ends
 *    with these once the clock is believed. If the clock is set back first, nothing has happened.
 * 3. A change of the start day or zone ends no period either: the present one lasts until the next
 *    beginning by the new rule.
 * 4. A container that comes in a period begins it at 0. One that was not in memory when a period
 *    began had no traffic since (store_settle).
 * 5. A threshold is due once in a period for a quota. It is noted, and so stored, before anybody is
 *    told; where the quota changes, those that are no longer reached may be due again. */

/* What the configuration says. */
struct ledger_terms {
	struct billing_rule rule; /* zone NULL: there are no periods */
	struct billing_quota quota; /* for containers of which nobody says more */
	struct billing_thresholds thresholds;
};

/* From now on. The zone is borrowed until the next call. */
void ledger_set_terms(struct ledger *l, const struct ledger_terms *terms);

/* Begin a period if it is time. Call right after a reading. Returns whether one began, or the
 * present one became another. */
bool ledger_turn_period(struct ledger *l, const struct wallclock *clock, struct ledger_now now);

const struct store_period *ledger_period(const struct ledger *l);

/* A threshold that was reached; texts are borrowed until the next inventory. */
struct ledger_reach {
	const char *id, *name;
	uint32_t percent;
	struct flow used;
	struct billing_quota quota;
};

/* Note each container's highest threshold that is due, and call fn for it. Store the ledger before
 * anybody is told. Returns how many there were. */
typedef void ledger_reach_fn(void *arg, const struct ledger_reach *reach);
size_t ledger_reach(struct ledger *l, ledger_reach_fn *fn, void *arg);

/* Set a container's quota, over what the inventory says. octets 0 or counts 0 take that setting
 * back. Returns false if there is no such container. */
bool ledger_set_quota(struct ledger *l, const char *id, struct billing_quota quota);

#endif
