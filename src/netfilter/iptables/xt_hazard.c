/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/xt_hazard.h"

#include "base/xalloc.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const hook_names[XT_HOOKS] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT",
						  "POSTROUTING" };

/* Hooks (enum nf_inet_hooks) from which a chain is reached, as bits. */
#define FORWARD_BIT (1u << NF_INET_FORWARD)
#define OUR_BITS (1u << NF_INET_LOCAL_IN | FORWARD_BIT | 1u << NF_INET_LOCAL_OUT)

struct chain {
	uint32_t first, end; /* offsets of its first entry, and after its last */
	const char *name;
	uint32_t index; /* of its first entry */
	unsigned hooks;
};

struct chains {
	struct chain *v; /* by offset */
	size_t n, cap;
};

static void begin_chain(struct chains *c, const struct xt_entry *e, const char *name,
			unsigned hooks)
{
	if (c->n)
		c->v[c->n - 1].end = e->offset;
	c->v = xgrow(c->v, c->n, &c->cap, sizeof(*c->v));
	c->v[c->n++] = (struct chain) { e->offset, e->offset, name, e->index, hooks };
}

/* The table holds its chains one after the other, each ended by its policy or return. */
static struct chains find_chains(const struct xt_raw *raw)
{
	struct chains c = { NULL, 0, 0 };
	uint32_t end = 0;

	for (struct xt_entry e = xt_entry_first(raw); e.at; e = xt_entry_next(raw, &e)) {
		for (unsigned i = 0; i < XT_HOOKS; i++)
			if (raw->valid_hooks & 1u << i && e.offset == raw->hook_entry[i])
				begin_chain(&c, &e, hook_names[i], 1u << i);
		if (xt_is_error(&e))
			begin_chain(&c, &e, xt_error_name(&e), 0);
		end = e.offset + e.next_offset;
	}
	if (c.n)
		c.v[c.n - 1].end = end;
	return c;
}

/* A jump leads to the entry after the ERROR entry that a user chain begins with. */
static struct chain *chain_at(struct chains *c, uint32_t offset)
{
	size_t lo = 0, hi = c->n;

	while (lo + 1 < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->v[mid].first <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return c->n && offset >= c->v[lo].first && offset < c->v[lo].end ? &c->v[lo] : NULL;
}

/* Pass each chain's hooks on to the chains that it leads to, until nothing changes. */
static void spread_hooks(const struct xt_raw *raw, struct chains *c)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < c->n; i++) {
			struct xt_entry e = xt_entry_at(raw, c->v[i].first, c->v[i].index);

			for (; c->v[i].hooks && e.at && e.offset < c->v[i].end;
			     e = xt_entry_next(raw, &e)) {
				struct chain *to;

				if (!xt_is_standard(&e) || xt_verdict(&e) < 0)
					continue;
				to = chain_at(c, (uint32_t)xt_verdict(&e));
				if (!to || !(c->v[i].hooks & ~to->hooks))
					continue;
				to->hooks |= c->v[i].hooks;
				changed = true;
			}
		}
	}
}

static bool has_target(const struct xt_entry *e, const char *name)
{
	return !strncmp(e->target->u.user.name, name, sizeof(e->target->u.user.name));
}

static bool has_verdict(const struct xt_entry *e, int verdict)
{
	return xt_is_standard(e) && xt_verdict(e) == -verdict - 1;
}

static void note(uint32_t *n, char *chain, size_t size, const char *name)
{
	if (!(*n)++)
		snprintf(chain, size, "%s", name);
}

static void note_entry(const struct xt_raw *raw, const struct chain *c, const struct xt_entry *e,
		       struct fw_hazards *h)
{
	if (raw->valid_hooks & FORWARD_BIT && e->offset == raw->underflow[NF_INET_FORWARD])
		h->policy_drops = has_verdict(e, NF_DROP);
	else if (c->hooks & FORWARD_BIT && (has_verdict(e, NF_DROP) || has_target(e, "REJECT")))
		h->n_drops++;
	if (has_target(e, "TEE") && c->hooks)
		note(&h->n_copies, h->copy_chain, sizeof(h->copy_chain), c->name);
	if (c->hooks & OUR_BITS && (has_target(e, "NFQUEUE") || has_verdict(e, NF_QUEUE)))
		note(&h->n_queues, h->queue_chain, sizeof(h->queue_chain), c->name);
}

void xt_hazards_find(const struct xt_raw *raw, struct fw_hazards *ret_hazards)
{
	struct fw_hazards h = { .policy_drops = false };
	struct chains c = find_chains(raw);

	spread_hooks(raw, &c);
	for (size_t i = 0; i < c.n; i++)
		for (struct xt_entry e = xt_entry_at(raw, c.v[i].first, c.v[i].index);
		     e.at && e.offset < c.v[i].end; e = xt_entry_next(raw, &e))
			note_entry(raw, &c.v[i], &e, &h);
	free(c.v);
	*ret_hazards = h;
}
