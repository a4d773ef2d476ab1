/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/loop.h"
#include "inv_helpers.h"
#include "inventory/child.h"

#include <signal.h>
#include <sys/wait.h>

/* What done said, kept beyond the child. */
struct seen {
	int calls;
	struct child_result result;
	char *out, *complaint;
	struct child *free_in_done; /* free it from within the callback */
};

static void on_done(void *arg, const struct child_result *result, uint64_t now_ns)
{
	struct seen *seen = arg;

	(void)now_ns;
	seen->calls++;
	seen->result = *result;
	ck_assert_uint_eq(result->out[result->len], '\0');
	seen->out = xstrndup(result->out, result->len);
	seen->complaint = xstrdup(result->complaint);
	child_free(seen->free_in_done);
}

/* Run a program until done was called. */
static struct seen run_argv(char *const argv[], uint64_t deadline_ns, size_t max)
{
	struct loop *loop = loop_new();
	struct seen seen = { 0 };
	struct err e = { "" };
	struct child *child;

	ck_assert_msg(child_new(argv, loop_now_ns() + deadline_ns, max, loop, on_done, &seen,
				&child, &e) == 0,
		      "%s", e.text);
	while (!seen.calls)
		loop_run_once(loop, -1);
	child_free(child);
	/* Nothing is left watched or set: a turn has nothing to wait for. */
	loop_run_once(loop, 0);
	ck_assert_int_eq(seen.calls, 1);
	loop_free(loop);
	return seen;
}

/* The same of `script` in sh. */
static struct seen run(const char *script, uint64_t deadline_ns, size_t max)
{
	char *copy = xstrdup(script);
	char sh[] = "/bin/sh", c[] = "-c", *argv[] = { sh, c, copy, NULL };
	struct seen seen = run_argv(argv, deadline_ns, max);

	free(copy);
	return seen;
}

static void forget(struct seen *seen)
{
	free(seen->out);
	free(seen->complaint);
}

#define LONG (20 * NS_PER_S)
#define SHORT (300 * NS_PER_MS)
#define MIB ((size_t)1 << 20)

START_TEST(child_output_and_status_reported)
{
	struct seen seen = run("echo one; echo two; exit 3", LONG, MIB);

	ck_assert_int_eq(seen.result.error, 0);
	ck_assert_int_eq(seen.result.status, 3);
	ck_assert_str_eq(seen.out, "one\ntwo\n");
	ck_assert_str_eq(seen.result.text, "exit status 3");
	forget(&seen);
	seen = run(":", LONG, MIB);
	ck_assert_int_eq(seen.result.error, 0);
	ck_assert_int_eq(seen.result.status, 0);
	ck_assert_uint_eq(seen.result.len, 0);
	ck_assert_str_eq(seen.result.text, "");
	forget(&seen);
}
END_TEST

START_TEST(child_big_output_whole)
{
	struct seen seen = run("head -c 3000000 /dev/zero | tr '\\0' x", LONG, 4 * MIB);

	ck_assert_int_eq(seen.result.error, 0);
	ck_assert_uint_eq(seen.result.len, 3000000);
	ck_assert_uint_eq(strspn(seen.out, "x"), 3000000);
	forget(&seen);
}
END_TEST

START_TEST(child_last_stderr_line_kept)
{
	struct seen seen = run("echo first >&2; echo last words >&2; echo >&2; exit 1", LONG, MIB);

	ck_assert_str_eq(seen.complaint, "last words");
	ck_assert_str_eq(seen.result.text, "exit status 1: last words");
	forget(&seen);
	seen = run("printf 'no newline' >&2; exit 1", LONG, MIB);
	ck_assert_str_eq(seen.complaint, "no newline");
	forget(&seen);
	seen = run("head -c 500000 /dev/zero | tr '\\0' y >&2", LONG, MIB);
	ck_assert_uint_eq(strlen(seen.complaint), 255);
	ck_assert_int_eq(seen.result.error, 0);
	forget(&seen);
}
END_TEST

START_TEST(child_stdin_empty_environment_small)
{
	struct seen seen = run("cat; echo $PATH; echo $LC_ALL; echo $SECRET", LONG, MIB);

	ck_assert_str_eq(seen.out, "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin\n"
				   "C\n\n");
	forget(&seen);
}
END_TEST

START_TEST(child_inherits_no_descriptor)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), others = 0;
	struct seen seen = run("ls /proc/self/fd | wc -l", LONG, MIB);
	FILE *usual = popen("ls /proc/self/fd | wc -l", "r");

	/* Who runs the test may have left some open. */
	ck_assert(usual && fscanf(usual, "%d", &others) == 1);
	pclose(usual);
	ck_assert(fd >= 0);
	close(fd);
	ck_assert_int_ge(others, 4); /* 0, 1, 2 and ls's own */
	ck_assert_int_eq(atoi(seen.out), 4);
	forget(&seen);
}
END_TEST

START_TEST(child_killed_by_signal_reported)
{
	struct seen seen = run("echo 101; kill -SEGV $$", LONG, MIB);

	ck_assert_int_eq(seen.result.error, -EINTR);
	ck_assert(strstr(seen.result.text, "killed by signal 11"));
	forget(&seen);
}
END_TEST

START_TEST(child_over_deadline_killed)
{
	struct seen seen =
		run("trap '' TERM HUP INT; echo 101; echo hm >&2; sleep 1000", SHORT, MIB);

	ck_assert_int_eq(seen.result.error, -ETIMEDOUT);
	ck_assert_str_eq(seen.result.text, "did not end in time, killed: hm");
	forget(&seen);
}
END_TEST

START_TEST(child_that_closed_stdout_yet_runs_killed_at_deadline)
{
	struct seen seen = run("echo 101; exec >&- 2>&-; sleep 1000", SHORT, MIB);

	ck_assert_int_eq(seen.result.error, -ETIMEDOUT);
	forget(&seen);
}
END_TEST

START_TEST(child_that_closed_stdout_then_ended_done)
{
	struct seen seen = run("echo 101; exec >&- 2>&-; sleep 0.1; exit 7", LONG, MIB);

	ck_assert_int_eq(seen.result.error, 0);
	ck_assert_int_eq(seen.result.status, 7);
	ck_assert_str_eq(seen.out, "101\n");
	forget(&seen);
}
END_TEST

/* Is the process of this id there, and not only a zombie's entry? */
static bool runs(pid_t pid)
{
	char *path = xasprintf("/proc/%d/stat", (int)pid), state = 'X';
	FILE *f = fopen(path, "r");

	free(path);
	if (!f)
		return false;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(f);
	return state != 'Z' && state != 'X';
}

START_TEST(child_grandchild_that_holds_stdout_killed_at_deadline)
{
	struct seen seen = run("sleep 1000 & echo $!; exit 0", SHORT, MIB);
	pid_t grandchild = (pid_t)atoi(seen.out);

	ck_assert_int_eq(seen.result.error, -ETIMEDOUT);
	ck_assert_str_eq(seen.result.text,
			 "left a process behind that kept its output open until the deadline");
	ck_assert_int_gt(grandchild, 1);
	while (runs(grandchild)) /* SIGKILL was sent; the test's timeout ends this otherwise */
		usleep(1000);
	forget(&seen);
}
END_TEST

START_TEST(child_grandchild_that_holds_stderr_only_not_waited_for)
{
	struct seen seen = run("sleep 1000 >/dev/null & echo $!; exit 0", LONG, MIB);
	pid_t grandchild = (pid_t)atoi(seen.out);

	ck_assert_int_eq(seen.result.error, 0);
	ck_assert_int_gt(grandchild, 1);
	ck_assert(runs(grandchild)); /* it is the script's own business */
	kill(grandchild, SIGKILL);
	forget(&seen);
}
END_TEST

START_TEST(child_that_prints_forever_killed_at_cap)
{
	struct seen seen = run("while :; do echo 101 192.0.2.1; done", LONG, 100000);

	ck_assert_int_eq(seen.result.error, -EFBIG);
	ck_assert_uint_eq(seen.result.len, 100000);
	ck_assert(strstr(seen.result.text, "printed too much"));
	forget(&seen);
	seen = run("while :; do echo complaint >&2; done", SHORT, MIB);
	ck_assert_int_eq(seen.result.error, -ETIMEDOUT);
	ck_assert_str_eq(seen.complaint, "complaint");
	forget(&seen);
}
END_TEST

START_TEST(child_unusable_file_told_by_done)
{
	char *dir = make_dir(), *plain = write_file(dir, "plain", 0644, "#!/bin/sh\n");
	char *orphan = write_file(dir, "orphan", 0755, "#!/no/such/interpreter\n");
	char missing[] = "/no/such/program";
	char *argvs[][2] = { { missing, NULL }, { plain, NULL }, { orphan, NULL }, { dir, NULL } };
	static const char *const said[] = { "No such file", "Permission denied", "No such file",
					    "Permission denied" };

	for (size_t i = 0; i < ARRAY_LEN(argvs); i++) {
		const char *preload = getenv("LD_PRELOAD");
		struct seen seen = { 0 };
		char *want;

		if (i >= 2 && preload && strstr(preload, "vgpreload")) {
			printf("SKIP %s: valgrind cannot fail an exec so late\n", argvs[i][0]);
			continue;
		}
		seen = run_argv(argvs[i], LONG, MIB);
		want = xasprintf("cannot run %s: %s", argvs[i][0], said[i]);
		ck_assert_int_eq(seen.result.status, CHILD_NO_EXEC);
		ck_assert_msg(!strncmp(seen.result.text, want, strlen(want)), "%s is not %s",
			      seen.result.text, want);
		free(want);
		forget(&seen);
	}
	free(plain);
	free(orphan);
	remove_dir(dir);
}
END_TEST

static int say_and_count(const void *arg)
{
	int open = 0;

	for (int fd = 0; fd < 1000; fd++)
		open += fcntl(fd, F_GETFD) >= 0;
	if (write(1, arg, strlen(arg)) < 0 || write(2, "hm\n", 3) < 0)
		return 99;
	return open;
}

START_TEST(child_new_work_output_and_status_reported)
{
	struct loop *loop = loop_new();
	struct seen seen = { 0 };
	struct child *child;

	ck_assert_int_eq(child_new_work(say_and_count, "101\n", loop_now_ns() + LONG, MIB, loop,
					on_done, &seen, &child, NULL),
			 0);
	while (!seen.calls)
		loop_run_once(loop, -1);
	ck_assert_int_eq(seen.result.error, 0);
	ck_assert_int_eq(seen.result.status, 3); /* descriptors: 0, 1 and 2 */
	ck_assert_str_eq(seen.out, "101\n");
	ck_assert_str_eq(seen.complaint, "hm");
	child_free(child);
	forget(&seen);
	loop_free(loop);
}
END_TEST

static int sleep_for_ever(const void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

START_TEST(child_new_work_over_deadline_killed)
{
	struct loop *loop = loop_new();
	struct seen seen = { 0 };
	struct child *child;

	ck_assert_int_eq(child_new_work(sleep_for_ever, NULL, loop_now_ns() + SHORT, MIB, loop,
					on_done, &seen, &child, NULL),
			 0);
	while (!seen.calls)
		loop_run_once(loop, -1);
	ck_assert_int_eq(seen.result.error, -ETIMEDOUT);
	while (!child_gone(child))
		usleep(1000);
	child_free(child);
	forget(&seen);
	loop_free(loop);
}
END_TEST

START_TEST(child_free_while_running_kills_silently)
{
	char sh[] = "/bin/sh", c[] = "-c", script[] = "echo $$; sleep 1000";
	char *argv[] = { sh, c, script, NULL };
	struct loop *loop = loop_new();
	struct seen seen = { 0 };
	struct child *child;

	ck_assert_int_eq(child_new(argv, loop_now_ns() + LONG, MIB, loop, on_done, &seen, &child,
				   NULL),
			 0);
	loop_run_once(loop, -1);
	child_free(child);
	loop_run_once(loop, 0);
	ck_assert_int_eq(seen.calls, 0);
	/* Reaped, and the group is gone with it. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	loop_free(loop);
}
END_TEST

START_TEST(child_free_in_done_allowed)
{
	char t[] = "/bin/true", *argv[] = { t, NULL };
	struct loop *loop = loop_new();
	struct seen seen = { 0 };

	ck_assert_int_eq(child_new(argv, loop_now_ns() + LONG, MIB, loop, on_done, &seen,
				   &seen.free_in_done, NULL),
			 0);
	while (!seen.calls)
		loop_run_once(loop, -1);
	loop_run_once(loop, 0);
	forget(&seen);
	loop_free(loop);
}
END_TEST

START_TEST(child_many_at_once_each_its_own)
{
	enum { N = 20 };
	struct seen seen[N];
	struct child *child[N];
	struct loop *loop = loop_new();
	bool all;

	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < N; i++) {
		char *script = xasprintf("echo %d; exit %d", i, i);
		char sh[] = "/bin/sh", c[] = "-c", *argv[] = { sh, c, script, NULL };

		ck_assert_int_eq(child_new(argv, loop_now_ns() + LONG, MIB, loop, on_done, &seen[i],
					   &child[i], NULL),
				 0);
		free(script);
	}
	do {
		loop_run_once(loop, -1);
		all = true;
		for (int i = 0; i < N; i++)
			all = all && seen[i].calls;
	} while (!all);
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(seen[i].result.status, i);
		ck_assert_int_eq(atoi(seen[i].out), i);
		ck_assert(child_gone(child[i]));
		child_free(child[i]);
		forget(&seen[i]);
	}
	loop_free(loop);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("child");
	TCase *t = tcase_create("child");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, child_output_and_status_reported);
	tcase_add_test(t, child_big_output_whole);
	tcase_add_test(t, child_last_stderr_line_kept);
	tcase_add_test(t, child_stdin_empty_environment_small);
	tcase_add_test(t, child_inherits_no_descriptor);
	tcase_add_test(t, child_killed_by_signal_reported);
	tcase_add_test(t, child_over_deadline_killed);
	tcase_add_test(t, child_that_closed_stdout_yet_runs_killed_at_deadline);
	tcase_add_test(t, child_that_closed_stdout_then_ended_done);
	tcase_add_test(t, child_grandchild_that_holds_stdout_killed_at_deadline);
	tcase_add_test(t, child_grandchild_that_holds_stderr_only_not_waited_for);
	tcase_add_test(t, child_that_prints_forever_killed_at_cap);
	tcase_add_test(t, child_unusable_file_told_by_done);
	tcase_add_test(t, child_new_work_output_and_status_reported);
	tcase_add_test(t, child_new_work_over_deadline_killed);
	tcase_add_test(t, child_free_while_running_kills_silently);
	tcase_add_test(t, child_free_in_done_allowed);
	tcase_add_test(t, child_many_at_once_each_its_own);
	suite_add_tcase(s, t);
	return run_suite(s);
}
