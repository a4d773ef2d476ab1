/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The history: what each address used in each 5 minutes and each hour.
 *
 * A checkpoint writes only totals. `booked` holds, for each address, how much of its total is
 * already in the history. The rest belongs to the present period: the one of the last checkpoint,
 * whose time is counted_at in meta. The first checkpoint of a new period books that rest before it
 * writes its own totals.
 * 1. Usage is thus the difference of two totals that are both in the database. Neither repeating a
 *    checkpoint nor skipping some can book an octet twice or lose one. */
#include "store/store_sql.h"

#include "base/period.h"
#include "base/xalloc.h"
#include "store/store_file.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const struct table {
	enum store_statement first;
	int64_t step_s;
	int64_t keep_s;
} tables[] = {
	{ STORE_USAGE_5MIN, PERIOD_5MIN_S, STORE_KEEP_5MIN_S },
	{ STORE_USAGE_HOUR, PERIOD_HOUR_S, STORE_KEEP_HOUR_S },
};

/* The unsure part of usage_5min, for periods that hold sure usage too. */
static const struct table unsure = { STORE_USAGE_UNSURE, PERIOD_5MIN_S, STORE_KEEP_5MIN_S };

static bool is_nothing(const struct counters c[PATHS])
{
	uint64_t any = 0;

	for (int p = 0; p < PATHS; p++)
		any |= c[p].octets | c[p].pkts;
	return !any;
}

/* Sums and differences are computed here: SQL would turn them into floating-point numbers at
 * 2^63. */
static void add_usage(struct store *s, const struct table *table, uint64_t key, int64_t start_s,
		      const struct counters used[PATHS], bool take_away)
{
	struct store_cursor c = store_statement(s, table->first + STORE_FIND);
	struct counters sum[PATHS] = { { 0, 0 } };
	uint64_t rowid = 0;
	bool none;

	store_bind(&c, (uint64_t)start_s);
	store_bind(&c, key);
	while (store_next(s, &c)) {
		rowid = store_read(&c);
		store_read_counters(&c, sum);
	}
	if (s->failed || (take_away && !rowid))
		return;
	for (int p = 0; p < PATHS; p++) {
		sum[p].octets += take_away ? -used[p].octets : used[p].octets;
		sum[p].pkts += take_away ? -used[p].pkts : used[p].pkts;
	}
	none = take_away && is_nothing(sum);
	c = store_statement(s, table->first + (none    ? STORE_DELETE
					       : rowid ? STORE_UPDATE
						       : STORE_INSERT));
	if (!none)
		store_bind_counters(&c, sum);
	store_bind(&c, rowid ? rowid : (uint64_t)start_s);
	if (!rowid)
		store_bind(&c, key);
	store_run(s, &c, NULL);
}

void store_move_usage(struct store *s, uint64_t key, int64_t start_s, int64_t by_s,
		      const struct counters used[PATHS])
{
	for (size_t i = 0; i < ARRAY_LEN(tables) && !s->failed; i++) {
		add_usage(s, &tables[i], key, period_floor(start_s, tables[i].step_s), used, true);
		add_usage(s, &tables[i], key, period_floor(start_s + by_s, tables[i].step_s), used,
			  false);
	}
}

void store_put_booked(struct store *s, uint64_t key, const struct counters total[PATHS])
{
	struct store_cursor c = store_statement(s, STORE_PUT_BOOKED);

	store_bind_counters(&c, total);
	store_bind(&c, key);
	store_run(s, &c, NULL);
}

/* Note the unsure usage separately while the period may hold sure usage too. */
static void add_unsure(struct store *s, uint64_t key, int64_t wall_s,
		       const struct counters used[PATHS])
{
	int64_t start_s = period_floor(wall_s, PERIOD_5MIN_S);

	if (s->unsure && start_s < s->sure_until_s)
		add_usage(s, &unsure, key, start_s, used, false);
}

void store_book(struct store *s, int64_t wall_s)
{
	struct store_cursor c = store_statement(s, STORE_EACH_OPEN);

	while (!s->failed && store_next(s, &c)) {
		uint64_t key = store_read(&c);
		struct counters total[PATHS], used[PATHS];

		store_read_counters(&c, total);
		store_read_counters(&c, used);
		for (int p = 0; p < PATHS; p++) {
			used[p].octets = total[p].octets - used[p].octets;
			used[p].pkts = total[p].pkts - used[p].pkts;
		}
		if (is_nothing(used))
			continue;
		for (size_t i = 0; !s->failed && i < ARRAY_LEN(tables); i++)
			add_usage(s, &tables[i], key, period_floor(wall_s, tables[i].step_s), used,
				  false);
		if (!s->failed)
			add_unsure(s, key, wall_s, used);
		if (!s->failed)
			store_put_booked(s, key, total);
	}
	sqlite3_reset(c.stmt);
}

int64_t store_get_number(struct store *s, const char *key, int64_t without)
{
	struct store_cursor c = store_statement(s, STORE_GET_META);
	int64_t value = without;

	store_bind_text(&c, key);
	while (!s->failed && store_next(s, &c))
		value = (int64_t)store_read(&c);
	return value;
}

void store_put_number(struct store *s, const char *key, int64_t value)
{
	struct store_cursor c;

	if (s->failed)
		return;
	c = store_statement(s, STORE_PUT_META);
	store_bind_text(&c, key);
	store_bind(&c, (uint64_t)value);
	store_run(s, &c, NULL);
}

void store_turn_period(struct store *s, int64_t wall_s)
{
	int64_t counted_at = store_get_number(s, "counted_at", wall_s);

	if (period_floor(counted_at, PERIOD_5MIN_S) != period_floor(wall_s, PERIOD_5MIN_S)) {
		store_book(s, counted_at);
		s->turned = true;
	}
	store_put_number(s, "counted_at", wall_s);
}

/* Remove addresses and containers that were gone before any usage that is still kept began, with a
 * day's margin. Their numbers stay taken. Once each period is often enough. */
static int prune_gone(struct store *s, int64_t age_s, unsigned limit)
{
	static const enum store_statement steps[] = { STORE_PRUNE_ADDRESS, STORE_PRUNE_CONTAINER };
	int64_t before_s = age_s - tables[ARRAY_LEN(tables) - 1].keep_s - PERIOD_DAY_S;
	struct store_cursor c;
	int removed = 0, n;

	for (size_t i = 0; i < ARRAY_LEN(steps) && !s->failed; i++) {
		c = store_statement(s, steps[i]);
		store_bind(&c, (uint64_t)before_s);
		store_bind(&c, limit);
		if (!store_run(s, &c, &n))
			removed += n;
	}
	if (!s->failed && removed) {
		c = store_statement(s, STORE_PRUNE_BOOKED);
		store_run(s, &c, NULL);
	}
	return removed;
}

static int prune_table(struct store *s, const struct table *table, int64_t age_s, unsigned limit)
{
	struct store_cursor c;
	int n = 0;

	if (s->failed || !limit)
		return 0;
	c = store_statement(s, table->first + STORE_PRUNE);
	store_bind(&c, (uint64_t)(age_s - table->keep_s));
	store_bind(&c, limit);
	store_run(s, &c, &n);
	return n;
}

/* Remove imported rows older than the oldest hours. */
static int prune_imported(struct store *s, int64_t age_s, unsigned limit)
{
	struct store_cursor c;
	int n = 0;

	if (s->failed || !limit)
		return 0;
	c = store_statement(s, STORE_PRUNE_IMPORTED);
	store_bind(&c, (uint64_t)(age_s - tables[ARRAY_LEN(tables) - 1].keep_s));
	store_bind(&c, limit);
	return store_run(s, &c, &n) ? 0 : n;
}

int store_prune(struct store *s, int64_t age_s, unsigned limit)
{
	int removed = 0;

	assert(!s->begun);
	if (!s->writable)
		return -EROFS;
	s->failed = 0;
	store_file_wait_while_frozen(s->db);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		removed += prune_table(s, &tables[i], age_s, limit - (unsigned)removed);
	removed += prune_table(s, &unsure, age_s, limit - (unsigned)removed);
	removed += prune_imported(s, age_s, limit - (unsigned)removed);
	if (!s->failed && !removed && s->turned) {
		removed = prune_gone(s, age_s, limit);
		s->turned = removed > 0;
	}
	return s->failed ? store_give_up(s, s->failed) : removed;
}
