/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/xalloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void xalloc_die(void)
{
	fputs("error memory: out of memory\n", stderr);
	abort();
}

static void *or_die(void *p)
{
	if (!p)
		xalloc_die();
	return p;
}

void *xmalloc(size_t size)
{
	return or_die(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return or_die(calloc(n ? n : 1, size ? size : 1));
}

void *xreallocarray(void *ptr, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		return or_die(NULL);
	return or_die(realloc(ptr, n && size ? n * size : 1));
}

char *xstrdup(const char *s)
{
	return or_die(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return or_die(strndup(s, n));
}

char *xasprintf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return or_die(n < 0 ? NULL : text);
}

void *xgrow(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	/* The kernel moves a large array without copying it: unused room would cost more. */
	*cap = *cap < 16 ? 16 : *cap < 1024 ? *cap * 2 : *cap + *cap / 4;
	return xreallocarray(array, *cap, size);
}

FILE *xopen_memstream(char **ret_text, size_t *ret_len)
{
	FILE *f = open_memstream(ret_text, ret_len);

	if (!f)
		xalloc_die();
	return f;
}
