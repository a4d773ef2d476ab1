/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_WITNESS_H
#define CTM_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

/* A note, outside the ledger, of the checkpoint stored last: a small file in the run directory,
 * which lives as long as the kernel's counters do. A ledger older than its witness is a copy that
 * was put back.
 * 1. It is written after a checkpoint is stored, never before. A kill in between leaves a ledger
 *    newer than its witness, which proves nothing.
 * 2. A witness of another boot proves nothing either, nor does one that cannot be read. */

struct witness {
	char boot_id[40];
	uint64_t ledger; /* the ledger's random number */
	uint64_t checkpoint; /* the number of the last checkpoint */
	uint32_t discontinuities; /* the highest count of any row */
	uint32_t next_ifindex;
};

/* Open (or make) "DIR/ledger.witness", which must be a regular file and no link. Returns a
 * descriptor for close(2), or -errno. */
int witness_open(const char *dir);

/* Returns whether a complete witness was read. */
bool witness_read(int fd, struct witness *ret);

/* fd: as witness_open returned it. Returns 0 or -errno: that of witness_open if it failed. */
int witness_write(int fd, const struct witness *w);

#endif
