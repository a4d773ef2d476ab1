/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of kinds, and the queries of it. */
#include "inventory/source_kind.h"

#include "base/join.h"
#include "base/xalloc.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DECLARE(name) extern const struct source_kind source_kind_##name;
SOURCE_KINDS(DECLARE)

#define ADDRESS(name) &source_kind_##name,
static const struct source_kind *const kinds[] = { SOURCE_KINDS(ADDRESS) };

/* Does something follow its prefix? */
static bool takes_rest(const struct source_kind *kind)
{
	return kind->prefix[strlen(kind->prefix) - 1] == ':';
}

/* What follows the prefix in spec, NULL when spec is not of this kind. */
static const char *rest_of(const struct source_kind *kind, const char *spec)
{
	size_t len = strlen(kind->prefix);

	if (strncmp(spec, kind->prefix, len) != 0)
		return NULL;
	if (kind->has_place && spec[len] == ':' && spec[len + 1])
		return spec + len + 1;
	return takes_rest(kind) == (spec[len] != '\0') ? spec + len : NULL;
}

/* The kind that spec names. "auto" names none. */
static const struct source_kind *find(const char *spec, const char **ret_rest)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const char *rest = rest_of(kinds[i], spec);

		if (rest) {
			*ret_rest = rest;
			return kinds[i];
		}
	}
	return NULL;
}

bool source_is_auto(const char *spec)
{
	return !strcmp(spec, "auto");
}

const struct source_kind *source_kind_at(size_t i)
{
	return i < ARRAY_LEN(kinds) ? kinds[i] : NULL;
}

bool source_kind_has_sign(const struct source_kind *kind, const char *root)
{
	char path[PATH_MAX];

	for (size_t i = 0; kind->sign_paths && kind->sign_paths[i]; i++) {
		int len = snprintf(path, sizeof(path), "%s%s", root, kind->sign_paths[i]);

		if (len < PATH_MAX && access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* Does `auto` ever take it? */
static bool is_looked_for(const struct source_kind *kind)
{
	return kind->present || kind->sign_paths;
}

bool source_kind_is_there(const struct source_kind *kind, const char *root)
{
	return (kind->present && kind->present(root)) || source_kind_has_sign(kind, root);
}

const char *source_tables_first(const char *root)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i]->tables_first && source_kind_is_there(kinds[i], root))
			return kinds[i]->title;
	return NULL;
}

int source_check(const char *spec, struct err *e)
{
	const char *rest;
	const struct source_kind *kind = find(spec, &rest);
	char list[SOURCE_CHOICES_SIZE] = "auto";

	if (source_is_auto(spec))
		return 0;
	if (kind)
		return kind->check ? kind->check(rest, e) : 0;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		join_text(list, sizeof(list), ", ", "%s", kinds[i]->form);
	err_set(e, "must be one of: %s", list);
	return -EINVAL;
}

const struct source_kind *source_kind_of(const char *spec, const char *root, const char **ret_rest)
{
	const char *rest = "";
	const struct source_kind *kind = find(spec, &rest);

	for (size_t i = 0; source_is_auto(spec) && !kind && i < ARRAY_LEN(kinds); i++)
		if (source_kind_is_there(kinds[i], root))
			kind = kinds[i];
	if (ret_rest)
		*ret_rest = rest;
	return kind;
}

/* ---- the helper ---- */

const struct source_kind *source_kind_of_request(const char *request, const char **ret_job)
{
	size_t end = strcspn(request, ": ");

	for (size_t i = 0; request[end] && i < ARRAY_LEN(kinds); i++) {
		const struct source_kind *kind = kinds[i];
		size_t len = end + takes_rest(kind);

		if (kind->helper_job && (request[end] == ':' || kind->has_place) &&
		    strlen(kind->prefix) == len && !strncmp(request, kind->prefix, len)) {
			*ret_job = request + end + 1;
			return kind;
		}
	}
	return NULL;
}

/* Is the request of this source? Its last word names the job. */
static bool is_of_source(const char *spec, const struct source_kind *kind, const char *request)
{
	size_t len = (size_t)(strrchr(request, ' ') - request);

	return (strlen(spec) == len && !strncmp(spec, request, len)) ||
	       (source_is_auto(spec) && len == strlen(kind->prefix));
}

bool source_wants_job(const char *spec, const struct source_kind *kind, const char *request)
{
	if (takes_rest(kind))
		return !strcmp(spec, request);
	if (kind->has_place)
		return strchr(request, ' ') && is_of_source(spec, kind, request);
	return !strcmp(spec, kind->prefix) || (source_is_auto(spec) && kind->present);
}

void source_job_clear(struct source_job *job)
{
	free(job->argv);
	free(job->text);
	free(job->call);
	free(job->path);
	*job = (struct source_job) { .argv = NULL };
}

/* ---- what a source needs ---- */

bool source_runs_programs(const char *spec)
{
	const char *rest;
	const struct source_kind *kind = find(spec, &rest);
	bool runs = kind && kind->runs_programs;

	for (size_t i = 0; source_is_auto(spec) && !runs && i < ARRAY_LEN(kinds); i++)
		runs = kinds[i]->runs_programs && source_kind_is_there(kinds[i], "");
	return runs;
}

const char *source_file_of(const char *spec)
{
	const char *rest;
	const struct source_kind *kind = find(spec, &rest);

	return kind && kind->file_of ? kind->file_of(rest) : NULL;
}

/* ---- messages ---- */

void source_kind_say_absent(struct err *e)
{
	char titles[256] = "", choices[SOURCE_CHOICES_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (is_looked_for(kinds[i]))
			join_text(titles, sizeof(titles), ", ", "no %s", kinds[i]->title);
	err_set(e, "not configured yet: source = auto found %s on this node; %s", titles,
		source_kind_choices(choices));
}

/* The kinds that auto tries come last: the reader has mostly just seen auto find none. */
const char *source_kind_choices(char buf[SOURCE_CHOICES_SIZE])
{
	char forms[SOURCE_CHOICES_SIZE - 40] = "";
	size_t n = 0;

	for (int looked_for = 0; looked_for <= 1; looked_for++)
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			if (is_looked_for(kinds[i]) == looked_for)
				join_text(forms, sizeof(forms),
					  ++n < ARRAY_LEN(kinds) ? ", " : " or ", "%s",
					  kinds[i]->form);
	snprintf(buf, SOURCE_CHOICES_SIZE, "choose source = %s in [inventory]", forms);
	return buf;
}
