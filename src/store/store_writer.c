/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store_writer.h"

#include "base/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PRUNE_ROWS 500 /* after each checkpoint */

/* Passed through the pipes to the thread and, answered, back. */
struct job {
	struct store_batch *batch; /* NULL: end */
	struct store_written written;
};

struct store_writer {
	/* Used only by the thread once it runs. */
	char *path;
	struct store *store; /* NULL while it cannot be opened */
	int jobs_out, done_in;
	/* Used only by the loop. */
	pthread_t thread;
	int jobs_in, done_out;
	struct loop *loop;
	store_writer_fn *fn;
	void *arg;
	bool busy;
};

/* Pointers are far shorter than PIPE_BUF, so they come whole or not at all. */
static void give(int fd, struct job *job)
{
	ssize_t n;

	do
		n = write(fd, &job, sizeof(job));
	while (n < 0 && errno == EINTR);
	assert(n == sizeof(job));
}

static struct job *take(int fd)
{
	struct job *job;
	ssize_t n;

	do
		n = read(fd, &job, sizeof(job));
	while (n < 0 && errno == EINTR);
	assert(n == sizeof(job));
	return job;
}

/* --- the thread ---------------------------------------------------------------------------- */

static void close_store(struct store_writer *w)
{
	store_close(w->store);
	w->store = NULL;
}

/* Open a database that could not be opened before. It is not ours to overwrite if it holds a
 * ledger by now. */
static int open_late(struct store_writer *w, struct store_written *written)
{
	struct store_meta meta;
	int ret = store_open(w->path, &w->store, &written->aside, &written->why);

	if (!ret)
		ret = store_load(w->store, &meta, NULL, NULL, NULL, &written->why);
	if (!ret && meta.boot_id[0]) {
		err_set(&written->why,
			"%s appeared after ctmeterd started: restart ctmeterd to load it", w->path);
		ret = -EEXIST;
	}
	if (ret < 0)
		close_store(w);
	return ret;
}

static void work(struct store_writer *w, struct job *job)
{
	struct store_written *written = &job->written;

	written->error = w->store ? 0 : open_late(w, written);
	if (!written->error && job->batch->n_recall)
		written->error = store_recall(w->store, job->batch, &written->found, &written->why);
	if (!written->error && !written->found)
		written->error = store_write(w->store, job->batch, &written->why);
	written->lost = written->error == -EUCLEAN || written->error == -ESTALE;
	if (written->lost)
		close_store(w);
	written->ship_error = ship_state_read(w->path, &written->ship);
}

static void *thread_main(void *arg)
{
	struct store_writer *w = arg;
	struct job *job;

	while ((job = take(w->jobs_out))->batch) {
		int64_t age_s = wallclock_age_s(&job->batch->meta.clock);
		bool tidy;

		work(w, job);
		tidy = !job->written.error && !job->written.found && job->batch->synced;
		give(w->done_in, job);
		if (tidy)
			store_prune(w->store, age_s, PRUNE_ROWS);
		if (w->store)
			store_tidy(w->store);
	}
	free(job);
	close_store(w);
	return NULL;
}

/* --- the loop's side ----------------------------------------------------------------------- */

static void come_back(struct store_writer *w, uint64_t now_ns)
{
	struct job *job = take(w->done_out);

	w->busy = false;
	w->fn(w->arg, job->batch, &job->written, now_ns);
	store_batch_free(job->written.found);
	free(job->written.aside);
	free(job);
}

static void on_done(void *arg, short revents, uint64_t now_ns)
{
	(void)revents;
	come_back(arg, now_ns);
}

void store_writer_put(struct store_writer *w, struct store_batch *take_b)
{
	struct job *job = xcalloc(1, sizeof(*job));

	assert(!w->busy);
	w->busy = true;
	job->batch = take_b;
	give(w->jobs_in, job);
}

bool store_writer_busy(const struct store_writer *w)
{
	return w->busy;
}

void store_writer_wait(struct store_writer *w, uint64_t until_ns)
{
	struct pollfd done = { .fd = w->done_out, .events = POLLIN };
	uint64_t now = loop_now_ns();

	while (w->busy && now < until_ns &&
	       poll(&done, 1, (int)((until_ns - now) / NS_PER_MS) + 1) <= 0)
		now = loop_now_ns();
	if (w->busy && done.revents)
		come_back(w, loop_now_ns());
}

static void close_pipes(struct store_writer *w)
{
	const int fds[] = { w->jobs_out, w->jobs_in, w->done_out, w->done_in };

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Returns 0 or an errno. */
static int open_pipes(struct store_writer *w)
{
	int fds[2];

	w->jobs_out = w->jobs_in = w->done_out = w->done_in = -1;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return errno;
	w->jobs_out = fds[0];
	w->jobs_in = fds[1];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return errno;
	w->done_out = fds[0];
	w->done_in = fds[1];
	return 0;
}

/* Returns 0 or an errno. */
static int start_thread(struct store_writer *w)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread inherits the mask */
	ret = pthread_create(&w->thread, NULL, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

int store_writer_new(const char *path, struct store *take_store, struct loop *loop,
		     store_writer_fn *fn, void *arg, struct store_writer **ret_writer,
		     struct err *e)
{
	struct store_writer *w = xcalloc(1, sizeof(*w));
	int ret;

	*w = (struct store_writer) {
		.path = xstrdup(path), .store = take_store, .loop = loop, .fn = fn, .arg = arg
	};
	ret = open_pipes(w);
	if (!ret)
		ret = start_thread(w);
	if (ret) {
		err_set(e, "cannot start the thread that writes %s: %s", path, strerror(ret));
		close_pipes(w);
		close_store(w);
		free(w->path);
		free(w);
		return -ret;
	}
	loop_watch(loop, w->done_out, POLLIN, on_done, w);
	*ret_writer = w;
	return 0;
}

void store_writer_free(struct store_writer *w)
{
	if (!w)
		return;
	loop_unwatch(w->loop, w->done_out);
	if (w->busy) {
		pthread_detach(w->thread);
		return;
	}
	give(w->jobs_in, xcalloc(1, sizeof(struct job)));
	pthread_join(w->thread, NULL);
	close_pipes(w);
	free(w->path);
	free(w);
}
