/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LEDGER_LIMIT_H
#define CTM_LEDGER_LIMIT_H

#include "ledger/ledger.h"

/* How much of an inventory the ledger takes, and whose it is when that is not all. Tenants may choose
 * how many addresses and containers they have, so:
 * 1. What is counted stays counted: a row that there is is never refused, only a new one.
 * 2. A container gets no new address beyond max_addresses.
 * 3. Of what room is left the containers get one new address each, then a second each, and so on; so
 *    who asks for few gets them, however many somebody else asks for.
 * 4. There are at most max_rows containers too, those that are counted first.
 * 5. Of retired rows at most max_addresses a container are shown, and at most max_rows in all: then
 *    the oldest age out before their time. In the store they stay. */

struct ledger_limits {
	size_t max_rows; /* addresses that may be had at one time, and containers */
	size_t max_addresses; /* of one container */
};

struct ledger_refused {
	size_t containers, addresses; /* not those of the containers refused */
	const char
		*most; /* the container with most of the addresses, NULL: none; the inventory's */
};

/* Take out of the inventory, which is in inv_merge's order, what is refused. Who else claims an address
 * of a claim that was refused is in no conflict over it. */
void ledger_admit(const struct ledger *l, const struct ledger_limits *limits, struct inventory *inv,
		  struct ledger_refused *ret_refused);

/* Keep to 5. Returns whether a row aged out. */
bool ledger_limit_retired(struct ledger *l, const struct ledger_limits *limits,
			  struct ledger_now now);

#endif
