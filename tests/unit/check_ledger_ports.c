/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the switch view needs of the ledger: ports in order of ifIndex; addresses in their order;
 * when a container's state and the set of ports changed; and which way round In and Out were
 * shown. */
#include "ledger_shelf.h"

#include "base/loop.h"

#define SECOND NS_PER_S

/* "IFINDEX:ID " of each port. */
static void expect_ports(const char *expected)
{
	struct snap *s = look();
	char text[256] = "";

	for (size_t i = 0; i < s->n_containers; i++) {
		const struct snap_container *c = &s->containers[s->ports[i].container];

		ck_assert_uint_eq(c->ifindex, s->ports[i].ifindex);
		sprintf(text + strlen(text), "%u:%s ", c->ifindex, c->id);
	}
	ck_assert_str_eq(text, expected);
	snap_unref(s);
}

/* "ADDRESS:ID " of each IPv4 address. */
static void expect_ipv4(const char *expected)
{
	struct snap *s = look();
	char text[256] = "", addr[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < s->n_held_v4; i++) {
		const struct snap_address *a = &s->addresses[s->held[i]];

		sprintf(text + strlen(text), "%s:%s ", addr_format(&a->addr, addr),
			s->containers[a->container].id);
	}
	ck_assert_str_eq(text, expected);
	snap_unref(s);
}

static uint64_t run_ns(const char *id)
{
	struct snap *s = look();
	uint64_t ns = s->containers[find_container(s, id)].run_ns;

	snap_unref(s);
	return ns;
}

static uint64_t ports_change_ns(void)
{
	struct snap *s = look();
	uint64_t ns = s->ports_change_ns;

	snap_unref(s);
	return ns;
}

static void expect_turned(enum port_view view, uint64_t turned_ns)
{
	struct snap *s = look();

	ck_assert_int_eq(s->port_view, view);
	ck_assert_uint_eq(s->turned_ns, turned_ns);
	snap_unref(s);
}

/* Containers without addresses, in one state. */
static void set_run(enum inv_run run)
{
	struct inv_container c = { .id = (char *)"7", .name = (char *)"", .run = run };
	struct inventory inv = { .containers = &c, .n_containers = 1, .complete = true };

	later();
	ledger_set_inventory(ledger, &inv, now);
}

START_TEST(ledger_snapshot_ports_are_sorted_by_ifindex)
{
	static const struct claim second[] = { { "7", A, false }, { "8", B, false } };
	static const struct claim third[] = { { "3", "192.0.2.3", false },
					      { "7", A, false },
					      { "8", B, false } };

	set(second + 1, 1, true);
	set(second, 2, true);
	set(third, 3, true);
	expect_ports("1:8 2:7 3:3 ");
	restart(true);
	expect_ports("1:8 2:7 3:3 ");
	set(third, 2, true); /* 8 retires */
	expect_ports("1:8 2:7 3:3 ");
	later();
	ledger_age_out(ledger, (int64_t)now.ns, now);
	expect_ports("2:7 3:3 ");
	set(third, 3, true);
	expect_ports("1:8 2:7 3:3 ");
}
END_TEST

/* Snapshots share the containers' texts until one comes, goes or is renamed. */
START_TEST(ledger_snapshot_names_are_shared_and_follow)
{
	static const struct claim two[] = { { "7", A, false }, { "8", B, false } };
	struct snap *first, *same, *more, *fewer, *back;

	set(a_is_7, 1, true);
	first = look();
	same = look();
	ck_assert_ptr_eq(first->names, same->names);
	ck_assert_ptr_eq(first->containers[0].id, same->containers[0].id);
	set(two, 2, true);
	more = look();
	ck_assert_str_eq(more->containers[1].id, "8");
	set_run(INV_RUN_RUNNING); /* 7 alone */
	later();
	ledger_age_out(ledger, (int64_t)now.ns, now);
	fewer = look();
	ck_assert_uint_eq(fewer->n_containers, 1);
	ck_assert_str_eq(fewer->containers[0].id, "7");
	set(two, 2, true); /* back, after the texts may have moved */
	back = look();
	ck_assert_str_eq(back->containers[0].id, "7");
	ck_assert_str_eq(back->containers[1].id, "8");
	ck_assert_str_eq(back->containers[1].name, "");
	ck_assert_str_eq(first->containers[0].id, "7");
	ck_assert_str_eq(more->containers[0].name, "");
	snap_unref(first);
	snap_unref(same);
	snap_unref(more);
	snap_unref(fewer);
	snap_unref(back);
}
END_TEST

START_TEST(ledger_snapshot_ipv4_are_sorted_and_have_one_owner)
{
	static const struct claim first[] = { { "3", B, false },
					      { "7", A, false },
					      { "8", "2001:db8::1", false },
					      { "8", "10.0.0.1", false } };
	static const struct claim moved[] = { { "3", B, false }, { "8", A, false } };
	static const struct claim quarrel[] = { { "3", B, true }, { "8", B, true } };
	static const struct claim other[] = { { "7", A, false } };

	set(first, 4, true);
	expect_ipv4("10.0.0.1:8 192.0.2.1:7 192.0.2.2:3 ");
	set(moved, 2, true);
	expect_ipv4("192.0.2.1:8 192.0.2.2:3 ");
	set(quarrel, 2, true);
	expect_ipv4("192.0.2.2:3 "); /* container 3 had it first */
	set(other, 1, true);
	set(quarrel, 2, true);
	expect_ipv4("192.0.2.2:3 "); /* and last */
}
END_TEST

START_TEST(ledger_run_since_is_when_it_was_noticed)
{
	uint64_t began, stopped;

	now.ns = 100 * SECOND;
	set_run(INV_RUN_RUNNING);
	began = now.ns;
	ck_assert_uint_eq(run_ns("7"), began);
	set_run(INV_RUN_RUNNING);
	ck_assert_uint_eq(run_ns("7"), began);
	set_run(INV_RUN_STOPPED);
	stopped = now.ns;
	ck_assert_uint_eq(run_ns("7"), stopped);
	restart(true);
	set_run(INV_RUN_STOPPED);
	ck_assert_uint_eq(run_ns("7"), 0); /* unchanged since before this daemon */
	set(a_is_7, 1, true);
	ck_assert_uint_eq(run_ns("7"), now.ns);
	set(a_is_7, 0, true);
	ck_assert_uint_eq(run_ns("7"), now.ns);
	restart(true);
	ck_assert_uint_ge(run_ns("7"), stopped - SECOND); /* by its date, in seconds */
}
END_TEST

START_TEST(ledger_ports_change_is_when_one_comes_or_goes)
{
	uint64_t came;

	set(a_is_7, 1, true);
	came = now.ns;
	ck_assert_uint_eq(ports_change_ns(), came);
	set(a_is_7, 1, true);
	set_run(INV_RUN_STOPPED); /* and its address goes */
	set(a_is_7, 0, true);
	ck_assert_uint_eq(ports_change_ns(), came); /* retired, not gone */
	later();
	ledger_age_out(ledger, (int64_t)now.ns, now);
	ck_assert_uint_eq(ports_change_ns(), now.ns);
	set(a_is_7, 1, true);
	ck_assert_uint_eq(ports_change_ns(), now.ns);
}
END_TEST

/* Returns whether the ports changed. */
static bool turn(enum port_view view, uint32_t framing)
{
	struct ledger_turn turned = ledger_turn_ports(ledger, view, framing, now);

	return turned.swapped || turned.framed;
}

START_TEST(ledger_turn_ports_is_remembered)
{
	uint64_t turned;

	now.ns = 100 * SECOND;
	ck_assert(!turn(PORT_VIEW_CONTAINER, 0)); /* the first time */
	ck_assert(!turn(PORT_VIEW_CONTAINER, 0));
	expect_turned(PORT_VIEW_CONTAINER, 0);
	restart(true);
	ck_assert(!turn(PORT_VIEW_CONTAINER, 0));
	expect_turned(PORT_VIEW_CONTAINER, 0);
	ck_assert(turn(PORT_VIEW_SWITCH, 0));
	turned = now.ns;
	expect_turned(PORT_VIEW_SWITCH, turned);
	restart(true);
	ck_assert(!turn(PORT_VIEW_SWITCH, 0));
	/* Stored as a date in seconds: one second later by that, 1,000 ns by the other clock. */
	expect_turned(PORT_VIEW_SWITCH, turned + 1000 - SECOND);
	set(a_is_7, 1, true);
	expect("7", A, 0, ROW_PENDING, 0); /* concerns the ports alone */
}
END_TEST

static uint32_t framing(void)
{
	struct snap *s = look();
	uint32_t octets = s->port_framing;

	snap_unref(s);
	return octets;
}

START_TEST(ledger_turn_ports_framing_is_remembered)
{
	struct ledger_turn turned;

	now.ns = 100 * SECOND;
	ck_assert(!turn(PORT_VIEW_CONTAINER, 14)); /* the first time */
	ck_assert_uint_eq(framing(), 14);
	restart(true);
	ck_assert_uint_eq(framing(), 14);
	ck_assert(!turn(PORT_VIEW_CONTAINER, 14));
	expect_turned(PORT_VIEW_CONTAINER, 0);
	turned = ledger_turn_ports(ledger, PORT_VIEW_CONTAINER, 18, now);
	ck_assert(turned.framed && !turned.swapped);
	expect_turned(PORT_VIEW_CONTAINER, now.ns);
	restart(true);
	ck_assert(!turn(PORT_VIEW_CONTAINER, 18));
	later();
	turned = ledger_turn_ports(ledger, PORT_VIEW_SWITCH, 0, now);
	ck_assert(turned.framed && turned.swapped);
	expect_turned(PORT_VIEW_SWITCH, now.ns);
	ck_assert_uint_eq(framing(), 0);
	set(a_is_7, 1, true);
	expect("7", A, 0, ROW_PENDING, 0); /* concerns the ports alone */
}
END_TEST

START_TEST(ledger_turned_before_boot_is_no_time)
{

	turn(PORT_VIEW_CONTAINER, 0);
	turn(PORT_VIEW_SWITCH, 0);
	now.wall_s += 1000;
	now.ns = 10 * SECOND;
	restart(false);
	expect_turned(PORT_VIEW_SWITCH, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_ports");
	TCase *tc = tcase_create("ledger_ports");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ledger_snapshot_ports_are_sorted_by_ifindex);
	tcase_add_test(tc, ledger_snapshot_names_are_shared_and_follow);
	tcase_add_test(tc, ledger_snapshot_ipv4_are_sorted_and_have_one_owner);
	tcase_add_test(tc, ledger_run_since_is_when_it_was_noticed);
	tcase_add_test(tc, ledger_ports_change_is_when_one_comes_or_goes);
	tcase_add_test(tc, ledger_turn_ports_is_remembered);
	tcase_add_test(tc, ledger_turn_ports_framing_is_remembered);
	tcase_add_test(tc, ledger_turned_before_boot_is_no_time);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
