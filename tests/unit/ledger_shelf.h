/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_LEDGER_SHELF_H
#define CTM_TESTS_LEDGER_SHELF_H

/* A store in memory for the ledger under test. */
#include "ledger/ledger_store.h"
#include "ledger_world.h"
#include "store/store_batch.h"

/* The store gives containers by their key. */
static inline int shelf_cmp(const void *a, const void *b)
{
	const struct store_container *x = a, *y = b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

/* Store everything and go on with a new ledger that took it up. */
static inline void restart(bool same_boot)
{
	struct store_batch *b;

	ledger_unsaved(ledger);
	b = ledger_take_changed(ledger);
	qsort(b->containers, b->n_containers, sizeof(b->containers[0]), shelf_cmp);
	ledger_free(ledger);
	ledger = ledger_new();
	later();
	ledger_restore_begin(ledger, &b->meta, same_boot, now);
	for (size_t i = 0; i < b->n_containers; i++)
		ledger_restore_container(ledger, &b->containers[i]);
	for (size_t i = 0; i < b->n_addresses; i++)
		ledger_restore_address(ledger, &b->addresses[i]);
	ledger_restore_end(ledger);
	store_batch_free(b);
}

#endif
