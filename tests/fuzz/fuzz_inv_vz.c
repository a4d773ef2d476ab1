/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vzlist (JSON, columns and names), prlctl and /proc/vz/veinfo print; octet 0 chooses. */
#include "fuzz_inv.h"
#include "inventory/inv_vz.h"

static int parse(struct inv_part *part, uint8_t which, const char *text, size_t len, struct err *e)
{
	switch (which) {
	case 'i':
		return inv_vz_json(part, text, len, "ip", e);
	case 'j':
		return inv_vz_json(part, text, len, "configured_ip", e);
	case 'c':
		return inv_vz_columns(part, text, len, e);
	case 'n':
		return inv_vz_names(part, text, len, e);
	case 'm':
		return inv_vz_prlctl_names(part, text, len, e);
	case 'p':
		return inv_vz_prlctl(part, text, len, "ip_configured", e);
	case 'q':
		return inv_vz_prlctl(part, text, len, "ip", e);
	default:
		return inv_vz_veinfo(part, text, len, e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t which = fuzz_choice(&data, &len);
	struct inv_part *part = inv_part_new("fuzz", NULL);
	char *text = fuzz_text(data, len);
	struct err e = { "" };
	int ret = parse(part, which, text, len, &e);

	REQUIRE(ret == 0 || *e.text);
	if (ret == 0)
		fuzz_inv_check(part);
	inv_part_free(part);
	free(text);
	return 0;
}
