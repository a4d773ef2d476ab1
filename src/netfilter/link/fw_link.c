/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The link backend: programs of ours at the entrances of the containers' links count into slots
 * (slot.h), which are mapped.
 *
 * 1. A reading is a copy of the mapping. Now and then it also looks at some links (patrol.c).
 * 2. Each commit is a turn (turn.c) in a thread. Until the loop has taken over what it did, the
 *    slots from before it are read; those that leave have their counters until fw_forget.
 * 3. One turn at a time for each family; the thread does both families' turns in the order in
 *    which they were planned, so each is planned on what those before it will leave.
 * 4. A link that cannot be attached to is tried again after a pause that grows. Meanwhile its
 *    addresses are as if they were not wanted, and fw_why says why. */
#include "netfilter/link/fw_link.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "netfilter/fw_ops.h"
#include "netfilter/link/look.h"
#include "netfilter/link/tell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_FOR_NS (5 * NS_PER_S) /* between tries to open what root prepares */
#define FULL_PAUSE_NS (5 * NS_PER_S)
#define NO_SLOT UINT32_MAX

static const char no_room[] = "there is no room for more addresses: raise [inventory] max-rows and "
			      "run \"ctmeterd --prepare\" as root";

/* --- turns ---------------------------------------------------------------------------------- */

static bool is_ending(void *arg)
{
	return work_is_ending(((struct fw_link *)arg)->work);
}

void fw_link_run_turn(void *arg, void *job)
{
	struct fw_link *s = arg;
	int held = link_object_hold_index(&s->object); /* for all changes together */

	turn_run(job, &s->slots, &s->attach_turns, is_ending, s);
	if (!held)
		link_object_drop_index(&s->object);
}

/* The sites follow what was done to the links. */
static void take_links(struct fw_link *s, const struct turn *t, uint64_t now_ns)
{
	for (size_t i = 0; i < t->n_links; i++) {
		const struct turn_link *l = &t->links[i];
		struct site *site = sites_find(&s->sites, l->link);

		if (!site)
			continue;
		site->busy--;
		if (l->put) {
			site_take(site, l->result, &l->found, l->why.text, now_ns);
			site->limited = l->limited;
		} else if (l->result >= 0 || l->result == -ENODEV) {
			site->attached = false;
		}
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct turn_change *c = &t->changes[i];

		if (c->kind != TURN_RAISE)
			continue;
		s->reserved[c->slot] = false;
		if (!c->failed)
			continue;
		sites_need(&s->sites, c->key.link)->n_keys[t->family]--;
		if (c->slot < s->lowest)
			s->lowest = c->slot;
		if (c->link == SIZE_MAX || t->links[c->link].result >= 0)
			s->full_until_ns = now_ns + FULL_PAUSE_NS; /* the index has no room */
	}
}

/* Forget links that have nothing to do with us any more. */
static void tidy_sites(struct fw_link *s, uint64_t now_ns)
{
	struct site *site, *last = NULL;
	size_t at = 0;

	while ((site = sites_next(&s->sites, &at))) {
		if (last)
			sites_drop(&s->sites, last);
		last = site_is_used(site) || site->busy || site->attached ||
				       site->retry_ns + site->pause_ns > now_ns
			       ? NULL
			       : site;
	}
	if (last)
		sites_drop(&s->sites, last);
}

void fw_link_turned(void *arg, void *job, uint64_t now_ns)
{
	struct fw_link *s = arg;
	struct turn *t = job;
	struct link_family *f = &s->families[t->family];
	bool committed = !t->result && (t->n || t->repair);

	take_links(s, t, now_ns);
	if (t->result < 0)
		f->broken = true;
	else if (t->repair)
		fw_link_load(s, t->family);
	else if (t->n)
		lives_take(&f->lives, t);
	if (!t->result && t->repair)
		f->broken = f->repairing = false;
	if (committed)
		f->commit = t->number;
	f->told = committed;
	f->running = false;
	tidy_sites(s, now_ns);
	fw_link_changed(s);
	s->done(s->arg, t->family, t->result, t->e.text, committed ? t->number : 0, t->finals,
		t->n_finals, now_ns);
	turn_free(t);
}

static void give(struct fw_link *s, struct turn *take_t)
{
	s->families[take_t->family].running = true;
	work_give(s->work, take_t);
}

static void repair(struct fw_link *s, enum addr_family family)
{
	struct turn *t = turn_new(family, s->slots.state->unsettled[family]);

	t->repair = true;
	give(s, t);
}

void fw_link_repair_all(struct fw_link *s)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (s->slots.state->unsettled[f]) {
			log_info("fw", "finishing the IPv%d commit that an earlier ctmeterd began",
				 f == ADDR_V4 ? 4 : 6);
			s->families[f].repairing = true;
			repair(s, f);
		}
}

/* The lowest slot that is FREE and in no turn that is under way. */
static uint32_t alloc(void *arg)
{
	struct fw_link *s = arg;

	for (; s->lowest < s->object.slots; s->lowest++) {
		uint32_t i = s->lowest;

		if (link_object_reach(&s->object, i + 1) < 0)
			break;
		if (s->reserved[i] || s->slots.owner[i].state != LINK_FREE)
			continue;
		s->reserved[i] = true;
		s->lowest++;
		return i;
	}
	s->full_until_ns = loop_now_ns() + FULL_PAUSE_NS;
	return NO_SLOT;
}

/* --- what is wanted ------------------------------------------------------------------------- */

static struct plan plan_of(struct fw_link *s, const struct fw_want *want)
{
	uint64_t now = loop_now_ns();

	return (struct plan) { .lives = &s->families[want->family].lives,
			       .want = want,
			       .sites = &s->sites,
			       .full = now < s->full_until_ns,
			       .now_ns = now };
}

static enum fw_fit link_compare(void *self, const struct fw_want *want)
{
	struct fw_link *s = self;
	struct link_family *f = &s->families[want->family];
	struct plan plan = plan_of(s, want);
	enum fw_fit fit = plan_compare(&plan, &f->unmet);

	return f->broken ? FW_DIFFERS : fit;
}

static void link_forget(void *self, enum addr_family family)
{
	struct fw_link *s = self;
	struct link_family *f = &s->families[family];
	uint32_t lowest;

	if (!f->told || f->running)
		return;
	f->told = false;
	lowest = slots_settle(&s->slots, family);
	if (lowest < s->lowest)
		s->lowest = lowest;
}

static int link_apply(void *self, const struct fw_want *want)
{
	struct fw_link *s = self;
	struct link_family *f = &s->families[want->family];
	struct plan plan;

	if (s->problem[0])
		return -ENODEV;
	link_forget(self, want->family);
	if (f->broken) {
		repair(s, want->family);
		return 0;
	}
	plan = plan_of(s, want);
	give(s, plan_turn(&plan, f->commit + 1, alloc, s));
	return 0;
}

static bool link_busy(const void *self, enum addr_family family)
{
	return ((const struct fw_link *)self)->families[family].running;
}

/* --- reading -------------------------------------------------------------------------------- */

static int link_read(void *self, enum addr_family family, uint64_t now_ns,
		     struct fw_reading *ret_reading)
{
	struct fw_link *s = self;
	struct link_family *f = &s->families[family];
	bool zeroed;

	if (s->problem[0] && now_ns - s->tried_ns >= LOOK_FOR_NS)
		fw_link_look_again(s, now_ns);
	if (s->problem[0])
		return -ENODEV;
	if (f->repairing)
		return -EAGAIN;
	patrol_walk(s, now_ns);
	zeroed = lives_read(&f->lives, &s->slots);
	*ret_reading = (struct fw_reading) { .rows = f->lives.rows,
					     .n_rows = f->lives.n,
					     .at_ns = now_ns,
					     .zeroed = zeroed,
					     .apart = true,
					     .generation = s->generation,
					     .commit = f->lives.n ? f->commit : 0 };
	return 0;
}

static struct fw_figures link_figures(const void *self, enum addr_family family)
{
	const struct fw_link *s = self;
	const struct lives *l = &s->families[family].lives;
	struct fw_figures figures = { .flaw = s->flaw };
	const struct site *site;
	size_t at = 0;

	for (size_t i = 0; i < l->n; i++)
		figures.rules += (uint32_t)__builtin_popcount(l->at[i].paths);
	while ((site = sites_next(&s->sites, &at)))
		figures.entries += site->attached && site->n_keys[family];
	return figures;
}

static const char *link_why(const void *self, const struct addr *addr)
{
	const struct fw_link *s = self;
	const struct link_family *f = &s->families[addr->family];
	const struct live *live = lives_find(&f->lives, addr);
	const struct fw_key *key = unmet_find(&f->unmet, addr);
	const struct site *site = sites_find(&s->sites, key ? key->link : live ? live->link : 0);

	if (s->problem[0])
		return s->problem;
	if (key && !key->link)
		return "its link is not known";
	if (key && !live && !(site && site->why) && s->full_until_ns)
		return no_room;
	if (live && live->missed && site && site->attached && site->behind)
		return "a program of somebody else precedes ours on its link";
	if (live && live->missed)
		return "our program was taken off its link";
	return key && site ? site->why : NULL;
}

static bool link_barred(const void *self, const struct addr *addr)
{
	const struct fw_link *s = self;
	const struct fw_key *key = unmet_find(&s->families[addr->family].unmet, addr);
	const struct site *site = key ? sites_find(&s->sites, key->link) : NULL;

	return site && site->why && (site->attached || site->limited);
}

static const char *link_family_problem(const void *self, enum addr_family family)
{
	const struct fw_link *s = self;

	(void)family;
	return s->problem[0] ? s->problem : NULL;
}

/* --- life ----------------------------------------------------------------------------------- */

static int link_open(const struct fw_config *config, struct loop *loop, fw_done_fn *done, void *arg,
		     void **ret_self, struct err *e)
{
	struct fw_link *s = xcalloc(1, sizeof(*s));
	int ret;

	s->loop = loop;
	s->done = done;
	s->arg = arg;
	s->bpf_dir = xstrdup(look_bpf_dir(config));
	s->links = config->links;
	s->n_links = config->n_links;
	s->max_addresses = config->max_addresses;
	s->generation = 1;
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		s->families[f].commit = config->commit[f];
	ret = fw_link_start(s, loop_now_ns(), e);
	if (ret < 0) {
		fw_link_free(s);
		return ret;
	}
	*ret_self = s;
	return 0;
}

static void link_close(void *self)
{
	fw_link_free(self);
}

static int link_look(enum addr_family family, const char *table, struct fw_look *ret_look)
{
	(void)family, (void)table, (void)ret_look;
	return -ENOTSUP;
}

static const char *link_lock_path(void)
{
	return NULL;
}

const struct fw_ops fw_link_ops = {
	.name = "link",
	.on_links = true,
	.open = link_open,
	.close = link_close,
	.family_problem = link_family_problem,
	.why = link_why,
	.barred = link_barred,
	.read = link_read,
	.compare = link_compare,
	.apply = link_apply,
	.busy = link_busy,
	.forget = link_forget,
	.figures = link_figures,
	.look = link_look,
	.look_links = look_links,
	.look_ground = look_ground,
	.lock_path = link_lock_path,
	.likely = link_is_prepared,
	.has_rules = link_has_rules,
	.has_left = link_has_left,
	.strays = link_strays,
	.prepare = look_prepare,
	.remove_all = look_remove_all,
};
