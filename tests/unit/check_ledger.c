/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

START_TEST(ledger_apply_new_rule_pending_then_counting)
{
	struct fw_row row = row_of(A, 10, 1);

	ck_assert(set(a_is_7, 1, true));
	expect("7", A, 0, ROW_PENDING, 0);
	row.present = 1u << PATH_FWD_IN;
	apply(&row, 1, false, false);
	expect("7", A, 10, ROW_PENDING, 0);
	row.present = ALL_PATHS;
	apply(&row, 1, false, false);
	expect("7", A, 10, ROW_COUNTING, 0);
	expect_container("7", 10, ROW_COUNTING);
}
END_TEST

START_TEST(ledger_apply_decrease_once_not_believed)
{
	struct fw_row row = row_of(A, 100, 2), less = row_of(A, 0, 0);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	ck_assert_int_eq(apply(&less, 1, false, false), LEDGER_RECHECK);
	expect("7", A, 100, ROW_COUNTING, 0);
	row = row_of(A, 150, 3);
	ck_assert_int_eq(apply(&row, 1, false, false), LEDGER_OK);
	expect("7", A, 150, ROW_COUNTING, 0);
}
END_TEST

START_TEST(ledger_apply_decrease_twice_is_discontinuity)
{
	struct fw_row row = row_of(A, 100, 2), less = row_of(A, 30, 1);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	apply(&less, 1, false, false);
	ck_assert_int_eq(apply(&less, 1, false, false), LEDGER_DISCONT);
	expect("7", A, 100, ROW_COUNTING, 1); /* the cause of 30 is unknown */
	less = row_of(A, 45, 2);
	apply(&less, 1, false, false);
	expect("7", A, 115, ROW_COUNTING, 1);
}
END_TEST

START_TEST(ledger_apply_zeroed_counts_all_since)
{
	struct fw_row row = row_of(A, 100, 2);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	row = row_of(A, 500, 9); /* zeroed, and already past the old reading */
	ck_assert_int_eq(apply(&row, 1, true, false), LEDGER_DISCONT);
	expect("7", A, 600, ROW_COUNTING, 1);
}
END_TEST

START_TEST(ledger_apply_rule_flushed_is_discontinuity)
{
	struct fw_row row = row_of(A, 100, 2);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	ck_assert_int_eq(apply(NULL, 0, false, true), LEDGER_OK); /* our own commit */
	ck_assert_int_eq(apply(NULL, 0, false, false), LEDGER_DISCONT);
	expect("7", A, 100, ROW_PENDING, 1);
	later();
	for (enum path p = 0; p < PATHS; p++)
		finals(&(struct fw_final) { addr_of(A), p, FW_CREATED, { 0, 0 } }, 1);
	row = row_of(A, 7, 1); /* made anew by us: everything it counts is new */
	apply(&row, 1, false, false);
	expect("7", A, 107, ROW_COUNTING, 1);
}
END_TEST

START_TEST(ledger_apply_rule_put_back_by_others_never_doubles)
{
	struct fw_row row = row_of(A, 100, 2);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	apply(NULL, 0, false, false);
	row = row_of(A, 90, 2); /* an old table with old counters */
	apply(&row, 1, false, false);
	expect("7", A, 100, ROW_COUNTING, 1); /* one event */
	row = row_of(A, 96, 3);
	apply(&row, 1, false, false);
	expect("7", A, 106, ROW_COUNTING, 1);
}
END_TEST

START_TEST(ledger_finals_missed_then_removed_never_doubles)
{
	struct fw_final removed = { addr_of(A), PATH_FWD_IN, FW_REMOVED, { 130, 3 } };
	struct fw_row row = row_of(A, 100, 2);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	apply(NULL, 0, false, false); /* an earlier process's commit removed it */
	finals(&removed, 1);
	expect("7", A, 130, ROW_PENDING, 1);
	ledger_finals(ledger, ADDR_V4, commits, &removed, 1, false, now); /* given again */
	expect("7", A, 130, ROW_PENDING, 1);
}
END_TEST

static void apply_held(const struct fw_row *row)
{
	struct fw_reading reading = { .rows = row, .n_rows = row != NULL, .held = true };

	later();
	ledger_apply(ledger, ADDR_V4, &reading, false, now);
}

START_TEST(ledger_apply_held_is_booked_to_whom_the_inventory_names)
{
	static const struct claim a_is_8[] = { { "8", A, false } };
	struct fw_row row = row_of(A, 0, 0);

	set(a_is_7, 1, true);
	row = row_of(A, 100, 2);
	apply_held(&row);
	row = row_of(A, 300, 4);
	apply_held(&row);
	expect("7", A, 0, ROW_COUNTING, 0);
	set(a_is_8, 1, true);
	row = row_of(A, 350, 5);
	apply(&row, 1, false, false);
	expect("7", A, 0, ROW_RETIRED, 0);
	expect("8", A, 350, ROW_COUNTING, 0);
}
END_TEST

START_TEST(ledger_apply_held_rule_that_goes_is_discontinuity)
{
	struct fw_row row = row_of(A, 100, 2);

	set(a_is_7, 1, true);
	apply_held(&row);
	apply_held(NULL);
	expect("7", A, 0, ROW_PENDING, 1);
}
END_TEST

START_TEST(ledger_set_inventory_moved_address_splits_bill)
{
	static const struct claim a_is_8[] = { { "8", A, false } };
	struct fw_row row = row_of(A, 100, 2);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	ck_assert(set(a_is_8, 1, true));
	row = row_of(A, 175, 3);
	apply(&row, 1, false, false);
	expect("7", A, 100, ROW_RETIRED, 0);
	expect("8", A, 75, ROW_COUNTING, 0);
	expect_container("7", 100, ROW_RETIRED);
	set(a_is_7, 1, true); /* it moves back: the old row resumes */
	row = row_of(A, 180, 4);
	apply(&row, 1, false, false);
	expect("7", A, 105, ROW_COUNTING, 0);
	expect("8", A, 75, ROW_RETIRED, 0);
}
END_TEST

START_TEST(ledger_set_inventory_incomplete_or_doubtful_retires_nothing)
{
	static const struct claim b_only[] = { { "8", B, false } };
	struct inventory doubtful = inventory_of(b_only, 1, true);
	struct addr *wanted;
	size_t n;

	doubtful.doubtful = true;
	set(a_is_7, 1, true);
	set(b_only, 1, false);
	expect("7", A, 0, ROW_PENDING, 0);
	ck_assert(!ledger_differs(ledger, &doubtful));
	ck_assert(!ledger_set_inventory(ledger, &doubtful, now));
	expect("7", A, 0, ROW_PENDING, 0);
	wanted = ledger_wanted(ledger, ADDR_V4, &n);
	ck_assert_uint_eq(n, 2);
	free(wanted);
	set(b_only, 1, true);
	expect("7", A, 0, ROW_RETIRED, 0);
}
END_TEST

START_TEST(ledger_finals_removed_created_restarted_are_exact)
{
	struct fw_final removed = { addr_of(A), PATH_FWD_IN, FW_REMOVED, { 130, 3 } };
	struct fw_final restarted = { addr_of(A), PATH_FWD_IN, FW_RESTARTED, { 60, 2 } };
	struct fw_final created = { addr_of(A), PATH_FWD_IN, FW_CREATED, { 0, 0 } };
	struct fw_row row = row_of(A, 100, 2);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	finals(&removed, 1);
	expect("7", A, 130, ROW_PENDING, 0);
	finals(&created, 1);
	row = row_of(A, 50, 1);
	apply(&row, 1, false, false);
	expect("7", A, 180, ROW_COUNTING, 1); /* for a while it had no rule */
	finals(&restarted, 1);
	row = row_of(A, 8, 1);
	apply(&row, 1, false, false);
	expect("7", A, 198, ROW_COUNTING, 1);
	later();
	finals(&created, 1); /* it was flushed between two readings */
	row = row_of(A, 90, 1); /* more than before: not 82, but 90 */
	apply(&row, 1, false, false);
	expect("7", A, 288, ROW_COUNTING, 2);
}
END_TEST

START_TEST(ledger_age_out_container_keeps_total)
{
	static const struct claim both[] = { { "7", A, false }, { "7", B, false } };
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 11, 1) };
	struct fw_final final = { addr_of(B), PATH_FWD_IN, FW_REMOVED, { 12, 1 } };
	struct snap *s;

	set(both, 2, true);
	apply(rows, 2, false, false);
	set(a_is_7, 1, true);
	finals(&final, 1);
	for (enum path p = 0; p < PATHS; p++) {
		final.path = p;
		final.final = (struct counters) { 0, 0 };
		if (p != PATH_FWD_IN)
			finals(&final, 1);
	}
	ck_assert(!ledger_age_out(ledger, 1, now));
	ck_assert(ledger_age_out(ledger, (int64_t)now.ns + 1, now));
	s = look();
	ck_assert_ptr_null(find(s, "7", B));
	snap_unref(s);
	expect_container("7", 112, ROW_COUNTING);
	set(NULL, 0, true);
	expect_container("7", 112, ROW_RETIRED);
}
END_TEST

START_TEST(ledger_zero_marks_without_moving_totals)
{
	static const struct claim both[] = { { "7", A, false }, { "8", B, false } };
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 11, 1) };
	struct snap *s;

	set(both, 2, true);
	apply(rows, 2, false, false);
	later();
	ck_assert_uint_eq(ledger_zero(ledger, "nobody", now), 0);
	ck_assert_uint_eq(ledger_zero(ledger, "7", now), 2); /* the container and its row */
	ck_assert_uint_eq(ledger_zero(ledger, B, now), 1); /* the row alone */
	rows[0] = row_of(A, 130, 3);
	apply(rows, 2, false, false);
	s = look();
	ck_assert_uint_eq(s->containers[0].totals.path[PATH_FWD_IN].octets, 130);
	ck_assert_uint_eq(s->containers[0].totals.zero->at[PATH_FWD_IN].octets, 100);
	ck_assert_int_eq(s->containers[0].totals.zero->wall_s, now.wall_s - 1);
	ck_assert_uint_eq(s->addresses[0].totals.zero->at[PATH_FWD_IN].octets, 100);
	ck_assert_uint_eq(s->addresses[1].totals.zero->at[PATH_FWD_IN].octets, 11);
	ck_assert_ptr_null(s->containers[1].totals.zero);
	snap_unref(s);
}
END_TEST

START_TEST(ledger_set_inventory_ifindex_is_never_reused)
{
	static const struct claim b_is_8[] = { { "8", B, false } };
	struct snap *s;
	uint32_t first;

	set(a_is_7, 1, true);
	s = look();
	first = s->containers[0].ifindex;
	snap_unref(s);
	set(NULL, 0, true);
	ledger_age_out(ledger, (int64_t)now.ns + 1, now);
	set(b_is_8, 1, true);
	s = look();
	ck_assert_uint_eq(s->n_containers, 1);
	ck_assert_uint_gt(s->containers[0].ifindex, first);
	snap_unref(s);
}
END_TEST

/* Random traffic over addresses that move between containers, rules that come and go with exact
 * finals, readings at random moments: everything counted by a rule is booked, once. */
#define N_ADDRS 12
#define N_IDS 4

struct world {
	struct counters kernel[N_ADDRS]; /* PATH_FWD_IN's counter */
	bool ruled[N_ADDRS];
	int owner[N_ADDRS]; /* -1: none */
	uint64_t carried; /* octets counted by rules that have an owner */
	uint64_t total[N_IDS]; /* octets of each container */
	uint64_t seed;
};

static const char *const ids[N_IDS] = { "1", "2", "3", "44" };

static const char *name_of(int i)
{
	static char text[32];

	snprintf(text, sizeof(text), "198.51.100.%d", i + 1);
	return text;
}

static void world_apply(struct world *w)
{
	struct fw_row rows[N_ADDRS];
	size_t n = 0;

	for (int i = 0; i < N_ADDRS; i++)
		if (w->ruled[i])
			rows[n++] = row_of(name_of(i), w->kernel[i].octets, w->kernel[i].pkts);
	apply(rows, n, false, false);
}

static void world_inventory(struct world *w)
{
	struct claim claims[N_ADDRS];
	char names[N_ADDRS][32];
	size_t n = 0;

	for (int id = 0; id < N_IDS; id++)
		for (int i = 0; i < N_ADDRS; i++)
			if (w->owner[i] == id) {
				strcpy(names[n], name_of(i));
				claims[n] = (struct claim) { ids[id], names[n], false };
				n++;
			}
	set(claims, n, true);
}

/* The commit that follows an inventory: finals for rules removed, records for rules made. */
static void world_commit(struct world *w)
{
	for (int i = 0; i < N_ADDRS; i++) {
		struct fw_final f = { .addr = addr_of(name_of(i)), .path = PATH_FWD_IN };

		if (w->ruled[i] == (w->owner[i] >= 0))
			continue;
		f.kind = w->ruled[i] ? FW_REMOVED : FW_CREATED;
		f.final = w->ruled[i] ? w->kernel[i] : (struct counters) { 0, 0 };
		w->kernel[i] = (struct counters) { 0, 0 };
		w->ruled[i] = !w->ruled[i];
		finals(&f, 1);
		for (enum path p = 0; p < PATHS; p++) {
			f.path = p;
			f.final = (struct counters) { 0, 0 };
			if (p != PATH_FWD_IN)
				finals(&f, 1);
		}
	}
}

static void world_traffic(struct world *w, const int *billed)
{
	for (int k = 0; k < 20; k++) {
		int i = (int)(next_random(&w->seed) % N_ADDRS);
		uint64_t octets = 40 + next_random(&w->seed) % 1461;

		if (!w->ruled[i])
			continue;
		w->kernel[i].octets += octets;
		w->kernel[i].pkts++;
		w->carried += octets;
		w->total[billed[i]] += octets;
	}
}

static void world_check(const struct world *w)
{
	struct snap *s = look();
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n_addresses; i++)
		sum += s->addresses[i].totals.path[PATH_FWD_IN].octets;
	ck_assert_uint_eq(sum, w->carried);
	for (int id = 0; id < N_IDS; id++) {
		size_t at = find_container(s, ids[id]);

		ck_assert_uint_eq(at < s->n_containers
					  ? s->containers[at].totals.path[PATH_FWD_IN].octets
					  : 0,
				  w->total[id]);
	}
	snap_unref(s);
}

static bool is_same_totals(const struct snap_totals *a, const struct snap_totals *b)
{
	return !memcmp(a->path, b->path, sizeof(a->path)) && a->status == b->status &&
	       a->discontinuities == b->discontinuities &&
	       a->discontinuity_ns == b->discontinuity_ns && a->zero == b->zero;
}

static bool is_same_snap(const struct snap *a, const struct snap *b)
{
	bool same = a->n_containers == b->n_containers && a->n_addresses == b->n_addresses &&
		    a->last_change_ns == b->last_change_ns;

	for (size_t i = 0; same && i < a->n_containers; i++)
		same = a->containers[i].n_addresses == b->containers[i].n_addresses &&
		       a->containers[i].run == b->containers[i].run &&
		       is_same_totals(&a->containers[i].totals, &b->containers[i].totals);
	for (size_t i = 0; same && i < a->n_addresses; i++)
		same = !addr_cmp(&a->addresses[i].addr, &b->addresses[i].addr) &&
		       is_same_totals(&a->addresses[i].totals, &b->addresses[i].totals);
	return same;
}

/* What a snapshot shows does not change unless the version does. Returns whether that did. */
static bool check_version(struct snap **shown, uint64_t *version)
{
	bool grown = ledger_version(ledger) != *version;
	struct snap *s = look();

	ck_assert(grown || is_same_snap(s, *shown));
	ck_assert_uint_ge(ledger_version(ledger), *version);
	snap_unref(*shown);
	*shown = s;
	*version = ledger_version(ledger);
	return grown;
}

START_TEST(ledger_version_grows_with_all_that_is_shown)
{
	struct world w = { .seed = seed_random("ledger_version_grows_with_all_that_is_shown") };
	int billed[N_ADDRS];
	struct snap *shown = NULL;
	uint64_t version = 0;

	for (int i = 0; i < N_ADDRS; i++)
		w.owner[i] = billed[i] = -1;
	for (int round = 0; round < 200; round++) {
		int i = (int)(next_random(&w.seed) % N_ADDRS);

		w.owner[i] = (int)(next_random(&w.seed) % (N_IDS + 1)) - 1;
		world_apply(&w);
		check_version(&shown, &version);
		world_inventory(&w);
		check_version(&shown, &version);
		world_commit(&w);
		check_version(&shown, &version);
		world_apply(&w);
		check_version(&shown, &version);
		world_apply(&w); /* nothing has moved */
		ck_assert(!check_version(&shown, &version) || round >= 100);
		billed[i] = w.owner[i] >= 0 ? w.owner[i] : 0;
		world_traffic(&w, billed);
		world_apply(&w);
		check_version(&shown, &version);
		if (round >= 100 && round % 4 == 0) /* rules are lost, for a while */
			for (int k = 0; k < 3; k++) {
				apply(NULL, 0, false, false);
				check_version(&shown, &version);
			}
		if (round % 5 == 0) {
			ledger_age_out(ledger, (int64_t)now.ns, now);
			check_version(&shown, &version);
			ledger_forget(ledger);
			check_version(&shown, &version);
			ledger_zero(ledger, ids[round % N_IDS], now);
			check_version(&shown, &version);
		}
	}
	snap_unref(shown);
}
END_TEST

START_TEST(ledger_random_moves_every_octet_booked_once)
{
	struct world w = { .seed = seed_random("ledger_random_moves_every_octet_booked_once") };
	int billed[N_ADDRS];

	for (int i = 0; i < N_ADDRS; i++)
		w.owner[i] = billed[i] = -1;
	for (int round = 0; round < 400; round++) {
		for (int k = 0; k < 3; k++) {
			int i = (int)(next_random(&w.seed) % N_ADDRS);

			w.owner[i] = (int)(next_random(&w.seed) % (N_IDS + 1)) - 1;
		}
		world_apply(&w); /* the reading before hands change */
		world_inventory(&w);
		for (int i = 0; i < N_ADDRS; i++)
			if (w.owner[i] >= 0)
				billed[i] = w.owner[i];
		world_traffic(&w, billed); /* still under the old rules */
		world_commit(&w);
		world_traffic(&w, billed);
		world_apply(&w);
		world_check(&w);
	}
}
END_TEST

START_TEST(ledger_differs_only_what_would_change)
{
	static const struct claim ab[] = { { "7", A, false }, { "8", B, false } };
	static const struct claim ba[] = { { "7", B, false }, { "8", A, false } };
	static const struct claim conflict[] = { { "7", A, true }, { "8", A, true } };
	struct inventory inv = inventory_of(ab, 2, true);

	ck_assert(ledger_differs(ledger, &inv));
	set(ab, 2, true);
	ck_assert(!ledger_differs(ledger, &inv));
	inv = inventory_of(ab, 1, false); /* rows that it lacks stay */
	ck_assert(!ledger_differs(ledger, &inv));
	inv = inventory_of(ab, 1, true);
	ck_assert(ledger_differs(ledger, &inv));
	inv = inventory_of(ab, 2, true);
	inv.containers[1].run = INV_RUN_STOPPED;
	ck_assert(ledger_differs(ledger, &inv));
	inv = inventory_of(ab, 2, true);
	inv.containers[0].name = (char *)"new";
	ck_assert(ledger_differs(ledger, &inv));
	inv = inventory_of(ab, 2, true);
	inv.n_addresses = 1; /* a container without an address */
	ck_assert(ledger_differs(ledger, &inv));
	inv = inventory_of(ba, 2, true);
	inv.addresses[0] = (struct inv_address) { .addr = addr_of(A), .container = 1 };
	inv.addresses[1] = (struct inv_address) { .addr = addr_of(B) };
	ck_assert(ledger_differs(ledger, &inv)); /* they changed hands */
	inv = inventory_of(conflict, 2, true);
	ck_assert(ledger_differs(ledger, &inv));
	set(ab, 1, true);
	inv = inventory_of(ab, 2, true);
	ck_assert(ledger_differs(ledger, &inv)); /* retired, and back */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *tc = tcase_create("ledger");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ledger_differs_only_what_would_change);
	tcase_add_test(tc, ledger_apply_new_rule_pending_then_counting);
	tcase_add_test(tc, ledger_apply_decrease_once_not_believed);
	tcase_add_test(tc, ledger_apply_decrease_twice_is_discontinuity);
	tcase_add_test(tc, ledger_apply_zeroed_counts_all_since);
	tcase_add_test(tc, ledger_apply_rule_flushed_is_discontinuity);
	tcase_add_test(tc, ledger_apply_rule_put_back_by_others_never_doubles);
	tcase_add_test(tc, ledger_finals_missed_then_removed_never_doubles);
	tcase_add_test(tc, ledger_apply_held_is_booked_to_whom_the_inventory_names);
	tcase_add_test(tc, ledger_apply_held_rule_that_goes_is_discontinuity);
	tcase_add_test(tc, ledger_set_inventory_moved_address_splits_bill);
	tcase_add_test(tc, ledger_set_inventory_incomplete_or_doubtful_retires_nothing);
	tcase_add_test(tc, ledger_finals_removed_created_restarted_are_exact);
	tcase_add_test(tc, ledger_age_out_container_keeps_total);
	tcase_add_test(tc, ledger_zero_marks_without_moving_totals);
	tcase_add_test(tc, ledger_set_inventory_ifindex_is_never_reused);
	tcase_add_test(tc, ledger_version_grows_with_all_that_is_shown);
	tcase_add_test(tc, ledger_random_moves_every_octet_booked_once);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
