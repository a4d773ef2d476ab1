/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XALLOC_H
#define CTM_XALLOC_H

#include <stddef.h>
#include <stdio.h>

/* Allocation that cannot fail: out of memory is fatal (one line on stderr, abort), so no caller
 * checks. Release results with free(). */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
/* n * size octets; overflow is checked. ptr may be NULL. */
void *xreallocarray(void *ptr, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* open_memstream(3): *ret_text and *ret_len are valid after fclose(3). */
FILE *xopen_memstream(char **ret_text, size_t *ret_len);

/* Make room for one more element in an array. Returns the array, which may have moved.
 * n is the number used, *cap the number allocated (in/out). */
void *xgrow(void *array, size_t n, size_t *cap, size_t size);

/* Abort as above; for callers that allocate by other means. */
void xalloc_die(void) __attribute__((noreturn));

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
