/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of several sources become one inventory, by sorting. */
#include "inventory/inv_part.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

/* A container of any part. `order` counts through all parts and breaks ties. */
struct ref {
	const struct inv_container *container;
	size_t order;
};

static int cmp_ref(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;
	int c = inv_id_cmp(x->container->id, y->container->id);

	return c ? c : x->order < y->order ? -1 : 1;
}

static int cmp_address(const void *a, const void *b)
{
	const struct inv_address *x = a, *y = b;
	int c = addr_cmp(&x->addr, &y->addr);

	return c ? c : x->container < y->container ? -1 : x->container > y->container;
}

static struct ref *collect_refs(struct inv_part *const *parts, size_t n, size_t *ret_n)
{
	struct ref *refs = NULL;
	size_t n_refs = 0, cap = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; parts[i] && j < parts[i]->n_containers; j++) {
			refs = xgrow(refs, n_refs, &cap, sizeof(*refs));
			refs[n_refs] = (struct ref) { &parts[i]->containers[j], n_refs };
			n_refs++;
		}
	*ret_n = n_refs;
	return refs;
}

void inv_part_take_names(struct inv_part *part, const struct inv_part *names)
{
	struct inv_part *const parts[] = { part, (struct inv_part *)(uintptr_t)names };
	size_t n, of_part = part->n_containers;
	struct ref *refs = collect_refs(parts, names ? 2 : 1, &n);

	if (n)
		qsort(refs, n, sizeof(*refs), cmp_ref);
	/* The containers of `part` come first among those with the same id. */
	for (size_t i = 0, own = 0; i < n; i++) {
		struct inv_container *to;

		if (strcmp(refs[i].container->id, refs[own].container->id) != 0)
			own = i;
		if (refs[i].order < of_part || refs[own].order >= of_part)
			continue;
		to = &part->containers[refs[own].order];
		if (!*to->name && *refs[i].container->name)
			to->name = arena_strdup(&part->text, refs[i].container->name);
	}
	free(refs);
}

/* The first runtime that knows the container. Its network is its own if any part says so. */
static void fold_runtime(struct inventory *inv, struct inv_container *to,
			 const struct inv_container *from)
{
	if (!*to->runtime && *from->runtime) {
		to->runtime = from->runtime;
		to->runtime_id = arena_strdup(&inv->text, from->runtime_id);
	}
	if (!*to->image && *from->image)
		to->image = arena_strdup(&inv->text, from->image);
	if (from->net == INV_NET_OWN)
		to->net = INV_NET_OWN;
}

/* Of each setting the first that a part has. */
static void fold_quota(struct inv_container *to, const struct inv_container *from)
{
	if (!to->quota.octets)
		to->quota.octets = from->quota.octets;
	if (!to->quota.counts)
		to->quota.counts = from->quota.counts;
}

/* Fill inv->containers from the sorted refs; map[order] becomes the index there. */
static void fold_containers(struct inventory *inv, const struct ref *refs, size_t n, uint32_t *map)
{
	char *no_name = arena_strdup(&inv->text, "");

	inv->containers = xcalloc(n, sizeof(*inv->containers));
	for (size_t i = 0; i < n; i++) {
		const struct inv_container *from = refs[i].container;
		struct inv_container *to = &inv->containers[inv->n_containers];

		if (inv->n_containers && !strcmp(to[-1].id, from->id)) {
			to--;
		} else {
			*to = (struct inv_container) { .id = arena_strdup(&inv->text, from->id),
						       .name = no_name,
						       .run = INV_RUN_UNKNOWN,
						       .runtime = "",
						       .runtime_id = no_name,
						       .image = no_name,
						       .net = from->net };
			inv->n_containers++;
		}
		fold_runtime(inv, to, from);
		fold_quota(to, from);
		if (!*to->name && *from->name)
			to->name = arena_strdup(&inv->text, from->name);
		if (to->run == INV_RUN_UNKNOWN)
			to->run = from->run;
		if (!to->pid)
			to->pid = from->pid;
		map[refs[i].order] = (uint32_t)(to - inv->containers);
	}
}

static void collect_addresses(struct inventory *inv, struct inv_part *const *parts, size_t n,
			      const uint32_t *map)
{
	size_t total = 0, base = 0;

	for (size_t i = 0; i < n; i++)
		total += parts[i] ? parts[i]->n_addresses : 0;
	inv->addresses = xcalloc(total, sizeof(*inv->addresses));
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; parts[i] && j < parts[i]->n_addresses; j++) {
			const struct part_address *from = &parts[i]->addresses[j];

			inv->addresses[inv->n_addresses++] =
				(struct inv_address) { .addr = from->addr,
						       .container = map[base + from->container],
						       .link = from->link,
						       .limited = from->limited,
						       .rank = from->rank };
		}
		base += parts[i] ? parts[i]->n_containers : 0;
	}
}

/* Of repetitions, one that names a link comes first. */
static int cmp_repetition(const void *a, const void *b)
{
	const struct inv_address *x = a, *y = b;
	int c = cmp_address(a, b);

	if (c || !x->link || !y->link)
		return c ? c : !x->link - !y->link;
	return strcmp(x->link, y->link);
}

/* Sort, drop repetitions, and mark addresses that several containers claim. The links' names are
 * still the parts'. */
static void fold_addresses(struct inventory *inv)
{
	struct inv_address *a = inv->addresses;
	size_t kept = 0;

	if (inv->n_addresses)
		qsort(a, inv->n_addresses, sizeof(*a), cmp_repetition);
	for (size_t i = 0; i < inv->n_addresses; i++) {
		if (kept && !cmp_address(&a[kept - 1], &a[i])) {
			a[kept - 1].limited |= a[i].limited;
			if (a[i].rank < a[kept - 1].rank)
				a[kept - 1].rank = a[i].rank;
			continue;
		}
		a[kept] = a[i];
		if (a[kept].link)
			a[kept].link = arena_strdup(&inv->text, a[kept].link);
		if (kept && !addr_cmp(&a[kept - 1].addr, &a[kept].addr))
			a[kept - 1].conflict = a[kept].conflict = true;
		kept++;
	}
	inv->n_addresses = kept;
}

struct inventory *inv_merge(struct inv_part *const *parts, size_t n, size_t max_rows,
			    size_t *ret_refused)
{
	struct inventory *inv = xcalloc(1, sizeof(*inv));
	size_t n_refs, refused = 0;
	struct ref *refs = collect_refs(parts, n, &n_refs);
	uint32_t *map = xcalloc(n_refs, sizeof(*map));

	inv->complete = true;
	for (size_t i = 0; i < n; i++) {
		inv->complete = inv->complete && parts[i];
		inv->doubtful = inv->doubtful || (parts[i] && parts[i]->doubts);
	}
	if (n_refs)
		qsort(refs, n_refs, sizeof(*refs), cmp_ref);
	fold_containers(inv, refs, n_refs, map);
	collect_addresses(inv, parts, n, map);
	fold_addresses(inv);
	if (inv->n_addresses > max_rows) {
		refused = inv->n_addresses - max_rows;
		inv->n_addresses = max_rows;
	}
	if (ret_refused)
		*ret_refused = refused;
	free(map);
	free(refs);
	return inv;
}

void inv_take_found(struct inventory *inv, const struct inv_find *finds, size_t n,
		    const bool *known)
{
	struct inv_address *all = xcalloc(inv->n_addresses + n, sizeof(*all));
	size_t kept = 0;

	for (size_t i = 0; i < inv->n_addresses; i++) {
		const struct inv_address *a = &inv->addresses[i];

		if (a->rank == INV_FOUND && known[a->container])
			continue;
		all[kept] = *a;
		all[kept++].conflict = false;
	}
	for (size_t i = 0; i < n; i++)
		if (!addr_refusal(&finds[i].addr))
			all[kept++] = (struct inv_address) { .addr = finds[i].addr,
							     .container = finds[i].container,
							     .rank = INV_FOUND };
	free(inv->addresses);
	inv->addresses = all;
	inv->n_addresses = kept;
	fold_addresses(inv);
}

bool inv_is_unheard(const struct inventory *inv, const char *runtime)
{
	for (size_t i = 0; i < inv->n_unheard; i++)
		if (!strcmp(inv->unheard[i], runtime))
			return true;
	return false;
}

void inv_free(struct inventory *inv)
{
	if (!inv)
		return;
	arena_free(&inv->text);
	free(inv->containers);
	free(inv->addresses);
	free(inv);
}
