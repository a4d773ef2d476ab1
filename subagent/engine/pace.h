/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PACE_H
#define CTM_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* How soon the kernel's events may ask for another look at the inventory. Tenants can make events as they
 * like, and a look may run root's commands. A bucket of time: each look takes from it, time fills it again.
 * 1. The first ones are prompt, 500 ms apart at the least.
 * 2. Events that go on and on get a look each 5 s where looks run commands, 2 s as long as each finds something
 *    new, and no more than a tenth of the time in any case.
 * The regular look after each interval is apart from this. All zeros is a full bucket. */

#define PACE_PAUSE_NS (500 * 1000000ull)
#define PACE_BURST_NS (50 * 1000000000ull) /* that many seconds of looks are prompt */
#define PACE_LOOK_NS (5 * 1000000000ull)
#define PACE_NEWS_NS (2 * 1000000000ull)
#define PACE_SHARE 10

struct pace {
	uint64_t full_ns; /* when the bucket will be full again */
	uint64_t began_ns; /* the last look */
	uint64_t spent_ns; /* what that took from the bucket so far; 0: it was not for events */
};

/* When events may have the next look: now or later. */
uint64_t pace_next(const struct pace *p, uint64_t now_ns);

/* A look begins. by_event: events asked for it, runs_commands: and it is no mere reading of files. */
void pace_began(struct pace *p, bool by_event, bool runs_commands, uint64_t now_ns);

/* It ended, whether it found something new or not. */
void pace_ended(struct pace *p, bool news, uint64_t now_ns);

#endif
