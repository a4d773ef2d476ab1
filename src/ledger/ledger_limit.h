/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LEDGER_LIMIT_H
#define CTM_LEDGER_LIMIT_H

#include "ledger/ledger.h"

/* How much of an inventory the ledger takes, and whose rows those are when it cannot take all.
 * Tenants may choose how many addresses and containers they have. Therefore:
 * 1. What is counted stays counted: only a new row is ever refused.
 * 2. A container gets no new address beyond max_addresses.
 * 3. The room left goes round: each container gets one new address, then a second, and so on. A
 *    container that asks for few gets them, however many another asks for.
 * 4. At most max_rows containers are taken, those already counted first.
 * 5. At most max_addresses retired rows of a container and max_rows in all are shown; beyond that
 *    the oldest age out early. They stay in the store. */

struct ledger_limits {
	size_t max_rows; /* addresses at one time, and containers */
	size_t max_addresses; /* of one container */
};

struct ledger_refused {
	size_t containers, addresses; /* addresses: without those of refused containers */
	const char *most; /* the container refused most, NULL: none; the inventory's text */
};

/* Take what is refused out of the inventory, which is in inv_merge's order. A refused claim
 * puts no other claim in conflict. */
void ledger_admit(const struct ledger *l, const struct ledger_limits *limits, struct inventory *inv,
		  struct ledger_refused *ret_refused);

/* Keep to invariant 5. Returns whether a row aged out. */
bool ledger_limit_retired(struct ledger *l, const struct ledger_limits *limits,
			  struct ledger_now now);

#endif
