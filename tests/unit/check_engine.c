/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine over the fake backend: does it know whether it turns? */
#include "base/xalloc.h"
#include "engine/engine.h"
#include "inventory/source_kind.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static char dir[] = "/tmp/check_engine.XXXXXX";
static struct cfg *cfg;
static struct loop *loop;
static struct engine *engine;
static int done_result;
static bool done;

static void on_published(void *arg)
{
	(void)arg;
}

static void on_rules(void *arg, int result, const char *text)
{
	(void)arg;
	(void)text;
	done_result = result;
	done = true;
}

static void begin(void)
{
	struct err e = { "" };
	char *path, *text;
	FILE *f;

	ck_assert(mkdtemp(dir) != NULL);
	path = xasprintf("%s/list", dir);
	f = fopen(path, "w");
	fputs("101 203.0.113.77\n", f);
	fclose(f);
	text = xasprintf("[netfilter]\nbackend = fake\n[inventory]\nsource = file:%s\n"
			 "[ledger]\npath = %s/ledger.db\n",
			 path, dir);
	ck_assert_msg(cfg_parse(text, "test", source_check, &cfg, &e) == 0, "%s", e.text);
	loop = loop_new();
	ck_assert_msg(engine_new(cfg, dir, loop, on_published, NULL, &engine, &e) == 0, "%s",
		      e.text);
	free(path);
	free(text);
}

static void end(void)
{
	char *command = xasprintf("rm -rf '%s'", dir);

	engine_free(engine);
	loop_free(loop);
	cfg_free(cfg);
	ck_assert_int_eq(system(command), 0);
	free(command);
}

START_TEST(engine_refresh_done_when_rules_are_in_place)
{
	engine_refresh(engine, on_rules, NULL);
	while (!done)
		loop_run_once(loop, 20000);
	ck_assert_int_eq(done_result, 0);
	ck_assert_uint_eq(engine_snap(engine)->n_addresses, 1);
	ck_assert_uint_eq(engine_snap(engine)->rules, PATHS);
}
END_TEST

/* Its ticks come from the loop: where that does not run, they are missed. */
START_TEST(engine_is_turning_without_ticks_false)
{
	uint64_t now = loop_now_ns();

	ck_assert(engine_is_turning(engine, now));
	ck_assert(engine_is_turning(engine, now + 30 * NS_PER_S));
	ck_assert(!engine_is_turning(engine, now + 41 * NS_PER_S));
	while (!engine_is_turning(engine, now + 41 * NS_PER_S)) /* one every 10 s */
		loop_run_once(loop, 20000);
	ck_assert(!engine_is_turning(engine, now + 61 * NS_PER_S));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("engine");
	TCase *t = tcase_create("engine");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, engine_refresh_done_when_rules_are_in_place);
	tcase_add_test(t, engine_is_turning_without_ticks_false);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
