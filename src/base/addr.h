/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ADDR_H
#define CTM_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The families, as array indices. Add 1 for RFC 4001's InetAddressType: ipv4(1), ipv6(2). */
enum addr_family { ADDR_V4, ADDR_V6, ADDR_FAMILIES };

/* A host address: plain data, comparable with memcmp (unused octets are 0). */
struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t bytes[16]; /* network order; IPv4 in the first 4 */
};

#define ADDR_TEXT_SIZE 46

/* Octets of an address: 4 or 16. */
size_t addr_octets(enum addr_family family);

/* Parse "192.0.2.1" or "2001:db8::1" (inet_pton's forms). Returns 0 or -EINVAL. */
int addr_parse(const char *text, struct addr *ret_addr);

/* The same for an inventory's text: a "/mask" (prefix length or dotted) is checked and dropped, and
 * an IPv4-mapped IPv6 address becomes the IPv4 one. *ret_network: the host part is all zero, so the
 * text names a network, not a host. It is false for the two addresses of a /31 or /127 (RFC 3021,
 * RFC 6164) and for the unspecified address, which addr_refusal reports.
 * Returns 0, or -EINVAL for a bad address or mask. */
int addr_parse_masked(const char *text, struct addr *ret_addr, bool *ret_network);

/* Canonical text (RFC 5952 for IPv6). Returns buf. */
const char *addr_format(const struct addr *a, char buf[ADDR_TEXT_SIZE]);

/* Order: family, then octets, as in the MIB's index. */
int addr_cmp(const struct addr *a, const struct addr *b);

/* Why this address cannot be a container's: "unspecified", "loopback", "link-local",
 * "multicast", "broadcast", "IPv4-compatible IPv6 .." (RFC 4291 s2.5.5.1). NULL: it can be. */
const char *addr_refusal(const struct addr *a);

/* Bit `i` of the address; bit 0 is the most significant. */
bool addr_bit(const struct addr *a, unsigned i);

/* The first `len` bits of `a`; the others are 0. */
struct addr addr_prefix(const struct addr *a, unsigned len);

#endif
