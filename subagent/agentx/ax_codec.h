/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_CODEC_H
#define CTM_AX_CODEC_H

/* AgentX PDUs (RFC 2741 s6) between octets and net-snmp's structures: the one place that knows
 * net-snmp's codec. Private to ax*.c and its tests. */

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include "mib/oidtab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AX_HEADER_OCTETS 20
#define AX_PDU_MAX 65536 /* octets, header included: longer ones the codec refuses to parse */
#define AX_VERSION 1

enum ax_type {
	AX_OPEN = 1,
	AX_CLOSE,
	AX_REGISTER,
	AX_UNREGISTER,
	AX_GET,
	AX_GETNEXT,
	AX_GETBULK,
	AX_TESTSET,
	AX_COMMITSET,
	AX_UNDOSET,
	AX_CLEANUPSET,
	AX_NOTIFY,
	AX_PING,
	AX_RESPONSE = 18,
};

/* h.flags (RFC 2741 s6.1) */
#define AX_FLAG_CONTEXT 0x08
#define AX_FLAG_NETWORK_ORDER 0x10

/* res.error: RFC 3416's error-status, and RFC 2741 s6.2.16's own from 256 on. */
enum ax_error {
	AX_NO_ERROR = 0,
	AX_TOO_BIG = 1,
	AX_GEN_ERR = 5,
	AX_COMMIT_FAILED = 14,
	AX_NOT_WRITABLE = 17,
	AX_OPEN_FAILED = 256,
	AX_NOT_OPEN = 257,
	AX_UNSUPPORTED_CONTEXT = 262,
	AX_DUPLICATE_REGISTRATION = 263,
	AX_PARSE_FAILED = 266,
	AX_REQUEST_DENIED = 267,
	AX_PROCESSING_ERROR = 268,
};

/* c.reason of a Close PDU (RFC 2741 s6.2.2) */
enum ax_reason { AX_REASON_OTHER = 1, AX_REASON_TIMEOUTS = 4, AX_REASON_SHUTDOWN = 5 };

struct ax_header {
	uint8_t version;
	uint8_t type; /* enum ax_type, or anything */
	uint8_t flags;
	uint32_t session;
	uint32_t transaction;
	uint32_t packet;
	uint32_t payload; /* octets after the header */
};

/* Read a header from its AX_HEADER_OCTETS, in the byte order its flags tell. */
void ax_header_read(const uint8_t *octets, struct ax_header *ret);

struct ax_codec;

struct ax_codec *ax_codec_new(void);
void ax_codec_free(struct ax_codec *c);

/* Parse one whole PDU of a master's, header included: a read request with all it asks for, of a
 * Response all but its varbinds, of a Set's PDUs the header. Returns a PDU for snmp_free_pdu, or NULL
 * when it cannot be parsed or is of a kind that only subagents send. */
netsnmp_pdu *ax_codec_parse(struct ax_codec *c, const uint8_t *octets, size_t len);

/* snmp_free_pdu for PDUs whose varbinds the next parse may use. */
void ax_codec_release(struct ax_codec *c, netsnmp_pdu *pdu);

/* Build the octets of a PDU: *ret_octets stay valid until the next build. Returns 0, -EMSGSIZE
 * when they would be more than AX_PDU_MAX, or -EINVAL for what cannot be encoded. */
int ax_codec_build(struct ax_codec *c, netsnmp_pdu *pdu, const uint8_t **ret_octets,
		   size_t *ret_len);

/* New PDUs in network byte order, for snmp_free_pdu. context NULL: the default one. */
netsnmp_pdu *ax_pdu_open(uint32_t packet, const char *description);
netsnmp_pdu *ax_pdu_register(uint32_t session, uint32_t packet, const uint32_t *sub, size_t len,
			     const char *context);
netsnmp_pdu *ax_pdu_ping(uint32_t session, uint32_t packet);
/* snmpTrapOID.0 = trap, then the objects. */
netsnmp_pdu *ax_pdu_notify(uint32_t session, uint32_t packet, const struct oid *trap,
			   const struct oidtab_varbind *vars, size_t n_vars);
netsnmp_pdu *ax_pdu_close(uint32_t session, uint32_t packet, enum ax_reason reason);
/* An error answer to the request with this header, without varbinds, in its byte order. */
netsnmp_pdu *ax_pdu_error(const struct ax_header *request, enum ax_error error, uint16_t index);

/* Turn a request into its answer: its varbinds stay, or go where there is an error. */
void ax_pdu_respond(netsnmp_pdu *pdu, enum ax_error error, uint16_t index);

/* The context of a request, NULL for the default one. False when it holds a NUL, as no context
 * of ours does. */
bool ax_pdu_context(const netsnmp_pdu *pdu, const char **ret_context);

/* Name of a varbind (start of its search range) and the range's end, length 0 for none.
 * False when it has more sub-identifiers than OID_MAX. */
bool ax_var_name(const netsnmp_variable_list *var, struct oid *ret);
bool ax_var_end(const netsnmp_variable_list *var, struct oid *ret);

void ax_var_set_name(netsnmp_variable_list *var, const struct oid *name);
void ax_var_set_value(netsnmp_variable_list *var, const struct smi_value *value);
/* noSuchObject, noSuchInstance or endOfMibView, as `result` says. */
void ax_var_set_exception(netsnmp_variable_list *var, enum oidtab_result result);

/* Append an empty varbind behind `last` in constant time; returns it. */
netsnmp_variable_list *ax_var_append(netsnmp_variable_list *last);

#endif
