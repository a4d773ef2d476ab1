/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PLAN_H
#define CTM_PLAN_H

#include "netfilter/iptables/rule.h"

/* Desired against present: which chains to create, rewrite and delete. Pure; both sides sorted
 * by name and swept once.
 * 1. Planning again after applying gives nothing.
 * 2. Only chains of ours are ever named in a plan: those that bear our mark, and those that were
 *    renamed and hold nothing but rules of ours. */

/* What is there now, as a backend found it. */
struct present_chain {
	char name[RULE_CHAIN_SIZE];
	uint64_t digest;
	bool canary; /* it has one */
};

#define PRESENT_FLAW_SIZE FW_LOOK_TEXT_SIZE

struct present {
	struct present_chain *chains; /* chains of ours, sorted by name */
	size_t n_chains;
	struct {
		uint32_t jumps; /* rules in the hook that lead to a chain of ours */
		bool shadowed; /* a rule before it can end a packet's walk */
		char target[RULE_CHAIN_SIZE]; /* of the first such jump, "" when none */
	} hook[HOOKS];
	uint64_t epoch; /* the highest found in a root's name, 0: none */
	uint32_t n_counting; /* counting rules */
	bool foul; /* reset by somebody, or an old table put back: needs a commit of a new epoch */
	uint32_t intruders; /* rules of other chains that lead to a chain of ours */
	uint32_t strays; /* chains of ours that somebody renamed */
	/* As the rules are, some packet that a counting rule is for may not come to it, or may be
	 * counted twice; and what it is, for people, "" when all is well. */
	bool disturbed, doubled;
	char flaw[PRESENT_FLAW_SIZE];
};

void present_clear(struct present *p);

/* One more flaw, as printf has it; what is too long is cut. */
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
	bool hooks[HOOKS]; /* this hook's jumps are to be set anew */
};

/* How desired differs from present; the epoch in root names does not count as a difference.
 * Returns whether anything is to be done. ret_plan may be NULL to only ask. */
bool plan_diff(const struct ruleset *desired, const struct present *present, struct plan *ret_plan);

/* The plan for a commit: as plan_diff, with the roots of desired's (new) epoch to create and
 * those of older epochs to delete. */
void plan_commit(const struct ruleset *desired, const struct present *present,
		 struct plan *ret_plan);

/* Whether what is there is all of `expected`, and nothing more, as far as packets are concerned: the
 * epoch and the canaries aside. */
bool plan_is_sound(const struct ruleset *expected, const struct present *present);

void plan_clear(struct plan *plan);

#endif
