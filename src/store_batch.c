/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_batch.h"

#include "xalloc.h"

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
	free(b);
}

int store_write(struct store *s, const struct store_batch *b, struct err *e)
{
	int ret = store_begin(s, b->synced, b->wall_s, e);

	if (ret)
		return ret;
	store_put_meta(s, &b->meta);
	for (size_t i = 0; i < b->n_containers; i++)
		store_put_container(s, &b->containers[i]);
	for (size_t i = 0; i < b->n_addresses; i++)
		store_put_address(s, &b->addresses[i]);
	return store_end(s, e);
}
