/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tapvm: a host that speaks Ethernet itself, as a virtual machine does.
 *
 *   tapvm tap NAME MAC ADDR4 ADDR6        it stands behind the tap device NAME, which it makes
 *   tapvm packet NAME MAC ADDR4 ADDR6     it sends and hears frames on the link NAME
 *
 * It answers ARP and neighbour solicitations for its addresses. Commands come on stdin, one a line,
 * and each is answered by one line on stdout:
 *   send MAC FROM TO COUNT SIZE [OPTION]...
 *           COUNT packets of SIZE octets (IP, UDP) to the station MAC; answered by what was sent on
 *           the wire: "PACKETS OCTETS", octets of IP packets. FROM need not be ours. Options:
 *             port=P    destination (9)          tag=ID   802.1Q; given twice: 802.1ad outside
 *             pad=N     the frame ends with N octets that belong to no packet
 *             ext       IPv6: hop-by-hop and destination options before UDP
 *             frag      each as two fragments (the second of 64 octets of data)
 *             tcp       TCP instead of UDP     gso=N    one packet for the kernel, of SIZE octets
 *                       in all (at most 65535), to be cut into segments of N octets of data
 *   heard   UDP packets to our addresses since the start: "PACKETS OCTETS"
 * It ends at the end of stdin.
 *
 * 1. What is printed of packets with gso is computed from the headers, as it must be on the wire.
 * 2. Every frame has a virtio header before it, as between a hypervisor and the kernel. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_MAX (65535 + 64)
#define MAC_LEN 6
#define UDP_LEN 8
#define TCP_LEN 20
#define EXT_LEN 16 /* hop-by-hop and destination options, 8 each */
#define FRAG_TAIL 64
#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4, of Linux 6.2 */
enum { NEXT_HOP = 0, NEXT_TCP = 6, NEXT_UDP = 17, NEXT_FRAG = 44, NEXT_ICMP6 = 58, NEXT_DEST = 60 };

struct tally {
	uint64_t pkts, octets;
};

struct vm {
	int fd;
	uint8_t mac[MAC_LEN], addr4[4], addr6[16];
	struct tally heard;
	char line[512];
	size_t n_line;
};

/* What a `send` asks for. */
struct order {
	uint8_t to_mac[MAC_LEN], from[16], to[16];
	bool v6, ext, frag, tcp;
	unsigned count, size, port, gso, pad, tags[2], n_tags;
};

/* A frame under construction. */
struct frame {
	uint8_t data[FRAME_MAX];
	size_t len, l3; /* l3: where the IP header begins */
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "tapvm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* RFC 1071, not yet folded. */
static uint32_t sum16(uint32_t sum, const uint8_t *at, size_t len)
{
	for (; len > 1; at += 2, len -= 2)
		sum += get16(at);
	return len ? sum + ((uint32_t)*at << 8) : sum;
}

static unsigned fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t pseudo_sum(const struct order *o, unsigned proto, size_t len)
{
	size_t n = o->v6 ? 16 : 4;

	return sum16(sum16(proto + (uint32_t)len, o->from, n), o->to, n);
}

static void parse_mac(const char *text, uint8_t *ret)
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &ret[0], &ret[1], &ret[2], &ret[3],
		   &ret[4], &ret[5]) != MAC_LEN)
		die(text);
}

static bool parse_addr(const char *text, uint8_t *ret)
{
	bool v6 = strchr(text, ':');

	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, ret) != 1)
		die(text);
	return v6;
}

/* ---- the device ------------------------------------------------------------------------- */

static int open_tap(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) != 0 ||
	    ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0)
		die(name);
	return fd;
}

static int open_packet(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) != 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		die(name);
	return fd;
}

static void transmit(const struct vm *vm, const struct virtio_net_hdr *vnet, const struct frame *f)
{
	static uint8_t out[sizeof(*vnet) + FRAME_MAX];

	memcpy(out, vnet, sizeof(*vnet));
	memcpy(out + sizeof(*vnet), f->data, f->len);
	while (write(vm->fd, out, sizeof(*vnet) + f->len) < 0) {
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die("write");
		usleep(1000);
	}
}

/* ---- sending ---------------------------------------------------------------------------- */

static void put_ethernet(struct frame *f, const uint8_t *to, const struct vm *vm,
			 const struct order *o, unsigned type)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->data, to, MAC_LEN);
	memcpy(f->data + MAC_LEN, vm->mac, MAC_LEN);
	f->len = 2 * MAC_LEN;
	for (unsigned i = 0; o && i < o->n_tags; i++, f->len += 4) {
		put16(f->data + f->len, i + 1 < o->n_tags ? 0x88a8 : 0x8100);
		put16(f->data + f->len + 2, o->tags[i]);
	}
	put16(f->data + f->len, type);
	f->len += 2;
	f->l3 = f->len;
}

/* The IP header for `len` octets that follow it. offset_more: of a fragment, in IPv4's form. */
static void put_ip(struct frame *f, const struct order *o, unsigned next, size_t len, unsigned id,
		   unsigned offset_more)
{
	uint8_t *h = f->data + f->len;

	if (o->v6) {
		h[0] = 0x60;
		put16(h + 4, (unsigned)len);
		h[6] = (uint8_t)next;
		h[7] = 64;
		memcpy(h + 8, o->from, 16);
		memcpy(h + 24, o->to, 16);
		f->len += 40;
		return;
	}
	h[0] = 0x45;
	put16(h + 2, (unsigned)len + 20);
	put16(h + 4, id);
	put16(h + 6, offset_more);
	h[8] = 64;
	h[9] = (uint8_t)next;
	memcpy(h + 12, o->from, 4);
	memcpy(h + 16, o->to, 4);
	put16(h + 10, ~fold(sum16(0, h, 20)));
	f->len += 20;
}

static void put_options(struct frame *f, unsigned next)
{
	uint8_t *h = f->data + f->len;

	h[0] = NEXT_DEST;
	h[2] = h[10] = 1; /* PadN of 4 */
	h[3] = h[11] = 4;
	h[8] = (uint8_t)next;
	f->len += EXT_LEN;
}

/* UDP or TCP with `len` octets in all, the data being 0. With gso the kernel completes the sum. */
static void put_transport(struct frame *f, const struct order *o, size_t len)
{
	uint8_t *h = f->data + f->len;
	uint32_t sum = pseudo_sum(o, o->tcp ? NEXT_TCP : NEXT_UDP, len);
	size_t sum_at = o->tcp ? 16 : 6;
	unsigned folded;

	put16(h, 9);
	put16(h + 2, o->port);
	if (o->tcp) {
		h[12] = TCP_LEN / 4 << 4;
		h[13] = 0x10; /* ACK */
	} else {
		put16(h + 4, (unsigned)len);
	}
	folded = o->gso ? fold(sum) : (uint16_t)~fold(sum16(sum, h, len));
	put16(h + sum_at, folded ? folded : 0xffff);
	f->len += len;
}

static struct virtio_net_hdr vnet_of(const struct order *o, size_t transport, size_t header)
{
	struct virtio_net_hdr v = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };

	v.gso_type = (uint8_t)(!o->tcp ? GSO_UDP_L4
			       : o->v6 ? VIRTIO_NET_HDR_GSO_TCPV6
				       : VIRTIO_NET_HDR_GSO_TCPV4);
	v.hdr_len = (uint16_t)(transport + header);
	v.gso_size = (uint16_t)o->gso;
	v.csum_start = (uint16_t)transport;
	v.csum_offset = o->tcp ? 16 : 6;
	return v;
}

static void send_whole(const struct vm *vm, const struct order *o, unsigned id, struct tally *sent)
{
	static struct frame f;
	struct virtio_net_hdr vnet = { 0 };
	size_t ip = o->v6 ? 40 : 20, ext = o->ext ? EXT_LEN : 0,
	       header = o->tcp ? TCP_LEN : UDP_LEN;
	size_t headers = ip + ext + header, transport;
	unsigned proto = o->tcp ? NEXT_TCP : NEXT_UDP, segs = 1;

	put_ethernet(&f, o->to_mac, vm, o, o->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	put_ip(&f, o, o->ext ? NEXT_HOP : proto, o->size - ip, id, 0);
	if (o->ext)
		put_options(&f, proto);
	transport = f.len;
	put_transport(&f, o, o->size - ip - ext);
	f.len += o->pad;
	if (o->gso) {
		vnet = vnet_of(o, transport, header);
		segs = (unsigned)((o->size - headers + o->gso - 1) / o->gso);
	}
	transmit(vm, &vnet, &f);
	sent->pkts += segs;
	sent->octets += o->size + (segs - 1) * headers;
}

/* The datagram in two: all but FRAG_TAIL octets, and those. */
static void send_fragments(const struct vm *vm, const struct order *o, unsigned id,
			   struct tally *sent)
{
	static struct frame whole, f;
	const struct virtio_net_hdr vnet = { 0 };
	size_t ip = o->v6 ? 40 : 20, udp = o->size - ip, head = (udp - FRAG_TAIL) & ~7u;

	memset(&whole, 0, sizeof(whole));
	put_transport(&whole, o, udp);
	for (size_t at = 0; at < udp; at += head) {
		size_t n = at ? udp - head : head;
		unsigned more = at ? 0 : 1;

		put_ethernet(&f, o->to_mac, vm, o, o->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
		if (o->v6) {
			put_ip(&f, o, NEXT_FRAG, n + 8, id, 0);
			f.data[f.len] = NEXT_UDP;
			put16(f.data + f.len + 2, (unsigned)at | more);
			put16(f.data + f.len + 6, id);
			f.len += 8;
		} else {
			put_ip(&f, o, NEXT_UDP, n, id, (unsigned)at / 8 | more << 13);
		}
		memcpy(f.data + f.len, whole.data + at, n);
		f.len += n;
		transmit(vm, &vnet, &f);
		sent->pkts++;
		sent->octets += f.len - f.l3;
	}
}

static void parse_option(struct order *o, const char *word)
{
	unsigned n = strchr(word, '=') ? (unsigned)strtoul(strchr(word, '=') + 1, NULL, 10) : 0;

	if (!strncmp(word, "port=", 5))
		o->port = n;
	else if (!strncmp(word, "tag=", 4) && o->n_tags < 2)
		o->tags[o->n_tags++] = n;
	else if (!strncmp(word, "pad=", 4))
		o->pad = n;
	else if (!strncmp(word, "gso=", 4))
		o->gso = n;
	else if (!strcmp(word, "ext"))
		o->ext = true;
	else if (!strcmp(word, "frag"))
		o->frag = true;
	else if (!strcmp(word, "tcp"))
		o->tcp = true;
	else
		errno = EINVAL, die(word);
}

static struct tally run_order(const struct vm *vm, char *words)
{
	struct order o = { .port = 9 };
	struct tally sent = { 0, 0 };
	char *at = NULL, *word[5];

	for (size_t i = 0; i < 5; i++) {
		word[i] = strtok_r(i ? NULL : words, " ", &at);
		if (!word[i])
			errno = EINVAL, die("send");
	}
	parse_mac(word[0], o.to_mac);
	o.v6 = parse_addr(word[1], o.from);
	parse_addr(word[2], o.to);
	o.count = (unsigned)strtoul(word[3], NULL, 10);
	o.size = (unsigned)strtoul(word[4], NULL, 10);
	for (char *w = strtok_r(NULL, " ", &at); w; w = strtok_r(NULL, " ", &at))
		parse_option(&o, w);
	for (unsigned i = 1; i <= o.count; i++) {
		if (o.frag)
			send_fragments(vm, &o, i, &sent);
		else
			send_whole(vm, &o, i, &sent);
	}
	return sent;
}

/* ---- hearing ---------------------------------------------------------------------------- */

static void answer_arp(const struct vm *vm, const uint8_t *arp, size_t len)
{
	static struct frame f;
	const struct virtio_net_hdr vnet = { 0 };

	if (len < 28 || get16(arp + 6) != 1 || memcmp(arp + 24, vm->addr4, 4) != 0)
		return;
	put_ethernet(&f, arp + 8, vm, NULL, ETHERTYPE_ARP);
	memcpy(f.data + f.len, arp, 8);
	put16(f.data + f.len + 6, 2);
	memcpy(f.data + f.len + 8, vm->mac, MAC_LEN);
	memcpy(f.data + f.len + 14, vm->addr4, 4);
	memcpy(f.data + f.len + 18, arp + 8, 10);
	f.len += 28;
	transmit(vm, &vnet, &f);
}

/* RFC 4861, 4.3 and 4.4. */
static void answer_solicitation(const struct vm *vm, const uint8_t *mac, const uint8_t *ip,
				size_t len)
{
	static struct frame f;
	const struct virtio_net_hdr vnet = { 0 };
	struct order o = { .v6 = true };
	uint8_t *h;

	if (len < 64 || ip[40] != 135 || memcmp(ip + 48, vm->addr6, 16) != 0)
		return;
	memcpy(o.from, vm->addr6, 16);
	memcpy(o.to, ip + 8, 16);
	put_ethernet(&f, mac, vm, NULL, ETHERTYPE_IPV6);
	put_ip(&f, &o, NEXT_ICMP6, 32, 0, 0);
	f.data[f.l3 + 7] = 255;
	h = f.data + f.len;
	h[0] = 136;
	h[4] = 0x60; /* solicited, override */
	memcpy(h + 8, vm->addr6, 16);
	h[24] = 2;
	h[25] = 1;
	memcpy(h + 26, vm->mac, MAC_LEN);
	put16(h + 2, ~fold(sum16(pseudo_sum(&o, NEXT_ICMP6, 32), h, 32)));
	f.len += 32;
	transmit(vm, &vnet, &f);
}

static void hear(struct vm *vm)
{
	static uint8_t in[sizeof(struct virtio_net_hdr) + FRAME_MAX];
	ssize_t n = read(vm->fd, in, sizeof(in));
	const uint8_t *eth = in + sizeof(struct virtio_net_hdr), *ip = eth + ETH_HLEN;
	size_t before = sizeof(struct virtio_net_hdr) + ETH_HLEN, len;

	if (n < (ssize_t)before + 20)
		return;
	len = (size_t)n - before;
	switch (get16(eth + 12)) {
	case ETHERTYPE_ARP:
		answer_arp(vm, ip, len);
		break;
	case ETHERTYPE_IP:
		if (memcmp(ip + 16, vm->addr4, 4) != 0 || ip[9] != NEXT_UDP)
			break;
		vm->heard.pkts++;
		vm->heard.octets += get16(ip + 2);
		break;
	case ETHERTYPE_IPV6:
		if (len >= 64 && ip[6] == NEXT_ICMP6)
			answer_solicitation(vm, eth + MAC_LEN, ip, len);
		if (len < 40 || memcmp(ip + 24, vm->addr6, 16) != 0 || ip[6] != NEXT_UDP)
			break;
		vm->heard.pkts++;
		vm->heard.octets += get16(ip + 4) + 40;
		break;
	}
}

/* ---- commands --------------------------------------------------------------------------- */

static void obey(struct vm *vm)
{
	struct tally t = vm->heard;

	vm->line[vm->n_line] = '\0';
	vm->n_line = 0;
	if (!strncmp(vm->line, "send ", 5))
		t = run_order(vm, vm->line + 5);
	else if (strcmp(vm->line, "heard") != 0)
		errno = EINVAL, die(vm->line);
	printf("%llu %llu\n", (unsigned long long)t.pkts, (unsigned long long)t.octets);
	fflush(stdout);
}

/* Take one octet of the commands. Returns whether there was one. */
static bool read_command(struct vm *vm)
{
	char c;

	if (read(STDIN_FILENO, &c, 1) != 1)
		return false;
	if (c == '\n')
		obey(vm);
	else if (vm->n_line + 1 < sizeof(vm->line))
		vm->line[vm->n_line++] = c;
	return true;
}

int main(int argc, char **argv)
{
	static struct vm vm;
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };

	if (argc != 6 || (strcmp(argv[1], "tap") != 0 && strcmp(argv[1], "packet") != 0)) {
		fputs("usage: see the head of tapvm.c\n", stderr);
		return 2;
	}
	vm.fd = !strcmp(argv[1], "tap") ? open_tap(argv[2]) : open_packet(argv[2]);
	parse_mac(argv[3], vm.mac);
	parse_addr(argv[4], vm.addr4);
	parse_addr(argv[5], vm.addr6);
	fds[1].fd = vm.fd;
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents & POLLIN)
			hear(&vm);
		else if (fds[0].revents && !read_command(&vm))
			return 0;
	}
}
