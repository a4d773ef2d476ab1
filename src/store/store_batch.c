/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store_batch.h"

#include "base/xalloc.h"

#include <stdlib.h>

struct store_batch *store_batch_new(size_t n_containers, size_t n_addresses)
{
	struct store_batch *b = xcalloc(1, sizeof(*b));

	b->containers = xcalloc(n_containers, sizeof(*b->containers));
	b->addresses = xcalloc(n_addresses, sizeof(*b->addresses));
	return b;
}

void store_batch_free(struct store_batch *b)
{
	if (!b)
		return;
	arena_free(&b->text);
	free(b->containers);
	free(b->addresses);
	free(b->recall);
	free(b->steps);
	free(b);
}

static void take_container(void *arg, const struct store_container *c)
{
	struct store_batch *b = arg;
	struct store_container *to = &b->containers[b->n_containers++];

	*to = *c;
	to->id = arena_strdup(&b->text, c->id);
	to->name = arena_strdup(&b->text, c->name);
	to->runtime = arena_strdup(&b->text, c->runtime);
	to->runtime_id = arena_strdup(&b->text, c->runtime_id);
}

static void take_address(void *arg, const struct store_address *a)
{
	struct store_batch *b = arg;

	b->addresses[b->n_addresses++] = *a;
}

int store_recall(struct store *s, const struct store_batch *b, struct store_batch **ret_found,
		 struct err *e)
{
	struct store_batch *found;
	size_t addresses = 0;
	int ret;

	for (size_t i = 0; i < b->n_recall; i++)
		addresses += b->recall[i].is_address;
	found = store_batch_new(b->n_recall - addresses, addresses);
	ret = store_find(s, b->recall, b->n_recall, take_container, take_address, found, e);
	if (ret < 0 || (!found->n_containers && !found->n_addresses)) {
		store_batch_free(found);
		found = NULL;
	}
	if (!ret)
		*ret_found = found;
	return ret;
}

int store_write(struct store *s, const struct store_batch *b, struct err *e)
{
	int ret = store_begin_stepped(s, b->synced, b->wall_s, b->steps, b->n_steps, e);

	if (ret)
		return ret;
	store_put_meta(s, &b->meta);
	for (size_t i = 0; i < b->n_containers; i++)
		store_put_container(s, &b->containers[i]);
	for (size_t i = 0; i < b->n_addresses; i++)
		store_put_address(s, &b->addresses[i]);
	return store_end(s, e);
}
