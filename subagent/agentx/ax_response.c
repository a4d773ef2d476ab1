/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encoding as in RFC 2741: s6.1 header, s6.2.16 Response, s5.4 varbinds, s5.1 OIDs, s5.3 octet
 * strings. The size is computed first, so writing needs no checks. */
#include "agentx/ax_response.h"

#include "base/xalloc.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INTERNET 5 /* sub-identifiers of 1.3.6.1.n, encoded as the one octet n */

struct writer {
	uint8_t *at;
	bool network_order;
};

static void put_u16(struct writer *w, uint16_t value)
{
	value = w->network_order ? htobe16(value) : htole16(value);
	memcpy(w->at, &value, sizeof(value));
	w->at += sizeof(value);
}

static void put_u32(struct writer *w, uint32_t value)
{
	value = w->network_order ? htobe32(value) : htole32(value);
	memcpy(w->at, &value, sizeof(value));
	w->at += sizeof(value);
}

static void put_u64(struct writer *w, uint64_t value)
{
	value = w->network_order ? htobe64(value) : htole64(value);
	memcpy(w->at, &value, sizeof(value));
	w->at += sizeof(value);
}

static bool is_internet(const oid *sub, size_t len)
{
	return len >= INTERNET && sub[0] == 1 && sub[1] == 3 && sub[2] == 6 && sub[3] == 1 &&
	       sub[4] > 0 && sub[4] < 256;
}

static size_t oid_octets(const oid *sub, size_t len)
{
	return 4 + 4 * (is_internet(sub, len) ? len - INTERNET : len);
}

static void put_oid(struct writer *w, const oid *sub, size_t len)
{
	size_t from = is_internet(sub, len) ? INTERNET : 0;

	w->at[0] = (uint8_t)(len - from);
	w->at[1] = from ? (uint8_t)sub[INTERNET - 1] : 0;
	w->at[2] = w->at[3] = 0; /* include, reserved */
	w->at += 4;
	for (size_t i = from; i < len; i++)
		put_u32(w, (uint32_t)sub[i]);
}

static size_t padded(size_t octets)
{
	return (octets + 3) & ~(size_t)3;
}

static void put_octets(struct writer *w, const void *octets, size_t len)
{
	put_u32(w, (uint32_t)len);
	if (len)
		memcpy(w->at, octets, len);
	memset(w->at + len, 0, padded(len) - len);
	w->at += padded(len);
}

size_t ax_var_octets(const netsnmp_variable_list *var)
{
	size_t octets = 4 + oid_octets(var->name, var->name_length);

	switch (var->type) {
	case ASN_INTEGER:
	case ASN_COUNTER:
	case ASN_GAUGE:
	case ASN_TIMETICKS:
		return octets + 4;
	case ASN_COUNTER64:
		return octets + 8;
	case ASN_OCTET_STR:
	case ASN_IPADDRESS:
		return octets + 4 + padded(var->val_len);
	case ASN_OBJECT_ID:
		return octets + oid_octets(var->val.objid, var->val_len / sizeof(oid));
	case ASN_NULL:
	case SNMP_NOSUCHOBJECT:
	case SNMP_NOSUCHINSTANCE:
	case SNMP_ENDOFMIBVIEW:
		return octets;
	default:
		return 0;
	}
}

static void put_var(struct writer *w, const netsnmp_variable_list *var)
{
	put_u16(w, var->type);
	put_u16(w, 0);
	put_oid(w, var->name, var->name_length);
	switch (var->type) {
	case ASN_INTEGER:
	case ASN_COUNTER:
	case ASN_GAUGE:
	case ASN_TIMETICKS:
		put_u32(w, (uint32_t)*var->val.integer);
		break;
	case ASN_COUNTER64:
		put_u64(w, (uint64_t)var->val.counter64->high << 32 |
				   (var->val.counter64->low & 0xffffffff));
		break;
	case ASN_OCTET_STR:
	case ASN_IPADDRESS:
		put_octets(w, var->val.string, var->val_len);
		break;
	case ASN_OBJECT_ID:
		put_oid(w, var->val.objid, var->val_len / sizeof(oid));
		break;
	}
}

static void put_header(struct writer *w, const netsnmp_pdu *pdu, size_t payload)
{
	w->at[0] = AX_VERSION;
	w->at[1] = AX_RESPONSE;
	w->at[2] = w->network_order ? AX_FLAG_NETWORK_ORDER : 0;
	w->at[3] = 0;
	w->at += 4;
	put_u32(w, (uint32_t)pdu->sessid);
	put_u32(w, (uint32_t)pdu->transid);
	put_u32(w, (uint32_t)pdu->reqid);
	put_u32(w, (uint32_t)payload);
}

int ax_response_write(const netsnmp_pdu *pdu, uint8_t **buf, size_t *cap, size_t *ret_len)
{
	struct writer w = { .network_order = pdu->flags & AX_FLAG_NETWORK_ORDER };
	size_t octets = AX_RESPONSE_FIXED_OCTETS;

	for (const netsnmp_variable_list *var = pdu->variables; var; var = var->next_variable) {
		size_t n = ax_var_octets(var);

		if (!n)
			return -EINVAL;
		octets += n;
	}
	if (octets > AX_PDU_MAX)
		return -EMSGSIZE;
	if (octets > *cap) {
		*buf = xreallocarray(*buf, octets, 1);
		*cap = octets;
	}
	w.at = *buf;
	put_header(&w, pdu, octets - AX_HEADER_OCTETS);
	put_u32(&w, (uint32_t)pdu->time);
	put_u16(&w, (uint16_t)pdu->errstat);
	put_u16(&w, (uint16_t)pdu->errindex);
	for (const netsnmp_variable_list *var = pdu->variables; var; var = var->next_variable)
		put_var(&w, var);
	*ret_len = octets;
	return 0;
}
