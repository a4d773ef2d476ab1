/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AUDIT_H
#define CTM_AUDIT_H

#include "base/err.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether the ledger adds up, for each container and a billing period.
 *
 * 1. The totals of its addresses, with those that are gone, are the container's own. (An address
 *    that has been gone for longer than any usage is kept is removed, and the container keeps what
 *    it counted: of a container older than that, only an excess is a fault.)
 * 2. The hours and 5 minutes of the history in the period add up to the difference of the totals.
 *    A period's totals are those of the first reading after its begin, while the history's last
 *    interval ends with the checkpoint before. So the history may have more by what was counted
 *    between the two, which is at most what it has in the first interval of the period; at the
 *    period's end, likewise, less. That is the margin. */

struct audit_query {
	const char *path; /* the database */
	bool last; /* the period before */
	char *const *ids; /* only these; none: all */
	size_t n_ids;
	int64_t now_s;
};

struct audit_row {
	char *id;
	struct flow total, rows; /* the container's, and its addresses' together */
	struct flow period, history; /* by totals, and by the history */
	struct flow more, less; /* margin: the history may have so much more or less */
	bool rows_ok, history_ok;
	bool pruned; /* addresses may have been removed */
	int64_t ifindex; /* private */
};

struct audit {
	int64_t begin_s, end_s; /* the period; end_s of the present one is the last checkpoint */
	int64_t counted_s; /* when its octets began to be counted */
	struct audit_row *rows; /* in order of ids */
	size_t n_rows, cap;
	size_t wrong; /* rows that do not add up */
};

/* Returns 0 and a new *ret_audit for audit_free, or with e filled -ENOENT: the ledger does not
 * exist, does not know a container, or has no such period; or another -errno. */
int audit_read(const struct audit_query *q, struct audit **ret_audit, struct err *e);
void audit_free(struct audit *a);

#endif
