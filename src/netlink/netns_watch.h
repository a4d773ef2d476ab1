/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NETNS_WATCH_H
#define CTM_NETNS_WATCH_H

#include "base/err.h"
#include "base/loop.h"
#include "netlink/netns.h"

/* What addresses the containers have, as the kernel sees it in their network namespaces.
 * 1. A source's word that a process is a container's is believed when a second answer, after the
 *    kernel was asked for the process's namespace, still says so: the number may have been given
 *    to another process just before.
 * 2. A process that has ended, or whose namespace has become another, is asked for no more, until
 *    the source names another one. What was known last stays until then, and a look is due
 *    (netns_watch_wants_look).
 * 3. After a change of addresses the namespace is asked again, at once with an ear (netns_ear),
 *    else within NETNS_POLL_NS. Asking takes at most a few ms of a turn, and a namespace that takes
 *    long to ask (a tenant may have a hundred thousand addresses) is asked less often. */

#define NETNS_POLL_NS NS_PER_S

struct netns_watch;

/* Called from the loop: some container's addresses or namespace have changed, or a look is due. */
typedef void netns_changed_fn(void *arg, uint64_t now_ns);

/* max: of one container's addresses, so many are taken. Returns 0 and a new *ret_watch for
 * netns_watch_free, or -errno with e filled: -EOPNOTSUPP if the kernel is too old. */
int netns_watch_new(struct loop *loop, size_t max, netns_changed_fn *changed, void *arg,
		    struct netns_watch **ret_watch, struct err *e);
void netns_watch_free(struct netns_watch *w);

/* Hear of changes from now on. */
void netns_watch_take_ear(struct netns_watch *w, int take_fd);
bool netns_watch_has_ear(const struct netns_watch *w);

/* A container and a process in it. Borrowed during the call. */
struct netns_want {
	const char *owner; /* the container's id */
	pid_t pid;
};

/* The containers from now on, sorted by owner (shorter first, then by octets). asked: all sources
 * were asked for this since the last call. */
void netns_watch_set(struct netns_watch *w, const struct netns_want *wants, size_t n, bool asked,
		     uint64_t now_ns);

struct netns_inside {
	int id; /* of its namespace; -1: not known, or not yet */
	bool own; /* its network is this node's own: it has no addresses */
	bool known; /* the addresses are those it has, or had last */
	bool awaited; /* nothing is known yet: take nothing for gone */
	pid_t pid;
	const struct rtnl_address *addresses; /* sorted by addr, each once */
	size_t n;
};

/* NULL: it was not asked for. Borrowed until the next call or turn of the loop. */
const struct netns_inside *netns_watch_find(const struct netns_watch *w, const char *owner);

/* Whether some container has still to be asked. */
bool netns_watch_is_asking(const struct netns_watch *w);

/* Whether some container's process was named only once, or something was not asked or told yet. */
bool netns_watch_is_unsure(const struct netns_watch *w);

/* It grows when some container's namespace becomes another, and when one is known first. */
unsigned netns_watch_moves(const struct netns_watch *w);

/* Why some process could not be asked, -errno; 0: all could, or had ended. */
int netns_watch_error(const struct netns_watch *w);

/* Should the sources be asked again now? True once for each reason. */
bool netns_watch_wants_look(struct netns_watch *w);

#endif
