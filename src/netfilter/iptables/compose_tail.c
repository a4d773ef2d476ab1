/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/compose_tail.h"

#include "base/xalloc.h"
#include "netfilter/iptables/xt_make.h"

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdlib.h>
#include <string.h>

bool compose_tail_possible(const struct xt_layout *old, const struct ruleset *desired)
{
	const struct present *present = &old->present;

	if (!old->tail.at || !present->epoch || present->foul || present->intruders ||
	    present->strays || desired->epoch > present->epoch + 1)
		return false;
	for (enum hook h = 0; h < HOOKS; h++) {
		if (present->hook[h].jumps != (desired->root[h] >= 0))
			return false;
		if (present->hook[h].jumps && present->hook[h].shadowed)
			return false;
	}
	return true;
}

/* Compute the offset of each chain's first rule; *ret_size and *ret_n are the whole table's. */
static uint32_t *place_chains(const struct xt_layout *old, const struct ruleset *desired,
			      uint32_t *ret_size, uint32_t *ret_n)
{
	uint32_t rule = xt_rule_size(desired->family), error = xt_error_size(desired->family);
	uint32_t *first = xcalloc(desired->n_chains, sizeof(*first));
	uint32_t at = old->tail.at, n = old->tail.index;

	for (size_t i = 0; i < desired->n_chains; i++) {
		first[i] = at + error;
		at += error + (desired->chains[i].n + 1) * rule;
		n += desired->chains[i].n + 2;
	}
	*ret_size = at + error;
	*ret_n = n + 1;
	return first;
}

/* Write one chain, from its ERROR entry to its final RETURN. Returns where the next chain goes. */
static uint8_t *write_chain(uint8_t *at, const struct ruleset *rs, const struct rule_chain *c,
			    const uint32_t *first)
{
	static const struct rule end = { .kind = RULE_STOP, .match = RULE_MATCH_ALL };
	uint32_t size = xt_rule_size(rs->family);

	xt_make_error(at, rs->family, c->name);
	at += xt_error_size(rs->family);
	for (uint32_t i = 0; i <= c->n; i++, at += size) {
		const struct rule *r = i < c->n ? &rs->rules[c->first + i] : &end;
		bool aims = r->kind == RULE_GOTO || r->kind == RULE_JUMP;

		xt_make_rule(at, rs->family, r)->verdict = aims ? (int)first[r->chain] : XT_RETURN;
	}
	return at;
}

static void aim_jump(struct xt_raw *raw, uint32_t offset, uint32_t to)
{
	struct xt_entry e = xt_entry_at(raw, offset, 0);
	struct xt_standard_target *t = (void *)(raw->blob + offset + e.target_offset);

	t->verdict = (int)to;
}

void compose_tail(const struct xt_raw *head, const struct xt_layout *old,
		  const struct ruleset *desired, struct composed *ret_composed)
{
	struct composed c = { .raw = *head, .n_old = old->n_entries };
	uint32_t size, *first = place_chains(old, desired, &size, &c.raw.n_entries);
	uint8_t *at;

	xt_raw_alloc(&c.raw, size);
	memcpy(c.raw.blob, head->blob, old->tail.at);
	at = c.raw.blob + old->tail.at;
	for (size_t i = 0; i < desired->n_chains; i++)
		at = write_chain(at, desired, &desired->chains[i], first);
	xt_make_error(at, desired->family, XT_ERROR_TARGET);
	for (enum hook h = 0; h < HOOKS; h++)
		if (desired->root[h] >= 0)
			aim_jump(&c.raw, old->tail.jump_at[h], first[desired->root[h]]);
	c.from = xcalloc(c.raw.n_entries, sizeof(*c.from));
	for (uint32_t i = 0; i < old->tail.index; i++)
		c.from[i] = i + 1;
	free(first);
	*ret_composed = c;
}
