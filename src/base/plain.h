/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PLAIN_H
#define CTM_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Text that others chose, on its way to something that interprets it: a terminal, a log's reader, a
 * spreadsheet. UTF-8 whatever the locale is; for columns of a terminal see display.h. */

/* The character at text, which is not at its end: *ret_code its code point. Returns its octets, 0 when it is no
 * UTF-8 (RFC 3629). */
size_t plain_next(const char *text, uint32_t *ret_code);

/* Whether a character only shows itself: no control character (C0, DEL, C1), no line or paragraph separator
 * (U+2028, U+2029), and none of Unicode's bidirectional controls, which print nothing and reorder what stands
 * beside them (UAX 9, 2.). */
bool plain_shows(uint32_t code);

/* Make each octet of what plain_shows denies, or of what is no UTF-8, '?': in place, one for each character. */
void plain_clean(char *text);

/* JSON text as json_dumps makes it, with what plain_shows denies as \uXXXX: only strings hold such, so the
 * values are the same. Its own line ends stay. */
void plain_put_json(const char *json, FILE *out);

/* One cell of CSV with text in it (RFC 4180). What plain_shows denies is written \uXXXX, an octet that is no
 * UTF-8 \xXX. A spreadsheet would take a cell that begins with = + - @, or the wide forms of these, for a formula:
 * it gets an apostrophe before it, as one types it there for text. */
void plain_put_csv(const char *text, FILE *out);

#endif
