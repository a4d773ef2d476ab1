/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The change of backend on a running node: the engine over real tables and real links, with real
 * packets before, meanwhile and after. Every octet is booked once, each row gets one discontinuity
 * for each change, and nothing of the backend before is left, also when the process is killed at
 * any instant. */
#include "base/xalloc.h"
#include "engine/engine.h"
#include "inventory/source_kind.h"
#include "netfilter/fw.h"
#include "netfilter/fw_admin.h"
#include "seed.h"
#include "veth_net.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROWS 3 /* each of a container of its own; the last one stays idle */
#define WAIT_MS 20000

static const char *const addrs[ROWS] = { "198.51.100.1", "2001:db8::2", "198.51.100.3" };
static char dir[] = "/tmp/check_handover.XXXXXX";
static struct cfg *cfg;
static struct loop *loop;
static struct engine *engine;
static bool done;
static uint64_t sent[ROWS];
static uint32_t events[ROWS];

static void on_published(void *arg)
{
	(void)arg;
}

static void on_done(void *arg, int result, const char *text)
{
	(void)arg;
	ck_assert_msg(result == 0, "%s", text);
	done = true;
}

static void configure(const char *backend)
{
	char *text = xasprintf("[netfilter]\nbackend = %s\n[inventory]\nsource = file:%s/list\n"
			       "[ledger]\npath = %s/ledger.db\n"
			       "[control]\nsocket = %s/control.sock\n",
			       backend, dir, dir, dir);
	struct err e = { "" };

	cfg_free(cfg);
	cfg = NULL;
	ck_assert_msg(cfg_parse(text, "test", source_check, &cfg, &e) == 0, "%s", e.text);
	free(text);
}

static void open_engine(void)
{
	struct err e = { "" };

	loop = loop_new();
	ck_assert_msg(engine_new(cfg, dir, loop, on_published, NULL, &engine, &e) == 0, "%s",
		      e.text);
}

static void end_engine(void)
{
	engine_free(engine);
	loop_free(loop);
	engine = NULL;
}

/* Start, and wait until all that the inventory names is counted. */
static void start(void)
{
	open_engine();
	done = false;
	engine_refresh(engine, on_done, NULL);
	for (uint64_t end = loop_now_ns() + WAIT_MS * NS_PER_MS; !done && loop_now_ns() < end;)
		loop_run_once(loop, 1000);
	ck_assert(done);
}

static void send_all(unsigned n)
{
	for (size_t i = 0; i + 1 < ROWS; i++) {
		veth_net_send((unsigned)i, addrs[i], 100 + i, n);
		sent[i] += (100 + i) * n;
	}
}

static bool has_rules(enum cfg_backend backend)
{
	struct fw_config config = fw_config_of(cfg, dir);

	return fw_has_rules(backend, &config);
}

static void expect(const char *backend)
{
	bool link = !strcmp(backend, "link");
	static uint64_t ahead_ns;
	const struct snap *s;

	ahead_ns += NS_PER_S; /* the engine takes the time that it is told */
	engine_freshen(engine, loop_now_ns() + ahead_ns);
	s = engine_snap(engine);
	ck_assert_str_eq(s->backend, backend);
	ck_assert_uint_eq(s->n_addresses, ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		const struct snap_totals *t = &s->addresses[i].totals;

		ck_assert_int_eq(t->status, ROW_COUNTING);
		ck_assert_uint_eq(t->path[PATH_NODE_OUT].octets, sent[i]);
		ck_assert_uint_eq(t->path[PATH_FWD_OUT].octets, 0);
		ck_assert_msg(t->discontinuities == events[i], "%s: %u discontinuities, %u wanted",
			      addrs[i], t->discontinuities, events[i]);
		ck_assert_uint_eq(s->containers[i].totals.discontinuities, events[i]);
	}
	ck_assert(has_rules(CFG_BACKEND_LINK) == link);
	ck_assert(has_rules(CFG_BACKEND_IPTABLES) == !link);
}

static void change_happened(void)
{
	for (size_t i = 0; i < ROWS; i++)
		events[i]++;
}

static void setup(void)
{
	const char *why = veth_net_enter();
	struct fw_look look;
	char *path;
	FILE *f;

	if (!why && fw_look(CFG_BACKEND_IPTABLES, ADDR_V4, "mangle", &look) < 0)
		why = "this kernel has no legacy tables";
	if (why) {
		printf("SKIP %s\n", why);
		exit(0);
	}
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = xasprintf("%s/xtables.lock", dir);
	setenv("XTABLES_LOCKFILE", path, 1);
	free(path);
	path = xasprintf("%s/list", dir);
	f = fopen(path, "w");
	for (unsigned i = 0; i < ROWS; i++) {
		veth_net_start(i);
		fprintf(f, "%u %s link=h%u state=running\n", 101 + i, addrs[i], i);
	}
	fclose(f);
	free(path);
}

static void teardown(void)
{
	struct err e = { "" };
	unsigned removed = 0;
	char *command = xasprintf("rm -rf '%s'", dir);
	struct fw_config config = fw_config_of(cfg, dir);

	/* Whatever the configuration names: nothing of either is left. */
	ck_assert_msg(fw_remove_all(CFG_BACKEND_AUTO, &config, &e, &removed) == 0, "%s", e.text);
	ck_assert_uint_eq(removed, ROWS * PATHS);
	ck_assert(!has_rules(CFG_BACKEND_LINK) && !has_rules(CFG_BACKEND_IPTABLES));
	cfg_free(cfg);
	ck_assert_int_eq(system(command), 0);
	free(command);
}

START_TEST(handover_change_by_a_restart_loses_and_repeats_nothing)
{
	static const char *const backends[] = { "iptables", "link", "iptables", "link" };

	for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
		configure(backends[i]);
		start();
		if (i)
			change_happened();
		expect(backends[i]);
		send_all(10);
		expect(backends[i]);
		end_engine();
		send_all(7); /* its rules count on */
	}
	start(); /* no change */
	expect("link");
	end_engine();
}
END_TEST

static const char *reason_now(void)
{
	struct engine_figures figures;

	engine_get_figures(engine, &figures);
	return figures.backend_reason;
}

/* An upgrade: iptables has counted, and `auto` takes links now. */
START_TEST(handover_by_auto_says_what_undoes_it)
{
	configure("iptables");
	start();
	ck_assert_str_eq(reason_now(), "");
	send_all(6);
	expect("iptables");
	end_engine();
	send_all(2);
	configure("auto");
	start();
	change_happened();
	expect("link");
	ck_assert_str_eq(reason_now(), "auto; iptables counted here before, \"backend = iptables\" "
				       "takes it again");
	end_engine();
	start(); /* no change */
	expect("link");
	ck_assert_str_eq(reason_now(), "auto");
	end_engine();
}
END_TEST

/* A process that begins the change and is killed somewhere on the way. */
static void begin_and_kill(unsigned after_us)
{
	pid_t pid = fork();

	if (!pid) {
		open_engine();
		engine_refresh(engine, on_done, NULL);
		for (;;)
			loop_run_once(loop, 1000);
	}
	ck_assert_int_gt(pid, 0);
	nanosleep(&(struct timespec) { .tv_nsec = (long)after_us * 1000 }, NULL);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(handover_killed_at_any_instant_is_one_discontinuity)
{
	uint64_t seed = seed_random("handover_killed_at_any_instant_is_one_discontinuity");

	configure("iptables");
	start();
	send_all(3);
	expect("iptables");
	end_engine();
	for (unsigned round = 0; round < 8; round++) {
		const char *to = round % 2 ? "iptables" : "link";

		send_all(5);
		configure(to);
		for (unsigned k = 0; k < 1 + round % 3; k++)
			begin_and_kill(2000 + (unsigned)(next_random(&seed) % 400000));
		start();
		change_happened();
		send_all(4);
		expect(to);
		end_engine();
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("handover");
	TCase *t = tcase_create("handover");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 300);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, handover_change_by_a_restart_loses_and_repeats_nothing);
	tcase_add_test(t, handover_by_auto_says_what_undoes_it);
	tcase_add_test(t, handover_killed_at_any_instant_is_one_discontinuity);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
