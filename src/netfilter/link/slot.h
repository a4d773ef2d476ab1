/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_SLOT_H
#define CTM_LINK_SLOT_H

/* The maps that the kernel's program (count.bpf.c) and the daemon share, so this header is plain C
 * for both. All of them are pinned in one set (object.h), and survive the daemon.
 *
 * buckets          array of link_bucket, mmapable: the index, a hash table of slots by their keys
 *                  (index.h). The program only reads it.
 * slots            array of link_slot, mmapable. Only the program writes to the counters of a slot
 *                  that is in the index; only the daemon writes to one that is not in it.
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
#define LINK_LAYOUT 2

enum { LINK_IN, LINK_OUT, LINK_NODE_IN, LINK_NODE_OUT, LINK_PATHS }; /* in the order of enum path */

/* What a slot is for; of an IPv4 address the rest is 0. */
struct link_key {
	union {
		struct {
			__u32 link; /* ifindex */
			__u32 family; /* enum addr_family */
			__u8 addr[16];
		};
		__u64 word[3];
	};
};

/* What one address has counted; the program adds to it atomically. The key tells the program that
 * it is the slot that it looks for, and changes only while no program can have found the slot. It
 * is in one cache line with what forwarded packets are added to. */
struct link_slot {
	struct link_key key;
	__u8 spare[8];
	struct {
		__u64 octets, pkts;
	} path[LINK_PATHS];
	__u8 spare_too[32];
};

/* A cache line of the index. An entry is 0: never used; LINK_GONE: used no more; or the upper half
 * of a key's hash, and the number of its slot plus 1. A key's entry is in the bucket that its hash
 * says, or, if that had no place when it came, in one of the next; a bucket in which an entry was
 * never used is the last to look in. */
#define LINK_BUCKET 8
#define LINK_CHAIN 8 /* buckets to look in at most */
#define LINK_GONE 0xffffffffull

struct link_bucket {
	__u64 entry[LINK_BUCKET];
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
	__u32 buckets; /* of the index: a power of two */
	__u64 seed; /* of its hashes. Nobody can choose addresses that share a bucket. */
};

static inline __u64 link_hash(const struct link_key *key, __u64 seed)
{
	__u64 h = seed;

	/* Each step moves what differs up, and back down; the last two bring all of the last word
	 * to the bits that number a bucket. */
	h = (h ^ key->word[0]) * 0x9e3779b97f4a7c15ull;
	h = (h ^ h >> 32 ^ key->word[1]) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 32 ^ key->word[2]) * 0x94d049bb133111ebull;
	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ull;
	h = (h ^ h >> 32) * 0xbf58476d1ce4e5b9ull;
	return h ^ h >> 32;
}

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
