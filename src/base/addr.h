/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ADDR_H
#define CTM_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The families, as array indices. RFC 4001's InetAddressType is one more: ipv4(1), ipv6(2). */
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

/* The same for what inventories hold: a "/mask" (prefix length or dotted) is checked and dropped,
 * an IPv4-mapped IPv6 address is taken as the IPv4 one. *ret_network: what the mask leaves of it is all
 * zero, so a network was written and no host of it (not of two addresses, as /31 and /127 have: RFC 3021,
 * RFC 6164; nor of the unspecified address, which addr_refusal knows).
 * Returns 0, or -EINVAL for something that is no address (or a bad mask). */
int addr_parse_masked(const char *text, struct addr *ret_addr, bool *ret_network);

/* Canonical text (RFC 5952 for IPv6). Returns buf. */
const char *addr_format(const struct addr *a, char buf[ADDR_TEXT_SIZE]);

/* Order: family, then octets; this is the order of the MIB's index too. */
int addr_cmp(const struct addr *a, const struct addr *b);

/* Why this address cannot be a container's: "unspecified", "loopback", "link-local",
 * "multicast", "broadcast", "IPv4-compatible IPv6" (RFC 4291 s2.5.5.1); NULL when it can. */
const char *addr_refusal(const struct addr *a);

/* Bit `i` of the address, 0 the most significant. */
bool addr_bit(const struct addr *a, unsigned i);

/* The first `len` bits of a, the others 0. */
struct addr addr_prefix(const struct addr *a, unsigned len);

#endif
