/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `file:` source: read anew at each look. Files are local and small, so reading them does not
 * hold the loop. */
#include "inv_file.h"
#include "source_one.h"
#include "xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A last line without its newline may be half of one that is being written, and half of an address
 * is often an address too. In a file that rests since this long it is whole. */
#define RESTS_S 2

struct source_file {
	struct source base;
	char *path;
};

/* Read fd to its end. Returns 0 or -errno; *ret_text is for free() either way. */
static int read_all(int fd, size_t max_octets, char **ret_text, size_t *ret_len)
{
	size_t len = 0, cap = 4096;
	char *text = xmalloc(cap);
	ssize_t n;

	while ((n = read(fd, text + len, cap - len - 1)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			len += (size_t)n;
		if (n < 0 || len > max_octets)
			break;
		if (cap - len - 1 == 0) {
			cap *= 2;
			text = xreallocarray(text, cap, 1);
		}
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	return n < 0 ? -errno : n > 0 ? -EFBIG : 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int source_read(const char *path, size_t max_octets, bool steady, char **ret_text, size_t *ret_len,
		struct err *e)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), ret = 0;
	struct stat before = { .st_size = 0 }, after = before;
	char *text = NULL;
	size_t len = 0;

	if (fd < 0 || fstat(fd, &before) < 0) {
		ret = -errno;
		err_set(e, "cannot read %.300s: %s", path, strerror(-ret));
		goto cleanup;
	}
	if (!S_ISREG(before.st_mode)) {
		ret = -EINVAL;
		err_set(e, "%.300s is no regular file", path);
		goto cleanup;
	}
	ret = read_all(fd, max_octets, &text, &len);
	if (ret == 0 && fstat(fd, &after) < 0)
		ret = -errno;
	if (ret < 0) {
		err_set(e, "cannot read %.300s: %s", path, strerror(-ret));
	} else if (steady && (!same_file(&before, &after) || len != (size_t)after.st_size)) {
		ret = -EAGAIN;
		err_set(e, "%.300s changed while it was read", path);
	} else {
		*ret_text = text;
		*ret_len = len;
		text = NULL;
	}
cleanup:
	if (fd >= 0)
		close(fd);
	free(text);
	return ret;
}

static bool rests(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && time(NULL) - st.st_mtime >= RESTS_S;
}

static void file_start(struct source *s, uint64_t now_ns)
{
	struct source_file *f = (struct source_file *)s;
	struct inv_part *part = NULL;
	struct err e = { "" };
	char *text = NULL;
	size_t len = 0;
	size_t max = source_octets_max(s);
	int ret = source_read(f->path, max, true, &text, &len, &e);

	if (ret == -EAGAIN)
		ret = source_read(f->path, max, true, &text, &len, &e);
	if (ret == 0 && len && text[len - 1] != '\n' && rests(f->path))
		text[len++] = '\n'; /* in place of the NUL */
	if (ret == 0) {
		part = source_part_new(s, f->path);
		ret = inv_file_parse(part, text, len, &e);
	}
	if (ret < 0) {
		inv_part_free(part);
		part = NULL;
	}
	free(text);
	source_end(s, part, &e, now_ns);
}

static void file_free(struct source *s)
{
	struct source_file *f = (struct source_file *)s;

	free(f->path);
	free(f);
}

struct source *source_file_new(const char *path)
{
	static const struct source_ops ops = { file_start, file_free };
	struct source_file *f = xcalloc(1, sizeof(*f));

	f->base.ops = &ops;
	f->path = xstrdup(path);
	return &f->base;
}
