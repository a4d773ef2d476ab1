/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledgergen: a ledger with a long history, as a daemon that has run for so long leaves it.
 *
 *   ledgergen LEDGER ADDRESSES DAYS-OF-HOURS DAYS-OF-5-MINUTES < INVENTORY
 *
 * INVENTORY has "CTID ADDRESS" lines, of which the first ADDRESSES are taken. Every address has
 * traffic in every period up to now. Schema, containers and addresses are made by the store itself;
 * usage goes into the tables that docs/ledger.md describes. Octets vary from period to period, the
 * same way in every run. Nothing is synced: the file is there to be read and thrown away. */
#include "store/store.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400

static uint64_t state = 88172645463325252ull; /* xorshift64: never 0 */

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "ledgergen: %s\n", what);
	exit(1);
}

/* Containers and addresses; both are numbered from 1 in the order of the lines. */
static void put_inventory(const char *path, uint32_t addresses, int64_t since)
{
	struct store_meta meta = { .next_ifindex = addresses + 1, .next_key = addresses + 1 };
	char id[64], text[64];
	struct store *s;
	struct err e;

	if (store_open(path, &s, NULL, &e) < 0 || store_begin(s, false, since, &e) < 0)
		die(e.text);
	for (uint32_t i = 1; i <= addresses; i++) {
		struct store_container c = { .ifindex = i, .id = id, .name = id, .run = 2 };
		struct store_address a = { .key = i, .container = i, .owner = true, .seen = 15 };

		if (scanf("%63s %63s", id, text) != 2 || addr_parse(text, &a.addr) < 0)
			die("the inventory is no list of CTID ADDRESS, or too short");
		c.totals.since_wall_s = a.totals.since_wall_s = since;
		if (store_put_container(s, &c) < 0 || store_put_address(s, &a) < 0)
			die("cannot put a container");
	}
	if (store_put_meta(s, &meta) < 0 || store_end(s, &e) < 0)
		die(e.text);
	store_close(s);
}

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL))
		die(sqlite3_errmsg(db));
}

/* One period of one address: octets and packets in pairs, the node's own traffic the least. */
static void put_period(sqlite3_stmt *st, int64_t start, uint32_t address, uint64_t scale)
{
	static const uint64_t share[] = { 40, 16, 2, 2 };

	sqlite3_bind_int64(st, 1, start);
	sqlite3_bind_int64(st, 2, address);
	for (int i = 0; i < 4; i++) {
		uint64_t octets = 1 + next_random() % (share[i] * scale);

		sqlite3_bind_int64(st, 3 + 2 * i, (int64_t)octets);
		sqlite3_bind_int64(st, 4 + 2 * i, (int64_t)(octets / 700 + 1));
	}
	if (sqlite3_step(st) != SQLITE_DONE)
		die("cannot put a period");
	sqlite3_reset(st);
}

static void put_usage(sqlite3 *db, const char *table, uint32_t addresses, int64_t from, int64_t to,
		      int64_t step)
{
	sqlite3_stmt *st;
	char sql[128];

	snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (?,?,?,?,?,?,?,?,?,?)", table);
	run(db, "BEGIN");
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
		die(sqlite3_errmsg(db));
	for (int64_t start = from - from % step; start < to; start += step)
		for (uint32_t a = 1; a <= addresses; a++)
			put_period(st, start, a, 100000 * (uint64_t)step);
	sqlite3_finalize(st);
	run(db, "COMMIT");
}

int main(int argc, char **argv)
{
	int64_t now = (int64_t)time(NULL), hours, minutes;
	uint32_t addresses;
	sqlite3 *db;

	if (argc != 5)
		die("usage: ledgergen LEDGER ADDRESSES DAYS-OF-HOURS DAYS-OF-5-MINUTES < "
		    "INVENTORY");
	addresses = (uint32_t)strtoul(argv[2], NULL, 10);
	hours = strtol(argv[3], NULL, 10) * DAY_S;
	minutes = strtol(argv[4], NULL, 10) * DAY_S;
	put_inventory(argv[1], addresses, now - hours);
	if (sqlite3_open(argv[1], &db))
		die(sqlite3_errmsg(db));
	run(db, "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0");
	put_usage(db, "usage_hour", addresses, now - hours, now, 3600);
	put_usage(db, "usage_5min", addresses, now - minutes, now, 300);
	run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	sqlite3_close(db);
	return 0;
}
