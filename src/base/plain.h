/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PLAIN_H
#define CTM_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Makes foreign text safe for programs that interpret it: a terminal, a log reader, a spreadsheet.
 * The text is UTF-8 whatever the locale; for columns of a terminal see display.h. */

/* Decode the character at text, which must not be empty, into *ret_code. Returns its length in
 * octets, or 0 when it is not UTF-8 (RFC 3629). */
size_t plain_next(const char *text, uint32_t *ret_code);

/* Is the character plain? False for control characters (C0, DEL, C1), the line and paragraph
 * separators (U+2028, U+2029) and Unicode's bidirectional controls, which print nothing and reorder
 * the text beside them (UAX 9, section 2). */
bool plain_shows(uint32_t code);

/* Replace each character that is not plain, and each octet that is not UTF-8, by '?'; in place. */
void plain_clean(char *text);

/* Print JSON text as json_dumps makes it, with \uXXXX for characters that are not plain. They occur
 * only in strings, so the values do not change. Line ends between the values stay. */
void plain_put_json(const char *json, FILE *out);

/* Print one CSV cell of text (RFC 4180). A character that is not plain becomes \uXXXX, an octet
 * that is not UTF-8 \xXX. A spreadsheet takes a cell that begins with = + - @, or a full-width form
 * of these, for a formula; an apostrophe before it marks it as text. */
void plain_put_csv(const char *text, FILE *out);

#endif
