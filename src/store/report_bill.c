/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The billing period and each container's part in it: see report_db.h. */
#include "store/report_db_room.h"

#include "store/store_period.h"
#include "store/store_schema.h"

#include <errno.h>

int report_db_period(struct report_db *db, struct store_period *ret_period, struct err *e)
{
	struct store_period p = { .begin_s = 0 };
	sqlite3_stmt *stmt = NULL;
	int code, rc = 0;

	if (!db->has_bills) {
		err_set(e, "%s was written by a ctmeter without billing periods: start ctmeterd",
			db->path);
		return -ENOTSUP;
	}
	code = sqlite3_prepare_v2(db->handle, "SELECT key, value FROM meta", -1, &stmt, NULL);
	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		store_load_period(&p, report_db_text(stmt, 0), sqlite3_column_int64(stmt, 1));
		code = SQLITE_OK;
	}
	if (code != SQLITE_DONE)
		rc = report_db_explain(db, code, e);
	else
		*ret_period = p;
	sqlite3_finalize(stmt);
	return rc;
}

static struct billing_quota column_quota(sqlite3_stmt *stmt, int column)
{
	int counts = sqlite3_column_int(stmt, column + 1);

	return (struct billing_quota) { (uint64_t)sqlite3_column_int64(stmt, column),
					counts > 0 && counts < BILLING_COUNTS_KINDS
						? (enum billing_counts)counts
						: BILLING_COUNTS_UNSET };
}

static struct flow column_flow(sqlite3_stmt *stmt, int column)
{
	return (struct flow) { (uint64_t)sqlite3_column_int64(stmt, column),
			       (uint64_t)sqlite3_column_int64(stmt, column + 1) };
}

int report_db_bills(struct report_db *db, const struct store_period *period, report_db_bill_fn *fn,
		    void *arg, struct err *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc = 0;
	int code = sqlite3_prepare_v2(
		db->handle,
		"SELECT ifindex, ctid, name, state, since, " STORE_OCTETS("") ", " STORE_BILL(
			"") " FROM container ORDER BY length(ctid), ctid",
		-1, &stmt, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct report_db_bill row = { .ifindex = sqlite3_column_int64(stmt, 0),
					      .id = report_db_text(stmt, 1),
					      .name = report_db_text(stmt, 2),
					      .live = sqlite3_column_int(stmt, 3) < 2,
					      .since_s = sqlite3_column_int64(stmt, 4) };
		uint64_t octets[PATHS];
		const int bill = 5 + PATHS;

		report_db_octets(stmt, 5, octets);
		row.total = (struct flow) { octets[PATH_FWD_IN] + octets[PATH_NODE_IN],
					    octets[PATH_FWD_OUT] + octets[PATH_NODE_OUT] };
		row.bill = (struct store_bill) { .begin_s = sqlite3_column_int64(stmt, bill),
						 .at = column_flow(stmt, bill + 1),
						 .last = column_flow(stmt, bill + 3),
						 .next = column_flow(stmt, bill + 5),
						 .said = column_quota(stmt, bill + 7),
						 .set = column_quota(stmt, bill + 9) };
		store_settle(&row.bill, period, row.total);
		fn(arg, &row);
		code = SQLITE_OK;
	}
	if (code != SQLITE_DONE)
		rc = report_db_explain(db, code, e);
	sqlite3_finalize(stmt);
	return rc;
}
