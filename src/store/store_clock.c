/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the clock is set, the usage counted while it was on trial moves.
 *
 * All usage in periods from sure_until_s on is unsure. A period before that may hold both sure and
 * unsure usage (the clock went back, or the trial began within the period); usage_unsure then
 * holds the unsure part.
 * 1. A move takes exactly the unsure usage out of both usage tables and adds it again elsewhere,
 *    so their sums stay the same.
 * 2. Usage moves by multiples of 5 minutes. The remainder is kept and added to the next move. */
#include "store/store_clock.h"

#include "base/period.h"
#include "base/xalloc.h"
#include "store/store_sql.h"

#include <stdint.h>
#include <string.h>

#define FAR ((int64_t)1 << 50)

/* Keys in meta. counted_at (wall_s) is written by the store itself. */
static const struct {
	const char *key;
	size_t at;
} keys[] = {
	{ "counted_at", offsetof(struct wallclock, wall_s) },
	{ "counted_uptime", offsetof(struct wallclock, uptime_s) },
	{ "clock_set_uptime", offsetof(struct wallclock, set_uptime_s) },
	{ "clock_flags", offsetof(struct wallclock, flags) },
	{ "clock_known", offsetof(struct wallclock, known_s) },
	{ "clock_lived", offsetof(struct wallclock, lived_s) },
	{ "clock_aged", offsetof(struct wallclock, aged_s) },
	{ "clock_steps", offsetof(struct wallclock, steps) },
	{ "clock_jumps", offsetof(struct wallclock, jumps) },
	{ "clock_jump_by", offsetof(struct wallclock, jump_by_s) },
	{ "clock_jump_at", offsetof(struct wallclock, jump_at_s) },
	{ "clock_jump_lived", offsetof(struct wallclock, jump_lived_s) },
};

void store_put_clock(struct store *s, const struct wallclock *clock)
{
	if (!clock->wall_s)
		return; /* the clock was not read */
	for (size_t i = 1; i < ARRAY_LEN(keys); i++)
		store_put_number(s, keys[i].key,
				 *(const int64_t *)((const char *)clock + keys[i].at));
}

void store_load_clock(struct wallclock *clock, const char *key, int64_t value)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!strcmp(keys[i].key, key))
			*(int64_t *)((char *)clock + keys[i].at) = value;
}

static void run_with(struct store *s, int statement, int64_t value)
{
	struct store_cursor c;

	if (s->failed)
		return;
	c = store_statement(s, statement);
	store_bind(&c, (uint64_t)value);
	store_run(s, &c, NULL);
}

static void run(struct store *s, int statement)
{
	struct store_cursor c;

	if (s->failed)
		return;
	c = store_statement(s, statement);
	store_run(s, &c, NULL);
}

/* The end of the last period that has usage. */
static int64_t last_end(struct store *s)
{
	struct store_cursor c = store_statement(s, STORE_LAST_START);
	int64_t start_s = 0;

	while (!s->failed && store_next(s, &c))
		start_s = (int64_t)store_read(&c);
	return start_s ? start_s + PERIOD_5MIN_S : 0;
}

static void begin_unsure(struct store *s)
{
	int64_t counted_at = store_get_number(s, "counted_at", 0);
	int64_t end_s = counted_at ? period_floor(counted_at, PERIOD_5MIN_S) + PERIOD_5MIN_S : 0;

	if (counted_at)
		store_book(s, counted_at); /* until here it is sure */
	if (end_s < last_end(s))
		end_s = last_end(s);
	if (end_s > s->sure_until_s)
		s->sure_until_s = end_s;
	s->unsure = true;
	store_put_number(s, "clock_rest", 0);
}

static void make_sure(struct store *s)
{
	run_with(s, STORE_DROP_UNSURE, -FAR);
	run(s, STORE_SURE_CONTAINERS);
	run(s, STORE_SURE_ADDRESSES);
	s->unsure = false;
}

/* Rounded to the nearest, so that a move there and back cancels out. */
static int64_t whole_periods(int64_t by_s)
{
	int64_t half = by_s < 0 ? -PERIOD_5MIN_S / 2 : PERIOD_5MIN_S / 2;

	return (by_s + half) / PERIOD_5MIN_S * PERIOD_5MIN_S;
}

static void move_usage(struct store *s, int64_t by_s)
{
	struct store_cursor c;

	run_with(s, STORE_TAKE_UNSURE, s->sure_until_s);
	c = store_statement(s, STORE_EACH_UNSURE);
	while (!s->failed && store_next(s, &c)) {
		int64_t start_s = (int64_t)store_read(&c);
		uint64_t key = store_read(&c);
		struct counters used[PATHS];

		store_read_counters(&c, used);
		store_move_usage(s, key, start_s, by_s, used);
	}
	sqlite3_reset(c.stmt);
	/* Far away and back: no two rows may have the same key in between. */
	run_with(s, STORE_MOVE_UNSURE, FAR + by_s);
	run_with(s, STORE_MOVE_UNSURE, -FAR);
	run_with(s, STORE_DROP_UNSURE, s->sure_until_s);
}

static void move_unsure(struct store *s, int64_t by_s)
{
	int64_t rest_s, usage_s, counted_at;

	if (!s->unsure)
		return;
	rest_s = store_get_number(s, "clock_rest", 0) + by_s;
	usage_s = whole_periods(rest_s);
	if (usage_s)
		move_usage(s, usage_s);
	store_put_number(s, "clock_rest", rest_s - usage_s);
	run_with(s, STORE_MOVE_CONTAINERS, by_s);
	run_with(s, STORE_MOVE_ADDRESSES, by_s);
	/* The usage that is in no period yet moves too. */
	counted_at = store_get_number(s, "counted_at", 0);
	if (counted_at)
		store_put_number(s, "counted_at", counted_at + by_s);
}

void store_take_steps(struct store *s, const struct wallclock_step *steps, size_t n)
{
	int64_t taken = store_get_number(s, "clock_steps", 0);

	s->unsure = store_get_number(s, "clock_flags", 0) & WALLCLOCK_TRIAL;
	s->sure_until_s = store_get_number(s, "clock_sure_until", 0);
	for (size_t i = 0; i < n && !s->failed; i++) {
		if (steps[i].number <= taken)
			continue;
		if (steps[i].kind == WALLCLOCK_UNSURE)
			begin_unsure(s);
		else if (steps[i].kind == WALLCLOCK_SURE)
			make_sure(s);
		else
			move_unsure(s, steps[i].by_s);
	}
	if (n)
		store_put_number(s, "clock_sure_until", s->sure_until_s);
}
