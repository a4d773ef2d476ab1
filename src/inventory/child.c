/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asynchronous commands. Once stdout has ended, a timer polls waitpid(2): pidfds are newer than
 * the oldest supported kernels, and a SIGCHLD handler would be global. */
#include "inventory/child.h"

#include "base/endpoint.h"
#include "base/xalloc.h"
#include "inventory/helper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_OCTETS 65536 /* per callback, so that a flood does not block the loop */
/* First pause between two calls of waitpid: a child that has closed stdout ends in a moment. */
#define WAIT_NS (NS_PER_MS / 5)
#define PIPE_OCTETS (1 << 20) /* so that each page of an answer need not wake us up */
#define WAIT_MAX_NS (100 * NS_PER_MS)

static const char no_exec[] = "cannot run "; /* how our own complaint begins */

struct child {
	pid_t pid; /* 0: reaped, or a child of the helper */
	char *program; /* argv[0]; NULL: work, or a job of the helper */
	bool remote; /* out_fd is the connection to the helper */
	int out_fd, err_fd; /* -1: at its end */
	int helper_fd; /* was out_fd; the helper closes it once its child is gone; -1: none */
	int wait_status;
	uint64_t deadline_ns, wait_ns;
	size_t max_octets;
	char *out;
	size_t len, cap;
	char line[256]; /* the line of stderr being read, truncated */
	size_t line_len;
	char complaint[256];
	struct loop *loop;
	struct loop_timer timer; /* the deadline; once stdout has ended, the next waitpid */
	child_done_fn *done; /* NULL: called already */
	void *arg;
};

static void close_fd(struct child *c, int *fd)
{
	if (*fd < 0)
		return;
	loop_unwatch(c->loop, *fd);
	close(*fd);
	*fd = -1;
}

/* Stop reading out_fd. A connection to the helper stays open. */
static void end_out(struct child *c)
{
	if (!c->remote) {
		close_fd(c, &c->out_fd);
	} else if (c->out_fd >= 0) {
		loop_unwatch(c->loop, c->out_fd);
		c->helper_fd = c->out_fd;
		c->out_fd = -1;
	}
}

static bool is_closed(int fd)
{
	struct pollfd pfd = { .fd = fd };

	return poll(&pfd, 1, 0) > 0 && pfd.revents & (POLLHUP | POLLERR);
}

static bool reap(struct child *c)
{
	if (c->pid && waitpid(c->pid, &c->wait_status, WNOHANG) == c->pid)
		c->pid = 0;
	return !c->pid;
}

/* A finished line of stderr becomes the complaint, unless it is blank. */
static void end_line(struct child *c)
{
	c->line[c->line_len] = '\0';
	if (c->line[strspn(c->line, " \t\r")])
		memcpy(c->complaint, c->line, c->line_len + 1);
	c->line_len = 0;
}

/* True for a remote child, too: the helper passes on the complaint of its own child_new. */
static bool is_no_exec(const struct child_result *r)
{
	return !r->error && r->status == CHILD_NO_EXEC &&
	       !strncmp(r->complaint, no_exec, strlen(no_exec));
}

static void describe(struct child_result *r)
{
	const char *sep = *r->complaint ? ": " : "";

	if (r->error == -ETIMEDOUT && r->left)
		snprintf(r->text, sizeof(r->text),
			 "left a process behind that kept its output open until the deadline%s%s",
			 sep, r->complaint);
	else if (r->error == -ETIMEDOUT)
		snprintf(r->text, sizeof(r->text), "did not end in time, killed%s%s", sep,
			 r->complaint);
	else if (r->error == -EFBIG)
		snprintf(r->text, sizeof(r->text), "printed too much, killed%s%s", sep,
			 r->complaint);
	else if (r->error == -EPIPE || is_no_exec(r))
		snprintf(r->text, sizeof(r->text), "%s", r->complaint);
	else if (r->error)
		snprintf(r->text, sizeof(r->text), "killed by signal %d%s%s", r->signal, sep,
			 r->complaint);
	else if (r->status)
		snprintf(r->text, sizeof(r->text), "exit status %d%s%s", r->status, sep,
			 r->complaint);
}

/* The helper appends how the job ended to the output (helper_end). */
static void take_remote_end(struct child *c, struct child_result *r)
{
	struct helper_end end;

	if (c->len < HELPER_END_OCTETS ||
	    !helper_end_read(c->out + c->len - HELPER_END_OCTETS, &end)) {
		r->error = -EPIPE;
		snprintf(c->complaint, sizeof(c->complaint),
			 "the inventory helper ended without a result");
		return;
	}
	r->len = c->len -= HELPER_END_OCTETS;
	r->error = end.error;
	r->status = end.status;
	r->signal = end.signal;
	r->left = end.left;
	snprintf(c->complaint, sizeof(c->complaint), "%s", end.complaint);
}

/* The system-call filter (subagent/confine.c) makes exec(2) fail with ENOSYS. */
static const char *exec_error(int error)
{
	return error == ENOSYS ? "ctmeterd runs no programs itself; start the inventory helper"
			       : strerror(error);
}

/* Replace the errno that exec(2) left in the complaint by text. */
static void name_no_exec(struct child *c, const struct child_result *r)
{
	size_t len = strlen(no_exec);

	if (!r->error && r->status == CHILD_NO_EXEC && c->program &&
	    !strncmp(c->complaint, no_exec, len))
		snprintf(c->complaint, sizeof(c->complaint), "%s%.150s: %s", no_exec, c->program,
			 exec_error(atoi(c->complaint + len)));
}

/* The child has ended. error: 0 if it ended by itself. c is not touched after done, which may
 * free it. */
static void finish(struct child *c, int error, uint64_t now_ns)
{
	child_done_fn *done = c->done;
	struct child_result r = { .error = error, .len = c->len };

	if (error) {
		if (c->pid)
			kill(-c->pid, SIGKILL);
		r.left = reap(c) && !c->remote && WIFEXITED(c->wait_status);
	} else if (c->remote) {
		take_remote_end(c, &r);
	} else if (WIFEXITED(c->wait_status)) {
		r.status = WEXITSTATUS(c->wait_status);
	} else {
		r.error = -EINTR;
		r.signal = WTERMSIG(c->wait_status);
	}
	end_out(c);
	close_fd(c, &c->err_fd);
	loop_timer_clear(c->loop, &c->timer);
	/* The last line of a killed child may be cut off. */
	if (!c->remote && (!error || !*c->complaint))
		end_line(c);
	name_no_exec(c, &r);
	c->out = xreallocarray(c->out, c->len + 1, 1);
	c->out[c->len] = '\0';
	c->cap = c->len + 1;
	r.out = c->out;
	r.complaint = c->complaint;
	describe(&r);
	c->done = NULL;
	done(c->arg, &r, now_ns);
}

/* Read what stderr holds now: the process may have ended before the loop called its reader.
 * Returns whether there was anything. */
static bool read_complaints(struct child *c)
{
	char buf[4096];
	ssize_t n = read(c->err_fd, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] == '\n')
			end_line(c);
		else if (c->line_len < sizeof(c->line) - 1)
			c->line[c->line_len++] = buf[i];
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_fd(c, &c->err_fd);
	return n > 0;
}

static void on_timer(void *arg, uint64_t now_ns)
{
	struct child *c = arg;

	if (c->out_fd < 0 && reap(c)) {
		for (int turns = 16; c->err_fd >= 0 && turns && read_complaints(c); turns--)
			;
		finish(c, 0, now_ns);
	} else if (now_ns >= c->deadline_ns) {
		finish(c, -ETIMEDOUT, now_ns);
	} else {
		uint64_t next = now_ns + c->wait_ns;

		c->wait_ns = c->wait_ns * 2 > WAIT_MAX_NS ? WAIT_MAX_NS : c->wait_ns * 2;
		if (c->out_fd >= 0 || next > c->deadline_ns)
			next = c->deadline_ns;
		loop_timer_set(c->loop, &c->timer, next);
	}
}

static void on_out(void *arg, short revents, uint64_t now_ns)
{
	struct child *c = arg;
	ssize_t n;

	(void)revents;
	if (c->cap - c->len < READ_OCTETS) {
		c->cap = c->cap * 2 + READ_OCTETS;
		c->out = xreallocarray(c->out, c->cap, 1);
	}
	n = read(c->out_fd, c->out + c->len, READ_OCTETS);
	if (n > 0) {
		c->len += (size_t)n;
		if (c->len > c->max_octets) {
			c->len = c->max_octets;
			finish(c, -EFBIG, now_ns);
		}
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		end_out(c);
		loop_timer_set(c->loop, &c->timer, now_ns);
	}
}

static void on_err(void *arg, short revents, uint64_t now_ns)
{
	(void)revents;
	(void)now_ns;
	read_complaints(arg);
}

static int make_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return 0;
}

/* The kernel may refuse that, and the pipe is as good then. */
static void widen_pipe(const int fds[2])
{
	fcntl(fds[0], F_SETPIPE_SZ, PIPE_OCTETS);
}

static void close_pipe(const int fds[2])
{
	if (fds[0] >= 0)
		close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
}

/* ---- the child: system calls only, since other threads may have held any lock ---- */

/* What the child runs: a program, or work. */
struct task {
	char *const *argv;
	char *const *env; /* more of the environment; NULL: none */
	child_work_fn *work;
	const void *work_arg;
	int open_max;
};

static void complain(const char *text)
{
	ssize_t n = write(2, text, strlen(text));

	(void)n; /* there is nowhere left to report to */
}

/* The parent turns the number into text (name_no_exec). */
static void complain_exec(int error)
{
	char digits[12], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
		*--at = (char)('0' + error % 10);
	while (error /= 10);
	complain(no_exec);
	complain(at);
}

/* A child may hang for hours. It must not hold the daemon's descriptors: the next daemon needs
 * the control socket's name and the lock of the ledger. */
static void close_others(int open_max)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3u, ~0u, 0u) == 0)
		return;
#endif
	for (int fd = 3; fd < open_max; fd++)
		close(fd);
}

#define ENV_MAX 16

static void exec_program(char *const argv[], char *const more[])
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin";
	static char locale[] = "LC_ALL=C", home[] = "HOME=/";
	char *env[ENV_MAX] = { path, locale, home };

	for (size_t i = 3; more && *more && i < ENV_MAX - 1; i++)
		env[i] = *more++;
	execve(argv[0], argv, env);
	complain_exec(errno);
	_exit(CHILD_NO_EXEC);
}

static void live(const struct task *t, int out_fd, int err_fd, pid_t parent)
{
	/* Signals that the daemon may ignore or block. */
	static const int defaults[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
					SIGPIPE, SIGUSR1, SIGUSR2, SIGCHLD };
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	setpgid(0, 0);
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		signal(defaults[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(out_fd, 1) < 0 || dup2(err_fd, 2) < 0 || dup2(null, 0) < 0)
		_exit(CHILD_NO_EXEC);
	if (null > 2)
		close(null);
	close_others(t->open_max);
	if (t->argv)
		exec_program(t->argv, t->env);
	prctl(PR_SET_NAME, "ctmeter-look");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	_exit(t->work(t->work_arg));
}

/* Returns 0 or -errno. Uses fork(2): vfork(2) and posix_spawn(3) wait until the program is
 * loaded. */
static int spawn(const struct task *t, int out_fd, int err_fd, pid_t *ret_pid)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		live(t, out_fd, err_fd, parent);
	setpgid(pid, pid); /* parent and child both set it, whichever comes first */
	*ret_pid = pid;
	return 0;
}

/* ---- */

static struct child *watch(int out_fd, uint64_t deadline_ns, size_t max_octets, struct loop *loop,
			   child_done_fn *done, void *arg)
{
	struct child *c = xcalloc(1, sizeof(*c));

	*c = (struct child) { .out_fd = out_fd,
			      .err_fd = -1,
			      .helper_fd = -1,
			      .wait_ns = WAIT_NS,
			      .deadline_ns = deadline_ns,
			      .max_octets = max_octets,
			      .loop = loop,
			      .done = done,
			      .arg = arg };
	loop_timer_init(&c->timer, on_timer, c);
	loop_timer_set(loop, &c->timer, deadline_ns);
	loop_watch(loop, c->out_fd, POLLIN, on_out, c);
	return c;
}

static int start(const struct task *t, uint64_t deadline_ns, size_t max_octets, struct loop *loop,
		 child_done_fn *done, void *arg, struct child **ret_child, struct err *e)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, ret;
	struct child *c;
	pid_t pid = 0;

	ret = make_pipe(out);
	if (ret == 0)
		widen_pipe(out);
	if (ret == 0)
		ret = make_pipe(err);
	if (ret == 0)
		ret = spawn(t, out[1], err[1], &pid);
	if (ret < 0) {
		err_set(e, "cannot start a process%s%.200s: %s", t->argv ? " for " : "",
			t->argv ? t->argv[0] : "", strerror(-ret));
		close_pipe(out);
		close_pipe(err);
		return ret;
	}
	close(out[1]);
	close(err[1]);
	c = watch(out[0], deadline_ns, max_octets, loop, done, arg);
	c->pid = pid;
	c->err_fd = err[0];
	c->program = t->argv ? xstrdup(t->argv[0]) : NULL;
	loop_watch(loop, c->err_fd, POLLIN, on_err, c);
	*ret_child = c;
	return 0;
}

int child_new(char *const argv[], uint64_t deadline_ns, size_t max_octets, struct loop *loop,
	      child_done_fn *done, void *arg, struct child **ret_child, struct err *e)
{
	struct task t = { .argv = argv, .open_max = (int)sysconf(_SC_OPEN_MAX) };

	return start(&t, deadline_ns, max_octets, loop, done, arg, ret_child, e);
}

int child_new_env(char *const argv[], char *const env[], uint64_t deadline_ns, size_t max_octets,
		  struct loop *loop, child_done_fn *done, void *arg, struct child **ret_child,
		  struct err *e)
{
	struct task t = { .argv = argv, .env = env, .open_max = (int)sysconf(_SC_OPEN_MAX) };

	return start(&t, deadline_ns, max_octets, loop, done, arg, ret_child, e);
}

int child_new_work(child_work_fn *work, const void *work_arg, uint64_t deadline_ns,
		   size_t max_octets, struct loop *loop, child_done_fn *done, void *arg,
		   struct child **ret_child, struct err *e)
{
	struct task t = { .work = work,
			  .work_arg = work_arg,
			  .open_max = (int)sysconf(_SC_OPEN_MAX) };

	return start(&t, deadline_ns, max_octets, loop, done, arg, ret_child, e);
}

int child_call_helper(const char *path, const char *job)
{
	struct sockaddr_un sun;
	char *line = xasprintf("%s\n", job);
	ssize_t len = (ssize_t)strlen(line);
	int fd = -1, ret = endpoint_unix(path, &sun);

	if (ret < 0)
		goto cleanup;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0)
		ret = -errno;
	else if (send(fd, line, (size_t)len, MSG_NOSIGNAL) != len)
		ret = -EPIPE;
cleanup:
	free(line);
	if (ret < 0 && fd >= 0)
		close(fd);
	return ret < 0 ? ret : fd;
}

int child_new_remote(const char *path, const char *job, uint64_t deadline_ns, size_t max_octets,
		     struct loop *loop, child_done_fn *done, void *arg, struct child **ret_child,
		     struct err *e)
{
	int fd = child_call_helper(path, job);

	if (fd < 0) {
		err_set(e, "the inventory helper at %s does not answer: %s", path, strerror(-fd));
		return fd;
	}
	/* The helper has the same deadline and reports it in more detail, so let it be first. */
	*ret_child =
		watch(fd, deadline_ns + NS_PER_S, max_octets + HELPER_END_OCTETS, loop, done, arg);
	(*ret_child)->remote = true;
	return 0;
}

bool child_gone(struct child *child)
{
	assert(!child->done);
	return reap(child) && (child->helper_fd < 0 || is_closed(child->helper_fd));
}

void child_free(struct child *child)
{
	static const struct timespec ms = { .tv_nsec = 1000000 };

	if (!child)
		return;
	if (!reap(child)) {
		kill(-child->pid, SIGKILL);
		for (int i = 0; i < 20 && !reap(child); i++)
			nanosleep(&ms, NULL);
	}
	close_fd(child, &child->out_fd);
	close_fd(child, &child->err_fd);
	if (child->helper_fd >= 0)
		close(child->helper_fd);
	loop_timer_clear(child->loop, &child->timer);
	free(child->program);
	free(child->out);
	free(child);
}
