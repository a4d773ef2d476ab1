/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source_bench.h"

#include <sys/resource.h>

/* ---- specs ---- */

START_TEST(sources_new_bad_specs_refused)
{
	static const char *const t[][2] = {
		{ "files:/x", "unknown source" }, { "file:", "unknown source" },
		{ "", "unknown source" },         { "command:ls", "absolute path" },
		{ "command:", "unknown source" }, { "command:/bin/sh \"x", "quote" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct err e = { "" };
		struct bench b;

		ck_assert_int_eq(try_open(&b, "", "file:/x", t[i][0], &e), -EINVAL);
		ck_assert_msg(strstr(e.text, t[i][1]) != NULL, "%s", e.text);
		loop_free(b.loop);
	}
}
END_TEST

START_TEST(sources_new_auto_takes_vz_or_lists_choices)
{
	static const char *const have[] = { "vz/ovz6", "vz/prlctl", "vz/veinfo-only" };
	char *root = fixture_path("vz/none");
	struct err e = { "" };
	struct bench b;

	ck_assert_int_eq(try_open(&b, root, "auto", NULL, &e), -ENOENT);
	ck_assert_msg(strstr(e.text, "file:PATH") && strstr(e.text, "command:PATH ARG...") &&
			      strstr(e.text, " in [inventory]"),
		      "%s", e.text);
	loop_free(b.loop);
	free(root);
	for (size_t i = 0; i < ARRAY_LEN(have); i++) {
		root = fixture_path(have[i]);
		open_bench(&b, root, "auto", NULL);
		ck_assert_uint_eq(sources_count(b.sources), 1);
		ck_assert_str_eq(sources_name(b.sources, 0), "auto");
		ck_assert_str_eq(sources_state(b.sources, 0), "not polled yet");
		close_bench(&b);
		free(root);
	}
}
END_TEST

#ifndef CTM_NO_CURL

/* All that there is, side by side, installed or running; one that is named is not taken again. */
START_TEST(sources_new_auto_takes_every_runtime)
{
	char *root = make_dir();
	struct bench b;

	free(write_file(root, "usr/bin/dockerd", 0755, ""));
	free(write_file(root, "var/lib/incus/unix.socket", 0644, ""));
	open_bench(&b, root, "auto", NULL);
	ck_assert_uint_eq(sources_count(b.sources), 2);
	ck_assert_str_eq(sources_name(b.sources, 0), "docker");
	ck_assert_str_eq(sources_name(b.sources, 1), "incus");
	close_bench(&b);
	open_bench(&b, root, "auto", "docker:/x");
	ck_assert_uint_eq(sources_count(b.sources), 2);
	ck_assert_str_eq(sources_name(b.sources, 0), "docker:/x");
	ck_assert_str_eq(sources_name(b.sources, 1), "incus");
	close_bench(&b);
	remove_dir(root);
}
END_TEST

START_TEST(sources_new_bad_places_refused)
{
	struct err e = { "" };

	ck_assert_int_eq(source_check("docker", &e), 0);
	ck_assert_int_eq(source_check("lxd:/a b", &e), 0);
	ck_assert_int_eq(source_check("docker:", &e), -EINVAL);
	ck_assert_int_eq(source_check("docker:run", &e), -EINVAL);
	ck_assert_msg(strstr(e.text, "absolute path") != NULL, "%s", e.text);
	ck_assert_int_eq(source_check("docker /run", &e), -EINVAL);
}
END_TEST

#endif

/* ---- the table of kinds ---- */

#define NOT_YET                                                                              \
	"not configured yet: source = auto found no OpenVZ, no Proxmox VE, " HTTP_TITLES     \
	"no LXC, no systemd-nspawn on this node; choose source = file:PATH, "                \
	"command:PATH ARG..., vz, pve[:PATH], " HTTP_FORMS "lxc[:PATH] or nspawn[:PATH] in " \
	"[inventory]"
#define ONE_OF                                                                            \
	"must be one of: auto, vz, pve[:PATH], " HTTP_FORMS "lxc[:PATH], nspawn[:PATH], " \
	"file:PATH, command:PATH ARG..."

START_TEST(source_kind_messages_list_every_kind)
{
	char spec_text[] = "auto", *spec = spec_text;
	char *root = fixture_path("vz/none");
	struct err e = { "" };

	ck_assert(!sources_are_configured(&spec, 1, root, &e));
	ck_assert_str_eq(e.text, NOT_YET);
	ck_assert_int_eq(source_check("vzlist", &e), -EINVAL);
	ck_assert_str_eq(e.text, ONE_OF);
	free(root);
}
END_TEST

START_TEST(source_tables_first_on_openvz_only)
{
	static const char *const have[] = { "vz/ovz6", "vz/prlctl", "vz/veinfo-only" };
	char *root = fixture_path("vz/none");

	ck_assert_ptr_null(source_tables_first(root));
	free(root);
	for (size_t i = 0; i < ARRAY_LEN(have); i++) {
		root = fixture_path(have[i]);
		ck_assert_str_eq(source_tables_first(root), "OpenVZ");
		free(root);
	}
#ifndef CTM_NO_CURL
	root = make_dir();
	free(write_file(root, "usr/bin/dockerd", 0755, ""));
	ck_assert_ptr_null(source_tables_first(root));
	remove_dir(root);
#endif
}
END_TEST

START_TEST(source_kind_of_request_only_configured_jobs)
{
	/* The source in the file, the request, the job that it then is. */
	static const struct {
		const char *spec, *request, *job;
		bool wanted;
	} t[] = {
		{ "vz", "vz:veinfo", "veinfo", true },
		{ "auto", "vz:veinfo", "veinfo", true },
		{ "file:/x", "vz:veinfo", "veinfo", false },
		{ "command:/x a", "command:/x a", "/x a", true },
		{ "command:/x a", "command:/x b", "/x b", false },
		{ "auto", "command:/x a", "/x a", false },
		{ "vz", "vz", NULL, false },
		{ "vz", "vzx:veinfo", NULL, false },
		{ "vz", "v:veinfo", NULL, false },
		{ "file:/x", "file:/x", NULL, false },
		{ "command:/x", "command", NULL, false },
		{ "command:/x", ":/x", NULL, false },
		{ "auto", "auto:x", NULL, false },
		{ "vz", "", NULL, false },
		{ "vz", "vz veinfo", NULL, false },
#ifndef CTM_NO_CURL
		{ "docker", "docker containers", "containers", true },
		{ "auto", "docker containers", "containers", true },
		{ "podman", "docker containers", "containers", false },
		{ "docker:/a", "docker containers", "containers", false },
		{ "docker:/a b", "docker:/a b containers", "/a b containers", true },
		{ "docker:/a b", "docker:/a containers", "/a containers", false },
		{ "docker:/a", "docker:/a b containers", "/a b containers", false },
		{ "docker", "docker:/a containers", "/a containers", false },
		{ "auto", "docker:/a containers", "/a containers", false },
		{ "docker:/a", "docker:/a", "/a", false },
		{ "docker", "dockerd containers", NULL, false },
		{ "docker", "docker", NULL, false },
#endif
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const char *job = NULL;
		const struct source_kind *kind = source_kind_of_request(t[i].request, &job);

		ck_assert_msg(!kind == !t[i].job, "%s", t[i].request);
		if (!kind)
			continue;
		ck_assert_str_eq(job, t[i].job);
		ck_assert_msg(source_wants_job(t[i].spec, kind, t[i].request) == t[i].wanted,
			      "%s for %s", t[i].request, t[i].spec);
	}
}
END_TEST

START_TEST(source_kind_needs_by_kind)
{
	ck_assert(source_runs_programs("vz"));
	ck_assert(source_runs_programs("command:/x a"));
	ck_assert(!source_runs_programs("file:/x"));
	ck_assert_str_eq(source_file_of("file:/x y"), "/x y");
	ck_assert_ptr_null(source_file_of("command:/x"));
	ck_assert_ptr_null(source_file_of("vz"));
	ck_assert_ptr_null(source_file_of("auto"));
#ifndef CTM_NO_CURL
	ck_assert(!source_runs_programs("docker"));
	ck_assert(!source_runs_programs("incus:/x"));
	ck_assert_ptr_null(source_file_of("docker:/x"));
#endif
}
END_TEST

/* ---- files ---- */

START_TEST(sources_look_file_reread_at_each_look)
{
	char *dir = make_dir(), *path = write_file(dir, "list", 0644, "101 192.0.2.1\n");
	char *spec = spec_of("file", path, "");
	struct bench b;

	open_bench(&b, "", spec, NULL);
	expect_look(&b, "101[-,unknown] 192.0.2.1");
	free(write_file(dir, "list", 0644, "101 192.0.2.2 name=x\n102\n"));
	expect_look(&b, "101[x,unknown] 192.0.2.2; 102[-,unknown]");
	close_bench(&b);
	free(spec);
	free(path);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_look_broken_file_keeps_what_it_said)
{
	char *dir = make_dir(), *path = write_file(dir, "list", 0644, "101 192.0.2.1\n");
	char *spec = spec_of("file", path, "");
	static const char was[] = "101[-,unknown] 192.0.2.1";
	struct bench b;

	log_capture();
	open_bench(&b, "", spec, NULL);
	expect_look(&b, was);
	free(write_file(dir, "list", 0644, ""));
	expect_failure(&b, "empty", was);
	EXPECT_LOG(1, "file:", "empty; if there really", "its last answer stays in force");
	free(write_file(dir, "list", 0644, "101 192.0.2.1\n102 192.0.2"));
	expect_failure(&b, "cut off", was);
	ck_assert_int_eq(unlink(path), 0);
	expect_failure(&b, "No such file", was);
	ck_assert(strstr(sources_state(b.sources, 0), "No such file"));
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_failure(&b, "not a regular file", was);
	ck_assert_int_eq(unlink(path) + mkdir(path, 0700), 0);
	expect_failure(&b, "not a regular file", was);
	ck_assert_int_eq(rmdir(path), 0);
	EXPECT_LOG(2, "cut off", "No such file");
	free(write_file(dir, "list", 0644, "# nobody\n"));
	expect_look(&b, "");
	EXPECT_LOG(1, "answers again");
	close_bench(&b);
	free(spec);
	free(path);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_look_unreadable_line_is_failing_and_doubtful)
{
	char *dir = make_dir(), *path = write_file(dir, "list", 0644, "101 192.0.2.1\n");
	char *spec = spec_of("file", path, "");
	struct bench b;

	log_capture();
	open_bench(&b, "", spec, NULL);
	expect_look(&b, "101[-,unknown] 192.0.2.1");
	free(write_file(dir, "list", 0644, "101 192.0.2.O\n102 192.0.2.2\n103 nmae=x\n"));
	expect_failure(
		&b,
		"line 1: address \"192.0.2.O\" of container 101 refused: it is not an IPv4 or "
		"IPv6 address; and 1 more; the rest is used and nothing is removed",
		"(doubtful); 101[-,unknown]; 102[-,unknown] 192.0.2.2");
	free(write_file(dir, "list", 0644, "101 192.0.2.1 127.0.0.1\n"));
	expect_look(&b, "101[-,unknown] 192.0.2.1");
	close_bench(&b);
	free(spec);
	free(path);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_look_file_at_rest_needs_no_last_newline)
{
	char *dir = make_dir(), *path = write_file(dir, "list", 0644, "101 192.0.2.1\n102");
	char *spec = spec_of("file", path, "");
	const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct bench b;

	open_bench(&b, "", spec, NULL);
	expect_failure(&b, "no newline", "(incomplete)");
	ck_assert_int_eq(utimensat(AT_FDCWD, path, long_ago, 0), 0);
	expect_look(&b, "101[-,unknown] 192.0.2.1; 102[-,unknown]");
	close_bench(&b);
	free(spec);
	free(path);
	remove_dir(dir);
}
END_TEST

/* Whether a look reads the file, which a child does. */
static bool look_reads(struct bench *b)
{
	struct rusage before, after;

	getrusage(RUSAGE_CHILDREN, &before);
	look(b);
	getrusage(RUSAGE_CHILDREN, &after);
	return after.ru_minflt != before.ru_minflt;
}

START_TEST(sources_look_file_at_rest_is_not_read_again)
{
	char *dir = make_dir(), *path = write_file(dir, "list", 0644, "101 192.0.2.1\n");
	char *spec = spec_of("file", path, ""), *other = write_file(dir, "other", 0644, "102\n");
	char *by_link = xasprintf("%s/link", dir);
	uint64_t until = loop_now_ns() + 10 * NS_PER_S;
	struct bench b;

	open_bench(&b, "", spec, NULL);
	expect_look(&b, "101[-,unknown] 192.0.2.1");
	while (look_reads(&b)) {
		if (loop_now_ns() > until) {
			printf("SKIP: %s is on a file system that might hang\n", dir);
			goto cleanup;
		}
		loop_run_once(b.loop, 50);
	}
	expect_look(&b, "101[-,unknown] 192.0.2.1");
	ck_assert(b.same);
	free(write_file(dir, "list", 0644, "101 192.0.2.2\n")); /* as long as before */
	expect_look(&b, "101[-,unknown] 192.0.2.2");
	ck_assert(!b.same);
	ck_assert_int_eq(rename(other, path), 0);
	expect_look(&b, "102[-,unknown]");
	ck_assert_int_eq(unlink(path), 0);
	expect_failure(&b, "No such file", "102[-,unknown]");
	close_bench(&b);
	/* A link may come to lead anywhere. */
	free(write_file(dir, "list", 0644, "101 192.0.2.1\n"));
	ck_assert_int_eq(symlink(path, by_link), 0);
	free(spec);
	spec = spec_of("file", by_link, "");
	open_bench(&b, "", spec, NULL);
	until = loop_now_ns() + 5 * NS_PER_S;
	do
		ck_assert(look_reads(&b));
	while (loop_run_once(b.loop, 100), loop_now_ns() < until);
cleanup:
	close_bench(&b);
	free(by_link);
	free(other);
	free(spec);
	free(path);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_look_file_missing_from_start_incomplete)
{
	struct bench b;

	log_capture();
	open_bench(&b, "", "file:/no/such/list", NULL);
	expect_failure(&b, "cannot read /no/such/list: No such file", "(incomplete)");
	expect_failure(&b, "cannot read /no/such/list: No such file", "(incomplete)");
	EXPECT_LOG(1, "nothing is removed");
	close_bench(&b);
}
END_TEST

START_TEST(sources_look_file_over_cap_fails)
{
	char *dir = make_dir(), *path = write_file(dir, "list", 0644, "101\n");
	char *spec = spec_of("file", path, "");
	struct bench b;

	log_capture();
	ck_assert_int_eq(truncate(path, (1 << 20) + 512 * 1000 + 1), 0);
	open_bench(&b, "", spec, NULL);
	expect_failure(&b, "File too large", "(incomplete)");
	close_bench(&b);
	free(spec);
	free(path);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_look_two_files_merged_one_broken)
{
	char *dir = make_dir(), *one = write_file(dir, "one", 0644, "101 192.0.2.1 name=a\n");
	char *two = write_file(dir, "two", 0644, "102 192.0.2.1 192.0.2.2\n101 192.0.2.3\n");
	char *spec1 = spec_of("file", one, ""), *spec2 = spec_of("file", two, "");
	struct bench b;

	log_capture();
	open_bench(&b, "", spec1, spec2);
	expect_look(&b, "101[a,unknown] 192.0.2.1! 192.0.2.3; "
			"102[-,unknown] 192.0.2.1! 192.0.2.2");
	ck_assert_int_eq(unlink(two), 0);
	free(write_file(dir, "one", 0644, "101 192.0.2.9\n"));
	expect_failure(&b, "two",
		       "101[-,unknown] 192.0.2.3 192.0.2.9; "
		       "102[-,unknown] 192.0.2.1 192.0.2.2");
	ck_assert_str_eq(sources_state(b.sources, 0), "ok");
	ck_assert_str_ne(sources_state(b.sources, 1), "ok");
	close_bench(&b);
	free(spec1);
	free(spec2);
	free(one);
	free(two);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_look_same_refusal_logged_once)
{
	char *dir = make_dir(), *path = write_file(dir, "list", 0644, "101 0.0.0.0\nx=y\n");
	char *spec = spec_of("file", path, "");
	struct bench b;

	log_capture();
	open_bench(&b, "", spec, NULL);
	for (int i = 0; i < 3; i++) {
		expect_failure(&b, "line 2 left out", "(doubtful); 101[-,unknown]");
		if (!i)
			EXPECT_LOG(3, "/list:1: address \"0.0.0.0\"", "/list:2: line left out",
				   "line 2 left out: it must begin", "nothing is removed");
	}
	EXPECT_LOG(0, "");
	close_bench(&b);
	free(spec);
	free(path);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_look_asked_meanwhile_follows_once)
{
	char *dir = make_dir();
	char *script = write_file(dir, "script", 0755, "#!/bin/sh\necho 101 192.0.2.1\n");
	char *spec = spec_of("command", script, "");
	struct bench b;

	open_bench(&b, "", spec, NULL);
	sources_look(b.sources);
	sources_look(b.sources);
	ck_assert_int_eq(b.looks, 0);
	loop_run_once(b.loop, 0); /* now it is under way */
	sources_look(b.sources);
	sources_look(b.sources);
	while (b.looks < 2)
		loop_run_once(b.loop, -1);
	loop_run_once(b.loop, 50);
	ck_assert_int_eq(b.looks, 2);
	b.look_again = 2; /* from within done */
	look(&b);
	while (b.looks < 5)
		loop_run_once(b.loop, -1);
	ck_assert_int_eq(b.looks, 5);
	close_bench(&b);
	free(spec);
	free(script);
	remove_dir(dir);
}
END_TEST

/* ---- commands ---- */

START_TEST(sources_look_command_path_with_a_blank_runs_quoted)
{
	char *dir = make_dir();
	char *script = write_file(dir, "my script", 0755, "#!/bin/sh\necho \"$1 192.0.2.102\"\n");

	for (size_t i = 0; i < 2; i++) {
		char *spec = xasprintf(i ? "command:'%s' 102" : "command:\"%s\" 102", script);
		struct bench b;

		open_bench(&b, "", spec, NULL);
		expect_look(&b, "102[-,unknown] 192.0.2.102");
		close_bench(&b);
		free(spec);
	}
	free(script);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_look_command_words_kept_without_shell)
{
	char *dir = make_dir();
	char *script =
		write_file(dir, "script", 0755,
			   "#!/bin/sh\nfor a in \"$@\"; do echo \"$# name=\\\"$a\\\"\"; done\n");
	char *spec = spec_of("command", script, "  \"two words \\\"x\" 'it;s $HOME *'z");
	struct bench b;

	open_bench(&b, "", spec, NULL);
	look(&b);
	/* The first word has a quote in it, which the script does not escape. */
	ck_assert_str_eq(b.text, "(doubtful); 2[it;s $HOME *z,unknown]");
	close_bench(&b);
	free(spec);
	free(script);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_look_command_failures_keep_what_it_said)
{
	static const char was[] = "101[-,unknown] 192.0.2.1";
	static const struct {
		const char *script, *said;
	} t[] = {
		{ "echo 102 192.0.2.2; echo no database >&2; exit 1",
		  "exit status 1: no database" },
		{ "echo 102 192.0.2.2; kill -KILL $$", "killed by signal 9" },
		{ "exit 0", "empty" },
		{ "false | cat", "empty" },
		{ "printf '101 192.0.2.1\\n102 192.0'", "cut off" },
		{ "yes 101 192.0.2.1", "printed too much" },
		{ "seq 3001", "more than 3000 containers or addresses" },
	};
	char *dir = make_dir();
	char *script = write_file(dir, "script", 0755, "#!/bin/sh\necho 101 192.0.2.1\n");
	char *spec = spec_of("command", script, "");
	struct bench b;

	log_capture();
	open_bench(&b, "", spec, NULL);
	expect_look(&b, was);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *text = xasprintf("#!/bin/sh\n%s\n", t[i].script);

		free(write_file(dir, "script", 0755, text));
		expect_failure(&b, t[i].said, was);
		free(text);
	}
	ck_assert_int_eq(unlink(script), 0);
	expect_failure(&b, "cannot run", was);
	close_bench(&b);
	free(spec);
	free(script);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_free_during_look_kills_command)
{
	struct bench b;

	open_bench(&b, "", "command:/bin/sleep 1000", NULL);
	sources_look(b.sources);
	loop_run_once(b.loop, 0);
	close_bench(&b);
	ck_assert_int_eq(b.looks, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("source");
	TCase *t = tcase_create("source");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, sources_new_bad_specs_refused);
	tcase_add_test(t, sources_new_auto_takes_vz_or_lists_choices);
#ifndef CTM_NO_CURL
	tcase_add_test(t, sources_new_auto_takes_every_runtime);
	tcase_add_test(t, sources_new_bad_places_refused);
#endif
	tcase_add_test(t, source_kind_messages_list_every_kind);
	tcase_add_test(t, source_tables_first_on_openvz_only);
	tcase_add_test(t, source_kind_of_request_only_configured_jobs);
	tcase_add_test(t, source_kind_needs_by_kind);
	tcase_add_test(t, sources_look_file_reread_at_each_look);
	tcase_add_test(t, sources_look_broken_file_keeps_what_it_said);
	tcase_add_test(t, sources_look_unreadable_line_is_failing_and_doubtful);
	tcase_add_test(t, sources_look_file_at_rest_needs_no_last_newline);
	tcase_add_test(t, sources_look_file_at_rest_is_not_read_again);
	tcase_add_test(t, sources_look_file_missing_from_start_incomplete);
	tcase_add_test(t, sources_look_file_over_cap_fails);
	tcase_add_test(t, sources_look_two_files_merged_one_broken);
	tcase_add_test(t, sources_look_same_refusal_logged_once);
	tcase_add_test(t, sources_look_asked_meanwhile_follows_once);
	tcase_add_test(t, sources_look_command_path_with_a_blank_runs_quoted);
	tcase_add_test(t, sources_look_command_words_kept_without_shell);
	tcase_add_test(t, sources_look_command_failures_keep_what_it_said);
	tcase_add_test(t, sources_free_during_look_kills_command);
	suite_add_tcase(s, t);
	return run_suite(s);
}
