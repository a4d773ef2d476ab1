/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/words.h"

#include "base/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Take one word off *p and unquote it in place. Returns NULL when a quote is not closed. */
static char *take_word(char **p)
{
	char *from = *p, *word = from, *to = from;
	char quote = '\0';

	for (; *from && (quote || (*from != ' ' && *from != '\t')); from++) {
		if (quote == '"' && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
			*to++ = *++from;
		else if (quote && *from == quote)
			quote = '\0';
		else if (!quote && (*from == '"' || *from == '\''))
			quote = *from;
		else
			*to++ = *from;
	}
	*p = from + (*from != '\0');
	*to = '\0';
	return quote ? NULL : word;
}

int words_split(const char *command, char **ret_words, char ***ret_argv, struct err *e)
{
	char *copy = xstrdup(command), *words = copy, **argv = NULL;
	size_t n = 0, cap = 0;

	for (;;) {
		words += strspn(words, " \t");
		argv = xgrow(argv, n, &cap, sizeof(*argv));
		argv[n] = NULL;
		if (!*words)
			break;
		argv[n] = take_word(&words);
		if (!argv[n++]) {
			err_set(e, "a quote is not closed");
			goto bad;
		}
	}
	if (argv[0] && argv[0][0] == '/') {
		*ret_words = copy;
		*ret_argv = argv;
		return 0;
	}
	err_set(e, "must begin with the absolute path of a program: no shell searches PATH for it");
bad:
	free(argv);
	free(copy);
	return -EINVAL;
}
