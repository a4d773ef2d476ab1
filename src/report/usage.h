/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_USAGE_H
#define CTM_USAGE_H

#include "base/billing.h"
#include "base/err.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

/* What containers used in the present billing period and the last, read from the ledger's
 * database, with those that are gone. */

struct usage_query {
	const char *path; /* the database */
	struct billing_quota quota; /* for containers of which nobody says more */
	const struct billing_thresholds *thresholds;
	char *const *ids; /* only these; none: all that are there or had traffic */
	size_t n_ids;
};

struct usage_row {
	char *id, *name;
	bool gone;
	struct flow used, last;
	uint64_t counted, last_counted; /* what of them counts against the quota */
	struct billing_quota quota; /* in force; octets 0: none */
	enum billing_state state;
	int64_t since_s; /* counted since then: later than the period's begin if it came later */
};

struct usage {
	struct store_period period; /* begin_s 0: none yet */
	int64_t counted_at_s; /* the last checkpoint */
	struct usage_row *rows; /* in order of ids */
	size_t n_rows, cap;
};

/* Returns 0 and a new *ret_usage for usage_free, or with e filled -ENOENT: the ledger does not
 * exist or does not know a container; or another -errno. */
int usage_read(const struct usage_query *q, struct usage **ret_usage, struct err *e);
void usage_free(struct usage *u);

#endif
