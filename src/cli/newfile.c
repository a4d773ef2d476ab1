/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/newfile.h"

#include "base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_TRIES 16
#define TEMPORARY_SIZE 48

static const char *cure(int error)
{
	switch (error) {
	case -ENOSPC:
	case -EDQUOT:
		return ": make room, then run this again";
	case -EACCES:
	case -EPERM:
		return ": make its directory writable for this user, or choose another";
	case -EROFS:
		return ": choose a directory on a file system that is not read-only";
	case -ENOENT:
		return ": make its directory first";
	case -ENOTDIR:
		return ": choose a directory that is one";
	default:
		return "";
	}
}

static int complain(int rc, const char *dir, const char *name, struct err *e)
{
	err_set(e, "cannot write %s%s%s: %s%s", dir, *dir ? "/" : "", name, strerror(-rc),
		cure(rc));
	return rc;
}

int newfile_open_dir(const char *path, struct err *e)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), rc = fd < 0 ? -errno : fd;

	if (rc == -ENOENT)
		err_set(e, "there is no directory %s: make it first", path);
	else if (rc == -ENOTDIR)
		err_set(e, "%s is not a directory: choose one", path);
	else if (rc < 0)
		err_set(e, "cannot open the directory %s: %s%s", path, strerror(-rc), cure(rc));
	return rc;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A name may be left from a process of the same number that was killed, or be another user's: it is
 * neither used nor removed. */
static int open_temporary(int dir_fd, char name[TEMPORARY_SIZE])
{
	int fd = -1;

	for (int i = 0; i < TEMPORARY_TRIES && fd < 0; i++) {
		snprintf(name, TEMPORARY_SIZE, ".ctmeter-%ld-%d.tmp", (long)getpid(), i);
		fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0666);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd < 0 ? -errno : fd;
}

int newfile_put(int dir_fd, const char *dir_path, const char *name, const char *text, size_t len,
		struct err *e)
{
	char temporary[TEMPORARY_SIZE];
	int fd = open_temporary(dir_fd, temporary), rc;

	if (fd < 0)
		return complain(fd, dir_path, name, e);
	rc = write_all(fd, text, len);
	/* Some file systems report only now that there was no room. */
	if (close(fd) < 0 && !rc)
		rc = -errno;
	if (!rc && renameat(dir_fd, temporary, dir_fd, name) < 0)
		rc = -errno;
	if (rc < 0) {
		unlinkat(dir_fd, temporary, 0);
		complain(rc, dir_path, name, e);
	}
	return rc;
}

/* ---- by a path ---- */

static int write_to(const char *path, const char *text, size_t len, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), rc = fd < 0 ? -errno : 0;

	if (!rc)
		rc = write_all(fd, text, len);
	if (fd >= 0 && close(fd) < 0 && !rc)
		rc = -errno;
	return rc < 0 ? complain(rc, "", path, e) : 0;
}

/* Is it neither a file nor a directory, and so nothing to replace? False if there is nothing. */
static bool is_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

int newfile_put_path(const char *path, const char *text, size_t len, struct err *e)
{
	char *for_dir, *for_name;
	const char *dir;
	int fd, rc;

	if (is_device(path))
		return write_to(path, text, len, e);
	if (is_link(path)) {
		err_set(e, "%s is a symbolic link: name the file itself", path);
		return -ELOOP;
	}
	for_dir = xstrdup(path);
	for_name = xstrdup(path);
	dir = dirname(for_dir);
	fd = rc = newfile_open_dir(dir, e);
	if (fd >= 0) {
		rc = newfile_put(fd, dir, basename(for_name), text, len, e);
		close(fd);
	}
	free(for_dir);
	free(for_name);
	return rc;
}

/* ---- names ---- */

static bool is_kept(const char *text, size_t i)
{
	char c = text[i];

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || (c == '.' && i > 0);
}

char *newfile_name(const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *name = xmalloc(strlen(text) * 3 + 1), *to = name;

	for (size_t i = 0; text[i]; i++) {
		unsigned char c = (unsigned char)text[i];

		if (is_kept(text, i)) {
			*to++ = text[i];
		} else {
			*to++ = '%';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
		}
	}
	*to = '\0';
	return name;
}
