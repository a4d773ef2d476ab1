/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A subagent that serves a constant table, for tests of the session against a real snmpd:
 *   ax_probe SOCKET ROWS [PATIENCE_MS]
 * Default context: 8 columns of ROWS Counter64; context "containers": the same plus one. Each
 * change of state is a line on stdout, "up" or "state problem"; SIGTERM ends it. */
#include "agentx/ax.h"
#include "agentx/ax_timing.h"
#include "base/xalloc.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#define PREFIX 1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 1, 1
#define FIRST_ROW 100

static const uint32_t prefix[] = { PREFIX };
static const uint32_t columns[] = { 2, 3, 4, 5, 6, 7, 8, 9 };

struct table {
	size_t rows;
	uint64_t add;
};

struct probe {
	struct loop *loop;
	struct ax *ax;
	struct loop_timer timer;
	struct table plain, containers;
	char last[600];
};

static size_t table_rows(const void *data)
{
	return ((const struct table *)data)->rows;
}

static size_t table_index(const void *data, size_t row, uint32_t *sub)
{
	(void)data;
	sub[0] = FIRST_ROW + (uint32_t)row;
	return 1;
}

static bool table_cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	ret->type = SMI_COUNTER64;
	ret->u.u64 =
		(1ull << 63) + ((uint64_t)column << 32) + row + ((const struct table *)data)->add;
	return true;
}

static const struct oidtab table = { prefix,     ARRAY_LEN(prefix), columns,   ARRAY_LEN(columns),
				     table_rows, table_index,       table_cell };
static const struct oidtab *const tables[] = { &table };
static const struct oidtab_view view = { tables, 1 };

static bool pin(void *arg, const char *context, uint64_t now_ns,
		const struct oidtab_view **ret_view, const void **ret_data)
{
	struct probe *p = arg;

	(void)now_ns;
	if (context && strcmp(context, "containers") != 0)
		return false;
	*ret_view = &view;
	*ret_data = context ? &p->containers : &p->plain;
	return true;
}

static void unpin(void *arg, const void *data)
{
	(void)arg;
	(void)data;
}

static void on_timer(void *arg, uint64_t now_ns)
{
	static const char *const names[] = { "down", "connecting", "opening", "registering", "up" };
	struct probe *p = arg;
	char text[600];

	snprintf(text, sizeof(text), "%s %s", names[ax_get_state(p->ax)], ax_get_problem(p->ax));
	if (strcmp(text, p->last) != 0)
		puts(text);
	strcpy(p->last, text);
	loop_timer_set(p->loop, &p->timer, now_ns + 20 * NS_PER_MS);
}

static void on_signal(void *arg, short revents, uint64_t now_ns)
{
	struct probe *p = arg;

	(void)revents;
	(void)now_ns;
	loop_stop(p->loop);
}

static void watch_sigterm(struct probe *p)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	loop_watch(p->loop, fd, POLLIN, on_signal, p);
}

int main(int argc, char **argv)
{
	static const struct ax_registration regs[] = {
		{ prefix, ARRAY_LEN(prefix), NULL },
		{ prefix, ARRAY_LEN(prefix), "containers" },
	};
	struct probe p = { .containers.add = 1 };
	const struct ax_hooks hooks = { .pin = pin, .unpin = unpin, .arg = &p };
	struct ax_timing timing = ax_timing_usual();
	uint64_t requests, varbinds;
	struct err e;

	if (argc < 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	p.plain.rows = p.containers.rows = strtoul(argv[2], NULL, 10);
	p.loop = loop_new();
	watch_sigterm(&p);
	if (ax_new(argv[1], "ax_probe", regs, ARRAY_LEN(regs), &hooks, p.loop, &p.ax, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	if (argc > 3)
		timing.patience_ns = strtoul(argv[3], NULL, 10) * NS_PER_MS;
	if (argc > 3 && timing.quiet_ns > timing.patience_ns / 2)
		timing.quiet_ns = timing.patience_ns / 2;
	ax_set_timing(p.ax, &timing);
	ax_start(p.ax);
	loop_timer_init(&p.timer, on_timer, &p);
	on_timer(&p, loop_now_ns());
	loop_run(p.loop);
	ax_get_counts(p.ax, &requests, &varbinds);
	printf("ended requests %llu varbinds %llu\n", (unsigned long long)requests,
	       (unsigned long long)varbinds);
	loop_timer_clear(p.loop, &p.timer);
	ax_free(p.ax);
	loop_free(p.loop);
	return 0;
}
