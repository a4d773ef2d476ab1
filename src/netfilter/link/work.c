/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs travel as pointers through two pipes, which are far longer than the few jobs that can be
 * under way. */
#include "netfilter/link/work.h"

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

enum { READ_END, WRITE_END };

struct work {
	struct loop *loop;
	work_run_fn *run;
	work_done_fn *done;
	void *arg;
	pthread_t thread;
	int to[2], from[2]; /* the thread */
	size_t n_out; /* jobs that have not come back */
	bool ending;
};

static void pass(int fd, void *job)
{
	ssize_t n;

	do
		n = write(fd, &job, sizeof(job));
	while (n < 0 && errno == EINTR);
	assert(n == sizeof(job));
}

/* Returns whether a job came. */
static bool receive(int fd, void **ret_job)
{
	ssize_t n;

	do
		n = read(fd, ret_job, sizeof(*ret_job));
	while (n < 0 && errno == EINTR);
	return n == sizeof(*ret_job);
}

static void *thread_main(void *arg)
{
	struct work *w = arg;
	void *job;

	while (receive(w->to[READ_END], &job) && job) {
		if (!work_is_ending(w))
			w->run(w->arg, job);
		pass(w->from[WRITE_END], job);
	}
	return NULL;
}

static void on_done(void *arg, short revents, uint64_t now_ns)
{
	struct work *w = arg;
	void *job;

	(void)revents;
	if (!receive(w->from[READ_END], &job))
		return;
	w->n_out--;
	w->done(w->arg, job, now_ns);
}

/* Returns 0 or an errno. */
static int start(struct work *w)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the loop's thread */
	ret = pthread_create(&w->thread, NULL, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_all(struct work *w)
{
	close_end(&w->to[READ_END]);
	close_end(&w->to[WRITE_END]);
	close_end(&w->from[READ_END]);
	close_end(&w->from[WRITE_END]);
}

int work_new(struct loop *loop, work_run_fn *run, work_done_fn *done, void *arg,
	     struct work **ret_work, struct err *e)
{
	struct work *w = xcalloc(1, sizeof(*w));
	int ret = 0;

	*w = (struct work) { loop, run, done, arg, .to = { -1, -1 }, .from = { -1, -1 } };
	if (pipe2(w->to, O_CLOEXEC) < 0 || pipe2(w->from, O_CLOEXEC) < 0)
		ret = errno;
	if (!ret)
		ret = start(w);
	if (ret) {
		err_set(e, "cannot start the thread that makes changes in the kernel: %s",
			strerror(ret));
		close_all(w);
		free(w);
		return -ret;
	}
	loop_watch(loop, w->from[READ_END], POLLIN, on_done, w);
	*ret_work = w;
	return 0;
}

void work_free(struct work *w, void (*drop)(void *job))
{
	void *job;

	if (!w)
		return;
	loop_unwatch(w->loop, w->from[READ_END]);
	__atomic_store_n(&w->ending, true, __ATOMIC_RELAXED);
	pass(w->to[WRITE_END], NULL);
	pthread_join(w->thread, NULL);
	for (; w->n_out && receive(w->from[READ_END], &job); w->n_out--)
		drop(job);
	close_all(w);
	free(w);
}

void work_give(struct work *w, void *take_job)
{
	w->n_out++;
	pass(w->to[WRITE_END], take_job);
}

bool work_is_ending(const struct work *w)
{
	return __atomic_load_n(&w->ending, __ATOMIC_RELAXED);
}
