/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter import`: adds traffic that the OpenVZ wiki's scripts counted, from their log or table,
 * to the history. It writes to the ledger's file itself, next to a running daemon, as the owner of
 * its directory. */
#include "cli/cli.h"

#include "base/display.h"
#include "base/join.h"
#include "base/loop.h"
#include "base/period.h"
#include "base/xalloc.h"
#include "cli/import.h"
#include "store/owner.h"
#include "store/store.h"
#include "store/store_import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FOREIGN_SHOWN 5
#define LOOK_LINES 4096 /* between two readings of the clock */

/* One file. */
struct job {
	const struct cli *cli;
	const char *name;
	struct import *parser;
	struct store_import *store;
	int64_t now_s;
	uint64_t line; /* the one being read */
	uint64_t lines, octets; /* imported, of lines with traffic */
	/* lines imported before; measured after counting began; too old; with rounded figures */
	uint64_t again, late, old, rounded;
	int64_t from_s, to_s;
	uint64_t told_ns; /* when the progress was last shown */
	bool *known; /* by the number of an address: it has been seen */
	size_t n_known, cap_known, addresses, n_foreign;
	char *foreign; /* the first few addresses that belong to no container */
};

int cli_import_check(const struct cli *cli, struct err *e)
{
	const struct cli_import_options *o = &cli->import;

	if (o->forget && (cli->n_args || o->utc || o->dry_run))
		err_set(e, "--forget takes no file and no other option of import");
	else if (!o->forget && !cli->n_args)
		err_set(e, "no file given: import reads a log of the OpenVZ wiki's scripts, or a "
			   "CSV of their table Traffic");
	else
		return 0;
	return -EINVAL;
}

/* The name of the zone in which times are read, the same in summer and in winter. */
static char *zone_name(bool utc)
{
	tzset();
	if (utc || (!strcmp(tzname[0], "UTC") && !timezone && !daylight))
		return xstrdup("UTC");
	return daylight ? xasprintf("%s/%s", tzname[0], tzname[1]) : xstrdup(tzname[0]);
}

static void show_progress(struct job *j)
{
	uint64_t now = loop_now_ns();

	if (now - j->told_ns < NS_PER_S || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\rctmeter: %s: %" PRIu64 " lines ...", j->name, j->line);
	j->told_ns = now;
}

/* At the first line of an address, find out whether it belongs to a container. */
static void meet(struct job *j, const struct import_line *l)
{
	char buf[ADDR_TEXT_SIZE];

	while (j->n_known <= l->address) {
		j->known = xgrow(j->known, j->n_known, &j->cap_known, sizeof(*j->known));
		j->known[j->n_known++] = false;
	}
	if (j->known[l->address])
		return;
	j->known[l->address] = true;
	j->addresses++;
	if (store_import_counting_since(j->store, &l->addr))
		return;
	if (j->n_foreign++ < FOREIGN_SHOWN)
		join_heap(&j->foreign, ", ", "%s", addr_format(&l->addr, buf));
}

static int take_line(struct job *j, char *text, struct err *e)
{
	struct store_import_row row;
	struct import_line l;
	uint64_t other = 0;
	int64_t since_s;
	int rc = import_take(j->parser, text, &l, e);

	if (rc <= 0)
		return rc;
	meet(j, &l);
	if (l.measured_s < j->now_s - STORE_KEEP_HOUR_S) {
		j->old++;
		return 0;
	}
	row = (struct store_import_row) { l.measured_s, l.addr, l.octets };
	rc = store_import_put(j->store, &row, &other, e);
	if (rc == -EEXIST)
		err_set(e,
			"%" PRIu64 " octets, but another line of this time and address has %" PRIu64
			": keep the right one (ctmeter import --forget removes earlier "
			"imports)",
			l.octets, other);
	if (rc < 0)
		return rc;
	since_s = store_import_counting_since(j->store, &l.addr);
	j->again += rc == 1;
	j->late += since_s && l.measured_s > since_s;
	j->rounded += l.rounded;
	j->from_s = !j->lines || l.measured_s < j->from_s ? l.measured_s : j->from_s;
	j->to_s = !j->lines || l.measured_s > j->to_s ? l.measured_s : j->to_s;
	j->lines++;
	j->octets += l.octets;
	return 0;
}

static int read_lines(struct job *j, FILE *in, struct err *e)
{
	char text[IMPORT_LINE_MAX + 2];
	int rc = 0;

	while (!rc && fgets(text, sizeof(text), in)) {
		j->line++;
		rc = take_line(j, text, e);
		if (j->line % LOOK_LINES == 0)
			show_progress(j);
	}
	if (rc < 0) {
		err_prefix(e, "%s:%" PRIu64, j->name, j->line);
	} else if (ferror(in)) {
		rc = -EIO;
		err_set(e, "%s: %s", j->name, strerror(errno));
	}
	return rc;
}

/* ---- the result ---- */

static json_t *time_or_null(const struct job *j, int64_t t)
{
	char buf[PERIOD_TEXT_SIZE];

	return j->lines ? json_string(period_utc(t, PERIOD_ISO_UTC, buf)) : json_null();
}

static json_t *job_json(const struct job *j)
{
	char *clean = display_clean(j->name);
	json_t *object = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:b}",
				   "file", clean, "lines", (json_int_t)j->lines, "octets",
				   (json_int_t)j->octets, "addresses", (json_int_t)j->addresses,
				   "addresses_of_no_container", (json_int_t)j->n_foreign,
				   "already_there", (json_int_t)j->again, "after_counting_began",
				   (json_int_t)j->late, "too_old", (json_int_t)j->old, "rounded",
				   (json_int_t)j->rounded, "from", time_or_null(j, j->from_s), "to",
				   time_or_null(j, j->to_s), "dry_run", j->cli->import.dry_run);

	free(clean);
	return object;
}

static void print_some(const struct job *j, uint64_t n, const char *what)
{
	if (n)
		fprintf(j->cli->out, "  %s: %" PRIu64 "\n", what, n);
}

static void print_job(const struct job *j)
{
	char from[PERIOD_TEXT_SIZE] = "-", to[PERIOD_TEXT_SIZE] = "-", old[80];
	char *clean = display_clean(j->name);

	if (j->lines) {
		period_local(j->from_s, PERIOD_MINUTE, from);
		period_local(j->to_s, PERIOD_MINUTE, to);
	}
	fprintf(j->cli->out,
		"%s: %" PRIu64 " line%s, %" PRIu64 " octets, %s to %s, %zu address%s%s\n", clean,
		j->lines, j->lines == 1 ? "" : "s", j->octets, from, to, j->addresses,
		j->addresses == 1 ? "" : "es",
		j->cli->import.dry_run ? " (a dry run: nothing was written)" : "");
	print_some(j, j->again, "lines that were already imported");
	print_some(j, j->late, "lines measured after counting began, not shown in reports");
	print_some(j, j->rounded, "lines with rounded figures, such as 2.1e+09");
	snprintf(old, sizeof(old), "lines left out, older than the history (%d days)",
		 STORE_KEEP_HOUR_DAYS);
	print_some(j, j->old, old);
	if (j->n_foreign)
		fprintf(j->cli->out,
			"  addresses that never belonged to a container here: %zu (%s%s)\n",
			j->n_foreign, j->foreign, j->n_foreign > FOREIGN_SHOWN ? ", .." : "");
	free(clean);
}

/* ---- the command ---- */

static int import_stream(struct job *j, FILE *in, struct err *e)
{
	const struct cli_import_options *o = &j->cli->import;
	const char *path = j->cli->cfg->ledger.path;
	char *zone = zone_name(o->utc);
	struct owner saved;
	int rc, end;

	owner_become(path, &saved);
	rc = store_import_begin(path, j->name, zone, j->now_s, o->dry_run, &j->store, e);
	if (!rc) {
		rc = read_lines(j, in, e);
		end = store_import_end(j->store, rc == 0, rc < 0 ? NULL : e);
		rc = rc < 0 ? rc : end;
	}
	owner_return(&saved);
	free(zone);
	return rc;
}

static int import_file(const struct cli *cli, const char *name, json_t *files, struct err *e)
{
	struct job j = { .cli = cli, .name = name, .now_s = time(NULL), .told_ns = loop_now_ns() };
	FILE *in = fopen(name, "re");
	int rc;

	if (!in) {
		rc = -errno;
		err_set(e, "%s: %s", name, strerror(-rc));
		return rc;
	}
	j.parser = import_new(cli->import.utc, j.now_s);
	rc = import_stream(&j, in, e);
	fclose(in);
	if (!rc && files)
		json_array_append_new(files, job_json(&j));
	else if (!rc)
		print_job(&j);
	import_free(j.parser);
	free(j.known);
	free(j.foreign);
	return rc;
}

static int forget(const struct cli *cli, struct err *e)
{
	struct owner saved;
	uint64_t rows = 0;
	json_t *answer;
	int rc;

	owner_become(cli->cfg->ledger.path, &saved);
	rc = store_import_forget(cli->cfg->ledger.path, &rows, e);
	owner_return(&saved);
	if (rc < 0)
		return rc;
	if (cli->json) {
		answer = json_pack("{s:I}", "removed", (json_int_t)rows);
		cli_print_json(cli, answer);
		json_decref(answer);
	} else {
		fprintf(cli->out, "%" PRIu64 " imported lines removed\n", rows);
	}
	return 0;
}

/* Each file is imported completely or not at all. Files before one that fails stay imported. */
int cli_import(const struct cli *cli, struct err *e)
{
	json_t *files = cli->json ? json_array() : NULL, *answer;
	int rc = cli->import.forget ? forget(cli, e) : 0;

	for (size_t i = 0; !rc && i < cli->n_args; i++)
		rc = import_file(cli, cli->args[i], files, e);
	if (rc < 0 && !cli->import.forget) {
		size_t len = strlen(e->text);

		snprintf(e->text + len, sizeof(e->text) - len,
			 " (nothing of this file was imported)");
	}
	if (files && !cli->import.forget) {
		answer = json_pack("{s:O}", "files", files);
		cli_print_json(cli, answer);
		json_decref(answer);
	}
	json_decref(files);
	return rc;
}
