/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ax_session.h"

START_TEST(request_in_pieces_is_answered_once)
{
	struct fixture *f = setup_up();
	uint8_t *octets;
	size_t len;

	octets = pdu_octets(f->master.codec, get_row(f, 3), &len);
	for (size_t i = 0; i < len; i++) {
		master_send_octets(&f->master, octets + i, 1);
		loop_run_once(f->loop, 100);
	}
	free(octets);
	expect_answer(f, f->packet, AX_NO_ERROR, 0);
	assert_serving(f);
	teardown(f);
}
END_TEST

START_TEST(request_repeated_is_answered_once)
{
	struct fixture *f = setup_up();
	uint64_t requests, varbinds;

	master_send(&f->master, get_row(f, 3));
	f->packet--;
	master_send(&f->master, get_row(f, 3));
	expect_answer(f, f->packet, AX_NO_ERROR, 0);
	assert_serving(f); /* fails on a second answer */
	ax_get_counts(f->ax, &requests, &varbinds);
	ck_assert_uint_eq(requests, 2);
	ck_assert_uint_eq(varbinds, 2);
	teardown(f);
}
END_TEST

START_TEST(request_of_another_session_is_not_open)
{
	struct fixture *f = setup_up();
	netsnmp_pdu *r = get_row(f, 3);

	r->sessid = MASTER_SESSION + 1;
	master_send(&f->master, r);
	expect_answer(f, f->packet, AX_NOT_OPEN, 0);
	assert_serving(f);
	teardown(f);
}
END_TEST

START_TEST(request_that_cannot_be_parsed_is_an_error)
{
	struct fixture *f = setup_up();
	/* A Get whose OID announces more sub-identifiers than there are, and no such type. */
	uint8_t cut[24] = {
		1,        AX_GET,  AX_FLAG_NETWORK_ORDER, [7] = MASTER_SESSION, [15] = 200,
		[19] = 4, [20] = 9
	};
	uint8_t unknown[20] = { 1, 99, AX_FLAG_NETWORK_ORDER, [7] = MASTER_SESSION, [15] = 201 };

	master_send_octets(&f->master, cut, sizeof(cut));
	expect_answer(f, 200, AX_PARSE_FAILED, 0);
	master_send_octets(&f->master, unknown, sizeof(unknown));
	expect_answer(f, 201, AX_PARSE_FAILED, 0);
	assert_serving(f);
	teardown(f);
}
END_TEST

START_TEST(request_over_64k_is_too_big_and_passed_over)
{
	struct fixture *f = setup_up();
	static uint8_t big[AX_HEADER_OCTETS + 70000] = {
		1,          AX_GET,   AX_FLAG_NETWORK_ORDER, [7] = MASTER_SESSION,
		[15] = 200, [17] = 1, [18] = 0x11,           [19] = 0x70
	};

	ck_assert_uint_eq(0x11170, 70000);
	master_send_octets(&f->master, big, sizeof(big));
	expect_answer(f, 200, AX_TOO_BIG, 1);
	assert_serving(f);
	teardown(f);
}
END_TEST

START_TEST(request_of_1000_varbinds_is_answered_in_order)
{
	struct fixture *f = setup_up();
	netsnmp_pdu *r = get_nothing(f);
	netsnmp_variable_list *var;
	char name[64];
	unsigned row = 0;

	for (row = 0; row < 1000; row++) {
		snprintf(name, sizeof(name), "1.3.6.1.4.1.99.1.2.%u", 999 - row);
		request_add(r, name, false, "");
	}
	master_send(&f->master, r);
	r = receive(f, AX_RESPONSE);
	ck_assert_int_eq(r->errstat, 0);
	row = 1000;
	for (var = r->variables; var; var = var->next_variable) {
		row--;
		ck_assert_int_eq(var->type, ASN_OCTET_STR);
		ck_assert_uint_eq(var->name[9], row);
		ck_assert_uint_eq(var->val_len, row % 5);
	}
	ck_assert_uint_eq(row, 0);
	snmp_free_pdu(r);
	teardown(f);
}
END_TEST

START_TEST(answer_over_64k_is_too_big)
{
	struct fixture *f = setup_up();
	netsnmp_pdu *r = get_nothing(f);

	for (int i = 0; i < 120; i++)
		request_add(r, "1.3.6.1.4.1.99.1.2.1000", false, "");
	master_send(&f->master, r);
	expect_answer(f, f->packet, AX_TOO_BIG, 1);
	assert_serving(f);
	teardown(f);
}
END_TEST

/* Many requests come in one read and the first answers fill the socket: the session leaves the
 * rest for later instead of piling up their answers (30 of 30 KiB). */
START_TEST(answers_beyond_the_socket_are_not_made)
{
	struct fixture *f = setup_up();
	uint64_t requests, varbinds;

	for (int i = 0; i < 30; i++) {
		netsnmp_pdu *r = get_nothing(f);

		for (int k = 0; k < 50; k++)
			request_add(r, "1.3.6.1.4.1.99.1.2.1000", false, "");
		master_send(&f->master, r);
	}
	for (int i = 0; i < 5; i++)
		loop_run_once(f->loop, 0);
	ax_get_counts(f->ax, &requests, &varbinds);
	ck_assert_uint_gt(requests, 0);
	ck_assert_uint_lt(requests, 30);
	for (uint32_t packet = 1; packet <= 30; packet++)
		expect_answer(f, packet, AX_NO_ERROR, 0);
	teardown(f);
}
END_TEST

/* The socket would take them all (100 of 1.3 KiB), but everybody else would wait for that long. */
START_TEST(answers_of_one_turn_are_bounded)
{
	struct fixture *f = setup_up();
	uint64_t requests, varbinds, last = 0;
	uint32_t answered = 0;

	for (int i = 0; i < 100; i++) {
		netsnmp_pdu *r = get_nothing(f);

		request_add(r, "1.3.6.1.4.1.99.1.2.1000", false, "");
		request_add(r, "1.3.6.1.4.1.99.1.2.1000", false, "");
		master_send(&f->master, r);
	}
	while (answered < 100) {
		loop_run_once(f->loop, 10);
		ax_get_counts(f->ax, &requests, &varbinds);
		ck_assert_uint_le((requests - last) * 2 * TEXT_OCTETS,
				  AX_PDU_MAX + 2 * TEXT_OCTETS);
		last = requests;
		while (answered < requests)
			expect_answer(f, ++answered, AX_NO_ERROR, 0);
	}
	teardown(f);
}
END_TEST

/* The master sends without reading: answers wait, none is lost, and memory is bounded because
 * the session stops reading too. */
START_TEST(answers_not_taken_wait_and_then_come)
{
	struct fixture *f = setup_up();
	uint32_t first = f->packet + 1, last = 0;
	uint8_t *octets;
	size_t len;
	ssize_t n;

	do {
		netsnmp_pdu *r = get_nothing(f);

		for (int i = 0; i < 50; i++)
			request_add(r, "1.3.6.1.4.1.99.1.2.1000", false, "");
		octets = pdu_octets(f->master.codec, r, &len);
		n = send(f->master.fd, octets, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		free(octets);
		for (int i = 0; i < 3; i++)
			loop_run_once(f->loop, 0);
	} while (n == (ssize_t)len);
	last = f->packet - 1; /* a stream takes a small message whole or not at all */
	ck_assert_int_lt(n, 0);
	ck_assert_uint_gt(last - first, 20);
	for (uint32_t packet = first; packet <= last; packet++)
		expect_answer(f, packet, AX_NO_ERROR, 0);
	assert_serving(f);
	teardown(f);
}
END_TEST

/* Another protocol (0), another version of this one (1), a length that cannot be (2). */
START_TEST(noise_closes_and_comes_back)
{
	static const uint8_t noise[][AX_HEADER_OCTETS] = {
		"HTTP/1.1 400 Bad Re",
		{ 2, AX_GET, AX_FLAG_NETWORK_ORDER, [7] = MASTER_SESSION, [15] = 1 },
		{ 1, AX_GET, AX_FLAG_NETWORK_ORDER, [7] = MASTER_SESSION, [15] = 1, [19] = 3 },
	};
	struct fixture *f = setup_up();

	master_send_octets(&f->master, noise[_i], sizeof(noise[_i]));
	assert_comes_back(f);
	teardown(f);
}
END_TEST

START_TEST(payload_beyond_reason_closes_and_comes_back)
{
	struct fixture *f = setup_up();
	uint8_t octets[20] = {
		1,           AX_GET,      AX_FLAG_NETWORK_ORDER, [7] = MASTER_SESSION,
		[16] = 0xff, [17] = 0xff, [18] = 0xff,           [19] = 0xfc
	};

	master_send_octets(&f->master, octets, sizeof(octets));
	assert_comes_back(f);
	teardown(f);
}
END_TEST

START_TEST(response_to_nothing_is_ignored)
{
	struct fixture *f = setup_up();
	unsigned before = f->uptimes;

	master_send(&f->master, request_new(AX_RESPONSE, 999, 1, NULL));
	master_send(&f->master, request_new(AX_RESPONSE, 0, 1, NULL));
	assert_serving(f);
	ck_assert_uint_eq(f->uptimes, before);
	teardown(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ax_request");
	TCase *t = tcase_create("ax_request");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 3 * PATIENCE_S);
	tcase_add_test(t, request_in_pieces_is_answered_once);
	tcase_add_test(t, request_repeated_is_answered_once);
	tcase_add_test(t, request_of_another_session_is_not_open);
	tcase_add_test(t, request_that_cannot_be_parsed_is_an_error);
	tcase_add_test(t, request_over_64k_is_too_big_and_passed_over);
	tcase_add_test(t, request_of_1000_varbinds_is_answered_in_order);
	tcase_add_test(t, answer_over_64k_is_too_big);
	tcase_add_test(t, answers_beyond_the_socket_are_not_made);
	tcase_add_test(t, answers_of_one_turn_are_bounded);
	tcase_add_test(t, answers_not_taken_wait_and_then_come);
	tcase_add_loop_test(t, noise_closes_and_comes_back, 0, 3);
	tcase_add_test(t, payload_beyond_reason_closes_and_comes_back);
	tcase_add_test(t, response_to_nothing_is_ignored);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
