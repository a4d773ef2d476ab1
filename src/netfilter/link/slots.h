/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_SLOTS_H
#define CTM_LINK_SLOTS_H

#include "netfilter/fw.h"
#include "netfilter/link/slot.h"

/* The way of a slot from FREE to LIVE to LEAVING to FREE (slot.h), on memory that outlives this
 * process.
 * 1. Each function leaves behind, at any instant of a kill, what slots_repair of the next process
 *    finishes.
 * 2. A commit is: slots_begin, then changes in any number, then slots_finals. It has ended for good
 *    with slots_settle. One commit at a time for each family.
 * 3. A program that has found a slot may go on with it after its entry was removed, until a grace
 *    period has passed. Only then may the slot be raised for another key. */

/* The index of a family's keys, in the kernel or in a test. Each function returns 0 or -errno. */
struct slots_index {
	int (*put)(void *arg, const struct fw_key *key, uint32_t slot); /* new, or replaced */
	int (*remove)(void *arg, const struct fw_key *key); /* -ENOENT: it was not there */
	int (*get)(void *arg, const struct fw_key *key, uint32_t *ret_slot); /* -ENOENT */
	int (*wait_grace)(void *arg);
	void *arg;
};

/* Borrowed, all of it. */
struct slots {
	struct link_slot *slot;
	struct link_owner *owner;
	struct link_state *state;
	struct slots_index index;
	void (*step)(void *arg); /* called before each change, for tests that kill there; or NULL */
	void *step_arg;
};

/* The commit that now begins has this number. */
void slots_begin(const struct slots *s, enum addr_family family, uint64_t commit);

/* FREE to LIVE. Its final will be FW_CREATED. Returns 0 or -errno; then the slot is FREE again. */
int slots_raise(const struct slots *s, uint32_t slot, const struct fw_key *key, uint8_t paths,
		uint64_t commit);
/* A slot that this commit raised: these paths alone are counted of it; and, if resumed, no packet
 * had passed before. */
void slots_describe(const struct slots *s, uint32_t slot, uint8_t paths, bool resumed);
/* LIVE to FREE, of a slot that this commit raised, and that no program can have counted in.
 * Returns 0 or -errno. */
int slots_drop(const struct slots *s, uint32_t slot);

/* LIVE to LEAVING, in two steps. Before any slot of the same address is raised, or else a kill
 * leaves two that are LIVE: */
void slots_lower(const struct slots *s, uint32_t slot, uint64_t commit);
/* Its index entry goes. Its counters are its final once slots_wait_grace has returned. Return 0 or
 * -errno. */
int slots_cut(const struct slots *s, uint32_t slot);
int slots_wait_grace(const struct slots *s);

/* Packets may pass a LIVE slot uncounted. This is remembered until a commit tells it. */
void slots_miss(const struct slots *s, uint32_t slot);
/* Let this commit tell it; from now on its packets are counted. Puts its index entry back if that
 * is gone. Returns 0 or -errno. */
int slots_tell_missed(const struct slots *s, uint32_t slot, uint64_t commit);

/* What the family's unsettled commit did, by address, as an array for free(). */
struct fw_final *slots_finals(const struct slots *s, enum addr_family family, size_t *ret_n);

/* The finals are stored: what was LEAVING is FREE. Returns the number of the lowest slot that this
 * freed; UINT32_MAX: none. */
uint32_t slots_settle(const struct slots *s, enum addr_family family);

/* Finish what a killed process left of its unsettled commit, up to where slots_finals can be asked.
 * Needs nothing where there is no such commit. Returns 0 or -errno. */
int slots_repair(const struct slots *s, enum addr_family family);

/* The address, or the key, that a slot is for. */
struct addr slots_addr(const struct link_owner *owner);
struct fw_key slots_key(const struct link_owner *owner);
/* Its counter of one path. */
struct counters slots_counters(const struct link_slot *slot, enum path path);

#endif
