/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/plan.h"

#include "base/xalloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void unmet_clear(struct unmet *u)
{
	free(u->at);
	*u = (struct unmet) { NULL, 0, 0 };
}

static int key_cmp(const void *x, const void *y)
{
	const struct fw_key *a = x, *b = y;

	return addr_cmp(&a->addr, &b->addr);
}

const struct fw_key *unmet_find(const struct unmet *u, const struct addr *addr)
{
	struct fw_key key = { .addr = *addr };

	return u->n ? bsearch(&key, u->at, u->n, sizeof(key), key_cmp) : NULL;
}

/* --- the comparison ------------------------------------------------------------------------- */

enum step {
	STEP_UNMET, /* a key cannot be counted now */
	STEP_RAISE, /* it is not counted yet */
	STEP_KEEP,
	STEP_TELL, /* its packets may have passed uncounted */
	STEP_RENEW, /* other paths of it are to be counted */
	STEP_MOVE, /* it is on another link now */
	STEP_LOWER, /* what is counted is not wanted */
};

/* live and key: NULL where the step has none. paths: to be counted of the key. */
typedef void step_fn(void *arg, enum step step, const struct live *live, const struct fw_key *key,
		     uint8_t paths);

/* Our programs were attached before the link was to be limited, and have the place of that: first
 * they go. */
static bool must_yield(const struct site *site, const struct fw_key *key)
{
	return key->limited && site->attached && site->way == ATTACH_CLSACT && !site->limited;
}

/* The paths that can be counted of a key now; 0: none. A link that has refused us is left alone
 * for a while. */
static uint8_t countable(const struct plan *p, const struct fw_key *key)
{
	const struct site *site = sites_find(p->sites, key->link);

	if (!key->link || (site && (site->retry_ns > p->now_ns || must_yield(site, key))))
		return 0;
	return (uint8_t)(p->want->paths & (site ? site->paths : PATHS_ALL));
}

static bool is_gone(const struct plan *p, uint32_t link)
{
	const struct site *site = sites_find(p->sites, link);

	return site && site->gone;
}

static enum step step_of(const struct plan *p, const struct live *live, const struct fw_key *key,
			 uint8_t paths)
{
	if (!paths)
		return STEP_UNMET;
	if (!live)
		return p->full ? STEP_UNMET : STEP_RAISE;
	if (live->link != key->link)
		return STEP_MOVE;
	if (live->paths != paths)
		return STEP_RENEW;
	/* On a link that is gone no packet can be missed, and nothing be repaired. */
	return live->missed && !is_gone(p, live->link) ? STEP_TELL : STEP_KEEP;
}

/* Both are sorted and swept once. */
static void walk(const struct plan *p, step_fn *fn, void *arg)
{
	const struct fw_want *want = p->want;
	size_t i = 0, k = 0;

	while (i < want->n || k < p->lives->n) {
		int order = i == want->n ? 1
			    : k == p->lives->n
				    ? -1
				    : addr_cmp(&want->keys[i].addr, &p->lives->at[k].addr);
		const struct fw_key *key = order <= 0 ? &want->keys[i++] : NULL;
		const struct live *live = order >= 0 ? &p->lives->at[k++] : NULL;
		uint8_t paths = key ? countable(p, key) : 0;
		enum step step = key ? step_of(p, live, key, paths) : STEP_LOWER;

		if (step == STEP_UNMET || (key && (paths & want->paths) != want->paths))
			fn(arg, STEP_UNMET, NULL, key, 0);
		if (step == STEP_UNMET && live)
			fn(arg, STEP_LOWER, live, NULL, 0);
		if (step != STEP_UNMET)
			fn(arg, step, live, key, paths);
	}
}

struct comparison {
	const struct plan *plan;
	struct unmet *unmet;
	bool differs, changed, outranked;
};

static void compare_step(void *arg, enum step step, const struct live *live,
			 const struct fw_key *key, uint8_t paths)
{
	struct comparison *c = arg;
	const struct site *site;

	(void)paths;
	if (step == STEP_UNMET) {
		c->unmet->at =
			xgrow(c->unmet->at, c->unmet->n, &c->unmet->cap, sizeof(*c->unmet->at));
		c->unmet->at[c->unmet->n++] = *key;
	} else if (step == STEP_TELL) {
		assert(live);
		site = sites_find(c->plan->sites, live->link);
		if (site && site->attached && site->behind)
			c->outranked = true;
		else
			c->changed = true;
	} else if (step != STEP_KEEP) {
		c->differs = true;
	}
}

/* A link that keeps our programs, though nothing is counted on it. */
static bool is_left_over(const struct site *site)
{
	return site->attached && !site->busy && !site_is_used(site);
}

static bool any_left_over(const struct sites *sites)
{
	const struct site *site;
	size_t at = 0;

	while ((site = sites_next(sites, &at)))
		if (is_left_over(site))
			return true;
	return false;
}

enum fw_fit plan_compare(const struct plan *p, struct unmet *unmet)
{
	struct comparison c = { .plan = p, .unmet = unmet };

	unmet_clear(unmet);
	walk(p, compare_step, &c);
	if (c.differs || any_left_over(p->sites))
		return FW_DIFFERS;
	return c.changed ? FW_CHANGED : c.outranked ? FW_OUTRANKED : FW_FITS;
}

/* --- the turn ------------------------------------------------------------------------------- */

struct making {
	const struct plan *plan;
	struct turn *turn;
	uint32_t (*alloc)(void *arg);
	void *arg;
};

static size_t need_link(struct turn *t, struct site *site, bool put, bool limited)
{
	if (!site->in_turn) {
		site->in_turn = 1 + turn_add_link(t, site->link, put, limited);
		site->busy++;
	}
	t->links[site->in_turn - 1].limited |= limited;
	return site->in_turn - 1;
}

static void add_raise(struct making *m, const struct fw_key *key, uint8_t paths)
{
	struct site *site = sites_need(m->plan->sites, key->link);
	uint32_t slot = m->alloc(m->arg);
	struct turn_change *c;

	if (slot == UINT32_MAX)
		return;
	c = turn_add(m->turn, TURN_RAISE, slot, key);
	c->paths = paths;
	c->link = need_link(m->turn, site, true, key->limited);
	site->n_keys[key->addr.family]++;
}

static void add_lower(struct making *m, const struct live *live, bool first)
{
	struct fw_key key;
	struct site *site;

	assert(live); /* what is lowered is there */
	key = (struct fw_key) { .addr = live->addr, .link = live->link };
	site = sites_need(m->plan->sites, live->link);
	turn_add(m->turn, first || !site->attached ? TURN_LOWER_FIRST : TURN_LOWER, live->slot,
		 &key);
	site->n_keys[live->addr.family]--;
}

static void make_step(void *arg, enum step step, const struct live *live, const struct fw_key *key,
		      uint8_t paths)
{
	struct making *m = arg;
	struct turn_change *c;

	switch (step) {
	case STEP_UNMET:
	case STEP_KEEP:
		break;
	case STEP_RAISE:
		add_raise(m, key, paths);
		break;
	case STEP_TELL:
		assert(live);
		c = turn_add(m->turn, TURN_TELL, live->slot, key);
		c->link = need_link(m->turn, sites_need(m->plan->sites, live->link), true,
				    key->limited);
		break;
	case STEP_RENEW:
	case STEP_MOVE:
		add_lower(m, live, step == STEP_RENEW);
		add_raise(m, key, paths);
		break;
	case STEP_LOWER:
		add_lower(m, live, false);
		break;
	}
}

struct turn *plan_turn(const struct plan *p, uint64_t number, uint32_t (*alloc)(void *arg),
		       void *arg)
{
	struct making m = { p, turn_new(p->want->family, number), alloc, arg };
	struct site *site;
	size_t at = 0;

	walk(p, make_step, &m);
	while ((site = sites_next(p->sites, &at))) {
		if (!site_is_used(site) && !site->busy && !site->retry_ns)
			need_link(m.turn, site, false, false);
		site->in_turn = 0;
	}
	return m.turn;
}
