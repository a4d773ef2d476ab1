/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SHIPPING_H
#define CTM_SHIPPING_H

#include "base/cfg.h"
#include "engine/keep.h"
#include "ledger/snap.h"

/* How `ctmeter ship` fares, which runs as a process of its own. */

enum snap_ship shipping_state(const struct cfg *cfg, const struct keep *keep);

/* In one line, for `status`: "off" if there is no database to ship to. */
void shipping_say(const struct cfg *cfg, const struct keep *keep, char text[SHIP_STATE_TEXT_SIZE]);

#endif
