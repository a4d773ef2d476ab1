/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PLACE_ROOM_H
#define CTM_PLACE_ROOM_H

#include "netlink/place.h"

#include "base/arena.h"
#include "base/log_state.h"
#include "netlink/links.h"
#include "netlink/nlhear.h"

/* The finder's internals: place.c keeps the addresses and looks for them, place_event.c knows which
 * of them an event concerns. */

/* How an address was found, beside its place_spot. */
struct place_trail {
	const char *owner, *name; /* name: as the source says; NULL */
	int netns;
	int out, port;
	uint8_t mac[RTNL_MAC_SIZE];
	bool has_mac, awaits_link;
	bool stopped, untold;
	bool dirty; /* to be looked for */
	bool contested; /* something else was found than what it keeps, and that was logged */
};

struct place {
	struct loop *loop;
	struct loop_timer work, recheck;
	struct links *links;
	struct nlhear *routes, *neighs;
	struct place_world world;
	struct place_kernel kernel;
	int fd; /* for queries; -1: none */
	place_changed_fn *changed;
	void *arg;
	struct place_spot *spots; /* n of each, in the same order */
	struct place_trail *trails;
	size_t n, n_dirty, next; /* next: where to go on looking */
	struct arena text; /* of owners and names */
	bool away_stale;
	bool news; /* not yet told */
	bool deferred; /* looking went over into other turns: its end is news */
	uint64_t news_ns, retried_ns;
	struct log_budget log;
};

/* Look for these addresses again. */
void place_mark(struct place *p, size_t i);

/* Look for what is marked, now. */
void place_work(struct place *p, uint64_t now_ns);

/* Subscribe to all events. Returns 0, or -errno with e filled. */
int place_listen(struct place *p, struct err *e);
void place_deafen(struct place *p);

#endif
