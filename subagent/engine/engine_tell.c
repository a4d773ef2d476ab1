/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells for each row of a snapshot on which link it is counted, or why it is not counted. */
#include "engine/engine_room.h"

#include "base/xalloc.h"
#include "netfilter/fw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 256 /* the MIB's, and a NUL */

/* The rows in conflict, by address: whoever else claims an address is next to it. */
struct rivals {
	struct rival {
		struct addr addr;
		uint32_t row;
	} * at;
	size_t n;
};

static int cmp_rival(const void *a, const void *b)
{
	const struct rival *x = a, *y = b;
	int c = addr_cmp(&x->addr, &y->addr);

	return c ? c : x->row < y->row ? -1 : x->row > y->row;
}

static struct rivals find_rivals(const struct snap *snap)
{
	struct rivals r = { NULL, 0 };

	if (!snap->conflicts)
		return r;
	r.at = xcalloc(snap->conflicts, sizeof(*r.at));
	for (uint32_t i = 0; i < snap->n_addresses; i++)
		if (snap->addresses[i].totals.status == ROW_CONFLICT)
			r.at[r.n++] = (struct rival) { snap->addresses[i].addr, i };
	qsort(r.at, r.n, sizeof(*r.at), cmp_rival);
	return r;
}

static const char *id_of(const struct snap *snap, const struct snap_address *a)
{
	return snap->containers[a->container].id;
}

static const char *run_words(enum inv_run run)
{
	return run == INV_RUN_STOPPED ? " and is stopped"
	       : run == INV_RUN_GONE  ? " and was here just now"
				      : " and runs without it since just now";
}

/* One container alone claims it, and does not get it. */
static void kept_reason(const struct engine *en, const struct snap_address *a, char text[TEXT_SIZE])
{
	const struct ledger_now now = { .ns = loop_now_ns() };
	enum inv_run run;
	const char *other = ledger_kept_for(en->ledger, &a->addr, now, &run);
	const char *does = run_words(other ? run : INV_RUN_UNKNOWN);

	if (other)
		snprintf(
			text, TEXT_SIZE,
			"it was found here, but container %s had it last%s: counted for none until "
			"that has given it up",
			other, does);
	else
		snprintf(text, TEXT_SIZE, "also claimed by another container: counted for none");
}

/* "also claimed by 102 and 103, and counted for 104" */
static const char *conflict_reason(const struct engine *en, const struct snap *snap,
				   const struct rivals *r, const struct snap_address *a,
				   char text[TEXT_SIZE])
{
	struct rival key = { .addr = a->addr };
	const char *holder = ledger_holder(en->ledger, &a->addr), *first = NULL, *second = NULL;
	size_t low = 0, high = r->n, others = 0;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (cmp_rival(&r->at[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < r->n && !addr_cmp(&r->at[low].addr, &a->addr); low++) {
		const struct snap_address *rival = &snap->addresses[r->at[low].row];

		if (rival == a)
			continue;
		if (!others++)
			first = id_of(snap, rival);
		else if (!second)
			second = id_of(snap, rival);
	}
	if (holder && !first)
		snprintf(text, TEXT_SIZE, "also claimed by %s, and counted for it", holder);
	else if (holder)
		snprintf(text, TEXT_SIZE, "also claimed by %s and %zu more, and counted for %s",
			 first, others, holder);
	else if (others > 2)
		snprintf(text, TEXT_SIZE, "also claimed by %s, %s and %zu more: counted for none",
			 first, second, others - 2);
	else if (first)
		snprintf(text, TEXT_SIZE, "also claimed by %s%s%s: counted for none", first,
			 second ? " and " : "", second ? second : "");
	else
		kept_reason(en, a, text);
	return text;
}

static const char *retired_reason(const struct engine *en, const struct snap *snap,
				  const struct snap_address *a, char text[TEXT_SIZE])
{
	const char *holder = ledger_holder(en->ledger, &a->addr);

	if (holder)
		snprintf(text, TEXT_SIZE, "container %s has it now", holder);
	else if (snap->containers[a->container].run == INV_RUN_GONE)
		return "its container is gone";
	else
		return "its container no longer has it";
	return text;
}

static const char *not_allowed_reason(const struct engine *en)
{
	if (en->cfg->inventory.n_allow)
		return "it was found in the container, and no [inventory] allow permits it";
	return "it was found in the container, but no network of the container's bridge has it and "
	       "no route leads to it at the container's link: [inventory] allow = PREFIX permits "
	       "it";
}

static const char *uncountable_reason(const struct engine *en, const struct snap_address *a,
				      char text[TEXT_SIZE])
{
	const char *unfit = conflicts_unfit(a->unfit);
	const char *problem = fw_family_problem(en->fw, a->addr.family);

	if (!problem && fw_is_barred(en->fw, &a->addr))
		problem = fw_why(en->fw, &a->addr);
	if (a->unfit == INV_NOT_ALLOWED)
		return not_allowed_reason(en);
	if (unfit)
		snprintf(text, TEXT_SIZE, "it is %s", unfit);
	else if (problem)
		snprintf(text, TEXT_SIZE, "%s", problem);
	else
		return "no container can have it";
	return text;
}

static const char *pending_reason(const struct engine *en, const struct place_spot *spot,
				  const struct snap_address *a, char text[TEXT_SIZE])
{
	const struct enforce *enforce = en->enforce[a->addr.family];
	const char *failure = enforce_failure(enforce);
	const char *why = fw_why(en->fw, &a->addr);

	if (en->place && (!spot || (!spot->link && !spot->looked)))
		return "its link is being looked for";
	if (spot && !spot->link)
		return spot->reason;
	if (why)
		snprintf(text, TEXT_SIZE, "%s", why);
	else if (failure)
		snprintf(text, TEXT_SIZE, "the rules are not in place: %s", failure);
	else if (!enforce_is_wanted(enforce))
		return "the inventory is not complete yet";
	else
		return "its rules are being put in place";
	return text;
}

static const char *reason_of(const struct engine *en, const struct snap *snap,
			     const struct rivals *rivals, const struct place_spot *spot,
			     const struct snap_address *a, char text[TEXT_SIZE])
{
	switch (a->totals.status) {
	case ROW_PENDING:
		return pending_reason(en, spot, a, text);
	case ROW_NOT_COUNTABLE:
		return spot && spot->how == PLACE_NEVER ? spot->reason
							: uncountable_reason(en, a, text);
	case ROW_CONFLICT:
		return conflict_reason(en, snap, rivals, a, text);
	case ROW_RETIRED:
		return retired_reason(en, snap, a, text);
	default:
		return "";
	}
}

bool engine_tell(const struct engine *en, struct snap *snap)
{
	struct rivals rivals = find_rivals(snap);
	char text[TEXT_SIZE];
	bool plain = true;

	for (size_t i = 0; i < snap->n_addresses; i++) {
		struct snap_address *a = &snap->addresses[i];
		bool live = a->totals.status == ROW_COUNTING || a->totals.status == ROW_PENDING;
		const struct place_spot *spot =
			en->place && live ? place_find(en->place, &a->addr) : NULL;
		const char *reason;

		plain = plain &&
			(a->totals.status == ROW_COUNTING || a->totals.status == ROW_RETIRED);
		if (a->totals.status == ROW_PENDING &&
		    ((spot && spot->how == PLACE_NEVER) || fw_is_barred(en->fw, &a->addr)))
			snap_not_countable(snap, i);
		if (spot && spot->link)
			a->link = snap_text(snap, place_link_name(en->place, spot->link));
		reason = reason_of(en, snap, &rivals, spot, a, text);
		a->reason = *reason ? snap_text(snap, reason) : "";
	}
	free(rivals.at);
	return plain;
}
