/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NLHEAR_H
#define CTM_NLHEAR_H

#include "base/err.h"
#include "base/loop.h"

#include <stddef.h>
#include <stdint.h>

/* A socket that listens to multicast groups of rtnetlink(7), in the loop.
 * 1. It reads a limited number of datagrams in a turn. When there are more, it pauses before it
 *    reads on: a tenant who makes the kernel announce something with every packet takes a few per
 *    cent of the daemon's time and does not hold up the loop.
 * 2. What the kernel could not queue meanwhile is lost: `lost` says so, and the owner asks for all
 *    that it needs again. So events of different origin have sockets of their own. */

struct nlhear;

/* All of them may be NULL but msg. */
struct nlhear_fns {
	/* One message of the kernel, with its nlmsghdr. */
	void (*msg)(void *arg, const void *msg, size_t len, uint64_t now_ns);
	/* Messages were lost before the next one. */
	void (*lost)(void *arg, uint64_t now_ns);
	/* Nothing more to read in this turn. */
	void (*end)(void *arg, uint64_t now_ns);
};

/* groups: RTNLGRP_*, ended by 0. `what` names them in messages: "links". Returns 0 and a new
 * *ret_hear for nlhear_free, or -errno with e filled. */
int nlhear_new(struct loop *loop, const unsigned *groups, const char *what,
	       const struct nlhear_fns *fns, void *arg, struct nlhear **ret_hear, struct err *e);
void nlhear_free(struct nlhear *hear);

/* A socket that listens to these groups, for nlhear_adopt. Returns it, or -errno. */
int nlhear_open(const unsigned *groups);

/* Listen on it from now on; nlhear_free closes it. */
struct nlhear *nlhear_adopt(struct loop *loop, int take_fd, const char *what,
			    const struct nlhear_fns *fns, void *arg);

/* Read what has come already, or some of it if it is much. Does not call end. */
void nlhear_catch_up(struct nlhear *hear, uint64_t now_ns);

/* During a call of msg: the id of the network namespace that the message is of; -1: this one. */
int nlhear_netns(const struct nlhear *hear);

/* Have the kernel dump all objects of `type` (RTM_GETLINK); they come as messages, the end as
 * NLMSG_DONE or NLMSG_ERROR. Returns 0 or -errno. */
int nlhear_dump(struct nlhear *hear, uint16_t type);

#endif
