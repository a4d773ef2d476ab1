/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_PART_H
#define CTM_INV_PART_H

#include "inventory/inv.h"

/* The inside of a part, for inv.c, which fills it, and inv_merge.c alone.
 * 1. Everything in a part has passed the checks, so the merge cannot fail.
 * 2. A part keeps repetitions as they came; the merge folds them once. */

struct part_address {
	struct addr addr;
	uint32_t container; /* index into the part's containers */
	const char *link; /* NULL: unknown */
	bool limited;
	enum inv_rank rank;
};

struct inv_part {
	struct arena text; /* of all ids, names and links */
	char *source;
	struct inv_log *log;
	struct inv_container *containers;
	size_t n_containers, cap_containers;
	struct part_address *addresses;
	size_t n_addresses, cap_addresses;
	const char *link; /* of the addresses that follow */
	bool limited; /* they are */
	enum inv_rank rank; /* of those, too */
	bool refusing; /* the container begun last was refused */
	size_t max; /* most containers, and most addresses */
	bool over; /* there were more than max */
	size_t doubts; /* number of lines in doubt */
	unsigned last_doubt;
	char *first_doubt; /* text, NULL if there is none */
	char complaint[512]; /* the last */
};

#endif
