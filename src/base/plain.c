/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/plain.h"

#include <string.h>

size_t plain_next(const char *text, uint32_t *ret_code)
{
	/* The least code point of each length: anything below is an overlong form. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)text;
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t code = len == 1 ? s[0] : s[0] & (0x7fu >> len);

	if (!len || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	*ret_code = code;
	return len;
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

static bool turns_direction(uint32_t c)
{
	return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

bool plain_shows(uint32_t code)
{
	return !is_control(code) && !turns_direction(code);
}

void plain_clean(char *text)
{
	char *to = text;

	while (*text) {
		uint32_t code = 0;
		size_t len = plain_next(text, &code);

		if (len && plain_shows(code)) {
			memmove(to, text, len);
			to += len;
		} else {
			*to++ = '?';
		}
		text += len ? len : 1;
	}
	*to = '\0';
}

void plain_put_json(const char *json, FILE *out)
{
	while (*json) {
		uint32_t code = 0;
		size_t len = plain_next(json, &code);

		if (len && !plain_shows(code) && code != '\n')
			fprintf(out, "\\u%04x", (unsigned)code);
		else
			fwrite(json, 1, len ? len : 1, out);
		json += len ? len : 1;
	}
}

/* --- CSV ----------------------------------------------------------------------------------- */

static bool begins_formula(uint32_t c)
{
	return c == '=' || c == '+' || c == '-' || c == '@' || c == 0xff1d || c == 0xff0b ||
	       c == 0xff0d || c == 0xff20;
}

void plain_put_csv(const char *text, FILE *out)
{
	bool quoted = text[strcspn(text, ",\"")] != '\0';
	uint32_t code = 0;

	if (quoted)
		fputc('"', out);
	if (*text && plain_next(text, &code) && begins_formula(code))
		fputc('\'', out);
	while (*text) {
		size_t len = plain_next(text, &code);

		if (!len)
			fprintf(out, "\\x%02x", (unsigned char)*text);
		else if (!plain_shows(code))
			fprintf(out, "\\u%04x", (unsigned)code);
		else
			fwrite(text, 1, len, out);
		if (*text == '"')
			fputc('"', out);
		text += len ? len : 1;
	}
	if (quoted)
		fputc('"', out);
}
