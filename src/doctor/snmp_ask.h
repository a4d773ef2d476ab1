/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SNMP_ASK_H
#define CTM_SNMP_ASK_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* A client for one SNMPv2c GET of one object, sent as a poller would send it (RFC 1901, RFC 3416;
 * BER as in RFC 3417, section 8). For `ctmeter check`; the subagent does everything else about
 * SNMP. */

#define SNMP_ASK_MAX 1400 /* octets of a message */

enum snmp_ask_kind {
	SNMP_ASK_TEXT, /* an octet string, in text; '?' stands for what is not printable */
	SNMP_ASK_OTHER, /* a value of another type */
	SNMP_ASK_NONE, /* noSuchObject, noSuchInstance */
	SNMP_ASK_REFUSED, /* a non-zero error-status, in error */
};

struct snmp_answer {
	enum snmp_ask_kind kind;
	int error;
	char text[256];
};

/* Ask `agent` ("HOST", "HOST:PORT", "[HOST]:PORT"; default port 161), up to `tries` times, waiting
 * timeout_ms each time. Returns 0 and *ret_answer, or -errno with e filled: -ECONNREFUSED, nothing
 * listens there; -ETIMEDOUT, no answer, which is also how an agent treats an unknown community. */
int snmp_ask(const char *agent, const char *community, const uint32_t *oid, size_t oid_len,
	     int timeout_ms, int tries, struct snmp_answer *ret_answer, struct err *e);

/* The parts that use no network. Build a request in buf; returns its length or -EMSGSIZE. */
int snmp_ask_build(const char *community, int32_t request_id, const uint32_t *oid, size_t oid_len,
		   uint8_t buf[SNMP_ASK_MAX]);
/* Parse a response; returns 0 and *ret_answer, or -EBADMSG if it is not one to request_id. */
int snmp_ask_parse(const uint8_t *msg, size_t len, int32_t request_id,
		   struct snmp_answer *ret_answer);

#endif
