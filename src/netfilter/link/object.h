/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_OBJECT_H
#define CTM_LINK_OBJECT_H

#include "base/addr.h"
#include "base/err.h"
#include "netfilter/link/index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The kernel's programs and their maps (slot.h), as they are pinned:
 *   BPF_DIR/set       all maps and programs by their names: what counts
 *   BPF_DIR/set-old   the set before it, while its counts are not taken over
 *   BPF_DIR/set-new   one that root was making
 * Everything else below BPF_DIR is the backend's own.
 *
 * An upgrade of the daemon keeps the maps and replaces the programs, if they differ. The links
 * still run the old programs, which count in the same maps, until the backend updates them to the
 * programs of the object that it has opened.
 *
 * If the maps are too small (max-rows was raised), root makes a new set, and `set` becomes
 * `set-old`. The new one has the same owners and the same numbers of slots, but each link counts
 * in the old one until it runs the new programs. Then link_object_take_over adds what the old one
 * has counted. Nobody reads the counters meanwhile: root does all of it before the daemon starts,
 * and if a daemon has the set open, the set stays as it is until the next start. */

enum link_program {
	LINK_COUNT_IN,
	LINK_COUNT_OUT,
	LINK_COUNT_UP_IN,
	LINK_COUNT_UP_OUT,
	LINK_COUNT_IN_L3,
	LINK_COUNT_OUT_L3,
	LINK_COUNT_UP_IN_L3,
	LINK_COUNT_UP_OUT_L3,
	LINK_COUNT_SHARED_IN,
	LINK_COUNT_SHARED_IN_L3,
	LINK_PROGRAMS
};

/* What a program is pinned as. */
extern const char *const link_program_name[LINK_PROGRAMS];

/* An open set. The file descriptors are close-on-exec. */
struct link_object {
	struct index index; /* to be used between link_object_hold_index and .._drop_index */
	int node[ADDR_FAMILIES]; /* maps, by family */
	int program[LINK_PROGRAMS];
	uint32_t program_id[LINK_PROGRAMS]; /* as a tcx link or a filter names its program */
	uint32_t slots; /* how many there are */
	/* Mapped shared, read and write. The first two up to state->reach only. */
	struct link_slot *slot;
	struct link_owner *owner;
	struct link_state *state;
	const struct link_strays *strays; /* [LINK_STRAYS] */
	bool has_old; /* counters are incomplete until link_object_take_over */
	struct link_object_room *room;
};

/* For root: make sure that the set is there, of this layout and with this daemon's programs, and
 * give it to the user. bpf_dir lies directly below the mount point of a bpffs. n_addresses: how
 * many of both families may be counted at the same time; there is room for as many more that are
 * LEAVING. A set that is large enough stays, and counts on. One that lacks a map (somebody has
 * unpinned it) is made anew, with nothing in it.
 * Returns 0, or -errno with e filled: -ENODEV: no bpffs is mounted there; -EPERM: BPF is forbidden
 * here; -ENOSYS, -EINVAL, ..: the kernel cannot run the programs; -ENOTSUP: the set has another
 * layout. */
int link_object_prepare(const char *bpf_dir, size_t n_addresses, uid_t uid, gid_t gid,
			struct err *e);

/* Open the set, as the user that it was given to: no capability is needed on Linux 5.19 and later.
 * Returns 0, or -errno with e filled: -ENOENT: root has not prepared it; -ENOTSUP: it has another
 * layout; -EPERM: only CAP_BPF may open it on this kernel. */
int link_object_open(const char *bpf_dir, struct link_object *ret_o, struct err *e);

/* The same to look at it only: root does not take it for a daemon's. What was read may then be of a
 * set that root has replaced meanwhile. */
int link_object_peek(const char *bpf_dir, struct link_object *ret_o, struct err *e);
void link_object_close(struct link_object *o);

/* Map the slots and owners below this number, and store it as state->reach if that is less; before
 * the first use of a slot. Take the lowest free slots first: what is mapped counts as memory of the
 * process. Pointers stay valid. Returns 0, -ENOSPC (n > slots) or another -errno. */
int link_object_reach(struct link_object *o, uint32_t n);

/* The index is mapped only while somebody holds it, since all of it would count as memory of the
 * process. Holds nest, in any thread; many uses in a row are worth one around them all. Returns 0
 * or -errno: it is not held then. */
int link_object_hold_index(const struct link_object *o);
void link_object_drop_index(const struct link_object *o);

/* Wait until no program runs that began before the call, 14 to 90 ms. For a worker's thread.
 * Returns 0 or -errno. */
int link_object_wait_grace(const struct link_object *o);

/* Does nothing without has_old. Call it when every link runs the programs of this set or none, and
 * before any counter is read: it waits for the grace period, adds the old set's counters to this
 * one's, and removes the old set. A kill at any instant costs nothing: call it again.
 * Returns 0, or -errno with e filled. */
int link_object_take_over(struct link_object *o, struct err *e);

/* Unpin all sets of ours, and remove bpf_dir if it is empty then. Returns 0, also when there is
 * nothing, or -errno with e filled. */
int link_object_remove(const char *bpf_dir, struct err *e);

#endif
