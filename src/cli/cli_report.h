/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CLI_REPORT_H
#define CTM_CLI_REPORT_H

#include "cli/cli.h"
#include "report/report.h"

/* `ctmeter report`: its options and its three output formats. */

enum cli_report_format { CLI_REPORT_TABLE, CLI_REPORT_CSV, CLI_REPORT_JSON };

struct cli_report {
	const char *since, *until; /* NULL: not given */
	enum report_by by;
	enum cli_report_format format;
	bool format_named;
	bool since_zero;
	char **cts; /* texts borrowed from the command line */
	size_t n_cts, cap_cts;
	struct addr *ips;
	size_t n_ips, cap_ips;
};

/* An option by its name without dashes. Returns 0, or -EINVAL with e filled for a bad value. */
int cli_report_option(struct cli_report *r, const char *name, char *value, struct err *e);
/* Check the options together. Returns 0, or -EINVAL with e filled. */
int cli_report_check(const struct cli *cli, struct err *e);
void cli_report_release(struct cli_report *r);

int cli_report(const struct cli *cli, struct err *e);

/* Have the daemon write its counters to the ledger's file, which may be a checkpoint behind.
 * Returns 0, or -errno with e saying why it did not. */
int cli_report_store(const struct cli *cli, struct err *e);

/* Print a report. The query that it answers decides the columns. */
void cli_report_print_table(const struct cli *cli, const struct report_query *q,
			    const struct report *report);
void cli_report_print_csv(const struct report_query *q, const struct report *report, FILE *out);
json_t *cli_report_json(const struct report_query *q, const struct report *report);

#endif
