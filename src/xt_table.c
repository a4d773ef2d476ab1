/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading legacy tables at known offsets.
 *
 * The kernel's blob is a row of entries: header (what to match), counters, matches, target. Built-in
 * chains stand at the hook offsets; a user chain begins with an ERROR entry that holds its name
 * and ends with an unconditional RETURN; the table ends with one more ERROR entry. A jump's
 * verdict is the offset of the first entry behind the ERROR entry. */
#include "xt_table.h"

#include "xalloc.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const struct xt_family xt_families[ADDR_FAMILIES] = {
	[ADDR_V4] = { AF_INET, IPPROTO_IP, sizeof(struct ipt_entry),
		      offsetof(struct ipt_entry, comefrom), offsetof(struct ipt_entry, counters),
		      "IPv4" },
	[ADDR_V6] = { AF_INET6, IPPROTO_IPV6, sizeof(struct ip6t_entry),
		      offsetof(struct ip6t_entry, comefrom), offsetof(struct ip6t_entry, counters),
		      "IPv6" },
};

/* ipt_getinfo, ipt_get_entries and their IPv6 namesakes are alike, and so are the options. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "getinfo");
_Static_assert(sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries), "get_entries");
_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO, "option");
_Static_assert(IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES, "option");

int xt_socket(enum addr_family family)
{
	int fd = socket(xt_families[family].af, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	return fd < 0 ? -errno : fd;
}

void xt_raw_clear(struct xt_raw *raw)
{
	/* The entries follow the header of struct ipt_get_entries in one allocation. */
	if (raw->blob)
		free(raw->blob - sizeof(struct ipt_get_entries));
	memset(raw, 0, sizeof(*raw));
}

static int read_once(int fd, enum addr_family family, const char *table, struct xt_raw *raw)
{
	struct ipt_getinfo info;
	struct ipt_get_entries *get;
	socklen_t len = sizeof(info);
	int level = xt_families[family].level;

	memset(&info, 0, sizeof(info));
	snprintf(info.name, sizeof(info.name), "%s", table);
	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) < 0)
		return -errno;
	get = xmalloc(sizeof(*get) + info.size);
	memset(get, 0, sizeof(*get));
	snprintf(get->name, sizeof(get->name), "%s", table);
	get->size = info.size;
	len = (socklen_t)(sizeof(*get) + info.size);
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, get, &len) < 0) {
		int ret = -errno;

		free(get);
		return ret;
	}
	raw->family = family;
	raw->valid_hooks = info.valid_hooks;
	memcpy(raw->hook_entry, info.hook_entry, sizeof(raw->hook_entry));
	memcpy(raw->underflow, info.underflow, sizeof(raw->underflow));
	raw->n_entries = info.num_entries;
	raw->size = info.size;
	raw->blob = (uint8_t *)get->entrytable;
	return 0;
}

int xt_read(int fd, enum addr_family family, const char *table, struct xt_raw *ret_raw)
{
	int ret = -EAGAIN;

	/* The table can be replaced between the two calls: EAGAIN tells of another size. */
	for (int tries = 0; ret == -EAGAIN && tries < 8; tries++)
		ret = read_once(fd, family, table, ret_raw);
	return ret;
}

/* --- walking ----------------------------------------------------------------------------- */

struct entry {
	const uint8_t *at; /* first octet, NULL past the end */
	uint32_t offset, index;
	uint16_t target_offset, next_offset;
	const struct xt_entry_target *target;
};

static struct entry entry_at(const struct xt_raw *raw, uint32_t offset, uint32_t index)
{
	const struct xt_family *f = &xt_families[raw->family];
	struct entry e = { .offset = offset, .index = index };

	if (offset + f->entry_size + sizeof(struct xt_entry_target) > raw->size)
		return e;
	e.at = raw->blob + offset;
	memcpy(&e.target_offset, e.at + f->head_size - 4, 2);
	memcpy(&e.next_offset, e.at + f->head_size - 2, 2);
	if (e.target_offset < f->entry_size ||
	    e.next_offset < e.target_offset + sizeof(*e.target) ||
	    e.next_offset > raw->size - offset)
		e.at = NULL; /* cannot be: the kernel checked it */
	else
		e.target = (const void *)(e.at + e.target_offset);
	return e;
}

static struct entry entry_first(const struct xt_raw *raw)
{
	return entry_at(raw, 0, 0);
}

static struct entry entry_next(const struct xt_raw *raw, const struct entry *e)
{
	return entry_at(raw, e->offset + e->next_offset, e->index + 1);
}

static bool is_standard(const struct entry *e)
{
	return !e->target->u.user.name[0] &&
	       (size_t)(e->next_offset - e->target_offset) >= sizeof(struct xt_standard_target);
}

static int verdict(const struct entry *e)
{
	return ((const struct xt_standard_target *)(const void *)e->target)->verdict;
}

static bool is_error(const struct entry *e)
{
	return !strcmp(e->target->u.user.name, XT_ERROR_TARGET) &&
	       (size_t)(e->next_offset - e->target_offset) >= sizeof(struct xt_error_target);
}

static const char *error_name(const struct entry *e)
{
	return ((const struct xt_error_target *)(const void *)e->target)->errorname;
}

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t v;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = (h ^ v) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	v = 0;
	memcpy(&v, p, len);
	h = (h ^ v ^ len << 56) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 32;
}

uint64_t xt_digest(const struct xt_raw *raw)
{
	const struct xt_family *f = &xt_families[raw->family];
	uint64_t h = mix(raw->size, raw->hook_entry, sizeof(raw->hook_entry));

	for (struct entry e = entry_first(raw); e.at; e = entry_next(raw, &e)) {
		h = mix(h, e.at, f->head_size);
		/* Behind the name's end lies whatever was in the buffer (or an old kernel). */
		h = mix(h, e.target->u.user.name,
			strnlen(e.target->u.user.name, sizeof(e.target->u.user.name)));
		if (is_standard(&e)) {
			int v = verdict(&e);

			h = mix(h, &v, sizeof(v));
		} else if (is_error(&e)) {
			h = mix(h, error_name(&e), strnlen(error_name(&e), XT_FUNCTION_MAXNAMELEN));
		}
	}
	return h;
}

/* --- our rules --------------------------------------------------------------------------- */

static bool all_zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n && !*b)
		b++, n--;
	return !n;
}

/* The number of leading ones of a mask, or -1 when it is no prefix. */
static int mask_bits(const uint8_t *mask, size_t octets)
{
	size_t n = 0, bits = octets * 8;

	while (n < bits && mask[n / 8] >> (7 - n % 8) & 1)
		n++;
	for (size_t i = n; i < bits; i++)
		if (mask[i / 8] >> (7 - i % 8) & 1)
			return -1;
	return (int)n;
}

/* src, dst, their masks and whatever else an entry may ask for. */
struct match {
	const uint8_t *src, *dst, *src_mask, *dst_mask;
	bool is_goto, other;
};

static struct match match_of(const struct xt_raw *raw, const struct entry *e)
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

	for (struct entry e = entry_first(raw); e.at; e = entry_next(raw, &e)) {
		for (unsigned i = 0; i < XT_HOOKS; i++)
			if (raw->valid_hooks & 1u << i && e.offset == raw->underflow[i])
				policy[i] = e.index + 1;
		if (is_error(&e)) {
			h.v = xgrow(h.v, h.n, &h.cap, sizeof(*h.v));
			h.v[h.n++] = (struct head) { e.offset + e.next_offset, error_name(&e) };
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
static struct rule rule_of(const struct xt_raw *raw, const struct entry *e,
			   const struct heads *heads, bool behind_stop, const char **ret_target)
{
	struct rule r = { .kind = RULE_ALIEN, .addr.family = raw->family };
	size_t octets = addr_octets(raw->family);
	struct match m = match_of(raw, e);
	int src = mask_bits(m.src_mask, octets), dst = mask_bits(m.dst_mask, octets);
	int v;

	*ret_target = NULL;
	if (m.other || src < 0 || dst < 0 || (src && dst) || !is_standard(e))
		return r;
	v = verdict(e);
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

struct parser {
	const struct xt_raw *raw;
	struct xt_layout *layout;
	struct heads heads;
	size_t cap_counts, cap_chains;
	struct addr *addrs; /* beside layout->counts until rows are numbered */
	size_t cap_addrs;
};

static void add_count(struct parser *p, const struct entry *e, const struct rule *r, enum path path)
{
	struct xt_layout *l = p->layout;

	l->counts = xgrow(l->counts, l->n_counts, &p->cap_counts, sizeof(*l->counts));
	p->addrs = xgrow(p->addrs, l->n_counts, &p->cap_addrs, sizeof(*p->addrs));
	p->addrs[l->n_counts] = r->addr;
	l->counts[l->n_counts++] = (struct xt_count) {
		.at = e->offset + (uint32_t)xt_families[p->raw->family].counters_at,
		.index = e->index,
		.path = (uint8_t)path,
	};
}

static void add_canary(struct parser *p, const struct entry *e, uint64_t epoch)
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
static struct entry parse_chain(struct parser *p, const char *name, struct entry e)
{
	struct present *present = &p->layout->present;
	struct present_chain *chain;
	enum hook hook;
	enum path path = PATHS;
	uint64_t epoch = 0, digest = RULE_DIGEST_INIT;
	enum rule_name kind = rule_name_parse(name, &hook, &epoch, &path);
	bool behind_stop = false;

	for (struct entry next; e.at && !is_error(&e); e = next) {
		const char *target;
		struct rule r;

		next = entry_next(p->raw, &e);
		if (!next.at || is_error(&next)) { /* the chain's own end */
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

static bool can_end_walk(const struct entry *e)
{
	if (!is_standard(e))
		return !continues(e->target->u.user.name);
	return verdict(e) != (int)(e->offset + e->next_offset); /* not a bare counting rule */
}

/* Our jumps in one built-in chain. */
static void parse_hook(struct parser *p, enum hook hook, uint32_t from, uint32_t to)
{
	struct present *present = &p->layout->present;
	bool ends = false;
	/* Entry numbers do not matter here. */
	for (struct entry e = entry_at(p->raw, from, 0); e.at && e.offset < to;
	     e = entry_next(p->raw, &e)) {
		int v = is_standard(&e) ? verdict(&e) : -1;
		const char *target = v >= 0 ? head_name(&p->heads, v) : NULL;
		enum hook h;
		enum path path;
		uint64_t epoch;

		if (target && rule_name_parse(target, &h, &epoch, &path) != RULE_NAME_FOREIGN) {
			struct match m = match_of(p->raw, &e);
			size_t octets = addr_octets(p->raw->family);

			/* A jump that asks for something is not the one we made. */
			if (m.other || m.is_goto || !all_zero(m.src_mask, octets) ||
			    !all_zero(m.dst_mask, octets))
				ends = true;
			if (!present->hook[hook].jumps++) {
				present->hook[hook].shadowed = ends;
				snprintf(present->hook[hook].target,
					 sizeof(present->hook[hook].target), "%s", target);
			}
		}
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

/* Give each address its row and each counting rule its row's number. */
static void number_rows(struct parser *p)
{
	struct xt_layout *l = p->layout;
	struct addr *sorted = xcalloc(l->n_counts, sizeof(*sorted));

	if (l->n_counts) {
		memcpy(sorted, p->addrs, l->n_counts * sizeof(*sorted));
		qsort(sorted, l->n_counts, sizeof(*sorted), addr_ptr_cmp);
	}
	l->rows = xcalloc(l->n_counts, sizeof(*l->rows));
	for (size_t i = 0; i < l->n_counts; i++)
		if (!i || addr_cmp(&sorted[i], &sorted[i - 1]))
			l->rows[l->n_rows++].addr = sorted[i];
	l->rows = xreallocarray(l->rows, l->n_rows, sizeof(*l->rows));
	l->count_of = xcalloc(l->n_rows * PATHS, sizeof(*l->count_of));
	for (size_t i = 0; i < l->n_counts; i++) {
		struct fw_row *row =
			bsearch(&p->addrs[i], l->rows, l->n_rows, sizeof(*l->rows), addr_ptr_cmp);

		l->counts[i].row = (uint32_t)(row - l->rows);
		row->present |= (uint8_t)(1u << l->counts[i].path);
		l->count_of[l->counts[i].row * PATHS + l->counts[i].path] = (uint32_t)i + 1;
	}
	free(sorted);
}

void xt_layout_parse(const struct xt_raw *raw, struct xt_layout *ret_layout)
{
	static const unsigned nf_hooks[HOOKS] = { [HOOK_FORWARD] = 2, /* NF_INET_FORWARD */
						  [HOOK_INPUT] = 1,
						  [HOOK_OUTPUT] = 3 };
	struct parser p = { .raw = raw, .layout = ret_layout };
	struct entry e;

	memset(ret_layout, 0, sizeof(*ret_layout));
	ret_layout->digest = xt_digest(raw);
	p.heads = find_heads(raw, ret_layout->policy);
	for (e = entry_first(raw); e.at;) {
		const char *name = is_error(&e) ? error_name(&e) : "";
		enum hook hook;
		enum path path;
		uint64_t epoch;

		e = entry_next(raw, &e);
		if (e.at && rule_name_parse(name, &hook, &epoch, &path) != RULE_NAME_FOREIGN)
			e = parse_chain(&p, name, e);
	}
	for (enum hook h = 0; h < HOOKS; h++)
		if (raw->valid_hooks & 1u << nf_hooks[h])
			parse_hook(&p, h, raw->hook_entry[nf_hooks[h]],
				   raw->underflow[nf_hooks[h]]);
	if (ret_layout->present.n_chains)
		qsort(ret_layout->present.chains, ret_layout->present.n_chains,
		      sizeof(*ret_layout->present.chains), present_cmp);
	ret_layout->present.n_counting = (uint32_t)ret_layout->n_counts;
	number_rows(&p);
	free(p.addrs);
	free(p.heads.v);
}

void xt_layout_clear(struct xt_layout *layout)
{
	free(layout->counts);
	free(layout->rows);
	free(layout->count_of);
	present_clear(&layout->present);
	memset(layout, 0, sizeof(*layout));
}

bool xt_counters_read(struct xt_layout *layout, const struct xt_raw *raw, bool *ret_zero)
{
	struct xt_counters c;
	bool seeded = true;

	*ret_zero = true;

	for (size_t i = 0; i < layout->n_counts; i++) {
		const struct xt_count *count = &layout->counts[i];
		struct counters *to = &layout->rows[count->row].path[count->path];

		memcpy(&c, raw->blob + count->at, sizeof(c));
		to->octets = c.bcnt;
		to->pkts = c.pcnt;
	}
	for (size_t i = 0; i < layout->n_canaries; i++) {
		memcpy(&c, raw->blob + layout->canaries[i].at, sizeof(c));
		if (c.bcnt == layout->canaries[i].octets && c.pcnt == 1)
			continue;
		seeded = false;
		*ret_zero = *ret_zero && !c.bcnt && !c.pcnt;
	}
	return seeded;
}

const struct xt_count *xt_layout_find(const struct xt_layout *layout, const struct addr *addr,
				      enum path path)
{
	const struct fw_row *row = NULL;
	uint32_t i;

	if (layout->n_rows)
		row = bsearch(addr, layout->rows, layout->n_rows, sizeof(*row), addr_ptr_cmp);
	i = row ? layout->count_of[(size_t)(row - layout->rows) * PATHS + path] : 0;
	return i ? &layout->counts[i - 1] : NULL;
}
