/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LOOP_H
#define CTM_LOOP_H

/* The event loop: epoll(7) over watched descriptors and one-shot timers. Single-threaded.
 * 1. A callback may watch, unwatch, set or clear anything, itself included.
 * 2. No callback may block: nothing may hold the loop for more than 100 ms.
 * 3. Time is CLOCK_BOOTTIME in nanoseconds, read once a turn and handed to each callback. */

#include <stdbool.h>
#include <stdint.h>

struct loop;

typedef void loop_fd_fn(void *arg, short revents, uint64_t now_ns);
typedef void loop_timer_fn(void *arg, uint64_t now_ns);

/* Owned by the caller, usually embedded. Call loop_timer_init before use. */
struct loop_timer {
	uint64_t at_ns; /* 0: not set */
	loop_timer_fn *fn;
	void *arg;
	struct loop_timer *next; /* used by the loop */
};

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

/* CLOCK_BOOTTIME now, ns. */
uint64_t loop_now_ns(void);

struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Call fn when one of `events` (POLLIN, POLLOUT; POLLERR and POLLHUP always) is ready on fd, which
 * is not a regular file. The loop does not own fd; watching it again changes events, fn, arg. */
void loop_watch(struct loop *loop, int fd, short events, loop_fd_fn *fn, void *arg);
/* Call this before closing fd. An fd that is not watched is ignored. */
void loop_unwatch(struct loop *loop, int fd);

void loop_timer_init(struct loop_timer *t, loop_timer_fn *fn, void *arg);
/* Fire once at at_ns, or at once when that is past. Setting it again moves it. */
void loop_timer_set(struct loop *loop, struct loop_timer *t, uint64_t at_ns);
void loop_timer_clear(struct loop *loop, struct loop_timer *t);

/* Run until loop_stop. loop_run_once waits at most max_wait_ms (-1: until an event or a timer) and
 * runs what is due; for tests and for shutdown. */
void loop_run(struct loop *loop);
void loop_run_once(struct loop *loop, int max_wait_ms);
void loop_stop(struct loop *loop);

#endif
