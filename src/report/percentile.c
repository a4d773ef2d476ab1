/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 95th percentile of a stream: see percentile.h.
 * 1. heap[0..n) holds the highest samples so far, at most `keep`, the lowest of them at [0] (a
 *    binary heap: heap[i] <= heap[2i+1], heap[2i+2]). */
#include "report/percentile.h"

#include "base/xalloc.h"

#include <stdlib.h>

struct percentile {
	size_t keep; /* the samples dropped, and the one that counts */
	uint64_t *heap;
	size_t n, cap;
};

struct percentile *percentile_new(size_t n_samples)
{
	struct percentile *p = xcalloc(1, sizeof(*p));

	p->keep = n_samples / 20 + 1;
	return p;
}

void percentile_free(struct percentile *p)
{
	if (!p)
		return;
	free(p->heap);
	free(p);
}

static void sift_up(uint64_t *heap, size_t i, uint64_t sample)
{
	while (i > 0 && heap[(i - 1) / 2] > sample) {
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = sample;
}

static void sift_down(uint64_t *heap, size_t n, uint64_t sample)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && heap[child + 1] < heap[child])
			child++;
		if (heap[child] >= sample)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = sample;
}

void percentile_add(struct percentile *p, uint64_t sample)
{
	if (!sample)
		return;
	if (p->n < p->keep) {
		p->heap = xgrow(p->heap, p->n, &p->cap, sizeof(*p->heap));
		sift_up(p->heap, p->n++, sample);
	} else if (sample > p->heap[0]) {
		sift_down(p->heap, p->n, sample);
	}
}

uint64_t percentile_get(const struct percentile *p)
{
	return p->n < p->keep ? 0 : p->heap[0];
}
