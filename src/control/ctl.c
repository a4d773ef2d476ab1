/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket, server side: see ctl.h for the protocol and its limits.
 *
 * A connection carries one request, which passes three states:
 *   READING   its line arrives; a timer gives it 5 s
 *   HANDLED   the handler owes an answer; no timer. If the client closes the connection now, only
 *             the descriptor is closed: the request stays until the answer releases it.
 *   WRITING   the answer is sent; a timer, restarted at each progress, gives it 5 s. A streamed
 *             answer is built as it is sent: at most BATCH_OCTETS and one piece of it are in
 *             memory.
 * 1. The loop owns the request in READING and WRITING, the handler in HANDLED.
 * 2. A request without ctl (after ctl_free) has no descriptor either. */
#include "control/ctl.h"

#include "base/endpoint.h"
#include "base/log_state.h"
#include "base/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUESTS_MAX 16
#define REQUEST_MAX_OCTETS (64 * 1024)
#define DEADLINE_NS (5 * NS_PER_S)
#define BATCH_OCTETS (16 * 1024) /* of a stream, for one send(2) */
#define TURN_NS (2 * NS_PER_MS) /* of the loop's time at once for a stream */

enum state { READING, HANDLED, WRITING };

struct ctl_request {
	struct ctl *ctl; /* NULL after ctl_free */
	int fd; /* -1: the client is gone */
	enum state state;
	struct loop_timer deadline;
	char *buf; /* what was received, or what is to be sent */
	size_t len, cap, done;
	json_t *json;
	ctl_next_fn *next; /* gives what follows buf; NULL: nothing */
	ctl_done_fn *stream_done;
	void *stream;
};

struct ctl {
	char *path;
	int fd;
	dev_t dev; /* of our socket; a successor's must not be removed */
	ino_t ino;
	struct loop *loop;
	ctl_handler_fn *handler;
	void *arg;
	struct ctl_request *requests[REQUESTS_MAX];
	size_t n_requests;
	struct loop_timer pause; /* after accept failed for lack of descriptors or memory */
	struct log_state trouble;
};

/* ---- the end of a request ---- */

static void request_hang_up(struct ctl_request *req)
{
	if (req->fd < 0)
		return;
	loop_timer_clear(req->ctl->loop, &req->deadline);
	loop_unwatch(req->ctl->loop, req->fd);
	close(req->fd);
	req->fd = -1;
}

static void stream_end(struct ctl_request *req)
{
	if (req->next)
		req->stream_done(req->stream);
	req->next = NULL;
}

static void request_free(struct ctl_request *req)
{
	struct ctl *ctl = req->ctl;
	size_t i = 0;

	request_hang_up(req);
	stream_end(req);
	if (ctl) {
		while (ctl->requests[i] != req)
			i++;
		ctl->requests[i] = ctl->requests[--ctl->n_requests];
	}
	json_decref(req->json);
	free(req->buf);
	free(req);
}

static void on_deadline(void *arg, uint64_t now_ns)
{
	struct ctl_request *req = arg;

	(void)now_ns;
	log_debug("ctl", "dropped the request of a client that made no progress for 5 s");
	request_free(req);
}

static void set_deadline(struct ctl_request *req, uint64_t now_ns)
{
	loop_timer_set(req->ctl->loop, &req->deadline, now_ns + DEADLINE_NS);
}

/* ---- the answer ---- */

static void append(struct ctl_request *req, const char *text, size_t len)
{
	if (req->cap - req->len < len) {
		req->cap = (req->len + len) * 2;
		req->buf = xreallocarray(req->buf, req->cap, 1);
	}
	memcpy(req->buf + req->len, text, len);
	req->len += len;
}

/* All of buf is sent: refill it from the stream. False: there is no more. */
static bool refill(struct ctl_request *req)
{
	char *piece;

	if (!req->next)
		return false;
	req->len = req->done = 0;
	while (req->len < BATCH_OCTETS && (piece = req->next(req->stream))) {
		append(req, piece, strlen(piece));
		free(piece);
	}
	if (req->len < BATCH_OCTETS) {
		append(req, "\n", 1);
		stream_end(req);
	}
	return true;
}

static void on_writable(void *arg, short revents, uint64_t now_ns)
{
	struct ctl_request *req = arg;
	uint64_t until_ns = loop_now_ns() + TURN_NS;
	ssize_t n;

	(void)revents;
	while (req->done < req->len || refill(req)) {
		n = send(req->fd, req->buf + req->done, req->len - req->done, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			goto later;
		if (n < 0)
			break;
		req->done += (size_t)n;
		set_deadline(req, now_ns);
		if (req->next && loop_now_ns() >= until_ns)
			goto later;
	}
	request_free(req);
	return;
later:
	loop_watch(req->ctl->loop, req->fd, POLLOUT, on_writable, req);
}

static void start_writing(struct ctl_request *req)
{
	req->done = 0;
	req->state = WRITING;
	set_deadline(req, loop_now_ns());
	on_writable(req, POLLOUT, loop_now_ns());
}

void ctl_reply(struct ctl_request *req, json_t *take)
{
	char *text = req->fd < 0 ? NULL : json_dumps(take, JSON_COMPACT);

	assert(req->state != WRITING);
	json_decref(take);
	if (req->fd < 0) {
		request_free(req);
		return;
	}
	if (!text)
		text = xstrdup(
			"{\"error\":\"the answer is not valid UTF-8: see the log of ctmeterd\"}");
	free(req->buf);
	req->buf = text;
	req->len = strlen(text);
	req->buf[req->len++] = '\n'; /* instead of the NUL: buf is no longer a string */
	start_writing(req);
}

void ctl_reply_stream(struct ctl_request *req, ctl_next_fn *next, ctl_done_fn *done, void *take_arg)
{
	assert(req->state != WRITING);
	req->next = next;
	req->stream_done = done;
	req->stream = take_arg;
	if (req->fd < 0) {
		request_free(req);
		return;
	}
	req->len = 0;
	start_writing(req);
}

void ctl_reply_error(struct ctl_request *req, const char *fmt, ...)
{
	json_t *answer = json_object(), *sentence;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sentence = json_string(text);
	if (!sentence)
		sentence = json_string(
			"failed; the reason is not valid UTF-8: see the log of ctmeterd");
	json_object_set_new(answer, "error", sentence);
	ctl_reply(req, answer);
}

/* ---- the request ---- */

const char *ctl_request_command(const struct ctl_request *req)
{
	return json_string_value(json_object_get(req->json, "command"));
}

const json_t *ctl_request_json(const struct ctl_request *req)
{
	return req->json;
}

/* The client sends nothing while the handler works, so an event means that it has gone. */
static void on_hangup(void *arg, short revents, uint64_t now_ns)
{
	(void)revents;
	(void)now_ns;
	request_hang_up(arg);
}

/* The line of `len` octets is complete: call the handler. req may be freed on return. */
static void request_handle(struct ctl_request *req, size_t len)
{
	struct ctl *ctl = req->ctl;
	json_error_t error;

	loop_timer_clear(ctl->loop, &req->deadline);
	loop_watch(ctl->loop, req->fd, 0, on_hangup, req);
	req->state = HANDLED;
	req->json = json_loadb(req->buf, len, JSON_REJECT_DUPLICATES, &error);
	if (!req->json)
		ctl_reply_error(req, "the request is not valid JSON: %s", error.text);
	else if (!ctl_request_command(req))
		ctl_reply_error(req, "the request has no \"command\"");
	else
		ctl->handler(ctl->arg, req);
}

static void on_readable(void *arg, short revents, uint64_t now_ns)
{
	struct ctl_request *req = arg;
	char *newline;
	ssize_t n;

	(void)revents;
	(void)now_ns;
	if (req->len == req->cap) {
		req->cap = req->cap ? req->cap * 2 : 1024;
		req->buf = xreallocarray(req->buf, req->cap, 1);
	}
	n = recv(req->fd, req->buf + req->len, req->cap - req->len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (n == 0 && req->len == 0)) {
		request_free(req);
		return;
	}
	newline = memchr(req->buf + req->len, '\n', (size_t)n);
	req->len += (size_t)n;
	if (newline || n == 0)
		request_handle(req, newline ? (size_t)(newline - req->buf) : req->len);
	else if (req->len >= REQUEST_MAX_OCTETS)
		ctl_reply_error(req, "the request is longer than %d octets", REQUEST_MAX_OCTETS);
}

static void request_new(struct ctl *ctl, int fd, uint64_t now_ns)
{
	static const char busy[] = "{\"error\":\"too many requests at once: try again\"}\n";
	struct ctl_request *req;

	if (ctl->n_requests == REQUESTS_MAX) {
		/* The text fits an empty socket buffer. A client that has gone needs no answer. */
		if (send(fd, busy, strlen(busy), MSG_NOSIGNAL) < 0)
			log_debug("ctl",
				  "cannot tell a client that there are too many requests: %s",
				  strerror(errno));
		close(fd);
		return;
	}
	req = xcalloc(1, sizeof(*req));
	req->ctl = ctl;
	req->fd = fd;
	loop_timer_init(&req->deadline, on_deadline, req);
	ctl->requests[ctl->n_requests++] = req;
	set_deadline(req, now_ns);
	loop_watch(ctl->loop, fd, POLLIN, on_readable, req);
}

/* ---- the listening socket ---- */

static void on_connection(void *arg, short revents, uint64_t now_ns)
{
	struct ctl *ctl = arg;
	int fd = accept4(ctl->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (fd >= 0) {
		log_good(&ctl->trouble, now_ns, "ctl", "accepting connections again");
		request_new(ctl, fd, now_ns);
		return;
	}
	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
		return;
	/* The connection stays in the backlog, so the listening socket would stay ready: pause. */
	log_bad(&ctl->trouble, now_ns, LOG_LEVEL_WARNING, "ctl",
		"cannot accept a connection: %s: retrying every second", strerror(errno));
	loop_unwatch(ctl->loop, ctl->fd);
	loop_timer_set(ctl->loop, &ctl->pause, now_ns + NS_PER_S);
}

static void on_pause_end(void *arg, uint64_t now_ns)
{
	struct ctl *ctl = arg;

	(void)now_ns;
	loop_watch(ctl->loop, ctl->fd, POLLIN, on_connection, ctl);
}

/* Only the last directory is created: a missing /run is a fault elsewhere. */
static int make_directory(const char *path, struct err *e)
{
	char *dir = xstrdup(path), *slash = strrchr(dir, '/');
	int rc = 0;

	if (slash && slash > dir) {
		mode_t old = umask(0022); /* exactly 0755 */

		*slash = '\0';
		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			rc = -errno;
		umask(old);
		if (rc < 0)
			err_set(e, "cannot create the directory %s: %s", dir, strerror(-rc));
	}
	free(dir);
	return rc;
}

static int stale_failed(const char *path, struct err *e)
{
	int rc = -errno;

	err_set(e, "cannot replace the control socket %s: %s", path, strerror(-rc));
	return rc;
}

/* Remove a stale socket: one that refuses connections belonged to a daemon that has ended. */
static int remove_stale(int fd, const struct sockaddr_un *sun, struct err *e)
{
	const char *path = sun->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return stale_failed(path, e);
	}
	if (!S_ISSOCK(st.st_mode)) {
		err_set(e,
			"%s exists and is not a socket: remove it, or set another [control] socket",
			path);
		return -EEXIST;
	}
	if (!connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) || errno == EAGAIN) {
		err_set(e, "another ctmeterd answers at %s: stop it first", path);
		return -EADDRINUSE;
	}
	if (errno != ECONNREFUSED || unlink(path) < 0)
		return stale_failed(path, e);
	return 0;
}

/* Other users must never be able to connect, so the umask gives the socket its mode in bind(2). */
static int bind_and_listen(int fd, const struct sockaddr_un *sun, struct stat *ret_st,
			   struct err *e)
{
	mode_t old = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? -errno : 0;

	umask(old);
	if (!rc && (listen(fd, REQUESTS_MAX) < 0 || lstat(sun->sun_path, ret_st) < 0))
		rc = -errno;
	if (rc < 0)
		err_set(e, "cannot listen at %s: %s", sun->sun_path, strerror(-rc));
	return rc;
}

static int open_socket(const char *path, int *ret_fd, struct stat *ret_st, struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = 0;

	if (fd < 0 || probe < 0) {
		rc = -errno;
		err_set(e, "cannot open the control socket: %s", strerror(-rc));
	} else if ((rc = endpoint_unix(path, &sun)) < 0) {
		err_set(e, "the control socket's path %s is longer than %zu octets", path,
			sizeof(sun.sun_path) - 1);
	}
	rc = rc ? rc : make_directory(path, e);
	rc = rc ? rc : remove_stale(probe, &sun, e);
	rc = rc ? rc : bind_and_listen(fd, &sun, ret_st, e);
	if (probe >= 0)
		close(probe);
	if (rc < 0 && fd >= 0)
		close(fd);
	if (!rc)
		*ret_fd = fd;
	return rc;
}

int ctl_new(const char *path, struct loop *loop, ctl_handler_fn *handler, void *arg,
	    struct ctl **ret_ctl, struct err *e)
{
	struct stat st = { .st_dev = 0 };
	struct ctl *ctl;
	int fd = -1, rc = open_socket(path, &fd, &st, e);

	if (rc)
		return rc;
	ctl = xcalloc(1, sizeof(*ctl));
	ctl->path = xstrdup(path);
	ctl->fd = fd;
	ctl->dev = st.st_dev;
	ctl->ino = st.st_ino;
	ctl->loop = loop;
	ctl->handler = handler;
	ctl->arg = arg;
	loop_timer_init(&ctl->pause, on_pause_end, ctl);
	loop_watch(loop, fd, POLLIN, on_connection, ctl);
	*ret_ctl = ctl;
	return 0;
}

void ctl_free(struct ctl *ctl)
{
	struct stat st;

	if (!ctl)
		return;
	for (size_t i = ctl->n_requests; i-- > 0;) {
		struct ctl_request *req = ctl->requests[i];

		if (req->state != HANDLED) {
			request_free(req);
			continue;
		}
		request_hang_up(req);
		req->ctl = NULL;
	}
	loop_timer_clear(ctl->loop, &ctl->pause);
	loop_unwatch(ctl->loop, ctl->fd);
	if (!lstat(ctl->path, &st) && st.st_dev == ctl->dev && st.st_ino == ctl->ino)
		unlink(ctl->path);
	close(ctl->fd);
	free(ctl->path);
	free(ctl);
}
