/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_ADDRS_H
#define CTM_TESTS_ADDRS_H

#include "base/addr.h"
#include "base/xalloc.h"
#include "seed.h"

#include <check.h>
#include <string.h>

static inline struct addr addr_of(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_parse(text, &a) == 0, "%s is no address", text);
	return a;
}

static inline int addr_qsort_cmp(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

/* Up to n sorted, distinct random addresses; `spread` is how many of the low bits vary. */
static inline struct addr *random_addrs(enum addr_family family, size_t n, unsigned spread,
					uint64_t *seed, size_t *ret_n)
{
	struct addr *addrs = xcalloc(n, sizeof(*addrs));
	size_t octets = addr_octets(family), kept = 0;

	for (size_t i = 0; i < n; i++) {
		addrs[i] = addr_of(family == ADDR_V4 ? "10.0.0.0" : "2001:db8::");
		for (unsigned bit = 0; bit < spread; bit++)
			if (next_random(seed) & 1)
				addrs[i].bytes[octets - 1 - bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	qsort(addrs, n, sizeof(*addrs), addr_qsort_cmp);
	for (size_t i = 0; i < n; i++)
		if (!kept || addr_cmp(&addrs[kept - 1], &addrs[i]))
			addrs[kept++] = addrs[i];
	*ret_n = kept;
	return addrs;
}

#endif
