/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for a terminal: see display.h. The owners of containers choose their names, so no octet of a
 * name may act as a terminal command. */
#include "base/display.h"

#include "base/plain.h"
#include "base/xalloc.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* The character at text: *ret_len octets, *ret_width columns. False: do not print it. */
static bool next_char(const char *text, mbstate_t *state, size_t *ret_len, size_t *ret_width)
{
	wchar_t c;
	size_t n = mbrtowc(&c, text, strlen(text), state);
	int width;

	if (n == (size_t)-1 || n == (size_t)-2 || n == 0) {
		memset(state, 0, sizeof(*state));
		*ret_len = 1;
		return false;
	}
	*ret_len = n;
	width = wcwidth(c);
	if (width < 0 || !plain_shows((uint32_t)c))
		return false;
	*ret_width = (size_t)width;
	return true;
}

char *display_clean(const char *text)
{
	char *clean = xmalloc(strlen(text) + 1), *to = clean;
	mbstate_t state;
	size_t len, width;

	memset(&state, 0, sizeof(state));
	for (; *text; text += len) {
		if (next_char(text, &state, &len, &width)) {
			memcpy(to, text, len);
			to += len;
		} else {
			*to++ = '?';
		}
	}
	*to = '\0';
	return clean;
}

/* The width of as much of `text` as fits into max_width columns; *ret_len is its octets. */
static size_t fit(const char *text, size_t max_width, size_t *ret_len)
{
	const char *at = text;
	size_t total = 0, len, width;
	mbstate_t state;

	memset(&state, 0, sizeof(state));
	for (; *at; at += len) {
		if (!next_char(at, &state, &len, &width))
			width = 1;
		if (total + width > max_width)
			break;
		total += width;
	}
	*ret_len = (size_t)(at - text);
	return total;
}

size_t display_width(const char *text)
{
	size_t len;

	return fit(text, SIZE_MAX, &len);
}

char *display_cut(const char *text, size_t max_width)
{
	char *clean = display_clean(text), *cut;
	size_t len;

	if (display_width(clean) <= max_width)
		return clean;
	fit(clean, max_width > 3 ? max_width - 3 : 0, &len);
	cut = xasprintf("%.*s%.*s", (int)len, clean, (int)(max_width < 3 ? max_width : 3), "...");
	free(clean);
	return cut;
}

/* Three digits and a unit. Thousandths of the unit have at least one digit more than is shown, so
 * rounding them half up rounds the number itself. */
static void scale(uint64_t n, char *buf, const char *const *units)
{
	uint64_t step = 1; /* a thousandth of the unit */
	unsigned q;

	if (n < 1000) {
		snprintf(buf, DISPLAY_NUMBER_SIZE, "%u%s", (unsigned)n, units[0]);
		return;
	}
	for (units++; n / step >= 999500; units++)
		step *= 1000;
	q = (unsigned)(n / step);
	if (q < 9995)
		snprintf(buf, DISPLAY_NUMBER_SIZE, "%u.%02u%s", (q + 5) / 1000, (q + 5) / 10 % 100,
			 *units);
	else if (q < 99950)
		snprintf(buf, DISPLAY_NUMBER_SIZE, "%u.%u%s", (q + 50) / 1000, (q + 50) / 100 % 10,
			 *units);
	else
		snprintf(buf, DISPLAY_NUMBER_SIZE, "%u%s", (q + 500) / 1000, *units);
}

const char *display_octets(uint64_t octets, char buf[DISPLAY_NUMBER_SIZE])
{
	static const char *const units[] = { "  B", " kB", " MB", " GB", " TB", " PB", " EB" };

	scale(octets, buf, units);
	return buf;
}

const char *display_count(uint64_t count, char buf[DISPLAY_NUMBER_SIZE])
{
	static const char *const units[] = { "  ", " k", " M", " G", " T", " P", " E" };

	scale(count, buf, units);
	return buf;
}

const char *display_exact(uint64_t n, char buf[DISPLAY_NUMBER_SIZE])
{
	snprintf(buf, DISPLAY_NUMBER_SIZE, "%" PRIu64, n);
	return buf;
}

const char *display_duration(uint64_t seconds, char buf[DISPLAY_NUMBER_SIZE * 2])
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(units) && seconds < units[i].seconds)
		i++;
	if (i + 1 == ARRAY_LEN(units))
		snprintf(buf, DISPLAY_NUMBER_SIZE * 2, "%" PRIu64 " s", seconds);
	else
		snprintf(buf, DISPLAY_NUMBER_SIZE * 2, "%" PRIu64 " %s %" PRIu64 " %s",
			 seconds / units[i].seconds, units[i].name,
			 seconds % units[i].seconds / units[i + 1].seconds, units[i + 1].name);
	return buf;
}
