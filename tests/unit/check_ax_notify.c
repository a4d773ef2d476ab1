/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notifications through the session: what is sent, one at a time, and what comes of it. */
#include "ax_session.h"

static const struct oid trap = { { 1, 3, 6, 1, 4, 1, 99, 0, 3 }, 9 };

static void notify(struct fixture *f)
{
	struct oidtab_varbind vars[] = {
		{ .name = { { 1, 3, 6, 1, 4, 1, 99, 1, 2, 7 }, 10 } },
		{ .name = { { 1, 3, 6, 1, 4, 1, 99, 1, 2, 8 }, 10 } },
	};

	vars[0].value.type = SMI_OCTETS;
	vars[0].value.u.octets.data = (const uint8_t *)"101";
	vars[0].value.u.octets.len = 3;
	vars[1].value.type = SMI_COUNTER32;
	vars[1].value.u.u32 = 4000000000u;
	ck_assert(ax_can_notify(f->ax));
	ax_notify(f->ax, &trap, vars, ARRAY_LEN(vars), loop_now_ns());
	ck_assert(!ax_can_notify(f->ax));
}

static void expect_name(const netsnmp_variable_list *var, const char *text)
{
	oid name[OID_MAX];
	size_t n = parse_oid_text(text, name);

	ck_assert_ptr_nonnull(var);
	ck_assert_int_eq(snmp_oid_compare(var->name, var->name_length, name, n), 0);
}

START_TEST(notify_sends_trap_oid_then_objects)
{
	struct fixture *f = setup_up();
	oid value[OID_MAX];
	size_t n = parse_oid_text("1.3.6.1.4.1.99.0.3", value);
	const netsnmp_variable_list *var;
	netsnmp_pdu *pdu;

	notify(f);
	pdu = receive(f, AX_NOTIFY);
	ck_assert_uint_eq((uint32_t)pdu->sessid, MASTER_SESSION);
	ck_assert(!(pdu->flags & AX_FLAG_CONTEXT));
	var = pdu->variables;
	expect_name(var, "1.3.6.1.6.3.1.1.4.1.0");
	ck_assert_int_eq(var->type, ASN_OBJECT_ID);
	ck_assert_int_eq(snmp_oid_compare(var->val.objid, var->val_len / sizeof(oid), value, n), 0);
	var = var->next_variable;
	expect_name(var, "1.3.6.1.4.1.99.1.2.7");
	ck_assert_int_eq(var->type, ASN_OCTET_STR);
	ck_assert_mem_eq(var->val.string, "101", 3);
	var = var->next_variable;
	expect_name(var, "1.3.6.1.4.1.99.1.2.8");
	ck_assert_int_eq(var->type, ASN_COUNTER);
	ck_assert_uint_eq((uint32_t)*var->val.integer, 4000000000u);
	ck_assert_ptr_null(var->next_variable);
	master_answer(&f->master, pdu, AX_NO_ERROR, 5);
	snmp_free_pdu(pdu);
	AWAIT(f, f->notified == 1);
	ck_assert_uint_eq(f->notify_error, 0);
	ck_assert(ax_can_notify(f->ax));
	teardown(f);
}
END_TEST

START_TEST(can_notify_only_while_up)
{
	struct fixture *f = setup();

	ck_assert(!ax_can_notify(f->ax));
	master_listen(&f->master, f->path);
	ax_start(f->ax);
	accept_session(f);
	receive_and_answer(f, AX_REGISTER, AX_NO_ERROR);
	ck_assert(!ax_can_notify(f->ax));
	ck_assert_uint_eq(f->ups, 0);
	receive_and_answer(f, AX_REGISTER, AX_NO_ERROR);
	AWAIT(f, f->ups == 1);
	ck_assert(ax_can_notify(f->ax));
	master_hang_up(&f->master);
	AWAIT(f, ax_get_state(f->ax) != AX_UP);
	ck_assert(!ax_can_notify(f->ax));
	come_up(f);
	ck_assert_uint_eq(f->ups, 2);
	teardown(f);
}
END_TEST

START_TEST(notify_refused_says_the_error)
{
	struct fixture *f = setup_up();

	notify(f);
	receive_and_answer(f, AX_NOTIFY, AX_PROCESSING_ERROR);
	AWAIT(f, f->notified == 1);
	ck_assert_uint_eq(f->notify_error, AX_PROCESSING_ERROR);
	assert_serving(f);
	notify(f);
	receive_and_answer(f, AX_NOTIFY, AX_NO_ERROR);
	AWAIT(f, f->notified == 2);
	ck_assert_uint_eq(f->notify_error, 0);
	teardown(f);
}
END_TEST

START_TEST(notify_unanswered_lets_requests_be_served)
{
	struct fixture *f = setup_up();
	netsnmp_pdu *pdu;

	notify(f);
	pdu = receive(f, AX_NOTIFY);
	assert_serving(f);
	AWAIT(f, strstr(ax_get_problem(f->ax), "does not answer"));
	assert_serving(f);
	ck_assert(!ax_can_notify(f->ax));
	master_answer(&f->master, pdu, AX_NO_ERROR, 5);
	snmp_free_pdu(pdu);
	AWAIT(f, f->notified == 1);
	ck_assert_str_eq(ax_get_problem(f->ax), "");
	teardown(f);
}
END_TEST

/* Nobody knows whether it was sent on: nothing is said. */
START_TEST(notify_then_hang_up_says_nothing)
{
	struct fixture *f = setup_up();

	notify(f);
	snmp_free_pdu(receive(f, AX_NOTIFY));
	master_hang_up(&f->master);
	AWAIT(f, ax_get_state(f->ax) != AX_UP);
	come_up(f);
	assert_serving(f);
	ck_assert_uint_eq(f->notified, 0);
	ck_assert(ax_can_notify(f->ax));
	teardown(f);
}
END_TEST

START_TEST(notify_of_a_forgotten_session_begins_a_new_one)
{
	struct fixture *f = setup_up();

	notify(f);
	receive_and_answer(f, AX_NOTIFY, AX_NOT_OPEN);
	assert_comes_back(f);
	ck_assert_uint_eq(f->notified, 0);
	ck_assert(ax_can_notify(f->ax));
	teardown(f);
}
END_TEST

START_TEST(notify_answered_twice_is_told_once)
{
	struct fixture *f = setup_up();
	netsnmp_pdu *pdu;

	notify(f);
	pdu = receive(f, AX_NOTIFY);
	master_answer(&f->master, pdu, AX_NO_ERROR, 5);
	master_answer(&f->master, pdu, AX_NO_ERROR, 5);
	snmp_free_pdu(pdu);
	assert_serving(f);
	ck_assert_uint_eq(f->notified, 1);
	teardown(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ax_notify");
	TCase *t = tcase_create("ax_notify");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 3 * PATIENCE_S);
	tcase_add_test(t, notify_sends_trap_oid_then_objects);
	tcase_add_test(t, can_notify_only_while_up);
	tcase_add_test(t, notify_refused_says_the_error);
	tcase_add_test(t, notify_unanswered_lets_requests_be_served);
	tcase_add_test(t, notify_then_hang_up_says_nothing);
	tcase_add_test(t, notify_of_a_forgotten_session_begins_a_new_one);
	tcase_add_test(t, notify_answered_twice_is_told_once);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
