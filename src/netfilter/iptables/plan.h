/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PLAN_H
#define CTM_PLAN_H

#include "netfilter/iptables/rule.h"

/* Desired against present: which chains to create, rewrite and delete. Pure; both sides are sorted
 * by name and swept once.
 * 1. Planning again after applying gives an empty plan.
 * 2. A plan names only chains of ours: those that bear our mark, and those that were renamed but
 *    hold only rules of ours. */

/* What the table holds now, as a backend found it. */
struct present_chain {
	char name[RULE_CHAIN_SIZE];
	uint64_t digest;
	bool canary; /* it has a canary */
};

#define PRESENT_FLAW_SIZE FW_LOOK_TEXT_SIZE

struct present {
	struct present_chain *chains; /* chains of ours, sorted by name */
	size_t n_chains;
	struct {
		uint32_t jumps; /* rules in the hook that lead to a chain of ours */
		bool shadowed; /* a rule before it can end a packet's walk */
		char target[RULE_CHAIN_SIZE]; /* of the first such jump; "": none */
	} hook[HOOKS];
	uint64_t epoch; /* the highest in a root chain's name; 0: none */
	uint32_t n_counting; /* counting rules */
	bool foul; /* counters reset or an old table put back: needs a commit of a new epoch */
	uint32_t intruders; /* rules of other chains that lead to a chain of ours */
	uint32_t strays; /* chains of ours that were renamed */
	/* With the rules as they are, a packet may bypass its counting rule (disturbed) or be
	 * counted twice (doubled). flaw says how, for people; "": all is well. */
	bool disturbed, doubled;
	char flaw[PRESENT_FLAW_SIZE];
};

void present_clear(struct present *p);

/* Add a flaw, formatted as by printf. Too long a text is truncated. */
void present_add_flaw(struct present *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

enum plan_op_kind { PLAN_CREATE, PLAN_REWRITE, PLAN_DELETE };

struct plan_op {
	enum plan_op_kind kind;
	uint32_t chain; /* PLAN_DELETE: index into present's chains, otherwise desired's */
};

struct plan {
	struct plan_op *ops;
	size_t n_ops;
	bool hooks[HOOKS]; /* this hook's jumps must be set anew */
};

/* How desired differs from present. A different epoch in the root names is not a difference.
 * Returns whether anything is to be done. ret_plan may be NULL to only ask. */
bool plan_diff(const struct ruleset *desired, const struct present *present, struct plan *ret_plan);

/* The plan for a commit: as plan_diff, and also creates the roots of desired's (new) epoch and
 * deletes those of older epochs. */
void plan_commit(const struct ruleset *desired, const struct present *present,
		 struct plan *ret_plan);

/* Whether the table holds all of `expected` and nothing more, as far as packets can tell: ignores
 * the epoch and the canaries. */
bool plan_is_sound(const struct ruleset *expected, const struct present *present);

void plan_clear(struct plan *plan);

#endif
