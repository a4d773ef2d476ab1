/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_LIVES_H
#define CTM_LINK_LIVES_H

#include "netfilter/link/slots.h"
#include "netfilter/link/turn.h"

/* One family's LIVE slots, as the loop reads them: those before the turn that is under way. */

struct live {
	struct addr addr;
	uint32_t link, slot;
	uint8_t paths;
	bool missed; /* its packets may pass uncounted, or have, and no commit has told it */
};

/* Sorted by addr, each address once. */
struct lives {
	struct live *at;
	struct fw_row *rows; /* the last reading of each */
	size_t n;
};

/* Initially zero. */
void lives_clear(struct lives *l);

/* Those in memory. What a killed process did not tell is missed. */
void lives_load(struct lives *l, const struct slots *s, enum addr_family family);

/* Take over what a turn has done. */
void lives_take(struct lives *l, const struct turn *t);

/* Packets may pass this one uncounted. */
void lives_miss(struct lives *l, size_t i, const struct slots *s);

/* Copy the counters into the rows. Returns whether one has become less, which only somebody else's
 * write does; then the rows' `intact` says which have not. */
bool lives_read(struct lives *l, const struct slots *s);

/* NULL: none. */
const struct live *lives_find(const struct lives *l, const struct addr *addr);

#endif
