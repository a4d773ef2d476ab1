/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NEWFILE_H
#define CTM_NEWFILE_H

#include "base/err.h"

#include <stddef.h>

/* Files that are written whole or not at all: under a temporary name beside the old one, which they
 * then replace. Their mode is what the umask leaves of 0666. No link is followed within the
 * directory. */

/* Open a directory to write files in. Returns a descriptor for close(2), or -errno with e saying
 * what to do. */
int newfile_open_dir(const char *path, struct err *e);

/* Write the file `name`, which has no slash, in the directory dir_fd; dir_path is for messages.
 * Returns 0, or -errno with e saying what to do; what was there before is then still there. */
int newfile_put(int dir_fd, const char *dir_path, const char *name, const char *text, size_t len,
		struct err *e);

/* The same by a path. What is no file, such as a pipe or a terminal, is not replaced but written
 * to. A link to a file is refused: to replace what it leads to would go round the kernel's own rule
 * for links that other users made (protected_symlinks). */
int newfile_put_path(const char *path, const char *text, size_t len, struct err *e);

/* A file name for any text, and for no two texts the same: every octet but letters, digits, '-',
 * '_' and '.' is written as %2F and the like, and so is a '.' at the beginning. For free(). */
char *newfile_name(const char *text);

#endif
