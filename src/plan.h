/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PLAN_H
#define CTM_PLAN_H

#include "rule.h"

/* Desired against present: which chains to create, rewrite and delete. Pure; both sides sorted
 * by name and swept once.
 * 1. Planning again after applying gives nothing.
 * 2. Only chains that bear our mark are ever named in a plan. */

/* What is there now, as a backend found it. */
struct present_chain {
	char name[RULE_CHAIN_SIZE];
	uint64_t digest;
};

struct present {
	struct present_chain *chains; /* chains of ours, sorted by name */
	size_t n_chains;
	struct {
		uint32_t jumps; /* rules in the hook that jump to a chain of ours */
		bool shadowed; /* a rule before it can end a packet's walk */
		char target[RULE_CHAIN_SIZE]; /* of the first such jump, "" when none */
	} hook[HOOKS];
	uint64_t epoch; /* the highest found in a root's name, 0: none */
	uint32_t n_counting; /* counting rules */
	bool foul; /* reset by somebody, or an old table put back: needs a commit of a new epoch */
};

void present_clear(struct present *p);

enum plan_op_kind { PLAN_CREATE, PLAN_REWRITE, PLAN_DELETE };

struct plan_op {
	enum plan_op_kind kind;
	uint32_t chain; /* PLAN_DELETE: index into present's chains, otherwise desired's */
};

struct plan {
	struct plan_op *ops;
	size_t n_ops;
	bool hooks[HOOKS]; /* this hook's jumps are to be set anew */
};

/* How desired differs from present; the epoch in root names does not count as a difference.
 * Returns whether anything is to be done. ret_plan may be NULL to only ask. */
bool plan_diff(const struct ruleset *desired, const struct present *present, struct plan *ret_plan);

/* The plan for a commit: as plan_diff, with the roots of desired's (new) epoch to create and
 * those of older epochs to delete. */
void plan_commit(const struct ruleset *desired, const struct present *present,
		 struct plan *ret_plan);

void plan_clear(struct plan *plan);

#endif
