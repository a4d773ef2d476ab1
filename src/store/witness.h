/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_WITNESS_H
#define CTM_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

/* What was stored last, noted outside the ledger: a small file in the run directory, which lives as long as the
 * kernel's counters do. A ledger that is older than its witness is a copy that somebody put back.
 * 1. It is written after a checkpoint is stored, never before: a kill in between leaves a ledger that is newer
 *    than its witness, which says nothing.
 * 2. One of another boot says nothing either, nor one that cannot be read. */

struct witness {
	char boot_id[40];
	uint64_t ledger; /* which: its random number */
	uint64_t checkpoint; /* the number of the last one */
	uint32_t discontinuities; /* the highest count of any row */
	uint32_t next_ifindex;
};

/* Open (or make) "DIR/ledger.witness", a plain file of our own that is no link. Returns a descriptor for
 * close(2), or -errno. */
int witness_open(const char *dir);

/* Returns whether there was a whole one. */
bool witness_read(int fd, struct witness *ret);

/* Returns 0 or -errno: of witness_open, if it had none to give. */
int witness_write(int fd, const struct witness *w);

#endif
