/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_OIDTAB_H
#define CTM_OIDTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* GET and GETNEXT over a conceptual table (RFC 2578 s7.1.12) in memory, sorted: a const description
 * of the columns, and functions for the rows. Pure: no SNMP library, no clock.
 * 1. Instances are ordered by (column, row): prefix.column.index.
 * 2. A column may have holes (cell returns false): GET returns noSuchInstance, GETNEXT skips them.
 * 3. Row lookup is a binary search on the index OIDs; nothing is allocated.
 * A group of scalars is a table of one row whose index is the single sub-identifier 0. */

#define OID_MAX 128 /* sub-identifiers of an OBJECT IDENTIFIER (RFC 2578 s3.5) */

struct oid {
	uint32_t sub[OID_MAX];
	size_t len;
};

/* Lexicographic: negative, 0, positive. */
int oid_cmp(const uint32_t *a, size_t a_len, const uint32_t *b, size_t b_len);

/* The ASN.1 tags of RFC 2578's types, as SNMP and AgentX (RFC 2741 s5.4) encode them. */
enum smi_type {
	SMI_INTEGER = 2,
	SMI_OCTETS = 4,
	SMI_OID = 6,
	SMI_IPADDRESS = 64,
	SMI_COUNTER32 = 65,
	SMI_GAUGE32 = 66,
	SMI_TIMETICKS = 67,
	SMI_COUNTER64 = 70,
};

/* A value. octets and oid are borrowed from the table's data, or point into buf or sub. */
struct smi_value {
	enum smi_type type;
	union {
		int32_t integer;
		uint32_t u32; /* Counter32, Gauge32, TimeTicks */
		uint64_t u64;
		struct {
			const uint8_t *data;
			size_t len;
		} octets; /* OCTET STRING, IpAddress */
		struct {
			const uint32_t *sub;
			size_t len;
		} oid;
	} u;
	union { /* for a value that is built on the fly */
		uint8_t buf[256];
		uint32_t sub[64];
	};
};

/* An instance and its value. Do not move it: the value may point into itself. */
struct oidtab_varbind {
	struct oid name;
	struct smi_value value;
};

struct oidtab {
	const uint32_t *prefix; /* OID of the table's entry, or of the group of scalars */
	size_t prefix_len;
	const uint32_t *columns; /* accessible columns' sub-identifiers, ascending */
	size_t n_columns;
	/* The present number of rows. */
	size_t (*rows)(const void *data);
	/* Write the row's index into sub (room for OID_MAX) and return its length. */
	size_t (*index)(const void *data, size_t row, uint32_t *sub);
	/* Fill *ret with a cell, or return false for a hole. */
	bool (*cell)(const void *data, size_t row, uint32_t column, struct smi_value *ret);
};

enum oidtab_result { OIDTAB_FOUND, OIDTAB_NO_SUCH_OBJECT, OIDTAB_NO_SUCH_INSTANCE, OIDTAB_END };

/* The value of exactly `oid`. */
enum oidtab_result oidtab_get(const struct oidtab *tab, const void *data, const uint32_t *oid,
			      size_t len, struct smi_value *ret);

/* The first instance after `oid` (or at it if `include`), its name in *ret_oid. near (may be NULL):
 * in, a row to start the search at; out, the row found. Any value gives the right result; the last
 * row makes each step of a walk cheap. Returns OIDTAB_FOUND or OIDTAB_END. */
enum oidtab_result oidtab_next(const struct oidtab *tab, const void *data, const uint32_t *oid,
			       size_t len, bool include, struct oid *ret_oid, struct smi_value *ret,
			       size_t *near);

/* A group of tables: what one SNMP context serves. The tables are sorted: no instance of a later
 * table precedes one of an earlier table. A prefix may lie inside another (scalars beside a table
 * in one group); an OID belongs to the longest prefix that it has. No two prefixes are equal. */
struct oidtab_view {
	const struct oidtab *const *tabs;
	size_t n_tabs;
};

enum oidtab_result oidtab_view_get(const struct oidtab_view *view, const void *data,
				   const uint32_t *oid, size_t len, struct smi_value *ret);
enum oidtab_result oidtab_view_next(const struct oidtab_view *view, const void *data,
				    const uint32_t *oid, size_t len, bool include,
				    struct oid *ret_oid, struct smi_value *ret, size_t *near);

#endif
