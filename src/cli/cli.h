/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CLI_H
#define CTM_CLI_H

#include "base/cfg.h"
#include "base/err.h"
#include "cli/rates.h"
#include "doctor/doctor.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* `ctmeter`, the operator's command: it asks the daemon over the control socket and shows the
 * answer as a table or, with --json, as it came. */

struct cli_report;

/* The command line and the configuration. Commands do not change it. */
struct cli {
	const char *config_path;
	bool config_named; /* by -c */
	bool json;
	bool exact; /* --bytes: every digit */
	bool packets; /* --packets */
	bool links; /* --links */
	bool last; /* --last */
	bool colour;
	struct cli_top_options {
		const char *interval, *sort, *count; /* as given; NULL: not given */
		bool once, by_address;
	} top;
	struct cli_check_options {
		const char *community, *ports_community, *agent; /* NULL: not given */
	} check;
	struct cli_import_options {
		bool utc, dry_run, forget;
	} import;
	struct cli_statement_options {
		const char *month, *output, *all; /* NULL: not given */
		bool index;
	} statement;
	struct cli_ship_options {
		bool init, open, take_over, new_identity;
		const char *database; /* NULL: as configured */
	} ship;
	struct cli_report *report; /* options of report */
	struct cfg *cfg;
	char *const *args; /* after the command's name */
	size_t n_args;
	FILE *out;
};

/* Run the command line, after setlocale. Returns the exit status: 0 success, 1 failure, 2 usage. */
int cli_main(int argc, char **argv);

/* The commands. Each returns 0, or -errno with e saying what failed and what to do. status, check,
 * refresh and audit return -EREMOTEIO after complete output when they found a problem. */
int cli_status(const struct cli *cli, struct err *e);
int cli_list(const struct cli *cli, struct err *e);
int cli_refresh(const struct cli *cli, struct err *e);
int cli_zero_check(const struct cli *cli, struct err *e);
int cli_zero(const struct cli *cli, struct err *e);
int cli_top(const struct cli *cli, struct err *e);
int cli_teardown(const struct cli *cli, struct err *e);
int cli_import(const struct cli *cli, struct err *e);
int cli_ship(const struct cli *cli, struct err *e);
int cli_check(const struct cli *cli, struct err *e);
int cli_statement(const struct cli *cli, struct err *e);
int cli_usage(const struct cli *cli, struct err *e);
int cli_quota(const struct cli *cli, struct err *e);
int cli_audit(const struct cli *cli, struct err *e);

/* Check the options of a command. Returns 0, or -EINVAL with e filled. */
int cli_top_check(const struct cli *cli, struct err *e);
int cli_check_check(const struct cli *cli, struct err *e);
int cli_import_check(const struct cli *cli, struct err *e);
int cli_statement_check(const struct cli *cli, struct err *e);
int cli_ship_check(const struct cli *cli, struct err *e);
int cli_quota_check(const struct cli *cli, struct err *e);

/* Send `command` to the daemon and wait at most timeout_s for the answer. When that takes longer
 * than a second and stderr is a terminal, print "waiting for `waiting_for`" there (NULL: never).
 * Returns 0 and a new reference, or an error of ctl_client_call, with advice in e. */
int cli_ask(const struct cli *cli, const char *command, int timeout_s, const char *waiting_for,
	    json_t **ret_answer, struct err *e);

/* cli_ask with a member "what" in the request, and a timeout of 10 s. */
int cli_ask_about(const struct cli *cli, const char *command, const char *what, json_t **ret_answer,
		  struct err *e);

/* The same with the members of `more` too. */
int cli_ask_with(const struct cli *cli, const char *command, const char *what, const json_t *more,
		 json_t **ret_answer, struct err *e);

void cli_print_json(const struct cli *cli, const json_t *answer);

/* Run the quick checks of `ctmeter check` and add their findings to the daemon's answer to
 * `status`: failures to "problems", warnings to "warnings", which the daemon does not send. */
void cli_check_quick(const struct cli *cli, json_t *status);

/* A member of an answer. "-" and 0 stand for a missing member or one of another type. A counter
 * above 2^63-1 is a string of digits. */
const char *cli_text(const json_t *object, const char *key);
uint64_t cli_number(const json_t *object, const char *key);

/* The parts of the commands that turn an answer into text.
 * cli_list_select returns a new answer with only the containers `ids` (none: all), or -ENOENT with
 * e filled for an unknown id. */
void cli_status_print(const json_t *answer, bool colour, FILE *out);
int cli_list_select(const json_t *answer, char *const *ids, size_t n_ids, json_t **ret_selected,
		    struct err *e);
void cli_list_print(const struct cli *cli, const json_t *answer);
void cli_links_print(const struct cli *cli, const json_t *answer);
/* Print the line of one check and, below it, the commands that fix and inspect it. */
void cli_check_print(const char *name, const struct doctor_finding *f, bool colour, FILE *out);
/* Print the header, with `note` unless NULL, and at most max_rows rows. by_address: as in r. */
void cli_top_print(const struct rates *r, bool by_address, enum rates_key key, const char *note,
		   size_t max_rows, FILE *out);

#endif
