/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/ports.h"

#include "base/log.h"

uint64_t ports_take_view(struct ledger *ledger, struct keep *keep, const struct cfg *cfg,
			 struct ledger_now now)
{
	bool port = cfg->ports.direction == CFG_DIRECTION_PORT;
	struct ledger_turn turn =
		ledger_turn_ports(ledger, port ? PORT_VIEW_SWITCH : PORT_VIEW_CONTAINER,
				  cfg->ports.framing_octets, now);

	if (turn.swapped)
		log_warning("cfg",
			    "[ports] direction = %s: In and Out of every port are swapped from now "
			    "on; what pollers have recorded stays as it was",
			    port ? "port" : "container");
	if (turn.framed)
		log_warning("cfg",
			    "[ports] framing = %u: the octets of every port jump now to those with "
			    "%u octets of framing for each packet ever counted; pollers must "
			    "discard the difference from what they recorded before",
			    cfg->ports.framing_octets, cfg->ports.framing_octets);
	if (!turn.swapped && !turn.framed)
		return 0;
	/* Store it now. Otherwise a daemon killed before its next checkpoint would have shown
	 * ports in a way that the ledger does not remember. */
	return keep_checkpoint(keep, now, true);
}
