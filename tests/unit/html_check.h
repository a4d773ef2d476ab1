/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_HTML_CHECK_H
#define CTM_TESTS_HTML_CHECK_H

#include "base/plain.h"

#include <check.h>
#include <stdbool.h>
#include <string.h>

/* Is a page well-formed? Every tag is closed in its order, attributes are quoted, a '&' begins an
 * entity that we write, and all of it is UTF-8. What browsers would forgive is an error. */

#define HTML_DEPTH 32

static inline void html_check_entity(const char *at)
{
	static const char *const known[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&#160;" };
	bool found = false;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		found = found || !strncmp(at, known[i], strlen(known[i]));
	ck_assert_msg(found, "no entity: %.20s", at);
}

/* The end of the tag at `at`, behind its '>'. */
static inline const char *html_check_attributes(const char *at)
{
	bool quoted = false;

	for (; *at && (quoted || *at != '>'); at++) {
		ck_assert_msg(!quoted || *at != '<', "'<' in a value: %.40s", at);
		if (*at == '=' && !quoted)
			ck_assert_msg(at[1] == '"', "not quoted: %.40s", at);
		if (*at == '"')
			quoted = !quoted;
		if (*at == '&')
			html_check_entity(at);
	}
	ck_assert_msg(*at == '>', "a tag does not end");
	return at + 1;
}

static inline void html_check_utf8(const char *text)
{
	uint32_t code;

	for (size_t len; *text; text += len) {
		len = plain_next(text, &code);
		ck_assert_msg(len > 0, "not UTF-8: %.10s", text);
	}
}

static inline void html_check(const char *text)
{
	const char *open[HTML_DEPTH], *end;
	size_t depth = 0, lens[HTML_DEPTH];

	html_check_utf8(text);
	for (const char *at = text; *at; at = end) {
		end = at + 1;
		if (*at == '&')
			html_check_entity(at);
		if (*at != '<' || at[1] == '!')
			continue;
		end = html_check_attributes(at);
		if (at[1] == '/') {
			ck_assert_msg(depth > 0, "nothing to close: %.20s", at);
			depth--;
			ck_assert_msg(!strncmp(at + 2, open[depth], lens[depth]) &&
					      at[2 + lens[depth]] == '>',
				      "%.20s closes %.20s", at, open[depth]);
		} else if (end[-2] != '/') {
			ck_assert_uint_lt(depth, HTML_DEPTH);
			open[depth] = at + 1;
			lens[depth++] = strcspn(at + 1, " >\n");
		}
	}
	ck_assert_msg(depth == 0, "not closed: %.20s", depth ? open[depth - 1] : "");
}

#endif
