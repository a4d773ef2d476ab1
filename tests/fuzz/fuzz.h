/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FUZZ_H
#define CTM_FUZZ_H

#include "base/log.h"
#include "base/xalloc.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the fuzz targets share. A target is one file fuzz_NAME.c with LLVMFuzzerTestOneInput
 * (https://llvm.org/docs/LibFuzzer.html): it hands the octets to one parser and holds the result
 * against what must be true of it, whatever the octets were. It keeps nothing from one call to the
 * next that could change a result. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A property, in builds without assertions too. */
#define REQUIRE(condition)                                                                      \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

static inline void fuzz_no_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	REQUIRE(text != NULL);
}

/* What the modules say of each input is not shown; that they can say it is part of the test. */
static inline void fuzz_quiet(void)
{
	log_set_level(LOG_LEVEL_DEBUG);
	log_set_sink(fuzz_no_log, NULL);
}

/* A target with more to prepare defines FUZZ_INITIALIZE first, and this function itself. */
#ifndef FUZZ_INITIALIZE
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}
#endif

/* Copies that end where the input does, so that a look behind them is found: octets, and a string
 * (which ends at the first NUL). For free(). */
static inline uint8_t *fuzz_octets(const uint8_t *data, size_t len)
{
	uint8_t *copy = xmalloc(len ? len : 1);

	if (len)
		memcpy(copy, data, len);
	return copy;
}

static inline char *fuzz_text(const uint8_t *data, size_t len)
{
	char *text = xmalloc(len + 1);

	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	return text;
}

/* The first octet of an input, which chooses among variants; 0 when there is none. */
static inline uint8_t fuzz_choice(const uint8_t **data, size_t *len)
{
	if (!*len)
		return 0;
	(*len)--;
	return *(*data)++;
}

/* Can it be stored and shown: valid UTF-8 (RFC 3629) without control characters (C0, DEL, C1)? */
static inline bool fuzz_is_clean(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;

	while (*p) {
		uint32_t c = *p++, more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

		if ((c >= 0x80 && c < 0xc2) || c > 0xf4)
			return false;
		c &= more ? 0x3fu >> more : 0x7fu;
		for (uint32_t i = 0; i < more; i++, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			c = c << 6 | (*p & 0x3f);
		}
		if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c < 0x20 ||
		    (c >= 0x7f && c < 0xa0))
			return false;
	}
	return true;
}

#endif
