/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_LOAD_H
#define CTM_STORE_LOAD_H

#include "store/store.h"

#include <sqlite3.h>

/* store_load from an open database. For store.c only. -EUCLEAN: a row holds a value that the store
 * never writes. */
int store_load_from(sqlite3 *db, const char *path, struct store_meta *ret_meta,
		    store_container_fn *container, store_address_fn *address, void *arg,
		    struct err *e);

/* store_find in the same way. */
int store_find_in(sqlite3 *db, const char *path, const struct store_key *keys, size_t n,
		  store_container_fn *container, store_address_fn *address, void *arg,
		  struct err *e);

#endif
