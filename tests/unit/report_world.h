/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_REPORT_WORLD_H
#define CTM_TESTS_REPORT_WORLD_H

#include "report/report.h"

#include "base/xalloc.h"
#include "report_ledger.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A ledger with three containers in a directory of its own, and reports of it. */

#define HOUR 3600
#define DAY 86400
#define NOW 1795435627 /* 2026-11-23 12:07:07 UTC */

struct world {
	char dir[32];
	char *path;
	sqlite3 *db; /* the daemon's, as it were; NULL when it has ended */
	struct report *report;
};

static inline struct world *world_new(void)
{
	struct world *w = xcalloc(1, sizeof(*w));

	setenv("TZ", "UTC0", 1);
	tzset();
	snprintf(w->dir, sizeof(w->dir), "/tmp/check_report.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(w->dir));
	ck_assert_int_eq(chmod(w->dir, 0755), 0);
	w->path = xasprintf("%s/a %%?#ledger.db", w->dir);
	w->db = ledger_create(w->path);
	ledger_container(w->db, 1, "101", "web", 0, NOW - 500 * DAY);
	ledger_container(w->db, 2, "102", "db", 0, NOW - 500 * DAY);
	ledger_container(w->db, 3, "103", "was", 2, NOW - 500 * DAY);
	ledger_address(w->db, 1, 1, "192.0.2.1", 0, NOW - 500 * DAY);
	ledger_address(w->db, 2, 2, "192.0.2.2", 0, NOW - 500 * DAY);
	ledger_address(w->db, 3, 2, "2001:db8::2", 0, NOW - 500 * DAY);
	ledger_address(w->db, 4, 3, "192.0.2.1", 2, NOW - 500 * DAY);
	return w;
}

static inline void end_daemon(struct world *w)
{
	ck_assert_int_eq(sqlite3_close(w->db), SQLITE_OK);
	w->db = NULL;
}

static inline void unlink_file(const struct world *w, const char *suffix)
{
	char *path = xasprintf("%s%s", w->path, suffix);

	unlink(path);
	free(path);
}

static inline void world_free(struct world *w)
{
	report_free(w->report);
	if (w->db)
		end_daemon(w);
	unlink_file(w, "");
	unlink_file(w, "-wal");
	unlink_file(w, "-shm");
	ck_assert_int_eq(rmdir(w->dir), 0);
	free(w->path);
	free(w);
}

static inline struct report_query query(const struct world *w, enum report_by by, int64_t since,
					int64_t until)
{
	struct report_query q = { .path = w->path, .by = by, .now_s = NOW };

	q.period.since_s = since;
	q.period.until_s = until;
	q.period.to_now = until == NOW;
	return q;
}

static inline const struct report *get(struct world *w, const struct report_query *q)
{
	struct err e = { "" };

	report_free(w->report);
	w->report = NULL;
	ck_assert_msg(!report_read(q, &w->report, &e), "%s", e.text);
	return w->report;
}

static inline void assert_fails(const struct report_query *q, int rc, const char *says)
{
	struct report *report = NULL;
	struct err e = { "" };
	int got = report_read(q, &report, &e);

	ck_assert_msg(got == rc, "%d instead of %d: %s", got, rc, e.text);
	ck_assert_msg(strstr(e.text, says) != NULL, "'%s' lacks '%s'", e.text, says);
	ck_assert_ptr_null(report);
}

static inline bool has_note(const struct report *r, const char *part)
{
	for (size_t i = 0; i < r->n_notes; i++)
		if (strstr(r->notes[i], part))
			return true;
	return false;
}

#endif
