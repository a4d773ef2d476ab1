/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SPEEDS_H
#define CTM_SPEEDS_H

#include "ledger/snap.h"

#include <stddef.h>
#include <stdint.h>

/* The speed of each container's port: that of the fastest link on which one of its addresses is
 * counted, as the kernel tells it, and SPEED_LEAST at least: pollers take a rate above the speed
 * for an error, and a tap's is told as 10 Mbit/s. What was read of a link is read again after ten
 * minutes. */

#define SPEED_LEAST 1000 /* Mbit/s */

struct speeds {
	struct speed *at; /* by the link's name */
	size_t n, cap;
	uint64_t read_ns; /* the first of them; 0: there is none */
};

/* Fill in `mbits` of all containers; links and containers of the addresses are filled in. Addresses
 * of one container follow each other. */
void speeds_tell(struct speeds *s, struct snap *snap, uint64_t now_ns);
void speeds_release(struct speeds *s);

#endif
