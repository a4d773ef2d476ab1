/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source `lxc`: the containers of liblxc's own tools, in /var/lib/lxc or another directory. */
#include "inventory/gather.h"
#include "inventory/gathered.h"
#include "inventory/inv_lxc.h"
#include "inventory/lxc_socket.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Its file last: without that it is no container. */
static int print_container(int dir, const char *name, void *arg)
{
	char path[NAME_MAX + 16];
	struct stat st;
	int ret;

	snprintf(path, sizeof(path), "%s/config", name);
	if (fstatat(dir, name, &st, 0) < 0 || !S_ISDIR(st.st_mode) ||
	    faccessat(dir, path, F_OK, 0) < 0)
		return 0;
	ret = lxc_print(arg, name, st.st_uid, true);
	return ret ? ret : gather_file(dir, path, "config", name);
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
	.signs = "lxc-start",
	.helper_job = lxc_job,
};
