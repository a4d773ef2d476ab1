/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of snapshots. The builder owns the only reference while it fills a snapshot; the arrays
 * it puts there belong to the snapshot and are freed with the last reference. */
#include "ledger/snap.h"

#include "base/xalloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct snap *snap_new(void)
{
	struct snap *s = xcalloc(1, sizeof(*s));

	s->refs = 1;
	return s;
}

const char *snap_text(struct snap *s, const char *text)
{
	return arena_strdup(&s->text, text);
}

struct snap *snap_ref(struct snap *s)
{
	assert(s->refs > 0);
	s->refs++;
	return s;
}

struct snap_mark *snap_mark_new(const struct counters at[PATHS], int64_t wall_s)
{
	struct snap_mark *m = xcalloc(1, sizeof(*m));

	memcpy(m->at, at, sizeof(m->at));
	m->wall_s = wall_s;
	m->refs = 1;
	return m;
}

struct snap_mark *snap_mark_ref(struct snap_mark *m)
{
	if (m)
		m->refs++;
	return m;
}

void snap_mark_unref(struct snap_mark *m)
{
	if (m && --m->refs == 0)
		free(m);
}

void snap_unref(struct snap *s)
{
	if (!s)
		return;
	assert(s->refs > 0);
	if (--s->refs > 0)
		return;
	for (size_t i = 0; i < s->n_containers; i++)
		snap_mark_unref(s->containers[i].totals.zero);
	for (size_t i = 0; i < s->n_addresses; i++)
		snap_mark_unref(s->addresses[i].totals.zero);
	arena_free(&s->text);
	free(s->containers);
	free(s->addresses);
	free(s->ports);
	free(s->ipv4);
	free(s);
}
