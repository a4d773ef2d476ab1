/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CONFLICT_H
#define CTM_CONFLICT_H

#include "base/log_state.h"
#include "ledger/ledger.h"

/* The addresses that several containers claim, or that no container can have, remembered so that it
 * is logged when that begins, when it is counted for another and when it ends, not at each look. Zero-initialised: none. */
struct conflicts {
	struct conflict *list; /* sorted by address */
	size_t n;
	struct log_budget budget;
};

/* Log what differs from the last inventory, as log_may lets it, and remember this one's, which the
 * ledger has taken. */
void conflicts_note(struct conflicts *c, const struct inventory *inv, const struct ledger *l,
		    uint64_t now_ns);
void conflicts_clear(struct conflicts *c);

#endif
