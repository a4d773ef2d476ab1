/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_BATCH_H
#define CTM_STORE_BATCH_H

#include "arena.h"
#include "store.h"

/* A checkpoint on its way from the ledger to the store: copied, so that both can go on. */
struct store_batch {
	bool synced;
	int64_t wall_s;
	struct store_meta meta;
	struct store_container *containers;
	struct store_address *addresses; /* of these or of earlier containers */
	size_t n_containers, n_addresses;
	struct arena text; /* of the containers */
};

/* Room for so many rows; none is in it yet. */
struct store_batch *store_batch_new(size_t n_containers, size_t n_addresses);
void store_batch_free(struct store_batch *b);

/* All of it as one checkpoint: store_begin to store_end. */
int store_write(struct store *s, const struct store_batch *b, struct err *e);

#endif
