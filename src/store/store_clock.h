/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_CLOCK_H
#define CTM_STORE_CLOCK_H

#include "store/store.h"

/* What the store does when the clock was set (wallclock.h). For store*.c only. */

/* Within a transaction, before anything is put: how the clock is, and these steps of it. Each is taken
 * once. A failure is remembered. */
void store_take_steps(struct store *s, const struct wallclock_step *steps, size_t n);

/* The clock at this checkpoint, into meta; and a key of meta out of it. */
void store_put_clock(struct store *s, const struct wallclock *clock);
void store_load_clock(struct wallclock *clock, const char *key, int64_t value);

#endif
