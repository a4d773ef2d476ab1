/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_LO_NET_H
#define CTM_TESTS_LO_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A private network for tests of the real tables: a network namespace of the test process (in a
 * user namespace when we are not root) with only a loopback interface that has the addresses
 * 198.51.100.1 to .250 and 2001:db8::1 to ::fa, and a lock file of its own. */

/* Move this process there. Returns NULL, or why this machine cannot (static text). */
const char *lo_net_enter(void);

/* Send n UDP datagrams, each `ip_octets` long at the IP layer, to `to` from `from`, and take them
 * in. On loopback each crosses OUTPUT and INPUT once. */
void lo_net_send(const char *from, const char *to, size_t ip_octets, unsigned n);

/* A rule of somebody else's in INPUT that counts everything, made with libiptc; and its
 * counters. */
void lo_net_add_foreign_rule(const char *table);
void lo_net_foreign_counters(const char *table, uint64_t *ret_octets, uint64_t *ret_pkts);

#endif
