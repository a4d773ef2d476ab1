/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store_file.h"

#include "base/lockfile.h"
#include "base/xalloc.h"
#include "store/store_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUSY_MS 500 /* the writing thread's longest wait for a lock; then the next try */
#define FILE_MODE 0640
#define DIR_MODE 0750

/* The bytes of the file that SQLite locks (sqlite.org/fileformat2.html, "The Lock-Byte Page"). */
#define LOCK_BYTES 0x40000000
#define LOCK_BYTES_LEN 512

static int fault(int error, const char *path, const char *what, struct err *e)
{
	err_set(e, "%s: cannot %s: %s; make its directory writable", path, what, strerror(error));
	return -error;
}

static int make_directories(const char *path, struct err *e)
{
	char *dir = xstrdup(path), *slash = dir;
	int ret = 0;

	while (!ret && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(dir, DIR_MODE) == 0)
			chmod(dir, DIR_MODE); /* whatever the umask */
		else if (errno != EEXIST && access(dir, F_OK) != 0)
			ret = fault(errno, dir, "make the directory", e);
		*slash = '/';
	}
	free(dir);
	return ret;
}

/* SQLite gives the WAL and its index the mode of this file. */
static int make_file(const char *path, struct err *e)
{
	struct stat st;
	int fd;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		err_set(e, "%s is not a regular file: [ledger] path must name the database file",
			path);
		return -EISDIR;
	}
	if (access(path, F_OK) == 0)
		return 0;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return fault(errno, path, "make the file", e);
	fchmod(fd, FILE_MODE);
	close(fd);
	return 0;
}

/* sqlite3_open_v2 returns an object even on failure: close *ret_db in any case. */
static int open_db(const char *name, const char *path, int flags, const char *vfs, sqlite3 **ret_db,
		   struct err *e)
{
	if (sqlite3_open_v2(name, ret_db, flags | SQLITE_OPEN_NOMUTEX, vfs))
		return store_fault(*ret_db, path, e);
	sqlite3_busy_timeout(*ret_db, BUSY_MS);
	return 0;
}

/* A lock held by another process shows that the file can be written. */
static int check_writable(sqlite3 *db, const char *path, struct err *e)
{
	int ret;

	if (sqlite3_db_readonly(db, "main") == 1) {
		err_set(e,
			"%s is read-only: make the file and its directory writable; "
			"saving resumes by itself",
			path);
		return -EROFS;
	}
	ret = store_exec(db, path, "BEGIN IMMEDIATE; ROLLBACK", e);
	return ret == -EBUSY ? 0 : ret;
}

/* Keep the WAL file after closing, empty. If the file system becomes read-only, every version of
 * SQLite can then still read the database; none can read a WAL database without a WAL file. */
static int set_up(sqlite3 *db, const char *path, struct err *e)
{
	int persist = 1;
	bool present;
	int ret = store_schema_check(db, path, &present, e);

	if (ret)
		return ret;
	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	ret = store_exec(db, path,
			 "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 4194304; "
			 "PRAGMA synchronous = NORMAL", /* store_file_sync */
			 e);
	if (!ret)
		ret = store_schema_migrate(db, path, e);
	return ret ? ret : check_writable(db, path, e);
}

int store_file_make(const char *path, struct err *e)
{
	int ret = make_directories(path, e);

	return ret ? ret : make_file(path, e);
}

static bool cannot_be_made(int error)
{
	return error == -EROFS || error == -EACCES || error == -EPERM || error == -ENOSPC ||
	       error == -EDQUOT || error == -EIO;
}

int store_file_lock(const char *path, int *ret_fd, struct err *e)
{
	char *target = realpath(path, NULL);
	char *name = xasprintf("%s-lock", target ? target : path);
	long holder = 0;
	int ret = lockfile_take(name, 0, ret_fd, &holder);

	if (ret == -EBUSY && holder)
		err_set(e,
			"%s: process %ld keeps its ledger there, and only one ctmeterd may: stop "
			"that process or set another [ledger] path",
			path, holder);
	else if (ret == -EBUSY)
		err_set(e,
			"%s: another ctmeterd keeps its ledger there, and only one may: stop that "
			"one or set another [ledger] path",
			path);
	else if (ret < 0)
		err_set(e, "cannot lock %s: %s: %s", path, name,
			ret == -EINVAL ? "it is not a regular file: remove it" : strerror(-ret));
	free(target);
	free(name);
	return cannot_be_made(ret) ? -EROFS : ret;
}

/* SQLite follows links: the WAL is beside the file that they lead to. */
static char *wal_of(sqlite3 *db)
{
	return xasprintf("%s-wal", sqlite3_db_filename(db, "main"));
}

void store_file_wait_while_frozen(sqlite3 *db)
{
	char *wal = wal_of(db);
	struct stat st;

	/* Other errors are left for SQLite to report. */
	if (stat(wal, &st) == 0)
		chmod(wal, st.st_mode & 07777); /* changes nothing */
	free(wal);
}

int store_file_sync(sqlite3 *db, struct err *e)
{
	char *wal = wal_of(db);
	int fd = open(wal, O_RDONLY | O_CLOEXEC);
	int ret = fd < 0 || fdatasync(fd) < 0 ? -errno : 0;

	if (ret)
		err_set(e, "%s: cannot be synced to the disk: %s", wal, strerror(-ret));
	if (fd >= 0)
		close(fd);
	free(wal);
	return ret;
}

int store_file_open(const char *path, sqlite3 **ret_db, struct err *e)
{
	sqlite3 *db = NULL;
	int ret = open_db(path, path, SQLITE_OPEN_READWRITE, NULL, &db, e);

	if (!ret) {
		store_file_wait_while_frozen(db);
		ret = set_up(db, path, e);
	}
	if (ret)
		sqlite3_close(db);
	else
		*ret_db = db;
	return ret;
}

static off_t file_size(const char *path, const char *suffix)
{
	char *name = xasprintf("%s%s", path, suffix);
	struct stat st;
	off_t size = stat(name, &st) == 0 ? st.st_size : 0;

	free(name);
	return size;
}

/* Ways to read a database that cannot be opened for writing, the safest first. */
static const struct way {
	const char *query;
	const char *vfs;
	const char *pragma;
	bool wal_too; /* it reads the WAL too */
} ways[] = {
	/* Needs the WAL's index file, or room to make one; a read-only index needs SQLite 3.22. */
	{ "mode=ro", NULL, "", true },
	/* With the index in memory instead. SQLite then wants the file for itself, by a lock that
	 * it cannot get on a read-only file. No lock is needed: nobody can write the file. */
	{ "mode=ro", "unix-none", "PRAGMA locking_mode = EXCLUSIVE", true },
	/* There is no WAL file and none can be made. Needs SQLite 3.8.5. */
	{ "immutable=1", NULL, "", false },
};

char *store_file_uri(const char *path, const char *query)
{
	char *uri = xmalloc(strlen("file:") + 3 * strlen(path) + 1 + strlen(query) + 1);
	char *end = uri + sprintf(uri, "file:");

	for (; *path; path++) {
		if (strchr("?#%", *path))
			end += sprintf(end, "%%%02X", (unsigned char)*path);
		else
			*end++ = *path;
	}
	sprintf(end, "?%s", query);
	return uri;
}

static int open_way(const char *path, const struct way *way, sqlite3 **ret_db, bool *ret_present,
		    struct err *e)
{
	char *uri = store_file_uri(path, way->query);
	sqlite3 *db = NULL;
	int ret = open_db(uri, path, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, way->vfs, &db, e);

	if (!ret)
		ret = store_exec(db, path, way->pragma, e);
	if (!ret)
		ret = store_schema_check(db, path, ret_present, e);
	if (ret)
		sqlite3_close(db);
	else
		*ret_db = db;
	free(uri);
	return ret;
}

int store_file_open_read_only(const char *path, sqlite3 **ret_db, struct err *e)
{
	sqlite3 *db = NULL;
	bool present = false;
	int ret = -EACCES;

	if (file_size(path, "") == 0 && (access(path, F_OK) == 0 || errno == ENOENT)) {
		*ret_db = NULL;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		if (!ways[i].wal_too && file_size(path, "-wal") > 0)
			continue;
		ret = open_way(path, &ways[i], &db, &present, e);
		if (!ret || ret == -EBUSY || ret == -ENOTSUP || ret == -EUCLEAN)
			break;
	}
	if (ret)
		return ret;
	if (!present) {
		sqlite3_close(db);
		db = NULL;
	}
	*ret_db = db;
	return 0;
}

void store_file_set_damaged(const char *path)
{
	char *mark = xasprintf("%s-damaged", path);
	int fd = open(mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, FILE_MODE);

	if (fd >= 0)
		close(fd);
	free(mark);
}

bool store_file_damaged(const char *path)
{
	char *mark = xasprintf("%s-damaged", path);
	bool damaged = access(mark, F_OK) == 0;

	free(mark);
	return damaged;
}

static int check_unused(const char *path, struct err *e)
{
	struct flock lock = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = LOCK_BYTES,
			      .l_len = LOCK_BYTES_LEN };
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : fault(errno, path, "open the damaged file", e);
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) {
		err_set(e,
			"%s is damaged and must be set aside, but process %ld has it open: stop "
			"that process",
			path, (long)lock.l_pid);
		ret = -EBUSY;
	}
	close(fd);
	return ret;
}

/* A name that is not taken yet. For free(). */
static char *aside_name(const char *path)
{
	time_t now = time(NULL);
	char stamp[32], *name;
	struct tm tm;

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", gmtime_r(&now, &tm));
	name = xasprintf("%s.damaged-%s", path, stamp);
	for (unsigned i = 2; access(name, F_OK) == 0; i++) {
		free(name);
		name = xasprintf("%s.damaged-%s-%u", path, stamp, i);
	}
	return name;
}

static int rename_part(const char *path, const char *aside, const char *suffix, struct err *e)
{
	char *from = xasprintf("%s%s", path, suffix), *to = xasprintf("%s%s", aside, suffix);
	int ret = 0;

	if (rename(from, to) != 0 && errno != ENOENT)
		ret = fault(errno, from, "set the damaged file aside", e);
	free(from);
	free(to);
	return ret;
}

/* The WAL goes first. A database without its WAL is found damaged again, or is an older sound one;
 * a WAL without its database would be applied to the next one. */
int store_file_set_aside(const char *path, char **ret_aside, struct err *e)
{
	char *aside, *mark;
	int ret = check_unused(path, e);

	if (ret)
		return ret;
	aside = aside_name(path);
	ret = rename_part(path, aside, "-wal", e);
	if (!ret)
		ret = rename_part(path, aside, "-shm", e);
	if (!ret)
		ret = rename_part(path, aside, "", e);
	if (ret) {
		free(aside);
		return ret;
	}
	mark = xasprintf("%s-damaged", path);
	unlink(mark);
	free(mark);
	*ret_aside = aside;
	return 0;
}
