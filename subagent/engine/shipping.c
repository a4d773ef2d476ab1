/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/shipping.h"

#include "base/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void say(struct shipping *s, enum snap_ship state, const char *text)
{
	s->state = state;
	snprintf(s->text, sizeof(s->text), "%s", text);
}

static void read_state(struct shipping *s, const char *ledger)
{
	struct ship_state state;
	int rc = ship_state_read(ledger, &state);

	if (rc == -ENOENT) {
		say(s, SNAP_SHIP_OK, "ctmeter ship has not run yet");
	} else if (rc < 0) {
		snprintf(s->text, sizeof(s->text), "cannot read ship.state beside the ledger: %s",
			 strerror(-rc));
		s->state = SNAP_SHIP_FAILING;
	} else {
		s->state = state.failing_since_s ? SNAP_SHIP_FAILING : SNAP_SHIP_OK;
		ship_state_say(&state, s->text, sizeof(s->text));
	}
}

void shipping_look(struct shipping *s, const struct cfg *cfg)
{
	struct stat st = { .st_size = 0 };
	char *path;

	if (!cfg->ship.database) {
		say(s, SNAP_SHIP_OFF, "off");
		s->seen_s = s->seen_ns = 0;
		return;
	}
	path = ship_state_path(cfg->ledger.path);
	if (stat(path, &st) < 0 || s->state == SNAP_SHIP_OFF || st.st_mtim.tv_sec != s->seen_s ||
	    st.st_mtim.tv_nsec != s->seen_ns)
		read_state(s, cfg->ledger.path);
	s->seen_s = st.st_mtim.tv_sec;
	s->seen_ns = st.st_mtim.tv_nsec;
	free(path);
}
