/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl_server.h"

#include "control/ctl_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Call in a child while the server runs here. Returns the child's verdict. */
static int verdict_of(struct server *s, int (*client)(const struct server *s))
{
	pid_t pid = fork(), done;
	int status = 0;

	ck_assert_int_ge(pid, 0);
	if (!pid)
		_exit(client(s));
	while ((done = waitpid(pid, &status, WNOHANG)) == 0)
		loop_run_once(s->loop, 10);
	ck_assert_int_eq(done, pid);
	ck_assert_msg(WIFEXITED(status), "client: status %d", status);
	return WEXITSTATUS(status);
}

static void in_child(struct server *s, int (*client)(const struct server *s))
{
	ck_assert_int_eq(verdict_of(s, client), 0);
}

static int call(const char *path, const char *request, int timeout_ms, json_t **ret, struct err *e)
{
	struct ctl_client_wait wait = { .timeout_ms = timeout_ms };
	json_t *json = json_loads(request, 0, NULL);
	int rc = ctl_client_call(path, json, &wait, ret, e);

	json_decref(json);
	return rc;
}

/* ---- listening ---- */

START_TEST(ctl_new_socket_is_roots_alone)
{
	struct server *s = server_new();
	struct stat st;

	ck_assert_int_eq(stat(s->path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	server_free(s);
}
END_TEST

START_TEST(ctl_new_makes_its_directory_for_all_whatever_the_umask)
{
	mode_t old = umask(0077);
	struct server *s = server_new();
	char *sub = xasprintf("%s/sub", s->dir);
	struct stat st;

	ck_assert_int_eq(umask(old), 0077);
	ck_assert_int_eq(stat(sub, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0755);
	free(sub);
	server_free(s);
}
END_TEST

START_TEST(ctl_new_living_daemon_is_refused)
{
	struct server *s = server_new();
	struct ctl *second = NULL;
	struct err e = { "" };
	int fd = raw_connect(s);

	ck_assert_int_eq(ctl_new(s->path, s->loop, handle, s, &second, &e), -EADDRINUSE);
	ck_assert_ptr_null(second);
	ck_assert_msg(strstr(e.text, "another ctmeterd") && strstr(e.text, s->path), "%s", e.text);
	raw_send(fd, "{\"command\":\"hello\"}\n");
	assert_answer(s, fd, "{\"echo\":\"hello\"}\n");
	server_free(s);
}
END_TEST

START_TEST(ctl_new_stale_socket_is_replaced)
{
	struct server *s = server_new();
	char *stale = xasprintf("%s.stale", s->path);
	struct sockaddr_un sun = sun_of(stale);
	struct ctl *second = NULL;
	struct err e = { "" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	ck_assert_int_eq(access(stale, F_OK), 0);
	ck_assert_msg(ctl_new(stale, s->loop, handle, s, &second, &e) == 0, "%s", e.text);
	ctl_free(second);
	ck_assert_int_eq(access(stale, F_OK), -1);
	free(stale);
	server_free(s);
}
END_TEST

START_TEST(ctl_new_other_file_is_left_alone)
{
	struct server *s = server_new();
	char *file = xasprintf("%s.file", s->path);
	struct ctl *second = NULL;
	struct err e = { "" };

	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(ctl_new(file, s->loop, handle, s, &second, &e), -EEXIST);
	ck_assert_msg(strstr(e.text, file), "%s", e.text);
	ck_assert_int_eq(unlink(file), 0);
	free(file);
	server_free(s);
}
END_TEST

START_TEST(ctl_new_missing_parents_is_an_error)
{
	struct loop *loop = loop_new();
	struct ctl *ctl = NULL;
	struct err e = { "" };

	ck_assert_int_eq(ctl_new("/nonexistent/a/b.sock", loop, handle, NULL, &ctl, &e), -ENOENT);
	ck_assert_msg(strstr(e.text, "/nonexistent/a"), "%s", e.text);
	loop_free(loop);
}
END_TEST

/* A successor may have taken the path before the old daemon's end. */
START_TEST(ctl_free_foreign_socket_is_kept)
{
	struct server *s = server_new();
	struct ctl *successor = NULL;
	struct err e = { "" };

	ck_assert_int_eq(unlink(s->path), 0);
	ck_assert_msg(ctl_new(s->path, s->loop, handle, s, &successor, &e) == 0, "%s", e.text);
	ctl_free(s->ctl);
	ck_assert_int_eq(access(s->path, F_OK), 0);
	s->ctl = successor;
	server_free(s);
}
END_TEST

/* ---- requests ---- */

START_TEST(ctl_request_in_pieces_is_answered)
{
	struct server *s = server_new();
	int fd = raw_connect(s);

	for (const char *c = "{\"command\":\"abc\"}\n"; *c; c++) {
		char piece[2] = { *c, '\0' };

		ck_assert_uint_eq(s->handled, 0);
		raw_send(fd, piece);
		loop_run_once(s->loop, 10);
		loop_run_once(s->loop, 0);
	}
	assert_answer(s, fd, "{\"echo\":\"abc\"}\n");
	ck_assert_uint_eq(s->handled, 1);
	server_free(s);
}
END_TEST

START_TEST(ctl_request_without_newline_then_end_is_answered)
{
	struct server *s = server_new();
	int fd = raw_connect(s);

	raw_send(fd, "{\"command\":\"abc\"}");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	assert_answer(s, fd, "{\"echo\":\"abc\"}\n");
	server_free(s);
}
END_TEST

START_TEST(ctl_request_bad_ones_are_refused)
{
	static const char *const bad[] = { "hello\n", "[]\n",
					   "{}\n",    "{\"command\":7}\n",
					   "\n",      "{\"command\":\"a\",\"command\":\"b\"}\n" };
	struct server *s = server_new();

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int fd = raw_connect(s);
		char *text;

		raw_send(fd, bad[i]);
		text = raw_read_all(s, fd);
		ck_assert_msg(!strncmp(text, "{\"error\":\"", 10), "%s -> %s", bad[i], text);
		free(text);
	}
	ck_assert_uint_eq(s->handled, 0);
	server_free(s);
}
END_TEST

START_TEST(ctl_request_too_long_is_refused)
{
	struct server *s = server_new();
	int fd = raw_connect(s);
	char *text, *huge = xmalloc(70000);

	memset(huge, ' ', 70000);
	ck_assert_int_eq(send(fd, huge, 70000, MSG_NOSIGNAL), 70000);
	text = raw_read_all(s, fd);
	ck_assert_msg(strstr(text, "65536"), "%s", text);
	ck_assert_uint_eq(s->handled, 0);
	free(text);
	free(huge);
	server_free(s);
}
END_TEST

START_TEST(ctl_request_seventeenth_is_turned_away)
{
	struct server *s = server_new();
	int fds[16];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = raw_connect(s);
		raw_send(fds[i], "{\"command\":\"late\"}\n");
		while (s->n_late == i)
			loop_run_once(s->loop, 10);
	}
	assert_answer(s, raw_connect(s), "{\"error\":\"too many requests at once: try again\"}\n");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		ctl_reply(s->late[i], json_pack("{s:i}", "n", (int)i));
		close(fds[i]);
	}
	server_free(s);
}
END_TEST

START_TEST(ctl_reply_big_answer_arrives_whole)
{
	struct server *s = server_new();
	int fd = raw_connect(s);
	char *text;

	raw_send(fd, "{\"command\":\"big\"}\n");
	text = raw_read_all(s, fd);
	ck_assert_uint_eq(strlen(text),
			  strlen("{\"echo\":\"big\",\"big\":\"\"}\n") + 8 * 1024 * 1024 - 1);
	ck_assert_str_eq(text + strlen(text) - 4, "x\"}\n");
	free(text);
	server_free(s);
}
END_TEST

START_TEST(ctl_reply_late_is_delivered)
{
	struct server *s = server_new();
	int fd = raw_connect(s), other = raw_connect(s);

	raw_send(fd, "{\"command\":\"late\"}\n");
	while (!s->n_late)
		loop_run_once(s->loop, 10);
	raw_send(other, "{\"command\":\"meanwhile\"}\n");
	assert_answer(s, other, "{\"echo\":\"meanwhile\"}\n");
	ctl_reply(s->late[0], json_pack("{s:b}", "done", 1));
	assert_answer(s, fd, "{\"done\":true}\n");
	server_free(s);
}
END_TEST

START_TEST(ctl_reply_client_gone_is_harmless)
{
	struct server *s = server_new();
	int fd = raw_connect(s);

	raw_send(fd, "{\"command\":\"late\"}\n");
	while (!s->n_late)
		loop_run_once(s->loop, 10);
	close(fd);
	loop_run_once(s->loop, 10);
	ck_assert_str_eq(ctl_request_command(s->late[0]), "late");
	ctl_reply(s->late[0], json_object());
	/* The same when the server has not noticed yet. */
	fd = raw_connect(s);
	raw_send(fd, "{\"command\":\"late\"}\n");
	while (s->n_late < 2)
		loop_run_once(s->loop, 10);
	close(fd);
	ctl_reply_error(s->late[1], "too late");
	server_free(s);
}
END_TEST

START_TEST(ctl_free_late_reply_is_harmless)
{
	struct server *s = server_new();
	struct ctl_request *late;
	int fd = raw_connect(s), idle = raw_connect(s);

	raw_send(fd, "{\"command\":\"late\"}\n");
	while (!s->n_late)
		loop_run_once(s->loop, 10);
	late = s->late[0];
	server_free(s);
	ctl_reply(late, json_object());
	close(fd);
	close(idle);
}
END_TEST

/* ---- the client ---- */

static int client_asks(const struct server *s)
{
	struct err e = { "" };
	json_t *answer = NULL;
	int rc = call(s->path, "{\"command\":\"hello\"}", 20000, &answer, &e);
	bool good = rc == 0 && !strcmp(json_string_value(json_object_get(answer, "echo")), "hello");

	json_decref(answer);
	return good ? 0 : 1;
}

static int client_asks_big(const struct server *s)
{
	struct err e = { "" };
	json_t *answer = NULL;
	int rc = call(s->path, "{\"command\":\"big\"}", 20000, &answer, &e);
	bool good = rc == 0 && strlen(json_string_value(json_object_get(answer, "big"))) ==
				       8 * 1024 * 1024 - 1;

	json_decref(answer);
	return good ? 0 : 1;
}

static int client_is_refused(const struct server *s)
{
	struct err e = { "" };
	json_t *answer = NULL;
	int rc = call(s->path, "{\"command\":\"refuse\",\"what\":\"milk\"}", 20000, &answer, &e);

	return rc == -EREMOTEIO && !answer && !strcmp(e.text, "no milk today") ? 0 : 1;
}

static void count_notice(void *arg)
{
	++*(int *)arg;
}

static int silence_ms; /* what client_times_out waits for */

/* 2: it ran out of time before it could look at the clock on the way. */
static int client_times_out(const struct server *s)
{
	int notices = 0;
	struct ctl_client_wait wait = {
		.timeout_ms = silence_ms, .notice_ms = 20, .notice = count_notice, .arg = &notices
	};
	json_t *request = json_pack("{s:s}", "command", "late"), *answer = NULL;
	struct err e = { "" };
	int rc = ctl_client_call(s->path, request, &wait, &answer, &e);

	json_decref(request);
	if (rc != -ETIMEDOUT || notices > 1 || !strstr(e.text, s->path))
		return 1;
	return notices ? 0 : 2;
}

/* More than the server takes: it answers and closes before all of it is sent. */
static int client_asks_too_much(const struct server *s)
{
	char *huge = xmalloc(3000000);
	struct ctl_client_wait wait = { .timeout_ms = 20000 };
	struct err e = { "" };
	json_t *request, *answer = NULL;
	int rc;

	memset(huge, 'x', 2999999);
	huge[2999999] = '\0';
	request = json_pack("{s:s,s:s}", "pad", huge, "command", "x");
	rc = ctl_client_call(s->path, request, &wait, &answer, &e);
	json_decref(request);
	free(huge);
	return rc == -EREMOTEIO && strstr(e.text, "65536") ? 0 : 1;
}

START_TEST(ctl_client_call_is_answered)
{
	struct server *s = server_new();

	in_child(s, client_asks);
	in_child(s, client_asks_big);
	server_free(s);
}
END_TEST

START_TEST(ctl_client_call_error_is_told)
{
	struct server *s = server_new();

	in_child(s, client_is_refused);
	in_child(s, client_asks_too_much);
	server_free(s);
}
END_TEST

START_TEST(ctl_client_call_silence_times_out)
{
	struct server *s = server_new();

	int verdict = 2;

	/* On a busy machine the server may not have read the request in that time: then longer. */
	for (silence_ms = 120; silence_ms < 60000 && (verdict || !s->n_late); silence_ms *= 2) {
		verdict = verdict_of(s, client_times_out);
		ck_assert_int_ne(verdict, 1);
	}
	ck_assert_int_eq(verdict, 0);
	ck_assert_uint_ge(s->n_late, 1);
	for (size_t i = 0; i < s->n_late; i++)
		ctl_reply(s->late[i], json_object());
	server_free(s);
}
END_TEST

START_TEST(ctl_client_call_nobody_there_is_told)
{
	struct server *s = server_new();
	char *stale = xasprintf("%s.stale", s->path);
	struct sockaddr_un sun = sun_of(stale);
	struct err e = { "" };
	json_t *answer = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(call(stale, "{}", 1000, &answer, &e), -ENOENT);
	ck_assert_msg(strstr(e.text, stale) && strstr(e.text, "No such file"), "%s", e.text);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(call(stale, "{}", 1000, &answer, &e), -ECONNREFUSED);
	/* A backlog that is full: connect(2) itself has to be given up. */
	ck_assert_int_eq(listen(fd, 0), 0);
	ck_assert_int_eq(call(stale, "{}", 50, &answer, &e), -ETIMEDOUT);
	ck_assert_int_eq(call(stale, "{}", 50, &answer, &e), -ETIMEDOUT);
	close(fd);
	unlink(stale);
	free(stale);
	server_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl");
	TCase *tc = tcase_create("ctl");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, ctl_new_socket_is_roots_alone);
	tcase_add_test(tc, ctl_new_makes_its_directory_for_all_whatever_the_umask);
	tcase_add_test(tc, ctl_new_living_daemon_is_refused);
	tcase_add_test(tc, ctl_new_stale_socket_is_replaced);
	tcase_add_test(tc, ctl_new_other_file_is_left_alone);
	tcase_add_test(tc, ctl_new_missing_parents_is_an_error);
	tcase_add_test(tc, ctl_free_foreign_socket_is_kept);
	tcase_add_test(tc, ctl_request_in_pieces_is_answered);
	tcase_add_test(tc, ctl_request_without_newline_then_end_is_answered);
	tcase_add_test(tc, ctl_request_bad_ones_are_refused);
	tcase_add_test(tc, ctl_request_too_long_is_refused);
	tcase_add_test(tc, ctl_request_seventeenth_is_turned_away);
	tcase_add_test(tc, ctl_reply_big_answer_arrives_whole);
	tcase_add_test(tc, ctl_reply_late_is_delivered);
	tcase_add_test(tc, ctl_reply_client_gone_is_harmless);
	tcase_add_test(tc, ctl_free_late_reply_is_harmless);
	tcase_add_test(tc, ctl_client_call_is_answered);
	tcase_add_test(tc, ctl_client_call_error_is_told);
	tcase_add_test(tc, ctl_client_call_silence_times_out);
	tcase_add_test(tc, ctl_client_call_nobody_there_is_told);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
