/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_LAYOUT_H
#define CTM_XT_LAYOUT_H

#include "netfilter/fw_reading.h"
#include "netfilter/iptables/plan.h"
#include "netfilter/iptables/xt_table.h"

/* Where our chains and counters are in a legacy table. Pure. */

/* Where a counting rule is. */
struct xt_place {
	uint32_t at; /* offset of its struct xt_counters in the blob; 0: no such rule */
	uint32_t index; /* entry number */
	uint32_t canary; /* number of its chain's canary in canaries, from 1; 0: none */
};

struct xt_canary {
	uint32_t at, index;
	uint64_t octets; /* its seed */
	bool root; /* it is in a root chain */
};

struct xt_layout {
	uint64_t digest; /* of the structure, see xt_digest */
	struct fw_row *rows; /* one per address, sorted; counters filled by xt_counters_read */
	struct xt_place (*places)[PATHS]; /* of each row's rules */
	size_t n_rows;
	uint64_t ours; /* digest of all our rules in it, whatever stands around them */
	struct xt_canary *canaries; /* one per chain */
	size_t n_canaries;
	/* entry numbers plus 1 of the built-in chains' policies; 0: none */
	uint32_t policy[XT_HOOKS];
	struct present present;
	/* For people: rule numbers from 1 as iptables counts; 0: none. */
	struct {
		uint32_t jump; /* our first jump */
		uint32_t shadow; /* the first rule before it that can end a packet's walk */
		char shadow_target[XT_EXTENSION_MAXNAMELEN]; /* its target; "": none */
	} place[HOOKS];
	/* How to change the table without reading it whole (see compose_tail.h). All 0 when that
	 * is impossible: foreign entries follow ours, or jump into our chains. */
	struct {
		uint32_t at, index; /* our first chain's ERROR entry */
		uint32_t checked; /* offset after our root chains: what xt_read_head must read */
		uint64_t digest; /* xt_digest of the octets before that */
		uint32_t jump_at[HOOKS]; /* offset of our jump; 0: none */
	} tail;
	uint32_t n_entries, size;
};

/* Find our rules in a reading. Cannot fail: anything not understood is foreign or alien. Of the
 * flaws (struct present) it finds what is counted twice; xt_judge finds the others. */
void xt_layout_parse(const struct xt_raw *raw, struct xt_layout *ret_layout);
void xt_layout_clear(struct xt_layout *layout);

/* Returns whether every canary carries its seed. If not, *ret_zero says whether all wrong ones are
 * 0. In a raw that ends after the root chains, only their canaries are checked. */
bool xt_canaries_read(const struct xt_layout *layout, const struct xt_raw *raw, bool *ret_zero);

/* Whether any canary carries its seed. */
bool xt_canaries_any(const struct xt_layout *layout, const struct xt_raw *raw);

/* Copy the counters of a reading that has the layout's digest into layout->rows.
 * Returns as xt_canaries_read. */
bool xt_counters_read(struct xt_layout *layout, const struct xt_raw *raw, bool *ret_zero);

/* When some canaries are 0: set each row's `intact` bits for the rules whose chain has a correct
 * canary. */
void xt_intact_read(struct xt_layout *layout, const struct xt_raw *raw);

#endif
