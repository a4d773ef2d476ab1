/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include "base/file.h"
#include "base/period.h"
#include "base/xalloc.h"
#include "base/zone.h"
#include "cli/cli_statement_quota.h"
#include "cli/newfile.h"
#include "html_check.h"
#include "report_ledger.h"

#include <dirent.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the whole command, in a child ---- */

struct world {
	char dir[40];
	char *config, *ledger, *out, *err, *pages;
	char month[PERIOD_TEXT_SIZE]; /* the one of the ledger's traffic, "": none is given */
	rlim_t limit; /* octets that a file may have; 0: any number */
};

static struct world *world_new(void)
{
	struct world *w = xcalloc(1, sizeof(*w));
	FILE *f;

	setenv("TZ", "UTC0", 1);
	tzset();
	snprintf(w->dir, sizeof(w->dir), "/tmp/check_statement.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(w->dir));
	w->config = xasprintf("%s/conf", w->dir);
	w->ledger = xasprintf("%s/db", w->dir);
	w->out = xasprintf("%s/out", w->dir);
	w->err = xasprintf("%s/err", w->dir);
	w->pages = xasprintf("%s/pages", w->dir);
	f = fopen(w->config, "w");
	fprintf(f, "[ledger]\npath = %s\n[control]\nsocket = %s/sock\n", w->ledger, w->dir);
	fclose(f);
	ck_assert_int_eq(mkdir(w->pages, 0755), 0);
	return w;
}

static void world_free(struct world *w)
{
	char *command = xasprintf("rm -rf '%s'", w->dir);

	ck_assert_int_eq(system(command), 0);
	free(command);
	free(w->config);
	free(w->ledger);
	free(w->out);
	free(w->err);
	free(w->pages);
	free(w);
}

/* The moment `days` after the beginning of the last month, or of the one before. */
static int64_t last_month(int back, int days)
{
	int64_t since_s = time(NULL), until_s = 0;

	for (; back > 0; back--)
		ck_assert_int_eq(period_month(NULL, since_s, &since_s, &until_s, NULL), 0);
	return since_s + days * PERIOD_DAY_S;
}

/* The traffic is of the month before last: in the first hour of a month the daemon would be asked
 * for what is missing of the last one. */
static void fill_ledger(struct world *w)
{
	sqlite3 *db = ledger_create(w->ledger);
	int64_t since = last_month(2, -40);

	ledger_container(db, 1, "101", "web", 0, since);
	ledger_container(db, 2, "../a b", "<i>", 0, since);
	ledger_container(db, 3, "index", "", 0, since);
	ledger_address(db, 1, 1, "192.0.2.1", 0, since);
	ledger_address(db, 2, 2, "2001:db8::2", 0, since);
	ledger_use(db, 1, last_month(2, 3), 1234567, 0, 0, 0);
	ledger_use(db, 2, last_month(2, 4), 400, 0, 0, 0);
	ledger_use(db, 1, last_month(1, 3), 7654321, 0, 0, 0);
	ledger_put(db, "INSERT INTO meta VALUES ('counted_at', %" PRId64 ")", time(NULL) - 10);
	sqlite3_close(db);
	period_local(last_month(2, 3), "%Y-%m", w->month);
}

static void limit_files(const struct world *w)
{
	struct rlimit limit = { w->limit, w->limit };

	if (!w->limit)
		return;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

static int run(const struct world *w, const char *args)
{
	char *copy = xasprintf("ctmeter -c %s statement %s %s %s", w->config,
			       *w->month ? "--month" : "", w->month, args);
	char *argv[24], *save = NULL;
	int argc = 0, status = 0;
	pid_t pid;

	for (char *s = strtok_r(copy, " ", &save); s && argc < 23; s = strtok_r(NULL, " ", &save))
		argv[argc++] = !strcmp(s, "PAGES") ? w->pages : s;
	argv[argc] = NULL;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		status = freopen(w->out, "w", stdout) && freopen(w->err, "w", stderr) &&
					 chdir(w->dir) == 0
				 ? 0
				 : 99;
		limit_files(w);
		umask(027);
		status = status ? status : cli_main(argc, argv);
		fflush(NULL);
		_exit(status);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	free(copy);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *text_of(const struct world *w, const char *name)
{
	char *path = xasprintf("%s/%s", w->dir, name), *text = NULL;

	ck_assert_msg(file_read(path, 1 << 20, &text, NULL) == 0, "no file %s", path);
	free(path);
	return text;
}

static void assert_text_has(const struct world *w, const char *name, const char *part)
{
	char *text = text_of(w, name);

	ck_assert_msg(*part ? strstr(text, part) != NULL : !*text, "%s lacks '%s': %.200s", name,
		      part, text);
	free(text);
}

/* It fails with one line that says this, and prints nothing. */
static void assert_fails(const struct world *w, const char *args, const char *says)
{
	char *text;

	ck_assert_msg(run(w, args) == 1, "exit status of %s", args);
	text = text_of(w, "err");
	ck_assert_msg(strstr(text, says) != NULL, "'%s' lacks '%s'", text, says);
	ck_assert_msg(strchr(text, '\n') == text + strlen(text) - 1, "no line: %s", text);
	free(text);
	assert_text_has(w, "out", "");
}

static void assert_usage(const struct world *w, const char *args, const char *says)
{
	ck_assert_msg(run(w, args) == 2, "exit status of %s", args);
	assert_text_has(w, "err", says);
	assert_text_has(w, "out", "");
}

/* A page, whole, of this container. */
static void assert_page(const struct world *w, const char *name, const char *heading)
{
	char *text = text_of(w, name);

	html_check(text);
	ck_assert_ptr_nonnull(strstr(text, heading));
	ck_assert_str_eq(text + strlen(text) - strlen("</html>\n"), "</html>\n");
	free(text);
}

static int count_files(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2; /* "." and ".." */
}

START_TEST(cli_statement_wrong_usage_exits_2)
{
	struct world *w = world_new();

	assert_usage(w, "", "statement takes one container, or --all DIR");
	assert_usage(w, "101 102", "statement takes one container, or --all DIR");
	assert_usage(w, "--all PAGES 101", "all containers: leave out 101");
	assert_usage(w, "--all PAGES -o x", "--all and --output conflict");
	assert_usage(w, "101 --index", "--index needs --all DIR");
	assert_usage(w, "101 --json", "a statement is HTML: leave out --json");
	assert_usage(w, "101 --month 2026-13", "--month 2026-13: expected a month, such as");
	assert_usage(w, "101 --month yesterday", "expected a month");
	assert_usage(w, "101 --since 1d", "--since goes with report, not with statement");
	world_free(w);
}
END_TEST

START_TEST(cli_statement_bad_input_is_one_line)
{
	struct world *w = world_new();

	assert_fails(w, "101 --month 2026-01", "there is no ledger /tmp/check_statement.");
	fill_ledger(w);
	assert_fails(w, "nobody", "knows no container nobody: ctmeter list shows their ids");
	assert_fails(w, "101 --month 2999-01", "--month 2999-01 has not begun: it is 20");
	assert_fails(w, "101 --month 1999-01", "holds no traffic for this period");
	world_free(w);
}
END_TEST

START_TEST(cli_statement_page_goes_to_stdout_or_a_file)
{
	struct world *w = world_new();
	char *path = xasprintf("%s/one.html", w->dir);
	struct stat st;

	fill_ledger(w);
	ck_assert_int_eq(run(w, "101"), 0);
	assert_page(w, "out", "<h1>web</h1>");
	assert_text_has(w, "out", "1234567 octets");
	assert_text_has(w, "err", "");
	ck_assert_int_eq(run(w, "101 -o one.html"), 0);
	assert_page(w, "one.html", "<h1>web</h1>");
	assert_text_has(w, "out", "");
	ck_assert_int_eq(run(w, "--output pages/two.html 101"), 0);
	assert_page(w, "pages/two.html", "<h1>web</h1>");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(run(w, "101 -o -"), 0);
	assert_page(w, "out", "<h1>web</h1>");
	*w->month = '\0'; /* the last one that is over */
	ck_assert_int_eq(run(w, "101"), 0);
	assert_text_has(w, "out", "7654321 octets");
	free(path);
	world_free(w);
}
END_TEST

START_TEST(cli_statement_present_month_says_what_is_missing)
{
	struct world *w = world_new();
	char now[PERIOD_TEXT_SIZE], *args;

	fill_ledger(w);
	args = xasprintf("101 --month %s", period_local(time(NULL), "%Y-%m", now));
	ck_assert_int_eq(run(w, args), 0);
	assert_text_has(w, "out", "The month is not over. These figures go until 20");
	assert_text_has(w, "err", "the newest traffic may be missing: ctmeterd is not running");
	free(args);
	world_free(w);
}
END_TEST

START_TEST(cli_statement_output_that_cannot_be_written_is_left_alone)
{
	struct world *w = world_new();

	fill_ledger(w);
	assert_fails(w, "101 -o nowhere/x.html", "there is no directory ");
	assert_fails(w, "101 -o conf/x.html", "conf is not a directory");
	assert_fails(w, "101 -o pages", "Is a directory");
	if (geteuid() != 0) {
		ck_assert_int_eq(chmod(w->pages, 0555), 0);
		assert_fails(w, "101 -o pages/x.html", "Permission denied: make its directory");
		assert_fails(w, "--all PAGES", "101.html: Permission denied: make its directory");
		ck_assert_int_eq(chmod(w->pages, 0755), 0);
	}
	assert_fails(w, "101 -o /dev/full",
		     "cannot write /dev/full: No space left on device: make");
	ck_assert_int_eq(run(w, "101 -o one.html"), 0);
	w->limit = 5000; /* as on a disk that is full */
	assert_fails(w, "index -o one.html", "one.html: File too large");
	assert_page(w, "one.html", "<h1>web</h1>");
	ck_assert_int_eq(count_files(w->dir), 6); /* nothing temporary is left */
	world_free(w);
}
END_TEST

START_TEST(cli_statement_output_link_is_refused)
{
	struct world *w = world_new();
	char *link = xasprintf("%s/link.html", w->dir);

	fill_ledger(w);
	ck_assert_int_eq(symlink("conf", link), 0);
	assert_fails(w, "index -o link.html", "link.html is a symbolic link: name the file itself");
	assert_text_has(w, "conf", "[ledger]");
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(symlink("nothing", link), 0);
	assert_fails(w, "index -o link.html", "is a symbolic link");
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(symlink("/dev/full", link), 0);
	assert_fails(w, "index -o link.html", "No space left on device");
	free(link);
	world_free(w);
}
END_TEST

START_TEST(cli_statement_all_have_safe_names_and_an_index_if_asked)
{
	struct world *w = world_new();

	fill_ledger(w);
	ck_assert_int_eq(run(w, "--all PAGES"), 0);
	assert_text_has(w, "out", "3 statements of 20");
	ck_assert_int_eq(count_files(w->pages), 3);
	assert_page(w, "pages/101.html", "<h1>web</h1>");
	assert_page(w, "pages/%2E.%2Fa%20b.html", "<h1>&lt;i&gt;</h1>");
	assert_page(w, "pages/%69ndex.html", "<h1>index</h1>");
	ck_assert_int_eq(run(w, "--all PAGES --index"), 0);
	ck_assert_int_eq(count_files(w->pages), 4);
	assert_page(w, "pages/index.html", "<a href=\"%252E.%252Fa%2520b.html\">../a b</a>");
	assert_text_has(w, "pages/index.html", "<a href=\"%2569ndex.html\">index</a>");
	world_free(w);
}
END_TEST

START_TEST(cli_statement_all_writes_whole_pages_within_the_directory)
{
	struct world *w = world_new();
	char *link = xasprintf("%s/101.html", w->pages);

	fill_ledger(w);
	assert_fails(w, "--all nowhere", "there is no directory nowhere: make it first");
	assert_fails(w, "--all conf", "conf is not a directory: choose one");
	/* What another user planted there leads nowhere. */
	ck_assert_int_eq(symlink("../conf", link), 0);
	ck_assert_int_eq(run(w, "--all PAGES"), 0);
	assert_page(w, "pages/101.html", "<h1>web</h1>");
	assert_text_has(w, "conf", "[ledger]");
	w->limit = 5000;
	assert_fails(w, "--all PAGES", "/101.html: File too large");
	ck_assert_int_eq(count_files(w->pages), 3);
	assert_page(w, "pages/101.html", "<h1>web</h1>");
	free(link);
	world_free(w);
}
END_TEST

/* ---- names ---- */

static void assert_name(const char *text, const char *expected)
{
	char *name = newfile_name(text);

	ck_assert_str_eq(name, expected);
	free(name);
}

START_TEST(newfile_name_is_one_of_a_file_and_unique)
{
	assert_name("101", "101");
	assert_name("3fc3b7c4-0d6a-4d0b-8b4e-2f3a1b9f0c11", "3fc3b7c4-0d6a-4d0b-8b4e-2f3a1b9f0c11");
	assert_name("web_1.example", "web_1.example");
	assert_name("..", "%2E.");
	assert_name(".htaccess", "%2Ehtaccess");
	assert_name("a/b\\c", "a%2Fb%5Cc");
	assert_name("a%2Fb", "a%252Fb");
	assert_name("\xff\n ", "%FF%0A%20");
	assert_name("", "");
}
END_TEST

#define OCTOBER 1790812800 /* 2026-10-01 00:00 UTC */
#define NOVEMBER 1793491200
#define DECEMBER 1796083200

/* The octets that a statement of November says are used, where local time is so many hours west. */
static uint64_t used_in_november(int64_t west_s, int64_t last_s, int64_t begin_s)
{
	struct usage_row row = { .id = (char *)(uintptr_t) "101", .counted = 7, .last_counted = 5 };
	struct usage usage = { .rows = &row, .n_rows = 1 };
	struct statement_month month = { NOVEMBER + west_s, DECEMBER + west_s, 0, true };
	struct statement_quotas q = { .usage = &usage, .month = &month };
	struct statement s = { .ctid = "101" };
	struct zone *utc = NULL;
	struct err e;

	ck_assert_int_eq(zone_load("UTC", &utc, &e), 0);
	q.zone = utc;
	row.quota = (struct billing_quota) { 10, BILLING_COUNTS_BOTH };
	usage.period = (struct store_period) { .last_begin_s = last_s, .begin_s = begin_s };
	statement_quotas_set(&q, &s);
	zone_free(utc);
	return s.quota ? s.quota->used_octets : 0;
}

START_TEST(cli_statement_quota_is_of_the_months_period_in_any_zone)
{
	static const struct {
		const char *tz;
		int64_t west_s;
	} zones[] = { { "UTC0", 0 }, { "XYZ8", 8 * 3600 }, { "XYZ-14", -14 * 3600 } };

	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		int64_t west_s = zones[i].west_s;

		setenv("TZ", zones[i].tz, 1);
		tzset();
		ck_assert_uint_eq(used_in_november(west_s, OCTOBER, NOVEMBER), 7);
		ck_assert_uint_eq(used_in_november(west_s, NOVEMBER, DECEMBER), 5);
		ck_assert_uint_eq(used_in_november(west_s, 0, OCTOBER), 0);
		ck_assert_uint_eq(used_in_november(west_s, 0, 0), 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cli_statement");
	TCase *tc = tcase_create("cli_statement");
	SRunner *sr;
	int failed;

	setlocale(LC_CTYPE, "C.UTF-8");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, cli_statement_wrong_usage_exits_2);
	tcase_add_test(tc, cli_statement_bad_input_is_one_line);
	tcase_add_test(tc, cli_statement_page_goes_to_stdout_or_a_file);
	tcase_add_test(tc, cli_statement_present_month_says_what_is_missing);
	tcase_add_test(tc, cli_statement_output_that_cannot_be_written_is_left_alone);
	tcase_add_test(tc, cli_statement_output_link_is_refused);
	tcase_add_test(tc, cli_statement_all_have_safe_names_and_an_index_if_asked);
	tcase_add_test(tc, cli_statement_all_writes_whole_pages_within_the_directory);
	tcase_add_test(tc, cli_statement_quota_is_of_the_months_period_in_any_zone);
	tcase_add_test(tc, newfile_name_is_one_of_a_file_and_unique);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
