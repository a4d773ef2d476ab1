/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_CODEC_H
#define CTM_AX_CODEC_H

/* Convert AgentX PDUs (RFC 2741 s6) between octets and net-snmp's structures. The only place that
 * calls net-snmp's codec. Private to ax*.c and its tests. */

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include "mib/oidtab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AX_HEADER_OCTETS 20
#define AX_PDU_MAX 65536 /* octets, header included: net-snmp refuses longer PDUs */
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

/* res.error: error-status of RFC 3416 below 256, RFC 2741 s6.2.16 from 256 on. */
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
	uint8_t type; /* enum ax_type, or an unknown value */
	uint8_t flags;
	uint32_t session;
	uint32_t transaction;
	uint32_t packet;
	uint32_t payload; /* octets after the header */
};

/* Read a header of AX_HEADER_OCTETS, in the byte order that its flags give. */
void ax_header_read(const uint8_t *octets, struct ax_header *ret);

struct ax_codec;

struct ax_codec *ax_codec_new(void);
void ax_codec_free(struct ax_codec *c);

/* Parse one whole PDU from the master, header included: all of a Get, GetNext or GetBulk, a
 * Response without its varbinds, only the header of the Set PDUs. Returns a PDU for snmp_free_pdu,
 * or NULL for a malformed PDU or a type that only subagents send. */
netsnmp_pdu *ax_codec_parse(struct ax_codec *c, const uint8_t *octets, size_t len);

/* Free a PDU as snmp_free_pdu does, but keep its varbinds for the next parse. */
void ax_codec_release(struct ax_codec *c, netsnmp_pdu *pdu);

/* Encode a PDU. *ret_octets stays valid until the next build. Returns 0, -EMSGSIZE when the PDU
 * would exceed AX_PDU_MAX, or -EINVAL when it cannot be encoded. */
int ax_codec_build(struct ax_codec *c, netsnmp_pdu *pdu, const uint8_t **ret_octets,
		   size_t *ret_len);

/* New PDUs in network byte order, for snmp_free_pdu. context NULL: the default context. */
netsnmp_pdu *ax_pdu_open(uint32_t packet, const char *description);
netsnmp_pdu *ax_pdu_register(uint32_t session, uint32_t packet, const uint32_t *sub, size_t len,
			     const char *context);
netsnmp_pdu *ax_pdu_ping(uint32_t session, uint32_t packet);
/* The varbinds are snmpTrapOID.0 = trap, then the objects. */
netsnmp_pdu *ax_pdu_notify(uint32_t session, uint32_t packet, const struct oid *trap,
			   const struct oidtab_varbind *vars, size_t n_vars);
netsnmp_pdu *ax_pdu_close(uint32_t session, uint32_t packet, enum ax_reason reason);
/* An error Response without varbinds to the request with this header, in its byte order. */
netsnmp_pdu *ax_pdu_error(const struct ax_header *request, enum ax_error error, uint16_t index);

/* Turn a request into its Response. The varbinds stay, unless there is an error. */
void ax_pdu_respond(netsnmp_pdu *pdu, enum ax_error error, uint16_t index);

/* The context of a request, NULL for the default one. Returns false if it contains a NUL: no
 * context of ours does. */
bool ax_pdu_context(const netsnmp_pdu *pdu, const char **ret_context);

/* The name of a varbind (the start of its search range), and the range's end (length 0: none).
 * Return false for more than OID_MAX sub-identifiers. */
bool ax_var_name(const netsnmp_variable_list *var, struct oid *ret);
bool ax_var_end(const netsnmp_variable_list *var, struct oid *ret);

void ax_var_set_name(netsnmp_variable_list *var, const struct oid *name);
void ax_var_set_value(netsnmp_variable_list *var, const struct smi_value *value);
/* noSuchObject, noSuchInstance or endOfMibView, as `result` says. */
void ax_var_set_exception(netsnmp_variable_list *var, enum oidtab_result result);

/* Append an empty varbind after `last`, in constant time, and return it. */
netsnmp_variable_list *ax_var_append(netsnmp_variable_list *last);

#endif
