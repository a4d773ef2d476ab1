/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/xt_make.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(struct ip6t_entry) + XT_ALIGN(sizeof(struct xt_error_target)) <= XT_MADE_MAX,
	       "room");

uint32_t xt_rule_size(enum addr_family family)
{
	return (uint32_t)(xt_families[family].entry_size +
			  XT_ALIGN(sizeof(struct xt_standard_target)));
}

uint32_t xt_error_size(enum addr_family family)
{
	return (uint32_t)(xt_families[family].entry_size +
			  XT_ALIGN(sizeof(struct xt_error_target)));
}

static void fill_mask(uint8_t *mask, unsigned plen)
{
	for (unsigned i = 0; i < plen; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

/* A rule that matches no packet is written as one for sources outside 0.0.0.0/0. */
static void fill_match_v4(struct ipt_entry *e, const struct rule *r)
{
	bool src = r->match == RULE_MATCH_SRC;

	e->ip.invflags = r->match == RULE_MATCH_NONE ? IPT_INV_SRCIP : 0;
	memcpy(src ? &e->ip.src : &e->ip.dst, r->addr.bytes, 4);
	fill_mask((uint8_t *)(src ? &e->ip.smsk : &e->ip.dmsk), r->plen);
	e->ip.flags = r->kind == RULE_GOTO ? IPT_F_GOTO : 0;
}

static void fill_match_v6(struct ip6t_entry *e, const struct rule *r)
{
	bool src = r->match == RULE_MATCH_SRC;

	e->ipv6.invflags = r->match == RULE_MATCH_NONE ? IP6T_INV_SRCIP : 0;
	memcpy(src ? &e->ipv6.src : &e->ipv6.dst, r->addr.bytes, 16);
	fill_mask((uint8_t *)(src ? &e->ipv6.smsk : &e->ipv6.dmsk), r->plen);
	e->ipv6.flags = r->kind == RULE_GOTO ? IP6T_F_GOTO : 0;
}

/* Set the offsets in the header, and the target's size. Returns the target. */
static struct xt_entry_target *make_head(void *at, enum addr_family family, uint32_t size)
{
	const struct xt_family *f = &xt_families[family];
	struct xt_entry_target *t = (void *)((uint8_t *)at + f->entry_size);
	uint16_t offsets[2] = { (uint16_t)f->entry_size, (uint16_t)size };

	memcpy((uint8_t *)at + f->head_size - sizeof(offsets), offsets, sizeof(offsets));
	t->u.user.target_size = (uint16_t)(size - f->entry_size);
	return t;
}

struct xt_standard_target *xt_make_rule(void *zeroed, enum addr_family family, const struct rule *r)
{
	if (r->match != RULE_MATCH_ALL && family == ADDR_V4)
		fill_match_v4(zeroed, r);
	else if (r->match != RULE_MATCH_ALL)
		fill_match_v6(zeroed, r);
	return (void *)make_head(zeroed, family, xt_rule_size(family));
}

void xt_make_error(void *zeroed, enum addr_family family, const char *name)
{
	struct xt_error_target *t = (void *)make_head(zeroed, family, xt_error_size(family));

	strcpy(t->target.u.user.name, XT_ERROR_TARGET);
	snprintf(t->errorname, sizeof(t->errorname), "%s", name);
}
