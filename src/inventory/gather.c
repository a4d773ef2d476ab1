/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/gather.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES 3 /* for a file that changes while it is read */

/* ---- the child ---- */

static int put_out(const char *octets, size_t len)
{
	while (len) {
		ssize_t n = write(1, octets, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return EPIPE;
		octets += n;
		len -= (size_t)n;
	}
	return 0;
}

int gather_put(const char *word, const char *name, const char *octets, size_t len)
{
	char head[320];
	int n = snprintf(head, sizeof(head), "%s %zu %s\n", word, len, name);
	int ret = n < (int)sizeof(head) ? put_out(head, (size_t)n) : 0;

	if (n >= (int)sizeof(head))
		return 0;
	if (!ret)
		ret = put_out(octets, len);
	return ret ? ret : put_out("\n", 1);
}

int gather_put_text(const char *word, const char *name, const char *text)
{
	return gather_put(word, name, text, strlen(text));
}

/* As linux/dirent.h does not have it: getdents64(2). readdir(3) takes memory, which a forked child
 * of a process with threads must not. */
struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

int gather_each(const char *path, gather_fn *fn, void *arg)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	_Alignas(struct entry) char buf[8192];
	long n;

	if (dir < 0)
		return errno == ENOENT || errno == ENOTDIR ? GATHER_NONE : errno;
	while (!ret && (n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) != 0) {
		if (n < 0)
			ret = errno;
		for (long at = 0; !ret && at < n;) {
			const struct entry *one = (const struct entry *)(buf + at);

			at += one->len;
			if (*one->name == '.')
				continue;
			ret = strchr(one->name, '\n')
				      ? gather_put_text("bad", "?", "its name has a line break")
				      : fn(dir, one->name, arg);
		}
	}
	close(dir);
	return ret;
}

/* Read all of it. Returns its length, or -errno. */
static long read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buf + len, size - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (len == size)
			return -EFBIG;
	}
	return (long)len;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The same, if it is a regular file of this user's that does not change meanwhile. */
static long read_steady(int fd, uid_t owner, char *buf, size_t size)
{
	struct stat before, after;

	for (int i = 0; i < TRIES; i++) {
		long len;

		if (fstat(fd, &before) < 0)
			return -errno;
		if (!S_ISREG(before.st_mode))
			return -EINVAL;
		if (before.st_uid != owner)
			return -EXDEV;
		if (lseek(fd, 0, SEEK_SET) < 0)
			return -errno;
		len = read_all(fd, buf, size);
		if (len < 0 || fstat(fd, &after) < 0)
			return len < 0 ? len : -errno;
		if (is_same(&before, &after))
			return len;
	}
	return -EBUSY;
}

/* strerror(3) may take memory. */
static const char *text_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "permission denied";
	case EFBIG:
		return "it is larger than 256 KiB";
	case EINVAL:
		return "it is no regular file";
	case EXDEV:
		return "it belongs to another user than its directory";
	case EBUSY:
		return "it changes while it is read";
	default:
		return "it cannot be read";
	}
}

int gather_file(int dir, const char *path, const char *word, const char *name)
{
	int fd = openat(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char buf[GATHER_FILE_MAX];
	struct stat of_dir;
	long len;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : gather_put_text("bad", name, text_of(errno));
	len = fstat(dir, &of_dir) < 0 ? -errno : read_steady(fd, of_dir.st_uid, buf, sizeof(buf));
	close(fd);
	return len < 0 ? gather_put_text("bad", name, text_of((int)-len))
		       : gather_put(word, name, buf, (size_t)len);
}

/* ---- the reader ---- */

/* Cut what precedes `sep` off the text into buf. Returns whether there is a sep and room. */
static bool cut(const char **text, size_t *len, char sep, char *buf, size_t size)
{
	const char *end = *len ? memchr(*text, sep, *len) : NULL;
	size_t n = end ? (size_t)(end - *text) : 0;

	if (!end || n >= size || memchr(*text, '\0', n))
		return false;
	memcpy(buf, *text, n);
	buf[n] = '\0';
	*text += n + 1;
	*len -= n + 1;
	return true;
}

int gather_next(const char **text, size_t *len, struct gather_record *ret_record)
{
	struct gather_record r;
	char digits[12];

	if (!*len)
		return 0;
	if (!cut(text, len, ' ', r.word, sizeof(r.word)) ||
	    !cut(text, len, ' ', digits, sizeof(digits)) ||
	    !cut(text, len, '\n', r.name, sizeof(r.name)) ||
	    strspn(digits, "0123456789") != strlen(digits) || !*digits)
		return -EBADMSG;
	r.len = strtoul(digits, NULL, 10);
	if (r.len >= *len || (*text)[r.len] != '\n')
		return -EBADMSG;
	r.text = *text;
	*text += r.len + 1;
	*len -= r.len + 1;
	*ret_record = r;
	return 1;
}

/* Without the blanks at its ends. */
static char *trim(char *text)
{
	size_t len = strlen(text);

	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

bool gather_line(struct gather_record *r, char line[GATHER_LINE])
{
	const char *end = r->len ? memchr(r->text, '\n', r->len) : NULL;
	size_t len = end ? (size_t)(end - r->text) : r->len;
	size_t kept = len < GATHER_LINE ? len : GATHER_LINE - 1;
	char *from;

	if (!r->len)
		return false;
	memcpy(line, r->text, kept);
	line[kept] = '\0';
	r->text += len + (end != NULL);
	r->len -= len + (end != NULL);
	from = trim(line);
	memmove(line, from, strlen(from) + 1);
	return true;
}

bool gather_pair(char *line, char sep, const char **ret_key, const char **ret_value)
{
	char *at = strchr(line, sep), *value;
	size_t len;

	if (!at)
		return false;
	*at = '\0';
	value = trim(at + 1);
	len = strlen(value);
	if (len > 1 && (*value == '"' || *value == '\'') && value[len - 1] == *value) {
		value[len - 1] = '\0';
		value++;
	}
	*ret_key = trim(line);
	*ret_value = value;
	return true;
}

pid_t gather_pid(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits && digits < 10 && !text[digits] ? (pid_t)strtol(text, NULL, 10) : 0;
}

pid_t gather_pid_of(const struct gather_record *r)
{
	char text[16] = "";

	if (r->len < sizeof(text))
		memcpy(text, r->text, r->len);
	return gather_pid(text);
}

enum inv_run gather_run_of(const struct gather_record *r)
{
	char first = r->len ? *r->text : '\0';

	return first == 'y' ? INV_RUN_RUNNING : first == 'n' ? INV_RUN_STOPPED : INV_RUN_UNKNOWN;
}

void gather_complain(struct inv_part *part, const struct gather_record *r)
{
	inv_part_complain(part, 0, "%.80s: %.*s", r->name, r->len < 80 ? (int)r->len : 80, r->text);
	inv_part_doubt(part, 0);
}
