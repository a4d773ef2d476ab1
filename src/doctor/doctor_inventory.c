/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Do the sources answer, and do the counted addresses match what they list now? */
#include "doctor/doctor_room.h"

#include "base/display.h"
#include "base/xalloc.h"
#include "doctor/doctor_access.h"
#include "inventory/source_kind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define OLD_S 86400 /* of a file */

/* The first problem with a source that the daemon reports, for free(); NULL: none. */
static char *source_problem(const struct doctor *d)
{
	const json_t *sources = json_object_get(d->status, "sources");

	for (size_t i = 0; i < json_array_size(sources); i++) {
		const json_t *s = json_array_get(sources, i);
		const char *name = json_string_value(json_object_get(s, "name"));
		const char *state = json_string_value(json_object_get(s, "state"));

		/* A runtime that does not run is no problem. */
		if (name && state && strcmp(state, "ok") != 0 &&
		    !json_is_false(json_object_get(s, "failing")))
			return xasprintf("%s: %s", name, state);
	}
	return NULL;
}

/* ---- counted addresses against the sources ---- */

static int address_cmp(const void *a, const void *b)
{
	const struct doctor_address *x = a, *y = b;
	int c = addr_cmp(&x->addr, &y->addr);

	return c ? c : inv_id_cmp(x->id, y->id);
}

static struct doctor_address *sorted_addresses(struct doctor *d, size_t *ret_n)
{
	const struct doctor_address *a = doctor_addresses(d, ret_n);
	struct doctor_address *sorted = xcalloc(*ret_n, sizeof(*sorted));

	if (*ret_n) {
		memcpy(sorted, a, *ret_n * sizeof(*sorted));
		qsort(sorted, *ret_n, sizeof(*sorted), address_cmp);
	}
	return sorted;
}

struct difference {
	struct doctor_words missing, extra;
};

/* Both lists are sorted by address, then by container id as in the inventory. */
static void compare(struct doctor *d, struct difference *diff)
{
	const struct inventory *inv = d->inventory;
	size_t n, i = 0, k = 0;
	struct doctor_address *counted = sorted_addresses(d, &n);
	char text[ADDR_TEXT_SIZE];

	while (i < n || k < inv->n_addresses) {
		const struct inv_address *said = &inv->addresses[k];
		const char *id = k < inv->n_addresses ? inv->containers[said->container].id : NULL;
		int c = i == n ? 1 : !id ? -1 : addr_cmp(&counted[i].addr, &said->addr);

		if (!c)
			c = inv_id_cmp(counted[i].id, id);
		if (c < 0 && inv->n_unheard)
			; /* a runtime's that does not run now */
		else if (c < 0)
			doctor_words_add(&diff->extra, "%s %s", counted[i].id,
					 addr_format(&counted[i].addr, text));
		else if (c > 0)
			doctor_words_add(&diff->missing, "%s %s", id,
					 addr_format(&said->addr, text));
		i += c <= 0;
		k += c >= 0;
	}
	free(counted);
}

/* The part of the text that lists containers without an address, which cannot be counted; for
 * free(). */
static char *without_address(const struct inventory *inv)
{
	struct doctor_words words = { .n = 0 };
	bool *has = xcalloc(inv->n_containers, sizeof(*has));
	char *text = xstrdup("");

	for (size_t i = 0; i < inv->n_addresses; i++)
		has[inv->addresses[i].container] = true;
	for (size_t i = 0; i < inv->n_containers; i++)
		if (!has[i])
			doctor_words_add(&words, "%s", inv->containers[i].id);
	if (words.n) {
		free(text);
		text = xasprintf("; without an address, so not counted: %s",
				 doctor_words_text(&words));
	}
	doctor_words_clear(&words);
	free(has);
	return text;
}

static void judge_difference(struct doctor *d, struct difference *diff, struct doctor_finding *f)
{
	char *refresh = doctor_ctmeter_command(d, "refresh");
	char *none = without_address(d->inventory);

	if (diff->missing.n || diff->extra.n) {
		doctor_say(f, DOCTOR_WARN, "%s%s%s%s%s", diff->missing.n ? "not counted yet: " : "",
			   doctor_words_text(&diff->missing),
			   diff->missing.n && diff->extra.n ? "; " : "",
			   diff->extra.n ? "still counted, but no longer in the inventory: " : "",
			   doctor_words_text(&diff->extra));
		doctor_cure(f, "%s", refresh);
	} else {
		doctor_say(f, DOCTOR_OK,
			   "%zu containers with %zu addresses, as the sources now list them%s",
			   d->inventory->n_containers, d->inventory->n_addresses, none);
	}
	free(refresh);
	free(none);
}

/* All is well, but the program that writes a file may have stopped doing so. The operator has to
 * judge the file's age. */
static void tell_old_files(const struct doctor *d, struct doctor_finding *f)
{
	const struct cfg *cfg = d->o.cfg;
	char since[DISPLAY_NUMBER_SIZE * 2];
	struct stat st;

	for (size_t i = 0; i < cfg->inventory.n_sources; i++) {
		const char *path = source_file_of(cfg->inventory.sources[i]);
		time_t now = time(NULL);

		if (!path || stat(path, &st) < 0 || now - st.st_mtime <= OLD_S)
			continue;
		doctor_say(f, DOCTOR_OK, "%s; %s was last written %s ago", f->text, path,
			   display_duration((uint64_t)(now - st.st_mtime), since));
	}
}

/* The first file that the daemon's user may not read. Returns the command that grants access, for
 * free(), and *ret_path; NULL: there is no such file. */
static char *find_closed_file(const struct doctor *d, const struct doctor_user *user,
			      const char **ret_path)
{
	const struct cfg *cfg = d->o.cfg;

	for (size_t i = 0; i < cfg->inventory.n_sources; i++) {
		const char *path = source_file_of(cfg->inventory.sources[i]);
		char *command = path ? doctor_open_way(user, path) : NULL;

		if (command) {
			*ret_path = path;
			return command;
		}
	}
	return NULL;
}

static bool say_closed_file(const struct doctor *d, struct doctor_finding *f)
{
	struct doctor_user user = doctor_daemon_user(d);
	const char *path = NULL;
	char *command = find_closed_file(d, &user, &path);

	if (!command)
		return false;
	doctor_say(f, DOCTOR_FAIL,
		   "ctmeterd runs as %s and may not read %s (a program that rewrites this file "
		   "must keep its group and mode)",
		   user.name, path);
	doctor_cure(f, "%s", command);
	free(command);
	return true;
}

/* ---- the checks ---- */

static size_t number_of(const json_t *status, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(status, key));

	return n > 0 ? (size_t)n : 0;
}

void doctor_inventory(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct difference diff = { .missing = { .n = 0 } };
	char *problem = source_problem(d);

	(void)family;
	doctor_look_at_sources(d);
	if (say_closed_file(d, f)) {
		/* This explains the problem that the daemon reports. */
	} else if (problem) {
		doctor_say(f, DOCTOR_FAIL, "%s", problem);
	} else if (*d->look_text) {
		/* An ordinary user may be unable to read what the daemon can. */
		doctor_say(f, d->status ? DOCTOR_WARN : DOCTOR_FAIL, "%s", d->look_text);
		if (d->status_rc == -EACCES)
			f->level = DOCTOR_SKIP;
	} else if (number_of(d->status, "refused_containers") +
		   number_of(d->status, "refused_addresses")) {
		doctor_say(f, DOCTOR_FAIL,
			   "%zu containers and %zu addresses are not counted: they exceed max-rows "
			   "= %u, or max-addresses = %u per container",
			   number_of(d->status, "refused_containers"),
			   number_of(d->status, "refused_addresses"), d->o.cfg->inventory.max_rows,
			   d->o.cfg->inventory.max_addresses);
	} else if (d->refused && !d->status) {
		doctor_say(f, DOCTOR_FAIL,
			   "%zu addresses exceed max-rows = %u and will not be counted", d->refused,
			   d->o.cfg->inventory.max_rows);
	} else if (d->n_complaints) {
		doctor_say(f, DOCTOR_WARN, "%s%s", d->complaint,
			   d->n_complaints > 1 ? " (and more)" : "");
	} else if (d->inventory && d->status) {
		compare(d, &diff);
		judge_difference(d, &diff, f);
	} else {
		doctor_say(f, DOCTOR_OK, "%zu containers with %zu addresses",
			   d->inventory ? d->inventory->n_containers : 0,
			   d->inventory ? d->inventory->n_addresses : 0);
	}
	if (f->level == DOCTOR_OK)
		tell_old_files(d, f);
	doctor_words_clear(&diff.missing);
	doctor_words_clear(&diff.extra);
	free(problem);
}

void doctor_conflicts(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct doctor_words words = { .n = 0 };
	char text[ADDR_TEXT_SIZE];
	size_t n;
	struct doctor_address *a = sorted_addresses(d, &n);

	(void)family;
	for (size_t i = 1; i < n; i++)
		if ((a[i].conflict || a[i - 1].conflict) && !addr_cmp(&a[i].addr, &a[i - 1].addr))
			doctor_words_add(&words, "%s (%s, %s)", addr_format(&a[i].addr, text),
					 a[i - 1].id, a[i].id);
	if (words.n)
		doctor_say(f, DOCTOR_WARN,
			   "claimed by several containers; counted for the only one that runs, "
			   "else for the one that had it first, else for none: %s",
			   doctor_words_text(&words));
	else
		doctor_say(f, DOCTOR_OK, "no address is claimed by several containers");
	doctor_words_clear(&words);
	free(a);
}
