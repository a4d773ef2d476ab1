/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FW_READING_H
#define CTM_FW_READING_H

#include "base/addr.h"
#include "base/traffic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a backend (fw.h) reports of its counters, as plain data: a reading, and the finals of a
 * commit. The ledger needs no more of netfilter than this. */

struct fw_row {
	struct addr addr;
	uint32_t link; /* ifindex of the link that it is counted on; 0: any link */
	uint8_t present; /* bit (1 << path): that path's counting rule exists */
	uint8_t intact; /* in a zeroed reading: bits of rules whose counters were not set to 0 */
	/* Packets of this address pass uncounted, or did since the last reading. Reported in each
	 * reading while it lasts. Concerns this row alone. */
	bool missing;
	struct counters path[PATHS]; /* since the rule was made */
};

struct fw_reading {
	const struct fw_row *rows; /* sorted by addr; the backend's, valid until the next call */
	size_t n_rows;
	uint64_t at_ns; /* CLOCK_BOOTTIME before the kernel was asked */
	/* Each is reported in one reading only. zeroed: somebody has set counters to 0, except the
	 * rows' intact ones. stale: somebody has put back an old table or old counters, so their
	 * values mean nothing. */
	bool zeroed, stale;
	/* Somebody's change to the rules lets packets pass uncounted (disturbed) or be counted
	 * twice (disturbed and doubled). It was made since the last reading, or while no daemon
	 * was reading. Reported in each reading while it lasts. */
	bool disturbed, doubled;
	/* The counters are still wrong, and this has been reported. A half-done commit cannot be
	 * told apart now, so plan by this reading but believe no counter of it until our next
	 * commit. */
	bool unsure;
	/* Set by the reader, not by the backend: no inventory has yet said who owns what new rules
	 * count. The ledger notes that the rules exist and leaves their counts to a later
	 * reading. */
	bool held;
	/* Each row is counted for itself: what happens to one says nothing about the others. An
	 * absent rule or a final then concerns its own row alone. */
	bool apart;
	uint32_t generation; /* changes when the structure of our rules may have changed */
	uint64_t commit; /* the number of the commit that made the rules; 0: no rules exist */
};

enum fw_final_kind {
	FW_REMOVED,
	FW_CREATED,
	FW_RESUMED,
	FW_RESTARTED,
	FW_MISSED,
	FW_DISTURBED,
	FW_DOUBLED,
};

/* What an apply did to one counting rule. If it removed a rule and made it anew, FW_REMOVED comes
 * first. FW_DISTURBED and FW_DOUBLED belong to no rule and come before all others: they report
 * that the apply ended what a reading calls disturbed and doubled. FW_MISSED changes no counter:
 * packets may have passed the rule's place uncounted, and it has ended that. */
struct fw_final {
	struct addr addr;
	enum path path;
	enum fw_final_kind kind;
	/* FW_REMOVED: all that the rule ever counted. FW_CREATED, FW_RESUMED: 0; resumed, if the
	 * place is new and no packet has passed it before, so that nothing was missed since the
	 * address was last counted. FW_RESTARTED: all that the rule counted before it restarted
	 * from 0, because the kernel refused to take the counters back or because the address is
	 * on another link now. FW_MISSED: 0. */
	struct counters final;
};

#endif
