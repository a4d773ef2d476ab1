/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service.h"

#include "base/log_state.h"
#include "base/sd_notify.h"
#include "base/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BEAT_NS (10 * NS_PER_S)
#define READY_AFTER_NS (5 * NS_PER_S) /* a commit that is held up must not hold up the boot */

struct service {
	struct sd_notify *notify;
	struct engine *engine;
	struct loop *loop;
	service_describe_fn *describe;
	void *arg;
	struct loop_timer beat, ready_by;
	uint64_t beat_ns;
	bool ready, ending;
	char status[512]; /* as last sent */
	struct log_state stuck;
};

static void tell_status(struct service *s)
{
	char status[sizeof(s->status)];

	s->describe(s->arg, status, sizeof(status));
	if (!strcmp(status, s->status))
		return;
	memcpy(s->status, status, sizeof(status));
	sd_notify_send(s->notify, "STATUS=%s", status);
}

static void on_beat(void *arg, uint64_t now_ns)
{
	struct service *s = arg;

	loop_timer_set(s->loop, &s->beat, now_ns + s->beat_ns);
	if (engine_is_turning(s->engine, now_ns)) {
		log_good(&s->stuck, now_ns, "engine", "the main loop runs again");
		sd_notify_send(s->notify, "WATCHDOG=1");
	} else {
		log_bad(&s->stuck, now_ns, LOG_LEVEL_ERROR, "engine",
			"the main loop has stalled: withholding the watchdog ping");
	}
	if (s->ready)
		tell_status(s);
}

static void be_ready(struct service *s)
{
	if (s->ready || s->ending)
		return;
	s->ready = true;
	loop_timer_clear(s->loop, &s->ready_by);
	tell_status(s);
	sd_notify_send(s->notify, "READY=1");
}

static void on_ready_by(void *arg, uint64_t now_ns)
{
	(void)now_ns;
	be_ready(arg);
}

/* A failed commit is retried: wait for the next result. */
static void on_rules(void *arg, int result, const char *text)
{
	struct service *s = arg;

	(void)text;
	if (!result)
		be_ready(s);
	else if (!s->ready && !s->ending && result != -ECANCELED)
		engine_await_known(s->engine, on_rules, s);
}

struct service *service_new(struct engine *engine, struct loop *loop, service_describe_fn *describe,
			    void *arg)
{
	struct service *s = xcalloc(1, sizeof(*s));
	uint64_t now = loop_now_ns(), watchdog_ns;

	*s = (struct service) { .notify = sd_notify_new(),
				.engine = engine,
				.loop = loop,
				.describe = describe,
				.arg = arg,
				.beat_ns = BEAT_NS };
	watchdog_ns = sd_notify_watchdog_ns(s->notify);
	if (watchdog_ns && watchdog_ns / 3 < BEAT_NS)
		s->beat_ns = watchdog_ns / 3;
	loop_timer_init(&s->beat, on_beat, s);
	loop_timer_init(&s->ready_by, on_ready_by, s);
	if (!sd_notify_is_on(s->notify))
		return s;
	loop_timer_set(loop, &s->beat, now + s->beat_ns);
	loop_timer_set(loop, &s->ready_by, now + READY_AFTER_NS);
	engine_await_known(engine, on_rules, s);
	return s;
}

void service_free(struct service *s)
{
	if (!s)
		return;
	loop_timer_clear(s->loop, &s->beat);
	loop_timer_clear(s->loop, &s->ready_by);
	sd_notify_free(s->notify);
	free(s);
}

void service_reloading(struct service *s)
{
	if (s->ready)
		sd_notify_reloading(s->notify);
}

/* A reload before READY=1 was sent does not send it. */
void service_reloaded(struct service *s)
{
	if (!s->ready)
		return;
	tell_status(s);
	sd_notify_send(s->notify, "READY=1");
}

void service_stopping(struct service *s)
{
	s->ending = true;
	sd_notify_send(s->notify,
		       "STOPPING=1\nSTATUS=exiting; the rules stay in place and keep counting");
}
