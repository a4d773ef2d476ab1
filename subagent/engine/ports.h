/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PORTS_H
#define CTM_PORTS_H

#include "base/cfg.h"
#include "engine/keep.h"
#include "ledger/ledger.h"

/* Show the ports of the switch view in this direction from now on. If that turns their In and Out
 * round against what was shown before, by this daemon or an earlier one, it is a discontinuity of
 * the ports: logged, and stored. Returns 0, or the ticket of the checkpoint that must be settled
 * before anybody can see it. */
uint64_t ports_take_view(struct ledger *ledger, struct keep *keep, enum cfg_direction direction,
			 struct ledger_now now);

#endif
