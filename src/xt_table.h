/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_TABLE_H
#define CTM_XT_TABLE_H

#include "fw.h"
#include "plan.h"

#include <linux/netfilter/x_tables.h>

/* A legacy table as the kernel hands it out: IPT_SO_GET_INFO and IPT_SO_GET_ENTRIES (kernel
 * net/ipv4/netfilter/ip_tables.c, include/uapi/linux/netfilter_ipv4/ip_tables.h; IPv6 alike), and
 * where in it our counters are. Nothing here changes a table. */

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

/* One reading, untouched. */
struct xt_raw {
	enum addr_family family;
	uint32_t valid_hooks;
	uint32_t hook_entry[XT_HOOKS], underflow[XT_HOOKS];
	uint32_t n_entries, size;
	uint8_t *blob; /* size octets, xt_raw_clear frees */
};

/* Raw socket for the control options; needs CAP_NET_RAW. Returns a descriptor or -errno. */
int xt_socket(enum addr_family family);

/* Read a table without any lock. Needs CAP_NET_ADMIN. The kernel loads a missing table module
 * only for who may load modules. Returns 0 or -errno: -ENOENT or -ENOPROTOOPT no such table. */
int xt_read(int fd, enum addr_family family, const char *table, struct xt_raw *ret_raw);
void xt_raw_clear(struct xt_raw *raw);

/* A counting rule found in the table. */
struct xt_count {
	uint32_t at; /* offset of its struct xt_counters in the blob */
	uint32_t index; /* entry number */
	uint32_t row; /* index into rows */
	uint8_t path; /* enum path */
};

struct xt_layout {
	uint64_t digest; /* of the structure, see xt_digest */
	struct xt_count *counts; /* in table order */
	size_t n_counts;
	struct fw_row *rows; /* one an address, sorted; counters filled by xt_counters_read */
	size_t n_rows;
	uint32_t *count_of; /* [row * PATHS + path]: index into counts plus 1, 0 none */
	struct {
		uint32_t at, index;
		uint64_t octets; /* its seed */
	} canaries[HOOKS];
	size_t n_canaries;
	uint32_t policy
		[XT_HOOKS]; /* entry numbers plus 1 of the built-in chains' policies, 0 none */
	struct present present;
};

/* Digest of all that matters of the structure: every entry's header and standard verdict, hook
 * offsets, none of the counters, none of foreign matches' state. */
uint64_t xt_digest(const struct xt_raw *raw);

/* Find our rules in a reading. Cannot fail: what is not understood is foreign or alien. */
void xt_layout_parse(const struct xt_raw *raw, struct xt_layout *ret_layout);
void xt_layout_clear(struct xt_layout *layout);

/* Copy the counters of a reading that has the layout's digest into layout->rows.
 * Returns whether every canary carries its seed; if not, *ret_zero says whether those that do not
 * are 0. */
bool xt_counters_read(struct xt_layout *layout, const struct xt_raw *raw, bool *ret_zero);

/* Entry of the counting rule (addr, path), or NULL. Binary search. */
const struct xt_count *xt_layout_find(const struct xt_layout *layout, const struct addr *addr,
				      enum path path);

#endif
