/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CLI_OPTION_H
#define CTM_CLI_OPTION_H

#include "base/err.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The options of `ctmeter`: one table, from which come what getopt_long takes, what each command
 * refuses, and what --help prints. */

/* What getopt_long returns for options that have no letter. */
enum cli_option_value {
	CLI_JSON = 256,
	CLI_BYTES,
	CLI_PACKETS,
	CLI_ONCE,
	CLI_INTERVAL,
	CLI_SORT,
	CLI_ADDRESSES,
	CLI_COUNT,
	CLI_COMMUNITY,
	CLI_PORTS_COMMUNITY,
	CLI_AGENT,
	CLI_UTC,
	CLI_DRY_RUN,
	CLI_FORGET,
	CLI_REPORT /* cli_report_option knows them by their names */
};

/* For getopt_long: "c:hV" and all long options, by their index in the table. Never freed. */
#define CLI_OPTION_LETTERS "c:hV"
const struct option *cli_option_list(void);

/* Note in *given that the option with this index was given. */
void cli_option_note(uint64_t *given, int index);

/* Of those given, is there one that does not go with the command? Returns 0, or -EINVAL with e saying
 * which one and with what it goes. */
int cli_option_check(uint64_t given, const char *command, struct err *e);

/* The options of one command, or (NULL) of all, a line or more for each, as --help shows them. */
void cli_option_print(const char *command, FILE *out);

#endif
