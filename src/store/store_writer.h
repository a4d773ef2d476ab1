/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_WRITER_H
#define CTM_STORE_WRITER_H

#include "base/loop.h"
#include "store/ship_state.h"
#include "store/store_batch.h"

/* The thread that writes the store and reads what is beside it, so that only it waits for a disk.
 * It is the only thread beside the loop's.
 * 1. It owns the store, from new to free: nothing else calls the store's functions.
 * 2. One batch at a time passes through pipes to the thread and back. Whoever holds its address
 *    owns it, so nothing is shared and nothing needs a lock.
 * 3. It logs nothing, takes no signals and forks nothing. (The loop's thread forks the children
 *    that commit. They use malloc and stdio, which glibc keeps usable in a child whatever the
 *    other threads were doing; they do not use SQLite.) */

struct store_writer;

/* The outcome of a batch. */
struct store_written {
	int error; /* 0 or -errno, with its text in `why` */
	struct err why;
	bool lost; /* the file was damaged, removed or replaced: the next batch must hold all */
	char *aside; /* the name under which a damaged file was set aside, or NULL; borrowed */
	/* The recalled rows that exist, borrowed. Nothing was written then, since the batch may
	 * hold the same rows under new numbers. NULL: none exist. */
	struct store_batch *found;
	int ship_error; /* ship_state_read's, whatever became of the batch */
	struct ship_state ship;
};

/* Called from the loop, with the batch given back. */
typedef void store_writer_fn(void *arg, struct store_batch *take_b,
			     const struct store_written *written, uint64_t now_ns);

/* take_store: as store_open returned it. NULL: the store is opened when the first batch comes, and
 * refused with -EEXIST if it holds a ledger by then. Returns 0, or -errno with e filled. */
int store_writer_new(const char *path, struct store *take_store, struct loop *loop,
		     store_writer_fn *fn, void *arg, struct store_writer **ret_writer,
		     struct err *e);

/* Close the store and end the thread. If a batch is still under way, the thread is left running
 * with what it holds, for the process is about to end. */
void store_writer_free(struct store_writer *w);

/* Look for the rows to recall, then write the batch. Not while another batch is under way. Once
 * the batch has come back, the thread does the slow work that nobody waits for: it removes old
 * usage and copies the WAL into the file. */
void store_writer_put(struct store_writer *w, struct store_batch *take_b);
bool store_writer_busy(const struct store_writer *w);

/* Wait until the batch under way has come back, or until until_ns. */
void store_writer_wait(struct store_writer *w, uint64_t until_ns);

#endif
