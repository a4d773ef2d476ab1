/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report_world.h"
#include "store/store_schema.h"

#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>

#define NOBODY 65534

START_TEST(report_read_no_ledger_says_what_to_do)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_CONTAINER, NOW - DAY, NOW);
	char part[128];

	ledger_exec(w->db, "PRAGMA user_version = 1000");
	snprintf(part, sizeof(part), "by a newer ctmeter (schema 1000, this one reads %d)",
		 STORE_SCHEMA_VERSION);
	assert_fails(&q, -ENOTSUP, part);
	ledger_exec(w->db, "PRAGMA user_version = 0");
	assert_fails(&q, -EINVAL, "is not a ctmeter ledger");
	end_daemon(w);
	ck_assert_int_eq(truncate(w->path, 0), 0);
	assert_fails(&q, -EINVAL, "is not a ctmeter ledger");
	ck_assert_int_eq(truncate(w->path, 5000), 0);
	assert_fails(&q, -EINVAL, "is damaged or not a ledger");
	unlink_file(w, "");
	assert_fails(&q, -ENOENT, "there is no ledger /tmp/check_report.");
	q.path = w->dir;
	assert_fails(&q, -EINVAL, "is not a regular file");
	world_free(w);
}
END_TEST

START_TEST(report_read_older_schema_is_read)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_CONTAINER, NOW - DAY - 127, NOW);

	ledger_use(w->db, 1, NOW - HOUR, 5, 0, 0, 0);
	ledger_exec(w->db, "DROP TABLE booked; PRAGMA user_version = 1");
	ck_assert_uint_eq(get(w, &q)->sum.total, 5);
	world_free(w);
}
END_TEST

START_TEST(report_read_new_ledger_has_no_rows)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_CONTAINER, NOW - DAY - 127, NOW);

	ledger_exec(w->db, "DELETE FROM address; DELETE FROM container");
	ck_assert_uint_eq(get(w, &q)->n_rows, 0);
	q.by = REPORT_BY_DAY;
	ck_assert_uint_eq(get(w, &q)->n_rows, 0);
	world_free(w);
}
END_TEST

static size_t count_files(const struct world *w)
{
	DIR *dir = opendir(w->dir);
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

START_TEST(report_read_leaves_no_files)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_CONTAINER, NOW - DAY - 127, NOW);

	ledger_use(w->db, 1, NOW - HOUR, 5, 0, 0, 0);
	ck_assert_uint_eq(get(w, &q)->sum.total, 5);
	ck_assert_uint_eq(count_files(w), 3); /* the daemon's own */
	end_daemon(w);
	ck_assert_uint_eq(count_files(w), 1);
	ck_assert_uint_eq(get(w, &q)->sum.total, 5);
	ck_assert_uint_eq(count_files(w), 1);
	world_free(w);
}
END_TEST

START_TEST(report_read_beside_a_writer_sees_what_is_committed)
{
	struct world *w = world_new();
	struct report_query q = query(w, REPORT_BY_CONTAINER, NOW - DAY - 127, NOW);

	ledger_use(w->db, 1, NOW - HOUR, 5, 0, 0, 0);
	ledger_exec(w->db, "BEGIN IMMEDIATE");
	ledger_use(w->db, 1, NOW - HOUR, 6, 0, 0, 0);
	ck_assert_uint_eq(get(w, &q)->sum.total, 5);
	ledger_exec(w->db, "COMMIT");
	ck_assert_uint_eq(get(w, &q)->sum.total, 11);
	world_free(w);
}
END_TEST

/* What a process without rights gets: 0 with exit status 0 or 1 (a note), or -errno. */
static int read_as_nobody(const struct report_query *q, const char *note)
{
	struct report *report = NULL;
	struct err e = { "" };
	int status, rc;
	pid_t pid = fork();

	if (!pid) {
		if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(99);
		rc = report_read(q, &report, &e);
		_exit(rc < 0 ? -rc : note ? !has_note(report, note) : report->sum.total != 5);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Another process holds the ledger open, as the daemon does, until the returned descriptor is
 * closed. In one process SQLite would share what it knows of the file, which would hide a lack of
 * rights. */
static int hold_open(struct world *w)
{
	int ready[2], end[2];
	bool failed;
	sqlite3 *db;
	char c;

	ck_assert(!pipe(ready) && !pipe(end));
	end_daemon(w);
	if (!fork()) {
		close(end[1]);
		ck_assert_int_eq(sqlite3_open(w->path, &db), SQLITE_OK);
		ledger_use(db, 1, NOW - HOUR, 5, 0, 0, 0);
		failed = write(ready[1], "", 1) != 1 || read(end[0], &c, 1) != 0 ||
			 sqlite3_close(db) != SQLITE_OK;
		free(w->path);
		free(w);
		_exit(failed);
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	close(end[0]);
	return end[1];
}

/* The daemon was killed: its log remains. */
static void leave_log(struct world *w)
{
	char *copy = xasprintf("%s.copy", w->path), *command;

	command = xasprintf("cp -p '%s' '%s' && cp -p '%s-wal' '%s-wal'", w->path, copy, w->path,
			    copy);
	ck_assert_int_eq(system(command), 0);
	end_daemon(w);
	free(command);
	command = xasprintf("mv '%s' '%s' && mv '%s-wal' '%s-wal'", copy, w->path, copy, w->path);
	ck_assert_int_eq(system(command), 0);
	free(command);
	free(copy);
}

START_TEST(report_read_without_rights_reads_what_it_may)
{
	struct report_query q;
	int holder, status;
	struct world *w;

	if (geteuid() != 0) {
		printf("SKIP report_read_without_rights_reads_what_it_may: needs root\n");
		return;
	}
	w = world_new();
	ck_assert_int_eq(chmod(w->path, 0644),
			 0); /* readable for all: SQLite's other files get the same mode */
	q = query(w, REPORT_BY_CONTAINER, NOW - DAY - 127, NOW);
	holder = hold_open(w);
	ck_assert_int_eq(read_as_nobody(&q, NULL), 0); /* while the daemon runs */
	close(holder);
	ck_assert_int_gt(wait(&status), 0);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(sqlite3_open(w->path, &w->db), SQLITE_OK);
	ledger_exec(w->db, "INSERT INTO meta VALUES ('x', 1)");
	leave_log(w);
	ck_assert_int_eq(read_as_nobody(&q, "The newest traffic is missing"), 0);
	ck_assert_uint_eq(count_files(w), 2);
	ck_assert_uint_eq(get(w, &q)->sum.total, 5); /* root reads the log too */
	ck_assert(!has_note(w->report, "missing"));
	unlink_file(w, "-wal");
	unlink_file(w, "-shm");
	ck_assert_int_eq(read_as_nobody(&q, NULL), 0); /* after a clean end */
	ck_assert_int_eq(chmod(w->path, 0600), 0);
	ck_assert_int_eq(read_as_nobody(&q, NULL), EACCES);
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report_db");
	TCase *tc = tcase_create("report_db");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, report_read_no_ledger_says_what_to_do);
	tcase_add_test(tc, report_read_older_schema_is_read);
	tcase_add_test(tc, report_read_new_ledger_has_no_rows);
	tcase_add_test(tc, report_read_leaves_no_files);
	tcase_add_test(tc, report_read_beside_a_writer_sees_what_is_committed);
	tcase_add_test(tc, report_read_without_rights_reads_what_it_may);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
