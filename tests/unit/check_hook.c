/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/hook.h"

#include "base/file.h"
#include "base/xalloc.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct hook_event event = { .id = "101",
					 .percent = 80,
					 .used = { UINT64_MAX, 7 },
					 .quota = { INT64_MAX, BILLING_COUNTS_LARGER },
					 .begin_s = 1793491200,
					 .end_s = 1796083200 };

START_TEST(hook_job_and_back_is_the_same)
{
	struct hook_event full = event, is;
	char *job;

	memset(full.id, 'x', 64); /* the longest */
	job = hook_job(&full);
	ck_assert_uint_lt(strlen(job), 255); /* what the helper reads */
	ck_assert(hook_parse(job, &is));
	ck_assert_str_eq(is.id, full.id);
	ck_assert(is.percent == 80 && is.used.in == UINT64_MAX && is.used.out == 7 &&
		  is.quota.octets == INT64_MAX && is.quota.counts == BILLING_COUNTS_LARGER &&
		  is.begin_s == full.begin_s && is.end_s == full.end_s);
	free(job);
	ck_assert(hook_parse("hook 80 1 2 3 1 4 5 ct with blanks=x", &is));
	ck_assert_str_eq(is.id, "ct with blanks=x");
}
END_TEST

#define A13 "aaaaaaaaaaaaa"

START_TEST(hook_parse_refuses_what_no_inventory_takes)
{
	static const char too_long[] = "hook 80 1 2 3 1 4 5 " A13 A13 A13 A13 A13;
	static const char *const bad[] = {
		"",
		"hook",
		"hook 80 1 2 3 1 4 5",
		"hook 80 1 2 3 1 4 5 ",
		"hook 80 1 2 3 0 4 5 a",
		"hook 80 1 2 3 5 4 5 a",
		"hook 80 1 2 3 1 4 5 a\tb",
		"hook 80 1 2 3 1 4 5 a\x7f",
		"hook 80 1 2 3 1 4 5 \xff",
		"hook x 1 2 3 1 4 5 a",
		"hook 80 1 2 3 1 4 5a",
		"hook 80 1 2 3 1 4 5 a\xe2\x80\x8b", /* a zero-width space */
		too_long
	};
	struct hook_event is;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!hook_parse(bad[i], &is), "'%s'", bad[i]);
}
END_TEST

static char *dir, *out;

/* A program that writes its words and what it is told; it fails for one container. */
static char *write_program(void)
{
	char *path = xasprintf("%s/hook", dir);
	FILE *f = fopen(path, "we");

	ck_assert(f != NULL);
	fprintf(f, "#!/bin/sh\n{ echo \"$#:$1:$2\"; env | grep ^CTMETER_ | sort; } >>%s\n", out);
	fprintf(f, "test \"$CTMETER_CONTAINER\" != 'b c' || exit 3\n");
	fclose(f);
	chmod(path, 0755);
	return path;
}

static bool has(const char *part)
{
	char *text = NULL;
	bool is = file_read(out, 65536, &text, NULL) == 0 && strstr(text, part);

	free(text);
	return is;
}

START_TEST(hooks_run_one_after_the_other_with_the_events_environment)
{
	char template[] = "/tmp/check_hook.XXXXXX";
	struct hook_event second = event, third = event;
	struct loop *loop = loop_new();
	struct hooks *h = hooks_new(NULL, loop);
	char *path, *command;

	dir = mkdtemp(template);
	out = xasprintf("%s/out", dir);
	path = write_program();
	command = xasprintf("%s --first \"a b\"", path);
	hooks_run(h, &event); /* there is no hook yet */
	hooks_set(h, command);
	strcpy(second.id, "b c");
	strcpy(third.id, "last");
	hooks_run(h, &event);
	hooks_run(h, &second);
	hooks_run(h, &third);
	while (!has("CTMETER_USED=18446744073709551615\n2:--first:a b\n") ||
	       !has("CONTAINER=last\n") || !has("CTMETER_PERIOD_START=1793491200\n"))
		loop_run_once(loop, 100);
	ck_assert(has("2:--first:a b\nCTMETER_CONTAINER=101\n"));
	ck_assert(has("CTMETER_CONTAINER=b c\n"));
	ck_assert(has("CTMETER_QUOTA_COUNTS=larger\nCTMETER_THRESHOLD=80\n"));
	hooks_free(h);
	loop_free(loop);
	unlink(path);
	unlink(out);
	rmdir(dir);
	free(path);
	free(out);
	free(command);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hook");
	TCase *tc = tcase_create("hook");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, hook_job_and_back_is_the_same);
	tcase_add_test(tc, hook_parse_refuses_what_no_inventory_takes);
	tcase_add_test(tc, hooks_run_one_after_the_other_with_the_events_environment);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
