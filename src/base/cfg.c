/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file.
 *
 * 1. One const table of keys (cfg_key.c) drives everything: names, defaults, checks, messages.
 * 2. Only the first error is reported.
 * 3. A default passes the same check as a value from the file.
 *
 * A comment begins with '#' or ';' at the start of a line, or with ';' after white space. A line
 * cannot be continued. */
#include "base/cfg.h"

#include "base/cfg_key.h"
#include "base/file.h"
#include "base/join.h"
#include "base/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parse {
	const char *name; /* of the file */
	const char *rest; /* text not read yet */
	unsigned line;
	char section[32]; /* "" before the first */
	cfg_source_check_fn *check;
	struct cfg *cfg;
	unsigned *seen; /* the line that set each key, 0: none */
	struct err *e;
};

#define parse_fail(p, ...) \
	(err_set((p)->e, __VA_ARGS__), err_prefix((p)->e, "%s:%u", (p)->name, (p)->line), -EINVAL)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Narrow [*start, *end) to the statement: no indent, no comment, no trailing white space. */
static void strip_line(const char **start, const char **end)
{
	const char *s = *start, *stop = *end;

	while (s < stop && is_blank(*s))
		s++;
	if (s < stop && (*s == '#' || *s == ';'))
		stop = s;
	for (const char *c = s; c < stop; c++)
		if (*c == ';' && is_blank(c[-1]))
			stop = c;
	while (stop > s && is_blank(stop[-1]))
		stop--;
	*start = s;
	*end = stop;
}

static int enter_section(struct parse *p, const char *text)
{
	size_t len = strcspn(text + 1, "]");
	char choices[128];

	/* A lenient caller goes on after an error: store nothing until the next valid section. */
	strcpy(p->section, "?");
	if (strcmp(text + 1 + len, "]"))
		return parse_fail(p, "'%s': write a section as [NAME], alone on its line", text);
	if (len < sizeof(p->section))
		snprintf(p->section, sizeof(p->section), "%.*s", (int)len, text + 1);
	if (!cfg_key_is_section(p->section)) {
		cfg_key_list(NULL, choices, sizeof(choices));
		return parse_fail(p, "unknown section %s: expected one of %s", text, choices);
	}
	return 0;
}

static int take_value(struct parse *p, const char *name, const char *value)
{
	size_t i = cfg_key_find(p->section, name);
	char choices[256];

	if (!*p->section)
		return parse_fail(p, "'%s' precedes the first [SECTION]: move it below its section",
				  name);
	if (i == cfg_key_count()) {
		cfg_key_list(p->section, choices, sizeof(choices));
		return parse_fail(p, "[%s] has no key '%s': its keys are %s", p->section, name,
				  choices);
	}
	if (p->seen[i] && !cfg_key_is_repeatable(cfg_key_at(i)))
		return parse_fail(p, "[%s] %s = %s: already set in line %u: remove one of the two",
				  p->section, name, value, p->seen[i]);
	if (cfg_key_store(cfg_key_at(i), value, p->check, p->cfg, p->e) < 0) {
		err_prefix(p->e, "%s:%u: [%s] %s = %s", p->name, p->line, p->section, name, value);
		return -EINVAL;
	}
	p->seen[i] = p->line;
	return 0;
}

/* Handle a stripped line; it is split in place. */
static int take_text(struct parse *p, char *text)
{
	char *sign = text + strcspn(text, "=:"), *value = sign + 1;

	if (*text == '[')
		return enter_section(p, text);
	if (!*sign)
		return parse_fail(p, "'%s': expected NAME = VALUE or [SECTION]", text);
	while (sign > text && is_blank(sign[-1]))
		sign--;
	*sign = '\0';
	return take_value(p, text, value + strspn(value, " \t"));
}

static int take_line(struct parse *p)
{
	const char *start = p->rest, *end = start + strcspn(start, "\n");
	char *text;
	int rc = 0;

	p->rest = *end ? end + 1 : end;
	p->line++;
	if (end > start && end[-1] == '\r')
		end--;
	for (const char *c = start; c < end; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 127)
			return parse_fail(p, "control character (octet %d) in column %d: remove it",
					  *c, (int)(c - start) + 1);
	strip_line(&start, &end);
	text = xstrndup(start, (size_t)(end - start));
	if (*text)
		rc = take_text(p, text);
	free(text);
	return rc;
}

static int fill_defaults(struct parse *p)
{
	int rc = 0;

	for (size_t i = 0; i < cfg_key_count() && !rc; i++)
		if (!p->seen[i])
			rc = cfg_key_store_default(cfg_key_at(i), p->check, p->cfg, p->e);
	if (rc < 0)
		err_prefix(p->e, "%s", p->name);
	return rc;
}

/* lenient: skip a line that has an error. */
static int parse(const char *text, const char *name, bool lenient, cfg_source_check_fn *check,
		 struct cfg **ret_cfg, struct err *e)
{
	struct cfg *cfg = xcalloc(1, sizeof(*cfg));
	struct parse p = { .name = name, .rest = text, .check = check, .cfg = cfg, .e = e };
	int rc = 0;

	p.seen = xcalloc(cfg_key_count(), sizeof(*p.seen));
	if (!strncmp(text, "\xef\xbb\xbf", 3))
		p.rest += 3;
	while (*p.rest && (!rc || lenient))
		rc = take_line(&p);
	if (!rc || lenient)
		rc = fill_defaults(&p);
	if (rc < 0)
		goto cleanup;
	*ret_cfg = cfg;
	cfg = NULL;
cleanup:
	free(p.seen);
	cfg_free(cfg);
	return rc;
}

int cfg_parse(const char *text, const char *name, cfg_source_check_fn *check, struct cfg **ret_cfg,
	      struct err *e)
{
	return parse(text, name, false, check, ret_cfg, e);
}

/* ---- the file ---- */

static int say_unreadable(const char *path, int rc, struct err *e)
{
	const char *advice =
		rc == -ENOENT   ? ": create it (an empty file will do), or name another with -c"
		: rc == -EACCES ? ": run as root"
				: "";

	if (rc == -EFBIG)
		err_set(e, "%s: longer than %d octets: not a ctmeter configuration", path,
			CFG_FILE_MAX_OCTETS);
	else
		err_set(e, "cannot read the configuration %s: %s%s", path, strerror(-rc), advice);
	return rc;
}

static int check_nul(const char *text, size_t len, const char *path, struct err *e)
{
	const char *nul = memchr(text, '\0', len);
	unsigned line = 1;

	if (!nul)
		return 0;
	for (const char *c = text; c < nul; c++)
		line += *c == '\n';
	err_set(e, "%s:%u: NUL octet: not a text file", path, line);
	return -EINVAL;
}

/* FNV-1a. */
static uint64_t digest(const char *text)
{
	uint64_t h = 14695981039346656037ull;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211ull;
	return h;
}

int cfg_load_text(const char *text, size_t len, const char *path, cfg_source_check_fn *check,
		  struct cfg **ret_cfg, struct err *e)
{
	int rc;

	if (len > CFG_FILE_MAX_OCTETS)
		return say_unreadable(path, -EFBIG, e);
	rc = check_nul(text, len, path, e);
	if (!rc)
		rc = cfg_parse(text, path, check, ret_cfg, e);
	if (!rc)
		(*ret_cfg)->digest = digest(text);
	return rc;
}

int cfg_load(const char *path, cfg_source_check_fn *check, struct cfg **ret_cfg, struct err *e)
{
	size_t len;
	char *text;
	int rc = file_read(path, CFG_FILE_MAX_OCTETS, &text, &len);

	if (rc < 0)
		return say_unreadable(path, rc, e);
	rc = cfg_load_text(text, len, path, check, ret_cfg, e);
	free(text);
	return rc;
}

int cfg_load_good_lines(const char *path, cfg_source_check_fn *check, struct cfg **ret_cfg,
			struct err *e)
{
	char *text;
	struct err ignored;
	int rc = file_read(path, CFG_FILE_MAX_OCTETS, &text, NULL);

	if (rc < 0)
		return say_unreadable(path, rc, e);
	rc = parse(text, path, true, check, ret_cfg, &ignored);
	free(text);
	return rc;
}

struct cfg_link *cfg_copy_links(const struct cfg_link *links, size_t n)
{
	struct cfg_link *copy = xcalloc(n, sizeof(*copy));

	for (size_t i = 0; i < n; i++)
		copy[i] = (struct cfg_link) { xstrdup(links[i].name), links[i].side };
	return copy;
}

void cfg_free_links(struct cfg_link *links, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(links[i].name);
	free(links);
}

void cfg_free(struct cfg *cfg)
{
	if (!cfg)
		return;
	free(cfg->daemon.user);
	free(cfg->agentx.socket);
	free(cfg->agentx.context);
	free(cfg->netfilter.table);
	cfg_free_links(cfg->netfilter.links, cfg->netfilter.n_links);
	free(cfg->inventory.allow);
	for (size_t i = 0; i < cfg->inventory.n_sources; i++)
		free(cfg->inventory.sources[i]);
	free(cfg->inventory.sources);
	free(cfg->inventory.helper);
	free(cfg->ledger.path);
	free(cfg->ports.name);
	free(cfg->ports.location);
	free(cfg->ports.contact);
	free(cfg->ship.database);
	free(cfg->ship.node);
	zone_free(cfg->billing.zone);
	free(cfg->billing.hook);
	free(cfg->control.socket);
	free(cfg);
}

/* ---- reloading ---- */

static void note_fixed(const char *key, bool differs, char *what, size_t size)
{
	if (differs)
		join_text(what, size, ", ", "%s", key);
}

static void hold_text(const char *key, char **now, const char *running, char *what, size_t size)
{
	note_fixed(key, strcmp(*now, running) != 0, what, size);
	free(*now);
	*now = xstrdup(running);
}

static bool same_links(const struct cfg *a, const struct cfg *b)
{
	bool same = a->netfilter.n_links == b->netfilter.n_links;

	for (size_t i = 0; same && i < a->netfilter.n_links; i++)
		same = a->netfilter.links[i].side == b->netfilter.links[i].side &&
		       !strcmp(a->netfilter.links[i].name, b->netfilter.links[i].name);
	return same;
}

static void hold_links(struct cfg *now, const struct cfg *running)
{
	cfg_free_links(now->netfilter.links, now->netfilter.n_links);
	now->netfilter.n_links = running->netfilter.n_links;
	now->netfilter.links = cfg_copy_links(running->netfilter.links, running->netfilter.n_links);
}

void cfg_hold_fixed(struct cfg *now, const struct cfg *running, char *ret_what, size_t size)
{
	*ret_what = '\0';
	hold_text("[daemon] user", &now->daemon.user, running->daemon.user, ret_what, size);
	/* Not reported: a ctmeterd that root started uses a socket of its own, not the file's. */
	free(now->inventory.helper);
	now->inventory.helper = xstrdup(running->inventory.helper);
	note_fixed("[netfilter] backend", now->netfilter.backend != running->netfilter.backend,
		   ret_what, size);
	now->netfilter.backend = running->netfilter.backend;
	hold_text("[netfilter] table", &now->netfilter.table, running->netfilter.table, ret_what,
		  size);
	note_fixed("[netfilter] link", !same_links(now, running), ret_what, size);
	hold_links(now, running);
	hold_text("[ledger] path", &now->ledger.path, running->ledger.path, ret_what, size);
	hold_text("[control] socket", &now->control.socket, running->control.socket, ret_what,
		  size);
}

bool cfg_text_differs(const struct cfg *cfg, const char *text)
{
	return digest(text) != cfg->digest;
}
