/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LEDGER_ROWS_H
#define CTM_LEDGER_ROWS_H

#include "ledger/ledger.h"
#include "ledger/ledger_period.h"
#include "store/store.h"

/* The ledger's own objects, for ledger*.c only. Each kind is in an array sorted by its key:
 * containers (id), rows (container, address), slots (address). The containers are in a second
 * array by ifIndex; a new container's ifIndex is the highest, so appending keeps that order.
 * A slot is the ledger's side of an address's counting rules: the last reading of each, and the
 * row that their next octets are booked to. Rules are keyed by address alone, so an address that
 * changes hands only changes its slot's owner. */

struct container {
	char *id, *name; /* one allocation, see ledger_name_container */
	const char *shown; /* the same in ledger.names; NULL: not there */
	struct snap_totals totals;
	uint64_t run_ns; /* since when; 0: not known */
	uint64_t counted_ns; /* when a discontinuity was last added */
	/* In boot time, negative if before boot (reckoned by lived_s, wallclock.h); in Unix time;
	 * in time lived. */
	int64_t gone_ns, gone_wall_s, gone_lived_s;
	enum inv_run run;
	uint32_t ifindex;
	enum store_state state;
	uint32_t number; /* scratch: index in an array */
	bool changed; /* since it was taken into a batch */
	bool saving; /* it is in a batch whose outcome is not known yet */
	uint8_t unsure; /* bits of enum store_unsure */
	char *runtime, *runtime_id; /* one allocation, see ledger_set_runtime */
	char *image; /* in it, too; as last said; not stored */
	enum inv_net net; /* as last said; not stored */
	struct store_bill bill;
	uint32_t heard; /* the highest threshold noted before this process began */
};

struct row {
	struct container *container;
	struct snap_totals totals;
	uint64_t key;
	uint64_t counted_ns;
	int64_t gone_ns, gone_wall_s, gone_lived_s;
	struct counters stored[PATHS]; /* the totals in the store */
	struct addr addr;
	bool changed, saving;
	bool wanted; /* scratch, while an inventory is swept */
	uint8_t unsure;
	enum inv_unfit unfit; /* unless INV_FIT, its state is STORE_CONFLICT; not stored */
	enum store_state state;
	uint32_t number; /* scratch: index in a snapshot, or its slot's, from 1 */
};

struct slot {
	struct addr addr;
	struct row *owner; /* never NULL */
	struct counters last[PATHS];
	uint8_t seen; /* bits of paths whose rule was read */
	uint8_t suspect; /* bits of paths that decreased at the last reading */
	uint8_t counted; /* bits of paths that had a rule for this owner before */
	uint8_t lost; /* bits of paths whose rule others removed and we have not remade */
	bool told; /* its row already has the discontinuity of the present disturbance */
	bool alone; /* that disturbance, or one of its own at the same time, is this row's alone */
	/* scratch, of this reading: it means a discontinuity for this row alone; and packets of
	 * the address still pass uncounted */
	bool struck, missing;
};

/* Addresses, sorted. */
struct addrs {
	struct addr *at;
	size_t n, cap;
};

/* Rows of a reading, sorted. */
struct orphans {
	struct fw_row *at;
	size_t n, cap;
};

struct ledger {
	struct container **containers;
	struct container **ports; /* the same containers by ifIndex */
	struct row **rows;
	struct slot *slots;
	size_t n_containers, n_rows, n_slots;
	size_t cap_containers, cap_ports, cap_rows, cap_slots;
	uint32_t next_ifindex;
	uint64_t next_key;
	uint64_t commit[ADDR_FAMILIES]; /* the number of the last one booked: it only grows */
	uint64_t version; /* see ledger_version */
	uint64_t taken; /* the version whose changes a batch has */
	/* Some row or container may be retired; may be aged out. */
	bool some_retired, some_aged;
	/* ledger_most_discontinuities of that version */
	uint32_t most_discontinuities;
	uint64_t most_version;
	uint64_t last_change_ns;
	uint64_t ports_change_ns; /* when a container last came or went */
	/* Others disturb the family's rules, or did until just now: see ledger_gap.c. */
	struct {
		bool lasts; /* the disturbance is not over */
		bool doubled; /* octets since the last reading may have been counted twice */
		bool alone; /* some slot is disturbed alone */
	} gap[ADDR_FAMILIES];
	enum port_view port_view;
	uint32_t port_framing;
	uint64_t turned_ns; /* when the ports last changed so, 0: never, or before boot */
	int64_t turned_wall_s;
	bool turned_unsure;
	bool left[ADDR_FAMILIES]; /* the rules were removed, to be made anew */
	bool held[ADDR_FAMILIES]; /* see ledger_hold */
	/* see ledger_doubt.c */
	bool met[ADDR_FAMILIES]; /* the family was read once */
	bool doubted[ADDR_FAMILIES]; /* the next reading only sets where counting continues */
	bool doubted_all; /* the store is older than what was published */
	int64_t doubted_wall_s; /* 0: never */
	bool doubted_unsure;
	uint32_t discontinuities_floor; /* no published count is higher */
	struct orphans orphans[ADDR_FAMILIES]; /* of the last reading: rules without a slot */
	struct snap_names *names; /* of the last snapshot, NULL: none yet */
	struct ledger_terms terms;
	struct store_period period;
	struct addrs born; /* the rules are new, a kill lost their slots: all is the owner's */
	/* while a store is loaded */
	struct ledger_now restore_now;
	bool restore_same_boot;
};

/* Among the first n_sorted, or NULL. */
struct container *ledger_find_container(const struct ledger *l, size_t n_sorted, char *id);
struct row *ledger_find_row(const struct ledger *l, size_t n_sorted, struct container *c,
			    const struct addr *addr);

void ledger_free_container(struct container *c);
void ledger_free_row(struct row *row);

/* The address's slot among the first n_sorted, or NULL. */
struct slot *ledger_find_slot(const struct ledger *l, size_t n_sorted, const struct addr *addr);

/* Append a container or row as the store has it, unsorted; restore_now and restore_same_boot
 * convert its times. The row's container must be in the ledger, with its ifIndex. */
struct container *ledger_add_stored_container(struct ledger *l, const struct store_container *from);
struct row *ledger_add_stored_row(struct ledger *l, struct container *c,
				  const struct store_address *from);

/* Set the id and name, both copied. */
void ledger_name_container(struct container *c, const char *id, const char *name);

/* Set both, copied: what runs it, and its id there. NULL is "". */
void ledger_set_runtime(struct container *c, const char *runtime, const char *runtime_id,
			const char *image);
bool ledger_runtime_differs(const struct container *c, const struct inv_container *from);

bool ledger_quota_differs(const struct container *c, const struct inv_container *from);

/* Append a container. Its ifIndex must be the highest, or the ports must be sorted afterwards. */
void ledger_add_container(struct ledger *l, struct container *c);

/* The quota in force, and what was used of it in the present period (ledger_period.c). */
struct billing_quota ledger_quota_of(const struct ledger *l, const struct container *c);
struct flow ledger_used(const struct container *c);

/* Sort all arrays after something was appended. */
void ledger_sort(struct ledger *l);

/* The row's totals or state no longer match those stored. */
void ledger_touch(struct row *row);

void ledger_addrs_add(struct addrs *set, const struct addr *addr);

void ledger_addrs_sort(struct addrs *set);

/* Rules that no slot is for, with what they counted until the last reading. The reading's rows are
 * sorted, so these are. */
void ledger_orphans_add(struct ledger *l, const struct fw_row *row);

/* The rules of an address that had no slot at the last reading. NULL: none exist, or they are
 * new. */
const struct fw_row *ledger_find_orphan(const struct ledger *l, const struct addr *addr);

/* In doubt: let the slot continue from this reading, NULL: it has no rules. */
void ledger_adopt(struct slot *s, const struct fw_row *row);

/* A row recalled from the store: mark it if the store is in doubt. */
void ledger_doubt_recalled(struct ledger *l, struct row *row, struct ledger_now now);

/* Add a discontinuity to these totals, one at most at any time. unsure: the bits of their stamps.
 * counted_ns: when the last one was added. */
void ledger_mark_discontinuity(struct snap_totals *t, uint8_t *unsure, uint64_t *counted_ns,
			       struct ledger_now now);

/* Set or clear the bit of a stamp made now. */
static inline void ledger_note_unsure(uint8_t *bits, enum store_unsure bit, struct ledger_now now)
{
	*bits = (uint8_t)(now.unsure ? *bits | bit : *bits & ~bit);
}

/* Add a discontinuity to the row and its container: octets may have been missed. */
void ledger_discontinue(struct row *row, struct ledger_now now);

/* The row's last discontinuity lasts until now. */
void ledger_prolong(struct row *row, struct ledger_now now);

/* --- who is believed (ledger_believe.c) --- */

/* While an inventory is swept. */
struct ledger_belief {
	const struct ledger *l;
	const struct inventory *inv;
	struct ledger_now now;
	size_t n_slots; /* those sorted */
	/* Rows whose address several containers had claimed, without an owner, when their
	 * container stopped or restarted. Sorted by address. */
	struct row **contested;
	size_t n_contested;
};

/* The ledger has the inventory's containers already, and not yet its addresses. */
void ledger_belief_begin(struct ledger_belief *b, const struct ledger *l,
			 const struct inventory *inv, struct ledger_now now);
void ledger_belief_end(struct ledger_belief *b);

/* Is the address counted for claim i, whose row this is? */
bool ledger_believes(const struct ledger_belief *b, const struct row *row, size_t i,
		     const struct inv_contest *contest);

/* Has the container of a row that retired still a right to its address? */
bool ledger_keeps(const struct row *row, struct ledger_now now);

/* --- disturbances (ledger_gap.c) --- */

/* Add a discontinuity to the slot's row, or prolong that of the present disturbance. */
void ledger_stamp(struct slot *s, struct ledger_now now);

/* Something befell this slot's row and no other: as ledger_disturb, for it alone. */
void ledger_disturb_alone(struct ledger *l, struct slot *s, struct ledger_now now);

/* Others changed the family's rules: each row concerned gets a discontinuity, one until
 * ledger_note_disturbance finds the disturbance over. */
void ledger_disturb(struct ledger *l, enum addr_family family, struct ledger_now now);

/* What a reading says of disturbances. */
struct disturbance {
	bool all; /* something happened that may concern all rows */
	bool some; /* something concerns rows alone: their slots' `struck` or `missing` is set */
	bool recheck; /* more may turn out to have happened */
};

/* Call after a reading was applied. */
void ledger_note_disturbance(struct ledger *l, enum addr_family family,
			     const struct fw_reading *reading, struct disturbance found,
			     struct ledger_now now);

#endif
