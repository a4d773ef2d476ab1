/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_WRITER_H
#define CTM_STORE_WRITER_H

#include "base/loop.h"
#include "store/store_batch.h"

/* The thread that writes the store, so that only it waits for a disk. The only thread there is beside
 * the loop's.
 * 1. It owns the store, from new to free: nobody else calls anything of it.
 * 2. One batch at a time. It goes to the thread and back through pipes, and whoever has its address
 *    owns it: nothing is shared, so nothing needs a lock.
 * 3. It logs nothing, takes no signal, and forks nothing. (The commits' children, forked by the
 *    loop's thread, use malloc and stdio, which glibc keeps usable in a child whatever other threads
 *    did at that moment; of SQLite they use nothing.) */

struct store_writer;

/* What became of a batch. */
struct store_written {
	int error; /* 0 or -errno, with what it says */
	struct err why;
	bool lost; /* the file was damaged or is not there any more: the next batch must hold all */
	char *aside; /* the name under which a damaged one was set aside, or NULL; borrowed */
	/* What was to be recalled and is there, borrowed: then nothing was written, since the batch
	 * may hold the same under a new name. NULL: nothing of it is there. */
	struct store_batch *found;
};

/* From the loop, with the batch given back. */
typedef void store_writer_fn(void *arg, struct store_batch *take_b,
			     const struct store_written *written, uint64_t now_ns);

/* take_store: as store_open left it; NULL: it is opened when the first batch comes, and refused with
 * -EEXIST if by then it has something in it. Returns 0, or -errno with e filled. */
int store_writer_new(const char *path, struct store *take_store, struct loop *loop,
		     store_writer_fn *fn, void *arg, struct store_writer **ret_writer,
		     struct err *e);

/* Closes the store and ends the thread. Where a batch is still under way the thread is left to itself,
 * with what it holds: for the end of the process. */
void store_writer_free(struct store_writer *w);

/* Look for what is to be recalled, then write it; not while another is under way. When it has come back, the thread goes on with what
 * may take long and nobody waits for: it removes old usage and copies the WAL into the file. */
void store_writer_put(struct store_writer *w, struct store_batch *take_b);
bool store_writer_busy(const struct store_writer *w);

/* Wait until the batch under way has come back, or until_ns. */
void store_writer_wait(struct store_writer *w, uint64_t until_ns);

#endif
