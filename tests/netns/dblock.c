/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dblock: another program that holds a database locked.
 *   dblock FILE      lock it (BEGIN EXCLUSIVE), print "locked", hold until stdin ends
 *   dblock FILE SQL  run a query on it read-only and print the rows, values separated by '|'
 *   dblock -w FILE SQL  run statements on it
 * Exit 1 with SQLite's words where that fails. */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int print_row(void *arg, int n, char **values, char **names)
{
	(void)arg;
	(void)names;
	for (int i = 0; i < n; i++)
		printf("%s%s", values[i] ? values[i] : "", i + 1 < n ? "|" : "\n");
	return 0;
}

int main(int argc, char **argv)
{
	bool writes = argc == 4 && !strcmp(argv[1], "-w");
	const char *sql;
	sqlite3 *db = NULL;
	int rc;

	if (writes) {
		argv++;
		argc--;
	}
	if (argc < 2)
		return 2;
	sql = argc > 2 ? argv[2] : "BEGIN EXCLUSIVE";
	rc = sqlite3_open_v2(argv[1], &db,
			     argc > 2 && !writes ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE,
			     NULL);
	sqlite3_busy_timeout(db, 5000);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, sql, print_row, NULL, NULL);
	if (rc != SQLITE_OK)
		fprintf(stderr, "dblock: %s\n", sqlite3_errmsg(db));
	if (rc == SQLITE_OK && argc == 2) {
		puts("locked");
		fflush(stdout);
		while (getchar() != EOF)
			;
	}
	sqlite3_close(db);
	return rc != SQLITE_OK;
}
