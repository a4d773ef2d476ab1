/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_JOIN_H
#define CTM_JOIN_H

#include <stddef.h>

/* Lists in messages and commands: "a, b or c", "one && other". */

/* Append an item, formatted as by printf, to the list in text[size]; `between` precedes it unless
 * the list is "". A list that is too long is cut. */
void join_text(char *text, size_t size, const char *between, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The same for a list of any length. *list, NULL or "" at first, is replaced; for free(). */
void join_heap(char **list, const char *between, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
