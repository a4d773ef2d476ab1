/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_REQUEST_H
#define CTM_AX_REQUEST_H

#include "agentx/ax_codec.h"

/* Reading Get, GetNext and GetBulk PDUs: net-snmp's parser goes through several calls for each
 * sub-identifier, and to the end of the list for each varbind. The result is the same. Private to
 * ax*.c and its tests. */

/* Varbinds of PDUs that are done with, for the next ones: a varbind is too large for the allocator's
 * quick lists. All zero: none. */
struct ax_spare {
	netsnmp_variable_list *list; /* for snmp_free_varbind */
	size_t n;
};

/* Take over some or all of the PDU's varbinds; it is then good for snmp_free_pdu alone. */
void ax_spare_keep(struct ax_spare *spare, netsnmp_pdu *pdu);

/* Is this a request that ax_request_parse reads? */
bool ax_request_is_read(uint8_t type);

/* Fill pdu, new from snmp_pdu_create(h->type), from the len octets after the header: its ids, its
 * context as community, and a varbind for each search range, whose value is the range's end (0.0:
 * none) and whose type says whether it includes its start. Varbinds are taken from `spare` while
 * there are any. Returns false for octets that are no
 * such request; pdu is then good for snmp_free_pdu alone. */
bool ax_request_parse(netsnmp_pdu *pdu, const struct ax_header *h, const uint8_t *payload,
		      size_t len, struct ax_spare *spare);

#endif
