/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set is a directory of pinned objects. It is always reached by a descriptor of the directory
 * that holds it, not by its path: it belongs to the daemon's user, and root works in it. */
#include "netfilter/link/set.h"

#include "base/xalloc.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const link_program_name[LINK_PROGRAMS] = {
	[LINK_COUNT_IN] = "count_in",
	[LINK_COUNT_OUT] = "count_out",
	[LINK_COUNT_UP_IN] = "count_up_in",
	[LINK_COUNT_UP_OUT] = "count_up_out",
	[LINK_COUNT_IN_L3] = "count_in_l3",
	[LINK_COUNT_OUT_L3] = "count_out_l3",
	[LINK_COUNT_UP_IN_L3] = "count_up_in_l3",
	[LINK_COUNT_UP_OUT_L3] = "count_up_out_l3",
	[LINK_COUNT_SHARED_IN] = "count_shared_in",
	[LINK_COUNT_SHARED_IN_L3] = "count_shared_in_l3",
};

const char *const set_map_name[SET_MAPS] = {
	"buckets", "slots", "owners", "state", "node4", "node6", "strays", "epochs", "epoch",
};

/* Maps of earlier layouts. */
static const char *const former[] = { "index4", "index6" };

int set_get(int dir, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

void set_new_name(const char *name, char ret_name[64])
{
	snprintf(ret_name, 64, "%s-new", name);
}

int set_get_maps(int dir, int ret_fds[SET_MAPS], const char **ret_name)
{
	int fds[SET_MAPS];

	for (size_t i = 0; i < SET_MAPS; i++) {
		fds[i] = set_get(dir, set_map_name[i]);
		if (fds[i] < 0) {
			int ret = fds[i];

			*ret_name = set_map_name[i];
			set_close(fds, i);
			return ret;
		}
	}
	memcpy(ret_fds, fds, sizeof(fds));
	return 0;
}

void set_close(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int set_map_size(int fd, uint32_t *ret_n, uint32_t *ret_value_size)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -errno;
	*ret_n = info.max_entries;
	*ret_value_size = info.value_size;
	return 0;
}

int set_layout(int state_fd, uint32_t *ret_layout)
{
	union {
		struct link_state state;
		char room[4096]; /* another layout's may be larger */
	} u = { .room = "" };
	uint32_t n, size = 0, zero = 0;
	int ret = set_map_size(state_fd, &n, &size);

	if (ret)
		return ret;
	if (size < offsetof(struct link_state, reach) || size > sizeof(u))
		return -EPROTO;
	if (bpf_map_lookup_elem(state_fd, &zero, &u) < 0)
		return -errno;
	*ret_layout = u.state.layout;
	return 0;
}

bool set_fits(const int fds[SET_MAPS])
{
	static const struct {
		enum bpf_map_type type;
		uint32_t key, value;
	} want[SET_MAPS] = {
		[SET_INDEX] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct link_bucket) },
		[SET_SLOTS] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct link_slot) },
		[SET_OWNERS] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct link_owner) },
		[SET_STATE] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct link_state) },
		[SET_NODE4] = { BPF_MAP_TYPE_HASH, 4, 1 },
		[SET_NODE6] = { BPF_MAP_TYPE_HASH, 16, 1 },
		[SET_STRAYS] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct link_strays) },
		[SET_EPOCHS] = { BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4 },
		[SET_EPOCH] = { BPF_MAP_TYPE_ARRAY, 4, 4 },
	};

	for (size_t i = 0; i < SET_MAPS; i++) {
		struct bpf_map_info info = { 0 };
		__u32 size = sizeof(info);

		if (bpf_obj_get_info_by_fd(fds[i], &info, &size) < 0 || info.type != want[i].type ||
		    info.key_size != want[i].key || info.value_size != want[i].value)
			return false;
	}
	return true;
}

static int unpin(int dir, const char *name)
{
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

bool set_is_former(int set)
{
	for (size_t i = 0; i < ARRAY_LEN(former); i++)
		if (!faccessat(set, former[i], F_OK, AT_SYMLINK_NOFOLLOW))
			return true;
	return false;
}

int set_remove(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	/* The state goes first: a set without it is never taken for one. */
	ret = unpin(fd, set_map_name[SET_STATE]);
	for (size_t i = 0; i < SET_MAPS && !ret; i++)
		ret = unpin(fd, set_map_name[i]);
	for (size_t i = 0; i < ARRAY_LEN(former) && !ret; i++)
		ret = unpin(fd, former[i]);
	for (size_t i = 0; i < LINK_PROGRAMS && !ret; i++) {
		char new[64];

		set_new_name(link_program_name[i], new);
		ret = unpin(fd, link_program_name[i]);
		if (!ret)
			ret = unpin(fd, new);
	}
	close(fd);
	if (!ret && unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		ret = -errno;
	return ret;
}
