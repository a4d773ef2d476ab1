/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_VETH_NET_H
#define CTM_TESTS_VETH_NET_H

#include <stddef.h>
#include <stdint.h>

/* A private node for tests of counting on links: network namespaces of the test process (the node
 * and its containers), and a mount namespace with a bpffs. The node has the addresses
 * 198.51.100.250 and 2001:db8::fa. Each container has a veth pair "hN" (the node's side) and "cN",
 * and sends from any address of 198.51.100.0/24 and 2001:db8::/64; nothing resolves addresses, so
 * only what the tests send passes the links. */

/* Move this process there. Returns NULL, or why this machine cannot (static text). */
const char *veth_net_enter(void);

/* A directory for fw_config.bpf_dir. */
const char *veth_net_bpf_dir(void);

/* Start container n (0 to 31), or start it again: it gets a new link. Returns the link's index.
 * veth_net_stop ends it, with its link. */
uint32_t veth_net_start(unsigned n);
void veth_net_stop(unsigned n);

/* Make a link of the node, of which the other end is "hN" there, the container's "cN". */
void veth_net_adopt(unsigned n, const char *name);

/* Let container n send UDP datagrams to the node, each `ip_octets` long at the IP layer, and take
 * them in. */
void veth_net_send(unsigned n, const char *from, size_t ip_octets, unsigned count);
/* The same one by one, without taking in: a socket, and a datagram into it. Returns how many were
 * sent: 1, or 0 if there was no room. */
int veth_net_socket(unsigned n, const char *from);
unsigned veth_net_throw(int fd, size_t ip_octets);
/* The other direction: the node sends to `to`, which is in container n. */
void veth_net_answer(unsigned n, const char *to, size_t ip_octets, unsigned count);

/* Run a command (system(3)) on the node, or in container n; it must succeed. */
void veth_net_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void veth_net_run_in(unsigned n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
