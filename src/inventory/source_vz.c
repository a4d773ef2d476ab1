/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `vz` source: OpenVZ 6 and 7, queried in a form that the node's tools understand
 * (vz_form.h).
 *
 * 1. Forms of one dialect agree on ids and on which addresses a container has. Once a dialect
 *    has answered, only its forms are tried, the one that worked first. Another dialect could
 *    give every container another id, or report the addresses that the tenant set inside it.
 * 2. A tool that hangs, floods or crashes ends the poll. The next form is tried only after a
 *    tool refuses or prints something else.
 * 3. /proc/vz/veinfo is the answer only where there is no tool: it does not list stopped
 *    containers.
 * 4. Addresses are queried first, without names; names follow in a query of their own. The
 *    tenant chooses the host name, and vzlist neither escapes nor cuts it; it can thus spoil
 *    nothing but names. While the names cannot be read, the last known ones stay. */
#include "base/xalloc.h"
#include "inventory/child.h"
#include "inventory/inv_vz.h"
#include "inventory/source_one.h"
#include "inventory/vz_form.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE_VZ_VEINFO "/proc/vz/veinfo"
/* Where JSON failed and the columns answered, JSON is tried again after so many polls. */
#define RETRY_LOOKS 60
#define NAMES_PAUSE_NS (60 * NS_PER_S) /* after a tool hung on the names */

struct source_vz {
	struct source base;
	char *root;
	const struct vz_form *proven; /* first form of its dialect that answered, NULL: none yet */
	unsigned looks; /* polls since it was proven */
	const struct vz_form *order[VZ_FORMS]; /* the forms that this poll tries */
	size_t n_order, at;
	struct err why; /* the failure of this poll that matters most, and how much */
	enum weight { NOTHING, UNKNOWN_FORM, REFUSED, PROVEN_FORM } weight;
	struct inv_part *part; /* the answer of this poll, while veinfo or the names are queried */
	struct child *child;
	struct child *names_child; /* separate: if it hangs, the addresses do not wait for it */
	struct inv_part *names; /* as last read, NULL: never */
	struct inv_log *names_log;
	struct log_state names_trouble;
	uint64_t names_after_ns; /* no query before then */
	char *places[VZ_TOOLS][VZ_PLACES]; /* where each tool may be */
	const char *tools[VZ_TOOLS]; /* where it is in this poll; NULL: nowhere */
};

/* A child_work_fn, since a directory's file system may hang. It prints one digit for each tool:
 * the index of the place that has it, or VZ_PLACES. */
static int print_places(const void *arg)
{
	const struct source_vz *v = arg;

	for (size_t t = 0; t < VZ_TOOLS; t++) {
		char place = '0';
		struct stat st;

		while ((size_t)(place - '0') < VZ_PLACES &&
		       (stat(v->places[t][place - '0'], &st) || !S_ISREG(st.st_mode) ||
			!(st.st_mode & 0111)))
			place++;
		if (write(1, &place, 1) != 1)
			return 1;
	}
	return 0;
}

static const char *tool_path(const struct source_vz *v, const char *tool)
{
	return v->tools[strcmp(tool, vz_tools[0]) != 0];
}

static char *veinfo_path(const char *root)
{
	return xasprintf("%s/proc/vz/veinfo", root);
}

static bool vz_present(const char *root)
{
	char *vzlist = vz_tool_find(root, "vzlist"), *prlctl = vz_tool_find(root, "prlctl");
	char *veinfo = veinfo_path(root);
	bool present = vzlist || prlctl || !access(veinfo, F_OK);

	free(vzlist);
	free(prlctl);
	free(veinfo);
	return present;
}

/* Read veinfo. Returns 0 or -errno with e filled; part has what could be read. */
static int read_veinfo(const struct source_vz *v, struct inv_part *part, struct err *e)
{
	char *path = veinfo_path(v->root), *text = NULL;
	size_t len = 0;
	int ret = source_read(path, source_octets_max(&v->base), &text, &len, e);

	if (ret == 0) {
		ret = inv_vz_veinfo(part, text, len, e);
		if (ret < 0)
			err_prefix(e, "/proc/vz/veinfo");
	}
	free(text);
	free(path);
	return ret;
}

/* The answer from veinfo, where only the helper may read it. */
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
		err_prefix(&e, "neither vzlist nor prlctl is installed");
	}
	source_end(&v->base, part, &e, now_ns);
}

/* An empty list is believed only if veinfo has no running container. */
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

/* Is this an empty list? Without containers, vzlist up to 4.8 prints only "Container(s) not
 * found" (earlier "VPS not found") on stderr, with -j and without. It exits with 0, before 3.1
 * with 1. Only stderr tells this from other failures. (4.9 and later print an empty list.) */
static bool says_none(const struct vz_form *form, const struct child_result *r)
{
	return form->syntax != PRLCTL_JSON && !r->error && r->status <= 1 && !r->len &&
	       (!strcmp(r->complaint, "Container(s) not found") ||
		!strcmp(r->complaint, "VPS not found") ||
		!strcmp(r->complaint, "VPS(s) not found"));
}

/* Does the tool not know this form? Its failure then says nothing about the node. */
static bool is_unknown_form(const struct child_result *r)
{
	static const char *const said[] = { "nknown field", "nvalid option", "nrecognized option",
					    "sage:" };

	for (size_t i = 0; !r->error && r->status && i < ARRAY_LEN(said); i++)
		if (strstr(r->complaint, said[i]))
			return true;
	return false;
}

static void name_form(struct err *e, const struct vz_form *form)
{
	char *name = vz_form_name(form);

	err_prefix(e, "%s", name);
	free(name);
}

/* If several forms fail, report the failure of the proven one; else that of the first form that
 * the tool knows; else the first. */
static void note_failure(struct source_vz *v, const struct vz_form *form, enum weight weight,
			 const struct err *e)
{
	if (form == v->proven)
		weight = PROVEN_FORM;
	if (weight <= v->weight)
		return;
	v->weight = weight;
	v->why = *e;
}

/* Returns the part, or NULL with the failure noted. */
static struct inv_part *read_answer(struct source_vz *v, const struct vz_form *form,
				    const struct child_result *r)
{
	struct inv_part *part = source_part_new(&v->base, form->tool);
	struct err e = { "" };
	bool good;

	if (says_none(form, r))
		good = true;
	else if (*r->text)
		good = false;
	else
		good = vz_form_parse(form, part, r->out, r->len, &e) == 0;
	if (!good && *r->text)
		err_set(&e, "%s", r->text);
	else if (!good && !r->len && *r->complaint)
		err_set(&e, "printed nothing: %s", r->complaint);
	if (good && !inv_part_containers(part) && !source_has_helper(&v->base))
		good = !is_contradicted(v, &e);
	if (good)
		return part;
	name_form(&e, form);
	note_failure(v, form, is_unknown_form(r) ? UNKNOWN_FORM : REFUSED, &e);
	inv_part_free(part);
	return NULL;
}

static void end_look(struct source_vz *v, struct inv_part *take_part, uint64_t now_ns)
{
	source_end(&v->base, take_part, &v->why, now_ns);
}

static void try_next(struct source_vz *v, uint64_t now_ns);

static int run_remote(struct source_vz *v, const char *what, child_done_fn *done, uint64_t now_ns,
		      struct child **ret_child, struct err *e)
{
	char *job = xasprintf("vz:%s", what);
	int ret =
		child_new_remote(v->base.helper, job, now_ns + SOURCE_DEADLINE_NS,
				 source_octets_max(&v->base), v->base.loop, done, v, ret_child, e);

	free(job);
	return ret;
}

static int run_form(struct source_vz *v, const struct vz_form *form, child_done_fn *done,
		    uint64_t now_ns, struct child **ret_child, struct err *e)
{
	char *argv[VZ_FORM_WORDS], *path, *name;
	int ret;

	if (!tool_path(v, form->tool)) {
		err_set(e, "%s is not installed", form->tool);
		return -ENOENT;
	}
	path = xstrdup(tool_path(v, form->tool));
	vz_form_words(form, path, argv);
	if (source_has_helper(&v->base)) {
		name = vz_form_name(form);
		ret = run_remote(v, name, done, now_ns, ret_child, e);
		free(name);
	} else {
		ret = child_new(argv, now_ns + SOURCE_DEADLINE_NS, source_octets_max(&v->base),
				v->base.loop, done, v, ret_child, e);
	}
	free(path);
	return ret;
}

/* Free a child that has ended, unless it hangs in the kernel. */
static void drop_gone(struct child **child)
{
	if (*child && !child_gone(*child))
		return;
	child_free(*child);
	*child = NULL;
}

/* ---- names ---- */

/* End the poll with the names as they were last read. */
static void end_with_names(struct source_vz *v, uint64_t now_ns)
{
	struct inv_part *part = v->part;

	v->part = NULL;
	inv_part_take_names(part, v->names);
	end_look(v, part, now_ns);
}

static void miss_names(struct source_vz *v, const struct err *e, uint64_t now_ns)
{
	log_bad(&v->names_trouble, now_ns, LOG_LEVEL_WARNING, "inv",
		"%s: cannot read the containers' names: %s; known names stay, addresses are not "
		"affected",
		v->base.name, e->text);
	end_with_names(v, now_ns);
}

static void on_names(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct source_vz *v = arg;
	bool by_prlctl = v->proven->syntax == PRLCTL_JSON;
	const struct vz_form *form = vz_form_of_names(v->proven);
	struct inv_part *names = inv_part_new("names", v->names_log);
	struct err e = { "" };
	int ret;

	inv_part_limit(names, inv_part_room(v->part));
	if (*r->text) {
		err_set(&e, "%s", r->text);
		ret = -EIO;
	} else if (by_prlctl) {
		ret = inv_vz_prlctl_names(names, r->out, r->len, &e);
	} else {
		ret = inv_vz_names(names, r->out, r->len, &e);
	}
	if (r->error)
		v->names_after_ns = now_ns + NAMES_PAUSE_NS;
	drop_gone(&v->names_child);
	inv_log_end(v->names_log, ret == 0, now_ns);
	if (ret < 0) {
		inv_part_free(names);
		name_form(&e, form);
		miss_names(v, &e, now_ns);
		return;
	}
	inv_part_free(v->names);
	v->names = names;
	log_good(&v->names_trouble, now_ns, "inv", "%s: the containers' names can be read again",
		 v->base.name);
	end_with_names(v, now_ns);
}

/* v->part is what the poll found. Query its names, then end the poll. */
static void ask_names(struct source_vz *v, uint64_t now_ns)
{
	const struct vz_form *form = vz_form_of_names(v->proven);
	struct err e = { "" };

	drop_gone(&v->names_child);
	if (v->proven->dialect == PRLCTL_OLD || !inv_part_containers(v->part) || v->names_child ||
	    now_ns < v->names_after_ns)
		end_with_names(v, now_ns);
	else if (run_form(v, form, on_names, now_ns, &v->names_child, &e) < 0)
		miss_names(v, &e, now_ns);
}

/* ---- addresses ---- */

/* The list was empty: compare it with veinfo, which only the helper may read. */
static void on_contradiction(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct source_vz *v = arg;
	struct inv_part *running = source_part_new(&v->base, SOURCE_VZ_VEINFO), *part = v->part;
	size_t n;

	if (!*r->text)
		inv_vz_veinfo(running, r->out, r->len, NULL);
	n = inv_part_containers(running);
	inv_part_free(running);
	child_free(v->child);
	v->child = NULL;
	v->part = NULL;
	if (n) {
		err_set(&v->why, "lists no containers, yet " SOURCE_VZ_VEINFO " has %zu running",
			n);
		inv_part_free(part);
		part = NULL;
	}
	end_look(v, part, now_ns);
}

static void on_done(void *arg, const struct child_result *result, uint64_t now_ns)
{
	struct source_vz *v = arg;
	const struct vz_form *form = v->order[v->at];
	bool hopeless = result->error;
	struct err e;

	v->part = read_answer(v, form, result);
	drop_gone(&v->child);
	if (!v->part && hopeless) {
		end_look(v, NULL, now_ns);
	} else if (!v->part) {
		v->at++;
		try_next(v, now_ns);
	} else {
		/* A later form that answers once does not replace an earlier one. */
		if (!v->proven || form < v->proven)
			v->proven = form;
		if (inv_part_containers(v->part) || !source_has_helper(&v->base) ||
		    run_remote(v, "veinfo", on_contradiction, now_ns, &v->child, &e) < 0)
			ask_names(v, now_ns);
	}
}

/* Run the first form, from v->at on, that can be run. */
static void try_next(struct source_vz *v, uint64_t now_ns)
{
	struct err e = { "" };

	for (; v->at < v->n_order; v->at++) {
		const struct vz_form *form = v->order[v->at];

		if (run_form(v, form, on_done, now_ns, &v->child, &e) == 0)
			return;
		note_failure(v, form, REFUSED, &e);
	}
	end_look(v, NULL, now_ns);
}

/* The forms for this poll: the proven one, then the others of its dialect (every RETRY_LOOKS
 * polls all of them in the order of vz_forms); with none proven, all whose tool exists. */
static void make_order(struct source_vz *v)
{
	bool anew = v->proven && v->looks++ % RETRY_LOOKS == RETRY_LOOKS - 1;

	v->n_order = v->at = 0;
	if (v->proven && !anew)
		v->order[v->n_order++] = v->proven;
	for (size_t i = 0; i < VZ_FORMS; i++) {
		const struct vz_form *form = &vz_forms[i];

		if (v->proven ? (anew || form != v->proven) && form->dialect == v->proven->dialect
			      : tool_path(v, form->tool) != NULL)
			v->order[v->n_order++] = form;
	}
}

static void on_places(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct source_vz *v = arg;
	bool answered = !*r->text && r->len == VZ_TOOLS;

	if (!answered)
		err_set(&v->why, "cannot look for vzlist and prlctl: %s",
			r->error == -ETIMEDOUT ? "a file system hangs" : r->text);
	for (size_t t = 0; answered && t < VZ_TOOLS; t++) {
		size_t place = (size_t)(r->out[t] - '0');

		v->tools[t] = place < VZ_PLACES ? v->places[t][place] : NULL;
	}
	drop_gone(&v->child);
	if (!answered) {
		end_look(v, NULL, now_ns);
		return;
	}
	make_order(v);
	if (v->n_order)
		try_next(v, now_ns);
	else if (!source_has_helper(&v->base))
		answer_from_veinfo(v, now_ns);
	else if (run_remote(v, "veinfo", on_veinfo, now_ns, &v->child, &v->why) < 0)
		end_look(v, NULL, now_ns);
}

static void vz_start(struct source *s, uint64_t now_ns)
{
	struct source_vz *v = (struct source_vz *)s;

	v->why = (struct err) { "" };
	v->weight = NOTHING;
	drop_gone(&v->child);
	if (v->child)
		err_set(&v->why, "the last run was killed but has not ended yet");
	else if (child_new_work(print_places, v, now_ns + SOURCE_DEADLINE_NS, VZ_TOOLS, s->loop,
				on_places, v, &v->child, &v->why) == 0)
		return;
	end_look(v, NULL, now_ns);
}

static void vz_free(struct source *s)
{
	struct source_vz *v = (struct source_vz *)s;

	child_free(v->child);
	child_free(v->names_child);
	inv_part_free(v->part);
	inv_part_free(v->names);
	inv_log_free(v->names_log);
	for (size_t t = 0; t < VZ_TOOLS; t++)
		for (size_t i = 0; i < VZ_PLACES; i++)
			free(v->places[t][i]);
	free(v->root);
	free(v);
}

/* ---- the kind ---- */

static int vz_new(const char *rest, const char *root, struct source **ret_source, struct err *e)
{
	static const struct source_ops ops = { vz_start, vz_free };
	struct source_vz *v = xcalloc(1, sizeof(*v));

	(void)rest;
	(void)e;
	v->base.ops = &ops;
	v->root = xstrdup(root);
	v->names_log = inv_log_new();
	for (size_t t = 0; t < VZ_TOOLS; t++)
		for (size_t i = 0; i < VZ_PLACES; i++)
			v->places[t][i] =
				xasprintf("%s%s/%s", root, vz_search_path[i], vz_tools[t]);
	*ret_source = &v->base;
	return 0;
}

static int vz_job(const char *name, struct source_job *ret_job, struct err *e)
{
	const struct vz_form *form = vz_form_find(name);

	if (!strcmp(name, "veinfo")) {
		ret_job->file = SOURCE_VZ_VEINFO;
		return 0;
	}
	ret_job->text = form ? vz_tool_find("", form->tool) : NULL;
	if (!ret_job->text) {
		err_set(e, "the tool is not installed");
		return -ENOENT;
	}
	ret_job->argv = xcalloc(VZ_FORM_WORDS, sizeof(*ret_job->argv));
	vz_form_words(form, ret_job->text, ret_job->argv);
	return 0;
}

const struct source_kind source_kind_vz = {
	.prefix = "vz",
	.form = "vz",
	.title = "OpenVZ",
	.new = vz_new,
	.present = vz_present,
	.tables_first = true,
	.runs_programs = true,
	.helper_job = vz_job,
};
