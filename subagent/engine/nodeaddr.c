/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/nodeaddr.h"

#include "base/xalloc.h"
#include "netlink/rtnl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct list {
	struct nodeaddr *at;
	size_t n, cap;
};

static void add(struct list *l, const struct addr *a, enum inv_unfit what)
{
	l->at = xgrow(l->at, l->n, &l->cap, sizeof(*l->at));
	l->at[l->n++] = (struct nodeaddr) { *a, what };
}

/* Sorts by address, then by meaning, so that the first meaning of an address is kept. */
static int cmp(const void *x, const void *y)
{
	const struct nodeaddr *a = x, *b = y;
	int c = addr_cmp(&a->addr, &b->addr);

	return c ? c : a->what < b->what ? -1 : a->what > b->what;
}

/* Find the gateways by asking for the route to an address that only a default route leads to: the
 * whole table may have a million routes. These two addresses are those of 6to4 relays, which are
 * deprecated (RFC 7526). */
static void add_gateways(struct list *l, int fd)
{
	static const char *const far[] = { "192.88.99.1", "2002:c058:6301::" };

	for (size_t i = 0; i < ARRAY_LEN(far); i++) {
		struct rtnl_route route;
		struct addr a;

		if (!addr_parse(far[i], &a) && !rtnl_route(fd, &a, &route) && route.has_gateway)
			add(l, &route.gateway, INV_GATEWAY);
	}
}

struct nodeaddr *nodeaddr_list(size_t *ret_n)
{
	struct list l = { NULL, 0, 0 };
	struct rtnl_address *own = NULL;
	struct addr first, last;
	size_t n = 0, kept = 0;
	int fd = rtnl_open();

	if (fd >= 0 && !rtnl_addresses(fd, &own, &n)) {
		for (size_t i = 0; i < n; i++) {
			add(&l, &own[i].addr, INV_NODE);
			if (!rtnl_broadcasts(&own[i], &first, &last))
				continue;
			add(&l, &first, INV_BROADCAST);
			add(&l, &last, INV_BROADCAST);
		}
		add_gateways(&l, fd);
	}
	if (fd >= 0)
		close(fd);
	free(own);
	if (l.n)
		qsort(l.at, l.n, sizeof(*l.at), cmp);
	for (size_t i = 0; i < l.n; i++)
		if (!kept || addr_cmp(&l.at[kept - 1].addr, &l.at[i].addr))
			l.at[kept++] = l.at[i];
	*ret_n = kept;
	return l.at;
}

void nodeaddr_mark(const struct nodeaddr *list, size_t n, struct inventory *inv)
{
	size_t k = 0;

	for (size_t i = 0; i < inv->n_addresses; i++) {
		struct inv_address *a = &inv->addresses[i];

		while (k < n && addr_cmp(&list[k].addr, &a->addr) < 0)
			k++;
		if (k < n && !addr_cmp(&list[k].addr, &a->addr))
			a->unfit = list[k].what;
	}
}
