/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's look into snmpd.conf. */
#include "doctor/snmpd_conf.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const contexts[] = { "", "containers" };
	char *text = fuzz_text(data, len);

	for (size_t i = 0; i < ARRAY_LEN(contexts); i++) {
		bool ipv6 = false;
		char *community = snmpd_conf_community(text, contexts[i], &ipv6);

		REQUIRE(!community || strstr(text, community));
		free(community);
	}
	free(text);
	return 0;
}
