/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/snmp_ask.h"

#include "base/loop.h"
#include "base/xalloc.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum tag {
	TAG_INTEGER = 0x02,
	TAG_OCTETS = 0x04,
	TAG_NULL = 0x05,
	TAG_OID = 0x06,
	TAG_SEQUENCE = 0x30,
	TAG_NO_SUCH_OBJECT = 0x80,
	TAG_NO_SUCH_INSTANCE = 0x81,
	TAG_END_OF_MIB_VIEW = 0x82,
	TAG_GET = 0xa0,
	TAG_RESPONSE = 0xa2,
};

#define VERSION_2C 1

/* ---- building: from the end to the front, so that each length is known when it is written ---- */

struct writer {
	uint8_t buf[SNMP_ASK_MAX];
	size_t at; /* the first octet written so far; the message is from here to the end */
	bool full;
};

static void put_octet(struct writer *w, unsigned octet)
{
	if (!w->at) {
		w->full = true;
		return;
	}
	w->buf[--w->at] = (uint8_t)octet;
}

/* The tag and length of the contents between here and `end`. */
static void put_head(struct writer *w, enum tag tag, size_t end)
{
	size_t len = end - w->at;

	put_octet(w, len & 0xff);
	if (len > 0xff)
		put_octet(w, (unsigned)(len >> 8));
	if (len > 0x7f)
		put_octet(w, len > 0xff ? 0x82 : 0x81);
	put_octet(w, tag);
}

static void put_integer(struct writer *w, int32_t n)
{
	size_t end = w->at;
	uint32_t bits = (uint32_t)n;

	for (int i = 0; i < 4; i++, bits >>= 8)
		put_octet(w, bits & 0xff);
	/* The fewest octets that hold it (X.690, 8.3.2). */
	while (end - w->at > 1 && ((w->buf[w->at] == 0 && !(w->buf[w->at + 1] & 0x80)) ||
				   (w->buf[w->at] == 0xff && w->buf[w->at + 1] & 0x80)))
		w->at++;
	put_head(w, TAG_INTEGER, end);
}

static void put_oid(struct writer *w, const uint32_t *oid, size_t len)
{
	size_t end = w->at;

	for (size_t i = len; i-- > 1;) {
		/* The first two sub-identifiers are encoded as one (X.690, 8.19.4). */
		uint64_t sub = i > 1 ? oid[i] : (uint64_t)oid[0] * 40 + oid[1];

		put_octet(w, sub & 0x7f);
		while (sub >>= 7)
			put_octet(w, 0x80 | (sub & 0x7f));
	}
	put_head(w, TAG_OID, end);
}

int snmp_ask_build(const char *community, int32_t request_id, const uint32_t *oid, size_t oid_len,
		   uint8_t buf[SNMP_ASK_MAX])
{
	struct writer w = { .at = sizeof(w.buf) };
	const size_t end = sizeof(w.buf);
	size_t len;

	put_head(&w, TAG_NULL, end);
	put_oid(&w, oid, oid_len);
	put_head(&w, TAG_SEQUENCE, end); /* the varbind */
	put_head(&w, TAG_SEQUENCE, end); /* the list, of this one */
	put_integer(&w, 0); /* error-index, then error-status */
	put_integer(&w, 0);
	put_integer(&w, request_id);
	put_head(&w, TAG_GET, end);
	len = w.at;
	for (size_t i = strlen(community); i-- > 0;)
		put_octet(&w, (uint8_t)community[i]);
	put_head(&w, TAG_OCTETS, len);
	put_integer(&w, VERSION_2C);
	put_head(&w, TAG_SEQUENCE, end);
	if (w.full)
		return -EMSGSIZE;
	memcpy(buf, w.buf + w.at, end - w.at);
	return (int)(end - w.at);
}

/* ---- reading ---- */

struct reader {
	const uint8_t *at;
	size_t len;
};

/* Take the next element: its tag and its contents. False: it is truncated, or of a form that no
 * agent sends. */
static bool get(struct reader *r, unsigned *ret_tag, struct reader *ret_inside)
{
	size_t len, n_octets = 0;

	if (r->len < 2)
		return false;
	len = r->at[1];
	if (len & 0x80) {
		n_octets = len & 0x7f;
		if (!n_octets || n_octets > 4 || r->len < 2 + n_octets)
			return false;
		len = 0;
		for (size_t i = 0; i < n_octets; i++)
			len = len << 8 | r->at[2 + i];
	}
	if (len > r->len - 2 - n_octets)
		return false;
	*ret_tag = r->at[0];
	*ret_inside = (struct reader) { r->at + 2 + n_octets, len };
	r->at = ret_inside->at + len;
	r->len -= 2 + n_octets + len;
	return true;
}

static bool get_tagged(struct reader *r, enum tag tag, struct reader *ret_inside)
{
	unsigned found;

	return get(r, &found, ret_inside) && found == tag;
}

static bool get_integer(struct reader *r, int32_t *ret)
{
	struct reader in;
	uint32_t n;

	if (!get_tagged(r, TAG_INTEGER, &in) || !in.len || in.len > 4)
		return false;
	n = in.at[0] & 0x80 ? UINT32_MAX : 0;
	for (size_t i = 0; i < in.len; i++)
		n = n << 8 | in.at[i];
	*ret = (int32_t)n;
	return true;
}

static void take_value(unsigned tag, const struct reader *value, struct snmp_answer *answer)
{
	size_t len = value->len < sizeof(answer->text) ? value->len : sizeof(answer->text) - 1;

	answer->kind = SNMP_ASK_OTHER;
	if (tag == TAG_NO_SUCH_OBJECT || tag == TAG_NO_SUCH_INSTANCE || tag == TAG_END_OF_MIB_VIEW)
		answer->kind = SNMP_ASK_NONE;
	if (tag != TAG_OCTETS)
		return;
	answer->kind = SNMP_ASK_TEXT;
	for (size_t i = 0; i < len; i++)
		answer->text[i] =
			value->at[i] < ' ' || value->at[i] > '~' ? '?' : (char)value->at[i];
}

int snmp_ask_parse(const uint8_t *msg, size_t len, int32_t request_id,
		   struct snmp_answer *ret_answer)
{
	struct snmp_answer answer = { .error = 0 };
	struct reader r = { msg, len }, message, community, pdu, list, variable, oid, value;
	int32_t version, id, status, index;
	unsigned tag;

	if (!get_tagged(&r, TAG_SEQUENCE, &message) || !get_integer(&message, &version) ||
	    !get_tagged(&message, TAG_OCTETS, &community) ||
	    !get_tagged(&message, TAG_RESPONSE, &pdu) || !get_integer(&pdu, &id) ||
	    !get_integer(&pdu, &status) || !get_integer(&pdu, &index))
		return -EBADMSG;
	if (version != VERSION_2C || id != request_id)
		return -EBADMSG;
	if (status) {
		answer.kind = SNMP_ASK_REFUSED;
		answer.error = status;
	} else {
		if (!get_tagged(&pdu, TAG_SEQUENCE, &list) ||
		    !get_tagged(&list, TAG_SEQUENCE, &variable) ||
		    !get_tagged(&variable, TAG_OID, &oid) || !get(&variable, &tag, &value))
			return -EBADMSG;
		take_value(tag, &value, &answer);
	}
	*ret_answer = answer;
	return 0;
}

/* ---- the network ---- */

/* "HOST", "HOST:PORT" or "[HOST]:PORT"; an IPv6 address without a port needs no brackets. */
static void split_agent(const char *agent, char **ret_host, char **ret_port)
{
	const char *colon = strrchr(agent, ':'), *end = strchr(agent, ']');

	if (*agent == '[' && end) {
		*ret_host = xstrndup(agent + 1, (size_t)(end - agent) - 1);
		*ret_port = xstrdup(end[1] == ':' ? end + 2 : "161");
	} else if (colon && strchr(agent, ':') == colon) {
		*ret_host = xstrndup(agent, (size_t)(colon - agent));
		*ret_port = xstrdup(colon + 1);
	} else {
		*ret_host = xstrdup(agent);
		*ret_port = xstrdup("161");
	}
}

/* The socket is connected, so that it reports ECONNREFUSED if nothing listens there. Returns a
 * descriptor or -errno. */
static int connect_to(const char *agent, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *list = NULL;
	char *host, *port;
	int fd = -1, rc;

	split_agent(agent, &host, &port);
	rc = getaddrinfo(host, port, &hints, &list);
	free(host);
	free(port);
	if (rc) {
		err_set(e, "%s: %s", agent, gai_strerror(rc));
		return -EINVAL;
	}
	rc = 0;
	fd = socket(list->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, list->ai_addr, list->ai_addrlen) < 0) {
		rc = -errno;
		err_set(e, "%s: %s", agent, strerror(errno));
	}
	if (rc && fd >= 0)
		close(fd);
	freeaddrinfo(list);
	return rc ? rc : fd;
}

/* Wait for the response to request_id and discard all else. Returns 0 or -errno. */
static int receive(int fd, int32_t request_id, int timeout_ms, struct snmp_answer *ret_answer)
{
	uint64_t until_ns = loop_now_ns() + (uint64_t)timeout_ms * NS_PER_MS, now_ns;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint8_t buf[SNMP_ASK_MAX * 4];
	ssize_t n;

	while ((now_ns = loop_now_ns()) < until_ns) {
		if (poll(&pfd, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) <= 0)
			continue;
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0 && snmp_ask_parse(buf, (size_t)n, request_id, ret_answer) == 0)
			return 0;
	}
	return -ETIMEDOUT;
}

int snmp_ask(const char *agent, const char *community, const uint32_t *oid, size_t oid_len,
	     int timeout_ms, int tries, struct snmp_answer *ret_answer, struct err *e)
{
	int32_t request_id = (int32_t)(loop_now_ns() & 0x3fffffff);
	uint8_t buf[SNMP_ASK_MAX];
	int fd, len = snmp_ask_build(community, request_id, oid, oid_len, buf);
	int rc = -ETIMEDOUT;

	if (len < 0) {
		err_set(e, "the community is too long");
		return len;
	}
	fd = connect_to(agent, e);
	if (fd < 0)
		return fd;
	for (int i = 0; i < tries && rc == -ETIMEDOUT; i++) {
		rc = send(fd, buf, (size_t)len, 0) < 0 ? -errno : 0;
		if (!rc)
			rc = receive(fd, request_id, timeout_ms, ret_answer);
	}
	if (rc < 0)
		err_set(e, "%s: %s", agent, strerror(-rc));
	close(fd);
	return rc;
}
