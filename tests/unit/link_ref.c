/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link_ref.h"

#include <arpa/inet.h>
#include <string.h>

const struct ref_key ref_keys[REF_KEYS] = {
	{ REF_LINK, "10.77.1.2" },
	{ REF_LINK, "fd77:1::2" },
	{ REF_OTHER, "10.77.9.9" },
	{ REF_OTHER, "fd77:9::9" },
};

/* An octet, or two, of the packet; what is not there makes the reader fail. */
struct reader {
	const struct packet *p;
	bool failed;
};

static unsigned byte(struct reader *r, size_t at)
{
	if (at < r->p->n)
		return r->p->at[at];
	r->failed = true;
	return 0;
}

static unsigned word(struct reader *r, size_t at)
{
	return byte(r, at) << 8 | byte(r, at + 1);
}

static bool is(const uint8_t *at, const char *text)
{
	uint8_t octets[16];

	if (strchr(text, ':'))
		return inet_pton(AF_INET6, text, octets) == 1 && !memcmp(at, octets, 16);
	return inet_pton(AF_INET, text, octets) == 1 && !memcmp(at, octets, 4);
}

/* --- the headers of a segment --------------------------------------------------------------- */

enum kind { IP4, IP6, ETHER, TRANSPORT, UNKNOWN };

struct way {
	struct reader r;
	size_t udp_end; /* after the last UDP header; 0: none yet */
	int steps;
};

static size_t end_of(struct way *w, size_t at, enum kind kind, unsigned proto);

static size_t by_ethertype(struct way *w, size_t at, unsigned type)
{
	if (type == 0x8100 || type == 0x88a8) {
		unsigned inner = word(&w->r, at + 2);

		return --w->steps < 0 || w->r.failed ? 0 : by_ethertype(w, at + 4, inner);
	}
	return end_of(w, at,
		      type == 0x0800   ? IP4
		      : type == 0x86dd ? IP6
		      : type == 0x6558 ? ETHER
				       : UNKNOWN,
		      0);
}

static bool has(const struct way *w, size_t at, size_t n)
{
	return at + n <= w->r.p->n;
}

static size_t after_udp(struct way *w, size_t at)
{
	unsigned port = word(&w->r, at + 2), first;

	w->udp_end = at + 8;
	if (!has(w, at, 16))
		return at + 8;
	first = byte(&w->r, at + 8);
	if (port == 6081 && !(first & 0xc0))
		return by_ethertype(w, at + 16 + 4 * first, word(&w->r, at + 10));
	if ((port == 4789 || port == 8472) && first == 0x08)
		return end_of(w, at + 16, ETHER, 0);
	return at + 8;
}

static size_t after_gre(struct way *w, size_t at)
{
	size_t end = at + 4;
	unsigned bits = byte(&w->r, at);

	if (!has(w, at, 4))
		return 0;
	end += bits & 0x80 ? 4 : 0;
	end += bits & 0x20 ? 4 : 0;
	end += bits & 0x10 ? 4 : 0;
	return by_ethertype(w, end, word(&w->r, at + 2));
}

static size_t transport(struct way *w, size_t at, unsigned proto)
{
	switch (proto) {
	case 6:
		return has(w, at, 20) ? at + (byte(&w->r, at + 12) >> 4) * 4 : 0;
	case 17:
		return after_udp(w, at);
	case 132:
		return at + 12;
	case 4:
		return end_of(w, at, IP4, 0);
	case 41:
		return end_of(w, at, IP6, 0);
	case 47:
		return after_gre(w, at);
	case 0:
	case 43:
	case 60:
		return has(w, at, 2) ? end_of(w, at + 8 + 8 * byte(&w->r, at + 1), TRANSPORT,
					      byte(&w->r, at))
				     : 0;
	case 51:
		return has(w, at, 2) ? end_of(w, at + 8 + 4 * byte(&w->r, at + 1), TRANSPORT,
					      byte(&w->r, at))
				     : 0;
	case 44:
		return has(w, at, 2) ? end_of(w, at + 8, TRANSPORT, byte(&w->r, at)) : 0;
	}
	return 0;
}

/* Where the payload begins after a header of this kind and all that follow; 0: not known. */
static size_t end_of(struct way *w, size_t at, enum kind kind, unsigned proto)
{
	if (--w->steps < 0 || w->r.failed)
		return 0;
	switch (kind) {
	case IP4:
		if (!has(w, at, 20) || byte(&w->r, at) >> 4 != 4)
			return 0;
		return end_of(w, at + (byte(&w->r, at) & 15) * 4, TRANSPORT, byte(&w->r, at + 9));
	case IP6:
		if (!has(w, at, 40) || byte(&w->r, at) >> 4 != 6)
			return 0;
		return end_of(w, at + 40, TRANSPORT, byte(&w->r, at + 6));
	case ETHER:
		return has(w, at, 14) ? by_ethertype(w, at + 14, word(&w->r, at + 12)) : 0;
	case TRANSPORT:
		return transport(w, at, proto);
	case UNKNOWN:
		break;
	}
	return 0;
}

/* --- sizes ------------------------------------------------------------------------------------ */

static uint64_t segments(uint64_t all, uint64_t headers, uint64_t size)
{
	uint64_t payload = all - headers, n = 0;

	do {
		n++;
		payload -= payload < size ? payload : size;
	} while (payload);
	return n;
}

/* By trying every length: the nearest to `sure` of which the kernel's number of segments
 * follows. */
static uint64_t fitting(uint64_t all, uint64_t sure, const struct packet *p)
{
	uint64_t best = 0, distance = UINT64_MAX;

	for (uint64_t h = 0; h <= all; h++) {
		uint64_t d = h > sure ? h - sure : sure - h;

		if (segments(all, h, p->gso_size) == p->gso_segs && d < distance) {
			best = h;
			distance = d;
		}
	}
	return best;
}

static void measure_segments(const struct packet *p, size_t ip, bool v4, struct outcome *o)
{
	struct way w = { .r = { .p = p }, .steps = 16 };
	uint64_t all = p->n - ip, n;
	size_t end = end_of(&w, ip, v4 ? IP4 : IP6, 0);
	size_t sure = w.udp_end ? w.udp_end - ip : 0;
	uint64_t headers = end && !w.r.failed ? end - ip : sure;

	if (headers > all)
		headers = all;
	n = p->gso_size == 0xffff ? p->gso_segs : segments(all, headers, p->gso_size);
	if (p->gso_segs && n != p->gso_segs) {
		n = p->gso_segs;
		headers = fitting(all, sure, p);
	}
	if (!n)
		n = 1;
	o->pkts = n;
	o->octets = all + (n - 1) * headers;
}

static void measure(const struct packet *p, size_t ip, bool v4, struct outcome *o)
{
	uint64_t all = p->n - ip;
	uint64_t said =
		v4 ? p->at[ip + 2] << 8 | p->at[ip + 3] : 40 + (p->at[ip + 4] << 8 | p->at[ip + 5]);
	uint64_t least = v4 ? (p->at[ip] & 15) * 4 : 40;

	if (p->gso_size) {
		measure_segments(p, ip, v4, o);
		return;
	}
	o->pkts = 1;
	o->octets = all;
	if (all <= 46 && said >= least && said < all)
		o->octets = said;
}

/* --- whose ------------------------------------------------------------------------------------ */

static bool is_for_node(const uint8_t *to, bool v4)
{
	if (v4)
		return is(to, REF_NODE4) || is(to, "255.255.255.255") ||
		       (to[0] == 224 && !to[1] && !to[2]);
	return is(to, REF_NODE6) || (to[0] == 0xff && (to[1] & 15) == 2);
}

static bool needs_no_owner(const uint8_t *from, bool v4)
{
	if (v4)
		return is(from, "0.0.0.0");
	return is(from, "::") || (from[0] == 0xfe && (from[1] & 0xc0) == 0x80);
}

static struct outcome outcome_of_ip(enum link_program program, const struct packet *p, size_t ip,
				    bool v4)
{
	bool own_in = program == LINK_COUNT_IN || program == LINK_COUNT_IN_L3;
	bool shared_in = program == LINK_COUNT_SHARED_IN || program == LINK_COUNT_SHARED_IN_L3;
	bool own_out = program == LINK_COUNT_OUT || program == LINK_COUNT_OUT_L3;
	bool from = own_in || shared_in || program == LINK_COUNT_UP_OUT ||
		    program == LINK_COUNT_UP_OUT_L3;
	const uint8_t *h = p->at + ip, *source = h + (v4 ? 12 : 8), *dest = h + (v4 ? 16 : 24);
	struct outcome o = { .slot = REF_NOTHING };
	bool node;

	if (p->n < ip + (v4 ? 20 : 40) || h[0] >> 4 != (v4 ? 4 : 6) || (v4 && (h[0] & 15) < 5)) {
		if (own_in)
			o = (struct outcome) { REF_BROKEN, 0, p->n > ip ? p->n - ip : 0, 1 };
		return o;
	}
	for (int i = 0; i < REF_KEYS; i++)
		if (ref_keys[i].link == REF_LINK && !strchr(ref_keys[i].addr, ':') == v4 &&
		    is(from ? source : dest, ref_keys[i].addr))
			o.slot = i;
	if (o.slot < 0 && own_in && !needs_no_owner(source, v4))
		o.slot = REF_STRAY;
	if (o.slot == REF_NOTHING)
		return o;
	measure(p, ip, v4, &o);
	node = from ? (own_in || shared_in) && is_for_node(dest, v4) : own_out && !p->came_in_by;
	if (o.slot >= 0)
		o.path = (from ? LINK_OUT : LINK_IN) + (node ? LINK_NODE_IN : 0);
	return o;
}

struct outcome ref_outcome(enum link_program program, const struct packet *p)
{
	bool l3 = (program >= LINK_COUNT_IN_L3 && program <= LINK_COUNT_UP_OUT_L3) ||
		  program == LINK_COUNT_SHARED_IN_L3;
	unsigned type = (unsigned)(p->at[12] << 8 | p->at[13]);
	size_t ip = l3 ? 0 : 14;

	for (int i = 0; !l3 && i < 2 && (type == 0x8100 || type == 0x88a8); i++) {
		if (ip + 4 > p->n)
			return (struct outcome) { .slot = REF_NOTHING };
		type = (unsigned)(p->at[ip + 2] << 8 | p->at[ip + 3]);
		ip += 4;
	}
	if (type == 0x0800 || type == 0x86dd)
		return outcome_of_ip(program, p, ip, type == 0x0800);
	return (struct outcome) { .slot = REF_NOTHING };
}
