/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/snmpd_conf.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8
#define LINE_MAX_OCTETS 1024

/* Split a line in place into words at white space; a word may be quoted. Returns their number. */
static int split(char *line, char *words[WORDS_MAX])
{
	int n = 0;

	while (n < WORDS_MAX) {
		char *end, quote = '\0';

		line += strspn(line, " \t\r");
		if (!*line || (!n && *line == '#'))
			break;
		if (*line == '"' || *line == '\'')
			quote = *line++;
		words[n++] = line;
		end = quote ? strchr(line, quote) : line + strcspn(line, " \t\r");
		if (!end || !*end)
			break;
		*end = '\0';
		line = end + 1;
	}
	return n;
}

/* Does the SOURCE of a com2sec line include this host's loopback address? */
static bool is_local(const char *source, bool ipv6)
{
	static const char *const v4[] = { "127.0.0.1", "127.0.0.0/8", "127.0.0.1/32", "0.0.0.0/0",
					  "127.0.0.0/255.0.0.0" };
	static const char *const v6[] = { "::1", "::1/128", "::/0" };

	if (!strcmp(source, "default") || !strcmp(source, "localhost"))
		return true;
	for (size_t i = 0; !ipv6 && i < ARRAY_LEN(v4); i++)
		if (!strcmp(source, v4[i]))
			return true;
	for (size_t i = 0; ipv6 && i < ARRAY_LEN(v6); i++)
		if (!strcmp(source, v6[i]))
			return true;
	return false;
}

/* com2sec[6] [-Cn CONTEXT] SECNAME SOURCE COMMUNITY. Returns the community; NULL: for another
 * context or another host. */
static const char *community_of(char *words[], int n, const char *context, bool ipv6)
{
	const char *its = "";
	int at = 1;

	if (n > 3 && !strcmp(words[1], "-Cn")) {
		its = words[2];
		at = 3;
	}
	if (n < at + 3 || strcmp(its, context) != 0 || !is_local(words[at + 1], ipv6))
		return NULL;
	return words[at + 2];
}

char *snmpd_conf_community(const char *text, const char *context, bool *ret_ipv6)
{
	char line[LINE_MAX_OCTETS], *words[WORDS_MAX], *found = NULL;

	while (*text && !(found && !*ret_ipv6)) {
		size_t len = strcspn(text, "\n");
		const char *community;
		bool ipv6;
		int n = 0;

		if (len < sizeof(line)) {
			memcpy(line, text, len);
			line[len] = '\0';
			n = split(line, words);
		}
		text += len + (text[len] == '\n');
		ipv6 = n && !strcmp(words[0], "com2sec6");
		if (!n || (!ipv6 && strcmp(words[0], "com2sec") != 0) || (found && ipv6))
			continue;
		community = community_of(words, n, context, ipv6);
		if (!community)
			continue;
		free(found);
		found = xstrdup(community);
		*ret_ipv6 = ipv6;
	}
	return found;
}
