/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_REQUEST_H
#define CTM_AX_REQUEST_H

#include "agentx/ax_codec.h"

/* Parse Get, GetNext and GetBulk PDUs. net-snmp's parser makes several calls for each
 * sub-identifier, and walks to the end of the list for each varbind. The result is the same.
 * Private to ax*.c and its tests. */

/* Varbinds of finished PDUs, kept for reuse: a varbind is too large for the allocator's fast lists.
 * All zeros: empty. */
struct ax_spare {
	netsnmp_variable_list *list; /* for snmp_free_varbind */
	size_t n;
};

/* Take over some or all of the PDU's varbinds. After that, only snmp_free_pdu may be called on
 * it. */
void ax_spare_keep(struct ax_spare *spare, netsnmp_pdu *pdu);

/* Does ax_request_parse read this type? */
bool ax_request_is_read(uint8_t type);

/* Fill pdu, new from snmp_pdu_create(h->type), from the len octets after the header: its ids, its
 * context as community, and one varbind for each search range. The varbind's value is the end of
 * the range (0.0: none), and its type says whether the range includes its start. Varbinds come from
 * `spare` as long as it has any. Returns false for a malformed request; then only snmp_free_pdu may
 * be called on pdu. */
bool ax_request_parse(netsnmp_pdu *pdu, const struct ax_header *h, const uint8_t *payload,
		      size_t len, struct ax_spare *spare);

#endif
