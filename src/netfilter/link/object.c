/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pinned set, as the daemon's user opens it. */
#include "netfilter/link/object.h"

#include "base/xalloc.h"
#include "netfilter/link/set.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

/* How many slots are mapped at a time. */
#define STEP 1024

static size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

static int reserve_open(struct reserve *r, int fd, size_t size)
{
	void *at = mmap(NULL, whole_pages(size), PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	*r = (struct reserve) { at, whole_pages(size), 0, fd };
	return 0;
}

/* The kernel makes all pages of a mapping of an array present at once, so it is mapped in parts. */
static int reserve_map(struct reserve *r, size_t size)
{
	size_t end = whole_pages(size) < r->size ? whole_pages(size) : r->size;

	if (end <= r->mapped)
		return 0;
	if (mmap(r->at + r->mapped, end - r->mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 r->fd, (off_t)r->mapped) == MAP_FAILED)
		return -errno;
	r->mapped = end;
	return 0;
}

static void reserve_unmap(struct reserve *r)
{
	/* A mapping of this kind takes no memory, so this cannot fail for lack of it. */
	if (mmap(r->at, r->mapped, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED)
		r->mapped = 0;
}

static void reserve_close(struct reserve *r)
{
	if (r->at)
		munmap(r->at, r->size);
}

static int explain_open(int ret, const char *bpf_dir, const char *name, struct err *e)
{
	if (ret == -ENOENT)
		err_set(e, "%s/%s/%s is not there: \"ctmeterd --prepare\", as root, makes it",
			bpf_dir, SET_NOW, name);
	else if (ret == -EPERM)
		err_set(e,
			"%s/%s/%s: bpf(2) is forbidden: before Linux 5.19, and for some containers "
			"and system call filters, it needs CAP_BPF: take \"backend = iptables\", "
			"or "
			"see kernel.unprivileged_bpf_disabled",
			bpf_dir, SET_NOW, name);
	else if (ret == -EACCES)
		err_set(e,
			"%s/%s/%s belongs to another user: \"ctmeterd --prepare\", as root, gives "
			"it to this one",
			bpf_dir, SET_NOW, name);
	else
		err_set(e, "%s/%s/%s: %s", bpf_dir, SET_NOW, name, strerror(-ret));
	return ret;
}

static int check_layout(const int map[SET_MAPS], const char *bpf_dir, struct err *e)
{
	uint32_t layout = 0;
	int ret = set_layout(map[SET_STATE], &layout);

	if (ret)
		return explain_open(ret, bpf_dir, set_map_name[SET_STATE], e);
	if (layout == LINK_LAYOUT)
		return 0;
	err_set(e,
		"%s/%s was made by another version of ctmeterd (layout %u, this one has %u): "
		"\"ctmeterd --prepare\", as root, says what to do",
		bpf_dir, SET_NOW, layout, LINK_LAYOUT);
	return -ENOTSUP;
}

static int open_programs(int set, const char *bpf_dir, struct link_object *o, struct err *e)
{
	for (size_t i = 0; i < LINK_PROGRAMS; i++) {
		struct bpf_prog_info info = { 0 };
		__u32 size = sizeof(info);
		int fd = set_get(set, link_program_name[i]);

		if (fd < 0)
			return explain_open(fd, bpf_dir, link_program_name[i], e);
		o->program[i] = fd;
		if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
			return explain_open(-errno, bpf_dir, link_program_name[i], e);
		o->program_id[i] = info.id;
	}
	return 0;
}

static int map_all(struct link_object *o, const char *bpf_dir, struct err *e)
{
	struct link_object_room *r = o->room;
	const int *map = r->map;
	uint32_t n = 0, buckets = 0, size;
	int ret = set_map_size(map[SET_SLOTS], &n, &size);

	if (!ret)
		ret = set_map_size(map[SET_INDEX], &buckets, &size);
	if (!ret)
		ret = reserve_open(&r->index, map[SET_INDEX], buckets * sizeof(struct link_bucket));
	if (!ret)
		ret = reserve_open(&r->slots, map[SET_SLOTS], n * sizeof(struct link_slot));
	if (!ret)
		ret = reserve_open(&r->owners, map[SET_OWNERS], n * sizeof(struct link_owner));
	if (!ret)
		ret = reserve_open(&r->state, map[SET_STATE], sizeof(struct link_state));
	if (!ret)
		ret = reserve_open(&r->strays, map[SET_STRAYS],
				   LINK_STRAYS * sizeof(struct link_strays));
	if (!ret)
		ret = reserve_map(&r->state, sizeof(struct link_state));
	if (!ret)
		ret = reserve_map(&r->strays, LINK_STRAYS * sizeof(struct link_strays));
	if (!ret) {
		o->slots = n;
		o->slot = (struct link_slot *)r->slots.at;
		o->owner = (struct link_owner *)r->owners.at;
		o->state = (struct link_state *)r->state.at;
		o->strays = (const struct link_strays *)r->strays.at;
		o->index = (struct index) { (struct link_bucket *)r->index.at, buckets, o->slot,
					    o->state };
		ret = link_object_reach(o, o->state->reach < n ? o->state->reach : n);
	}
	if (ret)
		err_set(e, "%s/%s: cannot map its counters: %s", bpf_dir, SET_NOW, strerror(-ret));
	return ret;
}

static int open_set(struct link_object *o, const char *bpf_dir, bool hold, struct err *e)
{
	struct link_object_room *r = o->room;
	const char *name = "";
	int set, ret;

	r->dir = open(bpf_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0)
		return explain_open(-errno, bpf_dir, name, e);
	if (hold)
		flock(r->dir, LOCK_SH | LOCK_NB); /* so that root lets the set be */
	set = openat(r->dir, SET_NOW, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (set < 0)
		return explain_open(-errno, bpf_dir, name, e);
	ret = set_get_maps(set, r->map, &name);
	if (ret)
		explain_open(ret, bpf_dir, name, e);
	else
		ret = check_layout(r->map, bpf_dir, e);
	if (!ret)
		ret = open_programs(set, bpf_dir, o, e);
	close(set);
	return ret;
}

static int open_object(const char *bpf_dir, bool hold, struct link_object *ret_o, struct err *e)
{
	struct link_object o = { .room = xcalloc(1, sizeof(*o.room)) };
	int ret;

	pthread_mutex_init(&o.room->index_lock, NULL);
	memset(o.program, -1, sizeof(o.program));
	memset(o.room->map, -1, sizeof(o.room->map));
	o.room->dir = -1;
	ret = open_set(&o, bpf_dir, hold, e);
	if (!ret)
		ret = map_all(&o, bpf_dir, e);
	if (ret) {
		link_object_close(&o);
		return ret;
	}
	o.node[ADDR_V4] = o.room->map[SET_NODE4];
	o.node[ADDR_V6] = o.room->map[SET_NODE6];
	o.has_old = faccessat(o.room->dir, SET_OLD, F_OK, 0) == 0;
	*ret_o = o;
	return 0;
}

int link_object_open(const char *bpf_dir, struct link_object *ret_o, struct err *e)
{
	return open_object(bpf_dir, true, ret_o, e);
}

int link_object_peek(const char *bpf_dir, struct link_object *ret_o, struct err *e)
{
	return open_object(bpf_dir, false, ret_o, e);
}

void link_object_close(struct link_object *o)
{
	struct link_object_room *r = o->room;

	if (!r)
		return;
	reserve_close(&r->index);
	reserve_close(&r->slots);
	reserve_close(&r->owners);
	reserve_close(&r->state);
	reserve_close(&r->strays);
	set_close(r->map, SET_MAPS);
	set_close(o->program, LINK_PROGRAMS);
	if (r->dir >= 0)
		close(r->dir);
	pthread_mutex_destroy(&r->index_lock);
	free(r);
	*o = (struct link_object) { .room = NULL };
}

int link_object_hold_index(const struct link_object *o)
{
	struct link_object_room *r = o->room;
	int ret = 0;

	pthread_mutex_lock(&r->index_lock);
	if (!r->index_holds)
		ret = reserve_map(&r->index, o->index.n * sizeof(struct link_bucket));
	if (!ret)
		r->index_holds++;
	pthread_mutex_unlock(&r->index_lock);
	return ret;
}

void link_object_drop_index(const struct link_object *o)
{
	struct link_object_room *r = o->room;

	pthread_mutex_lock(&r->index_lock);
	if (--r->index_holds == 0)
		reserve_unmap(&r->index);
	pthread_mutex_unlock(&r->index_lock);
}

int link_object_reach(struct link_object *o, uint32_t n)
{
	struct link_object_room *r = o->room;
	size_t to = ((size_t)n + STEP - 1) / STEP * STEP;
	int ret;

	if (n > o->slots)
		return -ENOSPC;
	ret = reserve_map(&r->slots, to * sizeof(struct link_slot));
	if (!ret)
		ret = reserve_map(&r->owners, to * sizeof(struct link_owner));
	if (!ret && n > o->state->reach)
		__atomic_store_n(&o->state->reach, n, __ATOMIC_RELEASE);
	return ret;
}

/* The kernel replaces the element, and returns when every program that could have seen the one
 * before has ended (kernel/bpf/syscall.c: maybe_wait_bpf_programs). */
int link_object_wait_grace(const struct link_object *o)
{
	uint32_t zero = 0, epoch = (uint32_t)o->room->map[SET_EPOCH];

	return bpf_map_update_elem(o->room->map[SET_EPOCHS], &zero, &epoch, BPF_ANY) < 0 ? -errno
											 : 0;
}

int link_object_remove(const char *bpf_dir, struct err *e)
{
	static const char *const sets[] = { SET_NEW, SET_NOW, SET_OLD };
	int dir = open(bpf_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0) {
		int ret = -errno;

		err_set(e, "%s: %s", bpf_dir, strerror(-ret));
		return ret;
	}
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		int ret = set_remove(dir, sets[i]);

		if (ret) {
			err_set(e, "%s/%s cannot be removed: %s", bpf_dir, sets[i], strerror(-ret));
			close(dir);
			return ret;
		}
	}
	close(dir);
	rmdir(bpf_dir);
	return 0;
}
