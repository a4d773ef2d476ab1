/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_GATHER_H
#define CTM_GATHER_H

#include "inventory/inv.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What some runtimes know is in files, one or two for each container. A child with the rights to
 * read them collects them into one text, and who has no rights parses it.
 *
 * The text is a sequence of records:
 *
 *   WORD LENGTH NAME "\n" LENGTH octets "\n"
 *
 * WORD says what the octets are; NAME is a container's, or a file's. The word "bad" means that this
 * file could not be read, and its octets say why. */

/* ---- the child: system calls only ---- */

/* Exit status of a child: the place is not there. Any other is the errno of a system call. */
#define GATHER_NONE 200

/* Octets of a file at most; a larger one is bad. */
#define GATHER_FILE_MAX (256 << 10)

/* Call fn for each name in this directory but those that begin with a dot. Returns 0, GATHER_NONE
 * if there is no such directory, or the errno of a system call, or what fn returned if not 0. dir
 * is the open directory. */
typedef int gather_fn(int dir, const char *name, void *arg);
int gather_each(const char *path, gather_fn *fn, void *arg);

/* Print a record. Returns 0, or EPIPE if nobody reads. */
int gather_put(const char *word, const char *name, const char *octets, size_t len);
int gather_put_text(const char *word, const char *name, const char *text);

/* Print the regular file at path, in dir, as a record, or why it cannot be read. It must belong to
 * the directory's owner: whoever may write there could link to a file that only root may read. One
 * that is not there any more is no record. Returns 0 or EPIPE. */
int gather_file(int dir, const char *path, const char *word, const char *name);

/* ---- the reader ---- */

#define GATHER_LINE 4096

struct gather_record {
	char word[16], name[256];
	const char *text; /* len octets, borrowed; gather_line consumes them */
	size_t len;
};

/* Take the first record off a text. Returns 1; 0 at the end of the text; -EBADMSG if it is none. */
int gather_next(const char **text, size_t *len, struct gather_record *ret_record);

/* Take the first line off a record, without blanks at its ends. What is longer than GATHER_LINE is
 * cut. Returns whether there was one. */
bool gather_line(struct gather_record *r, char line[GATHER_LINE]);

/* Cut a line at its first `sep` into key and value, without blanks around them and without quotes
 * around the value. Returns whether it has one. */
bool gather_pair(char *line, char sep, const char **ret_key, const char **ret_value);

/* A process id, also as all of a record; 0: it is none. */
pid_t gather_pid(const char *text);
pid_t gather_pid_of(const struct gather_record *r);

/* What a record "run" says. */
enum inv_run gather_run_of(const struct gather_record *r);

/* A bad record: complain, and put the part in doubt. */
void gather_complain(struct inv_part *part, const struct gather_record *r);

#endif
