/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/ax_serve.h"
#include "ax_master.h"
#include "base/xalloc.h"

#include <check.h>

#define T0 (100 * NS_PER_S)

/* Counts pins and their ends; serves nothing. */
struct fixture {
	struct ax_serve *serve;
	unsigned pins, unpins;
};

static bool pin(void *arg, const char *context, uint64_t now_ns,
		const struct oidtab_view **ret_view, const void **ret_data)
{
	static const struct oidtab_view nothing = { NULL, 0 };
	struct fixture *f = arg;

	(void)context;
	(void)now_ns;
	f->pins++;
	*ret_view = &nothing;
	*ret_data = f;
	return true;
}

static void unpin(void *arg, const void *data)
{
	struct fixture *f = arg;

	ck_assert_ptr_eq(data, f);
	f->unpins++;
}

static struct fixture *setup(void)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const struct ax_hooks hooks = { .pin = pin, .unpin = unpin, .arg = f };

	f->serve = ax_serve_new(&hooks);
	return f;
}

static void teardown(struct fixture *f)
{
	ax_serve_free(f->serve);
	ck_assert_uint_eq(f->pins, f->unpins);
	free(f);
}

static void get_at(struct fixture *f, uint32_t transaction, const char *context, uint64_t now_ns)
{
	netsnmp_pdu *r = request_new(AX_GET, transaction, transaction, context);

	request_add(r, "1.3.6.1.4.1.99", false, "");
	ck_assert(ax_serve_answer(f->serve, r, now_ns));
	ck_assert_int_eq(r->errstat, 0);
	snmp_free_pdu(r);
}

START_TEST(pin_of_one_transaction_is_shared_while_fresh)
{
	struct fixture *f = setup();

	get_at(f, 5, NULL, T0);
	get_at(f, 5, NULL, T0 + AX_PIN_USE_NS);
	ck_assert_uint_eq(f->pins, 1);
	get_at(f, 5, "other", T0 + AX_PIN_USE_NS);
	ck_assert_uint_eq(f->pins, 2);
	get_at(f, 5, NULL, T0 + AX_PIN_USE_NS + 1);
	ck_assert_uint_eq(f->pins, 3);
	ck_assert_uint_eq(f->unpins, 1);
	teardown(f);
}
END_TEST

START_TEST(pin_beyond_the_last_one_replaces_the_oldest)
{
	struct fixture *f = setup();

	for (uint32_t t = 1; t <= 4; t++)
		get_at(f, t, NULL, T0 + t);
	ck_assert_uint_eq(f->unpins, 0);
	get_at(f, 5, NULL, T0 + 5);
	ck_assert_uint_eq(f->unpins, 1);
	for (uint32_t t = 2; t <= 5; t++)
		get_at(f, t, NULL, T0 + 6);
	ck_assert_uint_eq(f->pins, 5);
	get_at(f, 1, NULL, T0 + 7);
	ck_assert_uint_eq(f->pins, 6);
	teardown(f);
}
END_TEST

START_TEST(sweep_unpins_what_was_kept_long_enough)
{
	struct fixture *f = setup();

	ck_assert(ax_serve_sweep(f->serve, T0) == 0);
	get_at(f, 1, NULL, T0);
	get_at(f, 2, NULL, T0 + 10);
	ck_assert(ax_serve_sweep(f->serve, T0 + 1) == T0 + AX_PIN_KEEP_NS);
	ck_assert_uint_eq(f->unpins, 0);
	ck_assert(ax_serve_sweep(f->serve, T0 + AX_PIN_KEEP_NS) == T0 + 10 + AX_PIN_KEEP_NS);
	ck_assert_uint_eq(f->unpins, 1);
	ck_assert(ax_serve_sweep(f->serve, T0 + 10 + AX_PIN_KEEP_NS) == 0);
	ck_assert_uint_eq(f->unpins, 2);
	teardown(f);
}
END_TEST

START_TEST(is_repeat_knows_the_last_requests)
{
	struct fixture *f = setup();
	struct ax_header h = { .type = AX_GET, .session = 1, .transaction = 2, .packet = 3 };

	ck_assert(!ax_serve_is_repeat(f->serve, &h));
	ck_assert(ax_serve_is_repeat(f->serve, &h));
	h.type = AX_GETNEXT;
	ck_assert(!ax_serve_is_repeat(f->serve, &h));
	for (h.packet = 100; h.packet < 110; h.packet++)
		ck_assert(!ax_serve_is_repeat(f->serve, &h));
	h.packet = 3;
	ck_assert(ax_serve_is_repeat(f->serve, &h));
	ax_serve_reset(f->serve);
	ck_assert(!ax_serve_is_repeat(f->serve, &h));
	teardown(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ax_pin");
	TCase *t = tcase_create("pins and repeats");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, pin_of_one_transaction_is_shared_while_fresh);
	tcase_add_test(t, pin_beyond_the_last_one_replaces_the_oldest);
	tcase_add_test(t, sweep_unpins_what_was_kept_long_enough);
	tcase_add_test(t, is_repeat_knows_the_last_requests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
