/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/wallclock.h"

#include "base/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct steps {
	struct wallclock_step *at;
	size_t n;
};

static void add_step(struct wallclock *w, struct steps *s, enum wallclock_kind kind, int64_t by_s)
{
	s->at[s->n++] = (struct wallclock_step) { ++w->steps, by_s, kind };
}

static void begin_trial(struct wallclock *w, struct steps *s, int64_t flags)
{
	add_step(w, s, WALLCLOCK_UNSURE, 0);
	w->flags = WALLCLOCK_TRIAL | flags;
}

/* The trial ends at wall_s, by the clock on trial. */
static void end_trial(struct wallclock *w, struct steps *s, int64_t wall_s)
{
	add_step(w, s, WALLCLOCK_SURE, 0);
	w->flags = 0;
	w->known_s = wall_s;
	if (w->aged_s > wall_s)
		w->aged_s = wall_s;
}

/* Let s seconds of CLOCK_BOOTTIME pass. */
static void pass(struct wallclock *w, int64_t s)
{
	w->lived_s += s;
	w->aged_s += s;
	w->known_s += s;
}

static bool is_behind(const struct wallclock *w)
{
	int64_t least_s = w->known_s > WALLCLOCK_FLOOR_S ? w->known_s : WALLCLOCK_FLOOR_S;

	return wallclock_on_trial(w) && w->wall_s < least_s - WALLCLOCK_JUMP_S;
}

static bool is_credible(const struct wallclock *w)
{
	return w->uptime_s - w->set_uptime_s >= WALLCLOCK_CREDIBLE_S && !is_behind(w);
}

bool wallclock_is_wrong(const struct wallclock *w)
{
	return is_behind(w) && (!(w->flags & WALLCLOCK_NEW) || w->wall_s < WALLCLOCK_FLOOR_S);
}

bool wallclock_is_new(const struct wallclock *w)
{
	return wallclock_on_trial(w) && w->flags & WALLCLOCK_NEW &&
	       w->lived_s - w->jump_lived_s < WALLCLOCK_CREDIBLE_S;
}

static bool is_back(const struct wallclock *w)
{
	int64_t off_s = w->wall_s - w->known_s;

	return w->flags & WALLCLOCK_BY_JUMP && off_s >= -WALLCLOCK_JUMP_S &&
	       off_s <= WALLCLOCK_JUMP_S;
}

static void jump(struct wallclock *w, struct steps *s, int64_t by_s)
{
	bool was_behind = is_behind(w);

	/* No usage is older than the floor, so all of it was counted under this wrong clock. */
	if (w->wall_s < WALLCLOCK_FLOOR_S && w->aged_s < WALLCLOCK_FLOOR_S)
		w->aged_s += by_s;
	if (!wallclock_on_trial(w)) {
		begin_trial(w, s, WALLCLOCK_BY_JUMP);
	} else if (by_s > 0 && is_credible(w)) {
		end_trial(w, s, w->wall_s);
		begin_trial(w, s, WALLCLOCK_BY_JUMP);
	} else {
		add_step(w, s, WALLCLOCK_MOVE, by_s);
	}
	w->wall_s += by_s;
	w->set_uptime_s = w->uptime_s;
	w->flags |= WALLCLOCK_NEW;
	if (was_behind && !is_behind(w))
		w->flags &= ~WALLCLOCK_NEW;
	w->jumps++;
	w->jump_by_s = by_s;
	w->jump_at_s = w->wall_s;
	w->jump_lived_s = w->lived_s;
	if (is_back(w))
		end_trial(w, s, w->wall_s);
}

/* A clock before the floor may be one that is never set, so it takes longer to be believed. */
static int64_t sure_after_s(const struct wallclock *w)
{
	return w->wall_s < WALLCLOCK_FLOOR_S ? WALLCLOCK_SURE_UNSET_S : WALLCLOCK_SURE_S;
}

/* The clock did not jump. */
static void settle(struct wallclock *w, struct steps *s)
{
	bool on_trial = wallclock_on_trial(w);

	if (on_trial && w->uptime_s - w->set_uptime_s >= sure_after_s(w))
		end_trial(w, s, w->wall_s);
	/* After a jump from a believed clock, known_s keeps that clock for is_back. */
	else if (!on_trial || (!(w->flags & WALLCLOCK_BY_JUMP) && is_credible(w)))
		w->known_s = w->wall_s;
}

size_t wallclock_look(struct wallclock *w, uint64_t now_ns, int64_t wall_s,
		      struct wallclock_step ret_steps[WALLCLOCK_STEPS_MAX])
{
	int64_t uptime_s = (int64_t)(now_ns / NS_PER_S), by_s;
	struct steps s = { ret_steps, 0 };

	if (uptime_s < w->uptime_s) /* now_ns is older, by less than a turn of the loop */
		uptime_s = w->uptime_s;
	by_s = wall_s - w->wall_s - (uptime_s - w->uptime_s);
	pass(w, uptime_s - w->uptime_s);
	w->uptime_s = uptime_s;
	w->wall_s = wall_s - by_s;
	if (by_s >= WALLCLOCK_JUMP_S || by_s <= -WALLCLOCK_JUMP_S) {
		jump(w, &s, by_s);
	} else {
		w->wall_s = wall_s;
		settle(w, &s);
	}
	return s.n;
}

/* The rules of the last boot are gone, and how long the node was off is unknown. If the last clock
 * was not believed and is known to be wrong, what it counted is taken to end when the node
 * booted. */
static void reboot(struct wallclock *w, struct steps *s, int64_t uptime_s, int64_t wall_s)
{
	/* Take only what is certain: the boot id may differ without a boot (in a container). */
	int64_t passed_s = uptime_s < w->uptime_s ? uptime_s : uptime_s - w->uptime_s;
	int64_t booted_s = wall_s - passed_s;
	bool ahead = booted_s < w->wall_s - WALLCLOCK_JUMP_S && wall_s >= WALLCLOCK_FLOOR_S;

	if (wallclock_on_trial(w) && !is_credible(w) && (ahead || is_behind(w))) {
		add_step(w, s, WALLCLOCK_MOVE, booted_s - w->wall_s);
		w->flags &= ~WALLCLOCK_BY_JUMP;
	} else {
		if (wallclock_on_trial(w))
			end_trial(w, s, w->wall_s);
		w->known_s = w->wall_s;
		begin_trial(w, s, 0);
	}
	pass(w, passed_s);
	w->wall_s = wall_s;
	w->uptime_s = w->set_uptime_s = uptime_s;
}

/* How long ago the last look was, in this boot, as far as the time of day tells. */
static int64_t since_s(const struct wallclock *w, int64_t uptime_s, int64_t wall_s)
{
	int64_t s = wall_s - w->wall_s;

	if (s < 0)
		return 0;
	return s < uptime_s ? s : uptime_s;
}

size_t wallclock_begin(struct wallclock *w, bool same_boot, uint64_t now_ns, int64_t wall_s,
		       struct wallclock_step ret_steps[WALLCLOCK_STEPS_MAX])
{
	int64_t uptime_s = (int64_t)(now_ns / NS_PER_S);
	struct steps s = { ret_steps, 0 };

	if (w->wall_s && !w->lived_s) { /* stored by an older version, which had none of this */
		w->lived_s = w->aged_s = w->known_s = w->wall_s;
		w->uptime_s = same_boot ? uptime_s - since_s(w, uptime_s, wall_s) : 0;
		same_boot = false;
	}
	if (w->wall_s && same_boot && uptime_s >= w->uptime_s)
		return wallclock_look(w, now_ns, wall_s, ret_steps);
	if (w->wall_s) {
		reboot(w, &s, uptime_s, wall_s);
		return s.n;
	}
	*w = (struct wallclock) { .wall_s = wall_s,
				  .uptime_s = uptime_s,
				  .set_uptime_s = uptime_s,
				  .known_s = wall_s,
				  .lived_s = wall_s,
				  .aged_s = wall_s,
				  .steps = w->steps };
	begin_trial(w, &s, 0);
	return s.n;
}

int64_t wallclock_age_s(const struct wallclock *w)
{
	return w->aged_s < w->wall_s ? w->aged_s : w->wall_s;
}

int64_t wallclock_believed_s(const struct wallclock *w)
{
	if (!wallclock_on_trial(w) || (!(w->flags & WALLCLOCK_BY_JUMP) && is_credible(w)))
		return w->wall_s;
	return w->known_s < w->wall_s ? w->known_s : w->wall_s;
}

/* --- for people ---------------------------------------------------------------------------- */

static const char *date(int64_t wall_s, char buf[32])
{
	time_t t = (time_t)wall_s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(buf, "-");
	return buf;
}

const char *wallclock_tell_jump(const struct wallclock *w, char buf[WALLCLOCK_TEXT_SIZE])
{
	char from[32], to[32];

	snprintf(buf, WALLCLOCK_TEXT_SIZE,
		 "the time of day was set %s by %" PRId64 " s, from %s to %s: %s",
		 w->jump_by_s < 0 ? "back" : "forward",
		 w->jump_by_s < 0 ? -w->jump_by_s : w->jump_by_s,
		 date(w->jump_at_s - w->jump_by_s, from), date(w->jump_at_s, to),
		 wallclock_on_trial(w)
			 ? "no usage is removed because of that; usage counted from here "
			   "on moves if the clock is set again"
			 : "it is back to what it was, and usage is booked at the right time");
	return buf;
}

const char *wallclock_trouble(const struct wallclock *w, char buf[WALLCLOCK_TEXT_SIZE])
{
	char is[32], known[32];

	if (wallclock_is_wrong(w)) {
		snprintf(
			buf, WALLCLOCK_TEXT_SIZE,
			"the time of day is %s but cannot be earlier than %s: set the clock (usage "
			"then moves to the right time)",
			date(w->wall_s, is),
			date(w->known_s > WALLCLOCK_FLOOR_S ? w->known_s : WALLCLOCK_FLOOR_S,
			     known));
		return buf;
	}
	return wallclock_is_new(w) ? wallclock_tell_jump(w, buf) : NULL;
}
