/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mib/notice.h"

#include "base/xalloc.h"
#include "mib/notice_quota.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROW_KINDS 2 /* NOTICE_CONFLICT, NOTICE_CONFLICT_CLEARED: index is kind - 1 */

/* Identifies a row of a snapshot. All zeros sorts before any row. */
struct key {
	char id[INV_ID_MAX + 1];
	struct addr addr;
};

/* When the last NOTICE_BURST notices of a kind were sent, `next` being the oldest, and the row of
 * the last one. */
struct pace {
	uint64_t told_ns[NOTICE_BURST];
	unsigned next;
	struct key last;
};

/* What was last reported about a row. */
struct told_row {
	struct key key;
	bool conflict;
	uint64_t told_ns[ROW_KINDS]; /* 0: never */
};

struct notices {
	uint64_t told_ns[NOTICE_KINDS]; /* for kinds that are not about rows; 0: never */
	bool inventory_failing, store_failing, ship_failing; /* as last reported */
	uint32_t repairs; /* as last reported */
	uint64_t repair_ns; /* when more were first seen, 0: not yet */
	struct pace pace[ROW_KINDS];
	struct told_row *rows; /* sorted as a snapshot: in conflict, or reported within a minute */
	size_t n_rows, cap;
	size_t held_back;
	struct quota_notices *quota;
	int64_t period_s; /* as last reported, or found first; 0: none yet */
	int64_t told_period_s;
	/* What notices_next returned last; kind 0: nothing. */
	enum notice_kind kind;
	uint32_t told_repairs;
	struct key key;
};

/* One pass over everything: the notice found, and when another may be due. */
struct search {
	const struct snap *snap;
	uint64_t now_ns;
	struct notice found; /* kind 0: none */
	bool in_turn; /* its row comes after the one reported last */
	uint64_t at_ns; /* 0: none */
};

struct notices *notices_new(void)
{
	struct notices *n = xcalloc(1, sizeof(*n));

	n->quota = quota_notices_new();
	return n;
}

void notices_free(struct notices *n)
{
	if (!n)
		return;
	quota_notices_free(n->quota);
	free(n->rows);
	free(n);
}

size_t notices_held_back(const struct notices *n)
{
	return n->held_back;
}

/* Whether a minute has passed since told_ns. If not, schedules the next pass for then. */
static bool is_time(struct search *s, uint64_t told_ns)
{
	uint64_t at_ns = told_ns + NOTICE_MINUTE_NS;

	if (!told_ns || at_ns <= s->now_ns)
		return true;
	if (!s->at_ns || at_ns < s->at_ns)
		s->at_ns = at_ns;
	return false;
}

/* --- the rules, the inventory, the store --------------------------------------------------- */

static void look_at_state(struct notices *n, struct search *s, bool is, bool told,
			  enum notice_kind begins, enum notice_kind ends)
{
	enum notice_kind kind = is ? begins : ends;

	if (!s->found.kind && is != told && is_time(s, n->told_ns[kind]))
		s->found.kind = kind;
}

static void look_at_repairs(struct notices *n, struct search *s)
{
	uint64_t at_ns;

	if (s->found.kind || s->snap->rule_repairs == n->repairs)
		return;
	if (!n->repair_ns)
		n->repair_ns = s->now_ns;
	at_ns = n->repair_ns + NOTICE_GATHER_NS;
	if (at_ns > s->now_ns)
		s->at_ns = s->at_ns && s->at_ns < at_ns ? s->at_ns : at_ns;
	else if (is_time(s, n->told_ns[NOTICE_RULES_REPAIRED]))
		s->found.kind = NOTICE_RULES_REPAIRED;
}

/* --- billing -------------------------------------------------------------------------------- */

static void look_at_billing(struct notices *n, struct search *s)
{
	if (!n->period_s)
		n->period_s = s->snap->period_begin_s;
	if (!s->found.kind && s->snap->period_begin_s != n->period_s &&
	    is_time(s, n->told_ns[NOTICE_PERIOD_BEGAN]))
		s->found.kind = NOTICE_PERIOD_BEGAN;
	if (!s->found.kind &&
	    quota_notices_next(n->quota, s->snap, s->now_ns, &s->found.row, &s->at_ns))
		s->found.kind = NOTICE_QUOTA_THRESHOLD;
}

/* --- rows ---------------------------------------------------------------------------------- */

static int key_cmp(const struct key *key, const char *id, const struct addr *addr)
{
	int order = inv_id_cmp(key->id, id);

	return order ? order : addr_cmp(&key->addr, addr);
}

static const char *id_of(const struct snap *snap, const struct snap_address *a)
{
	return snap->containers[a->container].id;
}

/* Consider a row with an unreported change. It is due, or held back by NOTICE_BURST, or was
 * reported less than a minute ago. The first row after the one reported last wins, or else the
 * first of all. */
static void look_at_change(struct notices *n, struct search *s, size_t i, enum notice_kind kind,
			   uint64_t told_ns)
{
	const struct pace *pace = &n->pace[kind - 1];
	const struct snap_address *a = &s->snap->addresses[i];
	bool in_turn;

	if (!is_time(s, told_ns))
		return;
	if (!is_time(s, pace->told_ns[pace->next])) {
		n->held_back++;
		return;
	}
	in_turn = key_cmp(&pace->last, id_of(s->snap, a), &a->addr) < 0;
	if (s->found.kind && (s->in_turn || !in_turn))
		return;
	s->found = (struct notice) { kind, i };
	s->in_turn = in_turn;
}

static bool is_worth_keeping(const struct told_row *r, uint64_t now_ns)
{
	return r->conflict || r->told_ns[0] + NOTICE_MINUTE_NS > now_ns ||
	       r->told_ns[1] + NOTICE_MINUTE_NS > now_ns;
}

/* One sweep over the snapshot's rows and ours. A row that is gone from the snapshot is forgotten:
 * there is nothing left to report about it. */
static void look_at_rows(struct notices *n, struct search *s)
{
	size_t from = 0, to = 0;

	for (size_t i = 0; i < s->snap->n_addresses; i++) {
		const struct snap_address *a = &s->snap->addresses[i];
		const char *id = id_of(s->snap, a);
		bool is = a->totals.status == ROW_CONFLICT;
		struct told_row *r = NULL;

		while (from < n->n_rows && key_cmp(&n->rows[from].key, id, &a->addr) < 0)
			from++;
		if (from < n->n_rows && key_cmp(&n->rows[from].key, id, &a->addr) == 0)
			r = &n->rows[from];
		if (r && r->conflict && !is)
			look_at_change(n, s, i, NOTICE_CONFLICT_CLEARED, r->told_ns[1]);
		else if (is && !(r && r->conflict))
			look_at_change(n, s, i, NOTICE_CONFLICT, r ? r->told_ns[0] : 0);
		if (r && is_worth_keeping(r, s->now_ns))
			n->rows[to++] = *r;
		from += r != NULL;
	}
	n->n_rows = to;
}

/* Find our record of the row, or insert one. */
static struct told_row *find_row(struct notices *n, const struct key *key)
{
	size_t low = 0, high = n->n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (key_cmp(&n->rows[middle].key, key->id, &key->addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < n->n_rows && key_cmp(&n->rows[low].key, key->id, &key->addr) == 0)
		return &n->rows[low];
	n->rows = xgrow(n->rows, n->n_rows, &n->cap, sizeof(*n->rows));
	memmove(&n->rows[low + 1], &n->rows[low], (n->n_rows - low) * sizeof(*n->rows));
	n->n_rows++;
	n->rows[low] = (struct told_row) { .key = *key };
	return &n->rows[low];
}

static void told_row(struct notices *n, uint64_t now_ns)
{
	struct told_row *r = find_row(n, &n->key);
	struct pace *pace = &n->pace[n->kind - 1];

	r->conflict = n->kind == NOTICE_CONFLICT;
	r->told_ns[n->kind - 1] = now_ns;
	pace->told_ns[pace->next] = now_ns;
	pace->next = (pace->next + 1) % NOTICE_BURST;
	pace->last = n->key;
}

/* --- all of them --------------------------------------------------------------------------- */

static void remember(struct notices *n, const struct snap *snap, const struct notice *what)
{
	const struct snap_address *a;

	n->kind = what->kind;
	n->told_repairs = snap->rule_repairs;
	n->told_period_s = snap->period_begin_s;
	if (what->kind > ROW_KINDS)
		return;
	a = &snap->addresses[what->row];
	memset(&n->key, 0, sizeof(n->key));
	strncpy(n->key.id, id_of(snap, a), INV_ID_MAX);
	n->key.addr = a->addr;
}

bool notices_next(struct notices *n, const struct snap *snap, uint64_t now_ns, struct notice *ret,
		  uint64_t *ret_at_ns)
{
	struct search s = { .snap = snap, .now_ns = now_ns };

	n->held_back = 0;
	n->kind = 0;
	look_at_state(n, &s, snap->store_failing, n->store_failing, NOTICE_STORE_FAILED,
		      NOTICE_STORE_RECOVERED);
	look_at_state(n, &s, snap->inventory_failing, n->inventory_failing, NOTICE_INVENTORY_FAILED,
		      NOTICE_INVENTORY_RECOVERED);
	look_at_state(n, &s, snap->ship == SNAP_SHIP_FAILING, n->ship_failing, NOTICE_SHIP_FAILED,
		      NOTICE_SHIP_RECOVERED);
	look_at_repairs(n, &s);
	look_at_billing(n, &s);
	if (!s.found.kind && (snap->conflicts || n->n_rows))
		look_at_rows(n, &s);
	if (!s.found.kind) {
		*ret_at_ns = s.at_ns;
		return false;
	}
	remember(n, snap, &s.found);
	*ret = s.found;
	return true;
}

void notices_told(struct notices *n, uint64_t now_ns)
{
	assert(n->kind);
	n->told_ns[n->kind] = now_ns;
	switch (n->kind) {
	case NOTICE_CONFLICT:
	case NOTICE_CONFLICT_CLEARED:
		told_row(n, now_ns);
		break;
	case NOTICE_RULES_REPAIRED:
		n->repairs = n->told_repairs;
		n->repair_ns = 0;
		break;
	case NOTICE_INVENTORY_FAILED:
	case NOTICE_INVENTORY_RECOVERED:
		n->inventory_failing = n->kind == NOTICE_INVENTORY_FAILED;
		break;
	case NOTICE_QUOTA_THRESHOLD:
		quota_notices_told(n->quota, now_ns);
		break;
	case NOTICE_PERIOD_BEGAN:
		n->period_s = n->told_period_s;
		break;
	case NOTICE_SHIP_FAILED:
	case NOTICE_SHIP_RECOVERED:
		n->ship_failing = n->kind == NOTICE_SHIP_FAILED;
		break;
	default:
		n->store_failing = n->kind == NOTICE_STORE_FAILED;
		break;
	}
	n->kind = 0;
}
