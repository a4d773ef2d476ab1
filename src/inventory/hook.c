/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/hook.h"

#include "base/log.h"
#include "base/plain.h"
#include "base/xalloc.h"
#include "inventory/child.h"
#include "inventory/inv.h"
#include "inventory/inv_id.h"
#include "inventory/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_NS (10 * NS_PER_S)
#define OUTPUT_MAX 65536 /* of what it prints, which nobody reads */
#define RETRY_NS (NS_PER_S / 5)

struct hooks {
	char *helper;
	struct loop *loop;
	struct loop_timer next;
	char *command, *words, **argv; /* command NULL: there is no hook */
	struct child *child; /* running, or ended and perhaps not yet gone */
	struct hook_event *events; /* that wait; the first is the one that runs */
	size_t n, cap;
	bool running;
};

/* ---- an event as text ---- */

char *hook_job(const struct hook_event *e)
{
	return xasprintf(HOOK_JOB "%u %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %" PRId64 " %" PRId64
				  " %s",
			 e->percent, e->used.in, e->used.out, e->quota.octets, (int)e->quota.counts,
			 e->begin_s, e->end_s, e->id);
}

/* The ids that an inventory takes. */
static bool is_id(const char *id)
{
	size_t len = strlen(id);

	if (!len || len > INV_ID_MAX)
		return false;
	while (*id) {
		uint32_t code = 0;
		size_t n = plain_next(id, &code);

		if (!n || code < ' ' || code == 127 || inv_is_hidden(code))
			return false;
		id += n;
	}
	return true;
}

bool hook_parse(const char *job, struct hook_event *ret_event)
{
	struct hook_event e = { .percent = 0 };
	int counts = 0, n = 0;

	if (sscanf(job,
		   HOOK_JOB "%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %d %" SCNd64 " %" SCNd64 "%n",
		   &e.percent, &e.used.in, &e.used.out, &e.quota.octets, &counts, &e.begin_s,
		   &e.end_s, &n) != 7 ||
	    !n || job[n] != ' ' || counts <= BILLING_COUNTS_UNSET ||
	    counts >= BILLING_COUNTS_KINDS || !is_id(job + n + 1))
		return false;
	e.quota.counts = (enum billing_counts)counts;
	strcpy(e.id, job + n + 1);
	*ret_event = e;
	return true;
}

char **hook_env(const struct hook_event *e)
{
	uint64_t used = billing_counted(e->quota.counts, e->used.in, e->used.out);
	char *const env[] = { xasprintf("CTMETER_CONTAINER=%s", e->id),
			      xasprintf("CTMETER_THRESHOLD=%u", e->percent),
			      xasprintf("CTMETER_USED=%" PRIu64, used),
			      xasprintf("CTMETER_QUOTA=%" PRIu64, e->quota.octets),
			      xasprintf("CTMETER_QUOTA_COUNTS=%s",
					billing_counts_text(e->quota.counts)),
			      xasprintf("CTMETER_IN_OCTETS=%" PRIu64, e->used.in),
			      xasprintf("CTMETER_OUT_OCTETS=%" PRIu64, e->used.out),
			      xasprintf("CTMETER_PERIOD_START=%" PRId64, e->begin_s),
			      xasprintf("CTMETER_PERIOD_END=%" PRId64, e->end_s),
			      NULL };
	char **copy = xcalloc(ARRAY_LEN(env), sizeof(*copy));

	memcpy(copy, env, sizeof(env));
	return copy;
}

void hook_free_env(char **env)
{
	for (size_t i = 0; env && env[i]; i++)
		free(env[i]);
	free(env);
}

/* ---- running ---- */

/* The first event is over. */
static void drop_first(struct hooks *h, uint64_t now_ns)
{
	h->running = false;
	h->n--;
	memmove(h->events, h->events + 1, h->n * sizeof(*h->events));
	loop_timer_set(h->loop, &h->next, now_ns);
}

static void on_done(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct hooks *h = arg;
	const struct hook_event *e = &h->events[0];

	if (*r->text)
		log_error("billing", "the hook for %s at %u%% of its quota failed: %s", e->id,
			  e->percent, r->text);
	else
		log_info("billing", "the hook was run for %s at %u%% of its quota", e->id,
			 e->percent);
	drop_first(h, now_ns);
}

static int start(struct hooks *h, const struct hook_event *event, uint64_t now_ns, struct err *e)
{
	char *job = NULL, **env = NULL;
	int ret;

	if (h->helper && access(h->helper, F_OK) == 0) {
		job = hook_job(event);
		ret = child_new_remote(h->helper, job, now_ns + DEADLINE_NS, OUTPUT_MAX, h->loop,
				       on_done, h, &h->child, e);
	} else {
		env = hook_env(event);
		ret = child_new_env(h->argv, env, now_ns + DEADLINE_NS, OUTPUT_MAX, h->loop,
				    on_done, h, &h->child, e);
	}
	free(job);
	hook_free_env(env);
	return ret;
}

/* A timer of its own, never from within a call. */
static void run_next(void *arg, uint64_t now_ns)
{
	struct hooks *h = arg;
	struct err e = { "" };

	if (h->running)
		return;
	if (h->child && !child_gone(h->child)) { /* killed, and it hangs in the kernel */
		loop_timer_set(h->loop, &h->next, now_ns + RETRY_NS);
		return;
	}
	child_free(h->child);
	h->child = NULL;
	if (!h->n)
		return;
	h->running = true;
	if (start(h, &h->events[0], now_ns, &e) < 0) {
		log_error("billing", "cannot run the hook for %s at %u%% of its quota: %s",
			  h->events[0].id, h->events[0].percent, e.text);
		drop_first(h, now_ns);
	}
}

void hooks_run(struct hooks *h, const struct hook_event *event)
{
	if (!h->command)
		return;
	h->events = xgrow(h->events, h->n, &h->cap, sizeof(*h->events));
	h->events[h->n++] = *event;
	loop_timer_set(h->loop, &h->next, loop_now_ns());
}

static void drop_command(struct hooks *h)
{
	free(h->command);
	free(h->words);
	free(h->argv);
	h->command = h->words = NULL;
	h->argv = NULL;
}

void hooks_set(struct hooks *h, const char *command)
{
	struct err e = { "" };

	if (command && h->command && !strcmp(command, h->command))
		return;
	drop_command(h);
	if (h->n > 1 || !h->running)
		h->n = h->running; /* the one that runs may end */
	if (!command)
		return;
	if (words_split(command, &h->words, &h->argv, &e) < 0) /* the configuration was checked */
		log_error("billing", "[billing] hook = %s: %s", command, e.text);
	else
		h->command = xstrdup(command);
}

struct hooks *hooks_new(const char *helper, struct loop *loop)
{
	struct hooks *h = xcalloc(1, sizeof(*h));

	h->helper = helper ? xstrdup(helper) : NULL;
	h->loop = loop;
	loop_timer_init(&h->next, run_next, h);
	return h;
}

void hooks_free(struct hooks *h)
{
	if (!h)
		return;
	loop_timer_clear(h->loop, &h->next);
	child_free(h->child);
	drop_command(h);
	free(h->events);
	free(h->helper);
	free(h);
}
