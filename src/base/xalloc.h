/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XALLOC_H
#define CTM_XALLOC_H

#include <stddef.h>
#include <stdio.h>

/* Memory, or the end: out of memory is fatal (one line on stderr, abort), so no caller checks.
 * Everything returned is released with free(). */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
/* n * size octets, overflow checked; ptr may be NULL. */
void *xreallocarray(void *ptr, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* open_memstream(3): *ret_text and *ret_len are right once it is closed. */
FILE *xopen_memstream(char **ret_text, size_t *ret_len);

/* Make room for one more element in a growing array: returns the (moved) array.
 * n is the number used, *cap the number allocated (in/out). */
void *xgrow(void *array, size_t n, size_t *cap, size_t size);

/* For who gets memory elsewhere: that end. */
void xalloc_die(void) __attribute__((noreturn));

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
