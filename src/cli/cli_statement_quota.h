/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CLI_STATEMENT_QUOTA_H
#define CTM_CLI_STATEMENT_QUOTA_H

#include "cli/cli.h"
#include "report/statement.h"
#include "report/usage.h"

/* What a statement says of its container's quota: of the billing period that begins in the
 * statement's month, by the calendar of billing's time zone: a month may begin at another moment in
 * local time. The ledger knows this period and the last, so an older month says nothing. */

struct statement_quotas {
	struct usage *usage; /* NULL: nothing is known */
	const struct statement_month *month;
	const struct zone *zone; /* of billing */
	struct statement_quota one; /* of the statement that was set last */
};

/* Read the usage of all containers, for statement_quotas_free. Borrows the month and the
 * configuration's zone until then.
 * Returns 0, or with e filled an error of usage_read. */
int statement_quotas_read(const struct cli *cli, const struct statement_month *month,
			  struct statement_quotas **ret_quotas, struct err *e);
/* Set s->quota, which is valid until the next call, or leave it NULL: there is none. */
void statement_quotas_set(struct statement_quotas *q, struct statement *s);
void statement_quotas_free(struct statement_quotas *q);

#endif
