/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/xt_rules.h"

#include "base/xalloc.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdlib.h>
#include <string.h>

bool xt_all_zero(const void *p, size_t n)
{
	static const uint8_t zeros[2 * 2 * IFNAMSIZ];

	return !memcmp(p, zeros, n);
}

/* The number of leading ones of a mask, or -1 when it is not a prefix. */
static int mask_bits(const uint8_t *mask, size_t octets)
{
	int n = 0;

	for (size_t i = 0; i < octets; i += 4) {
		uint32_t word = (uint32_t)mask[i] << 24 | (uint32_t)mask[i + 1] << 16 |
				(uint32_t)mask[i + 2] << 8 | mask[i + 3];
		int ones = word == UINT32_MAX ? 32 : __builtin_clz(~word);

		if ((ones < 32 && word << ones) || (word && n < (int)i * 8))
			return -1;
		n += ones;
	}
	return n;
}

struct xt_match xt_match_of(const struct xt_raw *raw, const struct xt_entry *e)
{
	size_t octets = addr_octets(raw->family);
	uint8_t inverted;
	struct xt_match m;

	if (raw->family == ADDR_V4) {
		const struct ipt_ip *ip = (const void *)e->at;

		m = (struct xt_match) { (const uint8_t *)&ip->src,
					(const uint8_t *)&ip->dst,
					(const uint8_t *)&ip->smsk,
					(const uint8_t *)&ip->dmsk,
					ip->flags & IPT_F_GOTO,
					ip->flags & ~IPT_F_GOTO || ip->proto ||
						!xt_all_zero(ip->iniface, 2 * IFNAMSIZ) ||
						!xt_all_zero(ip->iniface_mask, 2 * IFNAMSIZ),
					false };
		inverted = ip->invflags;
	} else {
		const struct ip6t_ip6 *ip = (const void *)e->at;

		m = (struct xt_match) { (const uint8_t *)&ip->src,
					(const uint8_t *)&ip->dst,
					(const uint8_t *)&ip->smsk,
					(const uint8_t *)&ip->dmsk,
					ip->flags & IP6T_F_GOTO,
					ip->flags & ~IP6T_F_GOTO || ip->proto ||
						!xt_all_zero(ip->iniface, 2 * IFNAMSIZ) ||
						!xt_all_zero(ip->iniface_mask, 2 * IFNAMSIZ),
					false };
		inverted = ip->invflags;
	}
	m.none = inverted == IPT_INV_SRCIP && xt_all_zero(m.src, octets) &&
		 xt_all_zero(m.dst, octets) && xt_all_zero(m.src_mask, octets) &&
		 xt_all_zero(m.dst_mask, octets);
	m.other = m.other || (inverted && !m.none) ||
		  e->target_offset != xt_families[raw->family].entry_size;
	return m;
}

/* One walk over the table: where user chains begin, and which entries are policies. */
struct xt_heads xt_heads_find(const struct xt_raw *raw, uint32_t policy[XT_HOOKS])
{
	struct xt_heads h = { NULL, 0, 0 };

	for (struct xt_entry e = xt_entry_first(raw); e.at; e = xt_entry_next(raw, &e)) {
		for (unsigned i = 0; i < XT_HOOKS; i++)
			if (raw->valid_hooks & 1u << i && e.offset == raw->underflow[i])
				policy[i] = e.index + 1;
		if (xt_is_error(&e)) {
			h.v = xgrow(h.v, h.n, &h.cap, sizeof(*h.v));
			h.v[h.n++] = (struct xt_head) { .first = e.offset + e.next_offset,
							.name = xt_error_name(&e) };
		}
	}
	return h;
}

/* The chain that a verdict leads to; NULL: none. */
struct xt_head *xt_head_at(const struct xt_heads *h, int offset)
{
	size_t lo = 0, hi = h->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (h->v[mid].first < (uint32_t)offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return offset >= 0 && lo < h->n && h->v[lo].first == (uint32_t)offset ? &h->v[lo] : NULL;
}

struct xt_head *xt_target_of(const struct xt_heads *h, const struct xt_entry *e)
{
	return xt_is_standard(e) ? xt_head_at(h, xt_verdict(e)) : NULL;
}

/* Read one entry of a chain of ours as a rule. *ret_target receives the chain that a jump leads
 * to. */
struct rule xt_rule_of(const struct xt_raw *raw, const struct xt_entry *e,
		       const struct xt_heads *heads, bool behind_stop, struct xt_head **ret_target)
{
	struct rule r = { .kind = RULE_ALIEN, .addr.family = raw->family };
	size_t octets = addr_octets(raw->family);
	struct xt_match m = xt_match_of(raw, e);
	int src = mask_bits(m.src_mask, octets), dst = mask_bits(m.dst_mask, octets);
	int v;

	*ret_target = xt_target_of(heads, e);
	if (m.other || src < 0 || dst < 0 || (src && dst) || !xt_is_standard(e))
		return r;
	v = xt_verdict(e);
	if (src || dst) {
		r.match = src ? RULE_MATCH_SRC : RULE_MATCH_DST;
		r.plen = (uint8_t)(src ? src : dst);
		memcpy(r.addr.bytes, src ? m.src : m.dst, octets);
	}
	if (m.none) {
		if (v == XT_RETURN && !m.is_goto) {
			r.kind = RULE_CANARY;
			r.match = RULE_MATCH_NONE;
		}
	} else if (v == XT_RETURN && !m.is_goto) {
		if (r.plen == octets * 8)
			r.kind = RULE_COUNT;
		else if (!r.plen)
			r.kind = behind_stop ? RULE_CANARY : RULE_STOP;
	} else if (*ret_target && m.is_goto && r.plen) {
		r.kind = RULE_GOTO;
	} else if (*ret_target && !m.is_goto && !r.plen) {
		r.kind = RULE_JUMP;
	}
	return r;
}

/* --- whose a chain is --------------------------------------------------------------------- */

/* Whether a chain without our mark holds what only a chain of ours holds: then it was renamed.
 * Only our tree chains hold a canary that matches no packet. A root has two RETURNs after
 * nothing but jumps to chains of ours. */
static bool is_stray(const struct xt_raw *raw, const struct xt_heads *heads,
		     const struct xt_head *head)
{
	bool never = false, second_stop = false, jumps = false, tree = false, behind_stop = false;
	struct xt_entry e = xt_entry_at(raw, head->first, 0);

	for (struct xt_entry next; e.at && !xt_is_error(&e); e = next) {
		struct xt_head *target;
		struct rule r;

		next = xt_entry_next(raw, &e);
		if (!next.at || xt_is_error(&next))
			break;
		r = xt_rule_of(raw, &e, heads, behind_stop, &target);
		behind_stop = r.kind == RULE_STOP;
		if (r.kind == RULE_ALIEN || (r.kind == RULE_JUMP && !target->ours))
			return false;
		jumps = jumps || r.kind == RULE_JUMP;
		tree = tree || r.kind == RULE_COUNT || r.kind == RULE_GOTO;
		never = never || r.match == RULE_MATCH_NONE;
		second_stop = second_stop || (r.kind == RULE_CANARY && r.match == RULE_MATCH_ALL);
	}
	return never ? !jumps : second_stop && jumps && !tree;
}

/* Mark the chains that are ours. Stray trees come before stray roots, which lead to them. */
void xt_heads_mark(const struct xt_raw *raw, const struct xt_heads *heads)
{
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < heads->n; i++) {
			struct xt_head *h = &heads->v[i];
			enum hook hook;
			enum path path;
			uint64_t epoch;

			if (!h->ours)
				h->ours = round ? is_stray(raw, heads, h)
						: rule_name_parse(h->name, &hook, &epoch, &path) !=
							  RULE_NAME_FOREIGN;
		}
}
