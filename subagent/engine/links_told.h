/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINKS_TOLD_H
#define CTM_LINKS_TOLD_H

#include "inventory/inv.h"

/* The links that the sources name for addresses, and which addresses are on limited ones. They are
 * remembered apart from the ledger, since an address may get another link while nothing else in the
 * inventory changes. Zero-initialised: none. */
struct links_told {
	struct link_told *list; /* sorted by address, then as in the inventory */
	size_t n, n_limited;
	struct arena text;
};

/* Remember those of this inventory. Returns whether they differ from those before. */
bool links_told_take(struct links_told *t, const struct inventory *inv);
void links_told_clear(struct links_told *t);

/* The link of this container's address, borrowed; NULL: no source names one. */
const char *links_told_of(const struct links_told *t, const struct addr *addr, const char *id);

/* Whether a source says of this address, whoever claims it, that its link is limited. */
bool links_told_is_limited(const struct links_told *t, const struct addr *addr);

#endif
