/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Root's part: load the programs, pin them and their maps, and give them away.
 * 1. `set` is always whole: it is made as `set-new`, and renamed.
 * 2. The directories may belong to the daemon's user, so each is reached by the descriptor of the
 *    one above it, and no symbolic link is followed. */
#include "base/xalloc.h"
#include "netfilter/link/set.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef BPF_FS_MAGIC /* headers before Linux 4.6 */
#define BPF_FS_MAGIC 0xcafe4a11
#endif

#define SLOTS_MIN 4096
#define SLOTS_MAX (1u << 22) /* 256 MiB of slots */

/* The object that clang made (embed.c). */
extern const char link_embedded[], link_embedded_end[];

/* What one call works with. */
struct prepare {
	const char *bpf_dir;
	int dir; /* BPF_DIR */
	uint32_t slots;
	uid_t uid;
	gid_t gid;
	struct err *e;
};

static int fail(const struct prepare *p, int ret, const char *what)
{
	err_set(p->e, "%s: %s: %s", p->bpf_dir, what, strerror(-ret));
	return ret;
}

/* --- the directory ------------------------------------------------------------------------ */

static int check_bpffs(const char *bpf_dir, struct err *e)
{
	char *copy = xstrdup(bpf_dir), *parent = dirname(copy);
	struct statfs fs;
	int ret = 0;

	if (statfs(parent, &fs) < 0 || (unsigned)fs.f_type != BPF_FS_MAGIC) {
		err_set(e,
			"no bpffs is mounted at %s, where the link backend pins its programs: "
			"mount -t bpf bpf %s",
			parent, parent);
		ret = -ENODEV;
	}
	free(copy);
	return ret;
}

/* Open the directory dir/name of a user or of root. Returns its descriptor or -errno. */
static int open_dir(int dir, const char *name, uid_t uid)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || (st.st_uid != 0 && st.st_uid != uid)) {
		close(fd);
		return -EACCES;
	}
	return fd;
}

static int give(const struct prepare *p, int fd)
{
	return fchmod(fd, 0700) < 0 || fchown(fd, p->uid, p->gid) < 0 ? -errno : 0;
}

static int open_bpf_dir(struct prepare *p)
{
	int ret = 0;

	if (mkdir(p->bpf_dir, 0700) < 0 && errno != EEXIST)
		return fail(p, -errno, "cannot be made");
	p->dir = open_dir(AT_FDCWD, p->bpf_dir, p->uid);
	if (p->dir == -EACCES)
		err_set(p->e,
			"%s belongs to a user who is neither root nor the daemon's: look at what "
			"it holds, and remove it",
			p->bpf_dir);
	if (p->dir == -EACCES)
		return p->dir;
	if (p->dir < 0)
		return fail(p, p->dir, "cannot be opened");
	ret = give(p, p->dir);
	return ret ? fail(p, ret, "cannot be given to the daemon's user") : 0;
}

/* --- loading ------------------------------------------------------------------------------ */

/* libbpf tells what went wrong through one function for the whole process. */
static struct {
	FILE *file;
	char *text;
	size_t len;
} said;

static int listen_to_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return said.file && level == LIBBPF_WARN ? vfprintf(said.file, fmt, args) : 0;
}

/* The first and the last line of the verifier's log, which libbpf prints between two marks. */
static void verifier_lines(char *text, char **ret_first, char **ret_last)
{
	char *rest = strstr(text, "-- BEGIN PROG LOAD LOG --"), *line;

	*ret_first = *ret_last = NULL;
	if (!rest) /* libbpf before 0.7 */
		rest = strstr(text, "-- BEGIN DUMP LOG ---");
	if (!rest)
		return;
	strtok_r(rest, "\n", &rest);
	while ((line = strtok_r(NULL, "\n", &rest)) && !strstr(line, "-- END")) {
		/* "processed 33 insns .." follows what matters. */
		if (!*line || !strncmp(line, "processed ", 10) || !strncmp(line, "libbpf:", 7))
			continue;
		if (!*ret_first)
			*ret_first = line;
		*ret_last = line;
	}
}

/* Whether this kernel is older than major.minor. */
static bool kernel_before(unsigned major, unsigned minor, struct utsname *ret_name)
{
	unsigned a = 0, b = 0;

	if (uname(ret_name) < 0 || sscanf(ret_name->release, "%u.%u", &a, &b) != 2)
		return false;
	return a < major || (a == major && b < minor);
}

static int explain_load(int ret, char *text, struct err *e)
{
	struct utsname name = { .release = "" };
	bool old = kernel_before(5, 7, &name);
	char *first, *last;

	verifier_lines(text, &first, &last);
	if (ret == -ENOSYS)
		err_set(e,
			"this kernel (%s) has no BPF (CONFIG_BPF_SYSCALL): take \"backend = "
			"iptables\", or a kernel from 5.7 on that has it",
			name.release);
	else if (old)
		err_set(e,
			"this kernel (%s) is too old for the link backend, which needs Linux "
			"5.7: take \"backend = iptables\" (%s)",
			name.release, last ? last : strerror(-ret));
	else if (ret == -EPERM || ret == -EACCES) {
		if (!last || strstr(last, "ermi")) {
			err_set(e,
				"BPF is forbidden here: root needs CAP_BPF (CAP_SYS_ADMIN before "
				"Linux 5.8) and CAP_NET_ADMIN in the first user namespace, and no "
				"security module or system call filter may refuse bpf(2); "
				"or take \"backend = iptables\"");
			return -EPERM;
		}
		err_set(e, "the kernel refused the counting program: %.120s .. %.200s", first,
			last);
	} else if (last)
		err_set(e, "the kernel refused the counting program: %.120s .. %.200s", first,
			last);
	else
		err_set(e, "the kernel cannot load the counting programs: %s", strerror(-ret));
	return ret;
}

/* What the maps that hold many are made with; 0: as they are declared. */
static uint32_t size_of(const struct prepare *p, enum set_map map)
{
	switch (map) {
	case SET_SLOTS:
	case SET_OWNERS:
		return p->slots;
	case SET_INDEX:
		return index_size(p->slots);
	default:
		return 0;
	}
}

static int size_maps(struct bpf_object *object, const struct prepare *p, const int *keep)
{
	int ret = 0;

	for (size_t i = 0; i < SET_MAPS && !ret; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, set_map_name[i]);
		uint32_t size = size_of(p, (enum set_map)i);

		if (!map)
			return -EINVAL;
		if (keep)
			ret = bpf_map__reuse_fd(map, keep[i]);
		else if (size)
			ret = bpf_map__set_max_entries(map, size);
	}
	return ret;
}

/* Load the programs with new maps, or with those to keep. */
static int load(const struct prepare *p, const int *keep, struct bpf_object **ret_object)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct bpf_object *object;
	libbpf_print_fn_t before;
	int ret;

	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* counted before Linux 5.11 */
	said.file = xopen_memstream(&said.text, &said.len);
	before = libbpf_set_print(listen_to_libbpf);
	object = bpf_object__open_mem(link_embedded,
				      (size_t)((uintptr_t)link_embedded_end -
					       (uintptr_t)link_embedded),
				      NULL);
	ret = (int)libbpf_get_error(object);
	if (!ret) {
		ret = size_maps(object, p, keep);
		if (!ret)
			ret = bpf_object__load(object);
		if (ret)
			bpf_object__close(object);
	}
	libbpf_set_print(before);
	fclose(said.file);
	said.file = NULL;
	if (ret)
		ret = explain_load(ret, said.text, p->e);
	else
		*ret_object = object;
	free(said.text);
	return ret;
}

/* --- pinning ------------------------------------------------------------------------------ */

static int pin(const struct prepare *p, int dir, const char *name, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	if (bpf_obj_pin(fd, path) < 0 ||
	    fchownat(dir, name, p->uid, p->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(p, -errno, name);
	return 0;
}

static int program_fd(struct bpf_object *object, size_t i)
{
	return bpf_program__fd(bpf_object__find_program_by_name(object, link_program_name[i]));
}

static int pin_all(const struct prepare *p, struct bpf_object *object, int dir)
{
	int ret = 0;

	for (size_t i = 0; i < SET_MAPS && !ret; i++)
		ret = pin(p, dir, set_map_name[i],
			  bpf_object__find_map_fd_by_name(object, set_map_name[i]));
	for (size_t i = 0; i < LINK_PROGRAMS && !ret; i++)
		ret = pin(p, dir, link_program_name[i], program_fd(object, i));
	return ret;
}

/* --- a new set ---------------------------------------------------------------------------- */

static int put_element(int map, const void *value)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(map, &zero, value, BPF_ANY) < 0 ? -errno : 0;
}

/* What a set holds before it is used: what the one before it holds, except counters, or nothing. */
static int fill(const struct prepare *p, struct bpf_object *object, const int *before)
{
	struct link_state first = { .layout = LINK_LAYOUT, .buckets = index_size(p->slots) };
	int map[SET_MAPS], ret;

	for (size_t i = 0; i < SET_MAPS; i++)
		map[i] = bpf_object__find_map_fd_by_name(object, set_map_name[i]);
	if (getentropy(&first.seed, sizeof(first.seed)) < 0)
		return fail(p, -errno, "no random number");
	ret = put_element(map[SET_EPOCHS], &map[SET_EPOCH]);
	if (!ret)
		ret = before ? set_copy(before, map) : put_element(map[SET_STATE], &first);
	return ret ? fail(p, ret, "cannot fill the new maps") : 0;
}

/* Make `set-new`. */
static int make_new(const struct prepare *p, const int *before)
{
	struct bpf_object *object = NULL;
	int ret, dir = -1;

	ret = set_remove(p->dir, SET_NEW);
	if (ret)
		return fail(p, ret, SET_NEW);
	ret = load(p, NULL, &object);
	if (ret)
		return ret;
	ret = fill(p, object, before);
	if (!ret && mkdirat(p->dir, SET_NEW, 0700) < 0)
		ret = fail(p, -errno, SET_NEW);
	if (!ret) {
		dir = open_dir(p->dir, SET_NEW, p->uid);
		ret = dir < 0 ? fail(p, dir, SET_NEW) : pin_all(p, object, dir);
	}
	if (!ret) {
		ret = give(p, dir);
		if (ret)
			fail(p, ret, SET_NEW);
	}
	if (dir >= 0)
		close(dir);
	bpf_object__close(object);
	return ret;
}

static int rename_set(const struct prepare *p, const char *from, const char *to)
{
	return renameat(p->dir, from, p->dir, to) < 0 ? fail(p, -errno, to) : 0;
}

static bool has(const struct prepare *p, const char *set)
{
	return faccessat(p->dir, set, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A kill between the two renames of grow() leaves no `set`. */
static int finish_renames(const struct prepare *p)
{
	if (has(p, SET_NOW) || !has(p, SET_OLD))
		return 0;
	return rename_set(p, has(p, SET_NEW) ? SET_NEW : SET_OLD, SET_NOW);
}

static int make_first(const struct prepare *p)
{
	int ret = make_new(p, NULL);

	return ret ? ret : rename_set(p, SET_NEW, SET_NOW);
}

/* --- a set that is there -------------------------------------------------------------------- */

static int tag_of(int fd, uint8_t ret_tag[BPF_TAG_SIZE])
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -errno;
	memcpy(ret_tag, info.tag, BPF_TAG_SIZE);
	return 0;
}

static bool is_same_program(int dir, const char *name, int fd)
{
	uint8_t there[BPF_TAG_SIZE], ours[BPF_TAG_SIZE];
	int pinned = set_get(dir, name);
	bool same = pinned >= 0 && !tag_of(pinned, there) && !tag_of(fd, ours) &&
		    !memcmp(there, ours, sizeof(ours));

	if (pinned >= 0)
		close(pinned);
	return same;
}

/* Let this daemon's programs take the place of those pinned, where they differ, on the same
 * maps. */
static int renew_programs(const struct prepare *p, int dir, const int map[SET_MAPS])
{
	struct bpf_object *object = NULL;
	int ret = load(p, map, &object);

	if (ret)
		return ret;
	for (size_t i = 0; i < LINK_PROGRAMS && !ret; i++) {
		const char *name = link_program_name[i];
		char new[64];

		if (is_same_program(dir, name, program_fd(object, i)))
			continue;
		set_new_name(name, new);
		unlinkat(dir, new, 0); /* left by a kill */
		ret = pin(p, dir, new, program_fd(object, i));
		if (!ret && renameat(dir, new, dir, name) < 0)
			ret = fail(p, -errno, name);
	}
	bpf_object__close(object);
	return ret;
}

static int give_all(const struct prepare *p, int dir)
{
	int ret = 0;

	for (size_t i = 0; i < SET_MAPS + LINK_PROGRAMS && !ret; i++) {
		const char *name = i < SET_MAPS ? set_map_name[i] : link_program_name[i - SET_MAPS];

		if (fchownat(dir, name, p->uid, p->gid, AT_SYMLINK_NOFOLLOW) < 0)
			ret = fail(p, -errno, name);
	}
	return ret ? ret : give(p, dir);
}

/* A larger set takes the place of this one, unless a daemon has this one open, or the one before
 * has not been taken over. */
static int grow(struct prepare *p, const int map[SET_MAPS])
{
	int ret;

	if (has(p, SET_OLD) || flock(p->dir, LOCK_EX | LOCK_NB) < 0)
		return 0;
	ret = make_new(p, map);
	if (!ret)
		ret = rename_set(p, SET_NOW, SET_OLD);
	return ret ? ret : rename_set(p, SET_NEW, SET_NOW);
}

static int other_layout(const struct prepare *p)
{
	err_set(p->e,
		"%s/%s was made by a version of ctmeterd whose maps this one does not know: stop "
		"ctmeterd, run \"ctmeter teardown\", and start it again",
		p->bpf_dir, SET_NOW);
	return -ENOTSUP;
}

static bool has_programs(int dir)
{
	for (size_t i = 0; i < LINK_PROGRAMS; i++)
		if (faccessat(dir, link_program_name[i], F_OK, 0) < 0)
			return false;
	return true;
}

/* A root that may not load programs, as a daemon that has given that up, goes on with a set that
 * is whole. */
static int keep(struct prepare *p, int dir, const int map[SET_MAPS])
{
	uint32_t layout = 0, slots = 0, size;
	int ret = set_layout(map[SET_STATE], &layout);

	if (ret || layout != LINK_LAYOUT || !set_fits(map))
		return other_layout(p);
	ret = set_map_size(map[SET_SLOTS], &slots, &size);
	if (ret)
		return fail(p, ret, set_map_name[SET_SLOTS]);
	ret = renew_programs(p, dir, map);
	if (ret == -EPERM && has_programs(dir))
		return 0;
	if (!ret)
		ret = give_all(p, dir);
	return !ret && slots < p->slots ? grow(p, map) : ret;
}

/* Returns -ENOENT when the set is not there or lacks a map. */
static int keep_set(struct prepare *p)
{
	const char *lacks = "";
	int map[SET_MAPS], ret;
	int dir = open_dir(p->dir, SET_NOW, p->uid);

	if (dir < 0)
		return dir == -ENOENT ? dir : fail(p, dir, SET_NOW);
	ret = set_get_maps(dir, map, &lacks);
	if (!ret) {
		ret = keep(p, dir, map);
		set_close(map, SET_MAPS);
	} else if (ret != -ENOENT) {
		fail(p, ret, lacks);
	} else if (set_is_former(dir)) {
		ret = other_layout(p);
	} else {
		int removed = set_remove(p->dir, SET_NOW);

		ret = removed ? fail(p, removed, SET_NOW) : -ENOENT;
	}
	close(dir);
	return ret;
}

int link_object_prepare(const char *bpf_dir, size_t n_addresses, uid_t uid, gid_t gid,
			struct err *e)
{
	struct prepare p = { .bpf_dir = bpf_dir, .dir = -1, .uid = uid, .gid = gid, .e = e };
	size_t slots = n_addresses > SLOTS_MAX / 2 ? SLOTS_MAX : n_addresses * 2;
	int ret = check_bpffs(bpf_dir, e);

	if (ret)
		return ret;
	p.slots = slots < SLOTS_MIN ? SLOTS_MIN : (uint32_t)slots;
	ret = open_bpf_dir(&p);
	if (ret)
		return ret;
	ret = finish_renames(&p);
	if (!ret)
		ret = keep_set(&p);
	if (ret == -ENOENT)
		ret = make_first(&p);
	close(p.dir);
	return ret;
}
