/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TEST_CTL_SERVER_H
#define CTM_TEST_CTL_SERVER_H

/* A control socket with a handler that echoes, delays, refuses or streams, and raw clients of it,
 * all in one thread. */

#include "base/xalloc.h"
#include "control/ctl.h"

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct server {
	char dir[32];
	char *path;
	struct loop *loop;
	struct ctl *ctl;
	struct ctl_request *late[20]; /* requests "late" that wait for their answer */
	size_t n_late;
	unsigned handled;
	struct stream {
		unsigned made, total, ended;
		bool slow; /* a piece takes a millisecond */
	} stream;
};

#define PIECE_OCTETS (16 * 1024)

/* Piece number n: its digits, then dots. */
static inline void write_piece(unsigned n, char text[PIECE_OCTETS + 1])
{
	memset(text, '.', PIECE_OCTETS);
	text[PIECE_OCTETS] = '\0';
	text[snprintf(text, 16, "%u", n)] = '.';
}

static inline char *next_piece(void *arg)
{
	struct stream *stream = arg;
	uint64_t until_ns = loop_now_ns() + NS_PER_MS;
	char *text;

	ck_assert_uint_eq(stream->ended, 0);
	if (stream->made == stream->total)
		return NULL;
	while (stream->slow && loop_now_ns() < until_ns)
		;
	text = xmalloc(PIECE_OCTETS + 1);
	write_piece(stream->made++, text);
	return text;
}

static inline void stream_ended(void *arg)
{
	((struct stream *)arg)->ended++;
}

static inline void handle(void *arg, struct ctl_request *req)
{
	struct server *s = arg;
	const char *command = ctl_request_command(req);
	json_t *answer;

	s->handled++;
	if (!strcmp(command, "late")) {
		s->late[s->n_late++] = req;
		return;
	}
	if (!strcmp(command, "stream")) {
		ctl_reply_stream(req, next_piece, stream_ended, &s->stream);
		return;
	}
	if (!strcmp(command, "refuse")) {
		ctl_reply_error(req, "no %s today",
				json_string_value(json_object_get(ctl_request_json(req), "what")));
		return;
	}
	answer = json_object();
	json_object_set_new(answer, "echo", json_string(command));
	if (!strcmp(command, "big")) {
		char *big = xmalloc(8 * 1024 * 1024);

		memset(big, 'x', 8 * 1024 * 1024 - 1);
		big[8 * 1024 * 1024 - 1] = '\0';
		json_object_set_new(answer, "big", json_string(big));
		free(big);
	}
	ctl_reply(req, answer);
}

static inline struct server *server_new(void)
{
	struct server *s = xcalloc(1, sizeof(*s));
	struct err e = { "" };

	snprintf(s->dir, sizeof(s->dir), "/tmp/check_ctl.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->dir));
	s->path = xasprintf("%s/sub/control.sock", s->dir);
	s->loop = loop_new();
	ck_assert_msg(ctl_new(s->path, s->loop, handle, s, &s->ctl, &e) == 0, "%s", e.text);
	return s;
}

static inline void server_free(struct server *s)
{
	char *sub = xasprintf("%s/sub", s->dir);

	ctl_free(s->ctl);
	ck_assert_int_eq(access(s->path, F_OK), -1);
	loop_free(s->loop);
	ck_assert_int_eq(rmdir(sub), 0);
	ck_assert_int_eq(rmdir(s->dir), 0);
	free(sub);
	free(s->path);
	free(s);
}

static inline struct sockaddr_un sun_of(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	return sun;
}

/* A raw client of the server: connected, non-blocking. */
static inline int raw_connect(const struct server *s)
{
	struct sockaddr_un sun = sun_of(s->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static inline void raw_send(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Run the server until the client's stream ends; the text that came, for free(). */
static inline char *raw_read_all(struct server *s, int fd)
{
	size_t len = 0, size = 16 * 1024 * 1024;
	char *text = xmalloc(size);
	ssize_t n;

	for (;;) {
		n = recv(fd, text + len, size - len - 1, 0);
		if (n > 0)
			len += (size_t)n;
		else if (n == 0 || errno == ECONNRESET)
			break;
		else
			loop_run_once(s->loop, 10);
	}
	text[len] = '\0';
	close(fd);
	return text;
}

static inline void assert_answer(struct server *s, int fd, const char *expected)
{
	char *text = raw_read_all(s, fd);

	ck_assert_str_eq(text, expected);
	free(text);
}

#endif
