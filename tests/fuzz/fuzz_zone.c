/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of the time zone database: what is taken gives a day for every moment. */
#include "base/zone.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy = fuzz_octets(data, len);
	struct zone *z = NULL;

	if (zone_parse("fuzzed", copy, len, &z) == 0)
		for (int64_t t = -100000000000; t < 100000000000; t += 7777777777)
			zone_day_begin(z, zone_day_of(z, t));
	zone_free(z);
	free(copy);
	return 0;
}
