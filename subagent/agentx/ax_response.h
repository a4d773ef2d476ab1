/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_RESPONSE_H
#define CTM_AX_RESPONSE_H

#include "agentx/ax_codec.h"

/* Encode Response PDUs. Each request of a poller needs one, and net-snmp's encoder makes several
 * calls for each sub-identifier. The octets are the same. Private to ax*.c and its tests. */

#define AX_RESPONSE_FIXED_OCTETS (AX_HEADER_OCTETS + 8) /* sysUpTime, error, index */

/* Encode the Response pdu, header included, into *buf, an allocation of *cap octets that grows as
 * needed. Returns 0, -EMSGSIZE when it would exceed AX_PDU_MAX, or -EINVAL for a value of a type
 * that we never serve. */
int ax_response_write(const netsnmp_pdu *pdu, uint8_t **buf, size_t *cap, size_t *ret_len);

/* Octets that a varbind takes in a Response (RFC 2741 s5.4); 0 for a type that we never serve. */
size_t ax_var_octets(const netsnmp_variable_list *var);

#endif
