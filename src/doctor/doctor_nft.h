/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DOCTOR_NFT_H
#define CTM_DOCTOR_NFT_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>

/* What the output of `nft -j list ruleset` (libnftables-json(5)) tells about packets that our rules
 * do not see. Pure. Expressions that it does not know are ignored. */

struct nft_view;

/* A base chain that drops packets, by its policy or by a rule in it or in a chain it jumps to. */
struct nft_drop {
	const char *family, *table, *chain; /* as nft writes them */
	const char *hook;
	int priority;
};

/* A rule that adds connections to a flowtable. */
struct nft_flow {
	const char *family, *table, *chain, *flowtable;
	long handle; /* the rule's */
};

/* Where a rule is. */
struct nft_place {
	const char *family, *table, *chain;
};

/* Parse nft's output. Returns a new view, or NULL if it is not JSON of that form. Names in what the
 * functions below return belong to the view. */
struct nft_view *nft_view_new(const char *json);
void nft_view_free(struct nft_view *v);

/* The number of rules in iptables-nft's tables, which are known by their families and names. */
size_t nft_view_compat_rules(const struct nft_view *v);

/* Base chains that drop packets before iptables' FORWARD, INPUT or OUTPUT at `priority` sees them:
 * in the same hooks with that priority or an earlier one, in ingress and prerouting with any. Rules
 * that drop what has no route back to its source (fib) do not count: they do what rp_filter does.
 * Returns their number; *ret_drops is valid until the next call. */
size_t nft_view_drops(const struct nft_view *v, int priority, const struct nft_drop **ret_drops);

size_t nft_view_flows(const struct nft_view *v, const struct nft_flow **ret_flows);
size_t nft_view_flowtables(const struct nft_view *v); /* whether or not a rule uses them */

/* Does a base chain of the hook forward drop or reject packets of the family, by a rule or its
 * policy and at any priority? *ret_first is set if so. */
bool nft_view_forward_drop(const struct nft_view *v, enum addr_family family,
			   struct nft_place *ret_first);

/* The number of rules that send a copy of a packet to an address (dup; iptables-nft's TEE). The
 * copy leaves by OUTPUT. *ret_first is set if there are any. */
size_t nft_view_copies(const struct nft_view *v, struct nft_place *ret_first);

/* Does a table of nft's family bridge match on the family's source addresses, and drop packets? */
bool nft_view_guards_bridges(const struct nft_view *v, enum addr_family family);

/* Does a rule in prerouting drop packets whose source has no route back over the link they came by
 * (fib)? */
bool nft_view_guards(const struct nft_view *v, enum addr_family family);

#endif
