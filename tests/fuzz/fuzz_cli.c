/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a daemon answers, as `ctmeter` shows it: parsed, selected from, printed. */
#include "cli/cli.h"
#include "fuzz.h"

/* What is printed goes to a person's terminal: no control characters but line ends. */
static void check_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		REQUIRE((uint8_t)text[i] >= 0x20 || text[i] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char id[] = "101";
	static char *const ids[] = { id };
	json_t *answer = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL),
	       *selected;
	struct err e = { "" };
	struct cli cli = { .out = NULL };
	char *text = NULL;
	size_t size = 0;

	if (!json_is_object(answer)) {
		json_decref(answer);
		return 0;
	}
	cli.out = open_memstream(&text, &size);
	REQUIRE(cli.out);
	cli_status_print(answer, false, cli.out);
	cli_list_print(&cli, answer);
	if (cli_list_select(answer, ids, 1, &selected, &e) == 0) {
		cli_list_print(&cli, selected);
		json_decref(selected);
	} else {
		REQUIRE(*e.text);
	}
	fclose(cli.out);
	check_text(text, size);
	free(text);
	json_decref(answer);
	return 0;
}
