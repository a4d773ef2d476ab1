/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NOTICE_H
#define CTM_NOTICE_H

#include "ledger/snap.h"

/* Which notifications of CTMETER-MIB are due: what has changed in the snapshot since it was last
 * reported. Pure: no socket, no clock, no SNMP.
 * 1. A notification is due while the state last reported differs from the present one. States are
 *    compared; events are not queued. A change that is undone before it could be sent is never
 *    sent, one that lasts is sent as soon as possible, the final state is always sent, and nothing
 *    piles up while there is no session.
 * 2. In any minute at most one notification of a kind is sent about the same thing (a row, the
 *    rules, the inventory, the store, shipping), and at most NOTICE_BURST of a kind about rows,
 *    which take turns.
 * 3. Repairs within NOTICE_GATHER_NS of the first one share a notification: the two families are
 *    repaired by two commits.
 * 4. A new process starts from "all is well", so it reports whatever is wrong then. But what was
 *    noted of thresholds is stored, and the present billing period is no news: neither is
 *    repeated. */

#define NOTICE_BURST 10
#define NOTICE_MINUTE_NS (60 * 1000000000ull)
#define NOTICE_GATHER_NS 1000000000ull

/* The last sub-identifier of each notification, below BASE.0. */
enum notice_kind {
	NOTICE_CONFLICT = 1,
	NOTICE_CONFLICT_CLEARED,
	NOTICE_RULES_REPAIRED,
	NOTICE_INVENTORY_FAILED,
	NOTICE_INVENTORY_RECOVERED,
	NOTICE_STORE_FAILED,
	NOTICE_STORE_RECOVERED,
	NOTICE_QUOTA_THRESHOLD,
	NOTICE_PERIOD_BEGAN,
	NOTICE_SHIP_FAILED,
	NOTICE_SHIP_RECOVERED,
	NOTICE_KINDS /* one more than the last */
};

struct notice {
	enum notice_kind kind;
	/* Index into the snapshot's addresses, for the first two kinds; into its containers, for
	 * NOTICE_QUOTA_THRESHOLD. */
	size_t row;
};

struct notices;

struct notices *notices_new(void);
void notices_free(struct notices *n);

/* Find what to send now about `snap`. Returns true and the notice, which stays due until
 * notices_told. Otherwise returns false, and in *ret_at_ns when to ask again (0: with the next
 * snapshot). Pass snapshots in the order of their time. */
bool notices_next(struct notices *n, const struct snap *snap, uint64_t now_ns, struct notice *ret,
		  uint64_t *ret_at_ns);

/* The notice that notices_next returned last has been sent. */
void notices_told(struct notices *n, uint64_t now_ns);

/* Rows with an unreported change that NOTICE_BURST holds back, as of the last call of
 * notices_next. */
size_t notices_held_back(const struct notices *n);

#endif
