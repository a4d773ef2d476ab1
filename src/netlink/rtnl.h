/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_RTNL_H
#define CTM_RTNL_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Questions to rtnetlink(7), asked and answered at once, for `ctmeter check`; the daemon asks only for
 * its own addresses (nodeaddr.h). Nothing is changed, and all but rtnl_open may be asked by anybody. An answer is a glance:
 * what changes while it is given may be missing. */

#define RTNL_NAME_SIZE 16 /* IFNAMSIZ; kinds are shorter */

/* Where an XDP program is attached (IFLA_XDP_ATTACHED). */
enum rtnl_xdp { RTNL_XDP_NONE, RTNL_XDP_DRV, RTNL_XDP_SKB, RTNL_XDP_HW, RTNL_XDP_MULTI };

struct rtnl_link {
	int index;
	int master; /* index of the bridge or bond it is a port of, 0: none */
	uint16_t type; /* ARPHRD_* */
	bool loopback;
	char name[RTNL_NAME_SIZE];
	char kind[RTNL_NAME_SIZE]; /* "veth", "bridge", ..; "": hardware, or an old driver */
	int lower; /* index of the link it stands on, or of a veth's other end; 0: none */
	bool lower_elsewhere; /* that one is in another network namespace */
	enum rtnl_xdp xdp;
	uint32_t xdp_program; /* its id, 0: not told */
};

struct rtnl_address {
	int link; /* its index */
	struct addr addr;
	uint8_t prefix_len; /* of its network */
};

enum rtnl_way {
	RTNL_WAY_UNKNOWN, /* not asked, or no answer */
	RTNL_WAY_NONE, /* no route */
	RTNL_WAY_REFUSED, /* unreachable, prohibit, blackhole */
	RTNL_WAY_LOCAL, /* an address of this namespace itself */
	RTNL_WAY_LINK, /* out by a link */
};

struct rtnl_route {
	enum rtnl_way way;
	int link; /* RTNL_WAY_LINK: its index */
	bool has_gateway;
	struct addr gateway;
	bool by_default; /* only the default route leads there; never told by kernels before 4.13 */
};

/* A filter of tc(8) that may carry packets past netfilter. */
struct rtnl_filter {
	int link;
	bool egress;
	uint16_t pref;
	char kind[RTNL_NAME_SIZE]; /* "bpf", "flower", .. */
	bool program; /* an eBPF program, which may do anything */
	bool redirects; /* action mirred redirect */
	bool in_hardware;
};

/* Returns a descriptor for the questions below, or -errno. */
int rtnl_open(void);

/* All links, by index; all addresses; all filters at clsact and ingress qdiscs. Return 0 and an
 * array for free(), or -errno. */
int rtnl_links(int fd, struct rtnl_link **ret_links, size_t *ret_n);
int rtnl_addresses(int fd, struct rtnl_address **ret_addresses, size_t *ret_n);
int rtnl_filters(int fd, struct rtnl_filter **ret_filters, size_t *ret_n);

/* The way that a packet to `a` would take from here. Returns 0 or -errno (no route is a way). */
int rtnl_route(int fd, const struct addr *a, struct rtnl_route *ret_route);

/* The parts without a kernel: one message of `len` octets (with its nlmsghdr). False: it is no such
 * message, or cut off. rtnl_parse_filter is false for filters that carry nothing past netfilter. */
bool rtnl_parse_link(const void *msg, size_t len, struct rtnl_link *ret_link);
bool rtnl_parse_address(const void *msg, size_t len, struct rtnl_address *ret_address);
bool rtnl_parse_route(const void *msg, size_t len, struct rtnl_route *ret_route);
bool rtnl_parse_filter(const void *msg, size_t len, struct rtnl_filter *ret_filter);

#endif
