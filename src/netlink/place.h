/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PLACE_H
#define CTM_PLACE_H

#include "base/cfg.h"
#include "base/err.h"
#include "base/loop.h"
#include "netlink/place_look.h"

/* Where each address's link is, kept up to date by the kernel's events (place_look.h finds one).
 * 1. An event makes only those addresses be looked for again that it may concern. Looking takes at
 *    most a few milliseconds of a turn; the rest is done in the next turns.
 * 2. A table that tenants can fill with forged packets (neighbours, forwarding) moves no address
 *    away from its link while that link exists, gives none a link that has another container's
 *    address, and none to a container that is stopped. What it says instead is logged. The source,
 *    a namespace and a route do move an address. So a tenant can draw another's address to the own
 *    port only while that container runs without a known link, and only with a port where no
 *    address of the own is counted.
 * 3. An address keeps its link while the link exists and nothing better is known: when its route
 *    goes with a link that is down, when its neighbour entry expires, when the link is renamed.
 * 4. A restart moves nothing: until the source has answered, an address stays where the kernel
 *    counts it, and so it does then if the link that the source names was renamed. */

struct place;

/* An address to look for. All text is borrowed during the call. */
struct place_want {
	struct addr addr;
	const char *owner; /* the container's id */
	const char *link; /* as the source says, NULL: it does not */
	int netns; /* the id of the container's network namespace in this one, -1: unknown */
	bool stopped; /* the container is known not to run */
	uint32_t kept; /* where the kernel counts it when it is wanted first; 0: nowhere */
	bool untold; /* the source has not answered yet: it may still name a link */
};

struct place_spot {
	struct addr addr;
	uint32_t link; /* ifindex; 0: none */
	enum place_how how;
	bool looked; /* false: it has not been looked for yet */
	const char *reason; /* why it has no link; "" if it has one */
};

/* Called from the loop: the link or the reason of some address, or a link's name, has changed, or
 * looking has ended that took more than one turn. */
typedef void place_changed_fn(void *arg, uint64_t now_ns);

/* shared: borrowed until place_free. Returns 0 and a new *ret_place, or -errno with e filled. */
int place_new(struct loop *loop, const struct cfg_link *shared, size_t n_shared,
	      place_changed_fn *changed, void *arg, struct place **ret_place, struct err *e);
void place_free(struct place *p);

/* The addresses to look for from now on: sorted by addr, each once. Those known already keep what
 * was found, unless their owner or the name of their link has changed; what follows
 * `untold` is no change. */
void place_set(struct place *p, const struct place_want *wants, size_t n, uint64_t now_ns);

/* Look again for the addresses that have no link, whatever event was missed; at most every 10 s. */
void place_retry(struct place *p, uint64_t now_ns);

/* Whether some address has still to be looked for. */
bool place_is_looking(const struct place *p);

/* What is known of all addresses, sorted; borrowed until the next call or turn of the loop. */
const struct place_spot *place_spots(const struct place *p, size_t *ret_n);

/* NULL: it was not asked for. */
const struct place_spot *place_find(const struct place *p, const struct addr *a);

/* The name of a link now; "": it does not exist. Borrowed until the next turn. */
const char *place_link_name(const struct place *p, uint32_t link);

#endif
