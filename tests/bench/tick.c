/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tick: what it costs to read all counters, book them and publish a snapshot, beside a bare copy of
 * the same table.
 *
 *   tick CONFIGURATION RUN-DIRECTORY COUNTING-RULES
 *
 * Runs the daemon's engine itself, without a daemon around it: puts the rules in place, says
 * "ready", and then measures once for each line on stdin. It prints
 * "BARE-US BARE-CPU-US READ-US READ-CPU-US TICK-US TICK-CPU-US".
 *   bare  one getsockopt(IPT_SO_GET_ENTRIES) of the IPv4 table into a buffer that is used again;
 *         0 with the backend link, which has no table
 *   read  fw_read() of both families, and nothing else: not the look at some links either that it
 *         takes once a second, which is part of tick; 0 with the other backends, whose reading is
 *         most of tick
 *   tick  engine_freshen(), which reads both families and goes on with what it has read
 * 1. The first one finds the counters cold, so the order is turned round each time.
 * 2. The engine takes the time it is told, so no half second has to pass between two readings.
 * 3. Between two lines packets must have passed, or a tick would have nothing to book: a tick after
 *    which the sum of all octets is what it was before is an error. */
#include "base/xalloc.h"
#include "engine/engine.h"
#include "inventory/source_kind.h"
#include "netfilter/iptables/xt_table.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READY_S 120

struct spent {
	uint64_t wall_ns, cpu_ns;
};

struct bare {
	int fd;
	struct ipt_get_entries *entries;
	socklen_t len;
};

struct tick {
	struct engine *engine;
	uint64_t now_ns; /* what the engine is told */
	struct bare bare; /* unless links are counted on */
	uint64_t opened_ns;
	struct fw *fw; /* the same counters, opened once more for reading; NULL: unless they are */
};

__attribute__((noreturn)) static void die(const char *what, const char *why)
{
	fprintf(stderr, "tick: %s: %s\n", what, why);
	exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static struct spent spent_now(void)
{
	return (struct spent) { clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_PROCESS_CPUTIME_ID) };
}

static struct spent spent_since(struct spent began)
{
	struct spent now = spent_now();

	return (struct spent) { now.wall_ns - began.wall_ns, now.cpu_ns - began.cpu_ns };
}

/* Room for the table as it is now; its structure does not change any more. */
static void bare_prepare(struct bare *b, const char *table)
{
	struct ipt_getinfo info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	snprintf(info.name, sizeof(info.name), "%s", table);
	b->fd = xt_socket(ADDR_V4);
	if (b->fd < 0 || getsockopt(b->fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &len) < 0)
		die(table, strerror(errno));
	b->len = (socklen_t)(sizeof(*b->entries) + info.size);
	b->entries = xcalloc(1, b->len);
	memcpy(b->entries->name, info.name, sizeof(b->entries->name));
	b->entries->size = info.size;
}

static struct spent measure_bare(struct bare *b)
{
	struct spent began = spent_now();
	socklen_t len = b->len;

	if (getsockopt(b->fd, IPPROTO_IP, IPT_SO_GET_ENTRIES, b->entries, &len) < 0)
		die("the bare copy", strerror(errno));
	return spent_since(began);
}

static uint64_t octets_of(const struct snap *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n_addresses; i++)
		for (enum path p = 0; p < PATHS; p++)
			sum += s->addresses[i].totals.path[p].octets;
	return sum;
}

static struct spent measure_tick(struct tick *t)
{
	uint64_t before = octets_of(engine_snap(t->engine));
	struct spent began, spent;

	t->now_ns += NS_PER_S;
	began = spent_now();
	engine_freshen(t->engine, t->now_ns);
	spent = spent_since(began);
	if (engine_snap(t->engine)->taken_ns != t->now_ns)
		die("a tick", "the table could not be read");
	if (octets_of(engine_snap(t->engine)) == before)
		die("a tick", "nothing was counted since the one before");
	return spent;
}

/* Told that no time has passed, it looks at no link. */
static struct spent measure_read(struct fw *fw, uint64_t now_ns)
{
	struct spent began = spent_now(), spent;
	struct fw_reading reading[ADDR_FAMILIES];
	int ret = 0;

	for (enum addr_family f = 0; f < ADDR_FAMILIES && !ret; f++)
		ret = fw_read(fw, f, now_ns, &reading[f]);
	spent = spent_since(began);
	if (ret < 0)
		die("a reading", strerror(-ret));
	if (!reading[ADDR_V4].n_rows)
		die("a reading", "nothing was read");
	return spent;
}

static void measure_other(struct tick *t, struct spent *bare, struct spent *read)
{
	if (t->fw)
		*read = measure_read(t->fw, t->opened_ns);
	else
		*bare = measure_bare(&t->bare);
}

static void measure(struct tick *t, bool tick_last)
{
	struct spent bare = { 0, 0 }, read = { 0, 0 }, tick;

	if (tick_last)
		measure_other(t, &bare, &read);
	tick = measure_tick(t);
	if (!tick_last)
		measure_other(t, &bare, &read);
	printf("%.1f %.1f %.1f %.1f %.1f %.1f\n", (double)bare.wall_ns / 1e3,
	       (double)bare.cpu_ns / 1e3, (double)read.wall_ns / 1e3, (double)read.cpu_ns / 1e3,
	       (double)tick.wall_ns / 1e3, (double)tick.cpu_ns / 1e3);
	fflush(stdout);
}

static void on_published(void *arg)
{
	(void)arg; /* nobody is told */
}

static void on_stored(void *arg, int result, const char *text)
{
	if (result < 0)
		die("the ledger", text);
	*(bool *)arg = true;
}

/* Once the finals of the commit are stored, nobody who opens the counters has anything to
 * finish. */
static void await_stored(struct tick *t, struct loop *loop)
{
	uint64_t end_ns = loop_now_ns() + READY_S * NS_PER_S;
	bool stored = false;

	engine_store(t->engine, on_stored, &stored);
	while (!stored) {
		loop_run_once(loop, 100);
		if (loop_now_ns() > end_ns)
			die("the ledger", "not stored");
	}
}

static void on_done(void *arg, enum addr_family family, int result, const char *text,
		    uint64_t commit, const struct fw_final *finals, size_t n_finals,
		    uint64_t now_ns)
{
	(void)arg, (void)family, (void)result, (void)text, (void)commit, (void)finals;
	(void)n_finals, (void)now_ns; /* nothing is applied */
}

static void open_other(struct tick *t, const struct cfg *cfg, const char *run_dir,
		       struct loop *loop)
{
	struct fw_config config = fw_config_of(cfg, run_dir);
	struct err e = { "" };

	if (cfg->netfilter.backend != CFG_BACKEND_LINK)
		bare_prepare(&t->bare, cfg->netfilter.table);
	else if (fw_open(CFG_BACKEND_LINK, &config, loop, on_done, NULL, &t->fw, &e) < 0)
		die("cannot open the counters", e.text);
	t->opened_ns = loop_now_ns();
	if (t->fw)
		measure_read(t->fw, t->opened_ns);
}

static void await_rules(struct tick *t, struct loop *loop, uint32_t rules)
{
	uint64_t end_ns = loop_now_ns() + READY_S * NS_PER_S;

	while (engine_snap(t->engine)->rules != rules) {
		loop_run_once(loop, 100);
		if (loop_now_ns() > end_ns)
			die("the rules", "not in place");
	}
}

int main(int argc, char **argv)
{
	struct tick t = { .bare.fd = -1 };
	struct loop *loop = loop_new();
	struct err e = { "" };
	bool tick_last = false;
	struct cfg *cfg;
	char line[64];

	if (argc != 4)
		die("usage", "tick CONFIGURATION RUN-DIRECTORY COUNTING-RULES < LINES");
	if (cfg_load(argv[1], source_check, &cfg, &e) < 0 ||
	    engine_new(cfg, argv[2], loop, on_published, NULL, &t.engine, &e) < 0)
		die("cannot start", e.text);
	await_rules(&t, loop, (uint32_t)strtoul(argv[3], NULL, 10));
	await_stored(&t, loop);
	open_other(&t, cfg, argv[2], loop);
	t.now_ns = loop_now_ns();
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		measure(&t, tick_last);
		tick_last = !tick_last;
	}
	if (t.fw)
		fw_close(t.fw);
	else
		close(t.bare.fd);
	free(t.bare.entries);
	engine_free(t.engine);
	cfg_free(cfg);
	loop_free(loop);
	return 0;
}
