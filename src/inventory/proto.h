/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PROTO_H
#define CTM_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message in Protocol Buffers' encoding, read field by field, over octets in memory. */

struct proto {
	const uint8_t *at;
	size_t len;
	bool broken; /* what follows cannot be read */
};

struct proto_field {
	uint32_t number;
	bool is_number; /* value is set; otherwise octets */
	uint64_t value;
	struct proto octets; /* a text, or a message to be read in turn */
};

struct proto proto_of(const void *octets, size_t len);

/* The next field. Those of a fixed width are left out. Returns false at the end, or if the rest is
 * broken. */
bool proto_next(struct proto *message, struct proto_field *ret_field);

/* Copy a text. Returns false, with buf "", if it has no room, or has a NUL in it. */
bool proto_text(const struct proto_field *field, char *buf, size_t size);

/* The message in the one frame of a gRPC answer (a unary call's). Returns 0, or -EBADMSG. */
int proto_of_grpc(const char *text, size_t len, struct proto *ret_message);

#endif
