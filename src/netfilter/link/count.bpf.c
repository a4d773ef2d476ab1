/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts each packet of a link once, in the slot of the container's address, as the wire carries
 * it.
 *
 * What is counted: the octets of the IP layer, without Ethernet header and tags, and without the
 * padding of a short frame. The segments that a packet will leave as, or has come as (TSO, GSO,
 * GRO, BIG TCP), count one by one, each with its headers.
 *
 * 1. Exact: TCP, UDP and SCTP over IPv4 and IPv6, with options and extension headers; in tunnels
 *    that a container makes itself (IPIP, 6in4, 4in6, 6in6, GRE with what it carries; VXLAN at port
 *    4789 and 8472, Geneve at 6081). Fragments count as they pass.
 * 2. Tunnels of other kinds and at other ports, when a packet in them is to be segmented: the
 *    packets are exact; the octets as well if the last segment is full, else they lack the inner
 *    headers of all segments but one.
 * 3. UDP that a virtual machine wants fragmented (UFO, Linux before 4.14) counts as if it would be
 *    segmented: 8 octets too many for each fragment after the first. A program is not told which.
 * 4. Not IP at this place, not counted: PPPoE, MPLS, more than three tags (one of them outside the
 *    packet).
 * 5. No answer is ever given about a packet, nothing in it is changed.
 *
 * Helpers and fields: bpf_map_lookup_elem, bpf_skb_load_bytes (Linux 4.5), gso_segs (5.1), gso_size
 * (5.7). A loop is bounded (5.3). */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "netfilter/link/count_maps.h"

/* --- the packet --------------------------------------------------------------------------- */

#define TAGS_MAX 2 /* in the packet; one more may be beside it */
#define HEADERS_MAX 16 /* from an IP header to the payload of TCP or UDP, tunnels included */
#define FRAME_MIN 46 /* what follows the header of the shortest frame */
#define BY_FRAGS 0xffff /* gso_size of SCTP: each segment has a size of its own */
#define LEGACY_MAX 65536 /* GSO_LEGACY_MAX_SIZE: longer is BIG TCP */

/* What kind of header follows: a number of IP protocols, or an EtherType plus this; or none. */
#define NEXT_TYPE 0x10000
#define NEXT_IP4 (NEXT_TYPE + ETH_P_IP)
#define NEXT_IP6 (NEXT_TYPE + ETH_P_IPV6)
#define NEXT_ETHER (NEXT_TYPE + ETH_P_TEB)
#define NEXT_PAYLOAD 0x20000
#define NEXT_LOST 0x20001 /* a kind that nobody here knows */

struct tag {
	__be16 tci, proto;
};

struct ext {
	__u8 next, len;
};

/* A hop-by-hop header that holds nothing but the length of a jumbogram. */
struct jumbo {
	struct ext ext;
	__u8 type, type_len;
	__be32 len;
};

struct gre {
	__be16 flags, proto;
};

/* VXLAN and Geneve, after the UDP header. */
struct overlay {
	__u8 first, flags;
	__be16 proto; /* Geneve's; 0 with VXLAN */
	__be32 vni;
};

/* Whether all of `to` could be read from the packet. */
static __always_inline bool load(struct __sk_buff *skb, __u32 at, void *to, __u32 size)
{
	return bpf_skb_load_bytes(skb, at, to, size) == 0;
}

static __always_inline bool is_tag(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/* Skip the tags at *at, whose kind is `proto`. Returns the kind of what follows them. */
static __always_inline __be16 skip_tags(struct __sk_buff *skb, __be16 proto, __u32 *at)
{
	struct tag tag;

#pragma unroll
	for (int i = 0; i < TAGS_MAX; i++) {
		if (!is_tag(proto))
			break;
		if (!load(skb, *at, &tag, sizeof(tag)))
			return 0;
		*at += sizeof(tag);
		proto = tag.proto;
	}
	return proto;
}

/* --- the headers that each segment has ----------------------------------------------------- */

/* One step: where the next header is, and its kind. A 64-bit number, as that is what one function
 * can tell another that the verifier checks by itself (walk, headers_of): it would follow every way
 * through a loop around the steps, each with what is known on it. */
static __always_inline __u64 step(__u32 at, __u32 next)
{
	return (__u64)next << 32 | at;
}

static __always_inline __u64 walk_ip4(struct __sk_buff *skb, __u32 at)
{
	struct iphdr ip;

	if (!load(skb, at, &ip, sizeof(ip)) || ip.version != 4)
		return step(at, NEXT_LOST);
	return step(at + ip.ihl * 4, ip.protocol);
}

static __always_inline __u64 walk_ip6(struct __sk_buff *skb, __u32 at)
{
	struct ipv6hdr ip;

	if (!load(skb, at, &ip, sizeof(ip)) || ip.version != 6)
		return step(at, NEXT_LOST);
	return step(at + sizeof(ip), ip.nexthdr);
}

/* An extension header says how many units it has after its first 8 octets. */
static __always_inline __u64 walk_ext(struct __sk_buff *skb, __u32 at, __u32 unit)
{
	struct ext ext;

	if (!load(skb, at, &ext, sizeof(ext)))
		return step(at, NEXT_LOST);
	return step(at + 8 + ext.len * unit, ext.next);
}

static __always_inline __u64 walk_gre(struct __sk_buff *skb, __u32 at)
{
	struct gre gre;
	__u32 flags, fields;

	if (!load(skb, at, &gre, sizeof(gre)))
		return step(at, NEXT_LOST);
	flags = bpf_ntohs(gre.flags);
	fields = (flags >> 15 & 1) + (flags >> 13 & 1) + (flags >> 12 & 1); /* sum, key, number */
	return step(at + sizeof(gre) + fields * 4, NEXT_TYPE + bpf_ntohs(gre.proto));
}

static __always_inline __u64 walk_ether(struct __sk_buff *skb, __u32 at)
{
	struct ethhdr ether;

	if (!load(skb, at, &ether, sizeof(ether)))
		return step(at, NEXT_LOST);
	return step(at + sizeof(ether), NEXT_TYPE + bpf_ntohs(ether.h_proto));
}

static __always_inline __u64 walk_tag(struct __sk_buff *skb, __u32 at)
{
	struct tag tag;

	if (!load(skb, at, &tag, sizeof(tag)))
		return step(at, NEXT_LOST);
	return step(at + sizeof(tag), NEXT_TYPE + bpf_ntohs(tag.proto));
}

static __always_inline __u64 walk_udp(struct __sk_buff *skb, __u32 at)
{
	struct {
		struct udphdr udp;
		struct overlay overlay;
	} u;
	__u32 payload = at + sizeof(u.udp);

	if (!load(skb, at, &u, sizeof(u)))
		return step(payload, NEXT_PAYLOAD);
	if (u.udp.dest == bpf_htons(6081) && u.overlay.first < 64) /* Geneve, version 0 */
		return step(at + sizeof(u) + u.overlay.first * 4,
			    NEXT_TYPE + bpf_ntohs(u.overlay.proto));
	if ((u.udp.dest == bpf_htons(4789) || u.udp.dest == bpf_htons(8472)) &&
	    u.overlay.first == 8) /* VXLAN, with the number of a network */
		return step(at + sizeof(u), NEXT_ETHER);
	return step(payload, NEXT_PAYLOAD);
}

static __always_inline __u64 walk_tcp(struct __sk_buff *skb, __u32 at)
{
	struct tcphdr tcp;

	if (!load(skb, at, &tcp, sizeof(tcp)))
		return step(at, NEXT_LOST);
	return step(at + tcp.doff * 4, NEXT_PAYLOAD);
}

__noinline __u64 walk(struct __sk_buff *skb, __u32 at, __u32 next)
{
	switch (next) {
	case IPPROTO_TCP:
		return walk_tcp(skb, at);
	case IPPROTO_UDP:
		return walk_udp(skb, at);
	case IPPROTO_SCTP:
		return step(at + 12, NEXT_PAYLOAD);
	case IPPROTO_IPIP:
	case NEXT_IP4:
		return walk_ip4(skb, at);
	case IPPROTO_IPV6:
	case NEXT_IP6:
		return walk_ip6(skb, at);
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return walk_ext(skb, at, 8);
	case IPPROTO_AH:
		return walk_ext(skb, at, 4);
	case IPPROTO_FRAGMENT:
		return walk_ext(skb, at, 0);
	case IPPROTO_GRE:
		return walk_gre(skb, at);
	case NEXT_ETHER:
		return walk_ether(skb, at);
	case NEXT_TYPE + ETH_P_8021Q:
	case NEXT_TYPE + ETH_P_8021AD:
		return walk_tag(skb, at);
	}
	return step(at, NEXT_LOST);
}

/* How long the headers are from `from` to the payload that is cut into segments. In the upper half:
 * how long they are if what looks like a tunnel in UDP is none. 0: not known. */
__noinline __u64 headers_of(struct __sk_buff *skb, __u32 from, __u32 next)
{
	__u32 at = from, sure = from;

	for (int i = 0; i < HEADERS_MAX; i++) {
		__u64 to = walk(skb, at, next);

		if (next == IPPROTO_UDP)
			sure = at + sizeof(struct udphdr);
		at = (__u32)to;
		next = to >> 32;
		if (next == NEXT_PAYLOAD)
			return (__u64)(sure - from) << 32 | (at - from);
		if (next == NEXT_LOST)
			break;
	}
	return (__u64)(sure - from) << 32 | (sure - from);
}

/* --- how much it is ------------------------------------------------------------------------ */

struct size {
	__u64 octets, pkts;
};

static __always_inline __u32 segments(__u32 payload, __u32 size)
{
	return payload ? (payload + size - 1) / size : 1;
}

/* The length of the headers that makes `known` segments of all that there is: the length that they
 * seem to have, or the nearest to it. */
static __always_inline __u32 fit_headers(__u32 headers, __u32 all, __u32 size, __u32 known)
{
	__u32 least = all > known * size ? all - known * size : 0;
	__u32 below = all > (known - 1) * size ? all - (known - 1) * size : 1;

	if (headers < least)
		return least;
	return headers < below ? headers : below - 1;
}

/* Linux marks a TCP packet of more than 64 KiB by a hop-by-hop header, and takes it out when it
 * makes the segments (include/net/ipv6.h: ipv6_has_hopopt_jumbo). */
static __always_inline __u32 mark_of_big_tcp(struct __sk_buff *skb, __u32 at)
{
	struct jumbo hop;

	if (!load(skb, at + sizeof(struct ipv6hdr), &hop, sizeof(hop)) || hop.ext.len ||
	    hop.ext.next != IPPROTO_TCP || hop.type != 0xc2 || hop.type_len != 4)
		return 0;
	return sizeof(hop);
}

/* A packet of many segments, whose IP header is at `at`. If the kernel knows their number, the
 * headers must agree with it. */
static __always_inline struct size size_of_segments(struct __sk_buff *skb, __u32 at, __u32 next,
						    bool hop)
{
	__u32 size = skb->gso_size, known = skb->gso_segs, all = skb->len - at, headers, segs;
	__u64 lengths = headers_of(skb, at, next);

	headers = (__u32)lengths;
	if (hop && skb->len > LEGACY_MAX) {
		__u32 mark = mark_of_big_tcp(skb, at);

		all -= mark;
		headers -= mark;
	}
	if (headers > all)
		headers = all;
	segs = size == BY_FRAGS ? known : segments(all - headers, size);
	if (known && segs != known) {
		segs = known;
		headers = fit_headers(lengths >> 32, all, size, known);
	}
	if (!segs)
		segs = 1;
	return (struct size) { all + (__u64)(segs - 1) * headers, segs };
}

/* Any packet whose IP header is at `at`, is `header` octets long, and says that the packet is
 * `said` octets long. What is longer than it says counts if it cannot be padding, so that nothing
 * is carried for nothing. */
static __always_inline struct size size_of(struct __sk_buff *skb, __u32 at, __u32 header,
					   __u32 said)
{
	__u32 all = skb->len - at;

	return (struct size) { said < header || said > all || all > FRAME_MIN ? all : said, 1 };
}

/* --- whose it is --------------------------------------------------------------------------- */

#define OFFSET(header, member) __builtin_offsetof(struct header, member)

/* Where a program stands. */
struct place {
	__u32 l2; /* octets before the IP header, without tags */
	bool from; /* it sees packets from the containers: the source is theirs */
	bool own; /* the node is on the other side: what it sends and is sent is known */
	bool strays; /* one container's own link: every source must be known */
};

/* The slot with this number, if it is that of the key. */
static __always_inline bool is_of(__u32 number, const struct link_key *key)
{
	const struct link_slot *slot = bpf_map_lookup_elem(&slots, &number);

	return slot && slot->key.word[0] == key->word[0] && slot->key.word[1] == key->word[1] &&
	       slot->key.word[2] == key->word[2];
}

/* The number of the slot, plus 1, of the address at `at` of this link; 0: it has none. */
__noinline __u32 find(struct __sk_buff *skb, __u32 at, __u32 v6)
{
	struct link_key key = { .link = skb->ifindex, .family = v6 ? 1 : 0 };
	const struct link_bucket *bucket;
	const struct link_state *s;
	__u32 zero = 0, where;
	__u64 hash;

	if (!(v6 ? load(skb, at, key.addr, 16) : load(skb, at, key.addr, 4)))
		return 0;
	s = bpf_map_lookup_elem(&state, &zero);
	if (!s)
		return 0;
	hash = link_hash(&key, s->seed);
	for (__u32 i = 0; i < LINK_CHAIN; i++) {
		bool last = false;

		where = ((__u32)hash + i) & (s->buckets - 1);
		bucket = bpf_map_lookup_elem(&buckets, &where);
		if (!bucket)
			return 0;
#pragma unroll
		for (int k = 0; k < LINK_BUCKET; k++) {
			__u64 entry = *(const volatile __u64 *)&bucket->entry[k];

			if (entry >> 32 == hash >> 32 && is_of((__u32)entry - 1, &key))
				return (__u32)entry;
			last = last || !entry;
		}
		if (last)
			return 0;
	}
	return 0;
}

static __always_inline void add(__u32 number, __u32 path, struct size size)
{
	struct link_slot *slot = bpf_map_lookup_elem(&slots, &number);

	if (!slot)
		return;
	__sync_fetch_and_add(&slot->path[path].octets, size.octets);
	__sync_fetch_and_add(&slot->path[path].pkts, size.pkts);
}

static __always_inline void add_stray(__u32 which, struct size size)
{
	struct link_strays *stray = bpf_map_lookup_elem(&strays, &which);

	if (!stray)
		return;
	__sync_fetch_and_add(&stray->octets, size.octets);
	__sync_fetch_and_add(&stray->pkts, size.pkts);
}

static __always_inline __u32 path_of(const struct place *place, bool node)
{
	if (place->from)
		return node ? LINK_NODE_OUT : LINK_OUT;
	return node ? LINK_NODE_IN : LINK_IN;
}

static __always_inline void count_broken(struct __sk_buff *skb, __u32 at, const struct place *place)
{
	struct size size = { skb->len > at ? skb->len - at : 0, 1 };

	if (place->strays)
		add_stray(LINK_STRAYS_BROKEN, size);
}

/* To the node itself, or to all on the link, of which the node is one. */
static __always_inline bool to_node4(__be32 daddr)
{
	return bpf_map_lookup_elem(&node4, &daddr) || daddr == 0xffffffff ||
	       (daddr & bpf_htonl(0xffffff00)) == bpf_htonl(0xe0000000);
}

static __always_inline bool to_node6(const struct in6_addr *daddr)
{
	return bpf_map_lookup_elem(&node6, daddr) ||
	       (daddr->s6_addr[0] == 0xff && (daddr->s6_addr[1] & 15) == 2);
}

/* The source of a packet that has no address of its own yet, or that no router forwards. */
static __always_inline bool is_local6(const struct in6_addr *saddr)
{
	const __be32 *a = saddr->s6_addr32;

	return (a[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000) ||
	       !(a[0] | a[1] | a[2] | a[3]);
}

static __always_inline void count4(struct __sk_buff *skb, __u32 at, const struct place *place)
{
	struct iphdr ip;
	struct size size;
	__u32 slot;
	bool node;

	if (!load(skb, at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5) {
		count_broken(skb, at, place);
		return;
	}
	slot = find(skb, at + (place->from ? OFFSET(iphdr, saddr) : OFFSET(iphdr, daddr)), false);
	if (!slot && (!place->strays || !ip.saddr))
		return;
	size = skb->gso_size ? size_of_segments(skb, at, NEXT_IP4, false)
			     : size_of(skb, at, ip.ihl * 4, bpf_ntohs(ip.tot_len));
	if (!slot) {
		add_stray(LINK_STRAYS_SOURCE, size);
		return;
	}
	node = place->own && (place->from ? to_node4(ip.daddr) : !skb->ingress_ifindex);
	add(slot - 1, path_of(place, node), size);
}

static __always_inline void count6(struct __sk_buff *skb, __u32 at, const struct place *place)
{
	struct ipv6hdr ip;
	struct size size;
	__u32 slot;
	bool node;

	if (!load(skb, at, &ip, sizeof(ip)) || ip.version != 6) {
		count_broken(skb, at, place);
		return;
	}
	slot = find(skb, at + (place->from ? OFFSET(ipv6hdr, saddr) : OFFSET(ipv6hdr, daddr)),
		    true);
	if (!slot && (!place->strays || is_local6(&ip.saddr)))
		return;
	size = skb->gso_size ? size_of_segments(skb, at, NEXT_IP6, ip.nexthdr == IPPROTO_HOPOPTS)
			     : size_of(skb, at, sizeof(ip), sizeof(ip) + bpf_ntohs(ip.payload_len));
	if (!slot) {
		add_stray(LINK_STRAYS_SOURCE, size);
		return;
	}
	node = place->own && (place->from ? to_node6(&ip.daddr) : !skb->ingress_ifindex);
	add(slot - 1, path_of(place, node), size);
}

/* The kind of packet is the one that the kernel itself goes by; of a link with Ethernet headers it
 * has read it there. The outermost tag may be beside the packet: then the kind is of what
 * follows. */
static __always_inline int count(struct __sk_buff *skb, struct place place)
{
	__u32 at = place.l2;
	__be16 proto = skb->protocol;

	if (place.l2)
		proto = skip_tags(skb, proto, &at);
	if (proto == bpf_htons(ETH_P_IP))
		count4(skb, at, &place);
	else if (proto == bpf_htons(ETH_P_IPV6))
		count6(skb, at, &place);
	return TC_ACT_UNSPEC;
}

/* --- the programs --------------------------------------------------------------------------- */

SEC("tc") int count_in(struct __sk_buff *skb)
{
	return count(skb,
		     (struct place) { .l2 = ETH_HLEN, .from = true, .own = true, .strays = true });
}

SEC("tc") int count_out(struct __sk_buff *skb)
{
	return count(skb, (struct place) { .l2 = ETH_HLEN, .own = true });
}

SEC("tc") int count_shared_in(struct __sk_buff *skb)
{
	return count(skb, (struct place) { .l2 = ETH_HLEN, .from = true, .own = true });
}

SEC("tc") int count_up_in(struct __sk_buff *skb)
{
	return count(skb, (struct place) { .l2 = ETH_HLEN });
}

SEC("tc") int count_up_out(struct __sk_buff *skb)
{
	return count(skb, (struct place) { .l2 = ETH_HLEN, .from = true });
}

SEC("tc") int count_in_l3(struct __sk_buff *skb)
{
	return count(skb, (struct place) { .from = true, .own = true, .strays = true });
}

SEC("tc") int count_out_l3(struct __sk_buff *skb)
{
	return count(skb, (struct place) { .own = true });
}

SEC("tc") int count_shared_in_l3(struct __sk_buff *skb)
{
	return count(skb, (struct place) { .from = true, .own = true });
}

SEC("tc") int count_up_in_l3(struct __sk_buff *skb)
{
	return count(skb, (struct place) { .l2 = 0 });
}

SEC("tc") int count_up_out_l3(struct __sk_buff *skb)
{
	return count(skb, (struct place) { .from = true });
}

char licence[] SEC("license") = "GPL";
