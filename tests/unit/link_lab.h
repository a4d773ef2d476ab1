/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LINK_LAB_H
#define LINK_LAB_H

#include "netfilter/link/object.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A private bpffs, and the counting programs run on packets that a test makes
 * (BPF_PROG_TEST_RUN). */

#define LAB_BPF_DIR "/sys/fs/bpf/ctmeter"

/* Enter mount and network namespaces of this process's own, with an empty bpffs. If BPF cannot be
 * had here, print SKIP with the reason and return false. */
bool lab_enter(void);

struct packet {
	uint8_t at[4096];
	size_t n;
	uint32_t gso_size, gso_segs;
	uint32_t came_in_by; /* ingress_ifindex; 0: the node itself sends it */
};

/* Let a program see the packet `repeat` times, as one of the link with index 1. Returns what the
 * program returned, or -errno - 1000 if it could not be run. *ret_ns (or NULL): for each time. */
int lab_run(int program, const struct packet *p, uint32_t repeat, uint32_t *ret_ns);

/* --- making packets: each adds at the end ------------------------------------------------- */

void put(struct packet *p, const void *octets, size_t n);
void put_zeros(struct packet *p, size_t n);
void put_u16(struct packet *p, unsigned value); /* in network order */
void put_u32(struct packet *p, uint32_t value);
void put_ether(struct packet *p, unsigned type);
/* An IP header whose length is put in by put_end. Returns where it is. */
size_t put_ip4(struct packet *p, const char *from, const char *to, unsigned proto, size_t options);
size_t put_ip6(struct packet *p, const char *from, const char *to, unsigned next);
void put_tcp(struct packet *p, size_t options);
void put_udp(struct packet *p, unsigned port);
/* The packet ends here: write its length into the header at `ip`. */
void put_end(struct packet *p, size_t ip);

#endif
