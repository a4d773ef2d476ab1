/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_LAYOUT_H
#define CTM_XT_LAYOUT_H

#include "netfilter/fw.h"
#include "netfilter/iptables/plan.h"
#include "netfilter/iptables/xt_table.h"

/* Where in a legacy table our chains and counters are. Pure. */

/* Where a counting rule is. */
struct xt_place {
	uint32_t at; /* offset of its struct xt_counters in the blob, 0: there is none */
	uint32_t index; /* entry number */
	uint32_t canary; /* its chain's, as canaries counts, from 1; 0: there is none */
};

struct xt_canary {
	uint32_t at, index;
	uint64_t octets; /* its seed */
	bool root; /* a root chain's */
};

struct xt_layout {
	uint64_t digest; /* of the structure, see xt_digest */
	struct fw_row *rows; /* one an address, sorted; counters filled by xt_counters_read */
	struct xt_place (*places)[PATHS]; /* of each row's rules */
	size_t n_rows;
	uint64_t ours; /* digest of all in it that is ours, whatever stands around it */
	struct xt_canary *canaries; /* one a chain */
	size_t n_canaries;
	uint32_t policy
		[XT_HOOKS]; /* entry numbers plus 1 of the built-in chains' policies, 0 none */
	struct present present;
	/* For people: numbers as iptables counts rules, from 1, 0 for none. */
	struct {
		uint32_t jump; /* our first jump */
		uint32_t shadow; /* the first rule before it that can end a packet's walk */
		char shadow_target[XT_EXTENSION_MAXNAMELEN]; /* that one's, "" for none */
	} place[HOOKS];
	/* Where a table can be changed without being read whole (see compose_tail.h); all 0 when it
	 * cannot: foreign entries stand behind ours, or jump into our chains. */
	struct {
		uint32_t at, index; /* our first chain's ERROR entry */
		uint32_t checked; /* offset behind our root chains: what xt_read_head must tell */
		uint64_t digest; /* xt_digest of the octets before that */
		uint32_t jump_at[HOOKS]; /* the jump in each hook that has one */
	} tail;
	uint32_t n_entries, size;
};

/* Find our rules in a reading. Cannot fail: what is not understood is foreign or alien. Of the flaws
 * (struct present) it finds what is counted twice; xt_judge finds the others. */
void xt_layout_parse(const struct xt_raw *raw, struct xt_layout *ret_layout);
void xt_layout_clear(struct xt_layout *layout);

/* Returns whether every canary carries its seed; if not, *ret_zero says whether those that do not are
 * 0. Of a raw that ends behind the root chains only theirs are looked at. */
bool xt_canaries_read(const struct xt_layout *layout, const struct xt_raw *raw, bool *ret_zero);

/* Whether any canary carries its seed. */
bool xt_canaries_any(const struct xt_layout *layout, const struct xt_raw *raw);

/* Copy the counters of a reading that has the layout's digest into layout->rows.
 * Returns as xt_canaries_read. */
bool xt_counters_read(struct xt_layout *layout, const struct xt_raw *raw, bool *ret_zero);

/* Where some canaries are 0: tell in each row's `intact` which rules are in a chain whose canary is
 * right. */
void xt_intact_read(struct xt_layout *layout, const struct xt_raw *raw);

#endif
