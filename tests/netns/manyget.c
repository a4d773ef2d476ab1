/* SPDX-License-Identifier: GPL-2.0-or-later */
/* manyget: one SNMPv2c GET of as many OIDs as stdin has lines (net-snmp's snmpget takes 128).
 *
 *   manyget PORT COMMUNITY < OIDS
 *
 * Asks 127.0.0.1 and prints "ERROR-STATUS VARBINDS EXCEPTIONS" of the answer, where EXCEPTIONS
 * counts noSuchObject, noSuchInstance and endOfMibView. Exit 1: no answer within 10 s, or one that
 * is no SNMP. The message is written from its end, so every length is known when it is needed
 * (X.690 s8, RFC 3416 s3). */

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MESSAGE_MAX 65507
#define OID_MAX 128

/* Written downwards: the message is at[0 .. end). */
struct writer {
	uint8_t buf[MESSAGE_MAX];
	uint8_t *at;
};

struct reader {
	const uint8_t *at, *end;
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "manyget: %s\n", what);
	exit(1);
}

static void put(struct writer *w, const void *data, size_t n)
{
	if ((size_t)(w->at - w->buf) < n)
		die("the request is larger than a datagram");
	w->at -= n;
	memcpy(w->at, data, n);
}

static void put_byte(struct writer *w, unsigned byte)
{
	uint8_t b = (uint8_t)byte;

	put(w, &b, 1);
}

/* Tag and length in front of the `n` octets written last. */
static void wrap(struct writer *w, unsigned tag, size_t n)
{
	if (n < 128) {
		put_byte(w, (unsigned)n);
	} else {
		put_byte(w, (unsigned)n & 255);
		put_byte(w, (unsigned)(n >> 8));
		put_byte(w, 0x82);
	}
	put_byte(w, tag);
}

static void put_small(struct writer *w, unsigned value)
{
	put_byte(w, value);
	wrap(w, 0x02, 1);
}

/* One sub-identifier: 7 bits an octet, all but the last marked. */
static void put_sub(struct writer *w, unsigned long sub)
{
	unsigned mark = 0;

	do {
		put_byte(w, (unsigned)(sub & 127) | mark);
		mark = 128;
		sub >>= 7;
	} while (sub);
}

static void put_varbind(struct writer *w, const char *text)
{
	const uint8_t *end = w->at, *name;
	unsigned long sub[OID_MAX];
	size_t n = 0;
	char *next;

	for (text += *text == '.'; n < OID_MAX; text = next + 1) {
		sub[n++] = strtoul(text, &next, 10);
		if (*next != '.')
			break;
	}
	if (n < 2)
		die("a line is no OID");
	wrap(w, 0x05, 0);
	name = w->at;
	while (n > 2)
		put_sub(w, sub[--n]);
	put_sub(w, sub[0] * 40 + sub[1]);
	wrap(w, 0x06, (size_t)(name - w->at));
	wrap(w, 0x30, (size_t)(end - w->at));
}

static void write_request(struct writer *w, const char *community, FILE *oids)
{
	const uint8_t *end = w->buf + sizeof(w->buf);
	char line[2048];

	w->at = w->buf + sizeof(w->buf);
	while (fgets(line, sizeof(line), oids))
		put_varbind(w, line);
	wrap(w, 0x30, (size_t)(end - w->at));
	put_small(w, 0); /* error-index */
	put_small(w, 0); /* error-status */
	put_small(w, 77); /* request-id */
	wrap(w, 0xa0, (size_t)(end - w->at));
	put(w, community, strlen(community));
	wrap(w, 0x04, strlen(community));
	put_small(w, 1); /* SNMPv2c */
	wrap(w, 0x30, (size_t)(end - w->at));
}

/* Step over a tag and its length; r is then at the contents. Returns the tag. */
static unsigned open_tag(struct reader *r, size_t *ret_len)
{
	unsigned tag, n = 0;
	size_t len;

	if (r->end - r->at < 2)
		die("the answer is cut off");
	tag = *r->at++;
	len = *r->at++;
	if (len & 128) {
		n = len & 127;
		for (len = 0; n && r->at < r->end; n--)
			len = len << 8 | *r->at++;
	}
	if (n || len > (size_t)(r->end - r->at))
		die("the answer is cut off");
	*ret_len = len;
	return tag;
}

static unsigned long read_skip(struct reader *r, unsigned *ret_tag)
{
	unsigned long value = 0;
	size_t len;
	unsigned tag = open_tag(r, &len);

	for (; len; len--)
		value = value << 8 | *r->at++;
	if (ret_tag)
		*ret_tag = tag;
	return value;
}

static void print_answer(const uint8_t *data, size_t n)
{
	struct reader r = { data, data + n };
	unsigned varbinds = 0, exceptions = 0, tag;
	unsigned long error;
	size_t len;

	if (open_tag(&r, &len) != 0x30)
		die("the answer is no SNMP message");
	read_skip(&r, NULL);
	read_skip(&r, NULL);
	if (open_tag(&r, &len) != 0xa2)
		die("the answer is no response");
	if (read_skip(&r, NULL) != 77)
		die("the answer is another request's");
	error = read_skip(&r, NULL);
	read_skip(&r, NULL);
	open_tag(&r, &len);
	for (; r.at < r.end; varbinds++) {
		open_tag(&r, &len);
		read_skip(&r, NULL);
		read_skip(&r, &tag);
		exceptions += tag >= 0x80 && tag <= 0x82;
	}
	printf("%lu %u %u\n", error, varbinds, exceptions);
}

int main(int argc, char **argv)
{
	static struct writer w;
	static uint8_t answer[65536];
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timeval wait = { .tv_sec = 10 };
	size_t len;
	ssize_t got;
	int fd;

	if (argc != 3)
		die("usage: manyget PORT COMMUNITY < OIDS");
	to.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	write_request(&w, argv[2], stdin);
	len = (size_t)(w.buf + sizeof(w.buf) - w.at);

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
	    send(fd, w.at, len, 0) != (ssize_t)len)
		die("cannot send");
	got = recv(fd, answer, sizeof(answer), 0);
	if (got < 0)
		die("no answer");
	print_answer(answer, (size_t)got);
	close(fd);
	return 0;
}
