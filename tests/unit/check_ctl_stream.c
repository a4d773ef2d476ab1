/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl_server.h"

START_TEST(ctl_reply_stream_arrives_whole)
{
	struct server *s = server_new();
	char *text, *at, piece[PIECE_OCTETS + 1];
	int fd = raw_connect(s);

	s->stream.total = 300;
	raw_send(fd, "{\"command\":\"stream\"}\n");
	text = at = raw_read_all(s, fd);
	ck_assert_uint_eq(strlen(text), 300 * PIECE_OCTETS + 1);
	for (unsigned i = 0; i < 300; i++, at += PIECE_OCTETS) {
		write_piece(i, piece);
		ck_assert(!memcmp(at, piece, PIECE_OCTETS));
	}
	ck_assert_str_eq(at, "\n");
	ck_assert_uint_eq(s->stream.ended, 1);
	free(text);
	server_free(s);
}
END_TEST

START_TEST(ctl_reply_stream_empty_one_ends)
{
	struct server *s = server_new();
	int fd = raw_connect(s);

	raw_send(fd, "{\"command\":\"stream\"}\n");
	assert_answer(s, fd, "\n");
	ck_assert_uint_eq(s->stream.ended, 1);
	server_free(s);
}
END_TEST

/* The client's buffer holds more than the pieces of a turn; it is the time that ends the turn. */
START_TEST(ctl_reply_stream_others_get_their_turn)
{
	struct server *s = server_new();
	int fd = raw_connect(s), other;
	unsigned before;

	s->stream.total = 500;
	s->stream.slow = true;
	raw_send(fd, "{\"command\":\"stream\"}\n");
	while (!s->stream.made)
		loop_run_once(s->loop, 10);
	ck_assert_uint_le(s->stream.made, 3);
	before = s->stream.made;
	loop_run_once(s->loop, 10);
	ck_assert_uint_gt(s->stream.made, before);
	ck_assert_uint_le(s->stream.made, before + 3);
	other = raw_connect(s);
	raw_send(other, "{\"command\":\"meanwhile\"}\n");
	assert_answer(s, other, "{\"echo\":\"meanwhile\"}\n");
	ck_assert_uint_lt(s->stream.made, 500);
	close(fd);
	server_free(s);
}
END_TEST

START_TEST(ctl_reply_stream_slow_client_stops_it)
{
	struct server *s = server_new();
	int fd = raw_connect(s);
	unsigned before;
	char *text;

	s->stream.total = 1000;
	raw_send(fd, "{\"command\":\"stream\"}\n");
	do {
		before = s->stream.made;
		loop_run_once(s->loop, 10);
	} while (!before || s->stream.made > before);
	ck_assert_uint_lt(s->stream.made, 1000);
	text = raw_read_all(s, fd);
	ck_assert_uint_eq(strlen(text), 1000 * PIECE_OCTETS + 1);
	free(text);
	server_free(s);
}
END_TEST

START_TEST(ctl_reply_stream_client_gone_ends_it)
{
	struct server *s = server_new();
	int fd = raw_connect(s);

	s->stream.total = 1000;
	raw_send(fd, "{\"command\":\"stream\"}\n");
	while (!s->stream.made)
		loop_run_once(s->loop, 10);
	close(fd);
	while (!s->stream.ended)
		loop_run_once(s->loop, 10);
	ck_assert_uint_lt(s->stream.made, 1000);
	/* The same when it has gone before the answer begins. */
	fd = raw_connect(s);
	raw_send(fd, "{\"command\":\"late\"}\n");
	while (!s->n_late)
		loop_run_once(s->loop, 10);
	close(fd);
	loop_run_once(s->loop, 10);
	s->stream = (struct stream) { .total = 1000 };
	ctl_reply_stream(s->late[0], next_piece, stream_ended, &s->stream);
	ck_assert_uint_eq(s->stream.made, 0);
	ck_assert_uint_eq(s->stream.ended, 1);
	server_free(s);
}
END_TEST

START_TEST(ctl_free_unfinished_stream_is_ended)
{
	struct server *s = server_new();
	struct stream *stream = &s->stream;
	int fd = raw_connect(s);

	stream->total = 1000;
	raw_send(fd, "{\"command\":\"stream\"}\n");
	while (!stream->made)
		loop_run_once(s->loop, 10);
	ck_assert_uint_eq(stream->ended, 0);
	ctl_free(s->ctl);
	ck_assert_uint_eq(stream->ended, 1);
	s->ctl = NULL;
	server_free(s);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_stream");
	TCase *tc = tcase_create("ctl_stream");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, ctl_reply_stream_arrives_whole);
	tcase_add_test(tc, ctl_reply_stream_empty_one_ends);
	tcase_add_test(tc, ctl_reply_stream_others_get_their_turn);
	tcase_add_test(tc, ctl_reply_stream_slow_client_stops_it);
	tcase_add_test(tc, ctl_reply_stream_client_gone_ends_it);
	tcase_add_test(tc, ctl_free_unfinished_stream_is_ended);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
