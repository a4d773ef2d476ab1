/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the Unicode Character Database: the general categories Zs, Zl, Zp and Cf, the property
 * Default_Ignorable_Code_Point, and the blocks of combining diacritical marks. (Vowel signs and
 * other marks that a script needs are not among them.) */
#include "inventory/inv_id.h"

#include "base/xalloc.h"

#include <stddef.h>

struct range {
	uint32_t first, last;
};

static const struct range odd_spaces[] = {
	{ 0x00a0, 0x00a0 }, { 0x1680, 0x1680 }, { 0x180e, 0x180e }, { 0x2000, 0x200b },
	{ 0x2028, 0x2029 }, { 0x202f, 0x202f }, { 0x205f, 0x2060 }, { 0x2800, 0x2800 },
	{ 0x3000, 0x3000 }, { 0xfeff, 0xfeff },
};

static const struct range hidden[] = {
	{ 0x00ad, 0x00ad },   { 0x0300, 0x036f },   { 0x061c, 0x061c },   { 0x070f, 0x070f },
	{ 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },   { 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff },   { 0x200c, 0x200f },   { 0x202a, 0x202e },   { 0x2061, 0x206f },
	{ 0x20d0, 0x20ff },   { 0x3164, 0x3164 },   { 0xfdd0, 0xfdef },   { 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0xfffe, 0xffff },
	{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
};

static bool is_in(const struct range *ranges, size_t n, uint32_t code)
{
	for (size_t i = 0; i < n; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

bool inv_is_odd_space(uint32_t code)
{
	return code >= 0x80 && is_in(odd_spaces, ARRAY_LEN(odd_spaces), code);
}

bool inv_is_hidden(uint32_t code)
{
	return code >= 0x80 &&
	       (is_in(odd_spaces, ARRAY_LEN(odd_spaces), code) ||
		is_in(hidden, ARRAY_LEN(hidden), code) || (code & 0xfffe) == 0xfffe);
}
