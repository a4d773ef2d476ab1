/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter list`: a line for each container and, where one line is not enough, a line for each of
 * its addresses.
 * 1. A container with one address is one line, unless its totals include those of earlier
 *    addresses.
 * 2. A counter that cannot be counted is shown as "-", never as 0.
 * 3. If the answer gives a reason for the status "other", or for a container's "not-countable", the
 *    reason is shown instead.
 * 4. The last column names the runtime, if there are several. */
#include "cli/cli.h"

#include "base/display.h"
#include "base/xalloc.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIST_TIMEOUT_S 10
#define NAME_MAX_WIDTH 40
#define STALE_AFTER_MS 30000

#define COUNTERS 4

static const char *const octets_keys[COUNTERS] = { "in_octets", "out_octets", "node_in_octets",
						   "node_out_octets" };
static const char *const pkts_keys[COUNTERS] = { "in_pkts", "out_pkts", "node_in_pkts",
						 "node_out_pkts" };

struct list {
	const struct cli *cli;
	struct table *table;
	bool runtimes; /* show them */
	uint64_t sums[COUNTERS];
	size_t n_addresses;
};

static const char *counter_key(const struct list *l, size_t i)
{
	return l->cli->packets ? pkts_keys[i] : octets_keys[i];
}

static const char *format_counter(const struct cli *cli, uint64_t n, char buf[DISPLAY_NUMBER_SIZE])
{
	if (cli->exact)
		return display_exact(n, buf);
	return cli->packets ? display_count(n, buf) : display_octets(n, buf);
}

static enum table_style status_style(const char *status)
{
	if (!strcmp(status, "conflict"))
		return TABLE_BAD;
	if (!strcmp(status, "not-countable"))
		return TABLE_WARN;
	return strcmp(status, "counting") ? TABLE_DIM : TABLE_GOOD;
}

static bool is_not_counted(const char *status)
{
	return !strcmp(status, "conflict") || !strcmp(status, "not-countable") ||
	       !strcmp(status, "pending");
}

/* An address's reason is long: list --links has it. */
static bool says_reason(const json_t *row, const char *status)
{
	return !strcmp(status, "other") ||
	       (!strcmp(status, "not-countable") && json_object_get(row, "id"));
}

/* The counters and the status of a container or address row. */
static void put_totals(struct list *l, const json_t *row, const char *state)
{
	const char *status = cli_text(row, "status");
	const char *reason = json_string_value(json_object_get(row, "reason"));
	const char *word = says_reason(row, status) && reason && *reason ? reason : status;
	char buf[DISPLAY_NUMBER_SIZE], *text;

	for (size_t i = 0; i < COUNTERS; i++) {
		uint64_t n = cli_number(row, counter_key(l, i));
		bool tells = !json_is_null(json_object_get(row, counter_key(l, i))) &&
			     (n || !is_not_counted(status));

		table_cell(l->table, tells ? format_counter(l->cli, n, buf) : "-",
			   strcmp(status, "retired") ? TABLE_PLAIN : TABLE_DIM);
	}
	text = !strcmp(state, "stopped") ? xasprintf("%s, stopped", word) : xstrdup(word);
	table_cell(l->table, text, status_style(status));
	free(text);
}

static void put_runtime(const struct list *l, const char *runtime)
{
	if (l->runtimes)
		table_cell(l->table, runtime, TABLE_PLAIN);
}

static bool totals_equal(const json_t *a, const json_t *b)
{
	for (size_t i = 0; i < COUNTERS; i++)
		if (!json_equal(json_object_get(a, octets_keys[i]),
				json_object_get(b, octets_keys[i])) ||
		    !json_equal(json_object_get(a, pkts_keys[i]), json_object_get(b, pkts_keys[i])))
			return false;
	return true;
}

static void put_address(struct list *l, const json_t *address)
{
	char *text = xasprintf("  %s", cli_text(address, "address"));

	table_cell(l->table, "", TABLE_PLAIN);
	table_cell(l->table, "", TABLE_PLAIN);
	table_cell(l->table, text, TABLE_PLAIN);
	put_totals(l, address, "");
	put_runtime(l, "");
	free(text);
}

static void add_to_sums(struct list *l, const json_t *container)
{
	for (size_t i = 0; i < COUNTERS; i++) {
		uint64_t n = cli_number(container, counter_key(l, i)), *sum = &l->sums[i];

		*sum = n > UINT64_MAX - *sum ? UINT64_MAX : *sum + n;
	}
}

/* An older ctmeterd does not say. */
static const char *runtime_of(const json_t *container)
{
	const char *runtime = json_string_value(json_object_get(container, "runtime"));

	return runtime ? runtime : "";
}

/* Do they come from more than one runtime? */
static bool are_several(const json_t *containers)
{
	const char *first = runtime_of(json_array_get(containers, 0));

	for (size_t i = 1; i < json_array_size(containers); i++)
		if (strcmp(runtime_of(json_array_get(containers, i)), first) != 0)
			return true;
	return false;
}

static void put_container(struct list *l, const json_t *container)
{
	const json_t *addresses = json_object_get(container, "addresses");
	const json_t *first = json_array_get(addresses, 0);
	size_t n = json_array_size(addresses);
	bool one_line = n == 1 && totals_equal(container, first);
	char *name = display_cut(cli_text(container, "name"), NAME_MAX_WIDTH);
	char *label = n == 0 ? xstrdup("-") : xasprintf("%zu address%s", n, n == 1 ? "" : "es");

	table_cell(l->table, cli_text(container, "id"), TABLE_BOLD);
	table_cell(l->table, name, TABLE_PLAIN);
	table_cell(l->table, one_line ? cli_text(first, "address") : label,
		   one_line ? TABLE_PLAIN : TABLE_DIM);
	put_totals(l, one_line ? first : container, cli_text(container, "state"));
	put_runtime(l, runtime_of(container));
	for (size_t i = 0; i < n && !one_line; i++)
		put_address(l, json_array_get(addresses, i));
	add_to_sums(l, container);
	l->n_addresses += n;
	free(name);
	free(label);
}

static void put_sums(struct list *l, size_t n_containers)
{
	char buf[DISPLAY_NUMBER_SIZE];
	char *containers = xasprintf("%zu containers", n_containers);
	char *addresses = xasprintf("%zu addresses", l->n_addresses);

	table_cell(l->table, "TOTAL", TABLE_BOLD);
	table_cell(l->table, containers, TABLE_BOLD);
	table_cell(l->table, addresses, TABLE_BOLD);
	for (size_t i = 0; i < COUNTERS; i++)
		table_cell(l->table, format_counter(l->cli, l->sums[i], buf), TABLE_BOLD);
	table_cell(l->table, "", TABLE_PLAIN);
	put_runtime(l, "");
	free(containers);
	free(addresses);
}

void cli_list_print(const struct cli *cli, const json_t *answer)
{
	static const struct table_column octets[] = {
		{ "CTID", TABLE_LEFT },      { "NAME", TABLE_LEFT },   { "ADDRESS", TABLE_LEFT },
		{ "IN", TABLE_RIGHT },       { "OUT", TABLE_RIGHT },   { "NODE IN", TABLE_RIGHT },
		{ "NODE OUT", TABLE_RIGHT }, { "STATUS", TABLE_LEFT }, { "RUNTIME", TABLE_LEFT },
	};
	static const struct table_column packets[] = {
		{ "CTID", TABLE_LEFT },           { "NAME", TABLE_LEFT },
		{ "ADDRESS", TABLE_LEFT },        { "IN PKTS", TABLE_RIGHT },
		{ "OUT PKTS", TABLE_RIGHT },      { "NODE IN PKTS", TABLE_RIGHT },
		{ "NODE OUT PKTS", TABLE_RIGHT }, { "STATUS", TABLE_LEFT },
		{ "RUNTIME", TABLE_LEFT },
	};
	const json_t *containers = json_object_get(answer, "containers");
	size_t n = json_array_size(containers);
	uint64_t age_ms = cli_number(answer, "sample_age_ms");
	struct list l = { .cli = cli };

	if (!n) {
		fputs("no containers are known: see the sources in ctmeter status\n", cli->out);
		return;
	}
	l.runtimes = are_several(containers);
	l.table = table_new(cli->packets ? packets : octets, ARRAY_LEN(octets) - !l.runtimes);
	for (size_t i = 0; i < n; i++)
		put_container(&l, json_array_get(containers, i));
	if (n > 1)
		put_sums(&l, n);
	table_print(l.table, cli->colour, cli->out);
	table_free(l.table);
	if (age_ms > STALE_AFTER_MS)
		fprintf(cli->out, "These counters were read %" PRIu64 " s ago.\n", age_ms / 1000);
}

static json_t *find_container(const json_t *containers, const char *id)
{
	for (size_t i = 0; i < json_array_size(containers); i++) {
		json_t *c = json_array_get(containers, i);

		if (!strcmp(cli_text(c, "id"), id))
			return c;
	}
	return NULL;
}

int cli_list_select(const json_t *answer, char *const *ids, size_t n_ids, json_t **ret_selected,
		    struct err *e)
{
	const json_t *containers = json_object_get(answer, "containers");
	json_t *selected = json_copy((json_t *)(uintptr_t)answer);
	json_t *chosen = json_array();

	for (size_t i = 0; i < n_ids; i++) {
		json_t *container = find_container(containers, ids[i]);

		if (!container) {
			err_set(e, "no container %s is known: ctmeter list shows all", ids[i]);
			json_decref(chosen);
			json_decref(selected);
			return -ENOENT;
		}
		json_array_append(chosen, container);
	}
	if (n_ids)
		json_object_set(selected, "containers", chosen);
	json_decref(chosen);
	*ret_selected = selected;
	return 0;
}

int cli_list(const struct cli *cli, struct err *e)
{
	json_t *answer = NULL, *selected = NULL;
	int rc = cli_ask(cli, "list", LIST_TIMEOUT_S, NULL, &answer, e);

	if (!rc)
		rc = cli_list_select(answer, cli->args, cli->n_args, &selected, e);
	if (!rc && cli->json)
		cli_print_json(cli, selected);
	else if (!rc && cli->links)
		cli_links_print(cli, selected);
	else if (!rc)
		cli_list_print(cli, selected);
	json_decref(selected);
	json_decref(answer);
	return rc;
}
