/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A turn is one epoll_wait(2). Each request of a poller takes a turn, so turns must be cheap: epoll
 * reports only the descriptors that are ready, and a timerfd holds the earliest timer and is set
 * only when that changes. So no wait has to read the clock and compute a timeout first.
 * 1. A watch's `ready` holds the events that this turn's wait reported, until its callback runs. A
 *    watch made during the turn has none, so an event never reaches a new descriptor of the same
 *    number. */
#include "base/loop.h"

#include "base/log.h"
#include "base/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 16 /* in one turn; the rest comes in the next */

_Static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR &&
		       POLLHUP == EPOLLHUP,
	       "poll's events and epoll's are the same");

struct watch {
	int fd;
	short events, ready;
	loop_fd_fn *fn;
	void *arg;
};

struct loop {
	int epoll, timer;
	struct watch *watches;
	size_t n, cap;
	struct loop_timer *timers; /* unsorted; there are few */
	uint64_t armed_ns; /* when the timerfd fires, 0: never */
	uint64_t turn_ns; /* this turn's time; a timer that a callback sets fires later */
	bool stopped;
};

uint64_t loop_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* These calls fail only when memory or descriptors run out. */
static void must(bool done, const char *what)
{
	if (done)
		return;
	log_error("loop", "%s: %s", what, strerror(errno));
	abort();
}

static void control(struct loop *loop, int operation, int fd, short events)
{
	struct epoll_event e = { .events = (uint32_t)events, .data.fd = fd };

	must(epoll_ctl(loop->epoll, operation, fd, &e) == 0, "epoll_ctl");
}

struct loop *loop_new(void)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	must(loop->epoll >= 0, "epoll_create1");
	/* Timeouts are relative, since kernels before 3.15 have no timerfd for CLOCK_BOOTTIME. */
	loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	must(loop->timer >= 0, "timerfd_create");
	control(loop, EPOLL_CTL_ADD, loop->timer, EPOLLIN);
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	close(loop->timer);
	close(loop->epoll);
	free(loop->watches);
	free(loop);
}

static size_t find_fd(const struct loop *loop, int fd)
{
	size_t i = 0;

	while (i < loop->n && loop->watches[i].fd != fd)
		i++;
	return i;
}

void loop_watch(struct loop *loop, int fd, short events, loop_fd_fn *fn, void *arg)
{
	size_t i = find_fd(loop, fd);

	assert(fd >= 0);
	if (i == loop->n) {
		loop->watches = xgrow(loop->watches, i, &loop->cap, sizeof(*loop->watches));
		loop->watches[i] = (struct watch) { .fd = fd };
		loop->n++;
		control(loop, EPOLL_CTL_ADD, fd, events);
	} else if (loop->watches[i].events != events) {
		control(loop, EPOLL_CTL_MOD, fd, events);
	}
	loop->watches[i].events = events;
	loop->watches[i].fn = fn;
	loop->watches[i].arg = arg;
}

void loop_unwatch(struct loop *loop, int fd)
{
	size_t i = find_fd(loop, fd);

	if (i == loop->n)
		return;
	control(loop, EPOLL_CTL_DEL, fd, 0);
	loop->watches[i] = loop->watches[--loop->n];
}

void loop_timer_init(struct loop_timer *t, loop_timer_fn *fn, void *arg)
{
	*t = (struct loop_timer) { .fn = fn, .arg = arg };
}

void loop_timer_clear(struct loop *loop, struct loop_timer *t)
{
	struct loop_timer **p = &loop->timers;

	if (!t->at_ns)
		return;
	while (*p != t) {
		assert(*p); /* a timer that is set is in the list */
		p = &(*p)->next;
	}
	*p = t->next;
	t->at_ns = 0;
}

void loop_timer_set(struct loop *loop, struct loop_timer *t, uint64_t at_ns)
{
	loop_timer_clear(loop, t);
	t->at_ns = at_ns > loop->turn_ns ? at_ns : loop->turn_ns + 1;
	t->next = loop->timers;
	loop->timers = t;
}

static struct loop_timer *earliest(const struct loop *loop)
{
	struct loop_timer *best = loop->timers;

	for (struct loop_timer *t = best; t; t = t->next)
		if (t->at_ns < best->at_ns)
			best = t;
	return best;
}

/* Set the timerfd to the earliest timer. Setting it also clears an expiry that was not read. */
static void arm(struct loop *loop)
{
	const struct loop_timer *t = earliest(loop);
	uint64_t at_ns = t ? t->at_ns : 0, now = 0, wait_ns = 0;
	struct itimerspec in = { .it_value.tv_nsec = 0 };

	if (at_ns == loop->armed_ns)
		return;
	if (at_ns) {
		now = loop_now_ns();
		wait_ns = at_ns > now ? at_ns - now : 1; /* 0 would disarm it */
	}
	in.it_value.tv_sec = (time_t)(wait_ns / NS_PER_S);
	in.it_value.tv_nsec = (long)(wait_ns % NS_PER_S);
	must(timerfd_settime(loop->timer, 0, &in, NULL) == 0, "timerfd_settime");
	loop->armed_ns = at_ns;
}

/* Record the ready events. The timerfd's own event only ends the wait. */
static void take_events(struct loop *loop, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		size_t w = find_fd(loop, events[i].data.fd);

		if (w < loop->n)
			loop->watches[w].ready = (short)events[i].events;
	}
}

/* Each ready descriptor is looked up again before its callback runs, since an earlier callback
 * may have unwatched it or moved the array. */
static void run_ready(struct loop *loop, uint64_t now_ns)
{
	for (size_t i = 0; i < loop->n;) {
		struct watch w = loop->watches[i];

		if (!w.ready) {
			i++;
			continue;
		}
		loop->watches[i].ready = 0;
		w.fn(w.arg, w.ready, now_ns);
		/* If the array moved, start over: `ready` is cleared, so none runs twice. */
		i = i < loop->n && loop->watches[i].fd == w.fd ? i + 1 : 0;
	}
}

static void run_timers(struct loop *loop)
{
	struct loop_timer *t;
	uint64_t now;

	now = loop->turn_ns = loop_now_ns();
	while ((t = earliest(loop)) && t->at_ns <= now) {
		loop_timer_clear(loop, t);
		t->fn(t->arg, now);
		if (loop->stopped)
			break;
	}
}

void loop_run_once(struct loop *loop, int max_wait_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n;

	arm(loop);
	n = epoll_wait(loop->epoll, events, EVENTS_MAX, max_wait_ms);
	assert(n >= 0 || errno == EINTR);
	if (n > 0) {
		take_events(loop, events, n);
		run_ready(loop, loop_now_ns());
	}
	run_timers(loop);
}

void loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped)
		loop_run_once(loop, -1);
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
