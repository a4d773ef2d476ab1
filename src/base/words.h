/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_WORDS_H
#define CTM_WORDS_H

#include "base/err.h"

/* The words of a command as the configuration has it. No shell is between, so they are split here: at
 * blanks and tabs, with "..." and '...' to keep them; in double quotes \" and \\ are the character itself.
 * The first is the absolute path of a program. Returns 0 and two arrays for free(), argv ending with NULL,
 * or -EINVAL with e filled. */
int words_split(const char *command, char **ret_words, char ***ret_argv, struct err *e);

#endif
