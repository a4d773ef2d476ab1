/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/xt_layout.h"

#include "base/xalloc.h"
#include "netfilter/iptables/xt_rules.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a layout ---------------------------------------------------------------------------- */

/* How deep chains of others are followed. Anything deeper is assumed to end a walk. */
#define MAX_DEPTH 8
#define MAX_FOLLOWED 20000

/* A counting rule, in table order, before rows are numbered. */
struct found {
	struct addr addr;
	uint8_t path;
	struct xt_place place;
};

struct parser {
	const struct xt_raw *raw;
	struct xt_layout *layout;
	struct xt_heads heads;
	struct found *found;
	size_t n_found, cap_found, cap_chains, cap_canaries;
	const char *chain; /* of the current entry; its number in the chain from 1 */
	uint32_t number;
	uint32_t followed; /* entries of others' chains */
	bool in_hook; /* the chain is one of HOOKS, where we have jumps */
	bool roots_over, mixed; /* a tree chain was seen; foreign chains or roots follow one */
};

static void add_count(struct parser *p, const struct xt_entry *e, const struct rule *r,
		      enum path path)
{
	uint32_t at = e->offset + (uint32_t)xt_families[p->raw->family].counters_at;

	p->found = xgrow(p->found, p->n_found, &p->cap_found, sizeof(*p->found));
	p->found[p->n_found++] = (struct found) { r->addr, (uint8_t)path, { at, e->index, 0 } };
}

static void add_canary(struct parser *p, const struct xt_entry *e, bool root, uint64_t epoch)
{
	struct xt_layout *l = p->layout;
	uint32_t at = e->offset + (uint32_t)xt_families[p->raw->family].counters_at;

	l->canaries = xgrow(l->canaries, l->n_canaries, &p->cap_canaries, sizeof(*l->canaries));
	l->canaries[l->n_canaries++] =
		(struct xt_canary) { at, e->index, rule_canary_octets(epoch), root };
}

/* The trees' canaries carry the seed of the epoch, which only the roots' names tell. Without a
 * root they prove nothing. */
static void seed_canaries(struct xt_layout *l)
{
	if (!l->present.epoch)
		l->n_canaries = 0;
	for (size_t i = 0; i < l->n_canaries; i++)
		if (!l->canaries[i].root)
			l->canaries[i].octets = rule_canary_octets(l->present.epoch);
}

/* Parse one chain of ours, from the entry after its ERROR entry to the RETURN that ends it.
 * Returns the entry that follows. */
static struct xt_entry parse_chain(struct parser *p, const char *name, struct xt_entry e)
{
	struct present *present = &p->layout->present;
	struct present_chain *chain;
	enum hook hook;
	enum path path = PATHS;
	uint64_t epoch = 0, digest = RULE_DIGEST_INIT;
	enum rule_name kind = rule_name_parse(name, &hook, &epoch, &path);
	size_t counts = p->n_found, canaries = p->layout->n_canaries;
	bool behind_stop = false, canary = false;

	for (struct xt_entry next; e.at && !xt_is_error(&e); e = next) {
		struct xt_head *target;
		struct rule r;

		next = xt_entry_next(p->raw, &e);
		if (!next.at || xt_is_error(&next)) { /* the RETURN that ends the chain */
			e = next;
			break;
		}
		r = xt_rule_of(p->raw, &e, &p->heads, behind_stop, &target);
		behind_stop = r.kind == RULE_STOP;
		digest = rule_digest_add(digest, &r, target ? target->name : NULL);
		if (target)
			target->refs++;
		if (r.kind == RULE_COUNT && kind == RULE_NAME_TREE &&
		    r.match == rule_path_match(path))
			add_count(p, &e, &r, path);
		if (r.kind == RULE_CANARY && !canary && kind != RULE_NAME_FOREIGN &&
		    (r.match == RULE_MATCH_NONE) == (kind == RULE_NAME_TREE)) {
			add_canary(p, &e, kind == RULE_NAME_ROOT, epoch);
			canary = true;
		}
	}
	for (; canary && counts < p->n_found; counts++)
		p->found[counts].place.canary = (uint32_t)canaries + 1;
	if (kind == RULE_NAME_ROOT) {
		p->mixed = p->mixed || p->roots_over;
		p->layout->tail.checked = e.at ? e.offset : 0;
	}
	p->roots_over = kind != RULE_NAME_ROOT;
	present->strays += kind == RULE_NAME_FOREIGN;
	if (epoch > present->epoch)
		present->epoch = epoch;
	present->chains =
		xgrow(present->chains, present->n_chains, &p->cap_chains, sizeof(*present->chains));
	chain = &present->chains[present->n_chains++];
	snprintf(chain->name, sizeof(chain->name), "%.*s", RULE_CHAIN_SIZE - 1, name);
	chain->digest = digest;
	chain->canary = canary;
	return e;
}

/* Whether this target lets a packet continue to the next rule. */
static bool continues(const char *target)
{
	static const char *const names[] = {
		"LOG",       "NFLOG", "ULOG",        "MARK",     "CONNMARK",    "TOS", "DSCP",
		"TTL",       "HL",    "TCPMSS",      "CLASSIFY", "CHECKSUM",    "SET", "TRACE",
		"AUDIT",     "TEE",   "RATEEST",     "SECMARK",  "CONNSECMARK", "CT",  "ECN",
		"IDLETIMER", "LED",   "TCPOPTSTRIP", "HMARK"
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], target))
			return true;
	return false;
}

/* Whether a packet's walk can end at this entry of a built-in chain (depth 0), or in a chain that
 * it leads to, before it reaches what follows. */
static bool can_end_walk(struct parser *p, const struct xt_entry *e, unsigned depth)
{
	struct xt_head *head = xt_target_of(&p->heads, e);
	struct xt_entry inner;

	if (!xt_is_standard(e))
		return !continues(e->target->u.user.name);
	if (xt_verdict(e) == (int)(e->offset + e->next_offset)) /* no target: it only counts */
		return false;
	if (depth && xt_verdict(e) == XT_RETURN)
		return false;
	/* A chain that a built-in chain enters by goto does not return. */
	if (!head || depth > MAX_DEPTH || p->followed > MAX_FOLLOWED ||
	    (!depth && xt_match_of(p->raw, e).is_goto))
		return true;
	if (head->ours)
		return false;
	for (inner = xt_entry_at(p->raw, head->first, 0); inner.at && !xt_is_error(&inner);
	     inner = xt_entry_next(p->raw, &inner))
		if (p->followed++, can_end_walk(p, &inner, depth + 1))
			return true;
	return false;
}

/* iptables' name for a verdict; NULL when it has none. */
static const char *verdict_name(const struct xt_heads *h, int verdict)
{
	switch (verdict) {
	case -NF_ACCEPT - 1:
		return "ACCEPT";
	case -NF_DROP - 1:
		return "DROP";
	case XT_RETURN:
		return "RETURN";
	default:
		return xt_head_at(h, verdict) ? xt_head_at(h, verdict)->name : NULL;
	}
}

/* Note the first rule of a hook that can end a walk before it reaches our jump. */
static void note_shadow(struct parser *p, enum hook hook, const struct xt_entry *e, uint32_t number)
{
	const char *name = e->target->u.user.name;

	if (p->layout->place[hook].shadow)
		return;
	if (xt_is_standard(e))
		name = verdict_name(&p->heads, xt_verdict(e));
	p->layout->place[hook].shadow = number;
	snprintf(p->layout->place[hook].shadow_target, sizeof(p->layout->place[hook].shadow_target),
		 "%.*s", XT_EXTENSION_MAXNAMELEN - 1, name ? name : "");
}

/* Take a jump to a chain of ours. Returns false if it has a condition: we did not make it. */
static bool take_jump(struct parser *p, enum hook hook, const struct xt_entry *e,
		      struct xt_head *target, bool shadowed, uint32_t number)
{
	struct present *present = &p->layout->present;
	size_t octets = addr_octets(p->raw->family);
	struct xt_match m = xt_match_of(p->raw, e);
	bool ours = !m.other && !m.none && !m.is_goto && xt_all_zero(m.src_mask, octets) &&
		    xt_all_zero(m.dst_mask, octets);

	target->refs++;
	if (present->hook[hook].jumps++)
		return ours;
	p->layout->tail.jump_at[hook] = e->offset;
	p->layout->place[hook].jump = number;
	present->hook[hook].shadowed = shadowed || !ours;
	snprintf(present->hook[hook].target, sizeof(present->hook[hook].target), "%s",
		 target->name);
	return ours;
}

/* Find our jumps in one built-in chain. */
static void parse_hook(struct parser *p, enum hook hook, uint32_t from, uint32_t to)
{
	uint32_t number = 1;
	bool ends = false;

	/* Entry numbers do not matter here. */
	for (struct xt_entry e = xt_entry_at(p->raw, from, 0); e.at && e.offset < to;
	     e = xt_entry_next(p->raw, &e), number++) {
		struct xt_head *target = xt_target_of(&p->heads, &e);
		bool first = !p->layout->place[hook].jump, can_end = false;

		if (target && target->ours)
			can_end = !take_jump(p, hook, &e, target, ends, number);
		else if (first)
			can_end = can_end_walk(p, &e, 0);
		if (can_end && first)
			note_shadow(p, hook, &e, number);
		ends = ends || can_end;
	}
}

static int present_cmp(const void *a, const void *b)
{
	return strcmp(((const struct present_chain *)a)->name,
		      ((const struct present_chain *)b)->name);
}

static int addr_ptr_cmp(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

/* Make the rows from the addresses of one path. */
static void make_rows(struct xt_layout *l, const struct addr *addrs, size_t n)
{
	struct addr *sorted = xcalloc(n, sizeof(*sorted));

	if (n) {
		memcpy(sorted, addrs, n * sizeof(*sorted));
		qsort(sorted, n, sizeof(*sorted), addr_ptr_cmp);
	}
	l->rows = xcalloc(n, sizeof(*l->rows));
	for (size_t i = 0; i < n; i++)
		if (!i || addr_cmp(&sorted[i], &sorted[i - 1]))
			l->rows[l->n_rows++].addr = sorted[i];
	l->rows = xreallocarray(l->rows, l->n_rows, sizeof(*l->rows));
	free(sorted);
}

/* All trees have the same shape, so the k-th rules of all paths nearly always count the same
 * address. Only rules that differ from the first path's k-th are examined further. Returns the
 * addresses to make rows of, the first path's first; *ret_first says how many those are. */
static struct addr *addresses_of(const struct parser *p, size_t *ret_first, size_t *ret_n)
{
	struct addr *addrs = xcalloc(p->n_found, sizeof(*addrs));
	size_t k[PATHS] = { 0 }, first = 0, n;

	for (size_t i = 0; i < p->n_found; i++)
		if (p->found[i].path == p->found[0].path)
			addrs[first++] = p->found[i].addr;
	n = first;
	for (size_t i = 0; i < p->n_found; i++) {
		size_t at = k[p->found[i].path]++;

		if (at >= first || addr_cmp(&addrs[at], &p->found[i].addr))
			addrs[n++] = p->found[i].addr;
	}
	*ret_first = first;
	*ret_n = n;
	return addrs;
}

static uint32_t find_row(const struct xt_layout *l, const struct addr *addr)
{
	const struct fw_row *row =
		bsearch(addr, l->rows, l->n_rows, sizeof(*l->rows), addr_ptr_cmp);

	return (uint32_t)(row - l->rows);
}

/* Make the rows and give each its counting rules. If a rule exists twice (an old chain was put
 * back), the last one is read. */
static void number_rows(struct parser *p)
{
	struct xt_layout *l = p->layout;
	size_t k[PATHS] = { 0 }, first, n;
	struct addr *addrs = addresses_of(p, &first, &n);
	uint32_t *row_of = xcalloc(first, sizeof(*row_of));

	make_rows(l, addrs, n);
	for (size_t i = 0; i < first; i++)
		row_of[i] = find_row(l, &addrs[i]);
	l->places = xcalloc(l->n_rows, sizeof(*l->places));
	for (size_t i = 0; i < p->n_found; i++) {
		const struct found *f = &p->found[i];
		size_t at = k[f->path]++;
		bool same = at < first && !addr_cmp(&addrs[at], &f->addr);
		uint32_t row = same ? row_of[at] : find_row(l, &f->addr);

		l->rows[row].present |= (uint8_t)(1u << f->path);
		l->places[row][f->path] = f->place;
	}
	free(addrs);
	free(row_of);
}

/* --- what others did ---------------------------------------------------------------------- */

/* Set p->chain and p->number for the current entry. */
static void note_place(struct parser *p, const struct xt_entry *e)
{
	static const char *const names[XT_HOOKS] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT",
						     "POSTROUTING" };

	p->number++;
	for (unsigned i = 0; i < XT_HOOKS; i++)
		if (p->raw->valid_hooks & 1u << i && p->raw->hook_entry[i] == e->offset) {
			p->chain = names[i];
			p->number = 1;
			p->in_hook = i != 0 && i != XT_HOOKS - 1;
		}
	if (xt_is_error(e)) {
		p->chain = xt_error_name(e);
		p->number = 0;
		p->in_hook = false;
	}
}

/* Note a rule of others that leads to a chain of ours. In our hooks parse_hook counts them. */
static void note_intruder(struct parser *p, const struct xt_entry *e)
{
	const struct xt_head *target = xt_target_of(&p->heads, e);

	if (p->in_hook || !target || !target->ours)
		return;
	p->layout->present.intruders++;
	present_add_flaw(&p->layout->present, "rule %u of %s leads to our chain %s", p->number,
			 p->chain ? p->chain : "?", target->name);
}

/* Find what is counted twice: a chain of ours that two rules lead to, or that a rule of others
 * leads to as well. */
static void find_doubled(struct parser *p)
{
	struct present *present = &p->layout->present;

	present->doubled = present->intruders;
	for (enum hook h = 0; h < HOOKS; h++)
		present->doubled = present->doubled || present->hook[h].jumps > 1;
	for (size_t i = 0; i < p->heads.n; i++)
		present->doubled =
			present->doubled || (p->heads.v[i].ours && p->heads.v[i].refs > 1);
}

static void digest_ours(struct xt_layout *l)
{
	const struct present *present = &l->present;
	uint64_t h = xt_digest_octets(present->n_chains, &present->intruders,
				      sizeof(present->intruders));

	for (size_t i = 0; i < present->n_chains; i++) {
		h = xt_digest_octets(h, present->chains[i].name, strlen(present->chains[i].name));
		h = xt_digest_octets(h, &present->chains[i].digest,
				     sizeof(present->chains[i].digest));
	}
	for (enum hook hook = 0; hook < HOOKS; hook++) {
		uint32_t jumps[2] = { present->hook[hook].jumps, present->hook[hook].shadowed };
		const char *target = present->hook[hook].target;

		h = xt_digest_octets(h, jumps, sizeof(jumps));
		h = xt_digest_octets(h, target, strlen(target));
	}
	l->ours = h;
}

/* --- the tail ---------------------------------------------------------------------------- */

static bool is_our_jump(const struct xt_layout *l, uint32_t offset)
{
	for (enum hook h = 0; h < HOOKS; h++)
		if (l->present.hook[h].jumps == 1 && l->tail.jump_at[h] == offset)
			return true;
	return false;
}

/* Find out whether all chains of ours are together at the table's end, roots first, and only our
 * own jumps lead into them. */
static void find_tail(struct parser *p)
{
	struct xt_layout *l = p->layout;
	struct xt_raw head = *p->raw;
	bool usable = l->tail.at && l->tail.checked && !p->mixed;

	for (size_t i = 0; i < l->n_canaries; i++)
		usable = usable && (!l->canaries[i].root || l->canaries[i].at < l->tail.checked);
	head.size = l->tail.at;
	for (struct xt_entry e = xt_entry_first(&head); usable && e.at;
	     e = xt_entry_next(&head, &e))
		usable = !xt_is_standard(&e) || xt_verdict(&e) < (int)head.size ||
			 is_our_jump(l, e.offset);
	head.size = l->tail.checked;
	if (usable)
		l->tail.digest = xt_digest(&head);
	else
		memset(&l->tail, 0, sizeof(l->tail));
}

void xt_layout_parse(const struct xt_raw *raw, struct xt_layout *ret_layout)
{
	static const unsigned nf_hooks[HOOKS] = { [HOOK_FORWARD] = 2, /* NF_INET_FORWARD */
						  [HOOK_INPUT] = 1,
						  [HOOK_OUTPUT] = 3 };
	struct parser p = { .raw = raw, .layout = ret_layout };
	struct xt_entry e;

	memset(ret_layout, 0, sizeof(*ret_layout));
	ret_layout->digest = xt_digest(raw);
	ret_layout->n_entries = raw->n_entries;
	ret_layout->size = raw->size;
	p.heads = xt_heads_find(raw, ret_layout->policy);
	xt_heads_mark(raw, &p.heads);
	for (e = xt_entry_first(raw); e.at;) {
		struct xt_entry head = e;

		e = xt_entry_next(raw, &e);
		note_place(&p, &head);
		if (!e.at || !xt_is_error(&head)) {
			note_intruder(&p, &head);
			continue;
		}
		if (!xt_head_at(&p.heads, (int)e.offset)->ours) {
			p.mixed = p.mixed || ret_layout->tail.at;
			continue;
		}
		if (!ret_layout->tail.at) {
			ret_layout->tail.at = head.offset;
			ret_layout->tail.index = head.index;
		}
		e = parse_chain(&p, xt_error_name(&head), e);
	}
	for (enum hook h = 0; h < HOOKS; h++)
		if (raw->valid_hooks & 1u << nf_hooks[h])
			parse_hook(&p, h, raw->hook_entry[nf_hooks[h]],
				   raw->underflow[nf_hooks[h]]);
	if (ret_layout->present.n_chains)
		qsort(ret_layout->present.chains, ret_layout->present.n_chains,
		      sizeof(*ret_layout->present.chains), present_cmp);
	ret_layout->present.n_counting = (uint32_t)p.n_found;
	seed_canaries(ret_layout);
	number_rows(&p);
	find_tail(&p);
	find_doubled(&p);
	digest_ours(ret_layout);
	free(p.found);
	free(p.heads.v);
}

void xt_layout_clear(struct xt_layout *layout)
{
	free(layout->rows);
	free(layout->places);
	free(layout->canaries);
	present_clear(&layout->present);
	memset(layout, 0, sizeof(*layout));
}

/* Returns the canary's counters. *ret_right: it carries its seed. */
static struct xt_counters read_canary(const struct xt_canary *canary, const struct xt_raw *raw,
				      bool *ret_right)
{
	struct xt_counters c;

	memcpy(&c, raw->blob + canary->at, sizeof(c));
	*ret_right = c.bcnt == canary->octets && c.pcnt == 1;
	return c;
}

bool xt_canaries_read(const struct xt_layout *layout, const struct xt_raw *raw, bool *ret_zero)
{
	bool seeded = true, right;

	*ret_zero = true;
	for (size_t i = 0; i < layout->n_canaries; i++) {
		struct xt_counters c;

		if (layout->canaries[i].at + sizeof(c) > raw->size)
			continue;
		c = read_canary(&layout->canaries[i], raw, &right);
		seeded = seeded && right;
		*ret_zero = *ret_zero && (right || (!c.bcnt && !c.pcnt));
	}
	return seeded;
}

bool xt_canaries_any(const struct xt_layout *layout, const struct xt_raw *raw)
{
	bool right = false;

	for (size_t i = 0; i < layout->n_canaries && !right; i++)
		read_canary(&layout->canaries[i], raw, &right);
	return right;
}

bool xt_counters_read(struct xt_layout *layout, const struct xt_raw *raw, bool *ret_zero)
{
	struct xt_counters c;

	for (size_t i = 0; i < layout->n_rows; i++)
		for (enum path p = 0; p < PATHS; p++) {
			if (!layout->places[i][p].at)
				continue;
			memcpy(&c, raw->blob + layout->places[i][p].at, sizeof(c));
			layout->rows[i].path[p] = (struct counters) { c.bcnt, c.pcnt };
		}
	return xt_canaries_read(layout, raw, ret_zero);
}

void xt_intact_read(struct xt_layout *layout, const struct xt_raw *raw)
{
	bool right;

	for (size_t i = 0; i < layout->n_rows; i++) {
		layout->rows[i].intact = 0;
		for (enum path p = 0; p < PATHS; p++) {
			uint32_t n = layout->places[i][p].canary;

			if (!layout->places[i][p].at || !n || n > layout->n_canaries)
				continue;
			read_canary(&layout->canaries[n - 1], raw, &right);
			if (right)
				layout->rows[i].intact |= (uint8_t)(1u << p);
		}
	}
}
