/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli_report.h"

#include "base/xalloc.h"
#include "report_ledger.h"

#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define T0 1793491200 /* 2026-11-01 00:00 UTC */

/* ---- the three forms ---- */

static struct report_row rows[] = {
	{ .ctid = (char *)"101",
	  .name = (char *)"w\"e,b",
	  .address = (char *)"192.0.2.1",
	  .since_s = T0,
	  .until_s = T0 + 3600,
	  .octets = { 1234567, 2000, 0, 7 },
	  .total = 1236574,
	  .has_p95 = true,
	  .p95_in_bits = 49500000,
	  .p95_out_bits = 999 },
	{ .ctid = (char *)"102",
	  .name = (char *)"",
	  .address = (char *)"2001:db8::2",
	  .since_s = T0 + 3600,
	  .until_s = T0 + 7200,
	  .octets = { UINT64_MAX, 0, 0, 0 },
	  .total = UINT64_MAX },
};

static struct report report = {
	.rows = rows,
	.n_rows = 2,
	.sum = { .since_s = T0, .until_s = T0 + 7200, .octets = { 5, 0, 0, 0 }, .total = 5 },
	.notes = { (char *)"A note." },
	.n_notes = 1,
};

static const struct report_query by_container = { .by = REPORT_BY_CONTAINER, .now_s = T0 + 9999 };

static void use_utc(void)
{
	setenv("TZ", "UTC0", 1);
	tzset();
}

static void assert_table(const struct report_query *q, bool exact, const char *expected)
{
	struct cli cli = { .exact = exact };
	char *text = NULL;
	size_t len = 0;

	use_utc();
	cli.out = open_memstream(&text, &len);
	cli_report_print_table(&cli, q, &report);
	fclose(cli.out);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(cli_report_print_table_is_aligned)
{
	struct report_query by_day = { .by = REPORT_BY_DAY, .now_s = T0 + 7200, .stored = true };

	assert_table(
		&by_container, false,
		"2026-11-01 00:00 to 2026-11-01 02:00, UTC\n"
		"CTID   NAME               IN      OUT  NODE IN  NODE OUT    TOTAL       95% IN  "
		"   95% OUT\n"
		"101    w\"e,b         1.23 MB  2.00 kB     0  B      7  B  1.24 MB  49.5 Mbit/s  "
		"999  bit/s\n"
		"102    -             18.4 EB     0  B     0  B      0  B  18.4 EB            -  "
		"         -\n"
		"TOTAL  2 containers     5  B     0  B     0  B      0  B     5  B            -  "
		"         -\n"
		"A note.\n");
	assert_table(
		&by_day, true,
		"2026-11-01 00:00 to 2026-11-01 02:00 (now), UTC\n"
		"DAY                           IN   OUT  NODE IN  NODE OUT                 TOTAL  "
		"  95% IN  95% OUT\n"
		"2026-11-01               1234567  2000        0         7               1236574  "
		"49500000      999\n"
		"2026-11-01  18446744073709551615     0        0         0  18446744073709551615  "
		"       -        -\n"
		"TOTAL                          5     0        0         0                     5  "
		"       -        -\n"
		"A note.\n");
}
END_TEST

START_TEST(cli_report_print_table_since_zero_tells_when)
{
	struct report_query q = { .by = REPORT_BY_ADDRESS, .since_zero = true };

	assert_table(
		&q, false,
		"Since the last ctmeter zero, or since counting began\n"
		"ADDRESS      CTID  NAME              IN      OUT  NODE IN  NODE OUT    TOTAL  "
		"COUNTED SINCE\n"
		"192.0.2.1    101   w\"e,b        1.23 MB  2.00 kB     0  B      7  B  1.24 MB  "
		"2026-11-01 00:00\n"
		"2001:db8::2  102   -            18.4 EB     0  B     0  B      0  B  18.4 EB  "
		"2026-11-01 01:00\n"
		"TOTAL              2 addresses     5  B     0  B     0  B      0  B     5  B\n"
		"A note.\n");
}
END_TEST

static void assert_csv(const struct report_query *q, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	use_utc();
	cli_report_print_csv(q, &report, out);
	fclose(out);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(cli_report_print_csv_is_exact_and_quoted)
{
	struct report_query by_hour = { .by = REPORT_BY_HOUR };
	struct report_query zero = { .by = REPORT_BY_ADDRESS, .since_zero = true };

	assert_csv(&by_container,
		   "id,name,in_octets,out_octets,node_in_octets,node_out_octets,total_octets,"
		   "p95_in_bits,p95_out_bits,imported_octets\n"
		   "101,\"w\"\"e,b\",1234567,2000,0,7,1236574,49500000,999,0\n"
		   "102,,18446744073709551615,0,0,0,18446744073709551615,,,0\n");
	assert_csv(&by_hour,
		   "hour,in_octets,out_octets,node_in_octets,node_out_octets,total_octets,"
		   "p95_in_bits,p95_out_bits,imported_octets\n"
		   "2026-11-01T00:00+0000,1234567,2000,0,7,1236574,49500000,999,0\n"
		   "2026-11-01T01:00+0000,18446744073709551615,0,0,0,18446744073709551615,,,0\n");
	assert_csv(&zero, "address,id,name,in_octets,out_octets,node_in_octets,node_out_octets,"
			  "total_octets,counted_since\n"
			  "192.0.2.1,101,\"w\"\"e,b\",1234567,2000,0,7,1236574,"
			  "2026-11-01T00:00:00Z\n"
			  "2001:db8::2,102,,18446744073709551615,0,0,0,18446744073709551615,"
			  "2026-11-01T01:00:00Z\n");
}
END_TEST

START_TEST(cli_report_json_is_exact)
{
	json_t *answer = cli_report_json(&by_container, &report);
	const json_t *first = json_array_get(json_object_get(answer, "rows"), 0);
	const json_t *second = json_array_get(json_object_get(answer, "rows"), 1);

	ck_assert_str_eq(cli_text(answer, "by"), "container");
	ck_assert_str_eq(cli_text(answer, "since"), "2026-11-01T00:00:00Z");
	ck_assert_str_eq(cli_text(answer, "until"), "2026-11-01T02:00:00Z");
	ck_assert_str_eq(cli_text(first, "name"), "w\"e,b");
	ck_assert_uint_eq(cli_number(first, "total_octets"), 1236574);
	ck_assert_uint_eq(cli_number(first, "p95_in_bits"), 49500000);
	ck_assert_str_eq(cli_text(second, "in_octets"), "18446744073709551615");
	ck_assert(json_is_null(json_object_get(second, "p95_in_bits")));
	ck_assert_uint_eq(cli_number(json_object_get(answer, "total"), "total_octets"), 5);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(answer, "notes"), 0)),
			 "A note.");
	json_decref(answer);
}
END_TEST

START_TEST(cli_report_json_odd_name_is_kept_printable)
{
	struct report_row odd = { .ctid = (char *)"1", .name = (char *)"a\xff" };
	struct report r = { .rows = &odd, .n_rows = 1 };
	json_t *answer = cli_report_json(&by_container, &r);

	ck_assert_str_eq(cli_text(json_array_get(json_object_get(answer, "rows"), 0), "name"),
			 "a?");
	json_decref(answer);
}
END_TEST

/* ---- the whole command ---- */

struct world {
	char dir[40];
	char *config, *ledger, *out, *err;
};

static struct world *world_new(void)
{
	struct world *w = xcalloc(1, sizeof(*w));
	FILE *f;

	snprintf(w->dir, sizeof(w->dir), "/tmp/check_cli_report.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(w->dir));
	w->config = xasprintf("%s/conf", w->dir);
	w->ledger = xasprintf("%s/db", w->dir);
	w->out = xasprintf("%s/out", w->dir);
	w->err = xasprintf("%s/err", w->dir);
	f = fopen(w->config, "w");
	fprintf(f, "[ledger]\npath = %s\n[control]\nsocket = %s/sock\n", w->ledger, w->dir);
	fclose(f);
	return w;
}

static void fill_ledger(const struct world *w)
{
	sqlite3 *db = ledger_create(w->ledger);
	int64_t now = time(NULL);

	ledger_container(db, 1, "101", "web", 0, now - 86400 * 40);
	ledger_container(db, 2, "102", "db", 0, now - 86400 * 40);
	ledger_address(db, 1, 1, "192.0.2.1", 0, now - 86400 * 40);
	ledger_address(db, 2, 2, "2001:db8::2", 0, now - 86400 * 40);
	ledger_use(db, 1, now - 7200, 1234567, 0, 0, 0);
	ledger_use(db, 2, now - 86400, 400, 0, 0, 0);
	ledger_put(db, "INSERT INTO meta VALUES ('counted_at', %" PRId64 ")", now - 7000);
	sqlite3_close(db);
}

static void world_free(struct world *w)
{
	unlink(w->config);
	unlink(w->ledger);
	unlink(w->out);
	unlink(w->err);
	ck_assert_int_eq(rmdir(w->dir), 0);
	free(w->config);
	free(w->ledger);
	free(w->out);
	free(w->err);
	free(w);
}

static int run(const struct world *w, const char *args)
{
	char *copy = xasprintf("ctmeter -c %s %s", w->config, args), *argv[24], *save = NULL;
	int argc = 0, status = 0;
	pid_t pid;

	for (char *s = strtok_r(copy, " ", &save); s && argc < 23; s = strtok_r(NULL, " ", &save))
		argv[argc++] = s;
	argv[argc] = NULL;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		status = freopen(w->out, "w", stdout) && freopen(w->err, "w", stderr)
				 ? cli_main(argc, argv)
				 : 99;
		fflush(NULL);
		_exit(status);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	free(copy);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool file_has(const char *path, const char *part)
{
	char text[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return *part ? strstr(text, part) != NULL : n == 0;
}

static void assert_run(const struct world *w, const char *args, int status, const char *out,
		       const char *err)
{
	int got = run(w, args);

	ck_assert_msg(got == status, "exit status %d of %s", got, args);
	ck_assert_msg(file_has(w->out, out), "stdout of %s lacks '%s'", args, out);
	ck_assert_msg(file_has(w->err, err), "stderr of %s lacks '%s'", args, err);
}

START_TEST(cli_main_report_wrong_usage_exits_2)
{
	struct world *w = world_new();

	assert_run(w, "report --nonsense", 2, "", "usage: ctmeter");
	assert_run(w, "report 101", 2, "", "too many arguments: 101");
	assert_run(w, "report --by week", 2, "",
		   "--by week: expected container, address, day or hour");
	assert_run(w, "report --format xml", 2, "", "--format xml: expected table, csv or json");
	assert_run(w, "report --ip 192.0.2", 2, "", "--ip 192.0.2: not an IP address");
	assert_run(w, "report --since lately", 2, "", "--since lately: expected a date");
	assert_run(w, "report --since 1h --until 2h", 2, "", "the period is empty");
	assert_run(w, "--json report --format csv", 2, "", "--json conflicts with --format csv");
	assert_run(w, "report --since-zero --since 1d", 2, "", "leave out --since and --until");
	assert_run(w, "report --since-zero --by day", 2, "", "--by container and --by address");
	assert_run(w, "report --packets", 2, "", "--packets goes with list, not with report");
	assert_run(w, "status --since 1d", 2, "", "--since goes with report, not with status");
	world_free(w);
}
END_TEST

START_TEST(cli_main_report_reads_the_ledger_without_a_daemon)
{
	struct world *w = world_new();

	assert_run(w, "report", 1, "", "ctmeter: there is no ledger /tmp/check_cli_report.");
	fill_ledger(w);
	assert_run(w, "report", 0, "101    web           1.23 MB", "");
	assert_run(w, "report --bytes --by address", 0, "192.0.2.1    101   web          1234567",
		   "");
	assert_run(w, "report --format csv --ct 102", 0, "\n102,db,400,0,0,0,400,0,0,0\n",
		   "ctmeter: Counted until ");
	assert_run(w, "report --format csv --ip 2001:DB8:0::2 --ip 192.0.2.1 --since 12h", 0,
		   "101,web,1234567,", "ctmeterd is not running.\n");
	assert_run(w, "report", 0, " (as of the last checkpoint), ", "");
	assert_run(w, "report", 0, ": ctmeterd is not running.\n", "");
	assert_run(w, "report --format json", 0, "\"counted_until\": \"20", "");
	assert_run(w, "report --since 2d --until 1d --format csv", 0, "\n101,", "");
	assert_run(w, "--json report --by day", 0, "\"day\": \"20", "");
	assert_run(w, "report --format json --by hour --since 3h", 0, "\"hour\": \"20", "");
	assert_run(w, "report --since-zero", 0, "COUNTED SINCE", "");
	assert_run(w, "report --format csv --since 300d", 0, "101,web,1234567,0,0,0,1234567,,,0\n",
		   "ctmeter: No 95th percentile");
	assert_run(w, "report --ct 9", 1, "",
		   "knows no container 9: ctmeter list shows their ids\n");
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cli_report");
	TCase *tc = tcase_create("cli_report");
	SRunner *sr;
	int failed;

	setlocale(LC_CTYPE, "C.UTF-8");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, cli_report_print_table_is_aligned);
	tcase_add_test(tc, cli_report_print_table_since_zero_tells_when);
	tcase_add_test(tc, cli_report_print_csv_is_exact_and_quoted);
	tcase_add_test(tc, cli_report_json_is_exact);
	tcase_add_test(tc, cli_report_json_odd_name_is_kept_printable);
	tcase_add_test(tc, cli_main_report_wrong_usage_exits_2);
	tcase_add_test(tc, cli_main_report_reads_the_ledger_without_a_daemon);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
