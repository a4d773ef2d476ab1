/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ARENA_H
#define CTM_ARENA_H

#include <stddef.h>

/* Many small strings of one lifetime, packed side by side and freed together. All zeros: empty. */

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t left; /* octets free in the newest block */
};

/* A copy of text, valid until arena_free. */
char *arena_strdup(struct arena *a, const char *text);
void arena_free(struct arena *a);

#endif
