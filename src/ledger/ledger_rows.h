/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LEDGER_ROWS_H
#define CTM_LEDGER_ROWS_H

#include "ledger/ledger.h"

/* The ledger's own objects, for ledger*.c alone. Each kind is in an array sorted by its key:
 *   containers (id)   rows (container, address)   slots (address)
 * and containers once more by ifIndex: each new one's is the highest, so that order is made by
 * appending.
 * A slot is the ledger's side of an address's counting rules: the last reading of each, and the
 * row that what comes next is booked to. Rules are keyed by address alone, so an address that
 * changes hands only gets another owner. */

struct container {
	char *id, *name; /* of one allocation, see ledger_name_container */
	struct snap_totals totals;
	uint64_t run_ns; /* since when; 0: not known */
	/* Boot time, less when it was before by what was lived (wallclock.h); Unix time; lived. */
	int64_t gone_ns, gone_wall_s, gone_lived_s;
	enum inv_run run;
	uint32_t ifindex;
	enum store_state state;
	uint32_t number; /* scratch: place in an array */
	bool changed; /* since it was taken into a batch */
	bool saving; /* it is in a batch of which nobody said yet what became of it */
	uint8_t unsure; /* bits of enum store_unsure */
};

struct row {
	struct container *container;
	struct snap_totals totals;
	uint64_t key;
	int64_t gone_ns, gone_wall_s, gone_lived_s;
	struct counters stored[PATHS]; /* totals as they are in the store */
	struct addr addr;
	bool changed, saving;
	bool wanted; /* scratch, while an inventory is swept */
	uint8_t unsure;
	bool unfit; /* no container's address: its state is STORE_CONFLICT then */
	enum store_state state;
	uint32_t
		number; /* scratch: place in a snapshot; of its slot, from 1, while a batch is made */
};

struct slot {
	struct addr addr;
	struct row *owner; /* never NULL */
	struct counters last[PATHS];
	uint8_t seen; /* bits of paths whose rule was read */
	uint8_t suspect; /* bits of paths that decreased at the last reading */
	uint8_t counted; /* bits of paths that had a rule for this owner before */
	uint8_t lost; /* bits of paths whose rule somebody removed, and we did not make anew */
	uint8_t older; /* bits of paths whose rule was there before the row, and was not read since */
	bool told; /* its row has the discontinuity of the disturbance under way */
	bool struck; /* scratch: this reading brings one for this row alone */
};

/* Addresses, sorted. */
struct addrs {
	struct addr *at;
	size_t n, cap;
};

struct ledger {
	struct container **containers;
	struct container **ports; /* the same n_containers */
	struct row **rows;
	struct slot *slots;
	size_t n_containers, n_rows, n_slots;
	size_t cap_containers, cap_ports, cap_rows, cap_slots;
	uint32_t next_ifindex;
	uint64_t next_key;
	uint64_t epoch[ADDR_FAMILIES]; /* the number of the last commit booked: it only grows */
	uint64_t last_change_ns;
	uint64_t ports_change_ns; /* when a container last came or went */
	/* Somebody disturbs the family's rules, or did until just now: see ledger_gap.c. */
	struct {
		bool lasts; /* some slots are told */
		bool doubled; /* what came since the last reading may have been counted twice */
	} gap[ADDR_FAMILIES];
	enum port_view port_view;
	uint64_t turned_ns; /* when port_view last changed, 0: never, or before boot */
	int64_t turned_wall_s;
	bool turned_unsure;
	bool held[ADDR_FAMILIES]; /* nobody has said yet whose it is what the rules count */
	/* see ledger_doubt.c */
	bool met[ADDR_FAMILIES]; /* a reading was had */
	bool doubted[ADDR_FAMILIES]; /* and the next one only says where to count on from */
	bool doubted_all; /* the store's is older than what was published */
	int64_t doubted_wall_s; /* 0: never */
	bool doubted_unsure;
	uint32_t discontinuities_floor; /* no count that was published is higher */
	struct addrs orphans[ADDR_FAMILIES]; /* of the last reading: they have rules and no slot */
	struct addrs
		born; /* their rules are new, but their slots were lost in a kill: all that they
			    * count is their owner's */
	/* while a store is taken up */
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

/* One more of each as the store has it, not sorted in yet. restore_now and the like tell its times.
 * The row's container is there, with its ifIndex. */
struct container *ledger_add_stored_container(struct ledger *l, const struct store_container *from);
struct row *ledger_add_stored_row(struct ledger *l, struct container *c,
				  const struct store_address *from);

/* Give it these, both copied. */
void ledger_name_container(struct container *c, const char *id, const char *name);

/* Append a container; its ifIndex must be the highest, or the ports be sorted afterwards. */
void ledger_add_container(struct ledger *l, struct container *c);

/* Sort all arrays after something was appended. */
void ledger_sort(struct ledger *l);

/* The row's totals or state are not those that are stored any more. */
void ledger_touch(struct row *row);

void ledger_addrs_add(struct addrs *set, const struct addr *addr);

void ledger_addrs_sort(struct addrs *set);

/* Has it rules of which the ledger does not know how much they counted before, nor for whom? */
bool ledger_is_orphan(const struct ledger *l, const struct addr *addr);

/* In doubt: let the slot count on from this reading, NULL: it has no rules. */
void ledger_adopt(struct slot *s, const struct fw_row *row);

/* The store had the row, and what the store has is in doubt. */
void ledger_doubt_recalled(struct ledger *l, struct row *row, struct ledger_now now);

/* One more discontinuity of these totals; unsure: the bits of their stamps. */
void ledger_mark_discontinuity(struct snap_totals *t, uint8_t *unsure, struct ledger_now now);

/* The bit of a stamp that was made now: set, or not. */
static inline void ledger_note_unsure(uint8_t *bits, enum store_unsure bit, struct ledger_now now)
{
	*bits = (uint8_t)(now.unsure ? *bits | bit : *bits & ~bit);
}

/* Octets of this row may have been missed. */
void ledger_discontinue(struct row *row, struct ledger_now now);

/* The same discontinuity still, until now. */
void ledger_prolong(struct row *row, struct ledger_now now);

/* --- disturbances (ledger_gap.c) --- */

/* One discontinuity of the slot's row, or the one of the disturbance under way prolonged. */
void ledger_stamp(struct slot *s, struct ledger_now now);

/* Somebody did something to the family's rules: all rows concerned have a discontinuity, one each
 * until ledger_note_disturbance finds it over. */
void ledger_disturb(struct ledger *l, enum addr_family family, struct ledger_now now);

/* After a reading was applied. `all`: something befell all rows; recheck: and may turn out to have
 * befallen more. */
void ledger_note_disturbance(struct ledger *l, enum addr_family family,
			     const struct fw_reading *reading, bool all, bool recheck,
			     struct ledger_now now);

#endif
