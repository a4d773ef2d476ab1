/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source `lxc`: the containers of liblxc's own tools, in /var/lib/lxc or another directory. */
#include "inventory/gather.h"
#include "inventory/gathered.h"
#include "inventory/inv_lxc.h"
#include "inventory/lxc_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int print_opened(int dir, const char *name, struct lxc_path *at)
{
	struct stat st;
	int ret;

	if (faccessat(dir, "config", F_OK, 0) < 0 || fstat(dir, &st) < 0)
		return 0;
	ret = lxc_print(at, name, st.st_uid, true);
	return ret ? ret : gather_file(dir, "config", "config", name);
}

/* Its file comes last: without that it is no container. Links are followed where only root can put
 * them. */
static int print_container(int dir, const char *name, void *arg)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, fd, ret;
	struct stat st;

	if (fstat(dir, &st) < 0 || st.st_uid != 0)
		flags |= O_NOFOLLOW;
	fd = openat(dir, name, flags);
	if (fd < 0)
		return errno == EACCES ? gather_put_text("bad", name, "permission denied") : 0;
	ret = print_opened(fd, name, arg);
	close(fd);
	return ret;
}

static int print_containers(const void *arg)
{
	struct lxc_path at = { .path = arg, .patience_ms = LXC_PATIENCE_MS };

	return gather_each(arg, print_container, &at);
}

static const char *const signs[] = { "/usr/bin/lxc-start", "/usr/local/bin/lxc-start", NULL };
static const struct gathered lxc = {
	.name = "lxc", .place = "/var/lib/lxc", .work = print_containers, .parse = inv_lxc
};

static int lxc_new(const char *rest, const char *root, struct source **ret_source, struct err *e)
{
	return gathered_new(&lxc, rest, root, ret_source, e);
}

static int lxc_job(const char *job, struct source_job *ret_job, struct err *e)
{
	return gathered_job(&lxc, job, ret_job, e);
}

const struct source_kind source_kind_lxc = {
	.prefix = "lxc",
	.has_place = true,
	.form = "lxc[:PATH]",
	.title = "LXC",
	.check = gathered_check,
	.new = lxc_new,
	.sign_paths = signs,
	.helper_job = lxc_job,
};
