/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/gathered.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "inventory/gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source_gathered {
	struct source base;
	const struct gathered *kind;
	char *path;
	struct child *child; /* running, or ended and perhaps not yet gone */
	struct log_state idle_log;
};

static void end_idle(struct source_gathered *g, uint64_t now_ns)
{
	char why[200];

	snprintf(why, sizeof(why), "%.150s is not there, or empty", g->path);
	log_bad(&g->idle_log, now_ns, LOG_LEVEL_INFO, "inv",
		"%s does not run: %s; its containers are asked for when it does", g->base.name,
		why);
	source_end_idle(&g->base, why, now_ns);
}

static struct inv_part *read_answer(struct source_gathered *g, const struct child_result *r,
				    struct err *e)
{
	struct inv_part *part = source_part_new(&g->base, g->kind->name);

	if (g->kind->parse(part, r->out, r->len, e) == 0)
		return part;
	inv_part_free(part);
	return NULL;
}

/* Why the child's output cannot be used. */
static void explain(const struct source_gathered *g, const struct child_result *r, struct err *e)
{
	if (r->error == -ETIMEDOUT)
		err_set(e, "%.300s does not answer: is its file system hanging?", g->path);
	else if (r->error)
		err_set(e, "%s", r->text);
	else if (r->status == EACCES)
		err_set(e,
			"cannot read %.200s: permission denied; ctmeter-inventory.socket starts "
			"the helper that may",
			g->path);
	else
		err_set(e, "cannot read %.300s: %s", g->path, strerror(r->status));
}

static void on_done(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct source_gathered *g = arg;
	bool idle = !r->error && r->status == GATHER_NONE;
	struct inv_part *part = NULL;
	struct err e = { "" };

	if (!r->error && !r->status)
		part = read_answer(g, r, &e);
	else
		explain(g, r, &e);
	if (child_gone(g->child)) {
		child_free(g->child);
		g->child = NULL;
	}
	if (part)
		log_good(&g->idle_log, now_ns, "inv", "%s runs", g->base.name);
	if (idle)
		end_idle(g, now_ns);
	else
		source_end(&g->base, part, &e, now_ns);
}

static int begin(struct source_gathered *g, uint64_t now_ns, struct err *e)
{
	uint64_t until_ns = now_ns + SOURCE_DEADLINE_NS;
	size_t max = source_octets_http((uint32_t)g->base.max_rows);
	char *job;
	int ret;

	if (!source_has_helper(&g->base))
		return child_new_work(g->kind->work, g->path, until_ns, max, g->base.loop, on_done,
				      g, &g->child, e);
	job = xasprintf("%s %s", g->base.name, GATHERED_WORD);
	ret = child_new_remote(g->base.helper, job, until_ns, max, g->base.loop, on_done, g,
			       &g->child, e);
	free(job);
	return ret;
}

static void gathered_start(struct source *s, uint64_t now_ns)
{
	struct source_gathered *g = (struct source_gathered *)s;
	struct err e = { "" };

	if (g->child && !child_gone(g->child)) {
		err_set(&e, "%.300s does not answer: is its file system hanging?", g->path);
		source_end(s, NULL, &e, now_ns);
		return;
	}
	child_free(g->child);
	g->child = NULL;
	if (begin(g, now_ns, &e) < 0)
		source_end(s, NULL, &e, now_ns);
}

static void gathered_free(struct source *s)
{
	struct source_gathered *g = (struct source_gathered *)s;

	child_free(g->child);
	free(g->path);
	free(g);
}

/* ---- the kind ---- */

int gathered_check(const char *rest, struct err *e)
{
	size_t len = strlen(rest);

	if (!len || (*rest == '/' && len > 1 && rest[len - 1] != '/'))
		return 0;
	err_set(e, "the place of this runtime is the absolute path of a directory, without a slash "
		   "at its end: lxc:/srv/lxc");
	return -EINVAL;
}

int gathered_new(const struct gathered *kind, const char *rest, const char *root,
		 struct source **ret_source, struct err *e)
{
	static const struct source_ops ops = { gathered_start, gathered_free };
	struct source_gathered *g = xcalloc(1, sizeof(*g));

	(void)e;
	g->base.ops = &ops;
	g->kind = kind;
	g->path = *rest ? xstrdup(rest) : xasprintf("%s%s", root, kind->place);
	*ret_source = &g->base;
	return 0;
}

/* job: "WORD", or "PATH WORD". */
int gathered_job(const struct gathered *kind, const char *job, struct source_job *ret_job,
		 struct err *e)
{
	const char *blank = strrchr(job, ' ');

	if (strcmp(blank ? blank + 1 : job, GATHERED_WORD) != 0) {
		err_set(e, "it reads no such thing of %s", kind->name);
		return -EPERM;
	}
	ret_job->text = blank ? xstrndup(job, (size_t)(blank - job)) : xstrdup(kind->place);
	ret_job->work = kind->work;
	return 0;
}
