/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PACE_H
#define CTM_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* How soon events from the kernel may trigger another poll of the inventory. Tenants can cause as
 * many events as they like, and a poll may run commands as root. This is a token bucket of time:
 * each poll takes from it, and time refills it.
 * 1. The first polls are prompt: 500 ms apart at least if polls run commands, else 50 ms, since the
 *    start of a container makes several bursts of events, and its runtime knows what is wanted
 *    only at the last.
 * 2. While events go on, there is a poll every 5 s if polls run commands, every 2 s as long as each
 *    one finds something new, every 500 ms if they do not, and polls take a tenth of the time at
 *    most.
 * The regular poll after each interval is separate from this. All zeros is a full bucket. */

#define PACE_PAUSE_NS (500 * 1000000ull)
#define PACE_LIGHT_NS (50 * 1000000ull)
#define PACE_BURST_NS \
	(50 * 1000000000ull) /* the size of the bucket: polls are prompt until it is used up */
#define PACE_LOOK_NS (5 * 1000000000ull)
#define PACE_NEWS_NS (2 * 1000000000ull)
#define PACE_SHARE 10

struct pace {
	uint64_t full_ns; /* when the bucket will be full again */
	uint64_t began_ns; /* the last poll */
	bool light; /* it runs no commands */
	uint64_t spent_ns; /* what that poll has taken so far; 0: no event asked for it */
};

/* When events may trigger the next poll: now or later. */
uint64_t pace_next(const struct pace *p, uint64_t now_ns);

/* A poll begins. by_event: events triggered it. runs_commands: it does more than read files. */
void pace_began(struct pace *p, bool by_event, bool runs_commands, uint64_t now_ns);

/* It has ended. news: it found something new. */
void pace_ended(struct pace *p, bool news, uint64_t now_ns);

#endif
