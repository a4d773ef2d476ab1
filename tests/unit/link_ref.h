/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LINK_REF_H
#define LINK_REF_H

#include "link_lab.h"

/* What the counting programs should do with a packet, by rules written down a second time. It knows
 * these keys, and nothing else of the programs or their maps. */
#define REF_LINK 1 /* the link that the packets are on */
#define REF_OTHER 2 /* another */
#define REF_NODE4 "192.0.2.1"
#define REF_NODE6 "fd00:2::1"

struct ref_key {
	uint32_t link;
	const char *addr;
};
#define REF_KEYS 4
extern const struct ref_key ref_keys[REF_KEYS];

enum { REF_NOTHING = -1, REF_STRAY = -2, REF_BROKEN = -3 };

struct outcome {
	int slot; /* index in ref_keys, or REF_* */
	int path;
	uint64_t octets, pkts;
};

struct outcome ref_outcome(enum link_program program, const struct packet *p);

#endif
