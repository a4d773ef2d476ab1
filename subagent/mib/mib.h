/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_MIB_H
#define CTM_MIB_H

#include "ledger/snap.h"
#include "mib/notice.h"
#include "mib/oidtab.h"

/* What the subagent serves: oidtab tables over one snapshot. Pure: no kernel, no clock, no SNMP
 * library. The data pointer of every table here is a `const struct mib_data *`. */

#define MIB_TEXT_MAX 255

/* The master's sysUpTime (1/100 s) and when it was observed. Both 0: unknown. */
struct mib_uptime {
	uint32_t cs;
	uint64_t at_ns;
};

struct mib_data {
	const struct snap *snap; /* borrowed, pinned while requests are answered from it */
	uint64_t now_ns; /* CLOCK_BOOTTIME of the answer */
	struct mib_uptime uptime, stamps; /* mib_uptime_observe; stamps: what TimeStamps are by */
	/* The switch view's configuration, copied because a reload frees the daemon's. */
	char switch_name[MIB_TEXT_MAX + 1];
	char switch_location[MIB_TEXT_MAX + 1], switch_contact[MIB_TEXT_MAX + 1];
	uint32_t port_mbits; /* 0: each port's is that of its container's links */
};

/* CTMETER-MIB, for the default context. */
extern const struct oidtab mib_ctm_scalars, mib_ctm_containers, mib_ctm_addresses;
extern const struct oidtab_view mib_ctm_view;

/* The switch view, for a context of its own: the system group, IF-MIB with one port for each
 * container, and the containers' addresses on their ports. */
extern const struct oidtab_view mib_switch_view;

/* A subtree to register with the master agent. */
struct mib_root {
	const uint32_t *oid;
	size_t len;
};

/* A notification of CTMETER-MIB: its OID, and its objects in the order of the OBJECTS clause, each
 * with the name and value that a GET would return at the same time. */
#define MIB_CTM_NOTICE_VARS 3
struct mib_notification {
	struct oid oid;
	struct oidtab_varbind vars[MIB_CTM_NOTICE_VARS];
	size_t n_vars;
};
void mib_ctm_notification(const struct mib_data *d, const struct notice *what,
			  struct mib_notification *ret);

#define MIB_CTM_ROOTS 3
/* The scalars' group and the two tables. Tables are registered, not their entries (RFC 2741
 * s7.1.4). */
extern const struct mib_root mib_ctm_roots[MIB_CTM_ROOTS];

#define MIB_SWITCH_ROOTS 5
extern const struct mib_root mib_switch_roots[MIB_SWITCH_ROOTS];

/* The rows and index functions of an oidtab of scalars. */
size_t mib_scalar_rows(const void *data);
size_t mib_scalar_index(const void *data, size_t row, uint32_t *sub);

/* Take in the sysUpTime of a response read at now_ns. A response can be late but never early, so
 * the one that puts the master's start earliest is kept. For TimeStamps it must be earlier by
 * 0.2 s: they would move without an event, which pollers take for one. A start more than 2 s later
 * means another master, or that sysUpTime wrapped after 497 days; it replaces the old one. */
void mib_uptime_observe(struct mib_data *d, uint32_t sysuptime_cs, uint64_t now_ns);

/* Constructors of values. Octets are borrowed; text is built in v->buf. */
void mib_set_integer(struct smi_value *v, int32_t value);
/* A Gauge32 sticks at its maximum (RFC 2578 s7.1.7). */
void mib_set_gauge32(struct smi_value *v, uint64_t value);
void mib_set_counter32(struct smi_value *v, uint32_t value);
void mib_set_counter64(struct smi_value *v, uint64_t value);
void mib_set_octets(struct smi_value *v, const void *octets, size_t len);
void mib_set_oid(struct smi_value *v, const uint32_t *sub, size_t len);
/* IpAddress: 4 octets, borrowed. */
void mib_set_ipaddress(struct smi_value *v, const uint8_t *octets);

/* SnmpAdminString (RFC 3411): at most 255 octets of UTF-8 that plain_shows. Every other octet or
 * character becomes '?'. NULL is "". */
void mib_set_text(struct smi_value *v, const char *text);
/* The same with `before` prepended, cut to `max` (up to 255) octets in all. */
void mib_set_text_upto(struct smi_value *v, const char *before, const char *text, size_t max);

/* TimeStamp (RFC 2579): the master's sysUpTime at event_ns. 0 if the event never happened, was
 * before the master started, or sysUpTime is unknown. */
void mib_set_timestamp(struct smi_value *v, const struct mib_data *d, uint64_t event_ns);

/* The master's sysUpTime at d->now_ns, 0 while unknown. */
void mib_set_uptime(struct smi_value *v, const struct mib_data *d);

/* DateAndTime (RFC 2579) of a Unix time, 11 octets, UTC. Never (0 or less) is January 1 of year 0
 * in 8 octets, as in HOST-RESOURCES-MIB (RFC 2790). */
void mib_set_date(struct smi_value *v, int64_t wall_s);

#endif
