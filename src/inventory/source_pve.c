/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source `pve`: the containers and virtual machines of this node of Proxmox VE, from /etc/pve.
 * That is a file system in user space, which may hang, and is empty while its process does not
 * run. */
#include "inventory/gather.h"
#include "inventory/gathered.h"
#include "inventory/inv_pve.h"
#include "inventory/lxc_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LXC_PATH "/var/lib/lxc"
#define MACHINES "/var/run/qemu-server" /* VMID.pid of each that was started */

struct guests {
	struct lxc_path lxc;
	bool machines;
};

/* Is this the id of a running process? */
static bool is_running(const char *vmid)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), MACHINES "/%.40s.pid", vmid);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		*text = '\0';
	if (fd >= 0)
		close(fd);
	text[strcspn(text, "\n")] = '\0';
	if (!gather_pid(text))
		return false;
	snprintf(path, sizeof(path), "/proc/%s", text);
	return access(path, F_OK) == 0;
}

/* "VMID.conf"; its file last, as inv_pve.h has it. */
static int print_guest(int dir, const char *name, void *arg)
{
	struct guests *guests = arg;
	size_t digits = strspn(name, "0123456789");
	char vmid[NAME_MAX + 1];
	int ret;

	if (!digits || digits > NAME_MAX || strcmp(name + digits, ".conf") != 0)
		return 0;
	memcpy(vmid, name, digits);
	vmid[digits] = '\0';
	ret = guests->machines ? gather_put_text("run", vmid, is_running(vmid) ? "yes" : "no")
			       : lxc_print(&guests->lxc, vmid, 0, false);
	return ret ? ret : gather_file(dir, name, guests->machines ? "qemu" : "lxc", vmid);
}

static int print_guests(const void *arg)
{
	struct guests guests = { .lxc = { .path = LXC_PATH, .patience_ms = LXC_PATIENCE_MS } };
	char path[PATH_MAX];
	int ret;

	if (snprintf(path, sizeof(path), "%s/lxc", (const char *)arg) >= PATH_MAX - 8)
		return ENAMETOOLONG;
	ret = gather_each(path, print_guest, &guests);
	guests.machines = true;
	snprintf(path, sizeof(path), "%s/qemu-server", (const char *)arg);
	return ret ? ret : gather_each(path, print_guest, &guests);
}

static const char *const signs[] = { "/usr/bin/pmxcfs", "/usr/sbin/pct", "/usr/sbin/qm", NULL };
static const struct gathered pve = {
	.name = "pve", .place = "/etc/pve", .work = print_guests, .parse = inv_pve
};

static int pve_new(const char *rest, const char *root, struct source **ret_source, struct err *e)
{
	return gathered_new(&pve, rest, root, ret_source, e);
}

static int pve_job(const char *job, struct source_job *ret_job, struct err *e)
{
	return gathered_job(&pve, job, ret_job, e);
}

const struct source_kind source_kind_pve = {
	.prefix = "pve",
	.has_place = true,
	.form = "pve[:PATH]",
	.title = "Proxmox VE",
	.check = gathered_check,
	.new = pve_new,
	.sign_paths = signs,
	.helper_job = pve_job,
};
