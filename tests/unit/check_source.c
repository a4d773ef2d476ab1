/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inv_helpers.h"
#include "loop.h"
#include "source.h"
#include "source_one.h"

/* Sources under test with what the last look gave. */
struct bench {
	struct loop *loop;
	struct sources *sources;
	int looks;
	char *text; /* the inventory */
	char *failure;
	size_t failed;
	int look_again; /* ask for another look from within done, so many times */
};

static void on_done(void *arg, const struct sources_result *result, uint64_t now_ns)
{
	struct bench *b = arg;

	(void)now_ns;
	free(b->text);
	free(b->failure);
	b->looks++;
	b->text = inv_text(result->inventory);
	b->failure = result->failure ? xstrdup(result->failure) : NULL;
	b->failed = result->failed;
	inv_free(result->inventory);
	if (b->look_again) {
		b->look_again--;
		sources_look(b->sources);
	}
}

static int try_open(struct bench *b, const char *root, const char *spec, const char *spec2,
		    struct err *e)
{
	char *specs[] = { xstrdup(spec), spec2 ? xstrdup(spec2) : NULL };
	int ret;

	memset(b, 0, sizeof(*b));
	b->loop = loop_new();
	ret = sources_new(specs, spec2 ? 2 : 1, 1000, NULL, root, b->loop, on_done, b, &b->sources,
			  e);
	free(specs[0]);
	free(specs[1]);
	return ret;
}

static void open_bench(struct bench *b, const char *root, const char *spec, const char *spec2)
{
	struct err e = { "" };

	ck_assert_msg(try_open(b, root, spec, spec2, &e) == 0, "%s", e.text);
}

static void close_bench(struct bench *b)
{
	sources_free(b->sources);
	loop_run_once(b->loop, 0);
	loop_free(b->loop);
	free(b->text);
	free(b->failure);
}

static void look(struct bench *b)
{
	int before = b->looks;

	sources_look(b->sources);
	while (b->looks == before)
		loop_run_once(b->loop, -1);
}

/* A look that succeeds and gives this inventory. */
static void expect_look(struct bench *b, const char *text)
{
	look(b);
	ck_assert_msg(!b->failed, "%s", b->failure);
	ck_assert_ptr_null(b->failure);
	ck_assert_str_eq(b->text, text);
	ck_assert_str_eq(sources_state(b->sources, 0), "ok");
}

/* A look that fails with this said, and still gives this inventory. */
static void expect_failure(struct bench *b, const char *failure, const char *text)
{
	do /* a run that was killed just now takes its time to be gone */
		look(b);
	while (b->failure && strstr(b->failure, "has still not ended"));
	ck_assert_uint_eq(b->failed, 1);
	ck_assert_msg(b->failure && strstr(b->failure, failure), "\"%s\" says not \"%s\"",
		      b->failure, failure);
	ck_assert_str_eq(b->text, text);
}

static char *spec_of(const char *kind, const char *path, const char *rest)
{
	return xasprintf("%s:%s%s", kind, path, rest);
}

/* ---- specs ---- */

START_TEST(sources_new_bad_specs_refused)
{
	static const char *const t[][2] = {
		{ "files:/x", "unknown source" }, { "file:", "unknown source" },
		{ "", "unknown source" },         { "command:ls", "absolute path" },
		{ "command:", "absolute path" },  { "command:/bin/sh \"x", "quote" },
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
			      strstr(e.text, "vz in [inventory]"),
		      "%s", e.text);
	loop_free(b.loop);
	free(root);
	for (size_t i = 0; i < ARRAY_LEN(have); i++) {
		root = fixture_path(have[i]);
		open_bench(&b, root, "auto", NULL);
		ck_assert_uint_eq(sources_count(b.sources), 1);
		ck_assert_str_eq(sources_name(b.sources, 0), "auto");
		ck_assert_str_eq(sources_state(b.sources, 0), "not looked at yet");
		close_bench(&b);
		free(root);
	}
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
	EXPECT_LOG(1, "file:", "empty; if there really", "what it said last stays");
	free(write_file(dir, "list", 0644, "101 192.0.2.1\n102 192.0.2"));
	expect_failure(&b, "cut off", was);
	ck_assert_int_eq(unlink(path), 0);
	expect_failure(&b, "No such file", was);
	ck_assert(strstr(sources_state(b.sources, 0), "No such file"));
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_failure(&b, "no regular file", was);
	ck_assert_int_eq(unlink(path) + mkdir(path, 0700), 0);
	expect_failure(&b, "no regular file", was);
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
	expect_failure(&b,
		       "line 1: address \"192.0.2.O\" of container 101 refused: it is no IPv4 or "
		       "IPv6 address; and 1 more; nothing that is missing is taken for gone",
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
				   "line 2 left out: a line begins", "nothing that is missing");
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

/* ---- OpenVZ ---- */

#define SIX                                                                        \
	"101[web1.example.com,running] 192.0.2.10; "                               \
	"102[two.example.com,running] 192.0.2.11 198.51.100.11 2001:db8:0:1::11; " \
	"103[-,stopped] 192.0.2.12; 104[noaddr.example.com,stopped]; "             \
	"105[sample.example.com,stopped]; 2147483644[a-host-name-that-is-longer-than-"
#define SIX_LAST ",stopped] 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
#define UUID "550e8400-e29b-41d4-a716-446655440000"
#define SEVEN                                                        \
	"200[two hundred,stopped] 192.0.2.71; 201[-,stopped]; " UUID \
	"[seven.example.com,running] 192.0.2.70 2001:db8:7::1"

START_TEST(sources_look_vz_every_form_taken)
{
	static const struct {
		const char *root, *text;
	} t[] = {
		{ "vz/ovz6", SIX "its-column.example.com" SIX_LAST },
		{ "vz/ovz6-old", SIX SIX_LAST },
		{ "vz/ovz6-broken-json", "101[web,running] 192.0.2.10; "
					 "102[the \"big\" host,running] 192.0.2.11; "
					 "103[z,running] 192.0.2.12" },
		{ "vz/ovz6-empty", "" },
		{ "vz/ovz6-old-empty", "" },
		{ "vz/ovz7", SEVEN },
		{ "vz/prlctl", UUID "[seven,running] 192.0.2.70 2001:db8:7::1; "
				    "6ba7b810-9dad-11d1-80b4-00c04fd430c8[-,stopped]" },
		{ "vz/prlctl-old", UUID "[-,running] 192.0.2.70 2001:db8:7::1" },
		{ "vz/veinfo-only", "101[-,running] 192.0.2.10; 102[-,running] 192.0.2.11 "
				    "198.51.100.11 2001:db8:0:1::11; 106[-,running]" },
	};

	log_capture();
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *root = fixture_path(t[i].root);
		struct bench b;

		open_bench(&b, root, "vz", NULL);
		expect_look(&b, t[i].text);
		expect_look(&b, t[i].text); /* with the form that worked */
		close_bench(&b);
		free(root);
	}
}
END_TEST

START_TEST(sources_look_vz_unusable_fails)
{
	static const struct {
		const char *root, *said;
	} t[] = {
		{ "vz/ovz6-liar", "lists no containers, yet /proc/vz/veinfo has 3 running" },
		{ "vz/veinfo-bare", "without their addresses" },
		{ "vz/none", "neither vzlist nor prlctl is there" },
	};

	log_capture();
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *root = fixture_path(t[i].root);
		struct bench b;

		open_bench(&b, root, "vz", NULL);
		expect_failure(&b, t[i].said, "(incomplete)");
		close_bench(&b);
		free(root);
	}
}
END_TEST

/* A vzlist that notes how it was called and then does as dir/do says. */
static char *make_vzlist(const char *dir, const char *what)
{
	char *text = xasprintf("#!/bin/sh\necho \"$*\" >>%s/calls\n. %s/do\n", dir, dir);
	char *path = write_file(dir, "usr/sbin/vzlist", 0755, text);

	free(text);
	free(path);
	return write_file(dir, "do", 0644, what);
}

static void expect_calls(const char *dir, const char *calls)
{
	char *path = xasprintf("%s/calls", dir), text[4096];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	ck_assert_str_eq(text, calls);
	if (f)
		fclose(f);
	unlink(path);
	free(path);
}

#define JSON6 "-a -j -o ctid,hostname,status,ip\n"
#define COLUMNS6 "-a -H -o ctid,status,hostname,ip\n"
#define JSON7 "-a -j -o ctid,hostname,status,configured_ip\n"
#define COLUMNS7 "-a -H -o ctid,status,hostname,configured_ip\n"

START_TEST(sources_look_vz_form_that_works_remembered)
{
	char *dir = make_dir();
	char *path = make_vzlist(dir, "case \"$*\" in *configured_ip*) exit 1;; *-j*) echo "
				      "'[{\"ctid\": 1, \"ip\": [\"192.0.2.1\"]}]';; "
				      "*) echo '1 running h 192.0.2.2';; esac\n");
	struct bench b;

	log_capture();
	open_bench(&b, dir, "vz", NULL);
	expect_look(&b, "1[-,unknown] 192.0.2.1");
	expect_calls(dir, JSON7 COLUMNS7 JSON6);
	expect_look(&b, "1[-,unknown] 192.0.2.1");
	expect_calls(dir, JSON6);
	/* The JSON breaks: the columns of the same dialect, and from then on those first. */
	free(write_file(dir, "do", 0644,
			"case \"$*\" in *-j*) echo '[{\"ctid\": ';; "
			"*) echo '1 running h 192.0.2.2';; esac\n"));
	expect_look(&b, "1[h,running] 192.0.2.2");
	expect_calls(dir, JSON6 COLUMNS6);
	expect_look(&b, "1[h,running] 192.0.2.2");
	expect_calls(dir, COLUMNS6);
	/* Both break: no other dialect is tried, nothing is lost. */
	free(write_file(dir, "do", 0644, "echo cannot open /dev/vzctl >&2; exit 5\n"));
	expect_failure(&b, "exit status 5: cannot open /dev/vzctl", "1[h,running] 192.0.2.2");
	expect_calls(dir, COLUMNS6 JSON6);
	close_bench(&b);
	free(path);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_look_vz_broken_answers_keep_what_it_said)
{
	static const char was[] = "1[-,unknown] 192.0.2.1";
	static const char *const t[] = {
		"exit 0\n",
		"echo '[]'; exit 2\n",
		"echo '[]'; echo broken >&2; exit 1\n",
		"echo '[{\"ctid\": 1, \"configured_ip\": [\"192.0.2.1\"]}]'; exit 1\n",
		"echo '[{\"ctid\": 1, \"configured_ip\": [\"192.0.2'\n",
		"echo Segmentation fault\n",
		"echo Container not found >&2; exit 3\n",
		"kill -SEGV $$\n",
	};
	char *dir = make_dir(), *path, *calls = xasprintf("%s/calls", dir);
	char *tool = xasprintf("%s/usr/sbin/vzlist", dir);
	struct bench b;

	log_capture();
	path = make_vzlist(dir, "case \"$*\" in *-j*) echo "
				"'[{\"ctid\": 1, \"configured_ip\": [\"192.0.2.1\"]}]';; "
				"*) exit 1;; esac\n");
	open_bench(&b, dir, "vz", NULL);
	expect_look(&b, was);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		free(write_file(dir, "do", 0644, t[i]));
		expect_failure(&b, "vzlist -o configured_ip: ", was);
	}
	/* A crash, the last of these, is no reason to ask otherwise. */
	ck_assert_int_eq(unlink(calls), 0);
	expect_failure(&b, "killed by signal 11", was);
	expect_calls(dir, JSON7);
	ck_assert_int_eq(unlink(tool), 0);
	expect_failure(&b, "vzlist is not there", was);
	close_bench(&b);
	free(calls);
	free(tool);
	free(path);
	remove_dir(dir);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("source");
	TCase *t = tcase_create("source");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, sources_new_bad_specs_refused);
	tcase_add_test(t, sources_new_auto_takes_vz_or_lists_choices);
	tcase_add_test(t, sources_look_file_reread_at_each_look);
	tcase_add_test(t, sources_look_broken_file_keeps_what_it_said);
	tcase_add_test(t, sources_look_unreadable_line_is_failing_and_doubtful);
	tcase_add_test(t, sources_look_file_at_rest_needs_no_last_newline);
	tcase_add_test(t, sources_look_file_missing_from_start_incomplete);
	tcase_add_test(t, sources_look_file_over_cap_fails);
	tcase_add_test(t, sources_look_two_files_merged_one_broken);
	tcase_add_test(t, sources_look_same_refusal_logged_once);
	tcase_add_test(t, sources_look_asked_meanwhile_follows_once);
	tcase_add_test(t, sources_look_command_words_kept_without_shell);
	tcase_add_test(t, sources_look_command_failures_keep_what_it_said);
	tcase_add_test(t, sources_free_during_look_kills_command);
	tcase_add_test(t, sources_look_vz_every_form_taken);
	tcase_add_test(t, sources_look_vz_unusable_fails);
	tcase_add_test(t, sources_look_vz_form_that_works_remembered);
	tcase_add_test(t, sources_look_vz_broken_answers_keep_what_it_said);
	suite_add_tcase(s, t);
	return run_suite(s);
}
