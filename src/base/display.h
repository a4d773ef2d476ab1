/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DISPLAY_H
#define CTM_DISPLAY_H

#include <stddef.h>
#include <stdint.h>

/* Text for a terminal. Widths are columns as wcwidth(3) counts them in the locale that the
 * program has set. */

/* A copy of `text` that is safe to print: '?' replaces control characters, octets that the locale
 * cannot decode or print, and marks that change the writing direction. For free(). */
char *display_clean(const char *text);

/* The width, in columns, of a text that display_clean made. */
size_t display_width(const char *text);

/* display_clean, cut to max_width columns; "..." marks the cut. For free(). */
char *display_cut(const char *text, size_t max_width);

#define DISPLAY_NUMBER_SIZE 24

/* "0  B", "999  B", "1.00 kB", "12.3 MB", "18.4 EB": three digits, units of 1000, rounded to the
 * nearest. The unit is always two columns wide, so that right-aligned numbers line up.
 * Returns buf. */
const char *display_octets(uint64_t octets, char buf[DISPLAY_NUMBER_SIZE]);
/* The same without "B", for packets: "999", "1.00 k". */
const char *display_count(uint64_t count, char buf[DISPLAY_NUMBER_SIZE]);
/* All digits. */
const char *display_exact(uint64_t n, char buf[DISPLAY_NUMBER_SIZE]);

/* "42 s", "3 min 5 s", "2 h 10 min", "12 d 3 h". Returns buf. */
const char *display_duration(uint64_t seconds, char buf[DISPLAY_NUMBER_SIZE * 2]);

#endif
