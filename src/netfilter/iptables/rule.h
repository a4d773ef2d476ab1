/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_RULE_H
#define CTM_RULE_H

#include "base/addr.h"
#include "base/traffic.h"
#include "netfilter/fw_look.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Our rules as plain data: a ruleset is what one family's table should hold of ours.
 *
 *   hook FORWARD:  -j ctm-FORWARD-EPOCH            always the hook's first rule
 *   root chain:    -j ctm-d; -j ctm-s; RETURN; canary
 *   tree chains:   -d PREFIX -g SUBTREE ...  and  -d ADDRESS -j RETURN (the counting rules),
 *                  then ! -s 0.0.0.0/0 -j RETURN (the canary)
 *
 * 1. A tree's inner rules are gotos and a counting rule returns. So a packet leaves a tree after
 *    at most one counting rule and returns to the root chain, whose next tree sees it too.
 * 2. Each chain has a canary. In a root chain it follows an unconditional RETURN; in a tree chain
 *    it matches no packet (one entry instead of two). So its counter keeps the value that each
 *    commit of ours seeds, unless somebody has zeroed the chain or the table, or is half-way
 *    through a commit.
 * 3. The root chains' names carry the epoch, which grows with each commit of ours. It reveals a
 *    writer that puts an old table back.
 * 4. A tree chain's name states its path and prefix, so the same addresses always give the same
 *    chains. */

#define RULE_CHAIN_SIZE 29 /* iptables refuses longer chain names; with the final NUL */
#define RULE_MARK "ctm" /* every name of a chain of ours begins with this */

enum rule_kind {
	RULE_COUNT, /* match addr, RETURN: counts */
	RULE_GOTO, /* match addr/plen, goto chain */
	RULE_JUMP, /* every packet, jump to chain */
	RULE_STOP, /* every packet, RETURN */
	RULE_CANARY, /* every packet, or none, RETURN; never counts, holds the seed */
	RULE_ALIEN, /* anything else found in a chain of ours */
};

enum rule_match { RULE_MATCH_ALL, RULE_MATCH_SRC, RULE_MATCH_DST, RULE_MATCH_NONE };

struct rule {
	uint8_t kind; /* enum rule_kind */
	uint8_t match; /* enum rule_match */
	uint8_t plen; /* bits of addr that must match */
	struct addr addr;
	uint32_t chain; /* RULE_GOTO, RULE_JUMP: index into the ruleset's chains */
};

struct rule_chain {
	char name[RULE_CHAIN_SIZE];
	uint32_t first, n; /* its rules: rules[first .. first + n) */
	uint64_t digest; /* of its rules, with targets by name: equal digests mean equal chains */
};

struct ruleset {
	enum addr_family family;
	uint64_t epoch; /* in the names of the root chains */
	struct rule_chain *chains; /* sorted by name */
	size_t n_chains;
	struct rule *rules; /* NULL after ruleset_drop_rules */
	size_t n_rules;
	size_t n_addresses; /* 0: no rules of ours are wanted, not even the jumps */
	int root[HOOKS]; /* index into chains; -1: none */
};

/* The desired rules for n sorted, distinct addresses of `family`. Without node_traffic only
 * FORWARD is used. Pure and deterministic. Returns a new ruleset for ruleset_free. */
struct ruleset *ruleset_build(enum addr_family family, const struct addr *addrs, size_t n,
			      bool node_traffic, uint64_t epoch);
/* Keep only what a plan needs, the chains' names and digests. A ruleset that is in place is not
 * needed whole before the next commit, which builds it again. */
void ruleset_drop_rules(struct ruleset *rs);
struct ruleset *ruleset_copy(const struct ruleset *rs);
void ruleset_free(struct ruleset *rs);

/* The same rules under another epoch (the roots are renamed). */
void ruleset_set_epoch(struct ruleset *rs, uint64_t epoch);

/* What a path's counting rules match, and the hook that they are reached from. */
enum rule_match rule_path_match(enum path path);
enum hook rule_path_hook(enum path path);

/* The value that the canaries carry in `epoch`; never 0. */
uint64_t rule_canary_octets(uint64_t epoch);

/* What a chain's name stands for. */
enum rule_name { RULE_NAME_FOREIGN, RULE_NAME_ROOT, RULE_NAME_TREE };

/* Parse a chain name. RULE_NAME_ROOT sets *ret_hook and *ret_epoch, RULE_NAME_TREE sets *ret_path.
 * Any name without our mark is RULE_NAME_FOREIGN. */
enum rule_name rule_name_parse(const char *name, enum hook *ret_hook, uint64_t *ret_epoch,
			       enum path *ret_path);

/* Running digest of a chain: start with RULE_DIGEST_INIT and add each rule in order. `target` is
 * the name of the chain that a goto or jump leads to, NULL otherwise. A canary that matches no
 * packet adds nothing: the chain counts the same with and without it. */
#define RULE_DIGEST_INIT 14695981039346656037ull
uint64_t rule_digest_add(uint64_t digest, const struct rule *rule, const char *target);

#endif
