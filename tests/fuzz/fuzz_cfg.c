/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file. */
#include "base/cfg.h"
#include "fuzz.h"
#include "inventory/source_kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = fuzz_text(data, len);
	struct cfg *cfg = NULL, *again = NULL;
	struct err e = { "" };
	int ret = cfg_parse(text, "fuzz.conf", source_check, &cfg, &e);

	REQUIRE(cfg_parse(text, "fuzz.conf", source_check, &again, NULL) == ret);
	if (ret < 0) {
		REQUIRE(!cfg && !again);
		REQUIRE(strstr(e.text, "fuzz.conf"));
	} else {
		REQUIRE(cfg->agentx.socket && cfg->agentx.context && cfg->ports.name);
		REQUIRE(cfg->inventory.n_sources >= 1 && cfg->inventory.max_rows >= 1);
		REQUIRE(cfg->inventory.interval_s >= 1 && cfg->ledger.checkpoint_s >= 1);
		REQUIRE(cfg->ledger.path[0] == '/' && cfg->control.socket[0] == '/');
		REQUIRE(!strcmp(cfg->netfilter.table, "mangle") ||
			!strcmp(cfg->netfilter.table, "filter"));
		char differs[256];

		/* The same text differs from itself in nothing. */
		cfg_hold_fixed(again, cfg, differs, sizeof(differs));
		REQUIRE(!*differs);
	}
	cfg_free(cfg);
	cfg_free(again);
	free(text);
	return 0;
}
