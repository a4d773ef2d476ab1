/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/witness.h"

#include "base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x63746d7731ULL /* "ctmw1" */

/* Shorter than a page, and written by one pwrite(2). */
struct record {
	uint64_t magic, size;
	struct witness w;
};

int witness_open(const char *dir)
{
	char *path = xasprintf("%s/ledger.witness", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600), ret = fd;
	struct stat st;

	if (fd < 0)
		ret = -errno;
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		ret = -EINVAL;
	if (ret < 0 && fd >= 0)
		close(fd);
	free(path);
	return ret;
}

bool witness_read(int fd, struct witness *ret)
{
	struct record r;

	if (fd < 0 || pread(fd, &r, sizeof(r), 0) != sizeof(r) || r.magic != MAGIC ||
	    r.size != sizeof(r) || r.w.boot_id[sizeof(r.w.boot_id) - 1])
		return false;
	*ret = r.w;
	return true;
}

int witness_write(int fd, const struct witness *w)
{
	struct record r;
	ssize_t n;

	if (fd < 0)
		return fd; /* the error of witness_open */
	memset(&r, 0, sizeof(r));
	r.magic = MAGIC;
	r.size = sizeof(r);
	r.w = *w;
	n = pwrite(fd, &r, sizeof(r), 0);
	return n == sizeof(r) ? 0 : n < 0 ? -errno : -EIO;
}
