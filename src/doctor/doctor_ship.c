/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does what the ledger counted get into the fleet's database? */
#include "doctor/doctor_room.h"

#include "base/period.h"
#include "store/owner.h"
#include "store/ship_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SILENT_S 1200 /* the timer's four runs */
#define LOST_S (30 * 86400) /* five days before the ledger forgets periods of 5 minutes */
#define TIMER "systemctl enable --now ctmeter-ship.timer"

static void say_failing(const struct doctor *d, const struct ship_state *s, int64_t now_s,
			struct doctor_finding *f)
{
	char *again = doctor_ctmeter_command(d, "ship"), said[SHIP_STATE_TEXT_SIZE];

	ship_state_say(s, said);
	doctor_say(f, DOCTOR_FAIL, "%s (%s)", said,
		   now_s - s->failing_since_s > LOST_S
			   ? "after 35 days the periods of 5 minutes are lost"
			   : "it is in the ledger, and is shipped later");
	doctor_look(f, "%s", again);
	free(again);
}

/* Where systemd runs, its timer runs it. */
static void offer_timer(const struct doctor *d, struct doctor_finding *f)
{
	if (doctor_exists(d, "/run/systemd/system"))
		doctor_cure(f, TIMER);
}

void doctor_ship_judge(const struct doctor *d, const struct ship_state *s, int64_t now_s,
		       struct doctor_finding *f)
{
	char when[PERIOD_TEXT_SIZE], said[SHIP_STATE_TEXT_SIZE];

	if (s->failing_since_s) {
		say_failing(d, s, now_s, f);
	} else if (now_s - s->at_s > SILENT_S) {
		doctor_say(f, DOCTOR_WARN,
			   "the last run of ctmeter ship was at %s: does its timer run?",
			   period_local(s->at_s, PERIOD_MINUTE, when));
		offer_timer(d, f);
	} else {
		ship_state_say(s, said);
		doctor_say(f, DOCTOR_OK, "%s", said);
	}
}

void doctor_ship(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct ship_state s;
	struct owner saved;
	int rc;

	(void)family;
	if (!d->o.cfg->ship.database) {
		doctor_say(f, DOCTOR_OK, "nothing is to be shipped: [ship] database is not set");
		return;
	}
	owner_become(d->o.cfg->ledger.path, &saved);
	rc = ship_state_read(d->o.cfg->ledger.path, &s);
	owner_return(&saved);
	if (!rc) {
		doctor_ship_judge(d, &s, (int64_t)time(NULL), f);
	} else if (rc == -ENOENT) {
		doctor_say(f, DOCTOR_WARN,
			   "[ship] database is set, but ctmeter ship has not run yet");
		offer_timer(d, f);
	} else {
		doctor_say(f, DOCTOR_SKIP, "cannot read ship.state beside the ledger: %s",
			   strerror(-rc));
	}
}
