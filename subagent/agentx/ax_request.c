/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RFC 2741: s6.2.5 Get, s6.2.6 GetNext, s6.2.7 GetBulk, s5.1 OIDs, s5.2 search ranges, s5.3 octet
 * strings. Every length is checked against the octets left before it is used. */
#include "agentx/ax_request.h"

#include "base/xalloc.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define SPARE_MAX 64 /* a KiB each */
#define OID_HEAD 4 /* number, prefix, include, reserved */
#define INTERNET 5 /* sub-identifiers that a prefix n replaces: 1.3.6.1.n */

struct reader {
	const uint8_t *at;
	size_t left;
	bool network_order;
};

static uint32_t get_u32(struct reader *r)
{
	uint32_t value;

	memcpy(&value, r->at, sizeof(value));
	r->at += sizeof(value);
	r->left -= sizeof(value);
	return r->network_order ? be32toh(value) : le32toh(value);
}

static uint16_t get_u16(struct reader *r)
{
	uint16_t value;

	memcpy(&value, r->at, sizeof(value));
	r->at += sizeof(value);
	r->left -= sizeof(value);
	return r->network_order ? be16toh(value) : le16toh(value);
}

static bool get_oid(struct reader *r, oid *ret, size_t *ret_len, bool *ret_include)
{
	size_t n, len = 0;
	uint8_t prefix;

	if (r->left < OID_HEAD)
		return false;
	n = r->at[0];
	prefix = r->at[1];
	*ret_include = r->at[2];
	r->at += OID_HEAD;
	r->left -= OID_HEAD;
	if (n * 4 > r->left || n + (prefix ? INTERNET : 0) > OID_MAX)
		return false;
	if (prefix) {
		ret[0] = 1;
		ret[1] = 3;
		ret[2] = 6;
		ret[3] = 1;
		ret[4] = prefix;
		len = INTERNET;
	}
	while (n--)
		ret[len++] = get_u32(r);
	if (!len) { /* the null OID, as net-snmp represents it */
		ret[0] = ret[1] = 0;
		len = 2;
	}
	*ret_len = len;
	return true;
}

static bool get_context(struct reader *r, netsnmp_pdu *pdu)
{
	size_t len, padded;

	if (r->left < 4)
		return false;
	len = get_u32(r);
	padded = (len + 3) & ~(size_t)3;
	if (len > r->left || padded > r->left)
		return false;
	pdu->community = xmalloc(len + 1); /* may contain NULs; the extra octet makes it a string */
	memcpy(pdu->community, r->at, len);
	pdu->community[len] = '\0';
	pdu->community_len = len;
	r->at += padded;
	r->left -= padded;
	return true;
}

static netsnmp_variable_list *take_var(struct ax_spare *spare)
{
	netsnmp_variable_list *var = spare->list;

	if (!var)
		return xcalloc(1, sizeof(*var));
	spare->list = var->next_variable;
	spare->n--;
	var->next_variable = NULL;
	return var;
}

void ax_spare_keep(struct ax_spare *spare, netsnmp_pdu *pdu)
{
	netsnmp_variable_list *var;

	while (spare->n < SPARE_MAX && (var = pdu->variables)) {
		pdu->variables = var->next_variable;
		var->next_variable = spare->list;
		spare->list = var;
		spare->n++;
	}
}

static bool get_range(struct reader *r, netsnmp_variable_list **tail, struct ax_spare *spare)
{
	oid start[OID_MAX], end[OID_MAX];
	size_t start_len, end_len;
	bool include, ignored;

	if (!get_oid(r, start, &start_len, &include) || !get_oid(r, end, &end_len, &ignored))
		return false;
	*tail = take_var(spare);
	return snmp_set_var_objid(*tail, start, start_len) == 0 &&
	       snmp_set_var_typed_value(*tail, include ? ASN_PRIV_INCL_RANGE : ASN_PRIV_EXCL_RANGE,
					end, end_len * sizeof(end[0])) == 0;
}

bool ax_request_is_read(uint8_t type)
{
	return type == AX_GET || type == AX_GETNEXT || type == AX_GETBULK;
}

bool ax_request_parse(netsnmp_pdu *pdu, const struct ax_header *h, const uint8_t *payload,
		      size_t len, struct ax_spare *spare)
{
	struct reader r = { payload, len, h->flags & AX_FLAG_NETWORK_ORDER };
	netsnmp_variable_list **tail = &pdu->variables;

	pdu->flags = h->flags;
	pdu->sessid = h->session;
	pdu->transid = h->transaction;
	pdu->reqid = h->packet;
	if (h->flags & AX_FLAG_CONTEXT && !get_context(&r, pdu))
		return false;
	if (h->type == AX_GETBULK) {
		if (r.left < 4)
			return false;
		pdu->non_repeaters = get_u16(&r);
		pdu->max_repetitions = get_u16(&r);
	}
	for (; r.left; tail = &(*tail)->next_variable) {
		if (!get_range(&r, tail, spare))
			return false;
	}
	return true;
}
