/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_WALLCLOCK_H
#define CTM_WALLCLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far the time of day can be believed. Pure: times are handed in.
 *
 * CLOCK_BOOTTIME and the time of day go at one rate: NTP's slewing changes both alike, and both go on
 * in suspend. Only setting the clock moves one against the other. By WALLCLOCK_JUMP_S or more that is
 * a jump; by less it is followed in silence: leap seconds, the steps of NTP programs, and our reading
 * whole seconds.
 *
 * 1. The ledger always goes by the present time of day. What it counted and stamped while the clock was
 *    on trial is unsure: when the clock is set, it moves by as much. So it is in the right day as soon as
 *    the clock is right.
 * 2. A clock is on trial from each boot, and from each jump, until it has stood for WALLCLOCK_SURE_S; or
 *    until it is back where it was before the jump that began the trial. Then what was counted is sure,
 *    and never moves again.
 * 3. Set back, it was ahead: all that is unsure moves. Set forth, it was behind: the same. But if it had
 *    stood for WALLCLOCK_CREDIBLE_S and nothing spoke against it, time has passed that the kernel did not
 *    see (a virtual machine that was paused): what was counted until then is sure, and a new trial begins.
 * 4. `lived_s` and `aged_s` go by CLOCK_BOOTTIME alone. Whatever is removed because of its age is
 *    judged by them. They stand still while the node is off. */

#define WALLCLOCK_JUMP_S 5
#define WALLCLOCK_CREDIBLE_S 3600 /* NTP sets a clock within the first minutes */
#define WALLCLOCK_SURE_S (3 * 86400) /* set wrong on Friday evening, set right on Monday morning */
#define WALLCLOCK_SURE_UNSET_S (30 * 86400) /* the same before the next: nobody sets it there */
#define WALLCLOCK_FLOOR_S 1767225600 /* 2026-01-01: no node had this program before */

enum wallclock_kind {
	WALLCLOCK_UNSURE = 1, /* what is counted from here on is unsure */
	WALLCLOCK_MOVE, /* what is unsure moves by by_s */
	WALLCLOCK_SURE, /* what was counted until here is sure */
};

/* What a look says of all that was counted until then. Numbered, so that nobody takes one twice. */
struct wallclock_step {
	int64_t number; /* from 1 */
	int64_t by_s;
	enum wallclock_kind kind;
};

#define WALLCLOCK_STEPS_MAX 3 /* of one look */

enum wallclock_flags {
	WALLCLOCK_TRIAL = 1,
	WALLCLOCK_BY_JUMP = 2, /* it began with a jump of a clock that was believed */
	WALLCLOCK_NEW = 4, /* the last jump did not mend a clock that was known to be wrong */
};

/* All of it is kept with the totals. Of times of day: Unix seconds. All zeros: nothing is known. */
struct wallclock {
	int64_t wall_s; /* at the last look */
	int64_t uptime_s; /* CLOCK_BOOTTIME then */
	int64_t set_uptime_s; /* when it was last set, or first looked at in this boot */
	int64_t flags;
	int64_t known_s; /* it is no earlier, if the clock that was believed last was right */
	int64_t lived_s; /* only differences mean something */
	int64_t aged_s; /* the latest that it can be by what was lived, in the scale of wall_s */
	int64_t steps; /* the number of the last one */
	int64_t jumps; /* how many ever; and the last one: */
	int64_t jump_by_s;
	int64_t jump_at_s; /* by the clock after it */
	int64_t jump_lived_s;
};

/* Go on from what was stored (all zeros: a new ledger). Then and at each look: *w is as of now.
 * Returns how many steps there are. */
size_t wallclock_begin(struct wallclock *w, bool same_boot, uint64_t now_ns, int64_t wall_s,
		       struct wallclock_step ret_steps[WALLCLOCK_STEPS_MAX]);
size_t wallclock_look(struct wallclock *w, uint64_t now_ns, int64_t wall_s,
		      struct wallclock_step ret_steps[WALLCLOCK_STEPS_MAX]);

/* The time of day by which old usage may be removed: no clock that was set brings it forth. */
int64_t wallclock_age_s(const struct wallclock *w);

/* What is unsure now. */
static inline bool wallclock_on_trial(const struct wallclock *w)
{
	return w->flags & WALLCLOCK_TRIAL;
}

/* Nobody set it in this boot, and it is wrong for certain: earlier than the last checkpoint. */
bool wallclock_is_wrong(const struct wallclock *w);

/* It was set within the last hour of running, is not back, and was not known to be wrong before. */
bool wallclock_is_new(const struct wallclock *w);

#define WALLCLOCK_TEXT_SIZE 320

/* The last jump, as a sentence. Returns buf. */
const char *wallclock_tell_jump(const struct wallclock *w, char buf[WALLCLOCK_TEXT_SIZE]);

/* What is wrong with the time of day, or was lately: buf, or NULL when nothing is. */
const char *wallclock_trouble(const struct wallclock *w, char buf[WALLCLOCK_TEXT_SIZE]);

#endif
