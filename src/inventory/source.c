/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All sources together: a poll starts each of them, waits for all, and merges their answers. A
 * source that fails is merged with its last answer. */
#include "inventory/source.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "inventory/source_one.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sources {
	struct source **list;
	char *helper;
	size_t n;
	size_t max_rows;
	struct loop *loop;
	struct loop_timer timer; /* starts a poll */
	size_t pending; /* sources still to end this poll */
	bool again; /* another poll was requested meanwhile */
	uint64_t began_ns; /* the poll in progress */
	sources_done_fn *done;
	void *arg;
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

static int source_new(const char *spec, const char *root, struct source **ret_source, struct err *e)
{
	const char *rest;
	const struct source_kind *kind = source_kind_of(spec, root, &rest);
	char choices[SOURCE_CHOICES_SIZE];
	int ret;

	if (!kind && !sources_are_configured((char *const *)&spec, 1, root, e))
		return -ENOENT;
	if (!kind) {
		err_set(e, "unknown source \"%.100s\"; %s", spec, source_kind_choices(choices));
		return -EINVAL;
	}
	ret = kind->new (rest, root, ret_source, e);
	if (ret == 0)
		(*ret_source)->kind = kind;
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

static void finish_look(struct sources *s, uint64_t now_ns)
{
	struct inv_part **parts = xcalloc(s->n, sizeof(struct inv_part *));
	struct sources_result result = { 0 };
	const struct source *first;
	char *failure = NULL;

	for (size_t i = 0; i < s->n; i++)
		parts[i] = s->list[i]->part;
	result.inventory = inv_merge(parts, s->n, SIZE_MAX, NULL);
	free(parts);
	result.failed = failing(s, &first);
	if (first)
		result.failure = failure = xasprintf("%s: %s", first->name, first->state);
	result.began_ns = s->began_ns;
	if (s->again)
		loop_timer_set(s->loop, &s->timer, now_ns);
	s->again = false;
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

void source_end(struct source *s, struct inv_part *take_part, const struct err *e, uint64_t now_ns)
{
	struct sources *owner = s->owner;
	struct err why = { "" };
	const char *stays = "";

	assert(owner->pending);
	if (take_part)
		judge(s, take_part, &why);
	else
		why = *e;
	if (take_part && inv_part_is_over(take_part)) {
		inv_part_free(take_part);
		take_part = NULL;
	}
	inv_log_end(s->log, take_part, now_ns);
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
	if (--owner->pending == 0)
		finish_look(owner, now_ns);
}

size_t source_octets_max(const struct source *s)
{
	return source_octets_of((uint32_t)s->max_rows);
}

size_t source_octets_of(uint32_t max_rows)
{
	return ((size_t)1 << 20) + (size_t)max_rows * 512;
}

/* Read more than max_rows addresses: the ledger has to report which of them it refuses
 * (ledger_admit). The limit bounds memory. */
struct inv_part *source_part_new(const struct source *s, const char *name)
{
	struct inv_part *part = inv_part_new(name, s->log);

	inv_part_limit(part, 2 * s->max_rows + 1000);
	return part;
}

static void on_look(void *arg, uint64_t now_ns)
{
	struct sources *s = arg;

	s->pending = s->n;
	s->began_ns = now_ns;
	for (size_t i = 0; i < s->n; i++)
		s->list[i]->ops->start(s->list[i], now_ns);
}

int sources_new(char *const *specs, size_t n_specs, size_t max_rows, const char *helper,
		const char *root, struct loop *loop, sources_done_fn *done, void *arg,
		struct sources **ret_sources, struct err *e)
{
	struct sources *s = xcalloc(1, sizeof(*s));
	char choices[SOURCE_CHOICES_SIZE];
	int ret = 0;

	s->helper = helper ? xstrdup(helper) : NULL;
	s->list = xcalloc(n_specs, sizeof(struct source *));
	s->max_rows = max_rows;
	s->loop = loop;
	s->done = done;
	s->arg = arg;
	loop_timer_init(&s->timer, on_look, s);
	for (size_t i = 0; i < n_specs && ret == 0; i++) {
		struct source *one;

		ret = source_new(specs[i], root, &one, e);
		if (ret < 0)
			break;
		one->owner = s;
		one->loop = loop;
		one->helper = s->helper;
		one->max_rows = max_rows;
		one->name = xstrdup(specs[i]);
		one->log = inv_log_new();
		snprintf(one->state, sizeof(one->state), "not polled yet");
		s->list[s->n++] = one;
	}
	if (ret == 0 && !s->n) {
		err_set(e, "no source is configured; %s", source_kind_choices(choices));
		ret = -EINVAL;
	}
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
	for (size_t i = 0; i < s->n; i++)
		source_free(s->list[i]);
	free(s->list);
	free(s->helper);
	free(s);
}

bool source_has_helper(const struct source *s)
{
	return s->helper && access(s->helper, F_OK) == 0;
}

void sources_look(struct sources *s)
{
	if (s->pending)
		s->again = true;
	else if (!s->timer.at_ns)
		loop_timer_set(s->loop, &s->timer, loop_now_ns());
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
