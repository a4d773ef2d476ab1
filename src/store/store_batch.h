/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_BATCH_H
#define CTM_STORE_BATCH_H

#include "base/arena.h"
#include "store/store.h"

/* Names a row of the store: a container, or one of its addresses. */
struct store_key {
	const char *id;
	bool is_address;
	struct addr addr;
};

/* A checkpoint on its way from the ledger to the store, copied so that both can go on meanwhile.
 * In the other direction: the aged-out rows that the store found. */
struct store_batch {
	bool synced;
	int64_t wall_s;
	struct wallclock_step *steps; /* the clock's steps since the last batch that was stored */
	size_t n_steps;
	struct store_meta meta;
	struct store_container *containers;
	struct store_address *addresses; /* of these containers or earlier ones */
	size_t n_containers, n_addresses;
	struct store_key *recall; /* rows to look for before this is written */
	size_t n_recall;
	struct arena text; /* of the containers and keys */
};

/* A batch with room for that many rows, and none in it yet. */
struct store_batch *store_batch_new(size_t n_containers, size_t n_addresses);
void store_batch_free(struct store_batch *b);

/* Look for the rows that b->recall names. Returns 0 with the rows found, for store_batch_free, or
 * NULL if there were none; or -errno with e filled. */
int store_recall(struct store *s, const struct store_batch *b, struct store_batch **ret_found,
		 struct err *e);

/* Write the batch as one checkpoint: store_begin to store_end. */
int store_write(struct store *s, const struct store_batch *b, struct err *e);

#endif
