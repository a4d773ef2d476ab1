/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LD_PRELOAD: namespaces and mounts are refused, as Docker's system call filter refuses them. */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

static int refuse(void)
{
	errno = EPERM;
	return -1;
}

int unshare(int flags)
{
	(void)flags;
	return refuse();
}

int setns(int fd, int nstype)
{
	(void)fd;
	(void)nstype;
	return refuse();
}

int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data)
{
	(void)source;
	(void)target;
	(void)type;
	(void)flags;
	(void)data;
	return refuse();
}
