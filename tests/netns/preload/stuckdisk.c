/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk that answers nobody for a while, for one process: preloaded, syncing a file takes until
 * the file $STUCKDISK_FILE is gone. While somebody waits there is a file
 * "$STUCKDISK_FILE.waits". */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_disk(void)
{
	const char *path = getenv("STUCKDISK_FILE");
	char mark[4096];

	if (!path || access(path, F_OK) != 0)
		return;
	snprintf(mark, sizeof(mark), "%s.waits", path);
	close(open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	while (access(path, F_OK) == 0)
		nanosleep(&(struct timespec) { .tv_nsec = 5000000 }, NULL);
	unlink(mark);
}

int fdatasync(int fd)
{
	wait_for_disk();
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	wait_for_disk();
	return (int)syscall(SYS_fsync, fd);
}
