/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AgentX PDUs in net-snmp's structures, encoded with net-snmp's codec. libnetsnmpagent exports
 * agentx_realloc_build but does not install its header, so it is declared here. Its prototype in
 * agentx/protocol.h has not changed since 5.7.
 * 1. Nothing of net-snmp is initialised: no configuration, MIB file or persistent state is touched.
 *    Encoding needs no library state.
 * 2. net-snmp only encodes for us. Its parser is not used: before 5.9 it trusts lengths, and we
 *    need little of what a master sends. Responses, which are frequent, are encoded by
 *    ax_response.c.
 * 3. Running out of memory inside net-snmp is fatal, as everywhere. */
#include "agentx/ax_codec.h"

#include "agentx/ax_request.h"
#include "agentx/ax_response.h"
#include "base/log.h"
#include "base/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int agentx_realloc_build(netsnmp_session *session, netsnmp_pdu *pdu, u_char **buf, size_t *buf_len,
			 size_t *out_len);

/* agentx/protocol.h; the two high bits tell it apart from the SNMP versions. */
#define CODEC_VERSION 0xc1

#define REGISTER_PRIORITY 127 /* the default (RFC 2741 s6.2.3) */

struct ax_codec {
	netsnmp_session session; /* the codec needs one for the version and for errors */
	uint8_t *buf;
	size_t cap;
	struct ax_spare spare;
};

static void *must(void *p)
{
	if (!p) {
		log_error("ax", "out of memory");
		abort();
	}
	return p;
}

static uint32_t read_u32(const uint8_t *p, bool network_order)
{
	if (network_order)
		return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

void ax_header_read(const uint8_t *octets, struct ax_header *ret)
{
	bool network_order = octets[2] & AX_FLAG_NETWORK_ORDER;

	ret->version = octets[0];
	ret->type = octets[1];
	ret->flags = octets[2];
	ret->session = read_u32(octets + 4, network_order);
	ret->transaction = read_u32(octets + 8, network_order);
	ret->packet = read_u32(octets + 12, network_order);
	ret->payload = read_u32(octets + 16, network_order);
}

struct ax_codec *ax_codec_new(void)
{
	struct ax_codec *c = xcalloc(1, sizeof(*c));

	c->session.version = CODEC_VERSION;
	return c;
}

void ax_codec_free(struct ax_codec *c)
{
	if (!c)
		return;
	snmp_free_varbind(c->spare.list);
	free(c->buf);
	free(c);
}

void ax_codec_release(struct ax_codec *c, netsnmp_pdu *pdu)
{
	ax_spare_keep(&c->spare, pdu);
	snmp_free_pdu(pdu);
}

/* Of a Response (RFC 2741 s6.2.16) only the fixed fields are read, not the master's varbinds. */
static bool parse_response(netsnmp_pdu *pdu, const uint8_t *payload, size_t len)
{
	bool network_order = pdu->flags & AX_FLAG_NETWORK_ORDER;
	uint32_t error_and_index;

	if (len < 8)
		return false;
	error_and_index = read_u32(payload + 4, network_order);
	pdu->time = read_u32(payload, network_order);
	pdu->errstat = network_order ? error_and_index >> 16 : error_and_index & 0xffff;
	pdu->errindex = network_order ? error_and_index & 0xffff : error_and_index >> 16;
	return true;
}

static bool parse_payload(netsnmp_pdu *pdu, const struct ax_header *h, const uint8_t *payload,
			  size_t len, struct ax_spare *spare)
{
	if (ax_request_is_read(h->type))
		return ax_request_parse(pdu, h, payload, len, spare);
	pdu->flags = h->flags;
	pdu->sessid = h->session;
	pdu->transid = h->transaction;
	pdu->reqid = h->packet;
	if (h->type == AX_RESPONSE)
		return parse_response(pdu, payload, len);
	return h->type >= AX_TESTSET && h->type <= AX_CLEANUPSET; /* refused unread */
}

netsnmp_pdu *ax_codec_parse(struct ax_codec *c, const uint8_t *octets, size_t len)
{
	struct ax_header h;
	netsnmp_pdu *pdu;

	if (len < AX_HEADER_OCTETS || len > AX_PDU_MAX || octets[0] != AX_VERSION)
		return NULL;
	ax_header_read(octets, &h);
	pdu = must(snmp_pdu_create(h.type));
	if (!parse_payload(pdu, &h, octets + AX_HEADER_OCTETS, len - AX_HEADER_OCTETS, &c->spare)) {
		snmp_free_pdu(pdu);
		return NULL;
	}
	return pdu;
}

int ax_codec_build(struct ax_codec *c, netsnmp_pdu *pdu, const uint8_t **ret_octets,
		   size_t *ret_len)
{
	size_t len = 0;

	if (pdu->command == AX_RESPONSE) {
		int rc = ax_response_write(pdu, &c->buf, &c->cap, ret_len);

		*ret_octets = c->buf;
		return rc;
	}
	if (agentx_realloc_build(&c->session, pdu, &c->buf, &c->cap, &len) != 0)
		return -EINVAL;
	if (len > AX_PDU_MAX)
		return -EMSGSIZE;
	*ret_octets = c->buf;
	*ret_len = len;
	return 0;
}

static netsnmp_pdu *new_pdu(enum ax_type type, uint32_t session, uint32_t packet)
{
	netsnmp_pdu *pdu = must(snmp_pdu_create(type));

	pdu->version = CODEC_VERSION;
	pdu->flags = AX_FLAG_NETWORK_ORDER;
	pdu->sessid = session;
	pdu->transid = packet;
	pdu->reqid = packet;
	pdu->errstat = 0;
	pdu->errindex = 0;
	return pdu;
}

/* The codec keeps an Open's id and description, and a Register's subtree, in a varbind. */
static netsnmp_variable_list *add_var(netsnmp_pdu *pdu, const uint32_t *sub, size_t len,
				      u_char type, const void *value, size_t value_len)
{
	oid name[OID_MAX];

	for (size_t i = 0; i < len; i++)
		name[i] = sub[i];
	return must(snmp_pdu_add_variable(pdu, name, len, type, value, value_len));
}

netsnmp_pdu *ax_pdu_open(uint32_t packet, const char *description)
{
	netsnmp_pdu *pdu = new_pdu(AX_OPEN, 0, packet);

	add_var(pdu, NULL, 0, ASN_OCTET_STR, description, strlen(description));
	return pdu;
}

netsnmp_pdu *ax_pdu_register(uint32_t session, uint32_t packet, const uint32_t *sub, size_t len,
			     const char *context)
{
	netsnmp_pdu *pdu = new_pdu(AX_REGISTER, session, packet);

	if (context) {
		pdu->community = (u_char *)xstrdup(context);
		pdu->community_len = strlen(context);
		pdu->flags |= AX_FLAG_CONTEXT;
	}
	pdu->time = 0; /* use the session's timeout, which is the master's default */
	pdu->priority = REGISTER_PRIORITY;
	pdu->range_subid = 0;
	add_var(pdu, sub, len, ASN_NULL, NULL, 0);
	return pdu;
}

netsnmp_pdu *ax_pdu_ping(uint32_t session, uint32_t packet)
{
	return new_pdu(AX_PING, session, packet);
}

netsnmp_pdu *ax_pdu_close(uint32_t session, uint32_t packet, enum ax_reason reason)
{
	netsnmp_pdu *pdu = new_pdu(AX_CLOSE, session, packet);

	pdu->errstat = reason;
	return pdu;
}

netsnmp_pdu *ax_pdu_error(const struct ax_header *request, enum ax_error error, uint16_t index)
{
	netsnmp_pdu *pdu = new_pdu(AX_RESPONSE, request->session, request->packet);

	pdu->transid = request->transaction;
	pdu->flags = request->flags & AX_FLAG_NETWORK_ORDER;
	pdu->errstat = error;
	pdu->errindex = index;
	return pdu;
}

void ax_pdu_respond(netsnmp_pdu *pdu, enum ax_error error, uint16_t index)
{
	pdu->command = AX_RESPONSE;
	pdu->flags &= AX_FLAG_NETWORK_ORDER;
	pdu->time = 0; /* only the master fills in sysUpTime (RFC 2741 s6.2.16) */
	pdu->errstat = error;
	pdu->errindex = index;
	if (error) {
		snmp_free_varbind(pdu->variables);
		pdu->variables = NULL;
	}
}

bool ax_pdu_context(const netsnmp_pdu *pdu, const char **ret_context)
{
	const char *context = (const char *)pdu->community; /* where the codec keeps it */

	if (!(pdu->flags & AX_FLAG_CONTEXT) || !context || !pdu->community_len) {
		*ret_context = NULL;
		return true;
	}
	if (memchr(context, '\0', pdu->community_len))
		return false;
	*ret_context = context;
	return true;
}

static bool narrow_oid(const oid *sub, size_t len, struct oid *ret)
{
	if (len > OID_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		ret->sub[i] = (uint32_t)sub[i];
	ret->len = len;
	return true;
}

bool ax_var_name(const netsnmp_variable_list *var, struct oid *ret)
{
	return narrow_oid(var->name, var->name_length, ret);
}

/* A null OID is kept as 0.0, as net-snmp parses it. */
bool ax_var_end(const netsnmp_variable_list *var, struct oid *ret)
{
	if (!narrow_oid(var->val.objid, var->val_len / sizeof(oid), ret))
		return false;
	if (ret->len == 2 && !ret->sub[0] && !ret->sub[1])
		ret->len = 0;
	return true;
}

void ax_var_set_name(netsnmp_variable_list *var, const struct oid *name)
{
	oid sub[OID_MAX];

	for (size_t i = 0; i < name->len; i++)
		sub[i] = name->sub[i];
	if (snmp_set_var_objid(var, sub, name->len))
		must(NULL);
}

static void set_value(netsnmp_variable_list *var, u_char type, const void *value, size_t len)
{
	if (snmp_set_var_typed_value(var, type, value, len))
		must(NULL);
}

static void set_oid_value(netsnmp_variable_list *var, const uint32_t *from, size_t len)
{
	oid sub[OID_MAX];

	for (size_t i = 0; i < len; i++)
		sub[i] = from[i];
	set_value(var, ASN_OBJECT_ID, sub, len * sizeof(oid));
}

void ax_var_set_value(netsnmp_variable_list *var, const struct smi_value *value)
{
	struct counter64 c64;

	switch (value->type) {
	case SMI_INTEGER:
		set_value(var, ASN_INTEGER, &value->u.integer, sizeof(value->u.integer));
		break;
	case SMI_COUNTER32:
	case SMI_GAUGE32:
	case SMI_TIMETICKS:
		set_value(var, (u_char)value->type, &value->u.u32, sizeof(value->u.u32));
		break;
	case SMI_COUNTER64:
		c64.high = value->u.u64 >> 32;
		c64.low = value->u.u64 & 0xffffffff;
		set_value(var, ASN_COUNTER64, &c64, sizeof(c64));
		break;
	case SMI_OCTETS:
	case SMI_IPADDRESS:
		set_value(var, (u_char)value->type, value->u.octets.data, value->u.octets.len);
		break;
	case SMI_OID:
		set_oid_value(var, value->u.oid.sub, value->u.oid.len);
		break;
	}
}

void ax_var_set_exception(netsnmp_variable_list *var, enum oidtab_result result)
{
	u_char type = SNMP_ENDOFMIBVIEW;

	if (result == OIDTAB_NO_SUCH_OBJECT)
		type = SNMP_NOSUCHOBJECT;
	else if (result == OIDTAB_NO_SUCH_INSTANCE)
		type = SNMP_NOSUCHINSTANCE;
	set_value(var, type, NULL, 0);
}

netsnmp_variable_list *ax_var_append(netsnmp_variable_list *last)
{
	return must(snmp_varlist_add_variable(&last->next_variable, NULL, 0, ASN_NULL, NULL, 0));
}

netsnmp_pdu *ax_pdu_notify(uint32_t session, uint32_t packet, const struct oid *trap,
			   const struct oidtab_varbind *vars, size_t n_vars)
{
	static const uint32_t snmp_trap_oid[] = { 1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0 };
	netsnmp_pdu *pdu = new_pdu(AX_NOTIFY, session, packet);
	netsnmp_variable_list *var =
		add_var(pdu, snmp_trap_oid, ARRAY_LEN(snmp_trap_oid), ASN_NULL, NULL, 0);

	set_oid_value(var, trap->sub, trap->len);
	for (size_t i = 0; i < n_vars; i++) {
		var = ax_var_append(var);
		ax_var_set_name(var, &vars[i].name);
		ax_var_set_value(var, &vars[i].value);
	}
	return pdu;
}
