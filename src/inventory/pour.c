/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/pour.h"

#include "base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* A last line without its newline may still be being written, and half an address is often an
 * address too. If the file has not changed for this long, the line is complete. */
#define RESTS_S 2

/* ---- the child: system calls only ---- */

static bool put_out(const char *octets, size_t len)
{
	while (len) {
		ssize_t n = write(1, octets, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		octets += n;
		len -= (size_t)n;
	}
	return true;
}

/* Copy fd to stdout. Returns the child's exit status. */
static int pour_out(int fd, size_t max_octets, size_t *ret_len, char *ret_last)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return errno;
		}
		*ret_len += (size_t)n;
		*ret_last = buf[n - 1];
		if (*ret_len > max_octets)
			return EFBIG;
		if (!put_out(buf, (size_t)n))
			return EPIPE;
	}
	return 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool rests(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec - st->st_mtime >= RESTS_S;
}

/* The file systems that need no other machine and no process to answer. (linux/magic.h has not all
 * of them.) A path without symbolic links comes by no others: what holds a mount point hangs only
 * if the daemon's own files do. */
static bool is_near(int fd, const char *path)
{
	static const unsigned near[] = {
		0xef53 /* ext2 to 4 */, 0x58465342 /* xfs */,   0x9123683e /* btrfs */,
		0xf2f52010 /* f2fs */,  0x2fc12fc1 /* zfs */,   0xca451a4e /* bcachefs */,
		0x01021994 /* tmpfs */, 0x858458f6 /* ramfs */, 0x794c7630 /* overlayfs */,
	};
	static const char self[] = "/proc/self/fd/3";
	char real[PATH_MAX];
	struct statfs fs;
	ssize_t len;

	if (fd != 3 || fstatfs(fd, &fs) < 0)
		return false;
	len = readlink(self, real, sizeof(real));
	if (len < 0 || (size_t)len != strlen(path) || memcmp(real, path, (size_t)len) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(near); i++)
		if ((unsigned)fs.f_type == near[i])
			return true;
	return false;
}

/* A child_work_fn. It opens without blocking, and reads no pipe or device if p->steady. */
static int pour(const void *arg)
{
	const struct pour *p = arg;
	int fd = open(p->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), ret;
	struct stat before, after;
	size_t len = 0;
	char last = '\n';

	if (fd < 0 || fstat(fd, &before) < 0)
		return errno;
	if (p->steady && !S_ISREG(before.st_mode))
		return POUR_IRREGULAR;
	ret = pour_out(fd, p->max_octets, &len, &last);
	if (ret || !p->steady)
		return ret;
	if (fstat(fd, &after) < 0)
		return errno;
	if (!is_same(&before, &after) || len != (size_t)after.st_size)
		return POUR_CHANGED;
	if (last != '\n' && rests(&after) && !put_out("\n", 1))
		return EPIPE;
	return is_near(fd, p->path) ? POUR_NEAR : 0;
}

/* ---- the parent ---- */

int pour_new(const struct pour *p, uint64_t deadline_ns, struct loop *loop, child_done_fn *done,
	     void *arg, struct child **ret_child, struct err *e)
{
	return child_new_work(pour, p, deadline_ns, p->max_octets + 1, loop, done, arg, ret_child,
			      e);
}

int pour_ended(const struct pour *p, const struct child_result *r, struct err *e)
{
	if (!r->error && (!r->status || r->status == POUR_NEAR))
		return 0;
	if (r->error == -ETIMEDOUT)
		err_set(e, POUR_HANGS, p->path);
	else if (r->error)
		err_set(e, "cannot read %.300s: the process that reads it: %s", p->path, r->text);
	else if (r->status == POUR_IRREGULAR)
		err_set(e, "%.300s is not a regular file", p->path);
	else if (r->status == POUR_CHANGED)
		err_set(e, "%.300s changed while it was read", p->path);
	else
		err_set(e, "cannot read %.300s: %s", p->path, strerror(r->status));
	return -EIO;
}
