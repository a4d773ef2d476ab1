/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "teardown.h"

#include "fw.h"
#include "xalloc.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

struct state {
	int result;
	char text[256];
	size_t removed;
	bool done;
};

static void applied(void *arg, enum addr_family family, int result, const char *text,
		    uint64_t epoch, const struct fw_final *finals, size_t n, uint64_t now_ns)
{
	struct state *s = arg;

	(void)family;
	(void)epoch;
	(void)now_ns;
	s->result = result;
	strncpy(s->text, text, sizeof(s->text) - 1);
	for (size_t i = 0; i < n; i++)
		s->removed += finals[i].kind == FW_REMOVED;
	s->done = true;
}

static int remove_family(struct fw *fw, enum addr_family family, struct loop *loop, struct state *s,
			 struct err *e)
{
	struct ruleset *none;
	int ret;

	if (fw_family_problem(fw, family))
		return 0;
	while (fw_busy(fw, family)) /* an earlier daemon's commit is being finished */
		loop_run_once(loop, -1);
	none = ruleset_build(family, NULL, 0, true, 1);
	s->done = false;
	ret = fw_apply(fw, none);
	while (!ret && !s->done)
		loop_run_once(loop, -1);
	ruleset_free(none);
	fw_forget(fw, family); /* it is in no ledger's total, as no daemon runs */
	ret = ret ? ret : s->result;
	if (ret < 0)
		err_set(e, "the rules are still in place: %s", *s->text ? s->text : strerror(-ret));
	return ret;
}

static int clear_table(const struct cfg *cfg, const char *table, const char *run_dir,
		       struct state *state, struct err *e)
{
	struct fw_config config = { .table = table, .run_dir = run_dir };
	struct loop *loop = loop_new();
	struct fw *fw = NULL;
	int ret = fw_open(cfg->netfilter.backend, &config, loop, applied, state, &fw, e);

	for (enum addr_family f = 0; !ret && f < ADDR_FAMILIES; f++)
		ret = remove_family(fw, f, loop, state, e);
	fw_close(fw);
	loop_free(loop);
	return ret;
}

int teardown_rules(const struct cfg *cfg, struct err *e, unsigned *ret_removed)
{
	static const char *const tables[] = { "mangle", "filter" };
	char *socket = xstrdup(cfg->control.socket);
	struct state state = { .result = 0 };
	struct err other = { "" };
	int ret = clear_table(cfg, cfg->netfilter.table, dirname(socket), &state, e);

	/* The configuration may have named the other one when the rules were made. */
	for (size_t i = 0; !ret && i < ARRAY_LEN(tables); i++)
		if (strcmp(tables[i], cfg->netfilter.table) != 0)
			clear_table(cfg, tables[i], socket, &state, &other);
	if (!ret)
		*ret_removed = (unsigned)state.removed;
	free(socket);
	return ret;
}
