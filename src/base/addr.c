/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

size_t addr_octets(enum addr_family family)
{
	return family == ADDR_V4 ? 4 : 16;
}

int addr_parse(const char *text, struct addr *ret_addr)
{
	struct addr a;

	memset(&a, 0, sizeof(a));
	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.family = ADDR_V4;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.family = ADDR_V6;
	else
		return -EINVAL;
	*ret_addr = a;
	return 0;
}

/* The prefix length of a mask, or -EINVAL when the mask is not contiguous or too long. */
static int mask_length(const char *mask, enum addr_family family)
{
	uint8_t dotted[4];
	uint32_t bits = 0;
	char *end;
	long len;

	if (family == ADDR_V4 && inet_pton(AF_INET, mask, dotted) == 1) {
		for (size_t i = 0; i < sizeof(dotted); i++)
			bits = bits << 8 | dotted[i];
		/* A mask is ones, then zeros: its complement plus one is a power of two. */
		if (~bits & (~bits + 1))
			return -EINVAL;
		return __builtin_popcount(bits);
	}
	if (*mask < '0' || *mask > '9')
		return -EINVAL;
	len = strtol(mask, &end, 10);
	return *end || len > (long)addr_octets(family) * 8 ? -EINVAL : (int)len;
}

static bool is_network(const struct addr *a, unsigned len)
{
	static const struct addr unspecified[] = {
		[ADDR_V4] = { .family = ADDR_V4 }, [ADDR_V6] = { .family = ADDR_V6 }
	};
	struct addr prefix = addr_prefix(a, len);

	return len + 1 < addr_octets(a->family) * 8 && !addr_cmp(a, &prefix) &&
	       addr_cmp(a, &unspecified[a->family]) != 0;
}

int addr_parse_masked(const char *text, struct addr *ret_addr, bool *ret_network)
{
	char host[ADDR_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	size_t text_len = slash ? (size_t)(slash - text) : strlen(text);
	int mask = 0;
	struct addr a;

	if (text_len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, text_len);
	host[text_len] = '\0';
	if (addr_parse(host, &a) < 0 || (slash && (mask = mask_length(slash + 1, a.family)) < 0))
		return -EINVAL;
	*ret_network = slash && is_network(&a, (unsigned)mask);
	if (a.family == ADDR_V6 && !memcmp(a.bytes, v4_mapped, sizeof(v4_mapped))) {
		memmove(a.bytes, a.bytes + 12, 4);
		memset(a.bytes + 4, 0, 12);
		a.family = ADDR_V4;
	}
	*ret_addr = a;
	return 0;
}

const char *addr_format(const struct addr *a, char buf[ADDR_TEXT_SIZE])
{
	inet_ntop(a->family == ADDR_V4 ? AF_INET : AF_INET6, a->bytes, buf, ADDR_TEXT_SIZE);
	return buf;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static const char *refusal_v4(const uint8_t *b)
{
	static const uint8_t ones[4] = { 255, 255, 255, 255 };

	if (b[0] == 0)
		return "unspecified";
	if (b[0] == 127)
		return "loopback";
	if (b[0] == 169 && b[1] == 254)
		return "link-local";
	if (b[0] >= 224 && b[0] <= 239)
		return "multicast";
	return memcmp(b, ones, 4) ? NULL : "broadcast";
}

static const char *refusal_v6(const uint8_t *b)
{
	static const uint8_t zero[15];

	if (!memcmp(b, zero, 15) && b[15] <= 1)
		return b[15] ? "loopback" : "unspecified";
	if (!memcmp(b, zero, 12))
		return "IPv4-compatible IPv6, which is not routed: write the IPv4 address";
	if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80)
		return "link-local";
	return b[0] == 0xff ? "multicast" : NULL;
}

const char *addr_refusal(const struct addr *a)
{
	return a->family == ADDR_V4 ? refusal_v4(a->bytes) : refusal_v6(a->bytes);
}

bool addr_bit(const struct addr *a, unsigned i)
{
	return a->bytes[i / 8] >> (7 - i % 8) & 1;
}

struct addr addr_prefix(const struct addr *a, unsigned len)
{
	struct addr p = *a;
	unsigned full = len / 8;

	if (full >= sizeof(p.bytes))
		return p;
	p.bytes[full] &= (uint8_t)(0xff00 >> (len % 8));
	memset(p.bytes + full + 1, 0, sizeof(p.bytes) - full - 1);
	return p;
}
