/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/remove.h"

#include "base/xalloc.h"

#include "netfilter/iptables/journal.h"
#include "netfilter/iptables/xt_look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES 5 /* commits at most, until no rule of ours is left */
#define LOOKS 200

struct state {
	int result;
	char text[256];
	size_t removed;
	bool done;
};

static void applied(void *arg, enum addr_family family, int result, const char *text,
		    uint64_t commit, const struct fw_final *finals, size_t n, uint64_t now_ns)
{
	struct state *s = arg;

	(void)family;
	(void)commit;
	(void)now_ns;
	s->result = result;
	strncpy(s->text, text, sizeof(s->text) - 1);
	for (size_t i = 0; i < n; i++)
		s->removed += finals[i].kind == FW_REMOVED;
	s->done = true;
}

/* Make one commit that removes everything. If its child is killed, the commit counts as successful
 * when another child could finish what was begun, which may have been nothing. */
static int commit_none(struct fw *fw, enum addr_family family, struct loop *loop, struct state *s)
{
	struct fw_want none = { .family = family };
	int ret;

	s->done = false;
	ret = fw_apply(fw, &none);
	while (!ret && !s->done)
		loop_run_once(loop, -1);
	fw_forget(fw, family); /* no ledger needs it: no daemon runs */
	return ret ? ret : s->result;
}

/* Returns 0 when no rule of ours is left, -EBUSY when one is, or another -errno when the table
 * cannot be read. */
static int look_for_rules(struct fw *fw, enum addr_family family)
{
	static const struct timespec pause = { .tv_nsec = 5 * (long)NS_PER_MS };
	struct fw_want none = { .family = family };
	struct fw_reading reading;
	int ret = -EAGAIN;

	for (int i = 0; i < LOOKS && ret == -EAGAIN; i++) {
		ret = fw_read(fw, family, loop_now_ns(), &reading);
		if (ret == -EAGAIN)
			nanosleep(&pause, NULL); /* another program's commit is under way */
	}
	return ret ? ret : fw_compare(fw, &none) != FW_FITS ? -EBUSY : 0;
}

static int remove_family(struct fw *fw, enum addr_family family, struct loop *loop, struct state *s,
			 struct err *e)
{
	int ret = -EBUSY;

	if (fw_family_problem(fw, family))
		return 0;
	while (fw_busy(fw, family)) /* finish an earlier daemon's commit */
		loop_run_once(loop, -1);
	for (int i = 0; i < TRIES && ret == -EBUSY; i++) {
		ret = commit_none(fw, family, loop, s);
		if (!ret)
			ret = look_for_rules(fw, family);
	}
	if (ret < 0)
		err_set(e, "the rules are still in place: %s", *s->text ? s->text : strerror(-ret));
	return ret;
}

static int clear_table(const char *table, const char *run_dir, struct state *state, struct err *e)
{
	struct fw_config config = { .table = table, .run_dir = run_dir };
	struct loop *loop = loop_new();
	struct fw *fw = NULL;
	int ret = fw_open(CFG_BACKEND_IPTABLES, &config, loop, applied, state, &fw, e);

	for (enum addr_family f = 0; !ret && f < ADDR_FAMILIES; f++)
		ret = remove_family(fw, f, loop, state, e);
	fw_close(fw);
	loop_free(loop);
	return ret;
}

static const char *const tables[] = { "mangle", "filter" };

/* May the table have been made in this network namespace? Reading one that was not would make it:
 * its hooks cost every packet. */
static bool may_exist(enum addr_family family, const char *table)
{
	static const char *const lists[ADDR_FAMILIES] = {
		[ADDR_V4] = "/proc/net/ip_tables_names", [ADDR_V6] = "/proc/net/ip6_tables_names"
	};
	FILE *in = fopen(lists[family], "re");
	bool found = !in && errno == EACCES; /* root reads it, nobody else */
	char line[64];

	while (in && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		found = found || !strcmp(line, table);
	}
	if (in)
		fclose(in);
	return found;
}

static bool has_rules_in(enum addr_family family, const char *table)
{
	struct fw_look look;
	bool found = false;

	if (!may_exist(family, table) || xt_look(family, table, &look) < 0)
		return false;
	for (enum hook h = 0; h < HOOKS; h++)
		found = found || look.hook[h].jumps;
	return found || look.n_counting;
}

bool iptc_has_rules(struct fw_config *config)
{
	const char *configured = config->table;

	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		char *journal = journal_path(config->run_dir, f);
		bool found = journal_pending(journal) || has_rules_in(f, configured);

		free(journal);
		for (size_t i = 0; i < ARRAY_LEN(tables) && !found; i++) {
			found = has_rules_in(f, tables[i]);
			if (found)
				config->table = tables[i];
		}
		if (found)
			return true;
	}
	return false;
}

int iptc_remove_all(const struct fw_config *config, struct err *e, unsigned *ret_removed)
{
	struct state state = { .result = 0 };
	struct err other = { "" };
	int ret = clear_table(config->table, config->run_dir, &state, e);

	/* The rules may have been made when the configuration named the other table. */
	for (size_t i = 0; !ret && i < ARRAY_LEN(tables); i++)
		if (strcmp(tables[i], config->table) != 0)
			clear_table(tables[i], config->run_dir, &state, &other);
	if (!ret)
		*ret_removed = (unsigned)state.removed;
	return ret;
}
