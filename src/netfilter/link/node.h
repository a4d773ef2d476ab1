/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_NODE_H
#define CTM_LINK_NODE_H

#include "netfilter/link/object.h"

/* The maps node4 and node6: the node's own addresses and the broadcast addresses of its networks,
 * by which the programs recognise packets that end at the node. */

struct node {
	const struct link_object *object;
	struct addr *at; /* what is in the maps, sorted */
	size_t n;
};

/* Initially zero but for object. Make the maps equal to what the kernel says now; at first they may
 * hold anything. Returns 0 or -errno; then some addresses are not yet right. */
int node_refresh(struct node *node);
void node_clear(struct node *node);

#endif
