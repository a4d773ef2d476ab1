/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_FILE_H
#define CTM_INV_FILE_H

#include "base/err.h"
#include "inventory/inv.h"

#include <stddef.h>

/* The line format of `file:` and `command:` sources, as a push parser (new, feed, finish):
 *
 *   CTID [ADDRESS[/MASK]...] [name=HOSTNAME] [state=running|stopped]     # comment
 *
 * Words are separated by blanks. A word, or what follows its '=', may stand in double quotes, in
 * which \" and \\ mean " and \. A '#' that begins a word begins a comment. A CR before the LF is
 * dropped, with one complaint. Any other blank outside quotes (a no-break space, a form feed) is an error:
 * it would make two words one, as nobody can see.
 * 1. A line that cannot be read is complained about with its number and left out whole; an
 *    address or id that cannot be used is refused by the part. The rest stands. So is a line that has an
 *    address for an id and none besides: its id was forgotten.
 * 2. What cannot be a whole answer fails at the end: nothing at all (a broken pipeline looks like
 *    that; an empty list is said with a comment line), a last line without its newline (cut off),
 *    or nothing but lines that cannot be read. */

#define INV_FILE_LINE_MAX 65536 /* octets of a line */

struct inv_file;

/* Fill `part` (borrowed). */
struct inv_file *inv_file_new(struct inv_part *part);
void inv_file_free(struct inv_file *f);

/* The next octets, lines cut anywhere. */
void inv_file_feed(struct inv_file *f, const char *data, size_t len);

/* That was all. Returns 0, or -ENODATA (nothing at all, nothing readable) or -EPIPE (cut off)
 * with e filled: the part is then not a whole answer. */
int inv_file_finish(struct inv_file *f, struct err *e);

/* new, feed, finish and free in one. */
int inv_file_parse(struct inv_part *part, const char *data, size_t len, struct err *e);

#endif
