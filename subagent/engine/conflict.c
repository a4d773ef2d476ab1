/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/conflict.h"

#include "base/log.h"
#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct conflict {
	struct addr addr;
	enum inv_unfit unfit; /* INV_FIT: several containers claim it, or one whose it was not */
	char *claimant; /* of INV_NOT_ALLOWED, which is one container's alone; NULL: of any */
	char *holder; /* the container it is counted for, NULL: none */
	char *kept_for; /* the container that had it last, if it is kept for that; NULL */
};

static int cmp_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int cmp(const void *x, const void *y)
{
	const struct conflict *a = x, *b = y;
	int c = addr_cmp(&a->addr, &b->addr);

	return c ? c : cmp_text(a->claimant, b->claimant);
}

static const struct conflict *in_list(const struct conflict *list, size_t n,
				      const struct conflict *c)
{
	const struct conflict *found = n ? bsearch(c, list, n, sizeof(*c), cmp) : NULL;

	return found && found->unfit == c->unfit ? found : NULL;
}

/* All claims on one address. */
struct group {
	const struct inventory *inv;
	size_t first;
	struct inv_contest contest;
};

static const char *id_of(const struct group *g, size_t i)
{
	return g->inv->containers[g->inv->addresses[i].container].id;
}

/* The n-th of the claims that the address can be counted for. */
static const char *fit_id(const struct group *g, size_t n)
{
	size_t i = g->first;

	for (;; i++)
		if (!g->inv->addresses[i].unfit && !n--)
			return id_of(g, i);
}

/* Fill *ret if there is a conflict; returns whether there is. The ledger gives the holder. Its
 * texts are borrowed. */
static bool find(const struct group *g, const struct ledger *l, uint64_t now_ns,
		 struct conflict *ret)
{
	const struct inv_address *a = &g->inv->addresses[g->first];
	const struct ledger_now now = { .ns = now_ns };
	const char *holder = ledger_holder(l, &a->addr);
	enum inv_run run;

	*ret = (struct conflict) { .addr = a->addr, .holder = (char *)(uintptr_t)holder };
	if (a->unfit && a->unfit != INV_NOT_ALLOWED)
		ret->unfit = a->unfit;
	else if (!g->contest.fit || (g->contest.fit == 1 && holder))
		return false;
	if (!holder)
		ret->kept_for = (char *)(uintptr_t)ledger_kept_for(l, &a->addr, now, &run);
	return true;
}

static const char *const unfit_words[] = {
	[INV_FIT] = NULL,
	[INV_NODE] = "this node's own address",
	[INV_BROADCAST] = "a broadcast address of this node's networks",
	[INV_GATEWAY] = "this node's gateway",
	[INV_NOT_ALLOWED] = "outside what [inventory] allow permits",
};

const char *conflicts_unfit(enum inv_unfit unfit)
{
	return unfit_words[unfit];
}

/* Why this container is the holder. */
static const char *reason(const struct group *g)
{
	if (g->contest.rank == INV_ASSIGNED && g->contest.fit > g->contest.claims)
		return "which it is assigned to; it was only found in the others";
	return g->contest.running == 1 ? "the only one that runs"
				       : "which had it first, until it gives it up";
}

static void log_begin(const struct group *g, const struct conflict *c)
{
	char text[ADDR_TEXT_SIZE];

	addr_format(&c->addr, text);
	if (c->unfit == INV_NOT_ALLOWED)
		log_info("inv", "%s, found in container %s, is %s: not counted for it", text,
			 c->claimant, unfit_words[c->unfit]);
	else if (c->unfit)
		log_warning("inv", "%s, claimed by container %s, is %s: not counted for it", text,
			    id_of(g, g->first), unfit_words[c->unfit]);
	else if (c->kept_for)
		log_warning("inv",
			    "%s, found in container %s, was last container %s's: counted for "
			    "neither until that one has it again, or has been gone or run without "
			    "it for 5 minutes",
			    text, fit_id(g, 0), c->kept_for);
	else if (g->contest.fit == 1)
		log_warning("inv",
			    "%s, found in container %s, was another container's, too, which is "
			    "stopped or restarts: counted for neither until one gives it up",
			    text, fit_id(g, 0));
	else if (c->holder)
		log_warning("inv", "%s is claimed by containers %s and %s: counted for %s, %s",
			    text, fit_id(g, 0), fit_id(g, 1), c->holder, reason(g));
	else
		log_warning("inv",
			    "%s is claimed by containers %s and %s: counted for neither until "
			    "one of them gives it up",
			    text, fit_id(g, 0), fit_id(g, 1));
}

/* The address is still claimed so, but its holder has changed. */
static void log_moved(const struct group *g, const struct conflict *c)
{
	char text[ADDR_TEXT_SIZE];

	addr_format(&c->addr, text);
	if (c->holder)
		log_warning("inv", "%s, claimed by several containers, is now counted for %s, %s",
			    text, c->holder, reason(g));
	else if (c->kept_for)
		log_warning("inv",
			    "%s, found in container %s, is counted for none now: it is kept for "
			    "container %s, which had it last",
			    text, fit_id(g, 0), c->kept_for);
	else
		log_warning("inv",
			    "%s, claimed by several containers, is now counted for none of them, "
			    "until one of them gives it up",
			    text);
}

static void log_end(const struct conflict *c)
{
	char text[ADDR_TEXT_SIZE];

	addr_format(&c->addr, text);
	if (c->claimant)
		log_info("inv", "%s is no longer found in container %s, or is allowed there now",
			 text, c->claimant);
	else if (c->unfit)
		log_info("inv", "%s is no longer claimed, or can be a container's again", text);
	else
		log_info("inv", "%s is no longer claimed by several containers", text);
}

/* The conflicts of one inventory. */
struct finds {
	struct conflict *list;
	size_t n, cap;
};

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void note_one(struct conflicts *c, const struct group *g, const struct conflict *one,
		     struct finds *now, uint64_t now_ns)
{
	const struct conflict *before = in_list(c->list, c->n, one);

	if (!before && log_may(&c->budget, now_ns, "inv"))
		log_begin(g, one);
	else if (before && cmp_text(before->holder, one->holder) && !one->unfit &&
		 log_may(&c->budget, now_ns, "inv"))
		log_moved(g, one);
	now->list = xgrow(now->list, now->n, &now->cap, sizeof(*now->list));
	now->list[now->n++] = (struct conflict) { .addr = one->addr,
						  .unfit = one->unfit,
						  .claimant = copy(one->claimant),
						  .holder = copy(one->holder),
						  .kept_for = copy(one->kept_for) };
}

static void note_group(struct conflicts *c, const struct group *g, const struct ledger *l,
		       struct finds *now, uint64_t now_ns)
{
	struct conflict one;

	if (find(g, l, now_ns, &one))
		note_one(c, g, &one, now, now_ns);
	for (size_t i = g->first; i < g->contest.end; i++) {
		if (g->inv->addresses[i].unfit != INV_NOT_ALLOWED)
			continue;
		one = (struct conflict) { .addr = g->inv->addresses[i].addr,
					  .unfit = INV_NOT_ALLOWED,
					  .claimant = (char *)(uintptr_t)id_of(g, i) };
		note_one(c, g, &one, now, now_ns);
	}
}

void conflicts_note(struct conflicts *c, const struct inventory *inv, const struct ledger *l,
		    uint64_t now_ns)
{
	struct finds now = { .list = NULL };

	for (size_t i = 0; i < inv->n_addresses;) {
		struct group g = { .inv = inv, .first = i };

		inv_contest(inv, i, &g.contest);
		note_group(c, &g, l, &now, now_ns);
		i = g.contest.end;
	}
	if (now.n)
		qsort(now.list, now.n, sizeof(*now.list), cmp);
	for (size_t i = 0; i < c->n; i++)
		if (!in_list(now.list, now.n, &c->list[i]) && log_may(&c->budget, now_ns, "inv"))
			log_end(&c->list[i]);
	conflicts_clear(c);
	c->list = now.list;
	c->n = now.n;
}

void conflicts_clear(struct conflicts *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->list[i].claimant);
		free(c->list[i].holder);
		free(c->list[i].kept_for);
	}
	free(c->list);
	c->list = NULL;
	c->n = 0;
}
