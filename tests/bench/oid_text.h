/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_OID_TEXT_H
#define BENCH_OID_TEXT_H

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <stdlib.h>

/* Read a dotted OID, with or without a leading dot, into ret (room for MAX_OID_LEN); net-snmp's own
 * reader wants its MIB tree. Returns the number of sub-identifiers, 0 for what is no OID. */
static inline size_t oid_parse(const char *text, oid *ret)
{
	size_t n = 0;
	char *end;

	for (text += *text == '.'; n < MAX_OID_LEN; text = end + 1) {
		ret[n++] = strtoul(text, &end, 10);
		if (end == text)
			return 0;
		if (*end != '.')
			return *end ? 0 : n;
	}
	return 0;
}

#endif
