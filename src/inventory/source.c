/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All sources together: a poll starts those that are due, waits for them, and merges the answers of
 * all. A source that fails is merged with its last answer. */
#include "inventory/source.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "inventory/child.h"
#include "inventory/inv_known.h"
#include "inventory/source_one.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often `auto` looks for what has been installed since. */
#define SEEK_NS (10 * NS_PER_S)

struct sources {
	struct source **list;
	char *helper;
	size_t n, cap;
	size_t max_rows;
	struct loop *loop;
	struct loop_timer timer; /* starts a poll */
	size_t pending; /* sources still to end this poll */
	bool starting; /* the poll is being started */
	bool whole; /* this poll asks every source */
	bool same; /* no answer has changed since the poll before */
	uint64_t began_ns; /* the poll in progress */
	sources_done_fn *done;
	void *arg;
	bool is_auto; /* `auto` is one of the specs */
	char *root;
	struct child *seeker; /* looks for signs of other kinds */
	uint64_t sought_ns;
	struct known *known; /* sources_know */
	size_t n_known, cap_known;
};

/* What the ledger knows of one runtime's containers. */
struct known {
	char *runtime;
	struct inv_known containers;
};

bool sources_are_configured(char *const *specs, size_t n_specs, const char *root, struct err *e)
{
	for (size_t i = 0; i < n_specs; i++)
		if (!strcmp(specs[i], "auto") && !source_kind_of(specs[i], root, NULL)) {
			source_kind_say_absent(e);
			return false;
		}
	return true;
}

static int add_source(struct sources *s, const struct source_kind *kind, const char *rest,
		      const char *name, struct err *e)
{
	struct source *one;
	int ret = kind->new (rest, s->root, &one, e);

	if (ret < 0)
		return ret;
	one->kind = kind;
	one->owner = s;
	one->loop = s->loop;
	one->helper = s->helper;
	one->max_rows = s->max_rows;
	one->name = xstrdup(name);
	one->log = inv_log_new();
	snprintf(one->state, sizeof(one->state), "not polled yet");
	s->list = xgrow(s->list, s->n, &s->cap, sizeof(*s->list));
	s->list[s->n++] = one;
	return 0;
}

static bool has_kind(const struct sources *s, const struct source_kind *kind)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i]->kind == kind)
			return true;
	return false;
}

/* Every kind that is there. A runtime goes by its own name. */
static int add_present(struct sources *s, struct err *e)
{
	const struct source_kind *kind;
	int ret = 0;

	for (size_t i = 0; ret == 0 && (kind = source_kind_at(i)); i++)
		if (!has_kind(s, kind) && source_kind_is_there(kind, s->root))
			ret = add_source(s, kind, "", kind->has_place ? kind->prefix : "auto", e);
	return ret;
}

/* Those that are named come before `auto` adds the others. */
static int add_specs(struct sources *s, char *const *specs, size_t n_specs, struct err *e)
{
	char choices[SOURCE_CHOICES_SIZE];
	int ret = sources_are_configured(specs, n_specs, s->root, e) ? 0 : -ENOENT;

	for (size_t i = 0; ret == 0 && i < n_specs; i++) {
		const char *rest;
		const struct source_kind *kind;

		if (source_is_auto(specs[i])) {
			s->is_auto = true;
			continue;
		}
		kind = source_kind_of(specs[i], s->root, &rest);
		if (kind) {
			ret = add_source(s, kind, rest, specs[i], e);
		} else {
			err_set(e, "unknown source \"%.100s\"; %s", specs[i],
				source_kind_choices(choices));
			ret = -EINVAL;
		}
	}
	if (ret == 0 && s->is_auto)
		ret = add_present(s, e);
	if (ret == 0 && !s->n) {
		err_set(e, "no source; %s", source_kind_choices(choices));
		ret = -EINVAL;
	}
	return ret;
}

static void source_free(struct source *s)
{
	struct inv_part *part = s->part;
	struct inv_log *log = s->log;
	char *name = s->name;

	s->ops->free(s);
	inv_part_free(part);
	inv_log_free(log);
	free(name);
}

static size_t failing(const struct sources *s, const struct source **ret_first)
{
	size_t n = 0;

	*ret_first = NULL;
	for (size_t i = s->n; i-- > 0;)
		if (s->list[i]->failing) {
			*ret_first = s->list[i];
			n++;
		}
	return n;
}

/* A source that has nobody to ask and has never answered is left out: its containers, if the ledger
 * knows any, are only kept from being retired. Beyond INV_UNHEARD_MAX, nothing is retired. */
struct inventory *sources_inventory(const struct sources *s)
{
	struct inv_part **parts = xcalloc(s->n, sizeof(struct inv_part *));
	const char *unheard[INV_UNHEARD_MAX] = { NULL };
	struct inventory *inv;
	size_t n = 0, n_unheard = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct source *one = s->list[i];

		if (one->idle && !one->part && n_unheard < INV_UNHEARD_MAX)
			unheard[n_unheard++] = one->kind->prefix;
		else
			parts[n++] = one->part;
	}
	inv = inv_merge(parts, n, SIZE_MAX, NULL);
	memcpy(inv->unheard, unheard, n_unheard * sizeof(*unheard));
	inv->n_unheard = n_unheard;
	free(parts);
	return inv;
}

static bool any_due(const struct sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i]->due)
			return true;
	return false;
}

static void finish_look(struct sources *s, uint64_t now_ns)
{
	struct sources_result result = { .inventory = s->same ? NULL : sources_inventory(s) };
	const struct source *first;
	char *failure = NULL;

	result.failed = failing(s, &first);
	if (first)
		result.failure = failure = xasprintf("%s: %s", first->name, first->state);
	result.began_ns = s->whole ? s->began_ns : 0;
	if (any_due(s))
		loop_timer_set(s->loop, &s->timer, now_ns);
	s->done(s->arg, &result, now_ns);
	free(failure);
}

/* Say in e why the answer is not complete; e stays "" if it is. */
static void judge(const struct source *s, const struct inv_part *part, struct err *e)
{
	const char *doubt;
	size_t n = inv_part_doubts(part, &doubt);

	if (inv_part_is_over(part))
		err_set(e,
			"more than %zu containers or addresses, far over max-rows = %zu: answer "
			"discarded",
			inv_part_room(part), s->max_rows);
	else if (n == 1)
		err_set(e, "%s; the rest is used and nothing is removed", doubt);
	else if (n)
		err_set(e, "%s; and %zu more; the rest is used and nothing is removed", doubt,
			n - 1);
}

static void end_one(struct sources *s, uint64_t now_ns)
{
	if (--s->pending == 0 && !s->starting)
		finish_look(s, now_ns);
}

void source_end(struct source *s, struct inv_part *take_part, const struct err *e, uint64_t now_ns)
{
	struct sources *owner = s->owner;
	struct err why = { "" };
	const char *stays = "";

	assert(owner->pending);
	owner->same = false;
	if (take_part)
		judge(s, take_part, &why);
	else
		why = *e;
	if (take_part && inv_part_is_over(take_part)) {
		inv_part_free(take_part);
		take_part = NULL;
	}
	inv_log_end(s->log, take_part, now_ns);
	s->idle = false;
	s->failing = !take_part || *why.text;
	if (take_part) {
		inv_part_free(s->part);
		s->part = take_part;
	} else {
		stays = s->part ? "; its last answer stays in force"
				: "; it has not answered yet, so nothing is removed";
	}
	inv_clean(s->failing ? why.text : "ok", s->state, sizeof(s->state));
	if (s->failing)
		log_bad(&s->trouble, now_ns, LOG_LEVEL_ERROR, "inv", "%s: %s%s", s->name, s->state,
			stays);
	else
		log_good(&s->trouble, now_ns, "inv", "%s: answers again", s->name);
	end_one(owner, now_ns);
}

void source_end_same(struct source *s, uint64_t now_ns)
{
	assert(s->owner->pending && s->part && !s->failing && !s->idle);
	end_one(s->owner, now_ns);
}

void source_end_idle(struct source *s, const char *why, uint64_t now_ns)
{
	char text[sizeof(s->state)];

	assert(s->owner->pending);
	s->owner->same = false;
	s->idle = true;
	s->failing = false;
	snprintf(text, sizeof(text), "not running: %s%s", why,
		 s->part ? "; what it said last stays" : "");
	inv_clean(text, s->state, sizeof(s->state));
	end_one(s->owner, now_ns);
}

size_t source_octets_max(const struct source *s)
{
	return source_octets_of((uint32_t)s->max_rows);
}

size_t source_octets_of(uint32_t max_rows)
{
	return ((size_t)1 << 20) + (size_t)max_rows * 512;
}

size_t source_octets_http(uint32_t max_rows)
{
	return ((size_t)1 << 20) + (size_t)max_rows * 4096;
}

/* Read more than max_rows addresses: the ledger has to report which of them it refuses
 * (ledger_admit). The limit bounds memory. */
struct inv_part *source_part_new(const struct source *s, const char *name)
{
	struct inv_part *part = inv_part_new(name, s->log);

	inv_part_limit(part, 2 * s->max_rows + 1000);
	return part;
}

/* ---- what appears later ---- */

/* A child_work_fn, since a file system may hang: one octet for each kind. */
static int print_signs(const void *arg)
{
	const struct sources *s = arg;
	const struct source_kind *kind;

	for (size_t i = 0; (kind = source_kind_at(i)); i++)
		if (write(1, source_kind_has_sign(kind, s->root) ? "+" : "-", 1) != 1)
			return 1;
	return 0;
}

static void on_signs(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct sources *s = arg;
	const struct source_kind *kind;
	size_t n = s->n;
	struct err e;

	(void)now_ns;
	for (size_t i = 0; !*r->text && i < r->len && (kind = source_kind_at(i)); i++)
		if (r->out[i] == '+' && !has_kind(s, kind) &&
		    add_source(s, kind, "", kind->prefix, &e) == 0)
			log_info("inv", "%s is here now: it is a source from now on", kind->title);
	if (s->n > n)
		sources_look(s);
}

static void seek(struct sources *s, uint64_t now_ns)
{
	if (!s->is_auto || (s->sought_ns && now_ns - s->sought_ns < SEEK_NS) ||
	    (s->seeker && !child_gone(s->seeker)))
		return;
	if (s->sought_ns) { /* the first time was when the sources were made */
		child_free(s->seeker);
		s->seeker = NULL;
		child_new_work(print_signs, s, now_ns + SOURCE_DEADLINE_NS, 64, s->loop, on_signs,
			       s, &s->seeker, NULL);
	}
	s->sought_ns = now_ns;
}

/* ---- polls ---- */

static void on_look(void *arg, uint64_t now_ns)
{
	struct sources *s = arg;
	size_t n = s->n;

	s->began_ns = now_ns;
	s->starting = s->whole = true;
	s->same = n > 0;
	for (size_t i = 0; i < n; i++) {
		if (s->list[i]->due) {
			s->list[i]->due = false;
			s->pending++;
			s->list[i]->ops->start(s->list[i], now_ns);
		} else {
			s->whole = false;
		}
	}
	s->starting = false;
	if (!s->pending)
		finish_look(s, now_ns);
	seek(s, now_ns);
}

int sources_new(char *const *specs, size_t n_specs, size_t max_rows, const char *helper,
		const char *root, struct loop *loop, sources_done_fn *done, void *arg,
		struct sources **ret_sources, struct err *e)
{
	struct sources *s = xcalloc(1, sizeof(*s));
	int ret;

	s->helper = helper ? xstrdup(helper) : NULL;
	s->root = xstrdup(root);
	s->max_rows = max_rows;
	s->loop = loop;
	s->done = done;
	s->arg = arg;
	loop_timer_init(&s->timer, on_look, s);
	ret = add_specs(s, specs, n_specs, e);
	if (ret == 0)
		*ret_sources = s;
	else
		sources_free(s);
	return ret;
}

void sources_free(struct sources *s)
{
	if (!s)
		return;
	loop_timer_clear(s->loop, &s->timer);
	child_free(s->seeker);
	for (size_t i = 0; i < s->n; i++)
		source_free(s->list[i]);
	for (size_t i = 0; i < s->n_known; i++) {
		inv_known_clear(&s->known[i].containers);
		free(s->known[i].runtime);
	}
	free(s->known);
	free(s->list);
	free(s->helper);
	free(s->root);
	free(s);
}

bool source_has_helper(const struct source *s)
{
	return s->helper && access(s->helper, F_OK) == 0;
}

static void look_soon(struct sources *s)
{
	if (!s->pending && !s->timer.at_ns)
		loop_timer_set(s->loop, &s->timer, loop_now_ns());
}

void sources_look(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->list[i]->due = true;
	look_soon(s);
}

void source_look_again(struct source *s)
{
	s->due = true;
	look_soon(s->owner);
}

static struct known *known_of(const struct sources *s, const char *runtime)
{
	for (size_t i = 0; i < s->n_known; i++)
		if (!strcmp(s->known[i].runtime, runtime))
			return &s->known[i];
	return NULL;
}

void sources_know(struct sources *s, const char *runtime, const char *runtime_id, const char *id)
{
	struct known *k = known_of(s, runtime);

	if (!k) {
		s->known = xgrow(s->known, s->n_known, &s->cap_known, sizeof(*s->known));
		k = &s->known[s->n_known++];
		*k = (struct known) { .runtime = xstrdup(runtime) };
	}
	inv_known_add(&k->containers, runtime_id, id);
}

const char *sources_known(struct sources *s, const char *runtime, const char *runtime_id)
{
	struct known *k = known_of(s, runtime);

	return k ? inv_known_find(&k->containers, runtime_id) : NULL;
}

bool sources_run_programs(const struct sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i]->kind->runs_programs)
			return true;
	return false;
}

size_t sources_count(const struct sources *s)
{
	return s->n;
}

const char *sources_name(const struct sources *s, size_t i)
{
	return s->list[i]->name;
}

const char *sources_state(const struct sources *s, size_t i)
{
	return s->list[i]->state;
}

bool sources_is_failing(const struct sources *s, size_t i)
{
	const struct source *one = s->list[i];

	return one->failing || (!one->part && !one->idle);
}
