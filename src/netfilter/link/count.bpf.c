/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts each packet of a link once, in the slot of the container's address. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "netfilter/link/slot.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct link_key4);
	__type(value, __u32);
} index4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct link_key6);
	__type(value, __u32);
} index6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct link_slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct link_owner);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct link_state);
} state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u8[4]);
	__type(value, __u8);
} node4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u8[16]);
	__type(value, __u8);
} node6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LINK_STRAYS);
	__type(key, __u32);
	__type(value, struct link_strays);
} strays SEC(".maps");

struct epoch {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} epoch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct epoch);
} epochs SEC(".maps");

static __always_inline void add(__u32 slot, __u32 path, __u64 octets, __u64 pkts)
{
	struct link_slot *s = bpf_map_lookup_elem(&slots, &slot);

	if (!s)
		return;
	__sync_fetch_and_add(&s->path[path].octets, octets);
	__sync_fetch_and_add(&s->path[path].pkts, pkts);
}

/* A first version: plain IPv4 and IPv6. */
static __always_inline int count(struct __sk_buff *skb, int out, __u32 l2)
{
	__u32 *slot, pkts = 1, octets = skb->len - l2, path = out ? LINK_OUT : LINK_IN;
	struct link_key4 k4 = { .link = skb->ifindex };
	struct link_key6 k6 = { .link = skb->ifindex };

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, l2 + (out ? 12 : 16), k4.addr, 4) < 0)
			return TC_ACT_UNSPEC;
		slot = bpf_map_lookup_elem(&index4, &k4);
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(skb, l2 + (out ? 8 : 24), k6.addr, 16) < 0)
			return TC_ACT_UNSPEC;
		slot = bpf_map_lookup_elem(&index6, &k6);
	} else {
		return TC_ACT_UNSPEC;
	}
	if (slot)
		add(*slot, path, octets, pkts);
	return TC_ACT_UNSPEC;
}

SEC("tc") int count_in(struct __sk_buff *skb)
{
	return count(skb, 1, ETH_HLEN);
}

SEC("tc") int count_out(struct __sk_buff *skb)
{
	return count(skb, 0, ETH_HLEN);
}

SEC("tc") int count_up_in(struct __sk_buff *skb)
{
	return count(skb, 0, ETH_HLEN);
}

SEC("tc") int count_up_out(struct __sk_buff *skb)
{
	return count(skb, 1, ETH_HLEN);
}

SEC("tc") int count_in_l3(struct __sk_buff *skb)
{
	return count(skb, 1, 0);
}

SEC("tc") int count_out_l3(struct __sk_buff *skb)
{
	return count(skb, 0, 0);
}

SEC("tc") int count_up_in_l3(struct __sk_buff *skb)
{
	return count(skb, 0, 0);
}

SEC("tc") int count_up_out_l3(struct __sk_buff *skb)
{
	return count(skb, 1, 0);
}

char licence[] SEC("license") = "GPL";
