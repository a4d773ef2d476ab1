/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/plan.h"

#include "base/join.h"
#include "base/xalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void present_clear(struct present *p)
{
	free(p->chains);
	memset(p, 0, sizeof(*p));
}

void present_add_flaw(struct present *p, const char *fmt, ...)
{
	char flaw[PRESENT_FLAW_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(flaw, sizeof(flaw), fmt, args);
	va_end(args);
	for (char *c = flaw; *c; c++) /* a chain's name may contain any octet */
		if (*c < ' ' || *c > '~')
			*c = '?';
	join_text(p->flaw, sizeof(p->flaw), ", ", "%s", flaw);
}

void plan_clear(struct plan *plan)
{
	free(plan->ops);
	memset(plan, 0, sizeof(*plan));
}

static bool is_root(const char *name)
{
	enum hook hook;
	enum path path;
	uint64_t epoch;

	return rule_name_parse(name, &hook, &epoch, &path) == RULE_NAME_ROOT;
}

static void add_op(struct plan *plan, size_t *cap, enum plan_op_kind kind, size_t chain)
{
	plan->ops = xgrow(plan->ops, plan->n_ops, cap, sizeof(*plan->ops));
	plan->ops[plan->n_ops++] = (struct plan_op) { kind, (uint32_t)chain };
}

enum sweep {
	SWEEP_ALL = 0,
	SWEEP_NO_ROOTS = 1 << 0,
	SWEEP_NO_CANARIES = 1 << 1,
};

/* Sweep both sorted lists once; `less` is an or of enum sweep. */
static void sweep(const struct ruleset *want, const struct present *have, unsigned less,
		  struct plan *plan)
{
	bool roots = !(less & SWEEP_NO_ROOTS), canaries = !(less & SWEEP_NO_CANARIES);
	size_t i = 0, j = 0, cap = 0;

	while (i < want->n_chains || j < have->n_chains) {
		int order;

		if (!roots && i < want->n_chains && is_root(want->chains[i].name)) {
			i++;
			continue;
		}
		if (!roots && j < have->n_chains && is_root(have->chains[j].name)) {
			j++;
			continue;
		}
		if (i == want->n_chains)
			order = 1;
		else if (j == have->n_chains)
			order = -1;
		else
			order = strcmp(want->chains[i].name, have->chains[j].name);
		if (order < 0)
			add_op(plan, &cap, PLAN_CREATE, i++);
		else if (order > 0)
			add_op(plan, &cap, PLAN_DELETE, j++);
		else {
			const struct present_chain *c = &have->chains[j++];

			if (want->chains[i++].digest != c->digest || (canaries && !c->canary))
				add_op(plan, &cap, PLAN_REWRITE, i - 1);
		}
	}
}

static const struct present_chain *find_present(const struct present *have, const char *name)
{
	for (size_t i = 0; i < have->n_chains; i++)
		if (!strcmp(have->chains[i].name, name))
			return &have->chains[i];
	return NULL;
}

/* Whether a hook differs from what it should have: exactly one jump, into a complete root chain,
 * or no jump if none is wanted. */
static bool hook_differs(const struct ruleset *want, const struct present *have, enum hook hook)
{
	const struct present_chain *root;

	if (want->root[hook] < 0)
		return have->hook[hook].jumps != 0;
	if (have->hook[hook].jumps != 1 || have->hook[hook].shadowed)
		return true;
	root = find_present(have, have->hook[hook].target);
	return !root || root->digest != want->chains[want->root[hook]].digest ||
	       !is_root(root->name);
}

static size_t count_roots(const struct present *have)
{
	size_t n = 0;

	for (size_t i = 0; i < have->n_chains; i++)
		n += is_root(have->chains[i].name);
	return n;
}

static bool differs_in(const struct ruleset *desired, const struct present *present, unsigned less,
		       struct plan *ret_plan)
{
	struct plan plan = { NULL, 0, { false } };
	size_t roots = 0;
	bool differs = false;

	sweep(desired, present, less | SWEEP_NO_ROOTS, &plan);
	for (enum hook h = 0; h < HOOKS; h++) {
		roots += desired->root[h] >= 0;
		plan.hooks[h] = hook_differs(desired, present, h);
		differs = differs || plan.hooks[h];
	}
	differs = differs || plan.n_ops || roots != count_roots(present) || present->intruders;
	if (ret_plan)
		*ret_plan = plan;
	else
		plan_clear(&plan);
	return differs;
}

bool plan_diff(const struct ruleset *desired, const struct present *present, struct plan *ret_plan)
{
	return differs_in(desired, present, SWEEP_ALL, ret_plan) || present->foul;
}

bool plan_is_sound(const struct ruleset *expected, const struct present *present)
{
	return !differs_in(expected, present, SWEEP_NO_CANARIES, NULL);
}

void plan_commit(const struct ruleset *desired, const struct present *present,
		 struct plan *ret_plan)
{
	struct plan plan = { NULL, 0, { false } };

	sweep(desired, present, SWEEP_ALL, &plan);
	for (enum hook h = 0; h < HOOKS; h++)
		plan.hooks[h] = desired->root[h] >= 0 || present->hook[h].jumps;
	*ret_plan = plan;
}
