/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LEDGER_H
#define CTM_LEDGER_H

#include "fw.h"
#include "inv.h"
#include "snap.h"

/* The ledger: 64-bit totals of every (container, address) and every container. Pure: no clock,
 * kernel or disk.
 * 1. A total never decreases while its row exists.
 * 2. Every octet a reading or a final brings is in exactly one address row, once, and in that
 *    row's container.
 * 3. When octets may have been missed, the row's and the container's discontinuity say so.
 * 4. An address that moves opens a new row; the old row keeps its total and retires.
 * 5. Containers keep what their retired or aged-out rows counted.
 * 6. A decrease is believed only when two readings in a row show it. */

struct ledger;

/* The two clocks of an event: CLOCK_BOOTTIME ns, and Unix seconds for people. */
struct ledger_now {
	uint64_t ns;
	int64_t wall_s;
};

struct ledger *ledger_new(void);
void ledger_free(struct ledger *l);

/* Take over who has which address from now on. Call it right after readings were applied, so
 * that what an address counted so far is booked to its old owner. An incomplete inventory
 * retires nothing. Returns whether a row came, went or changed hands or status. */
bool ledger_set_inventory(struct ledger *l, const struct inventory *inv, struct ledger_now now);

/* Which addresses need rules: sorted, distinct; not those in conflict. A new array for free(). */
struct addr *ledger_wanted(const struct ledger *l, enum addr_family family, size_t *ret_n);

enum ledger_result {
	LEDGER_OK,
	LEDGER_RECHECK, /* something decreased: read again soon, before it is believed */
	LEDGER_DISCONT, /* some row had a discontinuity */
};

/* Fold one reading of a family into the totals.
 * `committing`: our own commit is under way, so a rule that is missing is not yet missed. */
enum ledger_result ledger_apply(struct ledger *l, enum addr_family family,
				const struct fw_reading *reading, bool committing,
				struct ledger_now now);

/* Fold what a commit removed, made or restarted. */
void ledger_finals(struct ledger *l, const struct fw_final *finals, size_t n,
		   struct ledger_now now);

/* Drop rows that retired before `before_ns`. Returns whether any did. */
bool ledger_age_out(struct ledger *l, uint64_t before_ns, struct ledger_now now);

/* Fill containers and addresses of an empty snapshot. wanted_paths: bits that must all have
 * rules for a row to be counting; problem[family]: that family cannot be counted. */
void ledger_snapshot(const struct ledger *l, uint8_t wanted_paths,
		     const bool problem[ADDR_FAMILIES], struct snap *snap);

/* Conflicts now (addresses claimed by several containers). */
size_t ledger_conflicts(const struct ledger *l);

#endif
