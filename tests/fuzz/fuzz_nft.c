/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `nft -j list ruleset` prints, as the doctor reads it. */
#include "doctor/doctor_nft.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = fuzz_text(data, len);
	struct nft_view *view = nft_view_new(text);
	const struct nft_drop *drops;
	const struct nft_flow *flows;
	size_t n;

	if (view) {
		n = nft_view_drops(view, -150, &drops);
		for (size_t i = 0; i < n; i++)
			REQUIRE(drops[i].family && drops[i].table && drops[i].chain &&
				drops[i].hook);
		n = nft_view_flows(view, &flows);
		for (size_t i = 0; i < n; i++)
			REQUIRE(flows[i].family && flows[i].table && flows[i].chain &&
				flows[i].flowtable);
		nft_view_compat_rules(view);
		nft_view_flowtables(view);
		nft_view_guards(view, ADDR_V4);
		nft_view_guards(view, ADDR_V6);
	}
	nft_view_free(view);
	free(text);
	return 0;
}
