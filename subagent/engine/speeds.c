/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/speeds.h"

#include "base/file.h"
#include "base/ifname.h"
#include "base/loop.h"
#include "base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_AGAIN_NS (600 * NS_PER_S)

struct speed {
	char name[IFNAME_MAX + 1];
	uint32_t mbits; /* 0: the link does not tell */
};

static uint32_t read_speed(const char *name)
{
	char path[64 + IFNAME_MAX + 1], *text = NULL;
	long mbits = 0;

	snprintf(path, sizeof(path), "/sys/class/net/%s/speed", name);
	if (file_read(path, 64, &text, NULL) == 0)
		mbits = strtol(text, NULL, 10);
	free(text);
	return mbits > 0 && mbits < INT32_MAX ? (uint32_t)mbits : 0;
}

/* Where the name is, or belongs. */
static size_t find(const struct speeds *s, const char *name)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(s->at[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t speed_of(struct speeds *s, const char *name)
{
	size_t i = find(s, name);

	if (i < s->n && !strcmp(s->at[i].name, name))
		return s->at[i].mbits;
	s->at = xgrow(s->at, s->n, &s->cap, sizeof(*s->at));
	memmove(&s->at[i + 1], &s->at[i], (s->n - i) * sizeof(*s->at));
	s->n++;
	s->at[i] = (struct speed) { .mbits = read_speed(name) };
	snprintf(s->at[i].name, sizeof(s->at[i].name), "%s", name);
	return s->at[i].mbits;
}

void speeds_tell(struct speeds *s, struct snap *snap, uint64_t now_ns)
{
	const char *last = "";

	if (!s->read_ns || now_ns - s->read_ns > READ_AGAIN_NS) {
		s->n = 0;
		s->read_ns = now_ns;
	}
	for (size_t i = 0; i < snap->n_containers; i++)
		snap->containers[i].mbits = SPEED_LEAST;
	for (size_t i = 0; i < snap->n_addresses; i++) {
		const struct snap_address *a = &snap->addresses[i];
		struct snap_container *c = &snap->containers[a->container];
		uint32_t mbits;

		if (!a->link || !*a->link || !strcmp(a->link, last))
			continue;
		mbits = speed_of(s, a->link);
		if (mbits > c->mbits)
			c->mbits = mbits;
		last = i + 1 < snap->n_addresses && a[1].container == a->container ? a->link : "";
	}
}

void speeds_release(struct speeds *s)
{
	free(s->at);
	*s = (struct speeds) { NULL, 0, 0, 0 };
}
