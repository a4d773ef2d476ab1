/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source `nspawn`: the containers of systemd-nspawn that systemd-machined has registered.
 *
 * It reads the files that machined keeps for libsystemd's sd_get_machine_names(3) and its
 * relatives, as these do. machinectl and D-Bus would start machined, which ends when it is idle. */
#include "inventory/gather.h"
#include "inventory/gathered.h"
#include "inventory/inv_nspawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The process that the file names; 0: none. */
static pid_t leader_of(int dir, const char *name)
{
	static const char key[] = "\nLEADER=";
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char text[4096], *leader;
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	leader = strstr(text, key);
	if (!leader)
		return 0;
	leader += strlen(key);
	leader += *leader == '"';
	leader[strspn(leader, "0123456789")] = '\0';
	return gather_pid(leader);
}

/* As inv_nspawn.h has it. machined removes the file of one that has ended when it runs next. */
static const char *describe(pid_t leader)
{
	char path[48], own[64] = "", its[64] = "";

	if (!leader)
		return "unknown";
	if (kill(leader, 0) < 0 && errno == ESRCH)
		return "gone";
	snprintf(path, sizeof(path), "/proc/%ld/ns/net", (long)leader);
	if (readlink(path, its, sizeof(its) - 1) < 0 ||
	    readlink("/proc/self/ns/net", own, sizeof(own) - 1) < 0)
		return "unknown";
	return strcmp(its, own) ? "own" : "node";
}

/* "unit:NAME" leads from a unit to its machine. */
static int print_machine(int dir, const char *name, void *arg)
{
	int ret;

	(void)arg;
	if (strchr(name, ':'))
		return 0;
	ret = gather_put_text("leader", name, describe(leader_of(dir, name)));
	return ret ? ret : gather_file(dir, name, "machine", name);
}

static int print_machines(const void *arg)
{
	return gather_each(arg, print_machine, NULL);
}

static const char *const signs[] = { "/usr/bin/systemd-nspawn", NULL };
static const struct gathered nspawn = { .name = "nspawn",
					.place = "/run/systemd/machines",
					.work = print_machines,
					.parse = inv_nspawn };

static int nspawn_new(const char *rest, const char *root, struct source **ret_source, struct err *e)
{
	return gathered_new(&nspawn, rest, root, ret_source, e);
}

static int nspawn_job(const char *job, struct source_job *ret_job, struct err *e)
{
	return gathered_job(&nspawn, job, ret_job, e);
}

const struct source_kind source_kind_nspawn = {
	.prefix = "nspawn",
	.has_place = true,
	.form = "nspawn[:PATH]",
	.title = "systemd-nspawn",
	.check = gathered_check,
	.new = nspawn_new,
	.sign_paths = signs,
	.helper_job = nspawn_job,
};
