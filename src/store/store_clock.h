/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_CLOCK_H
#define CTM_STORE_CLOCK_H

#include "store/store.h"

/* What the store does when the clock is set (wallclock.h). For store*.c only. */

/* Call within a transaction, before anything is put: read the state of the clock and take these
 * steps, each once. A failure is remembered. */
void store_take_steps(struct store *s, const struct wallclock_step *steps, size_t n);

/* Put the clock of this checkpoint into meta; take one key of meta into `clock`. */
void store_put_clock(struct store *s, const struct wallclock *clock);
void store_load_clock(struct wallclock *clock, const char *key, int64_t value);

#endif
