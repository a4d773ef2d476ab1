/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_TABLE_H
#define CTM_XT_TABLE_H

#include "base/addr.h"

#include <linux/netfilter/x_tables.h>

/* A legacy table as the kernel hands it out: IPT_SO_GET_INFO and IPT_SO_GET_ENTRIES (kernel
 * net/ipv4/netfilter/ip_tables.c, include/uapi/linux/netfilter_ipv4/ip_tables.h; IPv6 alike).
 * Nothing here changes a table. */

/* How the two families' structures differ; all else is laid out alike. */
struct xt_family {
	int af, level;
	size_t entry_size; /* struct ipt_entry without matches and target */
	size_t head_size; /* ipt_ip and nfcache, then target_offset and next_offset */
	size_t counters_at;
	const char *name; /* "IPv4" */
};
extern const struct xt_family xt_families[ADDR_FAMILIES];

#define XT_HOOKS 5 /* NF_INET_NUMHOOKS */

/* Octets in front of a blob that are free for what the kernel's calls want to stand there. */
#define XT_RAW_HEAD 96

/* One reading, untouched; or a table to be, composed by us. */
struct xt_raw {
	enum addr_family family;
	uint32_t valid_hooks;
	uint32_t hook_entry[XT_HOOKS], underflow[XT_HOOKS];
	uint32_t n_entries, size;
	uint8_t *blob; /* size octets, behind XT_RAW_HEAD free ones; xt_raw_clear frees */
	size_t room; /* what was allocated */
};

/* Raw socket for the control options; needs CAP_NET_RAW. Returns a descriptor or -errno. */
int xt_socket(enum addr_family family);

/* Read a table without any lock. Needs CAP_NET_ADMIN. The kernel loads a missing table module
 * only for who may load modules. Returns 0 or -errno: -ENOENT or -ENOPROTOOPT no such table. */
int xt_read(int fd, enum addr_family family, const char *table, struct xt_raw *ret_raw);

/* Read only the first `size` octets of a table, which cost a fraction of all of it: the counters
 * are as good as any reading's, and all that stands behind is untold. ret_raw->size is `size` (or
 * the table's, if that is less), n_entries the whole table's and *ret_table_size its size. */
int xt_read_head(int fd, enum addr_family family, const char *table, uint32_t size,
		 struct xt_raw *ret_raw, uint32_t *ret_table_size);

/* Room for a table of `size` octets, zeroed: sets blob, size and room. */
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

/* A standard target, and its verdict: an offset (jump, goto, or the next entry), or negative. */
bool xt_is_standard(const struct xt_entry *e);
int xt_verdict(const struct xt_entry *e);

/* The ERROR entry in front of a user chain (and at the end of the table), and its chain's name. */
bool xt_is_error(const struct xt_entry *e);
const char *xt_error_name(const struct xt_entry *e);

/* Digest of all that matters of the structure: every entry's header and standard verdict, hook
 * offsets, none of the counters, none of foreign matches' state. */
uint64_t xt_digest(const struct xt_raw *raw);

/* What it is made of: go on from digest `h`. */
uint64_t xt_digest_octets(uint64_t h, const void *data, size_t len);

#endif
