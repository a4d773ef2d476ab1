/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conflict.h"

#include "log.h"
#include "xalloc.h"

#include <stdlib.h>
#include <string.h>

struct conflict {
	struct addr addr;
	enum inv_unfit unfit; /* INV_FIT: several claim it */
};

static int cmp(const void *x, const void *y)
{
	return addr_cmp(&((const struct conflict *)x)->addr, &((const struct conflict *)y)->addr);
}

static bool in_list(const struct conflict *list, size_t n, const struct conflict *c)
{
	const struct conflict *found = n ? bsearch(c, list, n, sizeof(*c), cmp) : NULL;

	return found && found->unfit == c->unfit;
}

/* The conflict that the claim i is the first of, or false. */
static bool find(const struct inventory *inv, size_t i, struct conflict *ret)
{
	const struct inv_address *a = &inv->addresses[i];

	if (i && !addr_cmp(&inv->addresses[i - 1].addr, &a->addr))
		return false;
	*ret = (struct conflict) { a->addr, a->unfit };
	return a->unfit || a->conflict;
}

static void log_begin(const struct inventory *inv, size_t i, const struct ledger *l)
{
	static const char *const what[] = {
		[INV_NODE] = "this node's own address",
		[INV_BROADCAST] = "a broadcast address of this node's networks",
		[INV_GATEWAY] = "this node's gateway",
	};
	const struct inv_address *a = &inv->addresses[i];
	const char *id = inv->containers[a->container].id, *holder;
	char text[ADDR_TEXT_SIZE];

	addr_format(&a->addr, text);
	holder = ledger_holder(l, &a->addr);
	if (a->unfit)
		log_warning("inv", "%s, claimed by container %s, is %s: not counted for it", text,
			    id, what[a->unfit]);
	else if (holder)
		log_warning("inv",
			    "%s is claimed by containers %s and %s: counted for %s, which had it "
			    "first, until that lets it go",
			    text, id, inv->containers[a[1].container].id, holder);
	else
		log_warning("inv",
			    "%s is claimed by containers %s and %s: counted for neither until "
			    "one of them lets it go",
			    text, id, inv->containers[a[1].container].id);
}

static void log_end(const struct conflict *c)
{
	char text[ADDR_TEXT_SIZE];

	if (c->unfit)
		log_info("inv", "%s is no longer claimed, or a container's now",
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
		if (!find(inv, i, &one))
			continue;
		now = xgrow(now, n, &cap, sizeof(*now));
		now[n++] = one;
		if (!in_list(c->list, c->n, &one) && log_may(&c->budget, now_ns, "inv"))
			log_begin(inv, i, l);
	}
	for (size_t i = 0; i < c->n; i++)
		if (!in_list(now, n, &c->list[i]) && log_may(&c->budget, now_ns, "inv"))
			log_end(&c->list[i]);
	free(c->list);
	c->list = now;
	c->n = n;
}

void conflicts_clear(struct conflicts *c)
{
	free(c->list);
	c->list = NULL;
	c->n = 0;
}
