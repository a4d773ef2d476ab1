/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter check`: a line for each check, the command that fixes a problem, and a summary. */
#include "cli/cli.h"

#include "base/display.h"
#include "base/xalloc.h"
#include "cli/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const enum table_style styles[DOCTOR_LEVELS] = { [DOCTOR_OK] = TABLE_GOOD,
							[DOCTOR_SKIP] = TABLE_DIM,
							[DOCTOR_WARN] = TABLE_WARN,
							[DOCTOR_FAIL] = TABLE_BAD };

int cli_check_check(const struct cli *cli, struct err *e)
{
	for (size_t i = 0; i < cli->n_args; i++) {
		if (doctor_check_named(cli->args[i]))
			continue;
		err_set(e, "no check is called %s: ctmeter check lists them", cli->args[i]);
		return -EINVAL;
	}
	return 0;
}

static struct doctor *make_doctor(const struct cli *cli, const json_t *status)
{
	struct doctor_options options = {
		.cfg = cli->cfg,
		.config_path = cli->config_path,
		.community = cli->check.community,
		.ports_community = cli->check.ports_community,
		.agent = cli->check.agent,
		.status = status,
	};

	return doctor_new(&options);
}

static bool is_wanted(const struct cli *cli, const char *name)
{
	for (size_t i = 0; i < cli->n_args; i++)
		if (!strcmp(cli->args[i], name))
			return true;
	return !cli->n_args;
}

/* ---- printing ---- */

static void print_command(const char *label, const char *command, FILE *out)
{
	char *clean;

	if (!command)
		return;
	clean = display_clean(command);
	fprintf(out, "      %s %s\n", label, clean);
	free(clean);
}

void cli_check_print(const char *name, const struct doctor_finding *f, bool colour, FILE *out)
{
	char *clean = display_clean(f->text);

	fprintf(out, "%s%-4s%s  %-15s  %s\n", table_style_begin(styles[f->level], colour),
		doctor_level_name(f->level), table_style_end(styles[f->level], colour), name,
		clean);
	print_command("mend:", f->cure, out);
	print_command("look:", f->look, out);
	free(clean);
}

/* ---- the command ---- */

struct tally {
	unsigned n[DOCTOR_LEVELS];
	json_t *list; /* the findings, for --json; NULL: print them */
};

/* Text that is not UTF-8 is cleaned; a command, which that could change, is left out. */
static json_t *text_json(const char *text, bool command)
{
	json_t *j = text ? json_string(text) : json_null();
	char *clean;

	if (j || command)
		return j ? j : json_null();
	clean = display_clean(text);
	j = json_string(clean);
	free(clean);
	return j ? j : json_string("?");
}

static void take(const struct cli *cli, const char *name, const struct doctor_finding *f,
		 struct tally *t)
{
	json_t *j;

	t->n[f->level]++;
	if (!t->list) {
		cli_check_print(name, f, cli->colour, cli->out);
		fflush(cli->out); /* some checks take a second */
		return;
	}
	j = json_object();
	json_object_set_new(j, "name", json_string(name));
	json_object_set_new(j, "level", json_string(doctor_level_name(f->level)));
	json_object_set_new(j, "text", text_json(f->text, false));
	json_object_set_new(j, "cure", text_json(f->cure, true));
	json_object_set_new(j, "look", text_json(f->look, true));
	json_array_append_new(t->list, j);
}

static void print_json(const struct cli *cli, struct tally *t)
{
	json_t *answer = json_object();

	for (enum doctor_level l = 0; l < DOCTOR_LEVELS; l++)
		json_object_set_new(answer, doctor_level_name(l), json_integer(t->n[l]));
	json_object_set_new(answer, "checks", t->list);
	cli_print_json(cli, answer);
	json_decref(answer);
}

int cli_check(const struct cli *cli, struct err *e)
{
	struct tally t = { .list = cli->json ? json_array() : NULL };
	struct doctor *d = make_doctor(cli, NULL);
	const struct doctor_check *check;

	for (size_t i = 0; (check = doctor_check_at(i)); i++) {
		struct doctor_finding f;

		if (!is_wanted(cli, doctor_check_name(check)))
			continue;
		doctor_run(d, check, &f);
		take(cli, doctor_check_name(check), &f, &t);
		doctor_finding_clear(&f);
	}
	doctor_free(d);
	if (cli->json)
		print_json(cli, &t);
	else
		fprintf(cli->out, "\n%u ok, %u warnings, %u failed, %u not checked\n",
			t.n[DOCTOR_OK], t.n[DOCTOR_WARN], t.n[DOCTOR_FAIL], t.n[DOCTOR_SKIP]);
	if (!t.n[DOCTOR_FAIL])
		return 0;
	err_set(e, "%u %s failed: see the lines that begin with \"fail\"", t.n[DOCTOR_FAIL],
		t.n[DOCTOR_FAIL] == 1 ? "check" : "checks");
	return -EREMOTEIO;
}

/* ---- for `status` ---- */

static json_t *array_of(json_t *object, const char *key)
{
	if (!json_is_array(json_object_get(object, key)))
		json_object_set_new(object, key, json_array());
	return json_object_get(object, key);
}

void cli_check_quick(const struct cli *cli, json_t *status)
{
	json_t *problems = array_of(status, "problems"), *warnings = array_of(status, "warnings");
	struct doctor *d = make_doctor(cli, status);
	const struct doctor_check *check;

	for (size_t i = 0; (check = doctor_check_at(i)); i++) {
		struct doctor_finding f;
		char *text;

		if (!doctor_check_is_quick(check))
			continue;
		doctor_run(d, check, &f);
		if (f.level >= DOCTOR_WARN) {
			text = xasprintf("%s: %s", doctor_check_name(check), f.text);
			json_array_append_new(f.level == DOCTOR_FAIL ? problems : warnings,
					      text_json(text, false));
			free(text);
		}
		doctor_finding_clear(&f);
	}
	doctor_free(d);
}
