/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/proto.h"

#include <errno.h>
#include <string.h>

enum wire { WIRE_VARINT, WIRE_64, WIRE_OCTETS, WIRE_32 = 5 };

#define GRPC_HEAD 5 /* "is it compressed", and a length of 4 octets */

struct proto proto_of(const void *octets, size_t len)
{
	return (struct proto) { .at = octets, .len = len };
}

static bool skip(struct proto *p, size_t n)
{
	if (n > p->len) {
		p->broken = true;
		return false;
	}
	p->at += n;
	p->len -= n;
	return true;
}

static bool take_varint(struct proto *p, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && p->len; shift += 7) {
		uint8_t octet = *p->at;

		skip(p, 1);
		value |= (uint64_t)(octet & 0x7f) << shift;
		if (!(octet & 0x80)) {
			*ret = value;
			return true;
		}
	}
	p->broken = true;
	return false;
}

/* Returns whether the field is one that can be given to the caller. */
static bool take_value(struct proto *p, unsigned wire, struct proto_field *f)
{
	uint64_t len;

	switch (wire) {
	case WIRE_VARINT:
		f->is_number = true;
		return take_varint(p, &f->value);
	case WIRE_OCTETS:
		if (!take_varint(p, &len))
			return false;
		f->octets = proto_of(p->at, (size_t)len);
		if (len > SIZE_MAX || !skip(p, (size_t)len))
			p->broken = true;
		return !p->broken;
	case WIRE_64:
		skip(p, 8);
		return false;
	case WIRE_32:
		skip(p, 4);
		return false;
	default:
		p->broken = true;
		return false;
	}
}

bool proto_next(struct proto *message, struct proto_field *ret_field)
{
	while (message->len && !message->broken) {
		struct proto_field f = { .number = 0 };
		uint64_t key;

		if (!take_varint(message, &key))
			break;
		f.number = (uint32_t)(key >> 3);
		if (take_value(message, (unsigned)key & 7, &f)) {
			*ret_field = f;
			return true;
		}
	}
	return false;
}

bool proto_text(const struct proto_field *field, char *buf, size_t size)
{
	const struct proto *p = &field->octets;

	*buf = '\0';
	if (field->is_number || p->len >= size || (p->len && memchr(p->at, '\0', p->len)))
		return false;
	if (p->len)
		memcpy(buf, p->at, p->len);
	buf[p->len] = '\0';
	return true;
}

int proto_of_grpc(const char *text, size_t len, struct proto *ret_message)
{
	const uint8_t *head = (const uint8_t *)text;
	size_t says;

	if (len < GRPC_HEAD || head[0])
		return -EBADMSG;
	says = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
	if (says != len - GRPC_HEAD)
		return -EBADMSG;
	*ret_message = proto_of(head + GRPC_HEAD, says);
	return 0;
}
