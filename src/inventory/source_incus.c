/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sources `incus` and `lxd`, which share an API. Its events come by WebSocket alone, so the
 * kernel's events and the interval are when they are asked. */
#include "inventory/inv_incus.h"
#include "inventory/runtime.h"

static int parse_incus(struct inv_part *part, const char *const text[RUNTIME_LISTS],
		       const size_t len[RUNTIME_LISTS], const struct inv_settle *settle,
		       struct err *e)
{
	return inv_incus(part, "incus", text[0], len[0], settle, e);
}

static int parse_lxd(struct inv_part *part, const char *const text[RUNTIME_LISTS],
		     const size_t len[RUNTIME_LISTS], const struct inv_settle *settle,
		     struct err *e)
{
	return inv_incus(part, "lxd", text[0], len[0], settle, e);
}

#define LIST "/1.0/instances?recursion=2&all-projects=true"

static const char *const incus_sockets[] = { "/var/lib/incus/unix.socket", "/run/incus/unix.socket",
					     NULL };
static const char *const incus_signs[] = { "/var/lib/incus/unix.socket",
					   "/run/incus/unix.socket",
					   "/usr/libexec/incus/incusd",
					   "/usr/bin/incusd",
					   "/usr/sbin/incusd",
					   "/opt/incus/bin/incusd",
					   NULL };
static const struct runtime incus = { .name = "incus",
				      .sockets = incus_sockets,
				      .lists = { { "instances", LIST } },
				      .parse = parse_incus,
				      .renames = true };

static const char *const lxd_sockets[] = { "/var/snap/lxd/common/lxd/unix.socket",
					   "/var/lib/lxd/unix.socket", NULL };
/* No /usr/sbin/lxd: on Ubuntu that is a script which installs LXD. */
static const char *const lxd_signs[] = { "/var/snap/lxd/common/lxd/unix.socket",
					 "/var/lib/lxd/unix.socket", "/usr/bin/lxd", NULL };
static const struct runtime lxd = { .name = "lxd",
				    .sockets = lxd_sockets,
				    .lists = { { "instances", LIST } },
				    .parse = parse_lxd,
				    .renames = true };

static int incus_new(const char *rest, const char *root, struct source **ret_source, struct err *e)
{
	(void)root;
	return runtime_new(&incus, rest, ret_source, e);
}

static int incus_job(const char *job, struct source_job *ret_job, struct err *e)
{
	return runtime_job(&incus, job, ret_job, e);
}

const struct source_kind source_kind_incus = {
	.prefix = "incus",
	.has_place = true,
	.form = "incus[:SOCKET]",
	.title = "Incus",
	.check = runtime_check,
	.new = incus_new,
	.sign_paths = incus_signs,
	.helper_job = incus_job,
};

static int lxd_new(const char *rest, const char *root, struct source **ret_source, struct err *e)
{
	(void)root;
	return runtime_new(&lxd, rest, ret_source, e);
}

static int lxd_job(const char *job, struct source_job *ret_job, struct err *e)
{
	return runtime_job(&lxd, job, ret_job, e);
}

const struct source_kind source_kind_lxd = {
	.prefix = "lxd",
	.has_place = true,
	.form = "lxd[:SOCKET]",
	.title = "LXD",
	.check = runtime_check,
	.new = lxd_new,
	.sign_paths = lxd_signs,
	.helper_job = lxd_job,
};
