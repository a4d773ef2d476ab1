/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter refresh`, `zero` and `teardown`: the commands that change something. */
#include "cli/cli.h"

#include "control/ctl_client.h"
#include "netfilter/teardown.h"

#include <errno.h>
#include <inttypes.h>

#define RULES_TIMEOUT_S 30
#define END_TIMEOUT_MS 5000

/* The daemon answers when the rules are in place, for a failed source as of its last answer. */
int cli_refresh(const struct cli *cli, struct err *e)
{
	const char *problem;
	json_t *answer;
	int rc = cli_ask(cli, "refresh", RULES_TIMEOUT_S, "ctmeterd to put the rules in place",
			 &answer, e);

	if (rc < 0)
		return rc;
	if (cli->json)
		cli_print_json(cli, answer);
	else if (json_object_get(answer, "rules"))
		fprintf(cli->out,
			"%" PRIu64 " containers, %" PRIu64 " addresses: %" PRIu64
			" rules are in place\n",
			cli_number(answer, "containers"), cli_number(answer, "addresses"),
			cli_number(answer, "rules"));
	else
		fputs("the rules are in place\n", cli->out);
	problem = json_string_value(json_object_get(answer, "problem"));
	if (problem) {
		err_set(e, "part of the inventory could not be read: %s", problem);
		rc = -EREMOTEIO;
	}
	json_decref(answer);
	return rc;
}

int cli_zero_check(const struct cli *cli, struct err *e)
{
	if (cli->n_args == 1)
		return 0;
	err_set(e, "zero takes one container or one address: ctmeter zero CTID|ADDRESS");
	return -EINVAL;
}

int cli_zero(const struct cli *cli, struct err *e)
{
	json_t *answer;
	int rc;

	rc = cli_ask_about(cli, "zero", cli->args[0], &answer, e);
	if (rc < 0)
		return rc;
	if (cli->json)
		cli_print_json(cli, answer);
	else
		fprintf(cli->out,
			"%s is counted from zero now; the counters that SNMP serves do not "
			"change\n",
			cli->args[0]);
	json_decref(answer);
	return 0;
}

/* Without a daemon: its rules stay in place when it ends, so remove them here. */
static int teardown_alone(const struct cli *cli, struct err *e)
{
	json_t *answer;
	unsigned removed;
	int rc = teardown_rules(cli->cfg, e, &removed);

	if (rc < 0)
		return rc;
	if (cli->json) {
		answer = json_object();
		json_object_set_new(answer, "removed", json_integer(removed));
		json_object_set_new(answer, "daemon", json_false());
		cli_print_json(cli, answer);
		json_decref(answer);
	} else if (removed) {
		fprintf(cli->out, "%u rules removed (no ctmeterd was running)\n", removed);
	} else {
		fputs("ctmeter has no rules here, and no ctmeterd is running\n", cli->out);
	}
	return 0;
}

int cli_teardown(const struct cli *cli, struct err *e)
{
	const char *end;
	json_t *answer;
	int rc = cli_ask(cli, "teardown", RULES_TIMEOUT_S, "ctmeterd to remove its rules", &answer,
			 e);

	if (rc == -ENOENT || rc == -ECONNREFUSED)
		return teardown_alone(cli, e);
	if (rc < 0)
		return rc;
	/* A script may then start the next daemon at once. */
	if (ctl_client_wait_end(cli->cfg->control.socket, END_TIMEOUT_MS) < 0) {
		end = "is ending";
	} else {
		end = "has ended";
		rc = teardown_leftovers(cli->cfg, e);
		if (rc < 0)
			err_prefix(e, "the rules are removed and ctmeterd has ended, but not all "
				      "that was made for it is removed");
	}
	if (cli->json)
		cli_print_json(cli, answer);
	else
		fprintf(cli->out, "%" PRIu64 " rules removed, ctmeterd %s\n",
			cli_number(answer, "removed"), end);
	json_decref(answer);
	return rc;
}
