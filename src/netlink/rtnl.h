/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_RTNL_H
#define CTM_RTNL_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Blocking rtnetlink(7) queries for `ctmeter check`. They change nothing and need no privilege. A
 * dump is not atomic: changes during it may be missing. The daemon queries only the node's own
 * addresses (nodeaddr.h) and, one object at a time, routes, neighbours and forwarding entries
 * (place.h): the kernel answers those before the request has returned. */

#define RTNL_NAME_SIZE 16 /* IFNAMSIZ; kinds are shorter */

/* Where an XDP program is attached (IFLA_XDP_ATTACHED). */
enum rtnl_xdp { RTNL_XDP_NONE, RTNL_XDP_DRV, RTNL_XDP_SKB, RTNL_XDP_HW, RTNL_XDP_MULTI };

struct rtnl_link {
	int index;
	int master; /* index of the bridge or bond that it is a port of, 0: none */
	uint16_t type; /* ARPHRD_* */
	bool loopback;
	char name[RTNL_NAME_SIZE];
	char kind[RTNL_NAME_SIZE]; /* "veth", "bridge", ..; "" for hardware and old drivers */
	int lower; /* index of the underlying link, or of a veth's peer; 0: none */
	bool lower_elsewhere; /* `lower` is in another network namespace */
	int netns; /* that namespace's id in this one; -1: none */
	uint16_t vlan; /* the id of a VLAN link */
	bool vlan_filtering; /* of a bridge: it is aware of VLANs */
	uint16_t pvid; /* of a bridge: its default VLAN */
	enum rtnl_xdp xdp;
	uint32_t xdp_program; /* its id, 0: unknown */
};

struct rtnl_address {
	int link; /* index of its link */
	struct addr addr;
	uint8_t prefix_len; /* of its subnet */
	bool global; /* its scope: neither the link's nor the host's own */
	bool failed; /* IPv6: another host has it (IFA_F_DADFAILED) */
};

enum rtnl_way {
	RTNL_WAY_UNKNOWN, /* not queried, or no answer */
	RTNL_WAY_NONE, /* no route */
	RTNL_WAY_REFUSED, /* unreachable, prohibit, blackhole */
	RTNL_WAY_LOCAL, /* an address of this network namespace */
	RTNL_WAY_LINK, /* out through a link */
};

struct rtnl_route {
	enum rtnl_way way;
	int link; /* RTNL_WAY_LINK: its index */
	bool has_gateway;
	struct addr gateway;
	bool by_default; /* only the default route leads there; never set before Linux 4.13 */
};

#define RTNL_MAC_SIZE 6

/* An entry of the neighbour table, or of a bridge's forwarding table. */
struct rtnl_neigh {
	bool of_bridge; /* a forwarding entry; then there is no addr */
	int link; /* forwarding entry: the bridge's port */
	struct addr addr;
	bool has_mac; /* false: the neighbour has not answered */
	uint8_t mac[RTNL_MAC_SIZE];
	bool own; /* forwarding entry: the MAC is of the port itself */
};

/* A route came or went: what it leads to. */
struct rtnl_prefix {
	struct addr first;
	uint8_t len;
};

/* A tc(8) filter that may make packets bypass netfilter. */
struct rtnl_filter {
	int link;
	bool egress;
	uint16_t pref;
	char kind[RTNL_NAME_SIZE]; /* "bpf", "flower", .. */
	bool program; /* an eBPF program, which may redirect anything */
	bool redirects; /* action mirred redirect */
	bool in_hardware;
};

/* Returns a descriptor for the queries below, or -errno. */
int rtnl_open(void);

/* All links by index; all addresses; all bypassing filters on clsact and ingress qdiscs. Return 0
 * and an array for free(), or -errno. */
int rtnl_links(int fd, struct rtnl_link **ret_links, size_t *ret_n);
int rtnl_addresses(int fd, struct rtnl_address **ret_addresses, size_t *ret_n);
int rtnl_filters(int fd, struct rtnl_filter **ret_filters, size_t *ret_n);

/* The first and the last address of an own address's network: the kernel has broadcast routes to
 * both, whether configured or not. False: it has none, as in IPv6 and in the smallest networks. */
bool rtnl_broadcasts(const struct rtnl_address *own, struct addr *ret_first, struct addr *ret_last);

/* The route that a packet to `a` would take from this namespace. Returns 0 (also for no route:
 * RTNL_WAY_NONE), or -errno. */
int rtnl_route(int fd, const struct addr *a, struct rtnl_route *ret_route);

/* The neighbour entry of `a` on this link. Returns 0; -ENOENT: there is none; -EOPNOTSUPP: the
 * kernel (before 5.0) answers no such query; or another -errno. */
int rtnl_neigh(int fd, int link, const struct addr *a, struct rtnl_neigh *ret_neigh);

/* The entry of a bridge's forwarding table. vlan: 0 for a bridge without VLANs. Returns as
 * rtnl_neigh does. */
int rtnl_forwarding(int fd, int bridge, const uint8_t mac[RTNL_MAC_SIZE], uint16_t vlan,
		    struct rtnl_neigh *ret_neigh);

/* The parsers, which need no kernel. `msg` is one message of `len` octets, with its nlmsghdr.
 * False: another type of message, or truncated; for rtnl_parse_filter also a filter that bypasses
 * nothing. */
bool rtnl_parse_link(const void *msg, size_t len, struct rtnl_link *ret_link);
bool rtnl_parse_address(const void *msg, size_t len, struct rtnl_address *ret_address);
bool rtnl_parse_route(const void *msg, size_t len, struct rtnl_route *ret_route);
bool rtnl_parse_filter(const void *msg, size_t len, struct rtnl_filter *ret_filter);
bool rtnl_parse_neigh(const void *msg, size_t len, struct rtnl_neigh *ret_neigh);
/* Of RTM_NEWROUTE and RTM_DELROUTE. */
bool rtnl_parse_prefix(const void *msg, size_t len, struct rtnl_prefix *ret_prefix);
/* RTM_DELLINK: the index of the link that is gone. */
bool rtnl_parse_link_gone(const void *msg, size_t len, int *ret_index);

#endif
