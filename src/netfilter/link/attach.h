/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_ATTACH_H
#define CTM_LINK_ATTACH_H

#include "base/cfg.h"
#include "base/err.h"
#include "netfilter/link/object.h"
#include "netlink/tc.h"

#include <stdbool.h>
#include <stdint.h>

/* Puts our programs at the two entrances of one link, looks what is there, and takes them away.
 * Which way:
 * 1. tcx, where the kernel has it: it lives beside any qdisc, so beside any rate limit.
 * 2. Otherwise filters on a clsact qdisc of ours. But rate limits are set with an ingress qdisc,
 *    which cannot be added beside a clsact. So there is none of ours on a link that is, or is to
 *    be, limited.
 * 3. There, a filter on the ingress qdisc counts what comes in by the link. What leaves by it is
 *    not counted.
 * Ours come first at each entrance, and leave each packet's fate to what comes after them.
 * The environment variable CTMETER_LINK_ATTACH=clsact, for tests, means a kernel without tcx. */

enum attach_way { ATTACH_NONE, ATTACH_TCX, ATTACH_CLSACT, ATTACH_INGRESS };

/* For one thread at a time. */
struct attach {
	const struct link_object *object;
	const struct cfg_link *links; /* the shared ones */
	size_t n_links;
	bool tcx;
	int fd; /* of rtnetlink */
};

/* All programs at an entrance, whoever's. (tcx alone tells.) */
struct attach_stack {
	uint64_t revision; /* grows by 1 with each that comes, goes or takes another's place */
	size_t n;
};

/* What is at a link. Hooks are bits (1 << enum tc_hook). */
struct attach_found {
	enum attach_way way;
	uint8_t ours; /* where programs of ours count */
	uint8_t behind; /* where programs or filters of others come before ours */
	uint8_t paths; /* the paths (1 << enum path) that ours count */
	bool fresh; /* no packet had passed the link when attach_put had attached them */
	struct attach_stack stack[2]; /* by enum tc_hook; 0 where tcx does not count */
};

/* links is borrowed. Returns 0, or -errno with e filled: -EPERM without CAP_NET_ADMIN. */
int attach_open(const struct link_object *object, const struct cfg_link *links, size_t n_links,
		struct attach *ret_a, struct err *e);
void attach_close(struct attach *a);

/* Look. Returns 0 or -errno: -ENODEV, the link is gone. */
int attach_look(const struct attach *a, uint32_t link, struct attach_found *ret_found);

/* Make ours be there, and first. limited: a rate limit may yet be set on the link. Returns 0 if
 * they are there at one entrance at least; then e says why not at the other, or is "". Otherwise
 * returns -errno with e filled. */
int attach_put(const struct attach *a, uint32_t link, bool limited, struct attach_found *ret_found,
	       struct err *e);

/* Take ours away, with the clsact qdisc if nobody else uses it. Returns how many programs there
 * were, or -errno. */
int attach_take(const struct attach *a, uint32_t link);

/* For root: programs of ours from another version or another set of maps, which only names show,
 * are replaced by ours, without a gap. Returns 0 or -errno. */
int attach_renew(const struct attach *a, uint32_t link);

/* For root: whatever has the name of a program of ours is taken away; the object may be empty.
 * Returns how many there were, or -errno. */
int attach_purge(const struct attach *a, uint32_t link);

/* Whether one of our programs has this name. */
bool attach_is_our_name(const char *name);

/* For people. */
const char *attach_way_name(enum attach_way way);

#endif
