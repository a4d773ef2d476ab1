/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter list --links`: a line for each address, with the link that it is counted on, or why it
 * is not counted. */
#include "cli/cli.h"

#include "base/display.h"
#include "base/xalloc.h"
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_WIDTH 40

static enum table_style style_of(const char *status)
{
	if (!strcmp(status, "conflict"))
		return TABLE_BAD;
	if (!strcmp(status, "pending") || !strcmp(status, "not-countable"))
		return TABLE_WARN;
	return strcmp(status, "counting") ? TABLE_DIM : TABLE_GOOD;
}

/* A daemon of an earlier version does not send it. */
static const char *text_or_dash(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text && *text ? text : "-";
}

static void put_address(struct table *t, const json_t *container, const json_t *address)
{
	const char *status = cli_text(address, "status");
	char *name = display_cut(cli_text(container, "name"), NAME_MAX_WIDTH);

	table_cell(t, cli_text(container, "id"), TABLE_BOLD);
	table_cell(t, name, TABLE_PLAIN);
	table_cell(t, cli_text(address, "address"), TABLE_PLAIN);
	table_cell(t, text_or_dash(address, "link"), TABLE_PLAIN);
	table_cell(t, status, style_of(status));
	table_cell(t, text_or_dash(address, "reason"), TABLE_PLAIN);
	free(name);
}

void cli_links_print(const struct cli *cli, const json_t *answer)
{
	static const struct table_column columns[] = {
		{ "CTID", TABLE_LEFT }, { "NAME", TABLE_LEFT },   { "ADDRESS", TABLE_LEFT },
		{ "LINK", TABLE_LEFT }, { "STATUS", TABLE_LEFT }, { "REASON", TABLE_LEFT },
	};
	const json_t *containers = json_object_get(answer, "containers");
	struct table *t = table_new(columns, ARRAY_LEN(columns));

	for (size_t i = 0; i < json_array_size(containers); i++) {
		const json_t *container = json_array_get(containers, i);
		const json_t *addresses = json_object_get(container, "addresses");

		for (size_t k = 0; k < json_array_size(addresses); k++)
			put_address(t, container, json_array_get(addresses, k));
	}
	table_print(t, cli->colour, cli->out);
	table_free(t);
}
