/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html.h"

#include "base/display.h"
#include "base/period.h"
#include "base/plain.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define NO_BREAK_SPACE "\xc2\xa0"

/* U+FDD0 to U+FDEF and the last two of each plane are no characters; XML forbids them too. */
static bool is_character(uint32_t code)
{
	return (code & 0xfffe) != 0xfffe && !(code >= 0xfdd0 && code <= 0xfdef);
}

static void put_character(const char *text, size_t len, FILE *out)
{
	switch (*text) {
	case '&':
		fputs("&amp;", out);
		break;
	case '<':
		fputs("&lt;", out);
		break;
	case '>':
		fputs("&gt;", out);
		break;
	case '"':
		fputs("&quot;", out);
		break;
	case '\'':
		fputs("&#39;", out);
		break;
	default:
		fwrite(text, 1, len, out);
	}
}

void html_put_text(const char *text, FILE *out)
{
	while (*text) {
		uint32_t code = 0;
		size_t len = plain_next(text, &code);

		if (len && plain_shows(code) && is_character(code))
			put_character(text, len, out);
		else
			fputs(REPLACEMENT, out);
		text += len ? len : 1;
	}
}

/* A number of display.h: its blanks, one or two, become one. */
static void put_number(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text != ' ')
			fputc(*text, out);
		else if (text[1] != ' ')
			fputs(NO_BREAK_SPACE, out);
	}
}

void html_put_octets(uint64_t octets, FILE *out)
{
	char buf[DISPLAY_NUMBER_SIZE];

	put_number(display_octets(octets, buf), out);
}

void html_put_rate(uint64_t bits_per_s, FILE *out)
{
	char buf[DISPLAY_NUMBER_SIZE];

	put_number(display_count(bits_per_s, buf), out);
	fputs("bit/s", out);
}

void html_put_time(int64_t t, const char *format, FILE *out)
{
	char buf[PERIOD_TEXT_SIZE];

	html_put_text(period_local(t, format, buf), out);
}
