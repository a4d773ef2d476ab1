/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NETNS_H
#define CTM_NETNS_H

#include "netlink/rtnl.h"

#include <sys/types.h>

/* Other network namespaces, seen from this one by rtnetlink(7): no setns, no ptrace. Each has a
 * number here, its id, which the kernel gives (and gives again, when a namespace is gone). The
 * queries need CAP_NET_ADMIN, also where the namespace belongs to a user namespace, and Linux 5.0.
 */

/* Returns a descriptor for the queries below; -EOPNOTSUPP: the kernel is too old; or another
 * -errno. */
int netns_open(void);

/* The id of the namespace of a process. Gives it one if it has none. *ret_own: it is this one.
 * Returns 0; -ESRCH: there is no such process, or it has ended; or another -errno. */
int netns_of(int fd, pid_t pid, int *ret_id, bool *ret_own);

/* The id of that namespace, as it is now: -1 if it has none. */
int netns_peek(int fd, pid_t pid, int *ret_id);

/* The addresses of the namespace of this id that others can send to: global ones, not those of
 * its loopback link, nor those that another host has; at most max. Returns 0 and an array for
 * free(); 1 and an array if there are more, and fd is to be closed then; or -errno: -EINVAL if
 * there is no such namespace. */
int netns_addresses(int fd, int id, size_t max, struct rtnl_address **ret_addresses, size_t *ret_n);

/* A socket that hears of address changes in all namespaces that have an id here, and of ids that
 * go (nlhear_adopt). To open it needs CAP_NET_BROADCAST; to read it needs nothing, so it can be
 * handed over. Returns it, -EPERM, or another -errno. */
int netns_ear(void);

/* RTM_DELNSID: the id that is free now. False: another message. */
bool netns_parse_gone(const void *msg, size_t len, int *ret_id);

#endif
