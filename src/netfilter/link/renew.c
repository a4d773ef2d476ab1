/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From one set of maps to a larger one.
 *
 * To add the old counters to the new ones is no step that can be repeated, and a kill may come
 * after any instruction. So each counter carries its own mark: the old value and MARK are added in
 * one atomic step, and what has the mark is not added again. When all have it, state->taken says
 * so, and the marks go, one by one. */
#include "base/xalloc.h"
#include "netfilter/link/set.h"

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
	char key[sizeof(struct link_key6)] = "", next[sizeof(key)], value[8];
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

int set_copy(const int from[SET_MAPS], const int to[SET_MAPS])
{
	static const enum set_map hashes[] = { SET_INDEX4, SET_INDEX6, SET_NODE4, SET_NODE6 };
	struct link_state state;
	uint32_t zero = 0;
	int ret;

	if (bpf_map_lookup_elem(from[SET_STATE], &zero, &state) < 0)
		return -errno;
	ret = copy_owners(from[SET_OWNERS], to[SET_OWNERS], state.reach);
	for (size_t i = 0; i < ARRAY_LEN(hashes) && !ret; i++)
		ret = copy_hash(from[hashes[i]], to[hashes[i]]);
	state.taken = 0;
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

/* The counters of one map: n of them in both sets. */
static int add_map(int set, enum set_map map, uint64_t *to, size_t n)
{
	int fd = set_get(set, set_map_name[map]), ret = 0;
	void *from;

	if (fd < 0)
		return fd;
	from = n ? mmap(NULL, n * sizeof(*to), PROT_READ, MAP_SHARED, fd, 0) : NULL;
	if (from == MAP_FAILED)
		ret = -errno;
	else
		add_marked(to, from, n);
	if (from && !ret)
		munmap(from, n * sizeof(*to));
	close(fd);
	return ret;
}

static int take_over(struct link_object *o)
{
	size_t n_slots = o->state->reach * (sizeof(*o->slot) / sizeof(uint64_t));
	size_t n_strays = LINK_STRAYS * (sizeof(*o->strays) / sizeof(uint64_t));
	uint64_t *slots = (uint64_t *)o->slot, *strays = (uint64_t *)o->room->strays.at;
	int old = openat(o->room->dir, SET_OLD, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int ret = old < 0 ? -errno : link_object_wait_grace(o);

	if (!ret && !o->state->taken)
		ret = add_map(old, SET_SLOTS, slots, n_slots);
	if (!ret && !o->state->taken)
		ret = add_map(old, SET_STRAYS, strays, n_strays);
	if (!ret) {
		__atomic_store_n(&o->state->taken, 1, __ATOMIC_SEQ_CST);
		clear_marks(slots, n_slots);
		clear_marks(strays, n_strays);
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
