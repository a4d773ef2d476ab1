/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logs and CSVs of what was counted before. */
#define FUZZ_INITIALIZE /* its own */
#include "cli/import.h"
#include "fuzz.h"

#define NOW_S 1796000000

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	setenv("TZ", "Europe/Berlin", 1);
	return 0;
}

static void take_all(char *text, bool utc)
{
	struct import *p = import_new(utc, NOW_S);
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct import_line l = { .octets = 0 };
		struct err e = { "" };
		int rc = import_take(p, line, &l, &e);

		REQUIRE(rc == 0 || rc == 1 || *e.text);
		if (rc != 1)
			continue;
		REQUIRE(l.octets && l.octets <= INT64_MAX && l.measured_s <= NOW_S);
		REQUIRE(l.addr.family < ADDR_FAMILIES && l.address < import_addresses(p));
	}
	import_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = fuzz_text(data, len);

	take_all(text, len & 1);
	free(text);
	return 0;
}
