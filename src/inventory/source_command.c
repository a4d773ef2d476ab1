/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `command:` source: runs a program that prints inventory lines. */
#include "base/xalloc.h"
#include "inventory/child.h"
#include "inventory/inv_file.h"
#include "inventory/source_one.h"
#include "inventory/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct source_command {
	struct source base;
	char *words; /* what argv points into */
	char **argv;
	struct child *child; /* running, or ended and perhaps not yet gone */
};

static void on_done(void *arg, const struct child_result *result, uint64_t now_ns)
{
	struct source_command *c = arg;
	struct inv_part *part = NULL;
	struct err e = { "" };

	if (*result->text) {
		err_set(&e, "%s", result->text);
	} else {
		part = source_part_new(&c->base, c->argv[0]);
		if (inv_file_parse(part, result->out, result->len, &e) < 0) {
			inv_part_free(part);
			part = NULL;
		}
	}
	if (child_gone(c->child)) {
		child_free(c->child);
		c->child = NULL;
	}
	source_end(&c->base, part, &e, now_ns);
}

static void command_start(struct source *s, uint64_t now_ns)
{
	struct source_command *c = (struct source_command *)s;
	struct err e = { "" };
	int ret = 0;

	if (c->child && !child_gone(c->child)) {
		err_set(&e, "the last run was killed but has not ended yet");
		ret = -EBUSY;
	} else {
		child_free(c->child);
		c->child = NULL;
		ret = source_has_helper(s)
			      ? child_new_remote(s->helper, s->name, now_ns + SOURCE_DEADLINE_NS,
						 source_octets_max(s), s->loop, on_done, c,
						 &c->child, &e)
			      : child_new(c->argv, now_ns + SOURCE_DEADLINE_NS,
					  source_octets_max(s), s->loop, on_done, c, &c->child, &e);
	}
	if (ret < 0)
		source_end(s, NULL, &e, now_ns);
}

static void command_free(struct source *s)
{
	struct source_command *c = (struct source_command *)s;

	child_free(c->child);
	free(c->argv);
	free(c->words);
	free(c);
}

/* ---- the kind ---- */

static int command_check(const char *command, struct err *e)
{
	char *words, **argv;
	int ret = words_split(command, &words, &argv, e);

	if (ret < 0)
		return ret;
	free(words);
	free(argv);
	return 0;
}

static int command_new(const char *command, const char *root, struct source **ret_source,
		       struct err *e)
{
	static const struct source_ops ops = { command_start, command_free };
	struct source_command *c = xcalloc(1, sizeof(*c));
	int ret;

	(void)root;
	c->base.ops = &ops;
	ret = words_split(command, &c->words, &c->argv, e);
	if (ret < 0) {
		err_prefix(e, "source \"command:%.100s\"", command);
		command_free(&c->base);
		return ret;
	}
	*ret_source = &c->base;
	return 0;
}

static int command_job(const char *command, struct source_job *ret_job, struct err *e)
{
	return words_split(command, &ret_job->text, &ret_job->argv, e);
}

const struct source_kind source_kind_command = {
	.prefix = "command:",
	.form = "command:PATH ARG...",
	.title = "this command",
	.check = command_check,
	.new = command_new,
	.runs_programs = true,
	.helper_job = command_job,
};
