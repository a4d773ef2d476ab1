/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_MIB_H
#define CTM_MIB_H

#include "ledger/snap.h"
#include "mib/notice.h"
#include "mib/oidtab.h"

/* What the subagent serves: tables of oidtab over one snapshot. Pure: no kernel, no clock, no
 * SNMP library. The data pointer of every table here is a `const struct mib_data *`. */

#define MIB_TEXT_MAX 255

struct mib_data {
	const struct snap *snap; /* borrowed, pinned while requests are answered from it */
	uint64_t now_ns; /* CLOCK_BOOTTIME when the answer is made */
	/* The master's sysUpTime (1/100 s) at a moment, see mib_uptime_observe; both 0: unknown. */
	uint32_t uptime_cs;
	uint64_t uptime_at_ns;
	/* The switch view's configuration; copied, since a reload frees the daemon's. */
	char switch_name[MIB_TEXT_MAX + 1];
	uint32_t port_mbits;
};

/* CTMETER-MIB, for the default context. */
extern const struct oidtab mib_ctm_scalars, mib_ctm_containers, mib_ctm_addresses;
extern const struct oidtab_view mib_ctm_view;

/* The switch view, for a context of its own: the system group, IF-MIB with one port for each
 * container, and the IPv4 addresses on their ports. */
extern const struct oidtab_view mib_switch_view;

/* A subtree to register with the master agent. */
struct mib_root {
	const uint32_t *oid;
	size_t len;
};

/* What a notification of CTMETER-MIB says: which it is, and its objects in the text's order, each
 * with the name and the value that a GET at the same time gets. */
#define MIB_CTM_NOTICE_VARS 3
struct mib_notification {
	struct oid oid;
	struct oidtab_varbind vars[MIB_CTM_NOTICE_VARS];
	size_t n_vars;
};
void mib_ctm_notification(const struct mib_data *d, const struct notice *what,
			  struct mib_notification *ret);

#define MIB_CTM_ROOTS 3
/* The scalars' group and the two tables (not their entries: RFC 2741 s7.1.4 registers a table). */
extern const struct mib_root mib_ctm_roots[MIB_CTM_ROOTS];

#define MIB_SWITCH_ROOTS 4
extern const struct mib_root mib_switch_roots[MIB_SWITCH_ROOTS];

/* rows and index of an oidtab of scalars. */
size_t mib_scalar_rows(const void *data);
size_t mib_scalar_index(const void *data, size_t row, uint32_t *sub);

/* Take in the sysUpTime that a response read at now_ns carried (d->uptime_*, the rest is not
 * touched). A response can only be late, never early, so of all of them the one that puts the
 * master's start first is kept and TimeStamps stand still; a start more than 2 s later than
 * that is another master (or sysUpTime's wrap after 497 days) and is believed. */
void mib_uptime_observe(struct mib_data *d, uint32_t sysuptime_cs, uint64_t now_ns);

/* Makers of values. Octets are borrowed, text is made in v->buf. */
void mib_set_integer(struct smi_value *v, int32_t value);
/* Gauge32 or Counter32 of a number of things: a gauge stays at its maximum (RFC 2578 s7.1.7). */
void mib_set_gauge32(struct smi_value *v, uint64_t value);
void mib_set_counter32(struct smi_value *v, uint32_t value);
void mib_set_counter64(struct smi_value *v, uint64_t value);
void mib_set_octets(struct smi_value *v, const void *octets, size_t len);
void mib_set_oid(struct smi_value *v, const uint32_t *sub, size_t len);
/* IpAddress: 4 octets, borrowed. */
void mib_set_ipaddress(struct smi_value *v, const uint8_t *octets);

/* SnmpAdminString (RFC 3411): at most 255 octets of UTF-8 that plain_shows. Each
 * octet or character that cannot stand there becomes '?'; NULL is "". */
void mib_set_text(struct smi_value *v, const char *text);
/* The same with `before` in front of it, and at most `max` (up to 255) octets altogether. */
void mib_set_text_upto(struct smi_value *v, const char *before, const char *text, size_t max);

/* TimeStamp (RFC 2579): the master's sysUpTime when it was event_ns. 0: never, or before the
 * master started, or its clock is not known. */
void mib_set_timestamp(struct smi_value *v, const struct mib_data *d, uint64_t event_ns);

/* sysUpTime: the master's at d->now_ns, 0 while its clock is not known. */
void mib_set_uptime(struct smi_value *v, const struct mib_data *d);

/* DateAndTime (RFC 2579) of a Unix time, 11 octets, UTC. Never (0 or less) is the first of
 * January of the year 0 in 8 octets, as HOST-RESOURCES-MIB (RFC 2790) has it. */
void mib_set_date(struct smi_value *v, int64_t wall_s);

#endif
