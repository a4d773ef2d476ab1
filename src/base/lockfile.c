/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/lockfile.h"

#include "base/loop.h"
#include "base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRY_NS (20 * NS_PER_MS)

/* Otherwise a daemon that drops to that user could not open the file that it once made as root. */
static void give_to_directory_owner(int fd, const char *path)
{
	char *copy = xstrdup(path);
	struct stat st;

	if (geteuid() == 0 && stat(dirname(copy), &st) == 0 && st.st_uid != 0 &&
	    fchown(fd, st.st_uid, st.st_gid) < 0)
		errno = 0; /* root can open it anyway */
	free(copy);
}

/* The directory may belong to another user: follow no symbolic link and do not block on a FIFO. */
static int open_file(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), ret = 0;
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			give_to_directory_owner(fd, path);
		else if (errno == EEXIST) /* another process made it just now */
			fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	}
	if (fd < 0)
		return errno == ELOOP || errno == EISDIR || errno == ENXIO ? -EINVAL : -errno;
	if (fstat(fd, &st) < 0)
		ret = -errno;
	else if (!S_ISREG(st.st_mode))
		ret = -EINVAL;
	if (ret < 0)
		close(fd);
	else
		*ret_fd = fd;
	return ret;
}

/* Returns 0, -EBUSY with *ret_holder, or another -errno. */
static int try_lock(int fd, long *ret_holder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EACCES && errno != EAGAIN)
		return -errno;
	*ret_holder = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0
			      ? (long)lock.l_pid
			      : 0;
	return -EBUSY;
}

int lockfile_take(const char *path, uint64_t patience_ns, int *ret_fd, long *ret_holder)
{
	uint64_t until = loop_now_ns() + patience_ns;
	int fd = -1, ret = open_file(path, &fd);

	if (ret < 0)
		return ret;
	while ((ret = try_lock(fd, ret_holder)) == -EBUSY && loop_now_ns() < until)
		nanosleep(&(struct timespec) { .tv_nsec = (long)TRY_NS }, NULL);
	if (ret < 0)
		close(fd);
	else
		*ret_fd = fd;
	return ret;
}
