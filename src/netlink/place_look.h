/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PLACE_LOOK_H
#define CTM_PLACE_LOOK_H

#include "base/cfg.h"
#include "netlink/linktab.h"

/* Finds the link of one address, by what the source says and what the kernel knows at this moment.
 * Pure but for the kernel's answers, which come through a table of functions. In this order:
 * 1. the link that the source named
 * 2. the container's network namespace: the veth whose other end is there
 * 3. the route to the address, where it leads to a link of one container (veth, tap, tun)
 * 4. behind a bridge: the neighbour entry's MAC, and the port that the bridge's forwarding table
 *    has for it; through a second bridge (Proxmox's firewall) down to the container's own port
 * 5. a configured link that many containers share
 * Nothing is sent to find an address. */

enum place_how {
	PLACE_NOT, /* not found now */
	PLACE_NEVER, /* it has no link of its own that the node could count on */
	PLACE_TOLD, /* by the source */
	PLACE_NETNS,
	PLACE_ROUTE,
	PLACE_BRIDGE, /* by tables that tenants can fill with forged packets */
	PLACE_SHARED,
	PLACE_KEPT, /* where it was counted before (place.h) */
};

#define PLACE_REASON_SIZE 192

struct place_result {
	enum place_how how;
	int link; /* ifindex; 0: PLACE_NOT, PLACE_NEVER */
	/* How it was found, so that later events are known to concern it. */
	int out; /* the link that its route leads out through; 0: not known */
	bool has_mac;
	uint8_t mac[RTNL_MAC_SIZE]; /* of its neighbour entry */
	int port; /* of the first bridge, where that MAC is; 0: not known */
	bool awaits_link; /* a link that the kernel named is not in the table yet */
	char reason[PLACE_REASON_SIZE]; /* for people, a clause without a full stop; "" if found */
};

/* The kernel's answers: rtnl_route, rtnl_neigh, rtnl_forwarding. */
struct place_kernel {
	int (*route)(void *arg, const struct addr *a, struct rtnl_route *ret_route);
	int (*neigh)(void *arg, int link, const struct addr *a, struct rtnl_neigh *ret_neigh);
	int (*forwarding)(void *arg, int bridge, const uint8_t *mac, uint16_t vlan,
			  struct rtnl_neigh *ret_neigh);
	void *arg;
};

struct place_world {
	const struct linktab *links;
	const struct place_kernel *kernel;
	const struct cfg_link *shared;
	size_t n_shared;
	int away[ADDR_FAMILIES]; /* the link that the default route leads out through; 0: none */
};

/* The configured shared link that this one is; NULL: it is none. */
const struct cfg_link *place_shared_as(const struct place_world *w, const struct rtnl_link *link);

/* link: as the source says, NULL: it does not. netns: the id of the container's namespace, -1:
 * unknown. */
void place_look(const struct place_world *w, const struct addr *a, const char *link, int netns,
		struct place_result *ret_result);

#endif
