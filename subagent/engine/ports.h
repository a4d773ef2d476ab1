/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PORTS_H
#define CTM_PORTS_H

#include "base/cfg.h"
#include "engine/keep.h"
#include "ledger/ledger.h"

/* Show the ports of the switch view in this configuration's direction and with its framing from now
 * on. If that swaps In and Out, or changes the octets, compared with what was last shown, by this
 * daemon or an earlier one, it is a discontinuity of the ports, which is logged and stored. Returns
 * 0, or the ticket of the checkpoint that must be settled before the change may be served. */
uint64_t ports_take_view(struct ledger *ledger, struct keep *keep, const struct cfg *cfg,
			 struct ledger_now now);

#endif
