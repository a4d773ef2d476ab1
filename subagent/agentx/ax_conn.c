/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stream to the master agent.
 * 1. No call blocks, and none raises SIGPIPE.
 * 2. While output is queued, nothing is read and no PDU is passed on. A master that does not read
 *    its responses gets no more of them, so memory stays bounded.
 * 3. One turn of the loop takes PDUs from one buffer, and stops once AX_PDU_MAX octets of responses
 *    were sent. However many requests arrive, everything else gets its turn.
 * 4. Of a PDU over AX_PDU_MAX only the header is passed on and the payload is skipped, so one bad
 *    request does not cost the session. An impossible header ends the connection.
 * 5. `closed` is only called from the loop, never from within ax_conn_open or ax_conn_send. */
#include "agentx/ax_conn.h"

#include "base/endpoint.h"
#include "base/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A larger payload is not AgentX, and skipping it would take too long. */
#define PASS_OVER_MAX (16u << 20)

/* The kernel gives up on a TCP master after this time if its host is gone. While a master is merely
 * stopped, its kernel still acknowledges. */
#define TCP_DEAD_MS 20000

struct ax_conn {
	struct ax_conn_hooks hooks;
	struct loop *loop;
	struct endpoint master;
	size_t next_place; /* the master's addresses are tried in turn, one per connect */
	int fd; /* -1: closed */
	bool connecting;
	bool held; /* `in` may hold whole PDUs for the next turn */
	size_t sent; /* octets sent in this turn */
	size_t used; /* octets in `in` */
	size_t pass_over; /* octets of an oversized payload still to skip */
	uint8_t *out; /* out_at..out_len are still to be sent */
	size_t out_at, out_len, out_cap;
	uint8_t in[AX_PDU_MAX];
};

int ax_conn_new(const char *where, const struct ax_conn_hooks *hooks, struct loop *loop,
		struct ax_conn **ret_conn, struct err *e)
{
	struct ax_conn *conn = xcalloc(1, sizeof(*conn));
	bool tcp = strncmp(where, "tcp:", 4) == 0;
	int rc = endpoint_parse(where, &conn->master);

	if (rc) {
		free(conn);
		err_set(e, "agentx socket \"%s\": want %s", where,
			tcp ? "tcp:HOST:PORT with an address or localhost as HOST"
			    : "a path of 1 to 107 octets, or tcp:HOST:PORT");
		return rc;
	}
	conn->hooks = *hooks;
	conn->loop = loop;
	conn->fd = -1;
	*ret_conn = conn;
	return 0;
}

void ax_conn_free(struct ax_conn *conn)
{
	if (!conn)
		return;
	ax_conn_close(conn);
	free(conn->out);
	free(conn);
}

void ax_conn_close(struct ax_conn *conn)
{
	if (conn->fd < 0)
		return;
	loop_unwatch(conn->loop, conn->fd);
	close(conn->fd);
	conn->fd = -1;
	conn->connecting = conn->held = false;
	conn->used = conn->pass_over = 0;
	conn->out_at = conn->out_len = 0;
}

static void fail(struct ax_conn *conn, const char *why, uint64_t now_ns)
{
	ax_conn_close(conn);
	conn->hooks.closed(conn->hooks.arg, why, now_ns);
}

static bool output_waits(const struct ax_conn *conn)
{
	return conn->out_at < conn->out_len;
}

static void on_event(void *arg, short revents, uint64_t now_ns);

static void watch(struct ax_conn *conn)
{
	bool out = conn->connecting || output_waits(conn) || conn->held;
	short events = out ? POLLOUT : POLLIN;

	loop_watch(conn->loop, conn->fd, events, on_event, conn);
}

static void tune_tcp(int fd)
{
	const int on = 1, dead_ms = TCP_DEAD_MS;

	/* Best effort: without these options a dead host is merely noticed later. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms));
}

/* connect to a unix socket whose backlog is full fails with EAGAIN: the master does not accept.
 * Retry later. */
int ax_conn_open(struct ax_conn *conn)
{
	const struct sockaddr *sa =
		(const struct sockaddr *)&conn->master.places[conn->next_place].sa;
	socklen_t len = conn->master.places[conn->next_place].len;
	int fd, rc;

	assert(conn->fd < 0);
	conn->next_place = (conn->next_place + 1) % conn->master.n;
	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (sa->sa_family != AF_UNIX)
		tune_tcp(fd);
	rc = connect(fd, sa, len) ? -errno : 0;
	if (rc && rc != -EINPROGRESS) {
		close(fd);
		return rc;
	}
	conn->fd = fd;
	conn->connecting = rc == -EINPROGRESS;
	watch(conn);
	return rc;
}

/* Send the queued output. If the socket fails, shut it down: poll then reports it. */
static void flush(struct ax_conn *conn)
{
	while (output_waits(conn)) {
		ssize_t n = send(conn->fd, conn->out + conn->out_at, conn->out_len - conn->out_at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0) {
			shutdown(conn->fd, SHUT_RDWR);
			break;
		}
		conn->out_at += (size_t)n;
	}
	conn->out_at = conn->out_len = 0;
}

void ax_conn_send(struct ax_conn *conn, const uint8_t *octets, size_t len)
{
	if (conn->fd < 0)
		return;
	if (conn->out_len + len > conn->out_cap) {
		conn->out_cap = conn->out_len + len;
		conn->out = xreallocarray(conn->out, conn->out_cap, 1);
	}
	memcpy(conn->out + conn->out_len, octets, len);
	conn->out_len += len;
	conn->sent += len;
	flush(conn);
	if (output_waits(conn))
		watch(conn);
}

static bool header_is_sane(const struct ax_header *h)
{
	return h->version == AX_VERSION && h->payload % 4 == 0 && h->payload <= PASS_OVER_MAX;
}

/* Take one PDU, or a piece of one to skip, from the n octets at p. Returns how many octets were
 * taken, 0 when more must arrive first. */
static size_t take_pdu(struct ax_conn *conn, uint8_t *p, size_t n, uint64_t now_ns)
{
	struct ax_header h;
	size_t total;

	if (conn->pass_over) {
		total = conn->pass_over < n ? conn->pass_over : n;
		conn->pass_over -= total;
		return total;
	}
	if (n < AX_HEADER_OCTETS)
		return 0;
	ax_header_read(p, &h);
	if (!header_is_sane(&h)) {
		fail(conn, "received data that is not AgentX", now_ns);
		return 0;
	}
	total = AX_HEADER_OCTETS + h.payload;
	if (total > AX_PDU_MAX) {
		conn->pass_over = h.payload;
		conn->hooks.pdu(conn->hooks.arg, &h, NULL, 0, now_ns);
		return AX_HEADER_OCTETS;
	}
	if (n < total)
		return 0;
	conn->hooks.pdu(conn->hooks.arg, &h, p, total, now_ns);
	return total;
}

static void take_pdus(struct ax_conn *conn, uint64_t now_ns)
{
	size_t at = 0, taken = 1;

	conn->sent = 0;
	while (conn->fd >= 0 && !output_waits(conn) && conn->sent < AX_PDU_MAX && taken) {
		taken = take_pdu(conn, conn->in + at, conn->used - at, now_ns);
		at += taken;
	}
	if (conn->fd < 0)
		return;
	conn->held = taken != 0;
	conn->used -= at;
	if (at)
		memmove(conn->in, conn->in + at, conn->used);
	watch(conn);
}

static void read_some(struct ax_conn *conn, uint64_t now_ns)
{
	ssize_t n =
		recv(conn->fd, conn->in + conn->used, sizeof(conn->in) - conn->used, MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n <= 0) {
		fail(conn, n ? strerror(errno) : "it closed the connection", now_ns);
		return;
	}
	conn->used += (size_t)n;
	take_pdus(conn, now_ns);
}

static void finish_connect(struct ax_conn *conn, uint64_t now_ns)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error) {
		fail(conn, strerror(error), now_ns);
		return;
	}
	conn->connecting = false;
	watch(conn);
	conn->hooks.connected(conn->hooks.arg, now_ns);
}

static void on_event(void *arg, short revents, uint64_t now_ns)
{
	struct ax_conn *conn = arg;

	(void)revents; /* send and recv report errors and hang-ups */
	if (conn->connecting) {
		finish_connect(conn, now_ns);
	} else if (output_waits(conn) || conn->held) {
		flush(conn);
		if (!output_waits(conn))
			take_pdus(conn, now_ns);
	} else {
		read_some(conn, now_ns);
	}
}
