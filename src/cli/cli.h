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
 * answer, a table for people or, with --json, the answer itself. */

struct cli_report;

/* What the command line and the configuration say; const for the commands. */
struct cli {
	const char *config_path;
	bool config_named; /* by -c */
	bool json;
	bool exact; /* --bytes: every digit */
	bool packets; /* --packets */
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
	struct cli_report *report; /* options of report */
	struct cfg *cfg;
	char *const *args; /* after the command's name */
	size_t n_args;
	FILE *out;
};

/* The whole command: returns the exit status (0 done, 1 failed, 2 usage). The caller has called
 * setlocale. */
int cli_main(int argc, char **argv);

/* A command: 0, or -errno with e saying what failed and what to do. -EREMOTEIO of status, refresh and check:
 * all was shown, and something is wrong with it. */
int cli_status(const struct cli *cli, struct err *e);
int cli_list(const struct cli *cli, struct err *e);
int cli_refresh(const struct cli *cli, struct err *e);
int cli_zero_check(const struct cli *cli, struct err *e);
int cli_zero(const struct cli *cli, struct err *e);
int cli_top(const struct cli *cli, struct err *e);
int cli_teardown(const struct cli *cli, struct err *e);
int cli_import(const struct cli *cli, struct err *e);
int cli_check(const struct cli *cli, struct err *e);

/* Are the command's options right? -EINVAL with e filled if not. */
int cli_top_check(const struct cli *cli, struct err *e);
int cli_check_check(const struct cli *cli, struct err *e);
int cli_import_check(const struct cli *cli, struct err *e);

/* Ask the daemon `command` and wait for at most timeout_s. When it takes longer than a second and
 * a person watches, `waiting_for` (NULL: never) is said on stderr. Returns 0 and a new reference,
 * or what ctl_client_call returns, with advice in e. */
int cli_ask(const struct cli *cli, const char *command, int timeout_s, const char *waiting_for,
	    json_t **ret_answer, struct err *e);

/* The same about one thing ("what"): 10 s. */
int cli_ask_about(const struct cli *cli, const char *command, const char *what, json_t **ret_answer,
		  struct err *e);

void cli_print_json(const struct cli *cli, const json_t *answer);

/* Add to the daemon's answer to `status` what the quick checks of `ctmeter check` find wrong: to
 * "problems", and to "warnings", which the daemon does not have. */
void cli_check_quick(const struct cli *cli, json_t *status);

/* A member of an answer: "-" and 0 stand for what is missing or of another type. A counter over
 * 2^63-1 comes as a string of digits. */
const char *cli_text(const json_t *object, const char *key);
uint64_t cli_number(const json_t *object, const char *key);

/* The parts of `status` and `list` that only turn an answer into text.
 * cli_list_select: a new answer with only the containers `ids` (none: all); -ENOENT with e filled
 * for an id that is not there. */
void cli_status_print(const json_t *answer, bool colour, FILE *out);
int cli_list_select(const json_t *answer, char *const *ids, size_t n_ids, json_t **ret_selected,
		    struct err *e);
void cli_list_print(const struct cli *cli, const json_t *answer);
/* One check's line, with its cure and what to look at below it. */
void cli_check_print(const char *name, const struct doctor_finding *f, bool colour, FILE *out);
/* Header (with `note`, unless NULL) and at most max_rows rows; the rates are by address or not. */
void cli_top_print(const struct rates *r, bool by_address, enum rates_key key, const char *note,
		   size_t max_rows, FILE *out);

#endif
