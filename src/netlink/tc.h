/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TC_H
#define CTM_TC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tc(8)'s objects at the entrances of one link: the ingress or clsact qdisc, and the BPF filters on
 * it. Blocking rtnetlink(7) requests on a descriptor of rtnl_open, which must be used by one thread
 * at a time. Changes need CAP_NET_ADMIN. Each function returns 0 or -errno: -ENODEV, when the link
 * is gone. */

#define TC_NAME_SIZE 16

/* A link, and what has passed it since it was made. */
struct tc_link {
	char name[TC_NAME_SIZE];
	uint16_t type; /* ARPHRD_* */
	uint64_t rx_pkts, tx_pkts;
};

int tc_link(int fd, uint32_t link, struct tc_link *ret_link);

/* What can be at a link's entrance. A link has at most one of the two. */
enum tc_qdisc { TC_QDISC_NONE, TC_QDISC_INGRESS, TC_QDISC_CLSACT };

int tc_qdisc(int fd, uint32_t link, enum tc_qdisc *ret_qdisc);
/* -EEXIST: the link has one already. */
int tc_add_clsact(int fd, uint32_t link);
int tc_remove_clsact(int fd, uint32_t link);

/* Where filters are: at the ingress of an ingress or a clsact qdisc, at the egress of the
 * latter. */
enum tc_hook { TC_HOOK_INGRESS, TC_HOOK_EGRESS };

struct tc_filter {
	uint16_t pref;
	uint32_t handle;
	uint32_t program; /* id of its BPF program; 0: it is another kind of filter */
	bool polices; /* it limits a rate */
	char name[TC_NAME_SIZE]; /* of its BPF program; "": unknown */
};

/* All filters of a hook, in the order in which packets meet them, as an array for free(). None,
 * where the link has no such hook. */
int tc_filters(int fd, uint32_t link, enum tc_qdisc qdisc, enum tc_hook hook,
	       struct tc_filter **ret_filters, size_t *ret_n);

/* Put a program there, before all filters with a greater pref; in place of the one with this pref
 * and handle, if there is one. The program's return value decides about the packet (direct
 * action). -EINVAL, if a filter of another kind has that pref. */
int tc_put_filter(int fd, uint32_t link, enum tc_qdisc qdisc, enum tc_hook hook, uint16_t pref,
		  uint32_t handle, int program, const char *name);
int tc_remove_filter(int fd, uint32_t link, enum tc_qdisc qdisc, enum tc_hook hook, uint16_t pref,
		     uint32_t handle);

#endif
