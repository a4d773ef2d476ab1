/* SPDX-License-Identifier: GPL-2.0-or-later */
/* turn: where the time of a reading goes that costs microseconds itself.
 *
 *   turn [ADDRESSES] [ROUNDS]
 *
 * A ledger of so many addresses, one of each container, takes readings made up in memory, and a
 * snapshot is built after each. Prints microseconds of this thread's CPU: "apply", with all rows
 * counting or with none, and "snapshot", which includes giving the last one back. */
#include "base/xalloc.h"
#include "ledger/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct made {
	struct inventory inv;
	struct fw_row *rows;
	size_t n;
};

static struct made make(size_t n)
{
	struct made m = { .rows = xcalloc(n, sizeof(*m.rows)), .n = n };

	m.inv.containers = xcalloc(n, sizeof(*m.inv.containers));
	m.inv.addresses = xcalloc(n, sizeof(*m.inv.addresses));
	m.inv.n_containers = m.inv.n_addresses = n;
	m.inv.complete = true;
	for (size_t i = 0; i < n; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%zu.%zu.%zu", i >> 16, i >> 8 & 255, i & 255);
		if (addr_parse(text, &m.rows[i].addr) < 0)
			exit(1);
		m.rows[i].present = PATHS_ALL;
		m.inv.containers[i] = (struct inv_container) { .id = xasprintf("%zu", 100000 + i),
							       .name = xstrdup("web.example"),
							       .run = INV_RUN_RUNNING };
		m.inv.addresses[i] =
			(struct inv_address) { .addr = m.rows[i].addr, .container = (uint32_t)i };
	}
	return m;
}

static void count(struct made *m)
{
	for (size_t i = 0; i < m->n; i++) {
		m->rows[i].path[PATH_FWD_IN].octets += 1500;
		m->rows[i].path[PATH_FWD_IN].pkts++;
		m->rows[i].path[PATH_FWD_OUT].octets += 60;
		m->rows[i].path[PATH_FWD_OUT].pkts++;
	}
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 200;
	static const bool no_problem[ADDR_FAMILIES];
	struct ledger_now now = { .ns = 1000, .wall_s = 1700000000 };
	struct made m = make(n);
	struct fw_reading reading = { .rows = m.rows, .n_rows = n, .apart = true };
	struct ledger *l = ledger_new();
	struct snap_pool *pool = snap_pool_new();
	struct snap *snap = snap_new();
	uint64_t apply[2] = { 0 }, show = 0, at;

	ledger_set_inventory(l, &m.inv, now);
	for (unsigned i = 0; i < 2 * rounds; i++) {
		bool busy = i % 2;
		struct snap *next;

		if (busy)
			count(&m);
		now.ns += 50000000;
		at = cpu_ns();
		ledger_apply(l, ADDR_V4, &reading, false, now);
		apply[busy] += cpu_ns() - at;
		at = cpu_ns();
		next = snap_new_from(pool);
		ledger_snapshot(l, PATHS_ALL, no_problem, next);
		snap_unref(snap);
		snap = next;
		show += cpu_ns() - at;
	}
	printf("%zu addresses: apply, all counting %.1f us; apply, none %.1f us; snapshot %.1f "
	       "us\n",
	       n, (double)apply[1] / rounds / 1000, (double)apply[0] / rounds / 1000,
	       (double)show / (2 * rounds) / 1000);
	snap_unref(snap);
	ledger_free(l);
	return 0;
}
