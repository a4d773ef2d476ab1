/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_TURN_H
#define CTM_LINK_TURN_H

#include "netfilter/link/attach.h"
#include "netfilter/link/slots.h"

/* One commit, as the loop plans it and the thread does it. The order of its steps:
 * 1. Slots whose entries nothing reaches now, or that give way to another slot of the same key,
 *    leave. A grace period.
 * 2. New slots are raised, then our programs are attached to their links. So everything is counted
 *    from the moment of attaching, and a link that had passed no packet by then has missed none.
 *    What step 1 removed can never count for whoever has that link now.
 * 3. The other slots leave. A grace period. Links that nothing is counted on lose our programs.
 * A link that cannot be attached to takes its own new slots back, and nothing else. */

enum turn_kind {
	TURN_RAISE, /* a new slot */
	TURN_LOWER, /* a slot leaves, in step 3 */
	TURN_LOWER_FIRST, /* in step 1 */
	TURN_TELL, /* the slot's packets may have passed uncounted */
};

struct turn_change {
	enum turn_kind kind;
	uint32_t slot;
	struct fw_key key;
	uint8_t paths; /* TURN_RAISE: to be counted; then those that are */
	size_t link; /* index in the turn's links; SIZE_MAX: its link needs nothing */
	bool failed; /* it has not been done, and its slot is as before */
};

struct turn_link {
	uint32_t link;
	bool put; /* else: take */
	bool limited;
	int result; /* of attach_put or attach_take */
	struct attach_found found;
	struct err why; /* "": nothing to say */
};

struct turn {
	enum addr_family family;
	uint64_t number; /* of the commit */
	bool repair; /* finish what was left of the unsettled commit; there are no changes */
	struct turn_change *changes;
	size_t n, cap;
	struct turn_link *links;
	size_t n_links, cap_links;
	/* What became of it. */
	int result;
	struct err e;
	struct fw_final *finals;
	size_t n_finals;
};

struct turn *turn_new(enum addr_family family, uint64_t number);
void turn_free(void *turn);

/* Add a change of a slot; its `link` is set by turn_add_link. Valid until the next call. */
struct turn_change *turn_add(struct turn *t, enum turn_kind kind, uint32_t slot,
			     const struct fw_key *key);

/* Add a link to put or to take. Returns its index. */
size_t turn_add_link(struct turn *t, uint32_t link, bool put, bool limited);

/* For the thread. Ends early, as by a kill, when `ending` says so. */
void turn_run(struct turn *t, const struct slots *s, const struct attach *a,
	      bool (*ending)(void *arg), void *arg);

#endif
