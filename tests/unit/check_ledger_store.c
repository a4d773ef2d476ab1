/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger to and from a store, here a shelf in memory. */
#include "base/xalloc.h"
#include "ledger_shelf.h"
#include "seed.h"

START_TEST(ledger_restore_same_boot_goes_on_exactly)
{
	static const struct claim both[] = { { "7", A, false }, { "8", B, false } };
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 11, 1) };

	set(both, 2, true);
	apply(rows, 2, false, false);
	set(a_is_7, 1, true);
	restart(true);
	expect("7", A, 100, ROW_COUNTING, 0);
	expect("8", B, 11, ROW_RETIRED, 0);
	rows[0] = row_of(A, 140, 3);
	rows[1] = row_of(B, 15, 2); /* its rule still exists: it counts for the old owner */
	apply(rows, 2, false, false);
	set(both, 2, true);
	expect("7", A, 140, ROW_COUNTING, 0);
	expect("8", B, 15, ROW_COUNTING, 0);
	expect_container("7", 140, ROW_COUNTING);
	expect_container("8", 15, ROW_COUNTING);
}
END_TEST

START_TEST(ledger_restore_other_boot_starts_rules_from_zero)
{
	struct fw_row row = row_of(A, 100, 2);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	restart(false);
	expect("7", A, 100, ROW_PENDING, 1);
	set(a_is_7, 1, true);
	for (enum path p = 0; p < PATHS; p++)
		finals(&(struct fw_final) { addr_of(A), p, FW_CREATED, { 0, 0 } }, 1);
	row = row_of(A, 30, 1);
	apply(&row, 1, false, false);
	expect("7", A, 130, ROW_COUNTING, 1);
}
END_TEST

START_TEST(ledger_restore_other_boot_old_counters_never_double)
{
	struct fw_row row = row_of(A, 100, 2);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	restart(false);
	set(a_is_7, 1, true);
	row = row_of(A, 90, 2); /* restored by a boot script, canary and all */
	apply(&row, 1, false, false);
	expect("7", A, 100, ROW_COUNTING, 1);
	row = row_of(A, 99, 3);
	apply(&row, 1, false, false);
	expect("7", A, 109, ROW_COUNTING, 1);
}
END_TEST

START_TEST(ledger_restore_other_boot_zeroed_counts_all)
{
	struct fw_row row = row_of(A, 100, 2);

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	restart(false);
	set(a_is_7, 1, true);
	row = row_of(A, 9, 1); /* restored without counters: the canary is 0 */
	apply(&row, 1, true, false);
	row = row_of(A, 12, 2);
	apply(&row, 1, false, false);
	expect("7", A, 112, ROW_COUNTING, 1);
}
END_TEST

static void say(void *arg, const char *runtime, const char *runtime_id, const char *id)
{
	char *said = arg;

	strcat(said, runtime);
	strcat(said, "/");
	strcat(said, runtime_id);
	strcat(said, "=");
	strcat(said, id);
}

/* What a runtime says of a container outlives a restart; its containers stay while it is silent. */
START_TEST(ledger_restore_runtime_known_and_kept_while_unheard)
{
	struct inventory inv = inventory_of(a_is_7, 1, true);
	struct inventory silent = { .complete = true, .unheard = { "docker" }, .n_unheard = 1 };
	struct fw_row row = row_of(A, 100, 2);
	char said[64] = "";

	inv.containers[0].runtime = "docker";
	inv.containers[0].runtime_id = (char *)"0f1e";
	ck_assert(ledger_set_inventory(ledger, &inv, now));
	apply(&row, 1, false, false);
	restart(true);
	ledger_each_runtime_id(ledger, say, said);
	ck_assert_str_eq(said, "docker/0f1e=7");
	ck_assert(!ledger_differs(ledger, &inv));
	ck_assert(!ledger_differs(ledger, &silent));
	ck_assert(!ledger_set_inventory(ledger, &silent, now));
	expect("7", A, 100, ROW_COUNTING, 0);
	inv.containers[0].image = (char *)"web:2"; /* is not stored */
	ck_assert(ledger_differs(ledger, &inv));
	ck_assert(ledger_set_inventory(ledger, &inv, now));
	ck_assert(!ledger_differs(ledger, &inv));
	inv.containers[0].image = (char *)"web:3";
	ck_assert(ledger_differs(ledger, &inv));
	inv.containers[0].image = (char *)"web:2";
	inv.containers[0].runtime_id = (char *)"1e1e"; /* made anew */
	ck_assert(ledger_differs(ledger, &inv));
	silent.unheard[0] = "podman";
	ck_assert(ledger_differs(ledger, &silent));
	ck_assert(ledger_set_inventory(ledger, &silent, now));
	expect("7", A, 100, ROW_RETIRED, 0);
	said[0] = '\0';
	ledger_each_runtime_id(ledger, say, said);
	ck_assert_str_eq(said, "");
}
END_TEST

/* --- batches ------------------------------------------------------------------------------- */

#define C "192.0.2.3"

static void expect_row(const struct store_batch *b, size_t i, const char *addr, uint64_t before,
		       uint64_t total)
{
	struct addr a = addr_of(addr);

	ck_assert_uint_lt(i, b->n_addresses);
	ck_assert_int_eq(addr_cmp(&b->addresses[i].addr, &a), 0);
	ck_assert_uint_eq(b->addresses[i].before[PATH_FWD_IN].octets, before);
	ck_assert_uint_eq(b->addresses[i].totals.path[PATH_FWD_IN].octets, total);
	ck_assert_uint_eq(b->addresses[i].last[PATH_FWD_IN].octets, total);
}

static void save(void)
{
	struct store_batch *b = ledger_take_changed(ledger);

	ledger_saved(ledger, b);
	store_batch_free(b);
}

static const struct claim both[] = { { "7", A, false }, { "8", B, false } };

START_TEST(ledger_take_changed_after_saved_is_what_changed)
{
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 11, 1) };
	struct store_batch *b;

	set(both, 2, true);
	apply(rows, 2, false, false);
	save();
	rows[1] = row_of(B, 61, 2);
	apply(rows, 2, false, false);
	b = ledger_take_changed(ledger);
	ck_assert_uint_eq(b->n_containers, 1);
	ck_assert_uint_eq(b->n_addresses, 1);
	ck_assert_str_eq(b->containers[0].id, "8");
	expect_row(b, 0, B, 11, 61);
	ledger_saved(ledger, b);
	store_batch_free(b);
	b = ledger_take_changed(ledger);
	ck_assert_uint_eq(b->n_containers + b->n_addresses, 0);
	ledger_saved(ledger, b);
	store_batch_free(b);
}
END_TEST

START_TEST(ledger_saved_what_came_meanwhile_is_next)
{
	static const struct claim three[] = { { "7", A, false },
					      { "7", C, false },
					      { "8", B, false } };
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 11, 1), row_of(C, 5, 1) };
	struct store_batch *b;

	set(both, 2, true);
	apply(rows, 2, false, false);
	b = ledger_take_changed(ledger);
	set(three, 3, true); /* a row in between */
	rows[1] = row_of(B, 20, 1);
	apply(rows, 3, false, false);
	expect_row(b, 0, A, 0, 100); /* still as it was when taken */
	expect_row(b, 1, B, 0, 11);
	ledger_saved(ledger, b);
	store_batch_free(b);
	b = ledger_take_changed(ledger);
	ck_assert_uint_eq(b->n_addresses, 2);
	expect_row(b, 0, C, 0, 5);
	expect_row(b, 1, B, 11, 20);
	ledger_saved(ledger, b);
	store_batch_free(b);
}
END_TEST

START_TEST(ledger_not_saved_taken_again)
{
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 11, 1) };
	struct store_batch *b;

	set(both, 2, true);
	apply(rows, 2, false, false);
	save();
	rows[0] = row_of(A, 150, 3);
	apply(rows, 2, false, false);
	for (int i = 0; i < 3; i++) {
		b = ledger_take_changed(ledger);
		ck_assert_uint_eq(b->n_addresses, 1);
		expect_row(b, 0, A, 100, 150 + (uint64_t)i);
		rows[0] = row_of(A, 151 + (uint64_t)i, 4);
		apply(rows, 2, false, false);
		ledger_not_saved(ledger);
		store_batch_free(b);
	}
	ledger_unsaved(ledger);
	b = ledger_take_changed(ledger);
	ck_assert_uint_eq(b->n_containers, 2);
	ck_assert_uint_eq(b->n_addresses, 2);
	expect_row(b, 0, A, 100, 153);
	expect_row(b, 1, B, 11, 11);
	ledger_saved(ledger, b);
	store_batch_free(b);
}
END_TEST

START_TEST(ledger_restore_before_is_what_was_stored)
{
	struct fw_row row = row_of(A, 100, 2);
	struct store_batch *b;

	set(a_is_7, 1, true);
	apply(&row, 1, false, false);
	restart(true);
	row = row_of(A, 130, 3);
	apply(&row, 1, false, false);
	ledger_unsaved(ledger);
	b = ledger_take_changed(ledger);
	expect_row(b, 0, A, 100, 130);
	ledger_saved(ledger, b);
	store_batch_free(b);
}
END_TEST

/* A store as in docs/ledger.md: usage is the growth of a total. */
static struct {
	bool there[8];
	uint64_t total[8]; /* by key */
	uint64_t usage, known; /* with usage before the loss; usage reported as stored */
} shelf;

static void shelve(const struct store_batch *b)
{
	for (size_t i = 0; i < b->n_addresses; i++) {
		const struct store_address *a = &b->addresses[i];
		uint64_t before =
			shelf.there[a->key] ? shelf.total[a->key] : a->before[PATH_FWD_IN].octets;

		shelf.usage += a->totals.path[PATH_FWD_IN].octets - before;
		shelf.total[a->key] = a->totals.path[PATH_FWD_IN].octets;
		shelf.there[a->key] = true;
	}
}

START_TEST(ledger_take_changed_random_failures_used_once)
{
	uint64_t seed = seed_random("ledger_take_changed_random_failures_used_once");
	struct fw_row rows[] = { row_of(A, 0, 0), row_of(B, 0, 0) };
	struct store_batch *b = NULL;
	uint64_t all = 0;

	memset(&shelf, 0, sizeof(shelf));
	for (int i = 0; i < 2000; i++) {
		uint64_t octets = next_random(&seed) % 1000;

		rows[i & 1].path[PATH_FWD_IN].octets += octets;
		all += octets;
		if (next_random(&seed) % 4 == 0)
			set(both + next_random(&seed) % 2, 1, false);
		set(both, 2, false);
		apply(rows, 2, false, false);
		if (!b) {
			b = ledger_take_changed(ledger);
			continue;
		}
		switch (next_random(&seed) % 5) {
		case 0: /* it was stored, but seemed to fail */
			shelve(b);
			ledger_not_saved(ledger);
			break;
		case 1:
			ledger_not_saved(ledger);
			break;
		case 2: /* the file was lost */
			ledger_not_saved(ledger);
			ledger_unsaved(ledger);
			memset(shelf.there, 0, sizeof(shelf.there));
			shelf.usage = shelf.known;
			break;
		default:
			shelve(b);
			ledger_saved(ledger, b);
			shelf.known = shelf.usage;
		}
		store_batch_free(b);
		b = NULL;
	}
	if (b)
		ledger_not_saved(ledger);
	store_batch_free(b);
	b = ledger_take_changed(ledger);
	shelve(b);
	store_batch_free(b);
	ck_assert_uint_eq(shelf.total[1] + shelf.total[2], all);
	ck_assert_uint_eq(shelf.usage, all);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_store");
	TCase *tc = tcase_create("ledger_store");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ledger_restore_same_boot_goes_on_exactly);
	tcase_add_test(tc, ledger_restore_other_boot_starts_rules_from_zero);
	tcase_add_test(tc, ledger_restore_other_boot_old_counters_never_double);
	tcase_add_test(tc, ledger_restore_other_boot_zeroed_counts_all);
	tcase_add_test(tc, ledger_restore_runtime_known_and_kept_while_unheard);
	tcase_add_test(tc, ledger_take_changed_after_saved_is_what_changed);
	tcase_add_test(tc, ledger_saved_what_came_meanwhile_is_next);
	tcase_add_test(tc, ledger_not_saved_taken_again);
	tcase_add_test(tc, ledger_restore_before_is_what_was_stored);
	tcase_add_test(tc, ledger_take_changed_random_failures_used_once);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
