/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/join.h"

#include "base/xalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void join_text(char *text, size_t size, const char *between, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	if (len)
		snprintf(text + len, size - len, "%s", between);
	len += strlen(text + len);
	va_start(ap, fmt);
	vsnprintf(text + len, size - len, fmt, ap);
	va_end(ap);
}

void join_heap(char **list, const char *between, const char *fmt, ...)
{
	char *item, *longer;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&item, fmt, ap) < 0)
		xalloc_die();
	va_end(ap);
	if (*list && **list) {
		longer = xasprintf("%s%s%s", *list, between, item);
		free(item);
	} else {
		longer = item;
	}
	free(*list);
	*list = longer;
}
