/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CONFLICT_H
#define CTM_CONFLICT_H

#include "base/log_state.h"
#include "ledger/ledger.h"

/* Addresses that several containers claim, or that the one that claims them cannot have. They are
 * remembered so that the log reports when a conflict begins, when the address is counted for
 * another container and when the conflict ends, not each poll. Zero-initialised: none. */
struct conflicts {
	struct conflict *list; /* sorted by address */
	size_t n;
	struct log_budget budget;
};

/* Log the changes since the last inventory, as far as log_may permits, and remember the
 * conflicts of this one. The ledger must have taken this inventory already. */
void conflicts_note(struct conflicts *c, const struct inventory *inv, const struct ledger *l,
		    uint64_t now_ns);
void conflicts_clear(struct conflicts *c);

/* "this node's own address" or why else an address is not countable for its container; NULL for
 * INV_FIT. */
const char *conflicts_unfit(enum inv_unfit unfit);

#endif
