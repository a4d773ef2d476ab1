/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SNMP_ASK_H
#define CTM_SNMP_ASK_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* One question to an SNMP agent, as a poller would ask it: SNMPv2c, GET, one object (RFC 1901, RFC 3416,
 * BER as RFC 3417 section 8 has it). For `ctmeter check`; everything else about SNMP is the
 * subagent's. */

#define SNMP_ASK_MAX 1400 /* octets of a message */

enum snmp_ask_kind {
	SNMP_ASK_TEXT, /* an octet string; text holds it, what cannot be printed is '?' */
	SNMP_ASK_OTHER, /* a value of another type */
	SNMP_ASK_NONE, /* noSuchObject, noSuchInstance */
	SNMP_ASK_REFUSED, /* an error-status, see error */
};

struct snmp_answer {
	enum snmp_ask_kind kind;
	int error;
	char text[256];
};

/* Ask `agent` ("HOST", "HOST:PORT", "[HOST]:PORT"; port 161), at most `tries` times for timeout_ms
 * each. Returns 0 and *ret_answer, or -errno with e filled: -ECONNREFUSED nobody listens there,
 * -ETIMEDOUT no answer (so too for a community that is not known there). */
int snmp_ask(const char *agent, const char *community, const uint32_t *oid, size_t oid_len,
	     int timeout_ms, int tries, struct snmp_answer *ret_answer, struct err *e);

/* The parts without a network. A request into buf: its length, or -EMSGSIZE.
 * An answer: 0, or -EBADMSG for what is none to request_id. */
int snmp_ask_build(const char *community, int32_t request_id, const uint32_t *oid, size_t oid_len,
		   uint8_t buf[SNMP_ASK_MAX]);
int snmp_ask_parse(const uint8_t *msg, size_t len, int32_t request_id,
		   struct snmp_answer *ret_answer);

#endif
