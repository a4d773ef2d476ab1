/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_FILE_H
#define CTM_INV_FILE_H

#include "base/err.h"
#include "inventory/inv.h"

#include <stddef.h>

/* The line format of `file:` and `command:` sources, as a push parser (new, feed, finish):
 *
 *   CTID [ADDRESS[/MASK]...] [name=HOSTNAME] [state=running|stopped] [link=IFNAME] [pid=PID]
 *        [quota=SIZE] [quota-counts=in|out|both|larger]   # comment
 *
 * link= names the node's interface that leads to the line's addresses, pid= a process in the
 * container's network, where more addresses may be found.
 * Words are separated by blanks. A word, or the value after its '=', may be in double quotes, in
 * which \" and \\ mean " and \. A '#' that begins a word begins a comment. A CR before the LF is
 * dropped, with one complaint. Any other blank character outside quotes (a no-break space, a
 * form feed) is an error: two words would silently become one.
 * 1. A line that cannot be read is left out whole, with a complaint that has its number. So is a
 *    line with an address in place of the id and no other address: the id was forgotten. The
 *    part refuses an unusable address or id by itself. The other lines stand.
 * 2. An answer that cannot be complete fails at the end: an empty one, as a broken pipeline
 *    gives (a comment line stands for an empty list); one whose last line has no newline (cut
 *    off); or one in which no line could be read. */

#define INV_FILE_LINE_MAX 65536 /* octets of a line */

struct inv_file;

/* A parser that fills `part` (borrowed). */
struct inv_file *inv_file_new(struct inv_part *part);
void inv_file_free(struct inv_file *f);

/* Feed the next octets; they may end anywhere in a line. */
void inv_file_feed(struct inv_file *f, const char *data, size_t len);

/* The input has ended. Returns 0, or with e filled -ENODATA (empty, or no line readable) or
 * -EPIPE (cut off): the part is then not a complete answer. */
int inv_file_finish(struct inv_file *f, struct err *e);

/* new, feed, finish and free in one. */
int inv_file_parse(struct inv_part *part, const char *data, size_t len, struct err *e);

#endif
