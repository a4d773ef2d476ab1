/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DOCTOR_NFT_H
#define CTM_DOCTOR_NFT_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>

/* What `nft -j list ruleset` (libnftables-json(5)) says about packets that our rules do not see.
 * Pure. Whatever is not understood says nothing. */

struct nft_view;

/* A base chain in which a rule or the policy drops. */
struct nft_drop {
	const char *family, *table, *chain; /* as nft writes them */
	const char *hook;
	int priority;
};

/* A rule that hands connections to a flowtable. */
struct nft_flow {
	const char *family, *table, *chain, *flowtable;
	long handle; /* the rule's */
};

/* Where a rule is. */
struct nft_place {
	const char *family, *table, *chain;
};

/* From nft's text. Returns a new view, or NULL when it is not JSON of that form. */
struct nft_view *nft_view_new(const char *json);
void nft_view_free(struct nft_view *v);

/* Rules in tables of iptables-nft: of the names and base chains that it uses. */
size_t nft_view_compat_rules(const struct nft_view *v);

/* Base chains that drop before a chain of iptables' FORWARD (INPUT, OUTPUT) at `priority` sees the
 * packet: at that priority or before in the same hooks, at any in those before. Rules that look the
 * source's route up (fib) are no drops in this sense: they are what rp_filter is. */
size_t nft_view_drops(const struct nft_view *v, int priority, const struct nft_drop **ret_drops);

size_t nft_view_flows(const struct nft_view *v, const struct nft_flow **ret_flows);
size_t nft_view_flowtables(const struct nft_view *v); /* with or without a rule */

/* The first base chain of the hook forward that drops or rejects, by a rule or by its policy, whatever
 * its priority. False: none does. */
bool nft_view_forward_drop(const struct nft_view *v, enum addr_family family,
			   struct nft_place *ret_first);

/* Rules that send a copy of a packet to an address (dup; TEE of iptables-nft): it leaves by OUTPUT. */
size_t nft_view_copies(const struct nft_view *v, struct nft_place *ret_first);

/* Does a table of the family bridge look at the family's source addresses, and drop? */
bool nft_view_guards_bridges(const struct nft_view *v, enum addr_family family);

/* Does a rule in prerouting drop packets whose source has no route back by their link (fib)? */
bool nft_view_guards(const struct nft_view *v, enum addr_family family);

#endif
