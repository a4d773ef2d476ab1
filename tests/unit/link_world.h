/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LINK_WORLD_H
#define LINK_WORLD_H

#include "link_ref.h"

/* The programs with the keys of link_ref.h. Fixtures: */
extern struct link_object object;
void world_make(void);
void world_end(void);

/* What a program did with a packet: the one thing that has changed. */
struct outcome world_run(enum link_program program, const struct packet *p);
void expect_same(struct outcome got, struct outcome want, enum link_program program,
		 const struct packet *p);
/* The figures given here, and those of the second implementation. */
void expect(enum link_program program, const struct packet *p, int slot, int path, uint64_t octets,
	    uint64_t pkts);

struct packet udp4(const char *from, const char *to, size_t payload);
struct packet udp6(const char *from, const char *to, size_t payload);
/* The start of a packet of the container's: outer headers of a tunnel. And inner ones, with TCP. */
struct packet outer(bool v4, unsigned proto);
void put_inner(struct packet *p, bool v4);

#endif
