/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_TABLE_H
#define CTM_XT_TABLE_H

#include "base/addr.h"

#include <linux/netfilter/x_tables.h>

/* A legacy table as the kernel returns it: IPT_SO_GET_INFO and IPT_SO_GET_ENTRIES (kernel
 * net/ipv4/netfilter/ip_tables.c, include/uapi/linux/netfilter_ipv4/ip_tables.h; IPv6 alike).
 * Nothing here changes a table. */

/* Where the two families' structures differ. Everything else has the same layout. */
struct xt_family {
	int af, level;
	size_t entry_size; /* struct ipt_entry without matches and target */
	size_t head_size; /* ipt_ip and nfcache, then target_offset and next_offset */
	size_t counters_at;
	const char *name; /* "IPv4" */
};
extern const struct xt_family xt_families[ADDR_FAMILIES];

#define XT_HOOKS 5 /* NF_INET_NUMHOOKS */

/* Free octets in front of a blob, for the structures that the kernel's calls expect there. */
#define XT_RAW_HEAD 96

/* One reading, unmodified; or a table that we have composed. */
struct xt_raw {
	enum addr_family family;
	uint32_t valid_hooks;
	uint32_t hook_entry[XT_HOOKS], underflow[XT_HOOKS];
	uint32_t n_entries, size;
	uint8_t *blob; /* size octets, after XT_RAW_HEAD free ones; xt_raw_clear frees */
	size_t room; /* octets allocated */
};

/* A raw socket for the socket options. Needs CAP_NET_RAW. Returns a descriptor or -errno. */
int xt_socket(enum addr_family family);

/* Read a table without any lock. Needs CAP_NET_ADMIN. The kernel loads a missing table module only
 * for a process that may load modules. Returns 0 or -errno: -ENOENT or -ENOPROTOOPT for no such
 * table. */
int xt_read(int fd, enum addr_family family, const char *table, struct xt_raw *ret_raw);

/* Read only the first `size` octets of a table, at a fraction of the cost of the whole. The
 * counters read are as good as any reading's; what follows is unknown. ret_raw->size is `size` (or
 * the table's size, if that is less), n_entries is the whole table's and *ret_table_size its
 * size. */
int xt_read_head(int fd, enum addr_family family, const char *table, uint32_t size,
		 struct xt_raw *ret_raw, uint32_t *ret_table_size);

/* Allocate zeroed room for a table of `size` octets: sets blob, size and room. */
void xt_raw_alloc(struct xt_raw *raw, uint32_t size);
void xt_raw_clear(struct xt_raw *raw);

/* --- walking --- */

struct xt_entry {
	const uint8_t *at; /* first octet, NULL past the end */
	uint32_t offset, index;
	uint16_t target_offset, next_offset;
	const struct xt_entry_target *target;
};

struct xt_entry xt_entry_at(const struct xt_raw *raw, uint32_t offset, uint32_t index);
struct xt_entry xt_entry_first(const struct xt_raw *raw);
struct xt_entry xt_entry_next(const struct xt_raw *raw, const struct xt_entry *e);

/* Whether the target is standard; its verdict: an offset (jump, goto, or the next entry), or
 * negative. */
bool xt_is_standard(const struct xt_entry *e);
int xt_verdict(const struct xt_entry *e);

/* Whether it is an ERROR entry (in front of a user chain, and at the table's end); the chain's
 * name. */
bool xt_is_error(const struct xt_entry *e);
const char *xt_error_name(const struct xt_entry *e);

/* Digest of the structure: every entry's header and standard verdict, and the hook offsets.
 * Counters and the state of foreign matches are left out. */
uint64_t xt_digest(const struct xt_raw *raw);

/* The digest's step: continue from digest `h` with these octets. */
uint64_t xt_digest_octets(uint64_t h, const void *data, size_t len);

#endif
