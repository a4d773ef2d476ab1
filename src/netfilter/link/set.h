/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_SET_H
#define CTM_LINK_SET_H

#include "netfilter/link/object.h"

#include <pthread.h>

/* A set as files below BPF_DIR, for object.c and prepare.c. */

#define SET_NOW "set"
#define SET_OLD "set-old"
#define SET_NEW "set-new"

enum set_map {
	SET_INDEX,
	SET_SLOTS,
	SET_OWNERS,
	SET_STATE,
	SET_NODE4,
	SET_NODE6,
	SET_STRAYS,
	SET_EPOCHS,
	SET_EPOCH,
	SET_MAPS
};

/* A part of the address space that is as large as a map; its first octets are mapped. */
struct reserve {
	char *at; /* NULL: nothing is reserved */
	size_t size, mapped;
	int fd;
};

struct link_object_room {
	int map[SET_MAPS];
	int dir; /* BPF_DIR; locked shared while the set is open */
	struct reserve index, slots, owners, state, strays;
	pthread_mutex_t index_lock;
	unsigned index_holds; /* the index is mapped while this is not 0 */
};

extern const char *const set_map_name[SET_MAPS];

/* Open the object pinned as dir/name. Returns its descriptor or -errno. */
int set_get(int dir, const char *name);

/* Open all maps. Returns 0, or -errno with the name of the first that failed. */
int set_get_maps(int dir, int ret_fds[SET_MAPS], const char **ret_name);
void set_close(int *fds, size_t n);

/* The number of a map's elements and the size of its values. Returns 0 or -errno. */
int set_map_size(int fd, uint32_t *ret_n, uint32_t *ret_value_size);

/* The layout of the set, from its map `state`; 0: it was never finished. Returns 0 or -errno. */
int set_layout(int state_fd, uint32_t *ret_layout);

/* Copy all that is in the maps of one set to another of the same layout, which is new and not
 * smaller, except the counters. Returns 0 or -errno. */
int set_copy(const int from[SET_MAPS], const int to[SET_MAPS]);

/* Whether it has maps that only earlier layouts had. */
bool set_is_former(int set);

/* Whether all maps are of this layout's kinds and sizes. */
bool set_fits(const int fds[SET_MAPS]);

/* What the successor of a program is pinned as, before it takes its place. */
void set_new_name(const char *name, char ret_name[64]);

/* Unpin all of ours in dir/name, and remove it. Returns 0, also when there is nothing, or -errno:
 * -ENOTEMPTY when it holds something that is not ours. */
int set_remove(int dir, const char *name);

#endif
