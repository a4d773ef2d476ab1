/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows that age out leave the memory, stay in the store for long, and come back from it. */
#include "keep_world.h"
#include "ledger/ledger_store.h"
#include "store/store_batch.h"

static const struct claim both[] = { { "7", A, false }, { "8", B, false } };
static const struct claim b_is_8[] = { { "8", B, false } };

/* The rules of an address are removed, right when everything was read. */
static void remove_rules(const char *addr, uint64_t octets)
{
	struct fw_final f[PATHS];

	for (enum path p = 0; p < PATHS; p++) {
		f[p] = (struct fw_final) { addr_of(addr), p, FW_REMOVED, { 0, 0 } };
		if (p == PATH_FWD_IN)
			f[p].final = (struct counters) { octets, 9 };
	}
	finals(f, PATHS);
}

static void store_all(void)
{
	later();
	await_stored(keep_checkpoint(keep, now, true));
}

/* Everything retired ages out and leaves the memory. */
static void grow_old(void)
{
	ledger_age_out(ledger, (int64_t)now.ns + 1, now);
	ledger_forget(ledger);
	store_all();
	ledger_forget(ledger); /* rows that owned a slot */
	store_all();
	ledger_forget(ledger);
}

static size_t count_strangers(const struct claim *claims, size_t n)
{
	struct inventory inv = inventory_of(claims, n, true);
	size_t strangers;

	free(ledger_strangers(ledger, &inv, &strangers));
	return strangers;
}

static uint64_t ask_for(const struct claim *claims, size_t n)
{
	struct inventory inv = inventory_of(claims, n, true);
	struct store_key *keys;
	uint64_t ticket;
	size_t strangers;

	keys = ledger_strangers(ledger, &inv, &strangers);
	ticket = keep_recall(keep, keys, strangers, now);
	free(keys);
	return ticket;
}

static uint32_t ifindex_of(const char *id)
{
	struct snap *s = look();
	size_t i = find_container(s, id);
	uint32_t ifindex = i < s->n_containers ? s->containers[i].ifindex : 0;

	snap_unref(s);
	return ifindex;
}

/* 7 (with A) and 8 (with B) have counted 100 and 11; 7 has gone and aged out. */
static void lose_seven(void)
{
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 11, 1) };

	set(both, 2, true);
	apply(rows, 2, false, false);
	set(b_is_8, 1, true);
	remove_rules(A, 100);
	store_all();
	grow_old();
}

START_TEST(ledger_forget_what_is_not_stored_stays)
{
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 11, 1) };

	set(both, 2, true);
	apply(rows, 2, false, false);
	set(b_is_8, 1, true);
	ledger_age_out(ledger, (int64_t)now.ns + 1, now);
	ledger_forget(ledger); /* its rules still count, and nothing is stored */
	ck_assert_uint_eq(count_strangers(both, 2), 0);
	store_all();
	ledger_forget(ledger);
	ck_assert_uint_eq(count_strangers(both, 2), 0);
	remove_rules(A, 107);
	ledger_forget(ledger);
	ck_assert_uint_eq(count_strangers(both, 2), 0);
	store_all();
	expect_answer(place.path, "SELECT in_octets, owner FROM address WHERE state = 3", "107|0 ");
	ledger_forget(ledger);
	ck_assert_uint_eq(count_strangers(both, 2), 2);
	expect_container("8", 11, ROW_COUNTING);
}
END_TEST

START_TEST(keep_recall_returning_container_resumes_its_row)
{
	uint32_t ifindex;
	struct fw_row rows[] = { row_of(A, 5, 1), row_of(B, 12, 1) };

	set(both, 2, true);
	ifindex = ifindex_of("7");
	lose_seven();
	ck_assert_uint_eq(count_strangers(both, 2), 2);
	ck_assert_uint_eq(ifindex_of("7"), 0);
	await_stored(ask_for(both, 2));
	ck_assert_uint_eq(count_strangers(both, 2), 0);
	ck_assert_uint_eq(ifindex_of("7"), 0); /* not until the inventory has it */
	set(both, 2, true);
	apply(rows, 2, false, false);
	ck_assert_uint_eq(ifindex_of("7"), ifindex);
	expect("7", A, 105, ROW_COUNTING, 0);
	expect_container("7", 105, ROW_COUNTING);
	store_all();
	expect_answer(place.path, "SELECT ctid, ifindex, in_octets FROM container ORDER BY ctid",
		      "7|1|105 8|2|12 ");
	expect_answer(place.path, "SELECT count(*) FROM address", "2 ");
	expect_answer(place.path, IN_OCTETS_USED("usage_hour"), "117 ");
}
END_TEST

START_TEST(keep_recall_address_of_a_container_that_stayed)
{
	static const struct claim two[] = { { "7", A, false }, { "7", B, false } };
	struct fw_row rows[] = { row_of(A, 100, 2), row_of(B, 11, 1) };

	set(two, 2, true);
	apply(rows, 2, false, false);
	set(a_is_7, 1, true);
	remove_rules(B, 12);
	store_all();
	grow_old();
	ck_assert_uint_eq(count_strangers(two, 2), 1);
	expect_container("7", 112, ROW_COUNTING);
	await_stored(ask_for(two, 2));
	set(two, 2, true);
	rows[1] = row_of(B, 3, 1);
	apply(rows, 2, false, false);
	expect("7", B, 15, ROW_COUNTING, 0);
	expect_container("7", 115, ROW_COUNTING);
}
END_TEST

START_TEST(keep_recall_unknown_is_new)
{
	static const struct claim nine[] = { { "8", B, false }, { "9", A, false } };

	lose_seven();
	await_stored(ask_for(nine, 2));
	set(nine, 2, true);
	ck_assert_uint_eq(ifindex_of("9"), 3);
	expect("9", A, 0, ROW_PENDING, 0);
}
END_TEST

/* The disk is slow, so the row was taken for new: what was counted since is added when the store
 * answers. */
START_TEST(keep_recall_too_late_is_merged)
{
	struct fw_row rows[] = { row_of(A, 5, 1), row_of(B, 12, 1) };
	uint64_t ticket;

	lose_seven();
	set_disk(DISK_SLOW);
	keep_checkpoint(keep, now, true);
	while (!waiting)
		loop_run_once(loop, 1);
	ticket = ask_for(both, 2);
	await_settled(ticket);
	ck_assert(!keep_is_stored(keep, ticket));
	set(both, 2, true);
	apply(rows, 2, false, false);
	expect("7", A, 5, ROW_COUNTING, 0);
	ck_assert_uint_eq(ifindex_of("7"), 3);
	ck_assert_uint_eq(ledger_zero(ledger, "7", now), 2);
	ticket = keep_checkpoint(keep, now, true);
	set_disk(DISK_GOOD);
	while (!keep_is_stored(keep, ticket))
		loop_run_once(loop, 20000);
	expect("7", A, 105, ROW_COUNTING, 1);
	expect_container("7", 105, ROW_COUNTING);
	ck_assert_uint_eq(ifindex_of("7"), 1);
	expect_answer(
		place.path,
		"SELECT ctid, ifindex, in_octets, zero_in_octets FROM container ORDER BY ctid",
		"7|1|105|105 8|2|12|0 ");
	expect_answer(place.path, "SELECT key, container, in_octets FROM address ORDER BY key",
		      "1|1|105 2|2|12 ");
	expect_answer(place.path, IN_OCTETS_USED("usage_hour"), "117 ");
}
END_TEST

/* Churn: memory holds the present rows, the store holds all, and the sum is exact. */
START_TEST(ledger_forget_churn_keeps_what_is_live_only)
{
	uint64_t total = 0, seed = seed_random("ledger_forget_churn_keeps_what_is_live_only");
	char id[16];

	for (unsigned round = 0; round < 200; round++) {
		struct claim claim = { id, A, false };
		struct fw_row row = row_of(A, next_random(&seed) % 1000 + 1, 1);

		snprintf(id, sizeof(id), "%u", (unsigned)(next_random(&seed) % 40) + 10);
		await_stored(ask_for(&claim, 1));
		set(&claim, 1, true);
		apply(&row, 1, false, false);
		total += row.path[PATH_FWD_IN].octets;
		set(NULL, 0, true);
		remove_rules(A, row.path[PATH_FWD_IN].octets);
		grow_old();
		ck_assert_uint_eq(count_strangers(&claim, 1), 2);
	}
	snprintf(id, sizeof(id), "%llu ", (unsigned long long)total);
	expect_answer(place.path, "SELECT sum(in_octets) FROM container", id);
	expect_answer(place.path, "SELECT sum(in_octets) FROM address", id);
	expect_answer(place.path, IN_OCTETS_USED("usage_hour"), id);
	expect_answer(place.path, "SELECT count(*) <= 40, count(*) = max(ifindex) FROM container",
		      "1|1 ");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keep_age");
	TCase *t = tcase_create("keep_age");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, ledger_forget_what_is_not_stored_stays);
	tcase_add_test(t, keep_recall_returning_container_resumes_its_row);
	tcase_add_test(t, keep_recall_address_of_a_container_that_stayed);
	tcase_add_test(t, keep_recall_unknown_is_new);
	tcase_add_test(t, keep_recall_too_late_is_merged);
	tcase_add_test(t, ledger_forget_churn_keeps_what_is_live_only);
	suite_add_tcase(s, t);
	return run_suite(s);
}
