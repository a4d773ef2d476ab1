/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mib/notice_quota.h"

#include "base/xalloc.h"
#include "mib/notice.h"

#include <stdlib.h>
#include <string.h>

struct told {
	char id[INV_ID_MAX + 1];
	uint32_t percent; /* as last reported */
	uint64_t told_ns;
};

struct quota_notices {
	struct told *at; /* in order of ids */
	size_t n, cap;
	uint64_t told_ns[NOTICE_BURST]; /* of the last ones; `oldest` is the index of the first */
	unsigned oldest;
	struct told found; /* what quota_notices_next returned last */
};

struct quota_notices *quota_notices_new(void)
{
	return xcalloc(1, sizeof(struct quota_notices));
}

void quota_notices_free(struct quota_notices *n)
{
	if (!n)
		return;
	free(n->at);
	free(n);
}

/* Whether a minute has passed. If not, notes when it will have. */
static bool is_time(uint64_t told_ns, uint64_t now_ns, uint64_t *at_ns)
{
	uint64_t at = told_ns + NOTICE_MINUTE_NS;

	if (!told_ns || at <= now_ns)
		return true;
	if (!*at_ns || at < *at_ns)
		*at_ns = at;
	return false;
}

bool quota_notices_next(struct quota_notices *n, const struct snap *snap, uint64_t now_ns,
			size_t *ret_container, uint64_t *at_ns)
{
	size_t from = 0, to = 0, found = snap->n_containers;

	for (size_t i = 0; i < snap->n_containers; i++) {
		const struct snap_container *c = &snap->containers[i];
		uint32_t percent = c->bill.heard;
		uint64_t told_ns = 0;

		while (from < n->n && inv_id_cmp(n->at[from].id, c->id) < 0)
			from++; /* it is gone */
		if (from < n->n && !inv_id_cmp(n->at[from].id, c->id)) {
			struct told *t = &n->at[from++];

			if (t->percent > c->bill.reached)
				t->percent = c->bill.reached; /* another period or quota */
			percent = t->percent > percent ? t->percent : percent;
			told_ns = t->told_ns;
			if (t->percent || told_ns + NOTICE_MINUTE_NS > now_ns)
				n->at[to++] = *t;
		}
		if (found == snap->n_containers && c->bill.reached > percent &&
		    is_time(told_ns, now_ns, at_ns) &&
		    is_time(n->told_ns[n->oldest], now_ns, at_ns))
			found = i;
	}
	n->n = to;
	if (found == snap->n_containers)
		return false;
	n->found = (struct told) { .percent = snap->containers[found].bill.reached };
	strncpy(n->found.id, snap->containers[found].id, INV_ID_MAX);
	*ret_container = found;
	return true;
}

void quota_notices_told(struct quota_notices *n, uint64_t now_ns)
{
	size_t i = 0;

	n->found.told_ns = now_ns;
	n->told_ns[n->oldest] = now_ns;
	n->oldest = (n->oldest + 1) % NOTICE_BURST;
	while (i < n->n && inv_id_cmp(n->at[i].id, n->found.id) < 0)
		i++;
	if (i < n->n && !inv_id_cmp(n->at[i].id, n->found.id)) {
		n->at[i] = n->found;
		return;
	}
	n->at = xgrow(n->at, n->n, &n->cap, sizeof(*n->at));
	memmove(&n->at[i + 1], &n->at[i], (n->n - i) * sizeof(*n->at));
	n->at[i] = n->found;
	n->n++;
}
