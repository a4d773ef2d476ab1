/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `vz` source: OpenVZ 6 and 7, asked in whichever form the node speaks.
 *
 * 1. Forms of one dialect agree on ids and on what a container's addresses are. Once a dialect
 *    has answered, only its forms are tried, beginning with the one that worked: another one
 *    could give every container another id, or a tenant's own idea of its addresses.
 * 2. A tool that hangs, floods or crashes ends the look; only one that refuses or prints
 *    something else has the next form tried.
 * 3. /proc/vz/veinfo is the answer only where there is no tool: stopped containers are not in it. */
#include "child.h"
#include "inv_vz.h"
#include "source_one.h"
#include "xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const search_path[] = { "/usr/sbin", "/usr/bin",        "/sbin",
					   "/bin",      "/usr/local/sbin", "/usr/local/bin" };

enum syntax { VZLIST_JSON, VZLIST_COLUMNS, PRLCTL_JSON };
enum dialect { OPENVZ7, OPENVZ6, PRLCTL, PRLCTL_OLD };

/* The addresses stand last in each: another column has only the first one, and that cut. */
static const struct form {
	enum dialect dialect;
	enum syntax syntax;
	const char *tool;
	const char *ip_key;
	const char *args[6];
} forms[] = {
	{ OPENVZ7,
	  VZLIST_JSON,
	  "vzlist",
	  "configured_ip",
	  { "-a", "-j", "-o", "ctid,hostname,status,configured_ip" } },
	{ OPENVZ7,
	  VZLIST_COLUMNS,
	  "vzlist",
	  "configured_ip",
	  { "-a", "-H", "-o", "ctid,status,hostname,configured_ip" } },
	{ OPENVZ6, VZLIST_JSON, "vzlist", "ip", { "-a", "-j", "-o", "ctid,hostname,status,ip" } },
	{ OPENVZ6,
	  VZLIST_COLUMNS,
	  "vzlist",
	  "ip",
	  { "-a", "-H", "-o", "ctid,status,hostname,ip" } },
	{ PRLCTL,
	  PRLCTL_JSON,
	  "prlctl",
	  "ip_configured",
	  { "list", "-a", "-o", "uuid,status,name,ip_configured", "-j" } },
	{ PRLCTL_OLD, PRLCTL_JSON, "prlctl", "ip", { "list", "-a", "-o", "uuid,status,ip", "-j" } },
};

struct source_vz {
	struct source base;
	char *root;
	const struct form *proven; /* the form that worked last, NULL: none yet */
	const struct form *order[ARRAY_LEN(forms)]; /* what this look tries */
	size_t n_order, at;
	struct inv_part *empty; /* an answer without containers that veinfo is asked about */
	struct child *child;
};

/* Path (for free()) of an executable in the search path, NULL when there is none. */
static char *find_tool(const char *root, const char *tool)
{
	for (size_t i = 0; i < ARRAY_LEN(search_path); i++) {
		char *path = xasprintf("%s%s/%s", root, search_path[i], tool);
		struct stat st;

		/* Whether we may run it is another question: the helper can. */
		if (!stat(path, &st) && S_ISREG(st.st_mode) && st.st_mode & 0111)
			return path;
		free(path);
	}
	return NULL;
}

static char *veinfo_path(const char *root)
{
	return xasprintf("%s/proc/vz/veinfo", root);
}

bool source_vz_present(const char *root)
{
	char *vzlist = find_tool(root, "vzlist"), *prlctl = find_tool(root, "prlctl");
	char *veinfo = veinfo_path(root);
	bool present = vzlist || prlctl || !access(veinfo, F_OK);

	free(vzlist);
	free(prlctl);
	free(veinfo);
	return present;
}

/* Read veinfo. Returns 0 or -errno with e filled; part is filled as far as it could be read. */
static int read_veinfo(const struct source_vz *v, struct inv_part *part, struct err *e)
{
	char *path = veinfo_path(v->root), *text = NULL;
	size_t len = 0;
	int ret = source_read(path, source_octets_max(&v->base), false, &text, &len, e);

	if (ret == 0) {
		ret = inv_vz_veinfo(part, text, len, e);
		if (ret < 0)
			err_prefix(e, "/proc/vz/veinfo");
	}
	free(text);
	free(path);
	return ret;
}

/* What the kernel says, when only the helper may read it. */
static void on_veinfo(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct source_vz *v = arg;
	struct inv_part *part = source_part_new(&v->base, SOURCE_VZ_VEINFO);
	struct err e = { "" };
	int ret = *r->text ? -EIO : inv_vz_veinfo(part, r->out, r->len, &e);

	if (*r->text)
		err_set(&e, "%s", r->text);
	if (ret < 0) {
		inv_part_free(part);
		part = NULL;
		err_prefix(&e, SOURCE_VZ_VEINFO);
	}
	child_free(v->child);
	v->child = NULL;
	source_end(&v->base, part, &e, now_ns);
}

static void answer_from_veinfo(struct source_vz *v, uint64_t now_ns)
{
	struct inv_part *part = source_part_new(&v->base, "/proc/vz/veinfo");
	struct err e = { "" };

	if (read_veinfo(v, part, &e) < 0) {
		inv_part_free(part);
		part = NULL;
		err_prefix(&e, "neither vzlist nor prlctl is there");
	}
	source_end(&v->base, part, &e, now_ns);
}

/* An empty list is only believed when the kernel does not know better. */
static bool is_contradicted(const struct source_vz *v, struct err *e)
{
	struct inv_log *log = inv_log_new();
	struct inv_part *running = inv_part_new("/proc/vz/veinfo", log);
	size_t n;

	inv_part_limit(running, v->base.max_rows);
	read_veinfo(v, running, NULL);
	n = inv_part_containers(running);
	if (n)
		err_set(e, "lists no containers, yet /proc/vz/veinfo has %zu running", n);
	inv_part_free(running);
	inv_log_free(log);
	return n;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

static int parse(const struct form *form, struct inv_part *part, const struct child_result *r,
		 struct err *e)
{
	switch (form->syntax) {
	case VZLIST_JSON:
		return inv_vz_json(part, r->out, r->len, form->ip_key, e);
	case VZLIST_COLUMNS:
		return inv_vz_columns(part, r->out, r->len, e);
	case PRLCTL_JSON:
		return inv_vz_prlctl(part, r->out, r->len, form->ip_key, e);
	}
	return -EINVAL;
}

/* Where there are no containers, vzlist of OpenVZ 6 exits with 1: in JSON after an empty list,
 * otherwise with nothing but "Container(s) not found" ("VPS not found" once). */
static bool says_none(const struct form *form, const struct child_result *r, struct inv_part *part)
{
	if (r->error || r->status != 1)
		return false;
	if (form->syntax == VZLIST_JSON)
		return !*r->complaint && parse(form, part, r, NULL) == 0 &&
		       !inv_part_containers(part);
	return form->syntax == VZLIST_COLUMNS && !r->len && ends_with(r->complaint, " not found") &&
	       (!strncmp(r->complaint, "Container", 9) || !strncmp(r->complaint, "VPS", 3));
}

/* Returns the part, or NULL with e filled. */
static struct inv_part *read_answer(struct source_vz *v, const struct form *form,
				    const struct child_result *r, struct err *e)
{
	struct inv_part *part = source_part_new(&v->base, form->tool);
	bool good;

	if (*r->text) {
		good = says_none(form, r, part);
		if (!good)
			err_set(e, "%s", r->text);
	} else {
		good = parse(form, part, r, e) == 0;
	}
	if (good && !inv_part_containers(part) && !source_has_helper(&v->base))
		good = !is_contradicted(v, e);
	if (good)
		return part;
	err_prefix(e, "%s -o %s", form->tool, form->ip_key);
	inv_part_free(part);
	return NULL;
}

static void try_next(struct source_vz *v, const struct err *why, uint64_t now_ns);

static int run_remote(struct source_vz *v, const char *what, child_done_fn *done, uint64_t now_ns,
		      struct err *e)
{
	char *job = xasprintf("vz:%s", what);
	int ret =
		child_new_remote(v->base.helper, job, now_ns + SOURCE_DEADLINE_NS,
				 source_octets_max(&v->base), v->base.loop, done, v, &v->child, e);

	free(job);
	return ret;
}

/* The empty list is held against what the kernel says, which only the helper may read. */
static void on_contradiction(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct source_vz *v = arg;
	struct inv_part *running = source_part_new(&v->base, SOURCE_VZ_VEINFO), *part = v->empty;
	struct err e = { "" };
	size_t n;

	if (!*r->text)
		inv_vz_veinfo(running, r->out, r->len, NULL);
	n = inv_part_containers(running);
	inv_part_free(running);
	child_free(v->child);
	v->child = NULL;
	v->empty = NULL;
	if (n) {
		err_set(&e, "lists no containers, yet " SOURCE_VZ_VEINFO " has %zu running", n);
		inv_part_free(part);
		part = NULL;
	}
	source_end(&v->base, part, &e, now_ns);
}

static void on_done(void *arg, const struct child_result *result, uint64_t now_ns)
{
	struct source_vz *v = arg;
	const struct form *form = v->order[v->at];
	struct err e = { "" };
	bool hopeless = result->error;
	struct inv_part *part = read_answer(v, form, result, &e);

	if (child_gone(v->child)) {
		child_free(v->child);
		v->child = NULL;
	}
	if (part)
		v->proven = form;
	if (part && !inv_part_containers(part) && source_has_helper(&v->base) &&
	    run_remote(v, "veinfo", on_contradiction, now_ns, &e) == 0) {
		v->empty = part;
		return;
	}
	if (part || hopeless) {
		source_end(&v->base, part, &e, now_ns);
		return;
	}
	v->at++;
	try_next(v, &e, now_ns);
}

/* "vzlist -a -j -o ...", for free(). */
static char *form_name(const struct form *form)
{
	char *name = xstrdup(form->tool);

	for (size_t i = 0; i < ARRAY_LEN(form->args) && form->args[i]; i++) {
		char *longer = xasprintf("%s %s", name, form->args[i]);

		free(name);
		name = longer;
	}
	return name;
}

/* An argv is never written to; its type only predates const. */
static void form_words(const struct form *form, char *path, char *argv[SOURCE_VZ_WORDS])
{
	memset(argv, 0, SOURCE_VZ_WORDS * sizeof(*argv));
	argv[0] = path;
	for (size_t i = 0; i < ARRAY_LEN(form->args); i++)
		argv[i + 1] = (char *)(uintptr_t)form->args[i];
}

bool source_vz_words(const char *name, char *argv[SOURCE_VZ_WORDS], char **ret_path)
{
	char *path = NULL;

	for (size_t i = 0; i < ARRAY_LEN(forms) && !path; i++) {
		char *its = form_name(&forms[i]);

		if (!strcmp(its, name) && (path = find_tool("", forms[i].tool)))
			form_words(&forms[i], path, argv);
		free(its);
	}
	*ret_path = path;
	return path;
}

static int run_form(struct source_vz *v, const struct form *form, uint64_t now_ns, struct err *e)
{
	char *argv[SOURCE_VZ_WORDS], *path = find_tool(v->root, form->tool), *name;
	int ret;

	if (!path) {
		err_set(e, "%s is not there", form->tool);
		return -ENOENT;
	}
	form_words(form, path, argv);
	if (source_has_helper(&v->base)) {
		name = form_name(form);
		ret = run_remote(v, name, on_done, now_ns, e);
		free(name);
	} else {
		ret = child_new(argv, now_ns + SOURCE_DEADLINE_NS, source_octets_max(&v->base),
				v->base.loop, on_done, v, &v->child, e);
	}
	free(path);
	return ret;
}

/* Run the first form from v->at on that can be run; `why` says what was wrong with the last. */
static void try_next(struct source_vz *v, const struct err *why, uint64_t now_ns)
{
	struct err e = *why;

	for (; v->at < v->n_order; v->at++)
		if (run_form(v, v->order[v->at], now_ns, &e) == 0)
			return;
	source_end(&v->base, NULL, &e, now_ns);
}

/* What to try in this look: the proven form, the others of its dialect; or all whose tool is
 * there. */
static void make_order(struct source_vz *v)
{
	v->n_order = v->at = 0;
	if (v->proven)
		v->order[v->n_order++] = v->proven;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		const struct form *form = &forms[i];
		char *path = find_tool(v->root, form->tool);

		if (v->proven ? form != v->proven && form->dialect == v->proven->dialect
			      : path != NULL)
			v->order[v->n_order++] = form;
		free(path);
	}
}

static void vz_start(struct source *s, uint64_t now_ns)
{
	struct source_vz *v = (struct source_vz *)s;
	struct err e = { "" };

	if (v->child && !child_gone(v->child)) {
		err_set(&e, "%s was killed and has still not ended", v->order[v->at]->tool);
		source_end(s, NULL, &e, now_ns);
		return;
	}
	child_free(v->child);
	v->child = NULL;
	make_order(v);
	if (v->n_order)
		try_next(v, &e, now_ns);
	else if (!source_has_helper(s))
		answer_from_veinfo(v, now_ns);
	else if (run_remote(v, "veinfo", on_veinfo, now_ns, &e) < 0)
		source_end(s, NULL, &e, now_ns);
}

static void vz_free(struct source *s)
{
	struct source_vz *v = (struct source_vz *)s;

	child_free(v->child);
	inv_part_free(v->empty);
	free(v->root);
	free(v);
}

struct source *source_vz_new(const char *root)
{
	static const struct source_ops ops = { vz_start, vz_free };
	struct source_vz *v = xcalloc(1, sizeof(*v));

	v->base.ops = &ops;
	v->root = xstrdup(root);
	return &v->base;
}
