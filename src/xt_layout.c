/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xt_layout.h"

#include "xalloc.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- our rules --------------------------------------------------------------------------- */

static bool all_zero(const void *p, size_t n)
{
	static const uint8_t zeros[2 * 2 * IFNAMSIZ];

	return !memcmp(p, zeros, n);
}

/* The number of leading ones of a mask, or -1 when it is no prefix. */
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

/* src, dst, their masks and whatever else an entry may ask for. */
struct match {
	const uint8_t *src, *dst, *src_mask, *dst_mask;
	bool is_goto, other;
};

static struct match match_of(const struct xt_raw *raw, const struct xt_entry *e)
{
	struct match m;

	if (raw->family == ADDR_V4) {
		const struct ipt_ip *ip = (const void *)e->at;

		m = (struct match) { (const uint8_t *)&ip->src,
				     (const uint8_t *)&ip->dst,
				     (const uint8_t *)&ip->smsk,
				     (const uint8_t *)&ip->dmsk,
				     ip->flags & IPT_F_GOTO,
				     ip->flags & ~IPT_F_GOTO || ip->proto || ip->invflags ||
					     !all_zero(ip->iniface, 2 * IFNAMSIZ) ||
					     !all_zero(ip->iniface_mask, 2 * IFNAMSIZ) };
	} else {
		const struct ip6t_ip6 *ip = (const void *)e->at;

		m = (struct match) { (const uint8_t *)&ip->src,
				     (const uint8_t *)&ip->dst,
				     (const uint8_t *)&ip->smsk,
				     (const uint8_t *)&ip->dmsk,
				     ip->flags & IP6T_F_GOTO,
				     ip->flags & ~IP6T_F_GOTO || ip->proto || ip->invflags ||
					     !all_zero(ip->iniface, 2 * IFNAMSIZ) ||
					     !all_zero(ip->iniface_mask, 2 * IFNAMSIZ) };
	}
	m.other = m.other || e->target_offset != xt_families[raw->family].entry_size;
	return m;
}

/* Where user chains begin. */
struct heads {
	struct head {
		uint32_t first; /* offset of the first entry behind the ERROR entry */
		const char *name;
	} * v;
	size_t n, cap;
};

/* One walk over the table: where user chains begin, and which entries are policies. */
static struct heads find_heads(const struct xt_raw *raw, uint32_t policy[XT_HOOKS])
{
	struct heads h = { NULL, 0, 0 };

	for (struct xt_entry e = xt_entry_first(raw); e.at; e = xt_entry_next(raw, &e)) {
		for (unsigned i = 0; i < XT_HOOKS; i++)
			if (raw->valid_hooks & 1u << i && e.offset == raw->underflow[i])
				policy[i] = e.index + 1;
		if (xt_is_error(&e)) {
			h.v = xgrow(h.v, h.n, &h.cap, sizeof(*h.v));
			h.v[h.n++] = (struct head) { e.offset + e.next_offset, xt_error_name(&e) };
		}
	}
	return h;
}

static const char *head_name(const struct heads *h, int offset)
{
	size_t lo = 0, hi = h->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (h->v[mid].first < (uint32_t)offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < h->n && h->v[lo].first == (uint32_t)offset ? h->v[lo].name : NULL;
}

/* Read one entry of a chain of ours as a rule; *ret_target gets the name a jump leads to. */
static struct rule rule_of(const struct xt_raw *raw, const struct xt_entry *e,
			   const struct heads *heads, bool behind_stop, const char **ret_target)
{
	struct rule r = { .kind = RULE_ALIEN, .addr.family = raw->family };
	size_t octets = addr_octets(raw->family);
	struct match m = match_of(raw, e);
	int src = mask_bits(m.src_mask, octets), dst = mask_bits(m.dst_mask, octets);
	int v;

	*ret_target = NULL;
	if (m.other || src < 0 || dst < 0 || (src && dst) || !xt_is_standard(e))
		return r;
	v = xt_verdict(e);
	if (src || dst) {
		r.match = src ? RULE_MATCH_SRC : RULE_MATCH_DST;
		r.plen = (uint8_t)(src ? src : dst);
		memcpy(r.addr.bytes, src ? m.src : m.dst, octets);
	}
	if (v >= 0)
		*ret_target = head_name(heads, v);
	if (v == XT_RETURN && !m.is_goto) {
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

/* --- a layout ---------------------------------------------------------------------------- */

/* A counting rule, in the order of the table, until rows are numbered. */
struct found {
	struct addr addr;
	uint8_t path;
	struct xt_place place;
};

struct parser {
	const struct xt_raw *raw;
	struct xt_layout *layout;
	struct heads heads;
	struct found *found;
	size_t n_found, cap_found, cap_chains;
	bool roots_over, mixed; /* a tree chain came; foreign chains or roots stand behind it */
};

static void add_count(struct parser *p, const struct xt_entry *e, const struct rule *r,
		      enum path path)
{
	uint32_t at = e->offset + (uint32_t)xt_families[p->raw->family].counters_at;

	p->found = xgrow(p->found, p->n_found, &p->cap_found, sizeof(*p->found));
	p->found[p->n_found++] = (struct found) { r->addr, (uint8_t)path, { at, e->index } };
}

static void add_canary(struct parser *p, const struct xt_entry *e, uint64_t epoch)
{
	struct xt_layout *l = p->layout;

	if (l->n_canaries == HOOKS)
		return;
	l->canaries[l->n_canaries].at =
		e->offset + (uint32_t)xt_families[p->raw->family].counters_at;
	l->canaries[l->n_canaries].index = e->index;
	l->canaries[l->n_canaries++].octets = rule_canary_octets(epoch);
}

/* One chain of ours, from the entry behind its ERROR entry to the RETURN that ends it.
 * Returns the entry after. */
static struct xt_entry parse_chain(struct parser *p, const char *name, struct xt_entry e)
{
	struct present *present = &p->layout->present;
	struct present_chain *chain;
	enum hook hook;
	enum path path = PATHS;
	uint64_t epoch = 0, digest = RULE_DIGEST_INIT;
	enum rule_name kind = rule_name_parse(name, &hook, &epoch, &path);
	bool behind_stop = false;

	for (struct xt_entry next; e.at && !xt_is_error(&e); e = next) {
		const char *target;
		struct rule r;

		next = xt_entry_next(p->raw, &e);
		if (!next.at || xt_is_error(&next)) { /* the chain's own end */
			e = next;
			break;
		}
		r = rule_of(p->raw, &e, &p->heads, behind_stop, &target);
		behind_stop = r.kind == RULE_STOP;
		digest = rule_digest_add(digest, &r, target);
		if (r.kind == RULE_COUNT && kind == RULE_NAME_TREE &&
		    r.match == rule_path_match(path))
			add_count(p, &e, &r, path);
		if (r.kind == RULE_CANARY && kind == RULE_NAME_ROOT)
			add_canary(p, &e, epoch);
	}
	if (kind == RULE_NAME_ROOT) {
		p->mixed = p->mixed || p->roots_over;
		p->layout->tail.checked = e.at ? e.offset : 0;
	}
	p->roots_over = kind != RULE_NAME_ROOT;
	if (epoch > present->epoch)
		present->epoch = epoch;
	present->chains =
		xgrow(present->chains, present->n_chains, &p->cap_chains, sizeof(*present->chains));
	chain = &present->chains[present->n_chains++];
	snprintf(chain->name, sizeof(chain->name), "%.*s", RULE_CHAIN_SIZE - 1, name);
	chain->digest = digest;
	return e;
}

/* Targets that let a packet go on to the next rule. */
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

static bool can_end_walk(const struct xt_entry *e)
{
	if (!xt_is_standard(e))
		return !continues(e->target->u.user.name);
	return xt_verdict(e) != (int)(e->offset + e->next_offset); /* not a bare counting rule */
}

/* What iptables calls it; NULL when there is no word for it. */
static const char *verdict_name(const struct heads *h, int verdict)
{
	switch (verdict) {
	case -NF_ACCEPT - 1:
		return "ACCEPT";
	case -NF_DROP - 1:
		return "DROP";
	case XT_RETURN:
		return "RETURN";
	default:
		return verdict >= 0 ? head_name(h, verdict) : NULL;
	}
}

/* The first rule of a hook that can end a walk before it comes to us. */
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

/* A jump to a chain of ours; false: one that asks for something, which is not the one we made. */
static bool take_jump(struct parser *p, enum hook hook, const struct xt_entry *e,
		      const char *target, bool shadowed, uint32_t number)
{
	struct present *present = &p->layout->present;
	size_t octets = addr_octets(p->raw->family);
	struct match m = match_of(p->raw, e);
	bool ours = !m.other && !m.is_goto && all_zero(m.src_mask, octets) &&
		    all_zero(m.dst_mask, octets);

	if (present->hook[hook].jumps++)
		return ours;
	p->layout->tail.jump_at[hook] = e->offset;
	p->layout->place[hook].jump = number;
	present->hook[hook].shadowed = shadowed || !ours;
	snprintf(present->hook[hook].target, sizeof(present->hook[hook].target), "%s", target);
	return ours;
}

/* Our jumps in one built-in chain. */
static void parse_hook(struct parser *p, enum hook hook, uint32_t from, uint32_t to)
{
	uint32_t number = 1;
	bool ends = false;

	/* Entry numbers do not matter here. */
	for (struct xt_entry e = xt_entry_at(p->raw, from, 0); e.at && e.offset < to;
	     e = xt_entry_next(p->raw, &e), number++) {
		int v = xt_is_standard(&e) ? xt_verdict(&e) : -1;
		const char *target = v >= 0 ? head_name(&p->heads, v) : NULL;
		bool first = !p->layout->place[hook].jump, can_end = can_end_walk(&e);
		enum hook h;
		enum path path;
		uint64_t epoch;

		if (target && rule_name_parse(target, &h, &epoch, &path) != RULE_NAME_FOREIGN)
			can_end = !take_jump(p, hook, &e, target, ends, number);
		if (can_end && first)
			note_shadow(p, hook, &e, number);
		ends = ends || can_end_walk(&e);
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

/* Number the rows by the addresses of one path. */
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

/* All trees are of the same shape, so the k-th rules of all paths nearly always count the same
 * address: only what differs from the first path's k-th is looked at further. Returns the
 * addresses that rows are to be made of, the first path's first; *ret_first says how many those
 * are. */
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

/* Make the rows and give each its counting rules. Of a rule that is there twice (an old chain
 * brought back) the last one is read. */
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

/* --- the tail ---------------------------------------------------------------------------- */

static bool is_our_jump(const struct xt_layout *l, uint32_t offset)
{
	for (enum hook h = 0; h < HOOKS; h++)
		if (l->present.hook[h].jumps == 1 && l->tail.jump_at[h] == offset)
			return true;
	return false;
}

/* Whether all chains of ours stand together at the table's end, roots first, and nobody but our
 * jumps leads into them. */
static void find_tail(struct parser *p)
{
	struct xt_layout *l = p->layout;
	struct xt_raw head = *p->raw;
	bool usable = l->tail.at && l->tail.checked && !p->mixed;

	for (size_t i = 0; i < l->n_canaries; i++)
		usable = usable && l->canaries[i].at < l->tail.checked;
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
	p.heads = find_heads(raw, ret_layout->policy);
	for (e = xt_entry_first(raw); e.at;) {
		struct xt_entry head = e;
		enum hook hook;
		enum path path;
		uint64_t epoch;

		e = xt_entry_next(raw, &e);
		if (!e.at || !xt_is_error(&head))
			continue;
		if (rule_name_parse(xt_error_name(&head), &hook, &epoch, &path) ==
		    RULE_NAME_FOREIGN) {
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
	number_rows(&p);
	find_tail(&p);
	free(p.found);
	free(p.heads.v);
}

void xt_layout_clear(struct xt_layout *layout)
{
	free(layout->rows);
	free(layout->places);
	present_clear(&layout->present);
	memset(layout, 0, sizeof(*layout));
}

bool xt_canaries_read(const struct xt_layout *layout, const struct xt_raw *raw, bool *ret_zero)
{
	struct xt_counters c;
	bool seeded = true;

	*ret_zero = true;
	for (size_t i = 0; i < layout->n_canaries; i++) {
		memcpy(&c, raw->blob + layout->canaries[i].at, sizeof(c));
		if (c.bcnt == layout->canaries[i].octets && c.pcnt == 1)
			continue;
		seeded = false;
		*ret_zero = *ret_zero && !c.bcnt && !c.pcnt;
	}
	return seeded;
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
