/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_KEEP_WORLD_H
#define CTM_TESTS_KEEP_WORLD_H

/* A ledger kept in a real store, on a disk that can be made slow or broken: SQLite's fdatasync is
 * the one below. */
#include "engine/keep.h"
#include "ledger_world.h"
#include "store_helpers.h"

#include <pthread.h>
#include <stdatomic.h>

enum disk { DISK_GOOD, DISK_SLOW, DISK_BROKEN };

static _Atomic enum disk disk;
static atomic_int waiting; /* calls that a slow disk holds */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* held while it is slow */

int fdatasync(int fd)
{
	if (disk == DISK_BROKEN) {
		errno = EIO;
		return -1;
	}
	waiting++;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	waiting--;
	return fsync(fd);
}

static inline void set_disk(enum disk new)
{
	if (disk == DISK_SLOW)
		pthread_mutex_unlock(&gate);
	disk = new;
	if (disk == DISK_SLOW)
		pthread_mutex_lock(&gate);
}

static struct place place;
static struct loop *loop;
static struct keep *keep;
static int told; /* how often */

static inline void on_settled(void *arg, uint64_t now_ns)
{
	(void)arg;
	(void)now_ns;
	told++;
}

static inline void open_keep(void)
{
	struct err e = { "" };

	ck_assert_msg(keep_new(place.path, place.dir, ledger, now, loop, on_settled, NULL, &keep,
			       &e) == 0,
		      "%s", e.text);
}

static inline void begin(void)
{
	setup();
	place = place_new();
	loop = loop_new();
	open_keep();
}

static inline void end(void)
{
	set_disk(DISK_GOOD);
	keep_free(keep);
	loop_free(loop);
	place_remove(&place);
	teardown();
}

/* A's rule counts so much by now. */
static inline void count(uint64_t octets)
{
	struct fw_row row = row_of(A, octets, 1);

	apply(&row, 1, false, false);
}

static inline void await_settled(uint64_t ticket)
{
	while (!keep_is_settled(keep, ticket))
		loop_run_once(loop, 20000);
}

static inline void await_stored(uint64_t ticket)
{
	await_settled(ticket);
	ck_assert_msg(keep_is_stored(keep, ticket), "%s", keep_problem(keep));
	ck_assert(!keep_problem(keep));
}

#endif
