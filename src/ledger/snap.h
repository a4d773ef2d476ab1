/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SNAP_H
#define CTM_SNAP_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/billing.h"
#include "base/traffic.h"
#include "inventory/inv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The snapshot: what AgentX, the control socket and the reports all show of one moment.
 * 1. Immutable once built, except that taken_ns grows while readings find nothing else; shared by
 *    reference count (one thread: no atomics).
 * 2. Containers are sorted by inv_id_cmp, addresses by (container, addr_cmp): MIB index order.
 * 3. Every octet of an address row is also in its container's row.
 * 4. The switch view needs two more orders of the same rows: arrays of indices. */

/* The MIB's ctmStatus. */
enum row_status {
	ROW_OTHER = 1,
	ROW_COUNTING,
	ROW_PENDING, /* its rules are not in place yet, or its link is not known */
	/* The node has no tables of its family, or the address itself; or its link cannot be
	 * counted on, not in both directions at least. */
	ROW_NOT_COUNTABLE,
	ROW_CONFLICT, /* claimed by several containers, and not counted for this one */
	ROW_RETIRED, /* gone; its totals are still served */
};

/* The mark of `ctmeter zero`: totals at a moment, from which people count. Few rows have one. It
 * never changes once made, so ledger and snapshots share it. */
struct snap_mark {
	struct counters at[PATHS];
	int64_t wall_s;
	unsigned refs; /* private to snap.c */
};

/* A new mark with one reference. */
struct snap_mark *snap_mark_new(const struct counters at[PATHS], int64_t wall_s);
/* NULL is no mark. */
struct snap_mark *snap_mark_ref(struct snap_mark *m);
void snap_mark_unref(struct snap_mark *m);

/* What address and container rows share. Times: *_wall_s in Unix seconds, *_ns in CLOCK_BOOTTIME;
 * 0: never. */
struct snap_totals {
	struct counters path[PATHS];
	int64_t since_wall_s;
	uint64_t discontinuity_ns;
	int64_t discontinuity_wall_s;
	struct snap_mark *zero; /* NULL: none; SNMP ignores it */
	uint32_t discontinuities;
	enum row_status status;
};

/* Texts that snapshots share, since they seldom change. */
struct snap_names;

/* Room for so many octets, with one reference; the caller fills it before anybody else sees it. */
struct snap_names *snap_names_new(size_t octets, char **ret_text);
struct snap_names *snap_names_ref(struct snap_names *n);
/* NULL is ignored. */
void snap_names_unref(struct snap_names *n);

/* A container's part in the billing period. */
struct snap_bill {
	struct flow used;
	struct billing_quota quota; /* in force: octets 0 is none */
	enum billing_state state;
	uint32_t reached; /* the highest threshold, 0: none */
	uint32_t heard; /* the same, as an earlier process noted it */
};

struct snap_container {
	const char *id, *name; /* in names, or snap_text */
	enum inv_run run;
	uint64_t run_ns; /* since when; 0: since before ctmeterd first saw it */
	uint32_t ifindex; /* durable, from 1 */
	uint32_t n_addresses; /* rows not retired */
	uint32_t mbits; /* the speed of its links; 0: not told */
	struct snap_totals totals;
	const char *runtime, *runtime_id, *image; /* snap_text; as in struct inv_container */
	enum inv_net net;
	struct snap_bill bill;
};

struct snap_address {
	uint32_t container; /* index into containers */
	struct addr addr;
	const char *link; /* the link that it is counted on; NULL or "": none */
	const char *reason; /* why its status is not counting, for people; NULL or "": none */
	enum inv_unfit unfit; /* why it is not countable */
	struct snap_totals totals;
};

/* A container as a port of the switch view. */
struct snap_port {
	uint32_t ifindex;
	uint32_t container; /* index into containers */
};

/* Whether what is counted gets into the fleet's database. */
enum snap_ship { SNAP_SHIP_OFF, SNAP_SHIP_OK, SNAP_SHIP_FAILING };

#define SNAP_PROBLEM_SIZE 256 /* a DisplayString and its end */

struct snap {
	struct snap_names *names; /* of the containers; NULL: they are in text */
	struct arena text; /* of all other strings */
	struct snap_container *containers;
	size_t n_containers;
	struct snap_address *addresses;
	size_t n_addresses;
	struct snap_port *ports; /* every container, sorted by ifindex: n_containers */
	uint32_t *held; /* index of the row that holds each address now, sorted by addr_cmp */
	size_t n_held, n_held_v4; /* the IPv4 addresses are first */
	uint64_t ports_change_ns; /* when a container last came or went */
	enum port_view port_view;
	uint32_t port_framing; /* octets that the ports count more for each packet */
	uint64_t turned_ns; /* when port_view or port_framing last changed, 0: never */
	int64_t period_begin_s, period_end_s; /* of the billing period; 0: there is none */
	uint64_t taken_ns; /* when the kernel's counters were read */
	uint64_t last_change_ns; /* when a row last came or went */
	uint32_t rules; /* counting rules in the kernel, all families */
	uint32_t rule_repairs;
	uint32_t conflicts; /* address rows in conflict */
	uint32_t unfit; /* address rows that no container can have */
	uint32_t not_allowed; /* address rows of INV_NOT_ALLOWED */
	uint32_t inventory_failures;
	uint32_t stale_answers;
	bool ready; /* complete, or as complete as it will get: it may be served */
	bool no_node_traffic; /* PATH_NODE_* are not counted, by configuration */
	bool inventory_failing; /* some source's last poll gave no complete answer */
	bool store_failing;
	enum snap_ship ship;
	char problem[SNAP_PROBLEM_SIZE]; /* what is wrong with the accounting, "": nothing */
	const char *backend; /* "link", "iptables", "fake": static text */
	/* private to snap.c */
	unsigned refs;
	struct snap_pool *pool;
	size_t cap_containers, cap_addresses, cap_held; /* if it has a pool */
};

/* Snapshots follow one another, each as large as the one before. Memory that is given back to the
 * kernel and asked for again costs far more than filling it, so a pool keeps the last one that was
 * freed for the next. */
struct snap_pool;

struct snap_pool *snap_pool_new(void);
/* Free what it keeps: nobody needs the next snapshot soon. */
void snap_pool_drop(struct snap_pool *p);
/* Its snapshots may live on. NULL is ignored. */
void snap_pool_free(struct snap_pool *p);

/* As snap_new, for snap_reserve. */
struct snap *snap_new_from(struct snap_pool *p);

/* For the builder of a snapshot from a pool: room for so many containers (and as many ports),
 * addresses, and addresses that are held. What is in it is undefined. */
void snap_reserve(struct snap *s, size_t containers, size_t addresses, size_t held);

/* An empty snapshot with one reference. The builder fills its fields; from then on it is only
 * read. */
struct snap *snap_new(void);

/* For the builder: give an address row the status ROW_NOT_COUNTABLE, and its container the one that
 * follows from all of its rows. */
void snap_not_countable(struct snap *s, size_t address);

/* A copy of a string that lives as long as the snapshot, for the builder. */
const char *snap_text(struct snap *s, const char *text);
struct snap *snap_ref(struct snap *s);
void snap_unref(struct snap *s);

/* Is a figure meaningful: counted at some time, or being counted? */
static inline bool snap_tells(const struct snap *s, const struct snap_totals *t, enum path path)
{
	bool node = path == PATH_NODE_IN || path == PATH_NODE_OUT;

	return t->path[path].octets || t->path[path].pkts ||
	       (t->status != ROW_NOT_COUNTABLE && !(node && s->no_node_traffic));
}

#endif
