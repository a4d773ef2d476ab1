/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shape of our rules: the prefix tree and the names.
 *
 * A tree is cut from the binary trie of the addresses, bottom up. Each trie node collects the
 * items (counting rules and gotos) of its two halves. When they exceed what a chain should hold,
 * the larger half becomes a chain of its own and counts as one goto from then on.
 * 1. Every chain holds at most LEAF_MAX counting rules or INNER_MAX rules, and its canary.
 * 2. The prefixes in one chain do not overlap, so their order does not matter.
 * 3. There are few chains: each costs four entries of the kernel's table, and each entry costs
 *    time at every reading. Nearly all chains are leaves, so leaves are wide. Inner chains are few
 *    and narrow: a packet of no container is compared with every rule of the first one, other
 *    packets with half the rules of each (docs/architecture.md has results for other widths). */
#include "netfilter/iptables/rule.h"

#include "base/xalloc.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAF_MAX 32
#define INNER_MAX 8

static const struct {
	char letter;
	enum hook hook;
	enum rule_match match;
} paths[PATHS] = {
	[PATH_FWD_IN] = { 'd', HOOK_FORWARD, RULE_MATCH_DST },
	[PATH_FWD_OUT] = { 's', HOOK_FORWARD, RULE_MATCH_SRC },
	[PATH_NODE_IN] = { 'o', HOOK_OUTPUT, RULE_MATCH_DST },
	[PATH_NODE_OUT] = { 'i', HOOK_INPUT, RULE_MATCH_SRC },
};

enum rule_match rule_path_match(enum path path)
{
	return paths[path].match;
}

enum hook rule_path_hook(enum path path)
{
	return paths[path].hook;
}

uint64_t rule_canary_octets(uint64_t epoch)
{
	/* 48 bits and odd: never 0, and never equal to the value of the epoch before. */
	return ((epoch * 0x9e3779b97f4a7c15ull) >> 16) | 1;
}

/* --- names ------------------------------------------------------------------------------- */

/* "ctm-d-192.0.2.0/24" where that fits. Otherwise (long IPv6 prefixes) the path's letter as a
 * capital and the bits in base 64: "ctmD" + 2 characters for the length + up to 22 for the
 * prefix. */
static void tree_name(char name[RULE_CHAIN_SIZE], enum path path, const struct addr *prefix,
		      unsigned plen)
{
	static const char signs[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
	char text[ADDR_TEXT_SIZE], full[ADDR_TEXT_SIZE + 16];
	char *p = name;

	snprintf(full, sizeof(full), RULE_MARK "-%c-%s/%u", paths[path].letter,
		 addr_format(prefix, text), plen);
	if (strlen(full) < RULE_CHAIN_SIZE) {
		memcpy(name, full, strlen(full) + 1);
		return;
	}
	p += sprintf(p, RULE_MARK "%c%c%c", paths[path].letter - 'a' + 'A', signs[plen >> 6],
		     signs[plen & 63]);
	for (unsigned bit = 0; bit < plen; bit += 6) {
		unsigned v = 0;

		for (unsigned i = bit; i < bit + 6; i++)
			v = v << 1 | (i < plen && addr_bit(prefix, i));
		*p++ = signs[v];
	}
	*p = '\0';
}

static void root_name(char name[RULE_CHAIN_SIZE], enum hook hook, uint64_t epoch)
{
	snprintf(name, RULE_CHAIN_SIZE, RULE_MARK "-%s-%" PRIx64, fw_hook_name(hook), epoch);
}

static bool path_of_letter(char letter, enum path *ret_path)
{
	for (enum path p = 0; p < PATHS; p++)
		if (paths[p].letter == letter) {
			*ret_path = p;
			return true;
		}
	return false;
}

enum rule_name rule_name_parse(const char *name, enum hook *ret_hook, uint64_t *ret_epoch,
			       enum path *ret_path)
{
	if (strncmp(name, RULE_MARK, 3) != 0)
		return RULE_NAME_FOREIGN;
	if (name[3] >= 'A' && name[3] <= 'Z')
		return path_of_letter(name[3] - 'A' + 'a', ret_path) ? RULE_NAME_TREE
								     : RULE_NAME_FOREIGN;
	if (name[3] != '-')
		return RULE_NAME_FOREIGN;
	if (name[4] && (name[5] == '-' || !name[5]))
		return path_of_letter(name[4], ret_path) ? RULE_NAME_TREE : RULE_NAME_FOREIGN;
	for (enum hook h = 0; h < HOOKS; h++) {
		size_t len = strlen(fw_hook_name(h));
		char *end;

		if (strncmp(name + 4, fw_hook_name(h), len) != 0 || name[4 + len] != '-')
			continue;
		*ret_epoch = strtoull(name + 5 + len, &end, 16);
		*ret_hook = h;
		return *end || end == name + 5 + len ? RULE_NAME_FOREIGN : RULE_NAME_ROOT;
	}
	return RULE_NAME_FOREIGN;
}

/* --- digests ----------------------------------------------------------------------------- */

/* The digest detects changes by a person or a bug, not forgeries. */
static uint64_t stir(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static uint64_t stir_octets(uint64_t h, const void *octets, size_t len)
{
	const uint8_t *p = octets;
	uint64_t v = 0;

	for (; len > sizeof(v); len -= sizeof(v), p += sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		h = stir(h, v);
	}
	v = 0;
	memcpy(&v, p, len);
	return stir(h, v);
}

uint64_t rule_digest_add(uint64_t digest, const struct rule *rule, const char *target)
{
	/* Only its place distinguishes a canary from a stop: see xt_rule_of. */
	uint8_t kind = rule->kind == RULE_CANARY ? RULE_STOP : rule->kind;

	if (rule->match == RULE_MATCH_NONE)
		return digest;
	digest = stir(digest, (uint64_t)kind << 16 | rule->match << 8 | rule->plen);
	if (rule->match != RULE_MATCH_ALL)
		digest = stir_octets(digest, rule->addr.bytes, addr_octets(rule->addr.family));
	return target ? stir_octets(digest, target, strlen(target) + 1) : digest;
}

/* --- building ---------------------------------------------------------------------------- */

struct builder {
	struct ruleset *rs;
	size_t cap_chains, cap_rules;
	struct rule *stack; /* open items of the trie nodes under way */
	size_t depth, cap_stack;
	const struct addr *addrs;
	enum path path;
	unsigned bits;
};

/* Append a rule to the last chain. */
static void add_rule(struct builder *b, struct rule rule)
{
	struct ruleset *rs = b->rs;

	rs->rules = xgrow(rs->rules, rs->n_rules, &b->cap_rules, sizeof(*rs->rules));
	rs->rules[rs->n_rules++] = rule;
	rs->chains[rs->n_chains - 1].n++;
}

static uint32_t add_chain(struct builder *b, const char *name, const struct rule *rules, size_t n)
{
	struct ruleset *rs = b->rs;
	struct rule_chain *c;

	rs->chains = xgrow(rs->chains, rs->n_chains, &b->cap_chains, sizeof(*rs->chains));
	c = &rs->chains[rs->n_chains++];
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->first = (uint32_t)rs->n_rules;
	c->n = 0;
	for (size_t i = 0; i < n; i++)
		add_rule(b, rules[i]);
	return (uint32_t)rs->n_chains - 1;
}

static uint32_t add_tree_chain(struct builder *b, const char *name, const struct rule *rules,
			       size_t n)
{
	uint32_t chain = add_chain(b, name, rules, n);

	add_rule(b, (struct rule) { .kind = RULE_CANARY,
				    .match = RULE_MATCH_NONE,
				    .addr.family = b->rs->family });
	return chain;
}

static void push(struct builder *b, struct rule item)
{
	b->stack = xgrow(b->stack, b->depth, &b->cap_stack, sizeof(*b->stack));
	b->stack[b->depth++] = item;
}

/* Make the stack's items [at, at + n) a chain for prefix/plen and replace them with one goto. */
static void close_items(struct builder *b, size_t at, size_t n, const struct addr *prefix,
			unsigned plen)
{
	char name[RULE_CHAIN_SIZE];
	struct rule item = { .kind = RULE_GOTO,
			     .match = paths[b->path].match,
			     .plen = (uint8_t)plen,
			     .addr = *prefix };

	tree_name(name, b->path, prefix, plen);
	item.chain = add_tree_chain(b, name, b->stack + at, n);
	b->stack[at] = item;
	memmove(b->stack + at + 1, b->stack + at + n, (b->depth - at - n) * sizeof(*b->stack));
	b->depth -= n - 1;
}

static size_t room(const struct builder *b, size_t at)
{
	for (size_t i = at; i < b->depth; i++)
		if (b->stack[i].kind == RULE_GOTO)
			return INNER_MAX;
	return LEAF_MAX;
}

static unsigned common_bits(const struct addr *a, const struct addr *b, unsigned max)
{
	unsigned n = 0, differ;

	while (n < max && a->bytes[n / 8] == b->bytes[n / 8])
		n += 8;
	if (n >= max)
		return max;
	differ = a->bytes[n / 8] ^ b->bytes[n / 8];
	return n + (unsigned)__builtin_clz(differ) - (unsigned)(sizeof(differ) - 1) * 8;
}

/* Push the items for the sorted addrs[lo, hi). The node's prefix length goes to *ret_plen. */
static size_t build_node(struct builder *b, size_t lo, size_t hi, unsigned *ret_plen)
{
	const struct addr *a = &b->addrs[lo];
	size_t at = b->depth, mid = lo, end = hi, n_left, n_right;
	unsigned plen, left_plen, right_plen;
	struct addr prefix;

	if (hi - lo == 1) {
		push(b, (struct rule) { .kind = RULE_COUNT,
					.match = paths[b->path].match,
					.plen = (uint8_t)b->bits,
					.addr = *a });
		*ret_plen = b->bits;
		return 1;
	}
	*ret_plen = plen = common_bits(a, &b->addrs[hi - 1], b->bits);
	while (mid < end) { /* the first address with the next bit set */
		size_t probe = mid + (end - mid) / 2;

		if (addr_bit(&b->addrs[probe], plen))
			end = probe;
		else
			mid = probe + 1;
	}
	n_left = build_node(b, lo, mid, &left_plen);
	n_right = build_node(b, mid, hi, &right_plen);
	if (n_left + n_right > room(b, at) && n_left >= n_right) {
		prefix = addr_prefix(a, left_plen);
		close_items(b, at, n_left, &prefix, left_plen);
		n_left = 1;
	}
	if (n_left + n_right > room(b, at)) {
		prefix = addr_prefix(&b->addrs[mid], right_plen);
		close_items(b, at + n_left, n_right, &prefix, right_plen);
		n_right = 1;
	}
	if (n_left + n_right > room(b, at)) {
		prefix = addr_prefix(a, left_plen);
		close_items(b, at, n_left, &prefix, left_plen);
		n_left = 1;
	}
	return n_left + n_right;
}

static uint32_t build_tree(struct builder *b, enum path path, size_t n)
{
	char name[RULE_CHAIN_SIZE];
	unsigned plen;
	size_t items;

	b->path = path;
	b->depth = 0;
	items = build_node(b, 0, n, &plen);
	snprintf(name, sizeof(name), RULE_MARK "-%c", paths[path].letter);
	return add_tree_chain(b, name, b->stack, items);
}

static void build_root(struct builder *b, enum hook hook, size_t n)
{
	char name[RULE_CHAIN_SIZE];
	struct rule rules[PATHS + 2];
	size_t n_rules = 0;

	memset(rules, 0, sizeof(rules));
	for (enum path p = 0; p < PATHS; p++)
		if (paths[p].hook == hook) {
			rules[n_rules].kind = RULE_JUMP;
			rules[n_rules++].chain = build_tree(b, p, n);
		}
	rules[n_rules++].kind = RULE_STOP;
	rules[n_rules++].kind = RULE_CANARY;
	for (size_t i = 0; i < n_rules; i++)
		rules[i].addr.family = b->rs->family;
	root_name(name, hook, b->rs->epoch);
	b->rs->root[hook] = (int)add_chain(b, name, rules, n_rules);
}

static int chain_cmp(const void *a, const void *b)
{
	return strcmp(((const struct rule_chain *)a)->name, ((const struct rule_chain *)b)->name);
}

static void digest_chain(struct ruleset *rs, struct rule_chain *c)
{
	c->digest = RULE_DIGEST_INIT;
	for (uint32_t i = c->first; i < c->first + c->n; i++) {
		const struct rule *r = &rs->rules[i];
		bool aims = r->kind == RULE_GOTO || r->kind == RULE_JUMP;

		c->digest = rule_digest_add(c->digest, r, aims ? rs->chains[r->chain].name : NULL);
	}
}

/* Sort the chains by name and make rules and roots refer to the new places. During the sort a
 * chain's digest holds its old index. */
static void sort_chains(struct ruleset *rs)
{
	uint32_t *moved = xcalloc(rs->n_chains, sizeof(*moved));

	for (size_t i = 0; i < rs->n_chains; i++)
		rs->chains[i].digest = i;
	if (rs->n_chains)
		qsort(rs->chains, rs->n_chains, sizeof(*rs->chains), chain_cmp);
	for (size_t i = 0; i < rs->n_chains; i++)
		moved[rs->chains[i].digest] = (uint32_t)i;
	for (size_t i = 0; i < rs->n_rules; i++)
		if (rs->rules[i].kind == RULE_GOTO || rs->rules[i].kind == RULE_JUMP)
			rs->rules[i].chain = moved[rs->rules[i].chain];
	for (enum hook h = 0; h < HOOKS; h++)
		if (rs->root[h] >= 0)
			rs->root[h] = (int)moved[rs->root[h]];
	for (size_t i = 0; i < rs->n_chains; i++)
		digest_chain(rs, &rs->chains[i]);
	free(moved);
}

struct ruleset *ruleset_build(enum addr_family family, const struct addr *addrs, size_t n,
			      bool node_traffic, uint64_t epoch)
{
	struct ruleset *rs = xcalloc(1, sizeof(*rs));
	struct builder b = { .rs = rs, .addrs = addrs, .bits = (unsigned)addr_octets(family) * 8 };

	rs->family = family;
	rs->epoch = epoch;
	rs->n_addresses = n;
	for (size_t i = 1; i < n; i++)
		assert(addr_cmp(&addrs[i - 1], &addrs[i]) < 0);
	for (enum hook h = 0; h < HOOKS; h++) {
		rs->root[h] = -1;
		if (n && (h == HOOK_FORWARD || node_traffic))
			build_root(&b, h, n);
	}
	sort_chains(rs);
	free(b.stack);
	return rs;
}

static void *copy_array(const void *from, size_t n, size_t size)
{
	void *to = xreallocarray(NULL, n, size);

	if (n)
		memcpy(to, from, n * size);
	return to;
}

struct ruleset *ruleset_copy(const struct ruleset *rs)
{
	struct ruleset *copy = xmalloc(sizeof(*copy));

	*copy = *rs;
	copy->chains = copy_array(rs->chains, rs->n_chains, sizeof(*rs->chains));
	copy->rules = copy_array(rs->rules, rs->n_rules, sizeof(*rs->rules));
	return copy;
}

void ruleset_drop_rules(struct ruleset *rs)
{
	free(rs->rules);
	rs->rules = NULL;
	rs->n_rules = 0;
}

void ruleset_free(struct ruleset *rs)
{
	if (!rs)
		return;
	free(rs->chains);
	free(rs->rules);
	free(rs);
}

void ruleset_set_epoch(struct ruleset *rs, uint64_t epoch)
{
	rs->epoch = epoch;
	for (enum hook h = 0; h < HOOKS; h++)
		if (rs->root[h] >= 0)
			root_name(rs->chains[rs->root[h]].name, h, epoch);
	sort_chains(rs);
}
