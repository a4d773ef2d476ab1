/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/shipping.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum snap_ship shipping_state(const struct cfg *cfg, const struct keep *keep)
{
	struct ship_state state;
	int rc = keep_ship_state(keep, &state);

	if (!cfg->ship.database)
		return SNAP_SHIP_OFF;
	if (rc == -ENOENT || (!rc && !state.failing_since_s))
		return SNAP_SHIP_OK;
	return SNAP_SHIP_FAILING;
}

void shipping_say(const struct cfg *cfg, const struct keep *keep, char text[SHIP_STATE_TEXT_SIZE])
{
	struct ship_state state;
	int rc = keep_ship_state(keep, &state);

	if (!cfg->ship.database)
		snprintf(text, SHIP_STATE_TEXT_SIZE, "off");
	else if (rc == -ENOENT)
		snprintf(text, SHIP_STATE_TEXT_SIZE, "ctmeter ship has not run yet");
	else if (rc < 0)
		snprintf(text, SHIP_STATE_TEXT_SIZE, "cannot read ship.state beside the ledger: %s",
			 strerror(-rc));
	else
		ship_state_say(&state, text);
}
