/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source that asks OpenVZ: every tool and dialect. */
#include "source_bench.h"

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
	Suite *s = suite_create("source_vz");
	TCase *t = tcase_create("source_vz");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, sources_look_vz_every_form_taken);
	tcase_add_test(t, sources_look_vz_unusable_fails);
	tcase_add_test(t, sources_look_vz_form_that_works_remembered);
	tcase_add_test(t, sources_look_vz_broken_answers_keep_what_it_said);
	suite_add_tcase(s, t);
	return run_suite(s);
}
