/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NODEADDR_H
#define CTM_NODEADDR_H

#include "inventory/inv.h"

/* The node's own addresses, the broadcast addresses of its networks, and its gateways. They
 * belong to no container, whatever a tenant configures: their traffic is not that container's
 * alone. */

struct nodeaddr {
	struct addr addr;
	enum inv_unfit what;
};

/* Ask the kernel. Returns a new array for free(), sorted by address, each address once. Empty when
 * the kernel cannot be asked. */
struct nodeaddr *nodeaddr_list(size_t *ret_n);

/* Mark the inventory's claims on these addresses as unfit. */
void nodeaddr_mark(const struct nodeaddr *list, size_t n, struct inventory *inv);

#endif
