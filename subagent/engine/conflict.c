/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/conflict.h"

#include "base/log.h"
#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct conflict {
	struct addr addr;
	enum inv_unfit unfit; /* INV_FIT: several containers claim it */
	char *holder; /* the container it is counted for, NULL: none */
};

static int cmp(const void *x, const void *y)
{
	return addr_cmp(&((const struct conflict *)x)->addr, &((const struct conflict *)y)->addr);
}

static const struct conflict *in_list(const struct conflict *list, size_t n,
				      const struct conflict *c)
{
	const struct conflict *found = n ? bsearch(c, list, n, sizeof(*c), cmp) : NULL;

	return found && found->unfit == c->unfit ? found : NULL;
}

/* Fill *ret if claim i is the first one of a conflict; returns whether it is. The ledger gives
 * the holder. */
static bool find(const struct inventory *inv, size_t i, const struct ledger *l,
		 struct conflict *ret)
{
	const struct inv_address *a = &inv->addresses[i];

	if (i && !addr_cmp(&inv->addresses[i - 1].addr, &a->addr))
		return false;
	if (!a->unfit && !a->conflict)
		return false;
	*ret = (struct conflict) { a->addr, a->unfit, (char *)ledger_holder(l, &a->addr) };
	return true;
}

static const char *const unfit_words[] = {
	[INV_FIT] = NULL,
	[INV_NODE] = "this node's own address",
	[INV_BROADCAST] = "a broadcast address of this node's networks",
	[INV_GATEWAY] = "this node's gateway",
};

const char *conflicts_unfit(const struct conflicts *c, const struct addr *addr)
{
	struct conflict key = { .addr = *addr };
	const struct conflict *found = c->n ? bsearch(&key, c->list, c->n, sizeof(key), cmp) : NULL;

	return found ? unfit_words[found->unfit] : NULL;
}

/* Why this container is the holder. */
static const char *reason(const struct inventory *inv, size_t i)
{
	size_t running;

	inv_claims(inv, i, &running);
	return running == 1 ? "the only one that runs" : "which had it first, until it gives it up";
}

static void log_begin(const struct inventory *inv, size_t i, const struct conflict *c)
{
	const struct inv_address *a = &inv->addresses[i];
	const char *id = inv->containers[a->container].id;
	char text[ADDR_TEXT_SIZE];

	addr_format(&a->addr, text);
	if (a->unfit)
		log_warning("inv", "%s, claimed by container %s, is %s: not counted for it", text,
			    id, unfit_words[a->unfit]);
	else if (c->holder)
		log_warning("inv", "%s is claimed by containers %s and %s: counted for %s, %s",
			    text, id, inv->containers[a[1].container].id, c->holder,
			    reason(inv, i));
	else
		log_warning("inv",
			    "%s is claimed by containers %s and %s: counted for neither until "
			    "one of them gives it up",
			    text, id, inv->containers[a[1].container].id);
}

/* Several containers still claim the address, but its holder has changed. */
static void log_moved(const struct inventory *inv, size_t i, const struct conflict *c)
{
	char text[ADDR_TEXT_SIZE];

	addr_format(&c->addr, text);
	if (c->holder)
		log_warning("inv", "%s, claimed by several containers, is now counted for %s, %s",
			    text, c->holder, reason(inv, i));
	else
		log_warning("inv",
			    "%s, claimed by several containers, is now counted for none of them, "
			    "until one of them gives it up",
			    text);
}

static bool same_holder(const struct conflict *a, const struct conflict *b)
{
	return a->holder && b->holder ? !strcmp(a->holder, b->holder) : a->holder == b->holder;
}

static void log_end(const struct conflict *c)
{
	char text[ADDR_TEXT_SIZE];

	if (c->unfit)
		log_info("inv", "%s is no longer claimed, or can be a container's again",
			 addr_format(&c->addr, text));
	else
		log_info("inv", "%s is no longer claimed by several containers",
			 addr_format(&c->addr, text));
}

void conflicts_note(struct conflicts *c, const struct inventory *inv, const struct ledger *l,
		    uint64_t now_ns)
{
	struct conflict *now = NULL, one;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < inv->n_addresses; i++) {
		const struct conflict *before;

		if (!find(inv, i, l, &one))
			continue;
		before = in_list(c->list, c->n, &one);
		if (!before && log_may(&c->budget, now_ns, "inv"))
			log_begin(inv, i, &one);
		else if (before && !same_holder(before, &one) && log_may(&c->budget, now_ns, "inv"))
			log_moved(inv, i, &one);
		now = xgrow(now, n, &cap, sizeof(*now));
		one.holder = one.holder ? xstrdup(one.holder) : NULL;
		now[n++] = one;
	}
	for (size_t i = 0; i < c->n; i++)
		if (!in_list(now, n, &c->list[i]) && log_may(&c->budget, now_ns, "inv"))
			log_end(&c->list[i]);
	conflicts_clear(c);
	c->list = now;
	c->n = n;
}

void conflicts_clear(struct conflicts *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->list[i].holder);
	free(c->list);
	c->list = NULL;
	c->n = 0;
}
