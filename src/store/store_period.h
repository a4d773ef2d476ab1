/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_PERIOD_H
#define CTM_STORE_PERIOD_H

#include "store/store.h"

/* The billing period in `meta`. For store/ only. */

struct store;

/* Within a transaction. A failure is remembered. */
void store_put_period(struct store *s, const struct store_period *p);

/* Take a row of `meta`. Returns whether it was one of the period's. */
bool store_load_period(struct store_period *p, const char *key, int64_t value);

#endif
