/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source that asks OpenVZ: every tool and dialect. */
#include "source_bench.h"

#define SIX                                                                        \
	"101[web1.example.com,running] 192.0.2.10; "                               \
	"102[two.example.com,running] 192.0.2.11 198.51.100.11 2001:db8:0:1::11; " \
	"103[-,stopped] 192.0.2.12; 104[noaddr.example.com,stopped]; "             \
	"105[sample.example.com,stopped]; "                                        \
	"2147483644[a-host-name-that-is-longer-than-its-column.example.com,"       \
	"stopped] 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
#define UUID "550e8400-e29b-41d4-a716-446655440000"
#define SEVEN                                                        \
	"200[two hundred,stopped] 192.0.2.71; 201[-,stopped]; " UUID \
	"[seven.example.com,running] 192.0.2.70 2001:db8:7::1"

START_TEST(sources_look_vz_every_form_taken)
{
	static const struct {
		const char *root, *text;
	} t[] = {
		{ "vz/ovz6", SIX },
		{ "vz/ovz6-old", SIX },
		{ "vz/ovz6-empty", "" },
		{ "vz/ovz6-empty-4.8", "" },
		{ "vz/ovz6-old-empty", "" },
		{ "vz/ovz6-oldest-empty", "" },
		{ "vz/ovz7-empty", "" },
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
		{ "vz/ovz6-liar-4.8", "lists no containers, yet /proc/vz/veinfo has 3 running" },
		{ "vz/veinfo-bare", "without their addresses" },
		{ "vz/none", "neither vzlist nor prlctl is installed" },
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

/* What it was called for last; forgets all. */
static void expect_calls_end(const char *dir, const char *calls)
{
	char *path = xasprintf("%s/calls", dir), text[4096];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0, len = strlen(calls);

	text[n] = '\0';
	ck_assert_msg(n >= len && !strcmp(text + n - len, calls), "%s", text);
	if (f)
		fclose(f);
	unlink(path);
	free(path);
}

#define JSON6 "-a -j -o ctid,status,ip\n"
#define COLUMNS6 "-a -H -o ctid,status,ip\n"
#define JSON7 "-a -j -o ctid,status,configured_ip\n"
#define COLUMNS7 "-a -H -o ctid,status,configured_ip\n"
#define NAMES "-a -H -o ctid,hostname\n"

/* Shell: what a vzlist of OpenVZ 6 does with these three lines for JSON, columns and names. */
#define SIX_DOES(json, columns, names)                                                      \
	"case \"$*\" in *configured_ip*) echo Unknown field: configured_ip >&2; exit 1;;\n" \
	"*-j*) " json ";;\n*hostname*) " names ";;\n*) " columns ";;\nesac\n"
#define ONE "echo '[{\"ctid\": 1, \"ip\": [\"192.0.2.1\"]}]'"

START_TEST(sources_look_vz_form_that_works_remembered)
{
	char *dir = make_dir();
	char *path = make_vzlist(dir, SIX_DOES(ONE, "echo '1 running 192.0.2.2'", "echo '1 h'"));
	struct bench b;

	log_capture();
	open_bench(&b, dir, "vz", NULL);
	expect_look(&b, "1[h,unknown] 192.0.2.1");
	expect_calls(dir, JSON7 COLUMNS7 JSON6 NAMES);
	expect_look(&b, "1[h,unknown] 192.0.2.1");
	expect_calls(dir, JSON6 NAMES);
	/* The JSON breaks: the columns of the same dialect, and the JSON again as soon as it is
	 * whole. */
	free(write_file(dir, "do", 0644,
			SIX_DOES("echo '[{\"ctid\": '", "echo '1 running 192.0.2.2'",
				 "echo '1 h'")));
	expect_look(&b, "1[h,running] 192.0.2.2");
	expect_calls(dir, JSON6 COLUMNS6 NAMES);
	free(write_file(dir, "do", 0644,
			SIX_DOES(ONE, "echo '1 running 192.0.2.2'", "echo '1 h'")));
	expect_look(&b, "1[h,unknown] 192.0.2.1");
	expect_calls(dir, JSON6 NAMES);
	/* Both break: no other dialect is tried, nothing is lost. */
	free(write_file(dir, "do", 0644, "echo cannot open /dev/vzctl >&2; exit 5\n"));
	expect_failure(&b, "exit status 5: cannot open /dev/vzctl", "1[h,unknown] 192.0.2.1");
	expect_calls(dir, JSON6 COLUMNS6);
	close_bench(&b);
	free(path);
	remove_dir(dir);
}
END_TEST

/* A JSON that failed at the first look only is asked for again, not at each look. */
START_TEST(sources_look_vz_columns_do_not_stay_for_ever)
{
	char *dir = make_dir();
	char *path =
		make_vzlist(dir, SIX_DOES("exit 1", "echo '1 running 192.0.2.2'", "echo '1 h'"));
	struct bench b;

	log_capture();
	open_bench(&b, dir, "vz", NULL);
	expect_look(&b, "1[h,running] 192.0.2.2");
	expect_calls(dir, JSON7 COLUMNS7 JSON6 COLUMNS6 NAMES);
	free(write_file(dir, "do", 0644,
			SIX_DOES(ONE, "echo '1 running 192.0.2.2'", "echo '1 h'")));
	expect_look(&b, "1[h,running] 192.0.2.2");
	expect_calls(dir, COLUMNS6 NAMES);
	for (int i = 0; i < 60 && strcmp(b.text, "1[h,unknown] 192.0.2.1") != 0; i++)
		look(&b);
	ck_assert_str_eq(b.text, "1[h,unknown] 192.0.2.1");
	close_bench(&b);
	free(path);
	remove_dir(dir);
}
END_TEST

START_TEST(sources_look_vz_odd_host_names_change_no_address)
{
	char *root = fixture_path("vz/ovz7-odd-names"), name[INV_NAME_MAX + 1], *expected;
	struct bench b;

	memset(name, 'h', INV_NAME_MAX);
	name[INV_NAME_MAX] = '\0';
	expected =
		xasprintf("101[web,running] 192.0.2.10; "
			  "102[evil\"                            192.0.2.101,running] 192.0.2.11; "
			  "103[z\"},{\"ctid\":101,\"hostname\":\"forged,running] 192.0.2.12; "
			  "104[%s,running] 192.0.2.13",
			  name);
	open_bench(&b, root, "vz", NULL);
	expect_look(&b, expected);
	expect_look(&b, expected);
	close_bench(&b);
	free(expected);
	free(root);
}
END_TEST

START_TEST(sources_look_vz_names_that_cannot_be_read_cost_names_alone)
{
	static const char *const t[] = { "exit 3", "echo Segmentation fault", "printf '1 new'",
					 "true", "kill -SEGV $$" };
	char *dir = make_dir(), *path;
	struct bench b;

	path = make_vzlist(dir, SIX_DOES(ONE, "exit 1", "echo '1 h'"));
	open_bench(&b, dir, "vz", NULL);
	expect_look(&b, "1[h,unknown] 192.0.2.1");
	log_capture();
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *text = xasprintf(SIX_DOES("echo '[{\"ctid\": 1, \"ip\": [\"192.0.2.1\"]}, "
						"{\"ctid\": 2, \"ip\": [\"192.0.2.2\"]}]'",
						"exit 1", "%s"),
				       t[i]);

		free(write_file(dir, "do", 0644, text));
		free(text);
		expect_look(&b, "1[h,unknown] 192.0.2.1; 2[-,unknown] 192.0.2.2");
		if (!i)
			EXPECT_LOG(1, "vz: cannot read the containers' names: vzlist -a -H -o "
				      "ctid,hostname: exit status 3; known names stay");
	}
	/* After a crash it rests for a minute; not when sources are made anew. */
	free(log_text());
	expect_calls_end(dir, JSON6 NAMES);
	expect_look(&b, "1[h,unknown] 192.0.2.1; 2[-,unknown] 192.0.2.2");
	expect_calls(dir, JSON6);
	close_bench(&b);
	open_bench(&b, dir, "vz", NULL);
	free(write_file(dir, "do", 0644, SIX_DOES(ONE, "exit 1", "echo '1 new'")));
	expect_look(&b, "1[new,unknown] 192.0.2.1");
	close_bench(&b);
	free(path);
	remove_dir(dir);
}
END_TEST

/* Which of several failures is told. */
START_TEST(sources_look_vz_failure_names_the_form_that_matters)
{
	static const char six[] =
		SIX_DOES("echo no /dev/vzctl >&2; exit 2", "echo columns >&2; exit 3", "exit 4");
	static const char old[] =
		"case \"$*\" in *configured_ip*) echo Unknown field: configured_ip "
		">&2; exit 1;;\n*-j*) echo \"vzlist: invalid option -- 'j'\" >&2; "
		"exit 1;;\n*) echo no /dev/vzctl >&2; exit 2;;\nesac\n";
	char *dir = make_dir(), *path = make_vzlist(dir, six);
	struct bench b;

	log_capture();
	open_bench(&b, dir, "vz", NULL);
	expect_failure(&b, "vz: vzlist -a -j -o ctid,status,ip: exit status 2: no /dev/vzctl",
		       "(incomplete)");
	free(write_file(dir, "do", 0644, old));
	expect_failure(&b, "vz: vzlist -a -H -o ctid,status,ip: exit status 2: no /dev/vzctl",
		       "(incomplete)");
	/* What 3.1 to 4.11 do when they cannot look: no word on stdout, and exit status 0. */
	free(write_file(dir, "do", 0644, "echo Unable to open /proc/vz/veinfo >&2; exit 0\n"));
	expect_failure(&b, "printed nothing: Unable to open /proc/vz/veinfo", "(incomplete)");
	/* The form that answered before, though another one fails after it. */
	free(write_file(dir, "do", 0644,
			"case \"$*\" in *-j*|*configured*) exit 1;; *host*) echo 1 h;; *) echo '1 "
			"running -';; "
			"esac\n"));
	expect_look(&b, "1[h,running]");
	free(write_file(dir, "do", 0644, six));
	expect_failure(&b, "vz: vzlist -a -H -o ctid,status,ip: exit status 3: columns",
		       "1[h,running]");
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
		"echo '[]'; exit 1\n",
		"echo '[]'; echo broken >&2; exit 1\n",
		"echo '[{\"ctid\": 1, \"configured_ip\": [\"192.0.2.1\"]}]'; exit 1\n",
		"echo '[{\"ctid\": 1, \"configured_ip\": [\"192.0.2'\n",
		"echo Segmentation fault\n",
		"echo Container not found >&2; exit 3\n",
		"echo '/etc/vz/vz.conf: not found' >&2\n",
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
		expect_failure(&b, "vzlist -a -j -o ctid,status,configured_ip: ", was);
	}
	/* A crash, the last of these, is no reason to ask otherwise. */
	ck_assert_int_eq(unlink(calls), 0);
	expect_failure(&b, "killed by signal 11", was);
	expect_calls(dir, JSON7);
	ck_assert_int_eq(unlink(tool), 0);
	expect_failure(&b, "vzlist is not installed", was);
	close_bench(&b);
	free(calls);
	free(tool);
	free(path);
	remove_dir(dir);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("source_vz");
	TCase *t = tcase_create("source_vz");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, sources_look_vz_every_form_taken);
	tcase_add_test(t, sources_look_vz_unusable_fails);
	tcase_add_test(t, sources_look_vz_form_that_works_remembered);
	tcase_add_test(t, sources_look_vz_columns_do_not_stay_for_ever);
	tcase_add_test(t, sources_look_vz_odd_host_names_change_no_address);
	tcase_add_test(t, sources_look_vz_names_that_cannot_be_read_cost_names_alone);
	tcase_add_test(t, sources_look_vz_failure_names_the_form_that_matters);
	tcase_add_test(t, sources_look_vz_broken_answers_keep_what_it_said);
	suite_add_tcase(s, t);
	return run_suite(s);
}
