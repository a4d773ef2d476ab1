/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NODEADDR_H
#define CTM_NODEADDR_H

#include "inventory/inv.h"

/* The addresses that are the node's own, its networks' broadcast addresses, and its gateways: no
 * container's, whatever a tenant may have set, since their traffic is everybody's. */

struct nodeaddr {
	struct addr addr;
	enum inv_unfit what;
};

/* What the kernel says now: a new array for free(), sorted by address, each once. Empty when it does
 * not say. */
struct nodeaddr *nodeaddr_list(size_t *ret_n);

/* Mark the claims on them. */
void nodeaddr_mark(const struct nodeaddr *list, size_t n, struct inventory *inv);

#endif
