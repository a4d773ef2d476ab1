/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LEDGER_H
#define CTM_LEDGER_H

#include "base/wallclock.h"
#include "inventory/inv.h"
#include "ledger/snap.h"
#include "netfilter/fw_reading.h"

/* The ledger: 64-bit totals of every (container, address) and every container. Pure: it reads no
 * clock, kernel or disk.
 * 1. A total never decreases while its row exists.
 * 2. Every octet of a reading or a final is booked to exactly one address row, once, and to that
 *    row's container.
 * 3. If octets may have been missed, or would have been counted twice, the row and its container
 *    get a discontinuity: one for each disturbance, whose time moves on until it is over. Octets
 *    that may have been counted twice are not booked. A change of the rules concerns all rows of
 *    the family. Where each row is counted apart (fw_reading.apart) it concerns the rows that it
 *    names: a rule that is absent, or made anew without a final, or counts less. So does
 *    `missing` of a reading, and FW_MISSED of a commit. All that happens to a row until a reading
 *    shows it whole again is one disturbance.
 * 4. An address that moves opens a new row; the old row keeps its total and retires. If several
 *    containers claim an address, those compete whose claim has the highest rank. Of those that
 *    were assigned it, it goes to the one that runs, if all others are stopped. Otherwise it does
 *    not move: its holder keeps it, unless that container is stopped while others run; without a
 *    holder, no container gets it. Where it was only found, it stays with the one that had it
 *    last until that gives it up (ledger_believe.c), and nobody gets it meanwhile.
 * 5. A container keeps what its retired or aged-out rows counted.
 * 6. A decrease is believed only after two readings in a row show it. Its cause is unknown:
 *    nothing is booked, and counting continues from the lower value. Other rules of the family
 *    may have been reset too and have passed their old counts again, so unless each row is
 *    counted apart, all rows of the family get a discontinuity.
 * 7. An aged-out row is no longer shown and, once stored, no longer in memory. An address or id
 *    that comes back resumes its row from the store, so its totals never fall and its ifIndex is
 *    never given to another.
 * 8. What rules counted while the ledger did not follow them (it is new, or an older copy of it
 *    was put back) is booked to no row, since addresses may have changed hands. Each row gets a
 *    discontinuity. */

struct ledger;

/* The clocks of an event: CLOCK_BOOTTIME in ns; Unix seconds for people, unsure while that clock
 * is on trial; and the clock that ages are measured by (wallclock.h). */
struct ledger_now {
	uint64_t ns;
	int64_t wall_s;
	int64_t lived_s;
	bool unsure;
};

struct ledger *ledger_new(void);
void ledger_free(struct ledger *l);

/* Take the inventory as the owners of addresses from now on. Call it right after readings were
 * applied, so that what an address has counted so far is booked to its old owner. An incomplete or
 * doubtful inventory retires nothing. Returns whether a row came, went, or changed its owner or
 * status. */
bool ledger_set_inventory(struct ledger *l, const struct inventory *inv, struct ledger_now now);

/* Would ledger_set_inventory change anything? Cheap. May return true for an inventory that is not
 * in inv_merge's order. */
bool ledger_differs(const struct ledger *l, const struct inventory *inv);

/* The container that holds the address now, NULL: none. */
const char *ledger_holder(const struct ledger *l, const struct addr *addr);

/* The container that had the address last, has not given it up, and has it not now: one in which
 * the address is found meanwhile does not get it. NULL: none. *ret_run: what that one does. */
#define LEDGER_HOLD_NS (300 * 1000000000ull) /* to run without it, or be gone, is to give it up */
const char *ledger_kept_for(const struct ledger *l, const struct addr *addr, struct ledger_now now,
			    enum inv_run *ret_run);

/* Each container in the inventory to which a runtime has given an id of its own. */
typedef void ledger_runtime_id_fn(void *arg, const char *runtime, const char *runtime_id,
				  const char *id);
void ledger_each_runtime_id(const struct ledger *l, ledger_runtime_id_fn *fn, void *arg);

/* The addresses that need rules: sorted, distinct, without those in conflict. A new array for
 * free(). */
struct addr *ledger_wanted(const struct ledger *l, enum addr_family family, size_t *ret_n);

/* An address that needs rules, and who has it. */
struct ledger_claim {
	struct addr addr;
	const char *owner; /* the container's id; borrowed until the next inventory */
	enum inv_run run;
};

/* The same addresses as ledger_wanted, of both families, with their owners. */
struct ledger_claim *ledger_claims(const struct ledger *l, size_t *ret_n);

enum ledger_result {
	LEDGER_OK,
	LEDGER_RECHECK, /* a counter decreased: read again soon, before it is believed */
	LEDGER_DISCONT, /* some row got a discontinuity */
};

/* Fold one reading of a family into the totals. `committing`: our own commit is under way, so a
 * rule that is absent is not yet missing. */
enum ledger_result ledger_apply(struct ledger *l, enum addr_family family,
				const struct fw_reading *reading, bool committing,
				struct ledger_now now);

/* Fold the finals of the commit of this number: rules removed, made or restarted, and rows of which
 * packets were missed. `apart`: as in the backend's readings. Does nothing if the finals of that
 * commit were folded before (by an earlier process that ended before it could record that). */
void ledger_finals(struct ledger *l, enum addr_family family, uint64_t commit,
		   const struct fw_final *finals, size_t n, bool apart, struct ledger_now now);

/* After a boot it is unknown whose traffic the family's rules have counted. Until the first whole
 * inventory, or until the caller says otherwise, readings are to be `held`, and what a commit
 * removes is booked to no row. The flag is stored with the totals, so it survives a restart. */
void ledger_hold(struct ledger *l, enum addr_family family, bool held);
bool ledger_is_held(const struct ledger *l, enum addr_family family);

/* The family's last commit removed rules that will be made anew, by another backend or after a
 * teardown: until then packets of all their rows pass uncounted. It is kept with the totals, so
 * that a restart in between knows it. */
void ledger_leave(struct ledger *l, enum addr_family family, bool left);

/* The number of the last commit whose finals were folded. */
uint64_t ledger_commit(const struct ledger *l, enum addr_family family);

/* Age out the rows that retired before `before_ns` (which may be before boot): they are no longer
 * shown. Returns whether there were any. */
bool ledger_age_out(struct ledger *l, int64_t before_ns, struct ledger_now now);

/* Free the aged-out rows that are stored; from then on only the store has them. Not between a
 * ledger_recall and the inventory that it was for. */
void ledger_forget(struct ledger *l);

/* Set whose In and Out the ports of the switch view show, and how many octets they count more for
 * each packet. Returns what that changed, which is a discontinuity of all ports (and of no other
 * row); the first setting ever changes nothing. Like ifIndex it is stored with the totals: at the
 * next start only the store can tell that pollers have seen the same counters in another way. */
struct ledger_turn {
	bool swapped; /* In and Out */
	bool framed; /* octets grew or shrank */
};
struct ledger_turn ledger_turn_ports(struct ledger *l, enum port_view view, uint32_t framing_octets,
				     struct ledger_now now);

/* Set a mark now, from which people count: for the container `what` and all its rows, or for the
 * rows of the address `what`. Totals do not move. Returns the number of marks set, 0: there is no
 * such container or address. */
size_t ledger_zero(struct ledger *l, const char *what, struct ledger_now now);

/* Fill containers, addresses and the switch view's orders of an empty snapshot. wanted_paths: bits
 * of the paths that must have rules for a row to be counting. problem[family]: that family cannot
 * be counted. */
void ledger_snapshot(struct ledger *l, uint8_t wanted_paths, const bool problem[ADDR_FAMILIES],
		     struct snap *snap);

/* Grows when something has changed, in rows and containers, that a snapshot or the store is to be
 * told. On most nodes most of the time nothing has, so who remembers it need not look at them. */
uint64_t ledger_version(const struct ledger *l);

/* Apply a step of the clock to everything stamped until now. */
void ledger_take_step(struct ledger *l, const struct wallclock_step *step);

/* --- a ledger older than the kernel's rules --- */

/* The restored ledger is older than the one stored last. All its rows get a discontinuity, and
 * what the rules counted before the next reading is booked to no row.
 * discontinuities: the highest count that any row was stored with. Each row's count becomes
 * higher, so that pollers see it change and it never falls. next_ifindex: the next ifIndex to give
 * in the newer ledger; lower ones are not given again. */
void ledger_doubt(struct ledger *l, uint32_t discontinuities, uint32_t next_ifindex,
		  struct ledger_now now);

/* Call before ledger_apply with the commit number of the family's rules, 0: there are none. At the
 * first reading, a number higher than the ledger knows, if no journal explained it (ledger_finals),
 * has the effect of ledger_doubt for this family. Returns whether it had. */
bool ledger_meet(struct ledger *l, enum addr_family family, uint64_t commit, struct ledger_now now);

/* When ledger_doubt or ledger_meet last found the ledger older, in Unix seconds; 0: not since it
 * was made. */
int64_t ledger_doubted_s(const struct ledger *l);

/* Whether the node booted since the restored checkpoint, so that no rule counted on meanwhile. */
bool ledger_is_of_new_boot(const struct ledger *l);

/* The highest count of discontinuities of any row. */
uint32_t ledger_most_discontinuities(struct ledger *l);

#endif
