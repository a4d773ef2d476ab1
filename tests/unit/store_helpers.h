/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STORE_HELPERS_H
#define STORE_HELPERS_H

#include "base/xalloc.h"
#include "seed.h"
#include "store/store.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* For the tests of the store. Each test has a directory of its own, removed at its end. What is in
 * a store is compared as text. */

#define WALL 1700000000 /* 2023-11-14 22:13:20 UTC */

struct place {
	char dir[64];
	char path[96];
};

static inline struct place place_new(void)
{
	struct place p;

	snprintf(p.dir, sizeof(p.dir), "/tmp/check_store.XXXXXX");
	ck_assert(mkdtemp(p.dir) != NULL);
	snprintf(p.path, sizeof(p.path), "%s/ledger.db", p.dir);
	return p;
}

static inline void place_remove(const struct place *p)
{
	char *command = xasprintf("rm -rf '%s'", p->dir);

	ck_assert_int_eq(system(command), 0);
	free(command);
}

static inline void remove_beside(const struct place *p, const char *suffix)
{
	char *name = xasprintf("%s%s", p->path, suffix);

	ck_assert(unlink(name) == 0 || errno == ENOENT);
	free(name);
}

/* Files in the directory whose name has `part` in it. */
static inline int count_files(const struct place *p, const char *part)
{
	DIR *d = opendir(p->dir);
	struct dirent *entry;
	int n = 0;

	ck_assert(d != NULL);
	while ((entry = readdir(d)))
		n += strstr(entry->d_name, part) != NULL;
	closedir(d);
	return n;
}

static inline struct store *must_open(const char *path)
{
	struct store *s = NULL;
	struct err e = { "" };
	char *aside;

	ck_assert_msg(store_open(path, &s, &aside, &e) == 0, "%s", e.text);
	ck_assert(aside == NULL);
	return s;
}

/* --- a store's contents -------------------------------------------------------------------- */

static inline void print_totals(FILE *f, const struct store_totals *t)
{
	for (int i = 0; i < PATHS; i++)
		fprintf(f, " %llu/%llu", (unsigned long long)t->path[i].octets,
			(unsigned long long)t->path[i].pkts);
	fprintf(f, " since %lld disc %u at %lld zero %lld", (long long)t->since_wall_s,
		t->discontinuities, (long long)t->discontinuity_wall_s, (long long)t->zero_wall_s);
	for (int i = 0; i < PATHS; i++)
		fprintf(f, " %llu/%llu", (unsigned long long)t->zero[i].octets,
			(unsigned long long)t->zero[i].pkts);
	fprintf(f, "\n");
}

static inline void print_meta(FILE *f, const struct store_meta *m)
{
	fprintf(f, "%s %llu %llu %u %llu", m->boot_id, (unsigned long long)m->commit[0],
		(unsigned long long)m->commit[1], m->next_ifindex, (unsigned long long)m->next_key);
	if (m->port_view)
		fprintf(f, " view %d since %lld", m->port_view, (long long)m->turned_wall_s);
	if (m->left[ADDR_V4] || m->left[ADDR_V6])
		fprintf(f, " left %d %d", m->left[ADDR_V4], m->left[ADDR_V6]);
	if (m->port_framing)
		fprintf(f, " framing %u", m->port_framing);
	if (m->period.begin_s)
		fprintf(f, " period %lld-%lld %lld, %lld-%lld %lld, %llx %lld %lld",
			(long long)m->period.begin_s, (long long)m->period.end_s,
			(long long)m->period.counted_s, (long long)m->period.last_begin_s,
			(long long)m->period.last_end_s, (long long)m->period.last_counted_s,
			(long long)m->period.rule, (long long)m->period.marked,
			(long long)m->period.guess);
	if (m->ledger > 3)
		fprintf(f, " ledger %llx at %llx", (unsigned long long)m->ledger,
			(unsigned long long)m->checkpoint);
	fputc('\n', f);
}

static inline void print_container(void *arg, const struct store_container *c)
{
	FILE *f = arg;

	fprintf(f, "%u [%s] [%s] run %d state %d gone %lld", c->ifindex, c->id, c->name, c->run,
		c->state, (long long)c->gone_wall_s);
	if (c->runtime && *c->runtime)
		fprintf(f, " %s %s", c->runtime, c->runtime_id);
	if (c->bill.begin_s)
		fprintf(f, " bill %lld %llx %llx %llx %llx %llx %llx quota %llx %d %llx %d %u %llx",
			(long long)c->bill.begin_s, (unsigned long long)c->bill.at.in,
			(unsigned long long)c->bill.at.out, (unsigned long long)c->bill.last.in,
			(unsigned long long)c->bill.last.out, (unsigned long long)c->bill.next.in,
			(unsigned long long)c->bill.next.out,
			(unsigned long long)c->bill.said.octets, (int)c->bill.said.counts,
			(unsigned long long)c->bill.set.octets, (int)c->bill.set.counts,
			c->bill.told, (unsigned long long)c->bill.told_quota);
	print_totals(f, &c->totals);
}

static inline void print_address(void *arg, const struct store_address *a)
{
	char ip[ADDR_TEXT_SIZE];
	FILE *f = arg;

	fprintf(f, "  %llu of %u %s state %d gone %lld owner %d seen %u",
		(unsigned long long)a->key, a->container, addr_format(&a->addr, ip), a->state,
		(long long)a->gone_wall_s, a->owner, a->seen);
	for (int i = 0; i < PATHS; i++)
		fprintf(f, " %llu/%llu", (unsigned long long)a->last[i].octets,
			(unsigned long long)a->last[i].pkts);
	print_totals(f, &a->totals);
}

/* Everything in it, for free(). */
static inline char *contents(struct store *s)
{
	struct store_meta m;
	struct err e = { "" };
	char *rows, *all;
	size_t len;
	FILE *f = open_memstream(&rows, &len);
	int ret = store_load(s, &m, print_container, print_address, f, &e);

	fclose(f);
	ck_assert_msg(ret == 0, "%s", e.text);
	f = open_memstream(&all, &len);
	print_meta(f, &m);
	fputs(rows, f);
	fclose(f);
	free(rows);
	return all;
}

static inline void expect_contents(struct store *s, const char *expected)
{
	char *is = contents(s);

	ck_assert_str_eq(is, expected);
	free(is);
}

/* What a query answers, columns with '|', rows with a space, for free(). */
static inline char *ask(const char *path, const char *sql)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	sqlite3_stmt *st;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(!sqlite3_prepare_v2(db, sql, -1, &st, NULL), "%s", sqlite3_errmsg(db));
	while (sqlite3_step(st) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(st); i++)
			fprintf(f, "%s%s", i ? "|" : "", sqlite3_column_text(st, i));
		fprintf(f, " ");
	}
	ck_assert_msg(sqlite3_finalize(st) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	fclose(f);
	return text;
}

static inline void expect_answer(const char *path, const char *sql, const char *expected)
{
	char *is = ask(path, sql);

	ck_assert_str_eq(is, expected);
	free(is);
}

static inline void tell(const char *path, const char *sql)
{
	free(ask(path, sql));
}

/* --- rows ---------------------------------------------------------------------------------- */

static inline struct store_totals some_totals(uint64_t n)
{
	struct store_totals t = { .since_wall_s = WALL,
				  .discontinuities = 4000000000u,
				  .discontinuity_wall_s = WALL + 1,
				  .zero_wall_s = WALL + 2 };

	for (unsigned i = 0; i < PATHS; i++) {
		t.path[i] = (struct counters) { n + i, n + 10 + i };
		t.zero[i] = (struct counters) { n + 20 + i, n + 30 + i };
	}
	return t;
}

static inline struct store_address address_row(uint64_t key, uint32_t container, const char *ip)
{
	struct store_address a = { .key = key, .container = container };

	ck_assert_int_eq(addr_parse(ip, &a.addr), 0);
	return a;
}

static const struct store_meta small_meta = { .boot_id = "boot",
					      .commit = { 1, 2 },
					      .next_ifindex = 2,
					      .next_key = 2,
					      .ledger = 3,
					      .checkpoint = 4 };

/* A checkpoint of one container and one address with these totals and, if the address is new there,
 * this much of it since it was last stored. */
static inline int put_small(struct store *s, uint64_t total, uint64_t used, struct err *e)
{
	struct store_container c = {
		.ifindex = 1, .id = "101", .name = "", .run = INV_RUN_RUNNING
	};
	struct store_address a = address_row(1, 1, "192.0.2.1");
	int ret = store_begin(s, false, WALL, e);

	if (ret)
		return ret;
	c.totals.path[PATH_FWD_IN].octets = total;
	a.totals = c.totals;
	a.before[PATH_FWD_IN].octets = total - used;
	store_put_meta(s, &small_meta);
	store_put_container(s, &c);
	store_put_address(s, &a);
	return store_end(s, e);
}

static inline void must_put_small(struct store *s, uint64_t total, uint64_t used)
{
	struct err e = { "" };

	ck_assert_msg(put_small(s, total, used, &e) == 0, "%s", e.text);
}

/* All octets in of a usage table and those that are in no period yet. */
#define IN_OCTETS_USED(table)                                                    \
	"SELECT CAST((SELECT total(in_octets) FROM " table ") +"                 \
	" (SELECT total(a.in_octets - ifnull(b.in_octets, 0)) FROM address AS a" \
	" LEFT JOIN booked AS b ON b.address = a.key) AS INTEGER)"

static inline void expect_small(const char *path, const char *total, const char *used)
{
	expect_answer(path, "SELECT in_octets FROM container", total);
	expect_answer(path, "SELECT in_octets FROM address", total);
	expect_answer(path, IN_OCTETS_USED("usage_5min"), used);
	expect_answer(path, IN_OCTETS_USED("usage_hour"), used);
}

/* --- one number everywhere
 * ------------------------------------------------------------------------------- */

#define CRASH_ADDRESSES 40

struct crash_state {
	uint64_t checkpoint; /* as the commit number */
	uint64_t rows, sum; /* of all that must be equal to it */
};

static inline void crash_container(void *arg, const struct store_container *c)
{
	struct crash_state *st = arg;

	st->rows++;
	st->sum += c->totals.path[PATH_FWD_IN].octets;
}

static inline void crash_address(void *arg, const struct store_address *a)
{
	struct crash_state *st = arg;

	st->rows++;
	st->sum += a->totals.path[PATH_FWD_IN].octets;
	ck_assert_uint_eq(a->last[PATH_FWD_IN].octets, a->totals.path[PATH_FWD_IN].octets);
}

static inline void crash_load(struct store *s, struct crash_state *ret)
{
	struct store_meta m;
	struct err e = { "" };

	memset(ret, 0, sizeof(*ret));
	ck_assert_msg(!store_load(s, &m, crash_container, crash_address, ret, &e), "%s", e.text);
	ret->checkpoint = m.commit[0];
}

static inline void crash_put(struct store *s, uint64_t n)
{
	struct store_meta m = { .boot_id = "boot",
				.commit = { n, n },
				.next_ifindex = 2,
				.next_key = CRASH_ADDRESSES + 1,
				.port_view = PORT_VIEW_CONTAINER,
				.ledger = 3,
				.checkpoint = n };
	struct store_container c = { .ifindex = 1, .id = "101", .name = "", .run = 2 };

	if (store_begin(s, n % 4 == 0, WALL + (int64_t)n * 100, NULL))
		_exit(3);
	store_put_meta(s, &m);
	c.totals.path[PATH_FWD_IN].octets = n;
	store_put_container(s, &c);
	for (unsigned i = 0; i < CRASH_ADDRESSES; i++) {
		struct store_address a = { .key = i + 1,
					   .container = 1,
					   .addr = { ADDR_V4, { 10, 0, 0, (uint8_t)i } } };

		a.totals = c.totals;
		a.last[PATH_FWD_IN].octets = n;
		store_put_address(s, &a);
	}
	if (store_end(s, NULL))
		_exit(4);
}

static inline void write_at(const char *path, off_t offset, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ck_assert(fd >= 0 && pwrite(fd, data, len, offset) == (ssize_t)len);
	close(fd);
}

/* Opening sets the file aside, whole, and begins a new one. */
static inline void expect_set_aside(const struct place *p)
{
	char *aside = NULL;
	struct err e = { "" };
	struct store *s = NULL;
	struct stat before, after;

	ck_assert_int_eq(stat(p->path, &before), 0);
	ck_assert_msg(store_open(p->path, &s, &aside, &e) == 0, "%s", e.text);
	ck_assert(aside != NULL);
	ck_assert(strncmp(aside, p->path, strlen(p->path)) == 0);
	ck_assert_ptr_eq(strstr(aside, ".damaged-"), aside + strlen(p->path));
	ck_assert_int_eq(stat(aside, &after), 0);
	ck_assert(before.st_ino == after.st_ino);
	expect_contents(s, " 0 0 1 1\n");
	must_put_small(s, 3, 3);
	store_close(s);
	free(aside);
	s = must_open(p->path); /* once is enough */
	store_close(s);
	expect_small(p->path, "3 ", "3 ");
}

/* --- running ------------------------------------------------------------------------------- */

static inline int run_suite(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
