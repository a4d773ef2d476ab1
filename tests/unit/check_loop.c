/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event loop: what a callback may do to others while a turn is under way, and timers. */
#include "base/loop.h"

#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS 40 /* more than the loop takes from the kernel in one turn */

struct pair {
	struct loop *loop;
	int near, far;
	int calls;
	short revents;
	struct pair *victim; /* unwatched and closed by this one's callback */
	struct pair *heir; /* put in its place, under its number */
};

static void on_event(void *arg, short revents, uint64_t now_ns)
{
	struct pair *p = arg;
	char byte;

	ck_assert_uint_gt(now_ns, 0);
	p->calls++;
	p->revents = revents;
	if (revents & POLLIN && read(p->near, &byte, 1) == 0)
		loop_unwatch(p->loop, p->near);
	if (p->victim) {
		loop_unwatch(p->loop, p->victim->near);
		if (p->heir) {
			ck_assert_int_eq(dup2(p->heir->near, p->victim->near), p->victim->near);
			close(p->heir->near);
			p->heir->near = p->victim->near;
			loop_watch(p->loop, p->heir->near, POLLIN, on_event, p->heir);
		}
	}
}

static void pair_open(struct pair *p, struct loop *loop)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	*p = (struct pair) { .loop = loop, .near = fds[0], .far = fds[1] };
}

static void pair_watch(struct pair *p, short events)
{
	loop_watch(p->loop, p->near, events, on_event, p);
}

static void pair_close(struct pair *p)
{
	loop_unwatch(p->loop, p->near);
	close(p->near);
	close(p->far);
}

static void make_ready(struct pair *p)
{
	ck_assert_int_eq(write(p->far, "x", 1), 1);
}

START_TEST(loop_run_once_ready_descriptors_each_called_once)
{
	struct loop *loop = loop_new();
	struct pair p[PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		pair_open(&p[i], loop);
		pair_watch(&p[i], POLLIN);
		make_ready(&p[i]);
	}
	for (int turn = 0; turn < PAIRS; turn++)
		loop_run_once(loop, 0);
	for (int i = 0; i < PAIRS; i++) {
		ck_assert_int_eq(p[i].calls, 1);
		ck_assert_int_eq(p[i].revents, POLLIN);
		pair_close(&p[i]);
	}
	loop_free(loop);
}
END_TEST

/* Whichever of the two the kernel names first, only that one may be called. */
START_TEST(loop_unwatch_in_a_callback_drops_what_was_ready)
{
	struct loop *loop = loop_new();
	struct pair a, b;

	pair_open(&a, loop);
	pair_open(&b, loop);
	a.victim = &b;
	b.victim = &a;
	pair_watch(&a, POLLIN);
	pair_watch(&b, POLLIN);
	make_ready(&a);
	make_ready(&b);
	loop_run_once(loop, 0);
	ck_assert_int_eq(a.calls + b.calls, 1);
	pair_close(&a);
	pair_close(&b);
	loop_free(loop);
}
END_TEST

START_TEST(loop_watch_of_a_number_used_again_gets_no_stale_event)
{
	struct loop *loop = loop_new();
	struct pair a, b, a_heir, b_heir;

	pair_open(&a, loop);
	pair_open(&b, loop);
	pair_open(&a_heir, loop);
	pair_open(&b_heir, loop);
	a.victim = &b;
	a.heir = &b_heir;
	b.victim = &a;
	b.heir = &a_heir;
	pair_watch(&a, POLLIN);
	pair_watch(&b, POLLIN);
	make_ready(&a);
	make_ready(&b);
	loop_run_once(loop, 0);
	ck_assert_int_eq(a.calls + b.calls, 1);
	a.victim = b.victim = NULL;
	loop_run_once(loop, 0);
	ck_assert_int_eq(a_heir.calls + b_heir.calls, 0);
	make_ready(a.calls ? &b_heir : &a_heir);
	loop_run_once(loop, 0);
	ck_assert_int_eq(a_heir.calls + b_heir.calls, 1);
	pair_close(&a);
	pair_close(&b);
	close(a_heir.far);
	close(b_heir.far);
	close(a.calls ? a_heir.near : b_heir.near);
	loop_free(loop);
}
END_TEST

START_TEST(loop_watch_again_changes_the_events)
{
	struct loop *loop = loop_new();
	struct pair p;

	pair_open(&p, loop);
	pair_watch(&p, POLLOUT);
	make_ready(&p);
	loop_run_once(loop, 0);
	ck_assert_int_eq(p.revents, POLLOUT);
	pair_watch(&p, 0);
	loop_run_once(loop, 0);
	ck_assert_int_eq(p.calls, 1);
	pair_watch(&p, POLLIN);
	loop_run_once(loop, 0);
	ck_assert_int_eq(p.revents, POLLIN);
	close(p.far);
	pair_watch(&p, 0);
	loop_run_once(loop, 0);
	ck_assert_int_eq(p.revents, POLLHUP);
	loop_unwatch(loop, p.near);
	close(p.near);
	loop_free(loop);
}
END_TEST

struct alarm {
	struct loop_timer timer;
	struct loop *loop;
	uint64_t fired_ns;
	int calls;
	uint64_t again_ns; /* set anew by its callback */
};

static void on_alarm(void *arg, uint64_t now_ns)
{
	struct alarm *a = arg;

	a->fired_ns = now_ns;
	a->calls++;
	if (a->again_ns)
		loop_timer_set(a->loop, &a->timer, now_ns + a->again_ns);
}

static void alarm_set(struct alarm *a, struct loop *loop, uint64_t at_ns)
{
	*a = (struct alarm) { .loop = loop };
	loop_timer_init(&a->timer, on_alarm, a);
	loop_timer_set(loop, &a->timer, at_ns);
}

START_TEST(loop_timer_fires_not_before_its_time)
{
	struct loop *loop = loop_new();
	uint64_t now = loop_now_ns();
	struct alarm late, early, past;

	alarm_set(&late, loop, now + 30 * NS_PER_MS);
	alarm_set(&early, loop, now + 10 * NS_PER_MS);
	alarm_set(&past, loop, 1);
	while (!late.calls)
		loop_run_once(loop, -1);
	ck_assert_int_eq(past.calls, 1);
	ck_assert_int_eq(early.calls, 1);
	ck_assert_uint_ge(early.fired_ns, now + 10 * NS_PER_MS);
	ck_assert_uint_ge(late.fired_ns, now + 30 * NS_PER_MS);
	ck_assert_uint_le(past.fired_ns, early.fired_ns);
	ck_assert_uint_le(early.fired_ns, late.fired_ns);
	loop_free(loop);
}
END_TEST

/* A wait without end must end when the timer that it was armed for has been moved forward. */
START_TEST(loop_timer_moved_or_cleared_is_heeded)
{
	struct loop *loop = loop_new();
	uint64_t now = loop_now_ns();
	struct alarm moved, cleared;

	alarm_set(&moved, loop, now + 3600 * NS_PER_S);
	alarm_set(&cleared, loop, now + 5 * NS_PER_MS);
	loop_run_once(loop, 0);
	loop_timer_clear(loop, &cleared.timer);
	loop_timer_set(loop, &moved.timer, now + 20 * NS_PER_MS);
	while (!moved.calls)
		loop_run_once(loop, -1);
	ck_assert_int_eq(cleared.calls, 0);
	loop_free(loop);
}
END_TEST

/* One that sets itself for at once lets the others have their turn. */
START_TEST(loop_timer_set_by_itself_does_not_hold_the_turn)
{
	struct loop *loop = loop_new();
	struct alarm eager;
	struct pair p;

	alarm_set(&eager, loop, 1);
	eager.again_ns = 0;
	loop_run_once(loop, -1);
	eager.again_ns = 1;
	loop_timer_set(loop, &eager.timer, 1);
	pair_open(&p, loop);
	pair_watch(&p, POLLIN);
	make_ready(&p);
	for (int turn = 0; turn < 3; turn++)
		loop_run_once(loop, -1);
	ck_assert_int_eq(p.calls, 1);
	ck_assert_int_ge(eager.calls, 3);
	ck_assert_int_le(eager.calls, 5);
	loop_timer_clear(loop, &eager.timer);
	pair_close(&p);
	loop_free(loop);
}
END_TEST

static void stop(void *arg, uint64_t now_ns)
{
	(void)now_ns;
	loop_stop(arg);
}

START_TEST(loop_stop_ends_loop_run)
{
	struct loop *loop = loop_new();
	struct loop_timer t;

	loop_timer_init(&t, stop, loop);
	loop_timer_set(loop, &t, loop_now_ns() + NS_PER_MS);
	loop_run(loop);
	loop_free(loop);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loop");
	TCase *tc = tcase_create("loop");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, loop_run_once_ready_descriptors_each_called_once);
	tcase_add_test(tc, loop_unwatch_in_a_callback_drops_what_was_ready);
	tcase_add_test(tc, loop_watch_of_a_number_used_again_gets_no_stale_event);
	tcase_add_test(tc, loop_watch_again_changes_the_events);
	tcase_add_test(tc, loop_timer_fires_not_before_its_time);
	tcase_add_test(tc, loop_timer_moved_or_cleared_is_heeded);
	tcase_add_test(tc, loop_timer_set_by_itself_does_not_hold_the_turn);
	tcase_add_test(tc, loop_stop_ends_loop_run);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
