/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loop.h"

#include "xalloc.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

struct watch {
	loop_fd_fn *fn;
	void *arg;
};

struct loop {
	struct pollfd *pfds;
	struct watch *watches; /* beside pfds */
	size_t n, cap_pfds, cap_watches;
	struct loop_timer *timers; /* unsorted: there are few */
	uint64_t turn_ns; /* this turn's time: what a callback sets comes after it */
	bool stopped;
};

uint64_t loop_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

struct loop *loop_new(void)
{
	return xcalloc(1, sizeof(struct loop));
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	free(loop->pfds);
	free(loop->watches);
	free(loop);
}

static size_t find_fd(const struct loop *loop, int fd)
{
	size_t i = 0;

	while (i < loop->n && loop->pfds[i].fd != fd)
		i++;
	return i;
}

void loop_watch(struct loop *loop, int fd, short events, loop_fd_fn *fn, void *arg)
{
	size_t i = find_fd(loop, fd);

	assert(fd >= 0);
	if (i == loop->n) {
		loop->pfds = xgrow(loop->pfds, i, &loop->cap_pfds, sizeof(*loop->pfds));
		loop->watches = xgrow(loop->watches, i, &loop->cap_watches, sizeof(*loop->watches));
		loop->pfds[i].fd = fd;
		loop->pfds[i].revents = 0;
		loop->n++;
	}
	loop->pfds[i].events = events;
	loop->watches[i] = (struct watch) { fn, arg };
}

void loop_unwatch(struct loop *loop, int fd)
{
	size_t i = find_fd(loop, fd);

	if (i == loop->n)
		return;
	loop->n--;
	loop->pfds[i] = loop->pfds[loop->n];
	loop->watches[i] = loop->watches[loop->n];
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
	while (*p != t)
		p = &(*p)->next;
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

static int wait_ms(const struct loop *loop, int max_wait_ms)
{
	const struct loop_timer *t = earliest(loop);
	uint64_t now = loop_now_ns(), ms;

	if (!t)
		return max_wait_ms;
	ms = t->at_ns > now ? (t->at_ns - now + NS_PER_MS - 1) / NS_PER_MS : 0;
	if (ms > 60000)
		ms = 60000;
	return max_wait_ms >= 0 && (int)ms > max_wait_ms ? max_wait_ms : (int)ms;
}

/* Each ready descriptor is looked up again before its callback runs, since an earlier callback
 * may have unwatched it or moved the arrays. */
static void run_ready(struct loop *loop, uint64_t now_ns)
{
	for (size_t i = 0; i < loop->n;) {
		short revents = loop->pfds[i].revents;
		int fd = loop->pfds[i].fd;

		if (!revents) {
			i++;
			continue;
		}
		loop->pfds[i].revents = 0;
		loop->watches[i].fn(loop->watches[i].arg, revents, now_ns);
		/* Whatever moved, start over at the first still ready: each is handled once. */
		i = i < loop->n && loop->pfds[i].fd == fd ? i + 1 : 0;
	}
}

void loop_run_once(struct loop *loop, int max_wait_ms)
{
	int n = poll(loop->pfds, loop->n, wait_ms(loop, max_wait_ms));
	uint64_t now = loop_now_ns();
	struct loop_timer *t;

	if (n > 0)
		run_ready(loop, now);
	assert(n >= 0 || errno == EINTR);
	now = loop->turn_ns = loop_now_ns();
	while ((t = earliest(loop)) && t->at_ns <= now) {
		loop_timer_clear(loop, t);
		t->fn(t->arg, now);
		if (loop->stopped)
			break;
	}
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
