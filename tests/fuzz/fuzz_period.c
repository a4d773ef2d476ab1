/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moments and periods as an operator writes them; addresses with their masks. */
#define FUZZ_INITIALIZE /* its own */
#include "base/addr.h"
#include "base/period.h"
#include "fuzz.h"

#define NOW_S 1790000000

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	setenv("TZ", "Europe/Berlin", 1);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *since = fuzz_text(data, len), *until = strchr(since, '\n');
	struct period p = { .since_s = -1 };
	struct err e = { "" };
	struct addr a;
	int64_t at;
	bool network;

	if (until)
		*until++ = '\0';
	if (addr_parse_masked(since, &a, &network) == 0)
		REQUIRE(a.family < ADDR_FAMILIES);
	if (period_parse(since, NOW_S, &at) == 0)
		REQUIRE(period_next_day(at) > at);
	if (period_resolve(since, until, NOW_S, &p, &e) == 0)
		REQUIRE(p.since_s < p.until_s && p.since_s % PERIOD_5MIN_S == 0);
	else
		REQUIRE(*e.text && p.since_s == -1);
	free(since);
	return 0;
}
