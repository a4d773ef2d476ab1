/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/turn.h"

#include "base/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct turn *turn_new(enum addr_family family, uint64_t number)
{
	struct turn *t = xcalloc(1, sizeof(*t));

	t->family = family;
	t->number = number;
	return t;
}

void turn_free(void *turn)
{
	struct turn *t = turn;

	if (!t)
		return;
	free(t->changes);
	free(t->links);
	free(t->finals);
	free(t);
}

struct turn_change *turn_add(struct turn *t, enum turn_kind kind, uint32_t slot,
			     const struct fw_key *key)
{
	t->changes = xgrow(t->changes, t->n, &t->cap, sizeof(*t->changes));
	t->changes[t->n] =
		(struct turn_change) { .kind = kind, .slot = slot, .key = *key, .link = SIZE_MAX };
	return &t->changes[t->n++];
}

size_t turn_add_link(struct turn *t, uint32_t link, bool put, bool limited)
{
	t->links = xgrow(t->links, t->n_links, &t->cap_links, sizeof(*t->links));
	t->links[t->n_links] = (struct turn_link) { .link = link, .put = put, .limited = limited };
	return t->n_links++;
}

/* The rest of a commit that a change has failed of is still right, but its number must not be
 * reported: slots_repair does that, in the family's next turn. */
static void fail(struct turn *t, const struct turn_change *c, int ret)
{
	char text[ADDR_TEXT_SIZE];

	t->result = ret;
	err_set(&t->e, "the counters' index: %s on link %u: %s", addr_format(&c->key.addr, text),
		c->key.link, strerror(-ret));
}

static void lower_all(const struct turn *t, const struct slots *s)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->changes[i].kind == TURN_LOWER || t->changes[i].kind == TURN_LOWER_FIRST)
			slots_lower(s, t->changes[i].slot, t->number);
}

/* Returns whether there was one. */
static bool cut(struct turn *t, const struct slots *s, enum turn_kind kind)
{
	bool any = false;

	for (size_t i = 0; i < t->n; i++) {
		int ret = 0;

		if (t->changes[i].kind != kind)
			continue;
		ret = slots_cut(s, t->changes[i].slot);
		if (ret < 0)
			fail(t, &t->changes[i], ret);
		any = true;
	}
	return any;
}

static void wait_grace(struct turn *t, const struct slots *s)
{
	int ret = slots_wait_grace(s);

	if (ret < 0) {
		t->result = ret;
		err_set(&t->e, "waiting until no program runs that began before: %s",
			strerror(-ret));
	}
}

/* An index that is full concerns the addresses that it has no room for, and not the commit. */
static void raise_all(struct turn *t, const struct slots *s)
{
	for (size_t i = 0; i < t->n; i++) {
		struct turn_change *c = &t->changes[i];

		if (c->kind != TURN_RAISE)
			continue;
		c->failed = slots_raise(s, c->slot, &c->key, c->paths, t->number) < 0;
	}
}

/* What attaching to the change's link has led to. */
static void settle_change(struct turn *t, const struct slots *s, struct turn_change *c)
{
	const struct turn_link *l = c->link == SIZE_MAX ? NULL : &t->links[c->link];
	int ret = 0;

	if (c->failed)
		return;
	if (c->kind == TURN_RAISE && l) {
		c->paths &= l->result < 0 ? 0 : l->found.paths;
		c->failed = !c->paths;
		if (c->failed)
			ret = slots_drop(s, c->slot);
		else
			slots_describe(s, c->slot, c->paths, l->found.fresh);
	} else if (c->kind == TURN_TELL) {
		c->failed = l && l->result < 0;
		if (!c->failed)
			ret = slots_tell_missed(s, c->slot, t->number);
	}
	if (ret < 0)
		fail(t, c, ret);
}

static void run_changes(struct turn *t, const struct slots *s, const struct attach *a,
			bool (*ending)(void *arg), void *arg)
{
	if (t->n)
		slots_begin(s, t->family, t->number);
	lower_all(t, s);
	if (cut(t, s, TURN_LOWER_FIRST))
		wait_grace(t, s);
	raise_all(t, s);
	for (size_t i = 0; i < t->n_links && !ending(arg); i++)
		if (t->links[i].put)
			t->links[i].result = attach_put(a, t->links[i].link, t->links[i].limited,
							&t->links[i].found, &t->links[i].why);
	if (ending(arg))
		return;
	for (size_t i = 0; i < t->n; i++)
		settle_change(t, s, &t->changes[i]);
	if (cut(t, s, TURN_LOWER))
		wait_grace(t, s);
	for (size_t i = 0; i < t->n_links && !ending(arg); i++)
		if (!t->links[i].put)
			t->links[i].result = attach_take(a, t->links[i].link);
}

void turn_run(struct turn *t, const struct slots *s, const struct attach *a,
	      bool (*ending)(void *arg), void *arg)
{
	if (!t->repair) {
		run_changes(t, s, a, ending, arg);
	} else if ((t->result = slots_repair(s, t->family)) < 0) {
		err_set(&t->e, "finishing the commit of an earlier ctmeterd: %s",
			strerror(-t->result));
	}
	if (!t->result && !ending(arg))
		t->finals = slots_finals(s, t->family, &t->n_finals);
}
