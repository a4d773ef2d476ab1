/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/slots.h"

#include "base/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A kill leaves behind what was stored before it, in the program's order: so the stores that the
 * next process judges by must not be moved by the compiler. */
#define STORE(place, value) __atomic_store_n(&(place), value, __ATOMIC_SEQ_CST)
#define LOAD(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)

static void step(const struct slots *s)
{
	if (s->step)
		s->step(s->step_arg);
}

struct addr slots_addr(const struct link_owner *owner)
{
	struct addr a = { .family = owner->family };

	memcpy(a.bytes, owner->addr, sizeof(a.bytes));
	return a;
}

struct fw_key slots_key(const struct link_owner *owner)
{
	return (struct fw_key) { .addr = slots_addr(owner), .link = owner->link };
}

struct counters slots_counters(const struct link_slot *slot, enum path path)
{
	return (struct counters) { LOAD(slot->path[path].octets), LOAD(slot->path[path].pkts) };
}

/* --- changes -------------------------------------------------------------------------------- */

void slots_begin(const struct slots *s, enum addr_family family, uint64_t commit)
{
	step(s);
	STORE(s->state->unsettled[family], commit);
	step(s);
	STORE(s->state->commit[family], commit);
	step(s);
}

static int remove_entry(const struct slots *s, uint32_t slot)
{
	struct fw_key key = slots_key(&s->owner[slot]);
	uint32_t there;
	int ret = s->index.get(s->index.arg, &key, &there);

	if (!ret && there == slot) /* else the key has another slot now */
		ret = s->index.remove(s->index.arg, &key);
	return ret == -ENOENT ? 0 : ret;
}

static void set_free(const struct slots *s, uint32_t slot)
{
	memset(&s->slot[slot], 0, sizeof(s->slot[slot]));
	step(s);
	STORE(s->owner[slot].state, LINK_FREE);
}

int slots_raise(const struct slots *s, uint32_t slot, const struct fw_key *key, uint8_t paths,
		uint64_t commit)
{
	struct link_owner *o = &s->owner[slot];
	int ret;

	assert(o->state == LINK_FREE);
	o->link = key->link;
	memcpy(o->addr, key->addr.bytes, sizeof(o->addr));
	o->family = key->addr.family;
	o->born = FW_CREATED;
	o->missed = LINK_MISSED_NOT;
	o->paths = paths;
	o->commit = commit;
	step(s);
	STORE(o->state, LINK_LIVE);
	step(s);
	ret = s->index.put(s->index.arg, key, slot);
	step(s);
	if (ret < 0)
		STORE(o->state, LINK_FREE);
	return ret;
}

void slots_describe(const struct slots *s, uint32_t slot, uint8_t paths, bool resumed)
{
	STORE(s->owner[slot].paths, paths);
	step(s);
	STORE(s->owner[slot].born, resumed ? FW_RESUMED : FW_CREATED);
	step(s);
}

int slots_drop(const struct slots *s, uint32_t slot)
{
	int ret = remove_entry(s, slot);

	step(s);
	if (!ret)
		set_free(s, slot);
	return ret;
}

/* The state first: a LIVE slot with this commit's number would be one that the commit raised. What
 * is LEAVING has another number only after a kill between the two (adopt_leaving). */
void slots_lower(const struct slots *s, uint32_t slot, uint64_t commit)
{
	step(s);
	STORE(s->owner[slot].state, LINK_LEAVING);
	step(s);
	STORE(s->owner[slot].commit, commit);
	step(s);
}

int slots_cut(const struct slots *s, uint32_t slot)
{
	int ret = remove_entry(s, slot);

	step(s);
	return ret;
}

int slots_wait_grace(const struct slots *s)
{
	int ret = s->index.wait_grace(s->index.arg);

	step(s);
	return ret;
}

void slots_miss(const struct slots *s, uint32_t slot)
{
	STORE(s->owner[slot].missed, LINK_MISSED_UNTOLD);
}

int slots_tell_missed(const struct slots *s, uint32_t slot, uint64_t commit)
{
	struct fw_key key = slots_key(&s->owner[slot]);
	uint32_t there = 0;
	int ret = s->index.get(s->index.arg, &key, &there);

	if (ret == -ENOENT || (!ret && there != slot))
		ret = s->index.put(s->index.arg, &key, slot);
	if (ret < 0)
		return ret;
	step(s);
	STORE(s->owner[slot].missed, LINK_MISSED_TOLD);
	step(s);
	STORE(s->owner[slot].commit, commit);
	step(s);
	return 0;
}

/* --- the end of a commit -------------------------------------------------------------------- */

/* Whether the family's unsettled commit has made the slot what it is. */
static bool is_part(const struct slots *s, enum addr_family family, uint32_t slot)
{
	const struct link_owner *o = &s->owner[slot];

	return o->state != LINK_FREE && o->family == family && s->state->unsettled[family] &&
	       o->commit == s->state->unsettled[family];
}

/* The part's slots, those of one address together: first those that are LEAVING. */
struct part {
	struct addr addr;
	uint32_t slot;
	bool live;
};

static int part_cmp(const void *x, const void *y)
{
	const struct part *a = x, *b = y;
	int order = addr_cmp(&a->addr, &b->addr);

	if (!order)
		order = (int)a->live - (int)b->live;
	return order ? order : a->slot < b->slot ? -1 : a->slot > b->slot;
}

static struct part *list_parts(const struct slots *s, enum addr_family family, size_t *ret_n)
{
	struct part *parts;
	size_t n = 0;

	for (uint32_t i = 0; i < s->state->reach; i++)
		n += is_part(s, family, i);
	parts = xcalloc(n, sizeof(*parts));
	n = 0;
	for (uint32_t i = 0; i < s->state->reach; i++)
		if (is_part(s, family, i))
			parts[n++] = (struct part) { slots_addr(&s->owner[i]), i,
						     s->owner[i].state == LINK_LIVE };
	if (n)
		qsort(parts, n, sizeof(*parts), part_cmp);
	*ret_n = n;
	return parts;
}

/* The finals of one path of an address: parts[0..n) are all of its slots. */
static size_t path_finals(const struct slots *s, const struct part *parts, size_t n, enum path path,
			  struct fw_final *finals)
{
	const struct link_owner *last = &s->owner[parts[n - 1].slot];
	bool live = parts[n - 1].live, here = live && last->paths >> path & 1, was = false;
	bool missed = live && last->missed == LINK_MISSED_TOLD;
	struct fw_final f = { .addr = parts[0].addr, .path = path };
	size_t made = 0;

	for (size_t i = 0; i < n && !parts[i].live; i++) {
		if (!(s->owner[parts[i].slot].paths >> path & 1))
			continue;
		f.kind = here && !missed && !was ? FW_RESTARTED : FW_REMOVED;
		f.final = slots_counters(&s->slot[parts[i].slot], path);
		finals[made++] = f;
		was = true;
	}
	f.final = (struct counters) { 0, 0 };
	f.kind = missed || was ? FW_MISSED : live ? last->born : FW_CREATED;
	if (here && (!was || missed || last->born == FW_CREATED))
		finals[made++] = f;
	return made;
}

struct fw_final *slots_finals(const struct slots *s, enum addr_family family, size_t *ret_n)
{
	size_t n_parts, n = 0;
	struct part *parts = list_parts(s, family, &n_parts);
	struct fw_final *finals = xcalloc((n_parts + 1) * PATHS, 2 * sizeof(*finals));

	for (size_t i = 0, end; i < n_parts; i = end) {
		for (end = i + 1; end < n_parts && !addr_cmp(&parts[end].addr, &parts[i].addr);)
			end++;
		for (enum path p = 0; p < PATHS; p++)
			n += path_finals(s, &parts[i], end - i, p, &finals[n]);
	}
	free(parts);
	*ret_n = n;
	return finals;
}

uint32_t slots_settle(const struct slots *s, enum addr_family family)
{
	uint32_t lowest = UINT32_MAX;

	for (uint32_t i = 0; i < s->state->reach; i++) {
		if (!is_part(s, family, i))
			continue;
		if (s->owner[i].missed == LINK_MISSED_TOLD)
			STORE(s->owner[i].missed, LINK_MISSED_NOT);
		if (s->owner[i].state != LINK_LEAVING)
			continue;
		set_free(s, i);
		step(s);
		if (lowest == UINT32_MAX)
			lowest = i;
	}
	STORE(s->state->unsettled[family], 0);
	step(s);
	return lowest;
}

/* --- after a kill --------------------------------------------------------------------------- */

/* All that left by earlier commits was FREE before this one began. */
static void adopt_leaving(const struct slots *s, enum addr_family family)
{
	for (uint32_t i = 0; i < s->state->reach; i++)
		if (s->owner[i].state == LINK_LEAVING && s->owner[i].family == family)
			STORE(s->owner[i].commit, s->state->unsettled[family]);
}

/* First the removals, then the grace period, then what is to be there. */
int slots_repair(const struct slots *s, enum addr_family family)
{
	int ret = 0;

	if (!s->state->unsettled[family])
		return 0;
	if (s->state->commit[family] < s->state->unsettled[family])
		STORE(s->state->commit[family], s->state->unsettled[family]);
	adopt_leaving(s, family);
	for (uint32_t i = 0; i < s->state->reach && !ret; i++)
		if (is_part(s, family, i) && s->owner[i].state == LINK_LEAVING)
			ret = remove_entry(s, i);
	if (!ret)
		ret = slots_wait_grace(s);
	for (uint32_t i = 0; i < s->state->reach && !ret; i++) {
		struct fw_key key = slots_key(&s->owner[i]);
		uint32_t there = 0;

		if (!is_part(s, family, i) || s->owner[i].state != LINK_LIVE)
			continue;
		ret = s->index.get(s->index.arg, &key, &there);
		if (ret == -ENOENT || (!ret && there != i))
			ret = s->index.put(s->index.arg, &key, i);
		step(s);
	}
	return ret;
}
