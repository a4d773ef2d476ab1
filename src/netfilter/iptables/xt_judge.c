/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/xt_judge.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

/* The configuration decides whether there are rules in INPUT and OUTPUT. Here the existing rules
 * show whether it asked for them. */
static bool has_node_traffic(const struct xt_layout *l)
{
	bool found = false;

	for (size_t i = 0; i < l->n_rows && !found; i++)
		found = l->rows[i].present & (1u << PATH_NODE_IN | 1u << PATH_NODE_OUT);
	for (size_t i = 0; i < l->present.n_chains && !found; i++) {
		enum hook hook = HOOK_FORWARD;
		enum path path;
		uint64_t epoch;

		found = rule_name_parse(l->present.chains[i].name, &hook, &epoch, &path) ==
				RULE_NAME_ROOT &&
			hook != HOOK_FORWARD;
	}
	return found;
}

static struct ruleset *expected_rules(const struct xt_layout *l, enum addr_family family)
{
	struct addr *addrs = xcalloc(l->n_rows, sizeof(*addrs));
	struct ruleset *rs;

	for (size_t i = 0; i < l->n_rows; i++)
		addrs[i] = l->rows[i].addr;
	rs = ruleset_build(family, addrs, l->n_rows, has_node_traffic(l), 1);
	free(addrs);
	return rs;
}

static void name_flaw(struct xt_layout *l, enum hook hook, bool wanted)
{
	struct present *present = &l->present;
	const char *name = fw_hook_name(hook), *target = l->place[hook].shadow_target;

	if (wanted && !present->hook[hook].jumps)
		present_add_flaw(present, "no rule of %s leads to ours", name);
	else if (present->hook[hook].jumps > 1)
		present_add_flaw(present, "%u rules of %s lead to ours", present->hook[hook].jumps,
				 name);
	else if (present->hook[hook].jumps && present->hook[hook].shadowed)
		present_add_flaw(present, "rule %u of %s (%s) precedes ours", l->place[hook].shadow,
				 name, *target ? target : "no target");
}

void xt_judge(struct xt_layout *l, enum addr_family family)
{
	struct present *present = &l->present;
	struct ruleset *expected = expected_rules(l, family);

	present->disturbed = !plan_is_sound(expected, present) || present->doubled;
	for (enum hook h = 0; h < HOOKS && present->disturbed; h++)
		name_flaw(l, h, expected->root[h] >= 0);
	if (present->strays)
		present_add_flaw(present, "a chain of ours was renamed");
	if (present->disturbed && !present->flaw[0])
		present_add_flaw(present, "our chains were changed");
	ruleset_free(expected);
}

void xt_judge_as(struct xt_layout *l, const struct xt_layout *before)
{
	l->present.disturbed = before->present.disturbed;
	memcpy(l->present.flaw, before->present.flaw, sizeof(l->present.flaw));
}
