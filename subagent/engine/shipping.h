/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SHIPPING_H
#define CTM_SHIPPING_H

#include "base/cfg.h"
#include "ledger/snap.h"
#include "store/ship_state.h"

#include <stdint.h>

/* How `ctmeter ship` fares, which runs as a process of its own: from the file that each run leaves
 * beside the ledger. */

struct shipping {
	enum snap_ship state;
	char text[640]; /* one line for `status` */
	int64_t seen_s, seen_ns; /* the file's time when it was read last; 0: there was none */
};

/* Look whether there was a run since the last call, at the cost of one stat(2) if not. Needs the
 * rights of the ledger's owner. */
void shipping_look(struct shipping *s, const struct cfg *cfg);

#endif
