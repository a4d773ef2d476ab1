/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/ports.h"

#include "base/log.h"

uint64_t ports_take_view(struct ledger *ledger, struct keep *keep, enum cfg_direction direction,
			 struct ledger_now now)
{
	bool port = direction == CFG_DIRECTION_PORT;

	if (!ledger_turn_ports(ledger, port ? PORT_VIEW_SWITCH : PORT_VIEW_CONTAINER, now))
		return 0;
	log_warning("cfg",
		    "[ports] direction = %s: In and Out of every port are swapped from now on; "
		    "what pollers have recorded stays as it was",
		    port ? "port" : "container");
	/* Store it now. Otherwise a daemon killed before its next checkpoint would have shown a
	 * direction that the ledger does not remember. */
	return keep_checkpoint(keep, now, true);
}
