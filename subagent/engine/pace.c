/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/pace.h"

static uint64_t later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t pace_next(const struct pace *p, uint64_t now_ns)
{
	uint64_t pause_ns = p->light ? PACE_LIGHT_NS : PACE_PAUSE_NS;
	uint64_t at = later_of(now_ns, p->began_ns ? p->began_ns + pause_ns : 0);

	return p->full_ns > PACE_BURST_NS ? later_of(at, p->full_ns - PACE_BURST_NS) : at;
}

static void spend(struct pace *p, uint64_t ns, uint64_t now_ns)
{
	p->full_ns = later_of(p->full_ns, now_ns) + ns;
	p->spent_ns += ns;
}

void pace_began(struct pace *p, bool by_event, bool runs_commands, uint64_t now_ns)
{
	p->began_ns = now_ns;
	p->spent_ns = 0;
	p->light = !runs_commands;
	if (by_event)
		spend(p, runs_commands ? PACE_LOOK_NS : PACE_PAUSE_NS, now_ns);
}

void pace_ended(struct pace *p, bool news, uint64_t now_ns)
{
	uint64_t share_ns = (now_ns - p->began_ns) * PACE_SHARE;

	if (!p->spent_ns)
		return;
	if (news && p->spent_ns >= PACE_LOOK_NS) {
		p->full_ns -= PACE_LOOK_NS - PACE_NEWS_NS;
		p->spent_ns -= PACE_LOOK_NS - PACE_NEWS_NS;
	}
	if (share_ns > p->spent_ns)
		spend(p, share_ns - p->spent_ns, now_ns);
	p->spent_ns = 0;
}
