/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket, client side. The socket is non-blocking and every wait is a poll(2) with the
 * rest of the timeout, since a blocking connect(2) to a full backlog has no limit. */
#include "control/ctl_client.h"

#include "base/endpoint.h"
#include "base/loop.h"
#include "base/xalloc.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX_OCTETS ((size_t)512 * 1024 * 1024)
#define RETRY_MS 50 /* while the daemon's backlog is full */

struct call {
	const struct ctl_client_wait *wait;
	uint64_t start_ns;
	bool noticed;
	int fd;
	char *answer;
	size_t len, cap;
};

static int elapsed_ms(const struct call *c)
{
	return (int)((loop_now_ns() - c->start_ns) / NS_PER_MS);
}

/* Wait for `events` (0: just let max_ms pass). Returns 0, or -ETIMEDOUT. */
static int wait_for(struct call *c, short events, int max_ms)
{
	const struct ctl_client_wait *w = c->wait;
	struct pollfd pfd = { .fd = c->fd, .events = events };
	int now, until, n;

	do {
		now = elapsed_ms(c);
		if (now >= w->timeout_ms)
			return -ETIMEDOUT;
		if (w->notice && !c->noticed && now >= w->notice_ms) {
			c->noticed = true;
			w->notice(w->arg);
		}
		until = w->notice && !c->noticed && w->notice_ms < w->timeout_ms ? w->notice_ms
										 : w->timeout_ms;
		if (max_ms >= 0 && until - now > max_ms)
			until = now + max_ms;
		n = poll(&pfd, events ? 1 : 0, until - now);
		if (n < 0 && errno != EINTR)
			return -errno;
	} while (n <= 0 && max_ms < 0);
	return 0;
}

static int open_connection(struct call *c, const char *path)
{
	struct sockaddr_un sun;
	int rc = endpoint_unix(path, &sun);

	if (rc < 0)
		return rc;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	while (!rc && connect(c->fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0)
		rc = errno == EAGAIN ? wait_for(c, 0, RETRY_MS) : errno == EINTR ? 0 : -errno;
	return rc;
}

/* A daemon with too many requests may close before it has read ours, but it did answer. */
static int send_line(struct call *c, const char *text, size_t len)
{
	size_t done = 0;
	ssize_t n;
	int rc;

	while (done < len) {
		n = send(c->fd, text + done, len - done, MSG_NOSIGNAL);
		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		rc = wait_for(c, POLLOUT, -1);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int read_to_end(struct call *c)
{
	ssize_t n;
	int rc;

	for (;;) {
		if (c->len == ANSWER_MAX_OCTETS)
			return -EFBIG;
		if (c->len == c->cap) {
			c->cap = c->cap ? c->cap * 2 : 4096;
			c->answer = xreallocarray(c->answer, c->cap, 1);
		}
		n = recv(c->fd, c->answer + c->len, c->cap - c->len, 0);
		if (n > 0) {
			c->len += (size_t)n;
			continue;
		}
		/* A reset: the daemon answered without having read all of the request. */
		if (n == 0 || (errno == ECONNRESET && c->len))
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		rc = wait_for(c, POLLIN, -1);
		if (rc < 0)
			return rc;
	}
}

static int exchange(struct call *c, const char *path, const json_t *request, struct err *e)
{
	char *line = json_dumps(request, JSON_COMPACT);
	size_t len = line ? strlen(line) : 0;
	int rc = open_connection(c, path);

	if (rc < 0 && rc != -ETIMEDOUT) {
		err_set(e, "cannot reach ctmeterd at %s: %s", path, strerror(-rc));
		goto cleanup;
	}
	if (line)
		line[len++] = '\n';
	rc = rc ? rc : send_line(c, line, len);
	rc = rc ? rc : read_to_end(c);
	if (rc == -ETIMEDOUT)
		err_set(e, "no answer from ctmeterd at %s within %d s", path,
			c->wait->timeout_ms / 1000);
	else if (rc < 0)
		err_set(e, "the connection to ctmeterd at %s broke: %s", path, strerror(-rc));
cleanup:
	free(line);
	return rc;
}

static int understand(const struct call *c, const char *path, json_t **ret_answer, struct err *e)
{
	json_error_t error;
	json_t *answer = c->len ? json_loadb(c->answer, c->len, 0, &error) : NULL;
	const char *refusal = json_string_value(json_object_get(answer, "error"));
	int rc = 0;

	if (!c->len) {
		err_set(e, "ctmeterd at %s closed the connection without an answer", path);
		rc = -EPROTO;
	} else if (!json_is_object(answer)) {
		err_set(e, "the answer at %s is not ctmeterd's: %s", path,
			answer ? "not a JSON object" : error.text);
		rc = -EPROTO;
	} else if (refusal) {
		err_set(e, "%s", refusal);
		rc = -EREMOTEIO;
	}
	if (rc < 0)
		json_decref(answer);
	else
		*ret_answer = answer;
	return rc;
}

int ctl_client_call(const char *path, const json_t *request, const struct ctl_client_wait *wait,
		    json_t **ret_answer, struct err *e)
{
	struct call c = { .wait = wait, .start_ns = loop_now_ns(), .fd = -1 };
	int rc = exchange(&c, path, request, e);

	if (!rc)
		rc = understand(&c, path, ret_answer, e);
	if (c.fd >= 0)
		close(c.fd);
	free(c.answer);
	return rc;
}

int ctl_client_wait_end(const char *path, int timeout_ms)
{
	const struct ctl_client_wait wait = { .timeout_ms = timeout_ms };
	struct call c = { .wait = &wait, .start_ns = loop_now_ns(), .fd = -1 };
	int rc = 0;

	while (!rc && access(path, F_OK) == 0)
		rc = wait_for(&c, 0, RETRY_MS);
	return rc;
}
