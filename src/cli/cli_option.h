/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CLI_OPTION_H
#define CTM_CLI_OPTION_H

#include "base/err.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The options of `ctmeter`. One table serves getopt_long, the check of options against the command,
 * and --help. */

/* What getopt_long returns for options that have no letter. */
enum cli_option_value {
	CLI_JSON = 256,
	CLI_BYTES,
	CLI_PACKETS,
	CLI_LINKS,
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
	CLI_MONTH,
	CLI_ALL,
	CLI_INDEX,
	CLI_INIT,
	CLI_OPEN,
	CLI_TAKE_OVER,
	CLI_NEW_IDENTITY,
	CLI_DATABASE,
	CLI_LAST,
	CLI_REPORT /* cli_report_option tells them apart by name */
};

/* For getopt_long: the letters, and all long options in the order of the table. Static storage. */
#define CLI_OPTION_LETTERS "c:ho:V"
const struct option *cli_option_list(void);

/* The index of the option with this letter, -1: none has it. */
int cli_option_index(int letter);

/* Record in *given that the option with this index was given. */
void cli_option_note(uint64_t *given, int index);

/* Does the command take all options that were given? Returns 0, or -EINVAL with e naming the first
 * that it does not take, and the commands that do. */
int cli_option_check(uint64_t given, const char *command, struct err *e);

/* Print the options of one command, or (NULL) of all, as --help shows them. */
void cli_option_print(const char *command, FILE *out);

#endif
