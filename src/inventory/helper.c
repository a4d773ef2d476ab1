/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inventory helper: one process accepts connections and forks one for each job. Started by
 * hand, ctmeterd forks it while still root, then drops its own privileges. Under systemd,
 * ctmeter-inventory.socket starts it when the first job comes. */
#include "inventory/helper.h"

#include "base/cfg.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/xalloc.h"
#include "inventory/awake.h"
#include "inventory/child.h"
#include "inventory/hook.h"
#include "inventory/http_unix.h"
#include "inventory/runtime.h"
#include "inventory/source_one.h"
#include "inventory/words.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_MAX 256 /* a line of the configuration is shorter */
#define REQUEST_MS 5000
#define JOB_S 60 /* alarm(2) for the process of a job, whatever its peer does */
#define JOBS_MAX 16 /* some may hang for a long time */
#define LISTEN_FD 3 /* sd_listen_fds(3) */
#define ASKED_HTTP 3 /* the exit status of a job that did */

/* ---- how a job ended ---- */

#define END_FORMAT "ctmeter-helper 1 %d %d %d %d\n"

void helper_end_write(const struct helper_end *end, char ret_octets[HELPER_END_OCTETS])
{
	int n;

	memset(ret_octets, 0, HELPER_END_OCTETS);
	n = snprintf(ret_octets, HELPER_END_OCTETS, END_FORMAT, -end->error, end->status,
		     end->signal, end->left);
	snprintf(ret_octets + n, HELPER_END_OCTETS - (size_t)n, "%s", end->complaint);
}

bool helper_end_read(const char octets[HELPER_END_OCTETS], struct helper_end *ret_end)
{
	char text[HELPER_END_OCTETS + 1];
	struct helper_end end = { .error = 0 };
	int left, n = 0;

	memcpy(text, octets, HELPER_END_OCTETS);
	text[HELPER_END_OCTETS] = '\0';
	if (sscanf(text, END_FORMAT "%n", &end.error, &end.status, &end.signal, &left, &n) != 4 ||
	    !n)
		return false;
	end.error = -end.error;
	end.left = left;
	snprintf(end.complaint, sizeof(end.complaint), "%s", text + n);
	*ret_end = end;
	return true;
}

/* ---- a job ---- */

struct job {
	int fd;
	struct loop *loop;
	struct loop_timer gone; /* asks whether a killed child is gone */
	struct child *child;
	char *(*excerpt)(const char *text, size_t len); /* source_job.excerpt */
};

#define GONE_NS (200 * NS_PER_MS)

static void send_all(int fd, const char *octets, size_t len)
{
	while (len) {
		ssize_t n = send(fd, octets, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		octets += n;
		len -= (size_t)n;
	}
}

static void answer(int fd, const char *out, size_t len, const struct helper_end *end)
{
	static const struct timeval patience = { .tv_sec = 10 };
	char octets[HELPER_END_OCTETS];

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	helper_end_write(end, octets);
	send_all(fd, out, len);
	send_all(fd, octets, sizeof(octets));
}

/* The descriptor comes with the first octet. */
static void hand_over(int fd, int what)
{
	struct helper_end done = { .error = 0 };
	char octets[HELPER_END_OCTETS];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov = { octets, sizeof(octets) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	helper_end_write(&done, octets);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(what));
	memcpy(CMSG_DATA(c), &what, sizeof(what));
	sendmsg(fd, &m, MSG_NOSIGNAL);
}

static void refuse(int fd, const char *why)
{
	struct helper_end end = { .error = -EPIPE };

	snprintf(end.complaint, sizeof(end.complaint), "the inventory helper: %s", why);
	answer(fd, NULL, 0, &end);
}

/* Keep the job, and with it the open connection, until its child is gone. A killed child may
 * hang in the kernel, and the daemon starts no other job for this source until then. */
static void on_gone(void *arg, uint64_t now_ns)
{
	struct job *job = arg;

	if (child_gone(job->child)) {
		loop_stop(job->loop);
		return;
	}
	alarm(0);
	shutdown(job->fd, SHUT_WR);
	loop_timer_set(job->loop, &job->gone, now_ns + GONE_NS);
}

static void on_done(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct job *job = arg;
	struct helper_end end = {
		.error = r->error, .status = r->status, .signal = r->signal, .left = r->left
	};

	snprintf(end.complaint, sizeof(end.complaint), "%s", r->complaint);
	answer(job->fd, r->out, r->len, &end);
	on_gone(job, now_ns);
}

/* The peer no longer waits for the answer. */
static void on_hangup(void *arg, short revents, uint64_t now_ns)
{
	struct job *job = arg;

	(void)revents;
	(void)now_ns;
	loop_stop(job->loop);
}

static int begin(struct job *job, const struct cfg *cfg, const struct source_job *what,
		 char *const env[], struct err *e)
{
	uint64_t until_ns = loop_now_ns() + SOURCE_DEADLINE_NS;
	uint32_t rows = cfg->inventory.max_rows;

	if (what->work)
		return child_new_work(what->work, what->text, until_ns, source_octets_http(rows),
				      job->loop, on_done, job, &job->child, e);
	return child_new_env(what->argv, env, until_ns, source_octets_of(rows), job->loop, on_done,
			     job, &job->child, e);
}

static void run(int fd, const struct cfg *cfg, const struct source_job *what, char *const env[])
{
	struct job job = { .fd = fd, .loop = loop_new() };
	struct err e = { "" };

	loop_timer_init(&job.gone, on_gone, &job);

	if (begin(&job, cfg, what, env, &e) < 0) {
		refuse(fd, e.text);
	} else {
		loop_watch(job.loop, fd, POLLRDHUP, on_hangup, &job);
		loop_run(job.loop);
		loop_unwatch(job.loop, fd);
		loop_timer_clear(job.loop, &job.gone);
		child_free(job.child);
	}
	loop_free(job.loop);
}

/* Send a file that the kernel makes to a daemon that may not read it. */
static void run_file(int fd, const struct cfg *cfg, const char *path)
{
	struct helper_end end = { .error = 0 };
	struct err e = { "" };
	char *text = NULL;
	size_t len = 0;

	if (source_read(path, source_octets_of(cfg->inventory.max_rows), &text, &len, &e) < 0)
		refuse(fd, e.text);
	else
		answer(fd, text, len, &end);
	free(text);
}

/* ---- a job that asks a runtime ---- */

static void on_http_done(void *arg, const struct http_end *end, uint64_t now_ns)
{
	struct job *job = arg;
	struct helper_end how = { .error = *end->text && !end->late ? -EPIPE : 0,
				  .status = end->late ? RUNTIME_LATE : 0 };
	char *excerpt = NULL;

	(void)now_ns;
	snprintf(how.complaint, sizeof(how.complaint), "%s", end->text);
	if (job->excerpt && !*end->text)
		excerpt = job->excerpt(end->out, end->len);
	answer(job->fd, excerpt ? excerpt : end->out,
	       *end->text ? 0
	       : excerpt  ? strlen(excerpt)
			  : end->len,
	       &how);
	free(excerpt);
	loop_stop(job->loop);
}

/* Something happened: say so, and not what. A peer that has not read the last ones yet knows. */
static void on_http_came(void *arg, uint64_t now_ns)
{
	struct job *job = arg;

	(void)now_ns;
	alarm(0); /* the stream has begun: it lasts as long as its peer */
	if (send(job->fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
		loop_stop(job->loop);
}

/* Returns whether it could be asked. */
static bool run_http(int fd, const struct cfg *cfg, const struct source_job *what)
{
	struct job job = { .fd = fd, .loop = loop_new(), .excerpt = what->excerpt };
	struct http_ask ask = { .socket = what->socket,
				.request = what->request,
				.call = what->call,
				.call_len = what->call_len,
				.deadline_ns = loop_now_ns() + SOURCE_DEADLINE_NS,
				.max_octets = source_octets_http(cfg->inventory.max_rows),
				.came = what->follow ? on_http_came : NULL,
				.done = on_http_done,
				.arg = &job };
	struct helper_end idle = { .status = RUNTIME_IDLE };
	struct http_get *get = NULL;
	char why[AWAKE_WHY];
	struct err e = { "" };
	bool asked = false;

	if (!awake_is(what->socket, what->worker, why)) {
		snprintf(idle.complaint, sizeof(idle.complaint), "%s", why);
		answer(fd, NULL, 0, &idle);
	} else if (http_get_new(&ask, job.loop, &get, &e) < 0) {
		refuse(fd, e.text);
	} else {
		loop_watch(job.loop, fd, POLLRDHUP, on_hangup, &job);
		loop_run(job.loop);
		loop_unwatch(job.loop, fd);
		http_get_free(get);
		asked = true;
	}
	loop_free(job.loop);
	return asked;
}

/* ---- what may be run ---- */

/* The file decides what root runs, so only root may be able to write it. */
static bool is_roots_alone(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || (st.st_uid == 0 && !(st.st_mode & (S_IWGRP | S_IWOTH)));
}

/* Nor may another user be able to put another file in its place. */
static int load_trusted(const char *path, struct cfg **ret_cfg, struct err *e)
{
	char *copy = xstrdup(path);
	bool trusted = is_roots_alone(path) && is_roots_alone(dirname(copy));

	free(copy);
	if (!trusted) {
		err_set(e,
			"%s decides what root runs: it and its directory must be owned by root and "
			"writable by root alone: chown root %s && chmod go-w %s",
			path, path, path);
		return -EPERM;
	}
	return cfg_load(path, source_check, ret_cfg, e);
}

static bool is_wanted(const struct cfg *cfg, const struct source_kind *kind, const char *request)
{
	for (size_t i = 0; i < cfg->inventory.n_sources; i++)
		if (source_wants_job(cfg->inventory.sources[i], kind, request))
			return true;
	return false;
}

/* Returns whether something was asked by HTTP. */
static bool do_job(int fd, const struct cfg *cfg, const char *request)
{
	const char *name;
	const struct source_kind *kind = source_kind_of_request(request, &name);
	struct source_job job = { .argv = NULL };
	struct err e = { "" };
	bool asked = false;
	int ret = -EPERM;

	if (!kind)
		err_set(&e, "unknown job: is it of another version than ctmeterd?");
	else if (!is_wanted(cfg, kind, request))
		err_set(&e, "%s is not a source in its configuration file", kind->title);
	else
		ret = kind->helper_job(name, &job, &e);
	if (ret < 0)
		refuse(fd, e.text);
	else if (job.socket)
		asked = run_http(fd, cfg, &job);
	else if (job.file)
		run_file(fd, cfg, job.file);
	else
		run(fd, cfg, &job, NULL);
	source_job_clear(&job);
	return asked;
}

/* The words are the file's, and what the daemon says is in the environment. */
static void do_hook(int fd, const struct cfg *cfg, const char *request)
{
	struct source_job job = { .argv = NULL };
	struct hook_event event;
	char **env;
	struct err e = { "" };

	if (!hook_parse(request, &event)) {
		refuse(fd, "this is no event for the hook: is it of another version than "
			   "ctmeterd?");
	} else if (!cfg->billing.hook) {
		refuse(fd, "there is no [billing] hook in its configuration file");
	} else if (words_split(cfg->billing.hook, &job.text, &job.argv, &e) < 0) {
		refuse(fd, e.text);
	} else {
		env = hook_env(&event);
		run(fd, cfg, &job, env);
		hook_free_env(env);
	}
	source_job_clear(&job);
}

/* Read the line that names the job, without its newline. Returns whether it came in time. */
static bool read_request(int fd, char request[REQUEST_MAX])
{
	uint64_t until_ns = loop_now_ns() + REQUEST_MS * NS_PER_MS, now_ns;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t len = 0;

	while (len < REQUEST_MAX && (now_ns = loop_now_ns()) < until_ns &&
	       poll(&pfd, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) > 0) {
		ssize_t n = recv(fd, request + len, REQUEST_MAX - len, 0);
		char *end;

		if (n <= 0)
			return false;
		end = memchr(request + len, '\n', (size_t)n);
		if (end) {
			*end = '\0';
			return !memchr(request, '\0', (size_t)(end - request));
		}
		len += (size_t)n;
	}
	return false;
}

static void run_ear(int fd, helper_ear_fn *ear)
{
	int heard = ear();

	if (heard < 0) {
		refuse(fd, strerror(-heard));
		return;
	}
	hand_over(fd, heard);
	close(heard);
}

/* What every connection needs. */
struct service {
	const char *config_path;
	helper_ear_fn *ear;
};

/* Returns the exit status for its process. */
static int serve(int fd, const struct service *s)
{
	char request[REQUEST_MAX];
	struct cfg *cfg = NULL;
	struct err e = { "" };
	bool asked = false;

	if (!read_request(fd, request))
		refuse(fd, "no request arrived");
	else if (!strcmp(request, HELPER_EAR))
		run_ear(fd, s->ear);
	else if (load_trusted(s->config_path, &cfg, &e) < 0)
		refuse(fd, e.text);
	else if (!strncmp(request, HOOK_JOB, strlen(HOOK_JOB)))
		do_hook(fd, cfg, request);
	else
		asked = do_job(fd, cfg, request);
	cfg_free(cfg);
	return asked ? ASKED_HTTP : 0;
}

/* ---- its life ---- */

static bool serve_next(int listener, const struct service *s)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	pid_t pid = fd < 0 ? -1 : fork();

	if (pid == 0) {
		alarm(JOB_S);
		signal(SIGTERM, SIG_DFL);
		close(listener);
		_exit(serve(fd, s));
	}
	if (fd >= 0)
		close(fd);
	return pid > 0;
}

/* Reap the jobs that have ended; returns how many. Where one has asked a runtime, others will: they
 * find libcurl loaded, since to load it takes longer than the rest of such a job. */
static unsigned reap(void)
{
	unsigned n = 0;
	int status;

	while (waitpid(-1, &status, WNOHANG) > 0) {
		n++;
		if (WIFEXITED(status) && WEXITSTATUS(status) == ASKED_HTTP)
			http_prepare();
	}
	return n;
}

/* Serve until the daemon is gone, which closes the other end of `life` (-1: until a signal ends
 * it). */
static void serve_until(int listener, int life, const struct service *s)
{
	struct pollfd pfds[] = { { .fd = listener }, { .fd = life, .events = POLLIN } };
	unsigned jobs = 0;

	signal(SIGCHLD, SIG_DFL);
	for (;;) {
		pfds[0].events = jobs < JOBS_MAX ? POLLIN : 0;
		pfds[0].revents = pfds[1].revents = 0;
		poll(pfds, ARRAY_LEN(pfds), jobs ? 100 : -1);
		if (pfds[1].revents)
			return;
		jobs -= reap();
		if (pfds[0].revents & POLLIN)
			jobs += serve_next(listener, s);
	}
}

int helper_main(const char *config_path, helper_ear_fn *ear)
{
	const struct service service = { config_path, ear };
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

	if (!pid || strtol(pid, NULL, 10) != (long)getpid() || !n || strcmp(n, "1") != 0) {
		log_error("helper",
			  "no socket was passed: ctmeter-inventory.socket starts the helper");
		return 1;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC);
	fcntl(LISTEN_FD, F_SETFL, O_NONBLOCK);
	serve_until(LISTEN_FD, -1, &service);
	return 0;
}

/* ---- started by hand ---- */

/* The socket gets its group when bind(2) creates it. A chown(2) of its name afterwards could hit
 * another file, if another user can write the directory. */
static int listen_at(const char *path, gid_t gid, struct err *e)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = endpoint_unix(path, &sun);
	mode_t mask = umask(0117);
	gid_t own = getegid();

	if (!ret && (fd < 0 || setegid(gid) < 0 ||
		     bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(fd, 8) < 0))
		ret = -errno;
	umask(mask);
	if (setegid(own) < 0 && !ret)
		ret = -errno;
	if (!ret)
		return fd;
	err_set(e, "cannot listen at %s for the inventory helper: %s", path, strerror(-ret));
	if (fd >= 0)
		close(fd);
	return ret;
}

static void live(int listener, int life, const char *path, const struct service *s)
{
	prctl(PR_SET_NAME, "ctmeter-helper");
	signal(SIGHUP, SIG_IGN); /* means a reload, to the daemon alone */
	signal(SIGINT, SIG_IGN); /* from the terminal: the helper ends with the daemon */
	signal(SIGTERM, SIG_IGN); /* the daemon may live on; the socket must be unlinked */
	serve_until(listener, life, s);
	unlink(path);
}

int helper_start(const char *path, gid_t gid, const char *config_path, helper_ear_fn *ear,
		 struct err *e)
{
	const struct service service = { config_path, ear };
	int listener = listen_at(path, gid, e), life[2], ret;
	pid_t pid;

	if (listener < 0)
		return listener;
	if (pipe2(life, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		ret = -errno;
		err_set(e, "cannot start the inventory helper: %s", strerror(-ret));
		close(listener);
		return ret;
	}
	if (pid == 0) {
		close(life[1]);
		/* The helper must not be a child of the daemon, whose children are its commits. */
		if (fork() == 0)
			live(listener, life[0], path, &service);
		_exit(0);
	}
	close(listener);
	close(life[0]);
	waitpid(pid, NULL, 0);
	return 0; /* life[1] stays open as long as this process lives */
}
