/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_MIN 256 /* each block is twice the size of the one before */
#define BLOCK_MAX (32 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t size;
	char text[];
};

static void add_block(struct arena *a, size_t at_least)
{
	size_t size = a->blocks ? a->blocks->size * 2 : BLOCK_MIN;
	struct arena_block *b;

	if (size > BLOCK_MAX)
		size = BLOCK_MAX;
	if (size < at_least)
		size = at_least;
	b = xmalloc(sizeof(*b) + size);
	b->next = a->blocks;
	b->size = a->left = size;
	a->blocks = b;
}

char *arena_strdup(struct arena *a, const char *text)
{
	size_t n = strlen(text) + 1;
	char *to;

	if (a->left < n)
		add_block(a, n);
	to = a->blocks->text + (a->blocks->size - a->left);
	a->left -= n;
	return memcpy(to, text, n);
}

void arena_free(struct arena *a)
{
	struct arena_block *b;

	while ((b = a->blocks)) {
		a->blocks = b->next;
		free(b);
	}
	a->left = 0;
}
