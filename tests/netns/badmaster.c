/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A broken or hostile AgentX master:
 *   badmaster SOCKET PHASE MILLISECONDS [SEED]
 * Listens at SOCKET, takes subagents, and is bad to them in the way PHASE names (`phases` below)
 * for so long from the first one on. Prints its seed, then how many sessions it took, PDUs it sent
 * and PDUs it read. Knows nothing of the subagent's code: what it sends is put together from RFC
 * 2741 by hand. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HEADER 20
#define ROOM (17u << 20)
#define SESSION 77
#define FIRST_MS 20000 /* a subagent comes within this, or not at all */
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

enum {
	OPEN = 1,
	CLOSE,
	REGISTER,
	GET = 5,
	GETNEXT,
	GETBULK,
	TESTSET,
	CLEANUPSET = 11,
	RESPONSE = 18
};
enum { CONTEXT = 0x08, NETWORK = 0x10 };

struct master {
	int listener, fd; /* fd -1: nobody there */
	uint64_t random, end_ms;
	uint32_t packet; /* of the request made last */
	unsigned long sessions, sent, got;
	bool deaf; /* reads nothing */
	bool good; /* this session has come up */
	uint8_t *out; /* ROOM octets: a PDU in the making */
	size_t len;
	uint8_t in[1 << 16];
	size_t used;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool time_left(const struct master *m)
{
	return now_ms() < m->end_ms;
}

/* splitmix64: the same everywhere */
static uint32_t dice(struct master *m, uint32_t sides)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ z >> 31) % sides);
}

/* --- PDUs ---------------------------------------------------------------------------------- */

static void set_u32(const struct master *m, uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (m->out[2] & NETWORK ? 24 - 8 * i : 8 * i));
}

static void put_u32(struct master *m, uint32_t value)
{
	set_u32(m, m->out + m->len, value);
	m->len += 4;
}

static void begin(struct master *m, uint8_t type, uint8_t flags)
{
	memset(m->out, 0, HEADER);
	m->out[0] = 1;
	m->out[1] = type;
	m->out[2] = flags;
	set_u32(m, m->out + 4, SESSION);
	set_u32(m, m->out + 8, ++m->packet);
	set_u32(m, m->out + 12, m->packet);
	m->len = HEADER;
}

static void end(struct master *m)
{
	set_u32(m, m->out + 16, (uint32_t)(m->len - HEADER));
}

static void put_octets(struct master *m, const void *octets, size_t n)
{
	put_u32(m, (uint32_t)n);
	memcpy(m->out + m->len, octets, n);
	memset(m->out + m->len + n, 0, 3);
	m->len += (n + 3) & ~(size_t)3;
}

/* An OID around what the subagent serves, or anything; now and then one that is too long. */
static void put_oid(struct master *m)
{
	static const uint32_t ours[] = { 8072, 9999, 9999, 1206, 1, 3, 1 };
	static const uint32_t ports[] = { 2, 2, 1, 10 };
	uint32_t kind = dice(m, 8), n = dice(m, 12);

	if (kind == 0)
		n = 0;
	else if (kind == 1)
		n = 110 + dice(m, 146);
	m->out[m->len++] = (uint8_t)n;
	m->out[m->len++] = kind == 0 ? 0 : kind < 5 ? 4 : 2;
	m->out[m->len++] = (uint8_t)dice(m, 2);
	m->out[m->len++] = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t sub = dice(m, 4) ? dice(m, 20) : dice(m, UINT32_MAX);

		if (kind > 1 && kind < 5 && i + 1 < ARRAY_LEN(ours))
			sub = i == 0 ? 1 : ours[i - 1];
		else if (kind >= 5 && i < ARRAY_LEN(ports) && dice(m, 8))
			sub = ports[i];
		put_u32(m, sub);
	}
}

static void put_context(struct master *m)
{
	static const char text[4096] = "containers";

	if (dice(m, 3))
		put_octets(m, text, 10);
	else
		put_octets(m, text, dice(m, sizeof(text)));
}

/* A request that is well-formed, or nearly. */
static void make_request(struct master *m, uint8_t type, uint32_t ranges)
{
	uint8_t flags = dice(m, 2) ? NETWORK : 0;

	flags |= dice(m, 2) ? CONTEXT : 0;
	begin(m, type, flags);
	if (flags & CONTEXT)
		put_context(m);
	if (type == GETBULK)
		put_u32(m, dice(m, 4) ? dice(m, UINT32_MAX) : UINT32_MAX);
	for (uint32_t i = 0; i < 2 * ranges && m->len < 65000; i++)
		put_oid(m);
	end(m);
}

static void make_any(struct master *m)
{
	make_request(m, (uint8_t)(dice(m, 4) ? GET + dice(m, 3) : TESTSET + dice(m, 4)),
		     dice(m, 6));
}

static void make_response(struct master *m, uint32_t packet, uint16_t error)
{
	begin(m, RESPONSE, NETWORK);
	set_u32(m, m->out + 12, packet);
	put_u32(m, dice(m, UINT32_MAX));
	put_u32(m, (uint32_t)error << 16);
	end(m);
}

/* --- the wire ------------------------------------------------------------------------------ */

static void hang_up(struct master *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	m->used = 0;
}

static void take(struct master *m, int wait_ms)
{
	struct pollfd p = { m->listener, POLLIN, 0 };

	if (m->fd >= 0 || poll(&p, 1, wait_ms) <= 0)
		return;
	m->fd = accept4(m->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	m->sessions += m->fd >= 0;
	m->good = false;
}

/* Read what is there; false at the end. */
static bool drain(struct master *m)
{
	ssize_t n = recv(m->fd, m->in + m->used, sizeof(m->in) - m->used, MSG_DONTWAIT);

	if (n > 0)
		m->used += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Take the next whole PDU out of what was read: its header to ret. What is too long is dropped. */
static bool next_pdu(struct master *m, uint8_t ret[HEADER])
{
	uint32_t payload;
	size_t total;

	if (m->used < HEADER)
		return false;
	memcpy(ret, m->in, HEADER);
	payload = ret[2] & NETWORK ? (uint32_t)ret[16] << 24 | (uint32_t)ret[17] << 16 |
					     ret[18] << 8 | ret[19]
				   : (uint32_t)ret[19] << 24 | (uint32_t)ret[18] << 16 |
					     ret[17] << 8 | ret[16];
	total = HEADER + (size_t)payload;
	if (total > m->used && total <= sizeof(m->in))
		return false;
	if (total > m->used)
		total = m->used;
	m->got++;
	m->used -= total;
	memmove(m->in, m->in + total, m->used);
	return true;
}

/* Send the first n octets of `out`, reading (and dropping) what comes unless deaf. */
static bool send_octets(struct master *m, size_t n)
{
	uint8_t header[HEADER];

	for (size_t at = 0; at < n && time_left(m);) {
		struct pollfd p = { m->fd, (short)(m->deaf ? POLLOUT : POLLIN | POLLOUT), 0 };
		ssize_t sent;

		if (poll(&p, 1, 50) <= 0)
			continue;
		if (p.revents & POLLIN && !drain(m))
			return false;
		while (!m->deaf && next_pdu(m, header))
			;
		sent = send(m->fd, m->out + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN)
			return false;
		at += sent > 0 ? (size_t)sent : 0;
	}
	m->sent++;
	return true;
}

static void send_out(struct master *m)
{
	if (m->fd >= 0 && !send_octets(m, m->len))
		hang_up(m);
}

/* The next PDU of the subagent's within wait_ms. */
static bool receive(struct master *m, uint8_t ret[HEADER], int wait_ms)
{
	uint64_t until = now_ms() + (uint64_t)wait_ms;

	while (m->fd >= 0 && !next_pdu(m, ret)) {
		struct pollfd p = { m->fd, POLLIN, 0 };
		uint64_t now = now_ms();

		if (now >= until || poll(&p, 1, (int)(until - now)) <= 0)
			return false;
		if (!drain(m))
			hang_up(m);
	}
	return m->fd >= 0;
}

static uint32_t packet_of(const uint8_t header[HEADER])
{
	return (uint32_t)header[12] << 24 | (uint32_t)header[13] << 16 | header[14] << 8 |
	       header[15];
}

/* Be a master as it should be until the subagent has registered its tables and is quiet. */
static bool be_good(struct master *m)
{
	uint8_t header[HEADER];

	if (m->fd >= 0 && m->good)
		return true;
	take(m, 100);
	while (m->fd >= 0 && time_left(m) && receive(m, header, 200))
		if (header[1] != RESPONSE) {
			make_response(m, packet_of(header), 0);
			send_out(m);
		}
	m->good = m->fd >= 0;
	return m->good;
}

/* --- phases -------------------------------------------------------------------------------- */

static void step_random(struct master *m)
{
	uint32_t n = 4 * dice(m, dice(m, 20) ? 40 : 10000);

	begin(m, (uint8_t)(dice(m, 3) ? GET + dice(m, 7) : dice(m, 256)), (uint8_t)dice(m, 256));
	if (m->out[1] == CLOSE ||
	    m->out[1] == OPEN) /* the end of a session has phases of its own */
		m->out[1] = GET;
	for (uint32_t i = 0; i < n; i++)
		m->out[m->len++] = (uint8_t)(dice(m, 2) ? dice(m, 6) : dice(m, 256));
	end(m);
	send_out(m);
}

/* One to eight bits of a request, where its length stays the same; or cut off, its length put
 * right. */
static void step_flip(struct master *m)
{
	make_any(m);
	if (dice(m, 3) == 0) {
		m->len = HEADER + 4 * (size_t)dice(m, (uint32_t)(m->len - HEADER) / 4 + 1);
		end(m);
	}
	for (uint32_t flips = 1 + dice(m, 8); flips && m->len > HEADER; flips--)
		m->out[HEADER + dice(m, (uint32_t)(m->len - HEADER))] ^= (uint8_t)(1 << dice(m, 8));
	if (dice(m, 4) == 0)
		m->out[4 + dice(m, 12)] ^= (uint8_t)(1 << dice(m, 8)); /* session and ids */
	send_out(m);
}

/* Any bit of the header: lengths up to 2^32-1, versions, types, byte orders. */
static void step_header(struct master *m)
{
	make_any(m);
	for (uint32_t flips = 1 + dice(m, 3); flips; flips--)
		m->out[dice(m, HEADER)] ^= (uint8_t)(1 << dice(m, 8));
	if (dice(m, 4) == 0)
		memset(m->out + 16, dice(m, 2) ? 0xff : 0x7f, 4);
	send_out(m);
}

/* Too large: whole PDUs of up to 16 MiB; contexts of megabytes; lengths inside that overflow. */
static void step_large(struct master *m)
{
	uint32_t kind = dice(m, 3);

	begin(m, (uint8_t)(GET + dice(m, 3)), NETWORK | (kind ? CONTEXT : 0));
	if (kind == 2) {
		put_u32(m, UINT32_MAX - dice(m, 8));
		m->len += 4 * (size_t)dice(m, 10);
	} else {
		put_u32(m, (1 + dice(m, 15)) << 20);
		m->len += kind ? (size_t)(1 + dice(m, 15)) << 20
			       : 65536 + 4 * (size_t)dice(m, 1 << 16);
	}
	end(m);
	send_out(m);
}

static void step_bulk(struct master *m)
{
	make_request(m, (uint8_t)(dice(m, 4) ? GETBULK : GET + dice(m, 2)),
		     dice(m, 2) ? dice(m, 4) : dice(m, 4000));
	send_out(m);
}

static void step_drip(struct master *m)
{
	size_t n;

	make_any(m);
	n = m->len;
	for (size_t i = 0; i < n && m->fd >= 0 && time_left(m); i++) {
		if (!send_octets(m, 1))
			hang_up(m);
		memmove(m->out, m->out + 1, n - i - 1);
	}
}

/* As fast as it can and without reading an answer; each session ends after a while. */
static void step_flood(struct master *m)
{
	m->deaf = true;
	make_request(m, GETBULK, 1 + dice(m, 3));
	send_out(m);
	m->deaf = false;
	if (dice(m, 2000) == 0)
		hang_up(m);
}

/* The same again, a Set's PDUs in any order, and requests for sessions that are not there. */
static void step_order(struct master *m)
{
	uint8_t header[HEADER];

	make_any(m);
	if (dice(m, 3) == 0)
		set_u32(m, m->out + 4, dice(m, UINT32_MAX));
	for (uint32_t times = dice(m, 4); times; times--)
		send_out(m);
	(void)receive(m, header, 0);
}

/* Answers: with errors, for other sessions, to nothing, twice, and in between requests. */
static void step_lie(struct master *m)
{
	uint8_t header[HEADER];

	take(m, 100);
	if (!receive(m, header, 20))
		memset(header, (int)dice(m, 256), sizeof(header));
	make_response(m, dice(m, 4) ? packet_of(header) : dice(m, 100),
		      (uint16_t)(dice(m, 3) ? 0 : 256 + dice(m, 14)));
	if (dice(m, 4) == 0)
		set_u32(m, m->out + 4, dice(m, 4));
	for (uint32_t i = 0; i < dice(m, 8) && dice(m, 4) == 0; i++)
		put_u32(m, dice(m, UINT32_MAX));
	end(m);
	for (uint32_t times = 1 + dice(m, 3); times; times--)
		send_out(m);
	if (dice(m, 3) == 0) {
		make_any(m);
		send_out(m);
	}
}

/* Gone at the n-th PDU, within an Open or a Register or an answer. */
static void step_close(struct master *m)
{
	uint8_t header[HEADER];
	unsigned long at = m->sessions % 12;

	take(m, 100);
	for (unsigned long i = 0; i < at && receive(m, header, 100); i++) {
		make_response(m, packet_of(header), 0);
		send_out(m);
	}
	if (m->fd >= 0 && dice(m, 2)) {
		begin(m, CLOSE, NETWORK);
		put_u32(m, 1 << 24);
		end(m);
		m->len = dice(m, 2) ? m->len : dice(m, (uint32_t)m->len);
		send_out(m);
	}
	hang_up(m);
}

static void step_mute(struct master *m)
{
	struct pollfd none = { -1, 0, 0 };

	take(m, 100);
	(void)poll(&none, 1, 20);
}

static const struct phase {
	const char *name;
	bool good_first; /* the session comes up before the steps */
	void (*step)(struct master *m);
} phases[] = {
	{ "random", true, step_random }, { "flip", true, step_flip },
	{ "header", true, step_header }, { "large", true, step_large },
	{ "bulk", true, step_bulk },     { "drip", true, step_drip },
	{ "flood", true, step_flood },   { "order", true, step_order },
	{ "lie", false, step_lie },      { "close", false, step_close },
	{ "mute", false, step_mute },
};

static int listen_at(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(un.sun_path))
		return -1;
	strcpy(un.sun_path, path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0 || listen(fd, 5) != 0)
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	static struct master m = { .fd = -1 };
	const struct phase *phase = phases;
	uint64_t seed;

	if (argc < 4)
		return 2;
	while (strcmp(phase->name, argv[2]) != 0)
		if (++phase == phases + ARRAY_LEN(phases))
			return 2;
	seed = argc > 4 && *argv[4] ? strtoull(argv[4], NULL, 0)
				    : (uint64_t)time(NULL) * 2654435761u;
	printf("badmaster %s: SEED=%llu\n", phase->name, (unsigned long long)seed);
	fflush(stdout);
	m.random = seed;
	m.end_ms = now_ms() + FIRST_MS;
	m.out = calloc(1, ROOM);
	m.listener = listen_at(argv[1]);
	if (!m.out || m.listener < 0) {
		perror(argv[1]);
		return 1;
	}
	take(&m, FIRST_MS);
	m.end_ms = now_ms() + strtoul(argv[3], NULL, 10);
	while (time_left(&m))
		if (!phase->good_first || be_good(&m))
			phase->step(&m);
	hang_up(&m);
	unlink(argv[1]);
	printf("sessions %lu sent %lu got %lu\n", m.sessions, m.sent, m.got);
	free(m.out);
	return 0;
}
