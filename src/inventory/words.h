/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_WORDS_H
#define CTM_WORDS_H

#include "base/err.h"

/* Split a command from the configuration into words. No shell is involved. Words end at blanks and
 * tabs; "..." and '...' quote them, and in double quotes \" and \\ stand for the character itself.
 * The first word must be the absolute path of a program. Returns 0 and two arrays for free(), argv
 * ending with NULL, or -EINVAL with e filled. */
int words_split(const char *command, char **ret_words, char ***ret_argv, struct err *e);

#endif
