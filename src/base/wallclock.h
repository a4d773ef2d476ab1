/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_WALLCLOCK_H
#define CTM_WALLCLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far the time of day can be believed. Pure: the caller gives the time.
 *
 * CLOCK_BOOTTIME and the time of day run at one rate: NTP's slewing changes both alike, and both go
 * on during suspend. Only setting the clock moves one against the other. A move of WALLCLOCK_JUMP_S
 * or more is a jump. A smaller one is followed silently: a leap second, a step of an NTP program,
 * or the rounding to whole seconds here.
 *
 * 1. The ledger always uses the present time of day. Usage counted while the clock is on trial is
 *    unsure: when the clock is set, that usage moves by the same amount. So it is on the right day
 *    as soon as the clock is right.
 * 2. A clock is on trial from each boot and from each jump. The trial ends when the clock has not
 *    jumped for WALLCLOCK_SURE_S, or when it is back to what it was before the jump that began the
 *    trial. From then on the usage counted during the trial is sure and never moves again.
 * 3. A clock that is set back was ahead, and one that is set forward was behind: in both cases
 *    unsure usage moves. One exception: if the clock is set forward after WALLCLOCK_CREDIBLE_S
 *    without a jump, and nothing shows that it was wrong, then time passed that the kernel did not
 *    see (a paused virtual machine). The usage until then becomes sure, and a new trial begins.
 * 4. `lived_s` and `aged_s` follow CLOCK_BOOTTIME alone and stand still while the node is off. All
 *    removal by age goes by them. */

#define WALLCLOCK_JUMP_S 5
#define WALLCLOCK_CREDIBLE_S 3600 /* NTP sets a clock within the first minutes */
#define WALLCLOCK_SURE_S (3 * 86400) /* set wrong on Friday evening, right on Monday morning */
#define WALLCLOCK_SURE_UNSET_S (30 * 86400) /* before the floor: such a clock may never be set */
#define WALLCLOCK_FLOOR_S 1767225600 /* 2026-01-01: ctmeter is not older */

enum wallclock_kind {
	WALLCLOCK_UNSURE = 1, /* usage counted from here on is unsure */
	WALLCLOCK_MOVE, /* unsure usage moves by by_s */
	WALLCLOCK_SURE, /* usage counted until here is sure */
};

/* What a reading means for the usage counted so far. Numbered, so that each is applied once. */
struct wallclock_step {
	int64_t number; /* from 1 */
	int64_t by_s;
	enum wallclock_kind kind;
};

#define WALLCLOCK_STEPS_MAX 3 /* of one reading */

enum wallclock_flags {
	WALLCLOCK_TRIAL = 1,
	WALLCLOCK_BY_JUMP = 2, /* the trial began with a jump of a believed clock */
	WALLCLOCK_NEW = 4, /* the last jump did not correct a clock that was known to be wrong */
};

/* Stored with the totals. Times of day are Unix seconds. All zeros: nothing is known yet. */
struct wallclock {
	int64_t wall_s; /* at the last reading */
	int64_t uptime_s; /* CLOCK_BOOTTIME then */
	int64_t set_uptime_s; /* when the clock was last set, or first read in this boot */
	int64_t flags;
	int64_t known_s; /* the time is no earlier, if the last believed clock was right */
	int64_t lived_s; /* only differences are meaningful */
	int64_t aged_s; /* the latest that the time can be by lived_s, in the scale of wall_s */
	int64_t steps; /* the number of the last step */
	int64_t jumps; /* how many ever; the fields below are of the last one */
	int64_t jump_by_s;
	int64_t jump_at_s; /* by the clock after it */
	int64_t jump_lived_s;
};

/* wallclock_begin continues from a stored *w (all zeros: a new ledger); wallclock_look takes one
 * more reading. Both bring *w up to now and return the number of steps. */
size_t wallclock_begin(struct wallclock *w, bool same_boot, uint64_t now_ns, int64_t wall_s,
		       struct wallclock_step ret_steps[WALLCLOCK_STEPS_MAX]);
size_t wallclock_look(struct wallclock *w, uint64_t now_ns, int64_t wall_s,
		      struct wallclock_step ret_steps[WALLCLOCK_STEPS_MAX]);

/* The time of day for the removal of old usage. Setting the clock cannot move it forward. */
int64_t wallclock_age_s(const struct wallclock *w);

/* The latest time that has been reached for all that is known, for what may happen only once (a
 * billing period ends): the time of day if it is not on trial, or has stood for
 * WALLCLOCK_CREDIBLE_S since boot and nothing shows that it is wrong. Otherwise, and for a clock
 * that was set while it was believed, no later than by the last clock that was believed. Setting
 * the clock cannot move it forward until the new clock is believed. */
int64_t wallclock_believed_s(const struct wallclock *w);

/* Is usage counted now unsure? */
static inline bool wallclock_on_trial(const struct wallclock *w)
{
	return w->flags & WALLCLOCK_TRIAL;
}

/* The clock is earlier than the last checkpoint, so wrong, and was not set in this boot. */
bool wallclock_is_wrong(const struct wallclock *w);

/* The clock, not known to be wrong, was set within the last hour of running and is not back. */
bool wallclock_is_new(const struct wallclock *w);

#define WALLCLOCK_TEXT_SIZE 320

/* The last jump, as a sentence. Returns buf. */
const char *wallclock_tell_jump(const struct wallclock *w, char buf[WALLCLOCK_TEXT_SIZE]);

/* What is wrong with the time of day, or was recently: buf, or NULL for nothing. */
const char *wallclock_trouble(const struct wallclock *w, char buf[WALLCLOCK_TEXT_SIZE]);

#endif
