/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of `file:` and `command:` sources: the first octet says where the text is cut into
 * pieces, which must not change what is understood. */
#include "fuzz_inv.h"
#include "inventory/inv_file.h"

static int in_pieces(struct inv_part *part, const uint8_t *data, size_t len, size_t piece)
{
	struct inv_file *f = inv_file_new(part);
	int ret;

	while (len) {
		size_t n = len < piece ? len : piece;
		uint8_t *copy = fuzz_octets(data, n);

		inv_file_feed(f, (const char *)copy, n);
		free(copy);
		data += n;
		len -= n;
	}
	ret = inv_file_finish(f, NULL);
	inv_file_free(f);
	return ret;
}

static bool is_same(const struct inventory *a, const struct inventory *b)
{
	if (a->complete != b->complete || a->doubtful != b->doubtful ||
	    a->n_containers != b->n_containers || a->n_addresses != b->n_addresses)
		return false;
	for (size_t i = 0; i < a->n_containers; i++) {
		const struct inv_container *x = &a->containers[i], *y = &b->containers[i];

		if (strcmp(x->id, y->id) || strcmp(x->name, y->name) || x->run != y->run)
			return false;
	}
	for (size_t i = 0; i < a->n_addresses; i++) {
		const struct inv_address *x = &a->addresses[i], *y = &b->addresses[i];

		if (addr_cmp(&x->addr, &y->addr) || x->container != y->container ||
		    x->conflict != y->conflict || !x->link != !y->link ||
		    (x->link && strcmp(x->link, y->link)))
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t piece = 1 + fuzz_choice(&data, &len) % 64;
	struct inv_part *whole = inv_part_new("fuzz", NULL), *cut = inv_part_new("fuzz", NULL);
	uint8_t *copy = fuzz_octets(data, len);
	struct inventory *a, *b;
	struct err e = { "" };
	int ret = inv_file_parse(whole, (const char *)copy, len, &e);

	REQUIRE(ret == 0 || *e.text);
	REQUIRE(in_pieces(cut, data, len, piece) == ret);
	a = inv_merge(&whole, 1, FUZZ_INV_ROWS, NULL);
	b = inv_merge(&cut, 1, FUZZ_INV_ROWS, NULL);
	REQUIRE(is_same(a, b));
	fuzz_inv_check(whole);
	inv_free(a);
	inv_free(b);
	inv_part_free(whole);
	inv_part_free(cut);
	free(copy);
	return 0;
}
