/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_SLOT_H
#define CTM_LINK_SLOT_H

/* The maps that the kernel's program (count.bpf.c) and the daemon share, so this header is plain C
 * for both. All of them are pinned in one set (object.h), and survive the daemon.
 *
 * index4, index6   hash: link_key4 or link_key6 -> __u32, the number of a slot
 * slots            array of link_slot, mmapable. Only the program writes to a slot that is in an
 *                  index; only the daemon writes to one that is in none.
 * owners           array of link_owner, mmapable; owners[i] is slots[i]'s. The program never reads
 *                  it. It is the daemon's memory through a kill.
 * state            array of one link_state, mmapable: the daemon's, too
 * node4, node6     hash: an address of the node itself or one of its broadcast addresses (4 or 16
 *                  octets) -> __u8, 1
 * strays           array of link_strays, mmapable, by LINK_STRAYS_*
 * epochs           array of maps with one element, for the grace period: updating it waits until
 *                  no program runs that began before. The element is the map `epoch`.
 *
 * A slot goes FREE -> LIVE -> LEAVING -> FREE:
 * 1. FREE: in no index, its counters are 0.
 * 2. To LIVE: write the owner's key and commit, then its state, then the index entry. After a kill
 *    in between, a LIVE owner without an entry gets its entry from the next process.
 * 3. To LEAVING: write the commit and the state, then remove the index entry, then wait for the
 *    grace period. From then on the slot holds its final counters.
 * 4. To FREE: once the final is stored (fw_forget): zero the counters, then write the state.
 * A key has at most one slot that is LIVE. Slots may be LEAVING with the same key. */

#include <linux/types.h>

/* Changes when what is below changes in a way that an older daemon's maps do not fit. */
#define LINK_LAYOUT 1

enum { LINK_IN, LINK_OUT, LINK_NODE_IN, LINK_NODE_OUT, LINK_PATHS }; /* in the order of enum path */

struct link_key4 {
	__u32 link; /* ifindex */
	__u8 addr[4];
};

struct link_key6 {
	__u32 link;
	__u8 addr[16];
};

/* One cache line: what one address has counted. The program adds to it atomically. */
struct link_slot {
	struct {
		__u64 octets, pkts;
	} path[LINK_PATHS];
};

enum link_owner_state { LINK_FREE, LINK_LIVE, LINK_LEAVING };

/* Whether packets of a LIVE slot may have passed uncounted. Told: `commit` reports it, and not that
 * it made the slot. */
enum link_missed { LINK_MISSED_NOT, LINK_MISSED_UNTOLD, LINK_MISSED_TOLD };

struct link_owner {
	__u32 state; /* enum link_owner_state */
	__u32 link;
	__u8 addr[16];
	__u8 family; /* enum addr_family */
	__u8 born; /* enum fw_final_kind of the commit that made it */
	__u8 missed; /* enum link_missed */
	__u8 paths; /* bits (1 << LINK_IN) ..: what is counted of it */
	__u8 spare[4];
	__u64 commit; /* that made it LIVE or LEAVING, or that reported `missed` */
};

struct link_state {
	__u64 commit[2]; /* by family: the number of the last commit */
	__u64 unsettled[2]; /* that of the commit whose finals are not forgotten; 0: none */
	__u32 layout; /* LINK_LAYOUT; written last when a set is made */
	__u32 reach; /* slots from this number on are FREE (link_object_reach) */
	__u32 taken; /* the counters of the set before this one are in this one's */
	__u32 spare;
};

/* IP packets from a container's own link whose source no key of that link has: spoofed, or an
 * address that the inventory does not name. And IP packets that the program could not read. */
enum { LINK_STRAYS_SOURCE, LINK_STRAYS_BROKEN, LINK_STRAYS };

struct link_strays {
	__u64 octets, pkts;
};

/* The programs, by the side of the link that the containers are on, the direction as the kernel
 * sees it, and whether the link's packets have an Ethernet header. Pinned as these names.
 *   count_in         from the container, on its own link (ingress)
 *   count_out        to the container, on its own link or one that many share (egress)
 *   count_shared_in  from a container, on a link that many share, as venet0 (ingress): no strays
 *   count_up_in      to a container, on an uplink (ingress)
 *   count_up_out     from a container, on an uplink (egress)
 * each also with _l3, for links without Ethernet headers (venet0, tun). Each returns TC_ACT_UNSPEC:
 * what comes after it decides about the packet. */

#endif
