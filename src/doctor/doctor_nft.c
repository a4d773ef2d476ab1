/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/doctor_nft.h"

#include "base/xalloc.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct chain {
	const char *family, *table, *name;
	const char *hook; /* NULL: not a base chain */
	int priority;
	bool drops; /* by its policy, or a rule in it or in a chain it jumps to */
};

/* A jump or goto from one chain to another. */
struct lead {
	struct chain *from;
	const char *to;
};

struct nft_view {
	json_t *json; /* owns all names */
	struct chain *chains; /* sorted by name, table, family */
	size_t n_chains, cap_chains;
	struct lead *leads;
	size_t n_leads, cap_leads;
	struct nft_drop *drops;
	size_t n_drops, cap_drops;
	struct nft_flow *flows;
	size_t n_flows, cap_flows;
	size_t n_flowtables, compat_rules;
	bool guards[ADDR_FAMILIES];
	struct nft_place copy; /* the first of n_copies */
	size_t n_copies;
	const char *bridge_sources[ADDR_FAMILIES]; /* a bridge table that matches them, or NULL */
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool is_one_of(const char *text, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, list[i]))
			return true;
	return false;
}

/* ---- expressions ---- */

/* Iterate over an object or an array; start with *i = 0 and *it = NULL. NULL at the end, and for
 * any other value. */
static const json_t *next_part(const json_t *e, size_t *i, void **it)
{
	if (json_is_array(e))
		return json_array_get(e, (*i)++);
	*it = *it ? json_object_iter_next((json_t *)e, *it) : json_object_iter((json_t *)e);
	return *it ? json_object_iter_value(*it) : NULL;
}

/* Does the key occur anywhere in the expression? */
static bool mentions(const json_t *e, const char *key)
{
	const json_t *part;
	void *it = NULL;
	size_t i = 0;

	if (json_object_get(e, key))
		return true;
	while ((part = next_part(e, &i, &it)))
		if (mentions(part, key))
			return true;
	return false;
}

/* Add every {"jump": {"target": NAME}} and goto in the expression, also those in verdict maps. */
static void add_leads(struct nft_view *v, struct chain *from, const json_t *e)
{
	static const char *const kinds[] = { "jump", "goto" };
	const json_t *part;
	void *it = NULL;
	size_t i = 0;

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		const char *to = text_of(json_object_get(e, kinds[k]), "target");

		if (!*to)
			continue;
		v->leads = xgrow(v->leads, v->n_leads, &v->cap_leads, sizeof(*v->leads));
		v->leads[v->n_leads++] = (struct lead) { from, to };
	}
	while ((part = next_part(e, &i, &it)))
		add_leads(v, from, part);
}

/* Is one of the expressions an iptables target of this name, which nft lists as "xt"? */
static bool has_target(const json_t *expr, const char *name)
{
	for (size_t i = 0; i < json_array_size(expr); i++) {
		const json_t *xt = json_object_get(json_array_get(expr, i), "xt");

		if (!strcmp(text_of(xt, "type"), "target") && !strcmp(text_of(xt, "name"), name))
			return true;
	}
	return false;
}

static bool is_drop(const json_t *expr)
{
	return mentions(expr, "drop") || mentions(expr, "reject") || has_target(expr, "REJECT");
}

/* Does the expression match on the source address of the protocol ("ip", "ip6")? */
static bool asks_source(const json_t *e, const char *protocol)
{
	const json_t *payload = json_object_get(e, "payload"), *part;
	void *it = NULL;
	size_t i = 0;

	if (!strcmp(text_of(payload, "protocol"), protocol) &&
	    !strcmp(text_of(payload, "field"), "saddr"))
		return true;
	while ((part = next_part(e, &i, &it)))
		if (asks_source(part, protocol))
			return true;
	return false;
}

static bool has_flag(const json_t *fib, const char *flag)
{
	const json_t *flags = json_object_get(fib, "flags"); /* an array, or one */

	if (json_is_string(flags))
		return !strcmp(json_string_value(flags), flag);
	for (size_t i = 0; i < json_array_size(flags); i++) {
		const char *one = json_string_value(json_array_get(flags, i));

		if (one && !strcmp(one, flag))
			return true;
	}
	return false;
}

/* nft prints "missing" as false or 0, and "!= exists" as != true. */
static bool is_missing(const char *op, const json_t *right)
{
	bool nothing =
		json_is_false(right) || (json_is_integer(right) && !json_integer_value(right));

	return nothing ? !strcmp(op, "==") : json_is_true(right) && !strcmp(op, "!=");
}

/* Does the rule match packets whose source has no route back? With the flag iif it is strict;
 * without it, any address that is reachable on some link passes. */
static bool asks_way_back(const json_t *expr, bool *ret_strict)
{
	for (size_t i = 0; i < json_array_size(expr); i++) {
		const json_t *match = json_object_get(json_array_get(expr, i), "match");
		const json_t *fib = json_object_get(json_object_get(match, "left"), "fib");
		const char *result = text_of(fib, "result");

		/* Old versions of nft print "oif" where new ones print "check". */
		if ((strcmp(result, "oif") != 0 && strcmp(result, "check") != 0) ||
		    !has_flag(fib, "saddr") ||
		    !is_missing(text_of(match, "op"), json_object_get(match, "right")))
			continue;
		*ret_strict = has_flag(fib, "iif");
		return true;
	}
	return false;
}

/* ---- chains and rules ---- */

static void take_chain(struct nft_view *v, const json_t *c)
{
	const char *hook = json_string_value(json_object_get(c, "hook"));

	v->chains = xgrow(v->chains, v->n_chains, &v->cap_chains, sizeof(*v->chains));
	v->chains[v->n_chains++] = (struct chain) {
		.family = text_of(c, "family"),
		.table = text_of(c, "table"),
		.name = text_of(c, "name"),
		.hook = hook,
		.priority = (int)json_integer_value(json_object_get(c, "prio")),
		.drops = hook && !strcmp(text_of(c, "policy"), "drop"),
	};
}

static int chain_cmp(const void *a, const void *b)
{
	const struct chain *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	c = c ? c : strcmp(x->table, y->table);
	return c ? c : strcmp(x->family, y->family);
}

/* NULL: not found. The chains must be sorted. */
static struct chain *find_chain(const struct nft_view *v, const char *family, const char *table,
				const char *name)
{
	struct chain key = { .family = family, .table = table, .name = name };

	if (!v->n_chains)
		return NULL;
	return bsearch(&key, v->chains, v->n_chains, sizeof(key), chain_cmp);
}

static bool is_compat(const char *family, const char *table)
{
	static const char *const families[] = { "ip", "ip6" };
	static const char *const tables[] = { "filter", "nat", "mangle", "raw", "security" };

	return is_one_of(family, families, ARRAY_LEN(families)) &&
	       is_one_of(table, tables, ARRAY_LEN(tables));
}

static void take_guard(struct nft_view *v, const char *family, const struct chain *chain)
{
	if (!chain->hook || strcmp(chain->hook, "prerouting") != 0)
		return;
	v->guards[ADDR_V4] = v->guards[ADDR_V4] || strcmp(family, "ip6") != 0;
	v->guards[ADDR_V6] = v->guards[ADDR_V6] || strcmp(family, "ip") != 0;
}

static void take_flow(struct nft_view *v, const json_t *rule, const json_t *flow)
{
	const char *name = text_of(flow, "flowtable");

	v->flows = xgrow(v->flows, v->n_flows, &v->cap_flows, sizeof(*v->flows));
	v->flows[v->n_flows++] = (struct nft_flow) {
		text_of(rule, "family"),
		text_of(rule, "table"),
		text_of(rule, "chain"),
		*name == '@' ? name + 1 : name,
		(long)json_integer_value(json_object_get(rule, "handle")),
	};
}

static void take_copy(struct nft_view *v, const json_t *rule, const json_t *expr)
{
	static const char *const families[] = { "ip", "ip6", "inet" };
	struct nft_place place = { text_of(rule, "family"), text_of(rule, "table"),
				   text_of(rule, "chain") };

	if (!is_one_of(place.family, families, ARRAY_LEN(families)) ||
	    (!mentions(expr, "dup") && !has_target(expr, "TEE")))
		return;
	if (!v->n_copies++)
		v->copy = place;
}

static void take_bridge_rule(struct nft_view *v, const char *table, const json_t *expr)
{
	if (asks_source(expr, "ip"))
		v->bridge_sources[ADDR_V4] = table;
	if (asks_source(expr, "ip6"))
		v->bridge_sources[ADDR_V6] = table;
}

static void take_rule(struct nft_view *v, const json_t *rule)
{
	const char *family = text_of(rule, "family"), *table = text_of(rule, "table");
	const json_t *expr = json_object_get(rule, "expr"), *flow;
	struct chain *chain = find_chain(v, family, table, text_of(rule, "chain"));
	bool strict = false;

	v->compat_rules += is_compat(family, table);
	take_copy(v, rule, expr);
	if (!strcmp(family, "bridge"))
		take_bridge_rule(v, table, expr);
	for (size_t i = 0; i < json_array_size(expr); i++) {
		flow = json_object_get(json_array_get(expr, i), "flow");
		if (flow)
			take_flow(v, rule, flow);
	}
	if (!chain)
		return;
	/* Such a drop is rp_filter in the form of a rule. */
	if (is_drop(expr) && asks_way_back(expr, &strict)) {
		if (strict)
			take_guard(v, family, chain);
		return;
	}
	chain->drops = chain->drops || is_drop(expr);
	add_leads(v, chain, expr);
}

/* A chain drops if one that it jumps to does. */
static void spread_drops(struct nft_view *v)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < v->n_leads; i++) {
			struct chain *from = v->leads[i].from;
			const struct chain *to =
				find_chain(v, from->family, from->table, v->leads[i].to);

			if (to && to->drops && !from->drops)
				changed = from->drops = true;
		}
	}
}

/* ---- the view ---- */

static void read_all(struct nft_view *v)
{
	const json_t *list = json_object_get(v->json, "nftables"), *item, *part;

	/* All chains come first, because rules look them up and keep pointers to them. */
	for (size_t i = 0; i < json_array_size(list); i++) {
		item = json_array_get(list, i);
		part = json_object_get(item, "chain");
		if (part)
			take_chain(v, part);
		v->n_flowtables += json_object_get(item, "flowtable") != NULL;
	}
	if (v->n_chains)
		qsort(v->chains, v->n_chains, sizeof(*v->chains), chain_cmp);
	for (size_t i = 0; i < json_array_size(list); i++) {
		part = json_object_get(json_array_get(list, i), "rule");
		if (part)
			take_rule(v, part);
	}
	spread_drops(v);
}

struct nft_view *nft_view_new(const char *json)
{
	struct nft_view *v = xcalloc(1, sizeof(*v));

	v->json = json_loads(json, 0, NULL);
	if (!json_is_array(json_object_get(v->json, "nftables"))) {
		nft_view_free(v);
		return NULL;
	}
	read_all(v);
	return v;
}

void nft_view_free(struct nft_view *v)
{
	if (!v)
		return;
	json_decref(v->json);
	free(v->chains);
	free(v->leads);
	free(v->drops);
	free(v->flows);
	free(v);
}

size_t nft_view_compat_rules(const struct nft_view *v)
{
	return v->compat_rules;
}

/* Does the base chain see a packet before iptables' chains at `priority`? */
static bool is_before(const struct chain *c, int priority)
{
	static const char *const families[] = { "ip", "ip6", "inet", "netdev" };
	static const char *const earlier[] = { "ingress", "prerouting" };
	static const char *const same[] = { "forward", "input", "output" };

	if (!is_one_of(c->family, families, ARRAY_LEN(families)))
		return false;
	return is_one_of(c->hook, earlier, ARRAY_LEN(earlier)) ||
	       (is_one_of(c->hook, same, ARRAY_LEN(same)) && c->priority <= priority);
}

size_t nft_view_drops(const struct nft_view *view, int priority, const struct nft_drop **ret_drops)
{
	struct nft_view *v = (struct nft_view *)view; /* only its scratch list changes */

	v->n_drops = 0;
	for (size_t i = 0; i < v->n_chains; i++) {
		const struct chain *c = &v->chains[i];

		if (!c->hook || !c->drops || !is_before(c, priority))
			continue;
		v->drops = xgrow(v->drops, v->n_drops, &v->cap_drops, sizeof(*v->drops));
		v->drops[v->n_drops++] =
			(struct nft_drop) { c->family, c->table, c->name, c->hook, c->priority };
	}
	*ret_drops = v->drops;
	return v->n_drops;
}

size_t nft_view_flows(const struct nft_view *v, const struct nft_flow **ret_flows)
{
	*ret_flows = v->flows;
	return v->n_flows;
}

size_t nft_view_flowtables(const struct nft_view *v)
{
	return v->n_flowtables;
}

bool nft_view_guards(const struct nft_view *v, enum addr_family family)
{
	return v->guards[family];
}

bool nft_view_forward_drop(const struct nft_view *v, enum addr_family family,
			   struct nft_place *ret_first)
{
	for (size_t i = 0; i < v->n_chains; i++) {
		const struct chain *c = &v->chains[i];

		if (!c->hook || !c->drops || strcmp(c->hook, "forward") != 0 ||
		    (strcmp(c->family, "inet") != 0 &&
		     strcmp(c->family, family == ADDR_V4 ? "ip" : "ip6") != 0))
			continue;
		*ret_first = (struct nft_place) { c->family, c->table, c->name };
		return true;
	}
	return false;
}

size_t nft_view_copies(const struct nft_view *v, struct nft_place *ret_first)
{
	if (v->n_copies)
		*ret_first = v->copy;
	return v->n_copies;
}

bool nft_view_guards_bridges(const struct nft_view *v, enum addr_family family)
{
	const char *table = v->bridge_sources[family];

	for (size_t i = 0; table && i < v->n_chains; i++)
		if (v->chains[i].drops && !strcmp(v->chains[i].family, "bridge") &&
		    !strcmp(v->chains[i].table, table))
			return true;
	return false;
}
