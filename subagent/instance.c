/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance.h"

#include "base/lockfile.h"
#include "base/loop.h"
#include "base/xalloc.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSTANCE_DIR "/run/ctmeter"
#define PATIENCE_NS (3 * NS_PER_S) /* the previous daemon may be exiting */

/* We may not write there, and no daemon of this network namespace has a lock there. */
static bool is_out_of_reach(const char *path, int error)
{
	return (error == -EACCES || error == -EPERM || error == -EROFS || error == -ENOENT) &&
	       access(path, F_OK) < 0;
}

static int take(const char *dir, const char *name, int *ret_fd, bool *ret_elsewhere, struct err *e)
{
	char *path = xasprintf("%s/%s", dir, name);
	long holder = 0;
	int ret;

	mkdir(dir, 0755); /* lockfile_take reports any obstacle */
	ret = lockfile_take(path, PATIENCE_NS, ret_fd, &holder);
	*ret_elsewhere = is_out_of_reach(path, ret);
	if (ret == -EBUSY && holder)
		err_set(e,
			"another ctmeterd counts on this node already, process %ld: one serves "
			"the whole node",
			holder);
	else if (ret == -EBUSY)
		err_set(e,
			"another ctmeterd counts on this node already: one serves the whole node");
	else if (ret < 0)
		err_set(e, "cannot make sure that no other ctmeterd runs: %s: %s", path,
			ret == -EINVAL ? "it is not a regular file: remove it" : strerror(-ret));
	free(path);
	return ret;
}

int instance_lock(const struct cfg *cfg, int *ret_fd, struct err *e)
{
	char *socket, *run_dir, *name;
	bool elsewhere;
	struct stat st;
	int ret;

	*ret_fd = -1;
	if (cfg->netfilter.backend == CFG_BACKEND_FAKE)
		return 0;
	if (stat("/proc/self/ns/net", &st) < 0) {
		ret = -errno;
		err_set(e, "cannot make sure that no other ctmeterd runs: /proc/self/ns/net: %s",
			strerror(-ret));
		return ret;
	}
	name = xasprintf("instance.%llu.lock", (unsigned long long)st.st_ino);
	socket = xstrdup(cfg->control.socket);
	run_dir = dirname(socket);
	ret = take(INSTANCE_DIR, name, ret_fd, &elsewhere, e);
	if (ret < 0 && elsewhere && strcmp(run_dir, INSTANCE_DIR) != 0)
		ret = take(run_dir, name, ret_fd, &elsewhere, e);
	free(socket);
	free(name);
	return ret;
}
