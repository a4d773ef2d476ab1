/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TEST_AX_MASTER_H
#define CTM_TEST_AX_MASTER_H

/* The other end of an AgentX session, for tests: builds a master's requests, reads the answers,
 * on the same codec. Everything non-blocking, so one thread runs both ends. */

#include "agentx/ax_codec.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MASTER_SESSION 77

/* What the subagent sends is read by net-snmp, as snmpd reads it; its header is not installed. */
int agentx_parse(netsnmp_session *session, netsnmp_pdu *pdu, u_char *data, size_t len);

struct master {
	int listen_fd; /* -1: not listening */
	int fd; /* -1: no subagent */
	struct ax_codec *codec;
	uint8_t in[4 * AX_PDU_MAX];
	size_t used;
	bool ended; /* the subagent has closed */
};

/* Requests */

static inline netsnmp_pdu *request_new(enum ax_type type, uint32_t packet, uint32_t transaction,
				       const char *context)
{
	netsnmp_pdu *pdu = snmp_pdu_create(type);

	pdu->version = 0xc1;
	pdu->flags = AX_FLAG_NETWORK_ORDER;
	pdu->sessid = MASTER_SESSION;
	pdu->transid = transaction;
	pdu->reqid = packet;
	pdu->errstat = pdu->errindex = 0;
	if (context) {
		pdu->flags |= AX_FLAG_CONTEXT;
		pdu->community = (u_char *)strdup(context);
		pdu->community_len = strlen(context);
	}
	return pdu;
}

static inline size_t parse_oid_text(const char *text, oid *ret)
{
	size_t n = 0;
	char *end;

	while (*text) {
		ret[n++] = strtoul(text, &end, 10);
		text = *end == '.' ? end + 1 : end;
	}
	return n;
}

/* Append a search range; OIDs as text, end "" for none. */
static inline void request_add(netsnmp_pdu *pdu, const char *start, bool include, const char *end)
{
	oid name[300], bound[300];
	size_t n = parse_oid_text(start, name), m = parse_oid_text(end, bound);
	netsnmp_variable_list **tail = &pdu->variables;

	while (*tail)
		tail = &(*tail)->next_variable;
	snmp_varlist_add_variable(tail, name, n,
				  include ? ASN_PRIV_INCL_RANGE : ASN_PRIV_EXCL_RANGE,
				  (u_char *)bound, m * sizeof(oid));
}

/* Octets of a PDU, which is freed; for free(). */
static inline uint8_t *pdu_octets(struct ax_codec *codec, netsnmp_pdu *pdu, size_t *ret_len)
{
	const uint8_t *octets;
	uint8_t *copy;
	int rc = ax_codec_build(codec, pdu, &octets, ret_len);

	assert(rc == 0);
	(void)rc;
	snmp_free_pdu(pdu);
	copy = malloc(*ret_len);
	memcpy(copy, octets, *ret_len);
	return copy;
}

/* Parse a subagent's PDU, for snmp_free_pdu. */
static inline netsnmp_pdu *parse_by_snmp(uint8_t *octets, size_t len)
{
	netsnmp_session session = { .version = 0xc1 };
	netsnmp_pdu *pdu = snmp_pdu_create(octets[1]);
	int rc = agentx_parse(&session, pdu, octets, len);

	assert(rc == SNMP_ERR_NOERROR);
	(void)rc;
	return pdu;
}

/* The socket */

static inline void master_init(struct master *m)
{
	memset(m, 0, sizeof(*m));
	m->listen_fd = m->fd = -1;
	m->codec = ax_codec_new();
}

static inline void master_listen(struct master *m, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int rc;

	strcpy(un.sun_path, path);
	unlink(path);
	m->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = bind(m->listen_fd, (struct sockaddr *)&un, sizeof(un));
	assert(rc == 0);
	rc = listen(m->listen_fd, 5);
	assert(rc == 0);
	(void)rc;
}

static inline void master_hang_up(struct master *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	m->used = 0;
	m->ended = false;
}

static inline void master_fini(struct master *m)
{
	master_hang_up(m);
	if (m->listen_fd >= 0)
		close(m->listen_fd);
	ax_codec_free(m->codec);
}

static inline bool master_accept(struct master *m)
{
	if (m->fd < 0)
		m->fd = accept4(m->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return m->fd >= 0;
}

static inline void master_send_octets(struct master *m, const uint8_t *octets, size_t len)
{
	ssize_t n = send(m->fd, octets, len, MSG_NOSIGNAL);

	assert(n == (ssize_t)len);
	(void)n;
}

static inline void master_send(struct master *m, netsnmp_pdu *pdu)
{
	size_t len;
	uint8_t *octets = pdu_octets(m->codec, pdu, &len);

	master_send_octets(m, octets, len);
	free(octets);
}

/* Answer a PDU of the subagent's, as snmpd does: an Open gets the session's id. */
static inline void master_answer(struct master *m, const netsnmp_pdu *to, enum ax_error error,
				 uint32_t sysuptime)
{
	netsnmp_pdu *pdu =
		request_new(AX_RESPONSE, (uint32_t)to->reqid, (uint32_t)to->transid, NULL);

	pdu->time = sysuptime;
	pdu->errstat = error;
	master_send(m, pdu);
}

/* The next whole PDU that has come, for snmp_free_pdu; NULL when there is none (yet). */
static inline netsnmp_pdu *master_receive(struct master *m)
{
	struct ax_header h;
	netsnmp_pdu *pdu;
	size_t total;
	ssize_t n;

	if (m->fd < 0)
		return NULL;
	n = recv(m->fd, m->in + m->used, sizeof(m->in) - m->used, MSG_DONTWAIT);
	if (n > 0)
		m->used += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		m->ended = m->used < sizeof(m->in);
	if (m->used < AX_HEADER_OCTETS)
		return NULL;
	ax_header_read(m->in, &h);
	total = AX_HEADER_OCTETS + h.payload;
	if (m->used < total)
		return NULL;
	pdu = parse_by_snmp(m->in, total);
	m->used -= total;
	memmove(m->in, m->in + total, m->used);
	return pdu;
}

#endif
