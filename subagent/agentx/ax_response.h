/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_RESPONSE_H
#define CTM_AX_RESPONSE_H

#include "agentx/ax_codec.h"

/* Octets of Response PDUs. One is built for each of a poller's requests, and net-snmp's builder goes
 * through several calls for each sub-identifier; what is written here is the same.
 * Private to ax*.c and its tests. */

#define AX_RESPONSE_FIXED_OCTETS (AX_HEADER_OCTETS + 8) /* sysUpTime, error, index */

/* Write the Response pdu, header included, to *buf, an allocation of *cap octets that grows as
 * needed. Returns 0, -EMSGSIZE when it would be more than AX_PDU_MAX, or -EINVAL for a value of a
 * type that no answer of ours has. */
int ax_response_write(const netsnmp_pdu *pdu, uint8_t **buf, size_t *cap, size_t *ret_len);

/* Octets of a varbind in a Response (RFC 2741 s5.4), 0 for such a type. */
size_t ax_var_octets(const netsnmp_variable_list *var);

#endif
