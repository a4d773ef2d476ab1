/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ship/pgcopy.h"

#include "base/xalloc.h"

#include <string.h>

#define EPOCH_S 946684800 /* 2000-01-01 00:00 UTC, PostgreSQL's */
#define FAMILY_IPV4 2 /* PostgreSQL's own numbers, whatever AF_INET6 is here (utils/inet.h) */
#define FAMILY_IPV6 3

static void put(struct pgcopy *c, const void *octets, size_t n)
{
	if (c->len + n > c->cap) {
		c->cap = 2 * c->cap + n + 4096;
		c->data = xreallocarray(c->data, c->cap, 1);
	}
	memcpy(c->data + c->len, octets, n);
	c->len += n;
}

/* The lowest n octets of a number, the highest of them first. */
static void put_number(struct pgcopy *c, uint64_t number, size_t n)
{
	uint8_t octets[8];

	for (size_t i = 0; i < n; i++)
		octets[i] = (uint8_t)(number >> 8 * (n - 1 - i));
	put(c, octets, n);
}

void pgcopy_begin(struct pgcopy *c)
{
	static const char signature[11] = "PGCOPY\n\377\r\n";

	c->len = c->rows = 0;
	put(c, signature, sizeof(signature)); /* with its NUL */
	put_number(c, 0, 4); /* flags */
	put_number(c, 0, 4); /* no extension of the header */
}

void pgcopy_row(struct pgcopy *c, unsigned columns)
{
	put_number(c, columns, 2);
	c->rows++;
}

void pgcopy_null(struct pgcopy *c)
{
	put_number(c, UINT32_MAX, 4);
}

void pgcopy_bigint(struct pgcopy *c, int64_t value)
{
	put_number(c, 8, 4);
	put_number(c, (uint64_t)value, 8);
}

void pgcopy_text(struct pgcopy *c, const char *text)
{
	size_t len = strlen(text);

	put_number(c, len, 4);
	put(c, text, len);
}

void pgcopy_time(struct pgcopy *c, int64_t unix_s)
{
	pgcopy_bigint(c, (unix_s - EPOCH_S) * 1000000);
}

void pgcopy_inet(struct pgcopy *c, const struct addr *a)
{
	size_t n = addr_octets(a->family);

	put_number(c, 4 + n, 4);
	put_number(c, a->family == ADDR_V4 ? FAMILY_IPV4 : FAMILY_IPV6, 1);
	put_number(c, 8 * n, 1);
	put_number(c, 0, 1); /* inet, not cidr */
	put_number(c, n, 1);
	put(c, a->bytes, n);
}

void pgcopy_end(struct pgcopy *c)
{
	put_number(c, UINT16_MAX, 2);
}
