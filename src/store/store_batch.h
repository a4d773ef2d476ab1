/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_BATCH_H
#define CTM_STORE_BATCH_H

#include "base/arena.h"
#include "store/store.h"

/* What is looked for in the store: a container, or one of its addresses. */
struct store_key {
	const char *id;
	bool is_address;
	struct addr addr;
};

/* A checkpoint on its way from the ledger to the store: copied, so that both can go on. And, from the
 * store to the ledger, what was found of what aged out. */
struct store_batch {
	bool synced;
	int64_t wall_s;
	struct wallclock_step *steps; /* what the clock did since the last batch that is stored */
	size_t n_steps;
	struct store_meta meta;
	struct store_container *containers;
	struct store_address *addresses; /* of these or of earlier containers */
	size_t n_containers, n_addresses;
	struct store_key *recall; /* what to look for before it is written */
	size_t n_recall;
	struct arena text; /* of the containers and keys */
};

/* Room for so many rows; none is in it yet. */
struct store_batch *store_batch_new(size_t n_containers, size_t n_addresses);
void store_batch_free(struct store_batch *b);

/* Look for what b->recall names. Returns 0 and what was found, for store_batch_free, NULL if nothing
 * was; or -errno with e filled. */
int store_recall(struct store *s, const struct store_batch *b, struct store_batch **ret_found,
		 struct err *e);

/* All of it as one checkpoint: store_begin to store_end. */
int store_write(struct store *s, const struct store_batch *b, struct err *e);

#endif
