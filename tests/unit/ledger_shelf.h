/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_LEDGER_SHELF_H
#define CTM_TESTS_LEDGER_SHELF_H

/* A store in memory for the ledger under test. */
#include "ledger_world.h"

struct shelf {
	struct store_meta meta;
	struct store_container containers[8];
	struct store_address addresses[16];
	size_t n_containers, n_addresses;
};

static inline void shelve_container(void *arg, const struct store_container *c)
{
	struct shelf *s = arg;

	s->containers[s->n_containers] = *c;
	s->containers[s->n_containers].id = strdup(c->id);
	s->containers[s->n_containers++].name = strdup(c->name);
}

static inline void shelve_address(void *arg, const struct store_address *a)
{
	struct shelf *s = arg;

	s->addresses[s->n_addresses++] = *a;
}

/* The store gives containers by their key. */
static inline int shelf_cmp(const void *a, const void *b)
{
	const struct store_container *x = a, *y = b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

/* Store everything and go on with a new ledger that took it up. */
static inline void restart(struct shelf *s, bool same_boot)
{
	memset(s, 0, sizeof(*s));
	ledger_each_changed(ledger, shelve_container, shelve_address, s);
	qsort(s->containers, s->n_containers, sizeof(s->containers[0]), shelf_cmp);
	ledger_get_meta(ledger, &s->meta);
	ledger_free(ledger);
	ledger = ledger_new();
	later();
	ledger_restore_begin(ledger, &s->meta, same_boot, now);
	for (size_t i = 0; i < s->n_containers; i++) {
		ledger_restore_container(ledger, &s->containers[i]);
		free((char *)s->containers[i].id);
		free((char *)s->containers[i].name);
	}
	for (size_t i = 0; i < s->n_addresses; i++)
		ledger_restore_address(ledger, &s->addresses[i]);
	ledger_restore_end(ledger);
}

#endif
