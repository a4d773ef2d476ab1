/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/sampler.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define READ_BUDGET_NS (40 * NS_PER_MS) /* for retries within one call */

static void pause_ms(void)
{
	nanosleep(&(struct timespec) { .tv_nsec = (long)NS_PER_MS }, NULL);
}

static void meet(struct sampler *s, enum addr_family f, struct ledger_now now)
{
	if (ledger_meet(s->ledger, f, s->reading[f].commit, now))
		log_error("ledger",
			  "the rules in %s are newer than the ledger, which is new or an earlier "
			  "copy that was put back: what they have counted since then is booked to "
			  "no row, and each of their rows has a discontinuity",
			  s->what[f]);
}

/* Take one whole reading of a family into the ledger. Other programs' commits make it fail for
 * some milliseconds. Our own may last longer and is not waited for. */
static int read_family(struct sampler *s, enum addr_family f, struct ledger_now now,
		       uint64_t until_ns)
{
	/* Also while the commit of a process before us is finished: it may have removed rules. */
	bool committing = enforce_committing(s->enforce[f]) || fw_busy(s->fw, f);
	struct fw_reading *reading = &s->reading[f];
	bool unsure;
	int ret;

	for (;;) {
		s->readable[f] = false;
		ret = fw_read(s->fw, f, now.ns, reading);
		reading->held = ledger_is_held(s->ledger, f);
		unsure = !ret && reading->unsure;
		if (!ret)
			enforce_seen(s->enforce[f], reading->generation);
		if (!ret && !unsure)
			meet(s, f, now);
		if (!ret && (unsure || ledger_apply(s->ledger, f, reading, committing, now) ==
					       LEDGER_RECHECK))
			ret = -EAGAIN;
		if (ret != -EAGAIN || fw_busy(s->fw, f) || loop_now_ns() >= until_ns)
			break;
		pause_ms();
	}
	s->readable[f] = !ret || unsure;
	return ret;
}

/* A lasting failure is logged once and does not hold up the other family. */
static void note_reading(struct sampler *s, enum addr_family f, int ret, uint64_t now_ns)
{
	if (ret == -EAGAIN)
		return;
	if (ret < 0)
		log_bad(&s->trouble[f], now_ns, LOG_LEVEL_ERROR, "fw", "cannot read %s: %s",
			s->what[f], strerror(-ret));
	else
		log_good(&s->trouble[f], now_ns, "fw", "%s can be read again", s->what[f]);
}

bool sampler_run(struct sampler *s, struct ledger_now now)
{
	uint64_t until = loop_now_ns() + READ_BUDGET_NS;
	bool whole = true;

	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		int ret = read_family(s, f, now, until);

		if (fw_family_problem(s->fw, f))
			ret = 0; /* the backend reports when that is over */
		note_reading(s, f, ret, now.ns);
		whole = whole && ret != -EAGAIN;
	}
	if (whole)
		s->sampled_ns = now.ns;
	else
		s->missed_ns = now.ns;
	return whole;
}
