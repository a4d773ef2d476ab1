/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counting on links stands on, looked at from outside for `ctmeter check`: BPF, its file
 * system, and what root has pinned there. */
#include "netfilter/link/look.h"
#include "netfilter/link/set.h"
#include "netfilter/link/tcx.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef BPF_FS_MAGIC /* headers before Linux 4.6 */
#define BPF_FS_MAGIC 0xcafe4a11
#endif

static void say(struct fw_look_ground *g, enum fw_ground ground, const char *text)
{
	g->ground = ground;
	snprintf(g->text, sizeof(g->text), "%s", text);
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned)fs.f_type == BPF_FS_MAGIC;
}

/* Whether the kernel has bpf(2) at all. */
static bool has_bpf(void)
{
	int fd = set_get(AT_FDCWD, "/");

	if (fd >= 0)
		close(fd);
	return fd != -ENOSYS;
}

/* The first of what is pinned that is not this user's; NULL: all is. */
static const char *anothers(const char *bpf_dir, uid_t uid, char *path, size_t size)
{
	struct stat st;

	for (size_t i = 0; i < SET_MAPS + LINK_PROGRAMS + 2; i++) {
		const char *name = i < 2              ? ""
				   : i < 2 + SET_MAPS ? set_map_name[i - 2]
						      : link_program_name[i - 2 - SET_MAPS];

		snprintf(path, size, "%s%s%s%s%s", bpf_dir, i ? "/" : "", i ? SET_NOW : "",
			 *name ? "/" : "", name);
		if (lstat(path, &st) == 0 && st.st_uid != uid)
			return path;
	}
	return NULL;
}

static enum fw_ground ground_of(int ret)
{
	switch (ret) {
	case -ENOENT:
		return FW_GROUND_UNPREPARED;
	case -ENOTSUP:
		return FW_GROUND_OTHER_LAYOUT;
	case -ENOSYS:
	case -EPERM:
		return FW_GROUND_NO_BPF;
	default:
		return FW_GROUND_BROKEN;
	}
}

int look_ground(const struct fw_config *config, uid_t uid, struct fw_look_ground *ret_ground)
{
	struct fw_look_ground g = { .tcx = tcx_supported() };
	struct link_object object;
	struct err e = { "" };
	char path[512];
	int ret;

	if (tcx_is_forbidden())
		return -EPERM;
	snprintf(path, sizeof(path), "%s", look_bpf_dir(config));
	snprintf(g.mount, sizeof(g.mount), "%s", dirname(path));
	if (!has_bpf()) {
		say(&g, FW_GROUND_NO_BPF, "this kernel has no BPF (CONFIG_BPF_SYSCALL)");
	} else if (!is_bpffs(g.mount)) {
		say(&g, FW_GROUND_NO_BPFFS, "no bpffs is mounted");
	} else if (access(look_bpf_dir(config), X_OK) < 0 && errno == EACCES) {
		return -EPERM;
	} else if ((ret = link_object_peek(look_bpf_dir(config), &object, &e)) < 0) {
		if (ret == -EACCES)
			return -EPERM;
		say(&g, ground_of(ret), e.text);
	} else {
		g.slots = object.slots;
		link_object_close(&object);
		if (anothers(look_bpf_dir(config), uid, path, sizeof(path)))
			say(&g, FW_GROUND_ANOTHERS, path);
	}
	*ret_ground = g;
	return 0;
}
