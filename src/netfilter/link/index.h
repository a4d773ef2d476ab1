/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_INDEX_H
#define CTM_LINK_INDEX_H

#include "netfilter/fw.h"
#include "netfilter/link/slot.h"

/* The index of slots by their keys, which the program searches for each packet: most packets find
 * theirs with one cache line of it and the two of the slot, where a hash of the kernel's takes
 * more, scattered over more pages. One writer at a time; programs and readers read meanwhile.
 * 1. An entry is one 64-bit store, and stays where it is. The slot has its key before.
 * 2. A program may go on with a slot whose entry was removed, until a grace period has passed: so a
 *    slot gets another key only after one (slot.h). */

struct index {
	struct link_bucket *bucket;
	uint32_t n; /* a power of two */
	struct link_slot *slot;
	const struct link_state *state; /* its seed and reach */
};

/* How many buckets an index for so many keys has. */
uint32_t index_size(uint32_t n_keys);

/* Make this the key's slot. Returns 0 or -ENOSPC. */
int index_put(const struct index *x, const struct fw_key *key, uint32_t slot);

/* Returns 0 or -ENOENT. */
int index_remove(const struct index *x, const struct fw_key *key);
int index_get(const struct index *x, const struct fw_key *key, uint32_t *ret_slot);

#endif
