/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PERCENTILE_H
#define CTM_PERCENTILE_H

#include <stddef.h>
#include <stdint.h>

/* The 95th percentile as it is billed: of n samples the highest twentieth (rounded down) is
 * dropped, and the highest of the rest counts. Only that twentieth is kept in memory. */

struct percentile;

/* n_samples: how many there are in all; samples never added are 0. */
struct percentile *percentile_new(size_t n_samples);
void percentile_free(struct percentile *p);

void percentile_add(struct percentile *p, uint64_t sample);

uint64_t percentile_get(const struct percentile *p);

#endif
