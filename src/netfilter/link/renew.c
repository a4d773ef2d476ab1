/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From one set of maps to a larger one.
 *
 * To add the old counters to the new ones is no step that can be repeated, and a kill may come
 * after any instruction. So each counter carries its own mark: the old value and MARK are added in
 * one atomic step, and what has the mark is not added again. When all have it, state->taken says
 * so, and the marks go, one by one. */
#include "base/xalloc.h"
#include "netfilter/link/set.h"
#include "netfilter/link/slots.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MARK (UINT64_C(1) << 63)

/* --- copying what does not count ------------------------------------------------------------ */

static int copy_hash(int from, int to)
{
	char key[16] = "", next[sizeof(key)], value[8];
	bool first = true;

	while (bpf_map_get_next_key(from, first ? NULL : key, next) == 0) {
		memcpy(key, next, sizeof(key));
		first = false;
		if (bpf_map_lookup_elem(from, key, value) < 0 ||
		    bpf_map_update_elem(to, key, value, BPF_ANY) < 0)
			return -errno;
	}
	return errno == ENOENT ? 0 : -errno;
}

static int copy_owners(int from, int to, uint32_t n)
{
	struct link_owner owner;

	for (uint32_t i = 0; i < n; i++)
		if (bpf_map_lookup_elem(from, &i, &owner) < 0 ||
		    (owner.state && bpf_map_update_elem(to, &i, &owner, BPF_ANY) < 0))
			return -errno;
	return 0;
}

static void *map_whole(int fd, size_t *ret_octets)
{
	uint32_t n, size;
	int ret = set_map_size(fd, &n, &size);
	void *at = MAP_FAILED;

	if (!ret) {
		*ret_octets = (size_t)n * size;
		at = mmap(NULL, *ret_octets, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	return at == MAP_FAILED ? NULL : at;
}

/* Both may have another number of buckets, so the index is made anew. */
static int fill_index(const int to[SET_MAPS], const struct link_state *state)
{
	size_t index_octets = 0, slots_octets = 0;
	struct index x = { .n = state->buckets, .state = state };
	struct link_owner owner;
	int ret = 0;

	x.bucket = map_whole(to[SET_INDEX], &index_octets);
	x.slot = map_whole(to[SET_SLOTS], &slots_octets);
	if (!x.bucket || !x.slot)
		ret = -ENOMEM;
	for (uint32_t i = 0; i < state->reach && !ret; i++) {
		if (bpf_map_lookup_elem(to[SET_OWNERS], &i, &owner) < 0)
			ret = -errno;
		else if (owner.state == LINK_LIVE) {
			struct fw_key key = slots_key(&owner);

			ret = index_put(&x, &key, i);
		}
	}
	if (x.bucket)
		munmap(x.bucket, index_octets);
	if (x.slot)
		munmap(x.slot, slots_octets);
	return ret;
}

int set_copy(const int from[SET_MAPS], const int to[SET_MAPS])
{
	static const enum set_map hashes[] = { SET_NODE4, SET_NODE6 };
	struct link_state state;
	uint32_t zero = 0, size;
	int ret;

	if (bpf_map_lookup_elem(from[SET_STATE], &zero, &state) < 0)
		return -errno;
	ret = copy_owners(from[SET_OWNERS], to[SET_OWNERS], state.reach);
	for (size_t i = 0; i < ARRAY_LEN(hashes) && !ret; i++)
		ret = copy_hash(from[hashes[i]], to[hashes[i]]);
	state.taken = 0;
	if (!ret)
		ret = set_map_size(to[SET_INDEX], &state.buckets, &size);
	if (!ret)
		ret = fill_index(to, &state);
	if (!ret && bpf_map_update_elem(to[SET_STATE], &zero, &state, BPF_ANY) < 0)
		ret = -errno;
	return ret;
}

/* --- taking over the counters ---------------------------------------------------------------- */

static void add_marked(uint64_t *to, const uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(__atomic_load_n(&to[i], __ATOMIC_SEQ_CST) & MARK))
			__atomic_fetch_add(&to[i], from[i] + MARK, __ATOMIC_SEQ_CST);
}

static void clear_marks(uint64_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		__atomic_fetch_and(&to[i], ~MARK, __ATOMIC_SEQ_CST);
}

#define SLOT_COUNTERS ((size_t)2 * LINK_PATHS)

/* The first n elements of a map of both sets, each `size` octets long, with so many counters at
 * `at`. */
static int add_map(int set, enum set_map map, void *to, size_t n, size_t size, size_t at,
		   size_t counters)
{
	int fd = set_get(set, set_map_name[map]), ret = 0;
	char *from;

	if (fd < 0)
		return fd;
	from = n ? mmap(NULL, n * size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
	if (from == MAP_FAILED)
		ret = -errno;
	for (size_t i = 0; i < n && !ret; i++)
		add_marked((uint64_t *)((char *)to + i * size + at),
			   (uint64_t *)(from + i * size + at), counters);
	if (from && !ret)
		munmap(from, n * size);
	close(fd);
	return ret;
}

static int take_over(struct link_object *o)
{
	const size_t n_strays = sizeof(*o->strays) / sizeof(uint64_t);
	struct link_strays *strays = (struct link_strays *)o->room->strays.at;
	int old = openat(o->room->dir, SET_OLD, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int ret = old < 0 ? -errno : link_object_wait_grace(o);

	if (!ret && !o->state->taken)
		ret = add_map(old, SET_SLOTS, o->slot, o->state->reach, sizeof(*o->slot),
			      offsetof(struct link_slot, path), SLOT_COUNTERS);
	if (!ret && !o->state->taken)
		ret = add_map(old, SET_STRAYS, strays, LINK_STRAYS, sizeof(*strays), 0, n_strays);
	if (!ret) {
		__atomic_store_n(&o->state->taken, 1, __ATOMIC_SEQ_CST);
		for (uint32_t i = 0; i < o->state->reach; i++)
			clear_marks((uint64_t *)o->slot[i].path, SLOT_COUNTERS);
		clear_marks((uint64_t *)strays, LINK_STRAYS * n_strays);
	}
	if (old >= 0)
		close(old);
	return ret ? ret : set_remove(o->room->dir, SET_OLD);
}

int link_object_take_over(struct link_object *o, struct err *e)
{
	int ret = o->has_old ? take_over(o) : 0;

	if (ret)
		err_set(e, "cannot take over the counters of the maps in %s: %s", SET_OLD,
			strerror(-ret));
	else
		o->has_old = false;
	return ret;
}
