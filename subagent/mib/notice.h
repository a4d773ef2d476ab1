/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NOTICE_H
#define CTM_NOTICE_H

#include "ledger/snap.h"

/* Which notifications of CTMETER-MIB are due: what a snapshot says and was not told yet. Pure: no
 * socket, no clock, no SNMP.
 * 1. One is due while what was told last differs from what is: states are compared, events are
 *    not queued. So what has changed back before it could be told is never told, what lasts is
 *    told when it can be, the last state is always told in the end, and nothing piles up while
 *    there is nobody to tell.
 * 2. In any minute at most one of a kind about the same thing (a row, the rules, the inventory,
 *    the store), and at most NOTICE_BURST of a kind about rows, which take turns.
 * 3. What was repaired within NOTICE_GATHER_NS of a first repair is told together: two families
 *    are two commits.
 * 4. To begin with, all is well: a new process tells what is wrong then. */

#define NOTICE_BURST 10
#define NOTICE_MINUTE_NS (60 * 1000000000ull)
#define NOTICE_GATHER_NS 1000000000ull

/* Their numbers in the MIB, below BASE.0. */
enum notice_kind {
	NOTICE_CONFLICT = 1,
	NOTICE_CONFLICT_CLEARED,
	NOTICE_RULES_REPAIRED,
	NOTICE_INVENTORY_FAILED,
	NOTICE_INVENTORY_RECOVERED,
	NOTICE_STORE_FAILED,
	NOTICE_STORE_RECOVERED,
	NOTICE_KINDS /* one more than the last */
};

struct notice {
	enum notice_kind kind;
	size_t row; /* index into the snapshot's addresses, for the first two kinds */
};

struct notices;

struct notices *notices_new(void);
void notices_free(struct notices *n);

/* What to tell now of `snap`. Returns true and the notice, which stays due until notices_told; or
 * false and in *ret_at_ns when to ask again (0: when there is another snapshot). Snapshots come in
 * the order of their time. */
bool notices_next(struct notices *n, const struct snap *snap, uint64_t now_ns, struct notice *ret,
		  uint64_t *ret_at_ns);

/* The notice that notices_next returned last was sent on. */
void notices_told(struct notices *n, uint64_t now_ns);

/* Rows that differ from what was told and are held back by NOTICE_BURST, as of the last call of
 * notices_next. */
size_t notices_held_back(const struct notices *n);

#endif
