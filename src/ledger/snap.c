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

struct snap_pool {
	unsigned refs; /* its owner's, and one of each snapshot */
	bool ended; /* the owner has freed it */
	struct snap *spare;
};

struct snap_pool *snap_pool_new(void)
{
	struct snap_pool *p = xcalloc(1, sizeof(*p));

	p->refs = 1;
	return p;
}

static void free_arrays(struct snap *s)
{
	free(s->containers);
	free(s->addresses);
	free(s->ports);
	free(s->held);
	free(s);
}

void snap_pool_drop(struct snap_pool *p)
{
	if (p->spare)
		free_arrays(p->spare);
	p->spare = NULL;
}

static void pool_unref(struct snap_pool *p)
{
	if (--p->refs == 0)
		free(p);
}

void snap_pool_free(struct snap_pool *p)
{
	if (!p)
		return;
	snap_pool_drop(p);
	p->ended = true;
	pool_unref(p);
}

struct snap *snap_new_from(struct snap_pool *p)
{
	struct snap *s = p->spare ? p->spare : xcalloc(1, sizeof(*s));

	p->spare = NULL;
	p->refs++;
	s->pool = p;
	s->refs = 1;
	return s;
}

static void *reserve(void *array, size_t n, size_t *cap, size_t size)
{
	if (n <= *cap && n >= *cap / 2)
		return array;
	free(array);
	*cap = n;
	return xmalloc(n * size);
}

void snap_reserve(struct snap *s, size_t containers, size_t addresses, size_t held)
{
	size_t ports = s->cap_containers;

	s->containers =
		reserve(s->containers, containers, &s->cap_containers, sizeof(*s->containers));
	s->ports = reserve(s->ports, containers, &ports, sizeof(*s->ports));
	s->addresses = reserve(s->addresses, addresses, &s->cap_addresses, sizeof(*s->addresses));
	s->held = reserve(s->held, held, &s->cap_held, sizeof(*s->held));
}

/* Keep the arrays for the next snapshot. Returns false if nobody will need them. */
static bool give_back(struct snap *s)
{
	struct snap_pool *p = s->pool;
	struct snap kept = { .containers = s->containers,
			     .addresses = s->addresses,
			     .ports = s->ports,
			     .held = s->held,
			     .cap_containers = s->cap_containers,
			     .cap_addresses = s->cap_addresses,
			     .cap_held = s->cap_held };
	bool keep = p && !p->ended && !p->spare;

	if (keep) {
		*s = kept;
		p->spare = s;
	}
	if (p)
		pool_unref(p);
	return keep;
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

struct snap_names {
	unsigned refs;
	char text[];
};

struct snap_names *snap_names_new(size_t octets, char **ret_text)
{
	struct snap_names *n = xmalloc(sizeof(*n) + octets);

	n->refs = 1;
	*ret_text = n->text;
	return n;
}

struct snap_names *snap_names_ref(struct snap_names *n)
{
	n->refs++;
	return n;
}

void snap_names_unref(struct snap_names *n)
{
	if (n && --n->refs == 0)
		free(n);
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
	snap_names_unref(s->names);
	if (!give_back(s))
		free_arrays(s);
}
