/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FUZZ_INV_H
#define CTM_FUZZ_INV_H

#include "base/ifname.h"
#include "base/plain.h"
#include "fuzz.h"
#include "inventory/inv.h"
#include "inventory/inv_id.h"

/* What is true of every inventory, wherever it came from (inv.h, 1 and 2). */

#define FUZZ_INV_ROWS 50

static inline bool fuzz_inv_has_hidden(const char *text)
{
	uint32_t code;

	for (size_t len; *text; text += len ? len : 1) {
		len = plain_next(text, &code);
		if (len && inv_is_hidden(code))
			return true;
	}
	return false;
}

static inline void fuzz_inv_check_containers(const struct inventory *inv)
{
	for (size_t i = 0; i < inv->n_containers; i++) {
		const struct inv_container *c = &inv->containers[i];

		REQUIRE(!fuzz_inv_has_hidden(c->id));
		REQUIRE(*c->id && strlen(c->id) <= 64);
		REQUIRE(fuzz_is_clean(c->id) && fuzz_is_clean(c->name));
		REQUIRE(c->run >= INV_RUN_UNKNOWN && c->run <= INV_RUN_GONE);
		REQUIRE(!i || inv_id_cmp(inv->containers[i - 1].id, c->id) < 0);
	}
}

static inline void fuzz_inv_check_addresses(const struct inventory *inv)
{
	for (size_t i = 0; i < inv->n_addresses; i++) {
		const struct inv_address *a = &inv->addresses[i];
		const struct inv_address *before = i ? a - 1 : NULL;
		char text[ADDR_TEXT_SIZE];
		struct addr again;
		int order;

		REQUIRE(a->container < inv->n_containers);
		REQUIRE(a->addr.family < ADDR_FAMILIES && !addr_refusal(&a->addr));
		REQUIRE(!a->link || ifname_is_valid(a->link, strlen(a->link)));
		REQUIRE(addr_parse(addr_format(&a->addr, text), &again) == 0);
		REQUIRE(addr_cmp(&a->addr, &again) == 0);
		if (!before)
			continue;
		order = addr_cmp(&before->addr, &a->addr);
		REQUIRE(order < 0 || (order == 0 && before->container < a->container));
		REQUIRE(order < 0 || (before->conflict && a->conflict));
	}
}

/* Merge a part with room for FUZZ_INV_ROWS addresses and with room for all, and check both. */
static inline void fuzz_inv_check(struct inv_part *part)
{
	static const size_t rooms[] = { FUZZ_INV_ROWS, 1000000 };

	for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
		struct inventory *inv;
		size_t refused = 0;

		inv = inv_merge(&part, 1, rooms[i], &refused);
		REQUIRE(inv->complete && inv->n_addresses <= rooms[i]);
		REQUIRE(inv->n_addresses + refused <= inv_part_addresses(part));
		REQUIRE(inv->n_containers <= inv_part_containers(part));
		fuzz_inv_check_containers(inv);
		fuzz_inv_check_addresses(inv);
		inv_free(inv);
	}
}

#endif
