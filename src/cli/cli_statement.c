/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter statement`: pages for customers. A page is made in memory and then written as a whole,
 * so that no failure leaves a part of one. */
#include "base/display.h"
#include "base/xalloc.h"
#include "cli/cli.h"
#include "cli/cli_report.h"
#include "cli/cli_statement_quota.h"
#include "cli/newfile.h"
#include "report/statement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* So many containers are read at once: reading is faster for many, and takes 150 kB for each. */
#define BATCH 64
/* What was counted at the end of a month may be in the daemon alone for so long. */
#define UNSURE_S PERIOD_HOUR_S

#define INDEX "index"

int cli_statement_check(const struct cli *cli, struct err *e)
{
	const struct cli_statement_options *o = &cli->statement;
	int64_t since_s, until_s;

	if (cli->json)
		err_set(e, "a statement is HTML: leave out --json, or use ctmeter report --json");
	else if (!o->all && cli->n_args != 1)
		err_set(e, "statement takes one container, or --all DIR");
	else if (o->all && cli->n_args)
		err_set(e, "--all writes the statements of all containers: leave out %s",
			cli->args[0]);
	else if (o->all && o->output)
		err_set(e, "--all and --output conflict: give only one of them");
	else if (o->index && !o->all)
		err_set(e, "--index needs --all DIR");
	else
		/* That a month has not begun is no fault of usage. */
		return period_month(o->month, time(NULL), &since_s, &until_s, e) == -EINVAL
			       ? -EINVAL
			       : 0;
	return -EINVAL;
}

/* ---- what is read ---- */

static void say(const char *text)
{
	char *clean = display_clean(text);

	fprintf(stderr, "ctmeter: %s\n", clean);
	free(clean);
}

/* Resolve the month. If traffic of it may not be in the ledger's file yet, have the daemon store
 * it, or say why it is missing. */
static int prepare(const struct cli *cli, struct statement_month *m, struct err *e)
{
	struct err why = { "" };
	int rc;

	m->now_s = time(NULL);
	rc = period_month(cli->statement.month, m->now_s, &m->since_s, &m->until_s, e);
	if (rc < 0 || m->until_s < m->now_s - UNSURE_S)
		return rc;
	m->stored = cli_report_store(cli, &why) == 0;
	if (!m->stored) {
		char *text = xasprintf("the newest traffic may be missing: %s", why.text);

		say(text);
		free(text);
	}
	m->now_s = time(NULL); /* the call may have taken a while */
	return 0;
}

static int read_some(const struct cli *cli, const struct statement_month *m, char *const *cts,
		     size_t n, struct statements **ret, struct err *e)
{
	int rc = statements_read(cli->cfg->ledger.path, m, cts, n, ret, e);

	if (!rc && statements_lack_newest(*ret))
		say("the newest traffic is missing: the ledger's write-ahead log could not be "
		    "read: run ctmeter as root");
	return rc;
}

static char *page_of(const struct statement *s, size_t *ret_len)
{
	char *text = NULL;
	FILE *page = xopen_memstream(&text, ret_len);

	statement_put(s, page);
	fclose(page);
	return text;
}

/* ---- one container's ---- */

static int put_one(const struct cli *cli, const struct statement_month *m, struct err *e)
{
	const char *path = cli->statement.output;
	struct statement_quotas *quotas = NULL;
	struct statements *all = NULL;
	size_t len = 0;
	char *text;
	int rc = read_some(cli, m, cli->args, 1, &all, e);

	if (!rc)
		rc = statement_quotas_read(cli, m, &quotas, e);
	if (rc < 0) {
		statements_free(all);
		return rc;
	}
	statement_quotas_set(quotas, statements_get(all, 0));
	text = page_of(statements_get(all, 0), &len);
	if (path && strcmp(path, "-") != 0)
		rc = newfile_put_path(path, text, len, e);
	else
		fwrite(text, 1, len, cli->out); /* the caller looks for errors */
	free(text);
	statement_quotas_free(quotas);
	statements_free(all);
	return rc;
}

/* ---- everybody's ---- */

struct pages {
	int dir_fd;
	const char *dir;
	struct statement_quotas *quotas;
	struct statement_link *links;
	size_t n_links;
};

/* A container may be called as the index is. */
static char *file_name(const char *ctid)
{
	char *name = newfile_name(ctid);
	char *file = !strcmp(name, INDEX) ? xasprintf("%%%02X%s.html", name[0], name + 1)
					  : xasprintf("%s.html", name);

	free(name);
	return file;
}

/* A file's name has no other characters that mean something in a URL. */
static char *href_of(const char *file)
{
	char *href = xmalloc(strlen(file) * 3 + 1), *to = href;

	for (; *file; file++) {
		*to++ = *file;
		if (*file == '%')
			to = stpcpy(to, "25");
	}
	*to = '\0';
	return href;
}

static int put_page(struct pages *p, const struct statement *s, struct err *e)
{
	size_t len = 0;
	char *text = page_of(s, &len), *file = file_name(s->ctid);
	int rc = newfile_put(p->dir_fd, p->dir, file, text, len, e);

	if (!rc)
		p->links[p->n_links++] = (struct statement_link) {
			.ctid = xstrdup(s->ctid),
			.name = xstrdup(s->name),
			.href = href_of(file),
			.total_octets = s->sum->total,
		};
	free(file);
	free(text);
	return rc;
}

static int put_batch(const struct cli *cli, struct pages *p, const struct statement_month *m,
		     char *const *cts, size_t n, struct err *e)
{
	struct statements *all = NULL;
	int rc = read_some(cli, m, cts, n, &all, e);

	for (size_t i = 0; i < n && !rc; i++) {
		statement_quotas_set(p->quotas, statements_get(all, i));
		rc = put_page(p, statements_get(all, i), e);
	}
	statements_free(all);
	return rc;
}

static int put_index(const struct pages *p, const struct statement_month *m, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	FILE *page = xopen_memstream(&text, &len);
	int rc;

	statement_put_index(m, p->links, p->n_links, page);
	fclose(page);
	rc = newfile_put(p->dir_fd, p->dir, INDEX ".html", text, len, e);
	free(text);
	return rc;
}

static void release_links(struct pages *p)
{
	for (size_t i = 0; i < p->n_links; i++) {
		free((char *)(uintptr_t)p->links[i].ctid);
		free((char *)(uintptr_t)p->links[i].name);
		free((char *)(uintptr_t)p->links[i].href);
	}
	free(p->links);
}

static int put_all(const struct cli *cli, const struct statement_month *m, struct err *e)
{
	struct pages p = { .dir = cli->statement.all };
	char **cts = NULL, month[PERIOD_TEXT_SIZE];
	size_t n_cts = 0;
	int rc;

	p.dir_fd = newfile_open_dir(p.dir, e);
	if (p.dir_fd < 0)
		return p.dir_fd;
	rc = statement_quotas_read(cli, m, &p.quotas, e);
	if (!rc)
		rc = statement_cts(cli->cfg->ledger.path, m, &cts, &n_cts, e);
	p.links = xcalloc(n_cts + 1, sizeof(*p.links));
	for (size_t i = 0; i < n_cts && !rc; i += BATCH)
		rc = put_batch(cli, &p, m, cts + i, n_cts - i < BATCH ? n_cts - i : BATCH, e);
	if (!rc && cli->statement.index)
		rc = put_index(&p, m, e);
	if (!rc)
		fprintf(cli->out, "%zu statement%s of %s written to %s\n", p.n_links,
			p.n_links == 1 ? "" : "s", period_local(m->since_s, "%Y-%m", month), p.dir);
	release_links(&p);
	statement_quotas_free(p.quotas);
	statement_cts_free(cts);
	close(p.dir_fd);
	return rc;
}

int cli_statement(const struct cli *cli, struct err *e)
{
	struct statement_month month = { .stored = false };
	int rc = prepare(cli, &month, e);

	if (rc < 0)
		return rc;
	return cli->statement.all ? put_all(cli, &month, e) : put_one(cli, &month, e);
}
