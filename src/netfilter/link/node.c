/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/node.h"

#include "base/xalloc.h"
#include "netlink/rtnl.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct list {
	struct addr *at;
	size_t n, cap;
};

static void add(struct list *l, const struct addr *a)
{
	assert(a);
	l->at = xgrow(l->at, l->n, &l->cap, sizeof(*l->at));
	l->at[l->n++] = *a;
}

static int cmp(const void *x, const void *y)
{
	return addr_cmp(x, y);
}

static void sort(struct list *l)
{
	size_t kept = 0;

	if (!l->at)
		return;
	qsort(l->at, l->n, sizeof(*l->at), cmp);
	for (size_t i = 0; i < l->n; i++)
		if (!kept || addr_cmp(&l->at[kept - 1], &l->at[i]))
			l->at[kept++] = l->at[i];
	l->n = kept;
}

static int list_own(struct list *l)
{
	struct rtnl_address *own = NULL;
	int fd = rtnl_open(), ret;
	struct addr first, last;
	size_t n = 0;

	if (fd < 0)
		return fd;
	ret = rtnl_addresses(fd, &own, &n);
	for (size_t i = 0; !ret && i < n; i++) {
		add(l, &own[i].addr);
		if (!rtnl_broadcasts(&own[i], &first, &last))
			continue;
		add(l, &first);
		add(l, &last);
	}
	close(fd);
	free(own);
	sort(l);
	return ret;
}

/* What an earlier process left in the maps. */
static void list_present(struct list *l, const struct link_object *o)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		struct addr a = { .family = (uint8_t)f };
		const void *before = NULL;

		while (bpf_map_get_next_key(o->node[f], before, a.bytes) == 0) {
			add(l, &a);
			before = l->at[l->n - 1].bytes;
			memcpy(a.bytes, before, sizeof(a.bytes));
		}
	}
	sort(l);
}

static int change(const struct link_object *o, const struct addr *a, bool put)
{
	uint8_t one = 1;
	int ret = put ? bpf_map_update_elem(o->node[a->family], a->bytes, &one, BPF_ANY)
		      : bpf_map_delete_elem(o->node[a->family], a->bytes);

	return ret < 0 && errno != ENOENT ? -errno : 0;
}

/* Both are sorted and swept once. What could not be changed is tried again next time. */
int node_refresh(struct node *node)
{
	struct list now = { NULL, 0, 0 }, then = now, kept = now;
	int ret = list_own(&now), failure = ret;
	size_t i = 0, k = 0;

	if (ret < 0) {
		free(now.at);
		return ret;
	}
	if (node->at)
		then = (struct list) { node->at, node->n, node->n };
	else
		list_present(&then, node->object);
	while (i < now.n || k < then.n) {
		int order = i == now.n ? 1 : k == then.n ? -1 : addr_cmp(&now.at[i], &then.at[k]);
		const struct addr *a = order <= 0 ? &now.at[i] : &then.at[k];

		ret = order ? change(node->object, a, order < 0) : 0;
		if ((order <= 0) == !ret)
			add(&kept, a);
		failure = ret < 0 ? ret : failure;
		i += order <= 0;
		k += order >= 0;
	}
	free(now.at);
	free(then.at);
	node->at = kept.at;
	node->n = kept.n;
	return failure;
}

void node_clear(struct node *node)
{
	free(node->at);
	node->at = NULL;
	node->n = 0;
}
