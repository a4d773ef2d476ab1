/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LEDGER_H
#define CTM_LEDGER_H

#include "inventory/inv.h"
#include "ledger/snap.h"
#include "netfilter/fw.h"
#include "store/store.h"

/* The ledger: 64-bit totals of every (container, address) and every container. Pure: no clock,
 * kernel or disk.
 * 1. A total never decreases while its row exists.
 * 2. Every octet a reading or a final brings is in exactly one address row, once, and in that
 *    row's container.
 * 3. When octets may have been missed, or would have been counted twice, the row's and the
 *    container's discontinuity say so: once for each disturbance, with a time that goes along until
 *    it is over. What may have been counted twice is not booked.
 * 4. An address that moves opens a new row; the old row keeps its total and retires. One that
 *    several claim goes to the one of them that runs, if all others are stopped. Otherwise it does not
 *    move: who had it keeps it, unless stopped while others run, and if nobody had, nobody gets it.
 * 5. Containers keep what their retired or aged-out rows counted.
 * 6. A decrease is believed only when two readings in a row show it. What led to it nobody knows:
 *    nothing is booked, and counting goes on from there. Other rules of the family may have been set
 *    back too and have passed their old counts again, so all its rows get a discontinuity.
 * 7. A row that aged out is no longer shown, and once it is stored no longer in memory; but an address
 *    or id that comes back resumes its row, from the store: so its totals never fall, and an ifIndex
 *    is its for ever.
 * 8. What rules counted while the ledger did not follow them (an older copy of it was put back, or it is
 *    new) is booked to nobody: addresses may have changed hands. Each row says so by a discontinuity. */

struct ledger;
struct store_batch;
struct store_key;

/* The clocks of an event: CLOCK_BOOTTIME ns, and Unix seconds for people, which are unsure while that
 * clock is on trial; and what ages go by (wallclock.h). */
struct ledger_now {
	uint64_t ns;
	int64_t wall_s;
	int64_t lived_s;
	bool unsure;
};

struct ledger *ledger_new(void);
void ledger_free(struct ledger *l);

/* Take over who has which address from now on. Call it right after readings were applied, so
 * that what an address counted so far is booked to its old owner. An incomplete or a
 * doubtful inventory retires nothing. Returns whether a row came, went or changed hands or status. */
bool ledger_set_inventory(struct ledger *l, const struct inventory *inv, struct ledger_now now);

/* Would that change anything? Cheap; may say so of an inventory that is not in inv_merge's order. */
bool ledger_differs(const struct ledger *l, const struct inventory *inv);

/* The container whose address it is now, NULL: nobody's. */
const char *ledger_holder(const struct ledger *l, const struct addr *addr);

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

/* Fold what the commit of this number removed, made or restarted; nothing when its finals
 * were folded before (by an earlier process that ended before it could say so). */
void ledger_finals(struct ledger *l, enum addr_family family, uint64_t commit,
		   const struct fw_final *finals, size_t n, struct ledger_now now);

/* After a boot nobody has said yet whose it is what the family's rules count: until the first whole
 * inventory, or until it is told otherwise, readings are to be `held`, and what a commit removes is booked to nobody. It is
 * kept with the totals, so that a restart holds it too. */
void ledger_hold(struct ledger *l, enum addr_family family, bool held);
bool ledger_is_held(const struct ledger *l, enum addr_family family);

/* The number of the last commit whose finals were folded. */
uint64_t ledger_epoch(const struct ledger *l, enum addr_family family);

/* Show no more rows that retired before `before_ns` (which may be before boot). Returns whether
 * there were any. */
bool ledger_age_out(struct ledger *l, int64_t before_ns, struct ledger_now now);

/* Let go of what aged out and is stored: it is in the store alone from then on. Not between a
 * ledger_recall and the inventory that it was for. */
void ledger_forget(struct ledger *l);

/* What of an inventory is not in memory: new, or in the store from an earlier time. A new array for
 * free(), which borrows the inventory's texts; NULL when there is nothing. */
struct store_key *ledger_strangers(const struct ledger *l, const struct inventory *inv,
				   size_t *ret_n);

/* These of the strangers the store knew. They are as they were when they aged out, until an inventory
 * has them. Should one have been taken for new meanwhile, it becomes the old one: both totals together
 * with its ifIndex, and a discontinuity. Nothing of `found` may be between a ledger_take_changed and
 * its end. */
void ledger_recall(struct ledger *l, const struct store_batch *found, struct ledger_now now);

/* Whose In and Out the ports of the switch view show from now on. Returns whether that turned
 * them round, which is a discontinuity of all ports (and of no other row); the first time ever is
 * not. Like ifIndex it is kept with the totals: only what they remember tells, at the next start,
 * that a poller has seen the same counters the other way round. */
bool ledger_turn_ports(struct ledger *l, enum port_view view, struct ledger_now now);

/* Fill containers, addresses and the switch view's orders of an empty snapshot. wanted_paths: bits that must all have
 * rules for a row to be counting; problem[family]: that family cannot be counted. */
void ledger_snapshot(const struct ledger *l, uint8_t wanted_paths,
		     const bool problem[ADDR_FAMILIES], struct snap *snap);

/* What the clock did, of all that was stamped until now. */
void ledger_take_step(struct ledger *l, const struct wallclock_step *step);

/* The same of a row on its way from the store, which has not taken that step yet. */
void ledger_step_stored(struct store_totals *t, int64_t *gone_wall_s,
			const struct wallclock_step *step);

/* --- older than the kernel's rules --- */

/* What was restored is older than what was stored last: all its rows get a discontinuity, and what the rules
 * counted before the next reading is nobody's. discontinuities: the highest count that any row was stored with;
 * each row's becomes higher than that, so it is seen to change and never falls. next_ifindex: the next that
 * was to be given; those before it are not given again. */
void ledger_doubt(struct ledger *l, uint32_t discontinuities, uint32_t next_ifindex,
		  struct ledger_now now);

/* Call it before ledger_apply with the commit of the family's rules, 0: there are none. At the first reading a
 * higher one than the ledger knows, and no journal explained (ledger_finals), means the same as ledger_doubt, for
 * this family. Returns whether it does. */
bool ledger_meet(struct ledger *l, enum addr_family family, uint64_t commit, struct ledger_now now);

/* When one of the two happened since the ledger was made, in Unix time; 0: it did not. */
int64_t ledger_doubted_s(const struct ledger *l);

/* The highest count of discontinuities that any row has. */
uint32_t ledger_most_discontinuities(const struct ledger *l);

/* --- to and from the store --- */

/* Take up what a store holds: begin, every container by its ifIndex, every address, end; into an
 * empty ledger.
 * If it is of another boot the kernel's rules are gone and with them what they counted after the
 * last checkpoint: rows that had rules get a discontinuity. */
void ledger_restore_begin(struct ledger *l, const struct store_meta *meta, bool same_boot,
			  struct ledger_now now);
void ledger_restore_container(struct ledger *l, const struct store_container *from);
void ledger_restore_address(struct ledger *l, const struct store_address *from);
void ledger_restore_end(struct ledger *l);

/* Whether the node was started anew since what was restored was stored: no rule counted on meanwhile. */
bool ledger_is_of_new_boot(const struct ledger *l);

/* What changed since it was last taken, containers before their addresses, and the meta data: all of
 * this moment. boot_id, wall_s and synced are for the caller to fill in. Then one of the two below
 * must be told before more is taken; rows may change meanwhile. */
struct store_batch *ledger_take_changed(struct ledger *l);

/* What was taken into `b` is stored; is not, and will be taken again. Rows are compared with what
 * they are in the store, so nothing is booked twice, whatever was tried how often. */
void ledger_saved(struct ledger *l, const struct store_batch *b);
void ledger_not_saved(struct ledger *l);

/* The store was lost: all rows will be taken (with `before`, what they were in it). */
void ledger_unsaved(struct ledger *l);

/* Let people count from now on: a mark for the container `what` and all its rows, or for the rows of
 * the address `what`. Totals do not move. Returns how many marks were set, 0: there is no such. */
size_t ledger_zero(struct ledger *l, const char *what, struct ledger_now now);

#endif
