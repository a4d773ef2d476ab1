/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a child gathered of LXC, Proxmox VE and systemd-nspawn; octet 0 chooses. */
#include "fuzz_inv.h"
#include "inventory/gather.h"
#include "inventory/inv_lxc.h"
#include "inventory/inv_nspawn.h"
#include "inventory/inv_pve.h"

static int parse(struct inv_part *part, uint8_t which, const char *text, size_t len, struct err *e)
{
	switch (which) {
	case 'p':
		return inv_pve(part, text, len, e);
	case 'n':
		return inv_nspawn(part, text, len, e);
	default:
		return inv_lxc(part, text, len, e);
	}
}

/* The whole input as the one file of a container, which needs no luck with records. */
static void parse_file(uint8_t which, const char *text, size_t len)
{
	const char *word = which == 'p' ? "lxc" : which == 'n' ? "machine" : "config";
	char head[64];
	int n = snprintf(head, sizeof(head), "%s %zu 100\n", word, len);
	char *record = malloc((size_t)n + len + 1);
	struct inv_part *part = inv_part_new("fuzz", NULL);
	struct err e = { "" };

	REQUIRE(record);
	memcpy(record, head, (size_t)n);
	memcpy(record + n, text, len);
	record[(size_t)n + len] = '\n';
	REQUIRE(parse(part, which, record, (size_t)n + len + 1, &e) == 0);
	REQUIRE(inv_part_containers(part) <= 1);
	fuzz_inv_check(part);
	inv_part_free(part);
	free(record);
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
	parse_file(which, text, len);
	free(text);
	return 0;
}
