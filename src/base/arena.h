/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ARENA_H
#define CTM_ARENA_H

#include <stddef.h>

/* Many small strings with one life: packed side by side, freed together. All zero is empty. */

struct arena_block;

struct arena {
	struct arena_block *blocks; /* the newest first */
	size_t left; /* octets free in the newest */
};

/* A copy of text, good until arena_free. */
char *arena_strdup(struct arena *a, const char *text);
void arena_free(struct arena *a);

#endif
