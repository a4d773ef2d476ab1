/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TRAFFIC_H
#define CTM_TRAFFIC_H

#include <stdint.h>

/* What is counted: the words that netfilter, ledger, store and reports share. */

/* Octets and packets of one kind of traffic. */
struct counters {
	uint64_t octets;
	uint64_t pkts;
};

/* The four paths a packet of a container can take, seen from the container. Each address has one
 * counter a path. */
enum path { PATH_FWD_IN, PATH_FWD_OUT, PATH_NODE_IN, PATH_NODE_OUT, PATHS };

/* Octets to and from a container, forwarded and with the node together, as its port shows them. */
struct flow {
	uint64_t in, out;
};

static inline struct flow flow_of(const struct counters path[PATHS])
{
	return (struct flow) { path[PATH_FWD_IN].octets + path[PATH_NODE_IN].octets,
			       path[PATH_FWD_OUT].octets + path[PATH_NODE_OUT].octets };
}

static inline struct flow flow_less(struct flow a, struct flow b)
{
	return (struct flow) { a.in - b.in, a.out - b.out };
}

/* Sets of paths have bit (1 << path): all, and those of packets that the node forwards. */
#define PATHS_ALL ((1u << PATHS) - 1)
#define PATHS_FORWARDED (1u << PATH_FWD_IN | 1u << PATH_FWD_OUT)

/* Whose In and Out the switch view's ports show. The store keeps these numbers. */
enum port_view { PORT_VIEW_UNKNOWN, PORT_VIEW_CONTAINER, PORT_VIEW_SWITCH };

#endif
