/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/wish.h"

#include "base/xalloc.h"
#include "netfilter/iptables/xt_table.h"

#include <stdlib.h>
#include <string.h>

/* Wants are compared as chains are: by 64 bits that nobody has reason to forge. */
static uint64_t digest_of(const struct fw_want *want)
{
	uint64_t h = xt_digest_octets(RULE_DIGEST_INIT, &want->paths, sizeof(want->paths));

	for (size_t i = 0; i < want->n; i++)
		h = xt_digest_octets(h, &want->keys[i].addr, sizeof(want->keys[i].addr));
	return h;
}

static struct ruleset *build(const struct fw_want *want)
{
	struct addr *addrs = xcalloc(want->n, sizeof(*addrs));
	struct ruleset *rules;

	for (size_t i = 0; i < want->n; i++)
		addrs[i] = want->keys[i].addr;
	rules = ruleset_build(want->family, addrs, want->n, want->paths & ~PATHS_FORWARDED, 1);
	free(addrs);
	return rules;
}

void wish_clear(struct wish *w)
{
	ruleset_free(w->rules);
	*w = (struct wish) { .rules = NULL };
}

static void take(struct wish *w, const struct fw_want *want)
{
	uint64_t digest = digest_of(want);

	if (w->rules && w->digest == digest)
		return;
	ruleset_free(w->rules);
	*w = (struct wish) { .rules = build(want), .digest = digest };
}

/* Whether only the place of our rules is wrong: they are complete, but rules of others precede
 * them or lead to them. */
static bool place_only(const struct plan *plan, const struct present *present)
{
	bool only = !plan->n_ops && !present->foul;

	for (enum hook h = 0; h < HOOKS; h++)
		only = only &&
		       (!plan->hooks[h] || present->hook[h].shadowed || present->hook[h].jumps > 1);
	return only;
}

enum fw_fit wish_compare(struct wish *w, const struct fw_want *want, const struct present *present)
{
	enum fw_fit fit = FW_FITS;
	struct plan plan;

	take(w, want);
	if (plan_diff(w->rules, present, &plan))
		fit = !w->met ? FW_DIFFERS : place_only(&plan, present) ? FW_OUTRANKED : FW_CHANGED;
	plan_clear(&plan);
	if (fit == FW_FITS) {
		w->met = true;
		ruleset_drop_rules(w->rules);
	}
	return fit;
}

const struct ruleset *wish_rules(struct wish *w, const struct fw_want *want, uint64_t epoch)
{
	take(w, want);
	if (want->n && !w->rules->rules) {
		ruleset_free(w->rules);
		w->rules = build(want);
	}
	ruleset_set_epoch(w->rules, epoch);
	return w->rules;
}
