/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CONFLICT_H
#define CTM_CONFLICT_H

#include "inv.h"
#include "log_state.h"

/* The addresses that several containers claim, remembered so that a conflict is logged when it
 * begins and when it ends, not at each look. Zero-initialised: none. */
struct conflicts {
	struct addr *addrs; /* sorted */
	size_t n;
	struct log_budget budget;
};

/* Log what differs from the last inventory, as log_may lets it, and remember this one's. */
void conflicts_note(struct conflicts *c, const struct inventory *inv, uint64_t now_ns);
void conflicts_clear(struct conflicts *c);

#endif
