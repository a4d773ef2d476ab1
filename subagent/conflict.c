/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conflict.h"

#include "log.h"
#include "xalloc.h"

#include <stdlib.h>

static bool in_list(const struct addr *list, size_t n, const struct addr *a)
{
	return n && bsearch(a, list, n, sizeof(*a), (int (*)(const void *, const void *))addr_cmp);
}

void conflicts_note(struct conflicts *c, const struct inventory *inv, uint64_t now_ns)
{
	struct addr *now = xcalloc(inv->n_addresses, sizeof(*now));
	char text[ADDR_TEXT_SIZE];
	size_t n = 0;

	for (size_t i = 1; i < inv->n_addresses; i++) {
		const struct inv_address *a = &inv->addresses[i - 1], *b = &inv->addresses[i];

		if (!a->conflict || addr_cmp(&a->addr, &b->addr) ||
		    (n && !addr_cmp(&now[n - 1], &a->addr)))
			continue;
		now[n++] = a->addr;
		if (!in_list(c->addrs, c->n, &a->addr) && log_may(&c->budget, now_ns, "inv"))
			log_warning("inv",
				    "%s is claimed by containers %s and %s: counted for neither "
				    "until one of them lets it go",
				    addr_format(&a->addr, text), inv->containers[a->container].id,
				    inv->containers[b->container].id);
	}
	for (size_t i = 0; i < c->n; i++)
		if (!in_list(now, n, &c->addrs[i]) && log_may(&c->budget, now_ns, "inv"))
			log_info("inv", "%s is no longer claimed by several containers",
				 addr_format(&c->addrs[i], text));
	free(c->addrs);
	c->addrs = now;
	c->n = n;
}

void conflicts_clear(struct conflicts *c)
{
	free(c->addrs);
	c->addrs = NULL;
	c->n = 0;
}
