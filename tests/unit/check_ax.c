/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ax_session.h"

#include <arpa/inet.h>
#include <netinet/in.h>

START_TEST(new_of_a_bad_socket_says_so)
{
	static const char *const bad[] = { "",
					   "tcp:",
					   "tcp:localhost",
					   "tcp:localhost:",
					   "tcp::705",
					   "tcp:example.org:705",
					   "tcp:127.0.0.1:x" };
	const struct ax_hooks hooks = { .pin = pin, .unpin = unpin };
	struct loop *loop = loop_new();
	char path[200];
	struct ax *ax;
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		e.text[0] = '\0';
		ck_assert_int_eq(ax_new(bad[i], "check", NULL, 0, &hooks, loop, &ax, &e), -EINVAL);
		ck_assert_ptr_nonnull(strstr(e.text, bad[i]));
	}
	memset(path, 'x', sizeof(path));
	path[199] = '\0';
	ck_assert_int_eq(ax_new(path, "check", NULL, 0, &hooks, loop, &ax, &e), -EINVAL);
	path[107] = '\0';
	ck_assert_int_eq(ax_new(path, "check", NULL, 0, &hooks, loop, &ax, &e), 0);
	ax_free(ax);
	loop_free(loop);
}
END_TEST

START_TEST(start_opens_and_registers_everything)
{
	struct fixture *f = setup();
	netsnmp_pdu *pdu;

	master_listen(&f->master, f->path);
	ax_start(f->ax);
	AWAIT(f, master_accept(&f->master));
	pdu = receive(f, AX_OPEN);
	ck_assert_uint_eq(pdu->variables->val_len, strlen("check"));
	ck_assert_int_eq(ax_get_state(f->ax), AX_OPENING);
	master_answer(&f->master, pdu, AX_NO_ERROR, 4000000000u);
	snmp_free_pdu(pdu);
	for (size_t i = 0; i < ARRAY_LEN(regs); i++) {
		pdu = receive(f, AX_REGISTER);
		ck_assert_int_eq(ax_get_state(f->ax), AX_REGISTERING);
		ck_assert_uint_eq((uint32_t)pdu->sessid, MASTER_SESSION);
		ck_assert_int_eq(pdu->priority, 127);
		ck_assert_int_eq(pdu->time, 0);
		ck_assert_uint_eq(pdu->variables->name_length, ARRAY_LEN(prefix));
		ck_assert_uint_eq(pdu->variables->name[7], 1);
		ck_assert(!(pdu->flags & AX_FLAG_CONTEXT) == !regs[i].context);
		if (regs[i].context)
			ck_assert_str_eq((const char *)pdu->community, regs[i].context);
		master_answer(&f->master, pdu, AX_NO_ERROR, 4000000000u);
		snmp_free_pdu(pdu);
	}
	AWAIT(f, ax_get_state(f->ax) == AX_UP);
	ck_assert_str_eq(ax_get_problem(f->ax), "");
	ck_assert_uint_eq(f->uptimes, 3);
	ck_assert_uint_eq(f->uptime, 4000000000u);
	ck_assert_uint_eq(f->before_reads, 0);
	assert_serving(f);
	ck_assert_uint_eq(f->before_reads, 1);
	teardown(f);
}
END_TEST

START_TEST(start_without_a_master_waits_for_one)
{
	struct fixture *f = setup();
	uint64_t end_ns = loop_now_ns() + 50 * NS_PER_MS;

	ax_start(f->ax);
	AWAIT(f, loop_now_ns() > end_ns);
	ck_assert_int_eq(ax_get_state(f->ax), AX_DOWN);
	ck_assert_ptr_nonnull(strstr(ax_get_problem(f->ax), "No such file"));
	master_listen(&f->master, f->path);
	come_up(f);
	teardown(f);
}
END_TEST

/* A stopped master: its queue is full, and a connect must not wait for room in it. */
START_TEST(start_with_a_full_backlog_waits)
{
	struct fixture *f = setup();
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fds[32], n = 0;

	master_listen(&f->master, f->path);
	strcpy(un.sun_path, f->path);
	do {
		ck_assert_int_lt(n, 32);
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	} while (connect(fds[n++], (struct sockaddr *)&un, sizeof(un)) == 0);
	ax_start(f->ax);
	AWAIT(f, strstr(ax_get_problem(f->ax), "accepts no connections"));
	for (int i = 0; i < n; i++)
		close(fds[i]);
	for (int i = 0; i < n - 1; i++) {
		AWAIT(f, master_accept(&f->master));
		master_hang_up(&f->master);
	}
	come_up(f);
	teardown(f);
}
END_TEST

/* localhost is either family's: 127.0.0.1 (0) or ::1 (1). */
START_TEST(start_over_tcp_comes_up)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr *sa = _i ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
	socklen_t len = _i ? sizeof(in6) : sizeof(in);
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct fixture *f;
	char where[64];

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, sa, len) != 0) {
		printf("SKIP start_over_tcp_comes_up:%d: %s\n", _i, strerror(errno));
		return;
	}
	ck_assert_int_eq(getsockname(fd, sa, &len), 0);
	snprintf(where, sizeof(where), "tcp:localhost:%u", ntohs(_i ? in6.sin6_port : in.sin_port));
	f = setup_for(where);
	ax_start(f->ax);
	AWAIT(f, strstr(ax_get_problem(f->ax), "refused"));
	ck_assert_int_eq(listen(fd, 5), 0);
	f->master.listen_fd = fd;
	come_up(f);
	assert_serving(f);
	teardown(f);
}
END_TEST

START_TEST(register_refused_is_tried_again_while_others_serve)
{
	struct fixture *f = setup();
	netsnmp_pdu *pdu;

	master_listen(&f->master, f->path);
	ax_start(f->ax);
	accept_session(f);
	receive_and_answer(f, AX_REGISTER, AX_NO_ERROR);
	receive_and_answer(f, AX_REGISTER, AX_DUPLICATE_REGISTRATION);
	AWAIT(f, ax_get_state(f->ax) == AX_UP);
	ck_assert_ptr_nonnull(strstr(ax_get_problem(f->ax), "another ctmeterd"));
	ck_assert_ptr_nonnull(strstr(ax_get_problem(f->ax), "1.3.6.1.4.1.99.1 in context"));
	master_send(&f->master, get_row(f, 3));
	for (int i = 0; i < 2; i++) { /* the answer, and the first repeat, in either order */
		AWAIT(f, (pdu = master_receive(&f->master)));
		if (pdu->command == AX_REGISTER)
			master_answer(&f->master, pdu, AX_REQUEST_DENIED, 1);
		snmp_free_pdu(pdu);
	}
	AWAIT(f, strstr(ax_get_problem(f->ax), "denies"));
	ck_assert_int_eq(ax_get_state(f->ax), AX_UP);
	pdu = receive(f, AX_REGISTER);
	ck_assert_str_eq((const char *)pdu->community, "other");
	master_answer(&f->master, pdu, AX_NO_ERROR, 1);
	snmp_free_pdu(pdu);
	AWAIT(f, !ax_get_problem(f->ax)[0]);
	assert_serving(f);
	teardown(f);
}
END_TEST

START_TEST(requests_in_one_read_are_all_answered_in_order)
{
	struct fixture *f = setup_up();
	uint8_t all[4096], *octets;
	size_t len, used = 0;
	uint32_t first = f->packet + 1;

	for (int i = 0; i < 20; i++) {
		octets = pdu_octets(f->master.codec, get_row(f, 3), &len);
		memcpy(all + used, octets, len);
		used += len;
		free(octets);
	}
	master_send_octets(&f->master, all, used - 7);
	expect_answer(f, first, AX_NO_ERROR, 0);
	master_send_octets(&f->master, all + used - 7, 7);
	for (uint32_t packet = first + 1; packet < first + 20; packet++)
		expect_answer(f, packet, AX_NO_ERROR, 0);
	teardown(f);
}
END_TEST

START_TEST(close_pdu_closes_and_comes_back)
{
	struct fixture *f = setup_up();
	netsnmp_pdu *r = request_new(AX_CLOSE, 99, 1, NULL);

	assert_serving(f);
	r->errstat = 5;
	master_send(&f->master, r);
	assert_comes_back(f);
	teardown(f);
}
END_TEST

/* The master hangs up after as many of its steps as the loop index says. */
START_TEST(hang_up_at_any_state_comes_back)
{
	struct fixture *f = setup();
	int at = _i;

	master_listen(&f->master, f->path);
	ax_start(f->ax);
	AWAIT(f, master_accept(&f->master));
	if (at >= 1)
		snmp_free_pdu(receive(f, AX_OPEN));
	if (at >= 2) {
		master_hang_up(&f->master);
		accept_session(f);
	}
	if (at >= 3)
		receive_and_answer(f, AX_REGISTER, AX_NO_ERROR);
	if (at >= 4)
		receive_and_answer(f, AX_REGISTER, AX_NO_ERROR);
	if (at >= 5)
		AWAIT(f, ax_get_state(f->ax) == AX_UP);
	if (at >= 6)
		master_send(&f->master, get_row(f, 3));
	master_hang_up(&f->master);
	assert_comes_back(f);
	teardown(f);
}
END_TEST

START_TEST(open_refused_is_tried_again)
{
	struct fixture *f = setup();

	master_listen(&f->master, f->path);
	ax_start(f->ax);
	AWAIT(f, master_accept(&f->master));
	receive_and_answer(f, AX_OPEN, AX_OPEN_FAILED);
	assert_comes_back(f);
	teardown(f);
}
END_TEST

START_TEST(silence_is_pinged)
{
	struct fixture *f = setup();
	struct ax_timing timing = quick;
	unsigned before;

	timing.ping_ns = 20 * NS_PER_MS;
	timing.quiet_ns = PATIENCE_S * NS_PER_S;
	ax_set_timing(f->ax, &timing);
	master_listen(&f->master, f->path);
	ax_start(f->ax);
	come_up(f);
	before = f->uptimes;
	receive_and_answer(f, AX_PING, AX_NO_ERROR);
	receive_and_answer(f, AX_PING, AX_NO_ERROR);
	AWAIT(f, f->uptimes == before + 2);
	ck_assert_uint_eq(f->before_reads, 0);
	receive_and_answer(f, AX_PING, AX_NOT_OPEN);
	assert_comes_back(f);
	teardown(f);
}
END_TEST

START_TEST(ping_unanswered_is_waited_for)
{
	struct fixture *f = setup();
	struct ax_timing timing = quick;
	netsnmp_pdu *ping;

	timing.ping_ns = 20 * NS_PER_MS;
	ax_set_timing(f->ax, &timing);
	master_listen(&f->master, f->path);
	ax_start(f->ax);
	come_up(f);
	ping = receive(f, AX_PING);
	AWAIT(f, strstr(ax_get_problem(f->ax), "does not answer"));
	ck_assert_int_eq(ax_get_state(f->ax), AX_UP);
	assert_serving(f);
	master_answer(&f->master, ping, AX_NO_ERROR, 5);
	snmp_free_pdu(ping);
	AWAIT(f, !ax_get_problem(f->ax)[0]);
	teardown(f);
}
END_TEST

/* Patience ends at each wait: for Open (0), Register (1) and Ping (2). */
START_TEST(patience_ends_with_a_new_session)
{
	struct fixture *f = setup();
	struct ax_timing timing = quick;
	unsigned closes = 0;
	netsnmp_pdu *pdu;

	timing.quiet_ns = 20 * NS_PER_MS;
	timing.patience_ns = 60 * NS_PER_MS;
	timing.ping_ns = 20 * NS_PER_MS;
	ax_set_timing(f->ax, &timing);
	master_listen(&f->master, f->path);
	ax_start(f->ax);
	if (_i == 0)
		AWAIT(f, master_accept(&f->master));
	if (_i >= 1)
		accept_session(f);
	if (_i >= 2) {
		receive_and_answer(f, AX_REGISTER, AX_NO_ERROR);
		receive_and_answer(f, AX_REGISTER, AX_NO_ERROR);
	}
	while (!f->master.ended) {
		AWAIT(f, (pdu = master_receive(&f->master)) || f->master.ended);
		if (pdu && pdu->command == AX_CLOSE) {
			ck_assert_int_eq(pdu->errstat, AX_REASON_TIMEOUTS);
			closes++;
		}
		snmp_free_pdu(pdu);
	}
	ck_assert_uint_eq(closes, _i == 0 ? 0 : 1);
	master_hang_up(&f->master);
	timing.patience_ns = PATIENCE_S * NS_PER_S;
	ax_set_timing(f->ax, &timing);
	come_up(f);
	teardown(f);
}
END_TEST

START_TEST(free_closes_the_session)
{
	struct fixture *f = setup_up();
	netsnmp_pdu *pdu;

	ax_free(f->ax);
	f->ax = NULL;
	pdu = receive(f, AX_CLOSE);
	ck_assert_int_eq(pdu->errstat, AX_REASON_SHUTDOWN);
	snmp_free_pdu(pdu);
	teardown(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ax");
	TCase *t = tcase_create("ax");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 3 * PATIENCE_S);
	tcase_add_test(t, new_of_a_bad_socket_says_so);
	tcase_add_test(t, start_opens_and_registers_everything);
	tcase_add_test(t, start_without_a_master_waits_for_one);
	tcase_add_test(t, start_with_a_full_backlog_waits);
	tcase_add_loop_test(t, start_over_tcp_comes_up, 0, 2);
	tcase_add_test(t, register_refused_is_tried_again_while_others_serve);
	tcase_add_test(t, requests_in_one_read_are_all_answered_in_order);
	tcase_add_test(t, close_pdu_closes_and_comes_back);
	tcase_add_loop_test(t, hang_up_at_any_state_comes_back, 0, 7);
	tcase_add_test(t, open_refused_is_tried_again);
	tcase_add_test(t, silence_is_pinged);
	tcase_add_test(t, ping_unanswered_is_waited_for);
	tcase_add_loop_test(t, patience_ends_with_a_new_session, 0, 3);
	tcase_add_test(t, free_closes_the_session);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
