/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A legacy table as GET_ENTRIES gives it: family, hooks and size first, then the entries. */
#include "fuzz.h"
#include "netfilter/iptables/xt_judge.h"

#define HEAD (1 + 2 * XT_HOOKS * 4)

static void check_layout(const struct xt_layout *l, const struct xt_raw *raw)
{
	REQUIRE(l->digest == xt_digest(raw) && l->size == raw->size);
	for (size_t i = 0; i < l->n_rows; i++) {
		REQUIRE(!i || addr_cmp(&l->rows[i - 1].addr, &l->rows[i].addr) < 0);
		for (size_t p = 0; p < PATHS; p++)
			REQUIRE(l->places[i][p].at + sizeof(struct xt_counters) <= raw->size);
	}
	for (size_t i = 0; i < l->n_canaries; i++)
		REQUIRE(l->canaries[i].at + sizeof(struct xt_counters) <= raw->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct xt_raw raw = { .valid_hooks = (1u << XT_HOOKS) - 1 };
	struct xt_layout layout;
	uint8_t *room;
	bool zero;

	if (len < HEAD)
		return 0;
	raw.family = data[0] % ADDR_FAMILIES;
	memcpy(raw.hook_entry, data + 1, sizeof(raw.hook_entry));
	memcpy(raw.underflow, data + 1 + sizeof(raw.hook_entry), sizeof(raw.underflow));
	/* As much room as the entries need and no more: a look behind them is found. */
	raw.size = (uint32_t)(len - HEAD);
	room = xmalloc(XT_RAW_HEAD + raw.size);
	raw.blob = room + XT_RAW_HEAD;
	memcpy(raw.blob, data + HEAD, raw.size);
	for (struct xt_entry e = xt_entry_first(&raw); e.at; e = xt_entry_next(&raw, &e))
		raw.n_entries++;
	xt_layout_parse(&raw, &layout);
	check_layout(&layout, &raw);
	xt_canaries_read(&layout, &raw, &zero);
	xt_counters_read(&layout, &raw, &zero);
	xt_intact_read(&layout, &raw);
	xt_judge(&layout, raw.family);
	xt_layout_clear(&layout);
	free(room);
	return 0;
}
