/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET and GETNEXT of oidtab: the corners one by one on a small table, and the cost of a look-up. */
#include "base/xalloc.h"
#include "mib/oidtab.h"

#include <check.h>
#include <stdlib.h>

#define OID(...) \
	((const uint32_t[]) { __VA_ARGS__ }), ARRAY_LEN(((const uint32_t[]) { __VA_ARGS__ }))

/* ---- a small table: 1.3.9, columns 2 and 5, rows 1, 3 and 3.4; row 3 has a hole in column 2,
 * rows 3 and 3.4 in column 5. The value of a cell is 100 * column + row. */

static const uint32_t small_prefix[] = { 1, 3, 9 };
static const uint32_t small_columns[] = { 2, 5 };

struct small {
	size_t rows;
	bool no_cells;
};

static size_t small_rows(const void *data)
{
	return ((const struct small *)data)->rows;
}

static size_t small_index(const void *data, size_t row, uint32_t *sub)
{
	(void)data;
	sub[0] = row ? 3 : 1;
	sub[1] = 4;
	return row == 2 ? 2 : 1;
}

static bool small_cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	if (((const struct small *)data)->no_cells || (column == 2 && row == 1) ||
	    (column == 5 && row > 0))
		return false;
	ret->type = SMI_INTEGER;
	ret->u.integer = (int32_t)(100 * column + row);
	return true;
}

static const struct oidtab small_tab = {
	.prefix = small_prefix,
	.prefix_len = ARRAY_LEN(small_prefix),
	.columns = small_columns,
	.n_columns = ARRAY_LEN(small_columns),
	.rows = small_rows,
	.index = small_index,
	.cell = small_cell,
};

static const struct small small_full = { .rows = 3 };

static enum oidtab_result get_small(const struct small *data, const uint32_t *oid, size_t len,
				    int32_t *ret_value)
{
	struct smi_value v = { .u.integer = -1 };
	enum oidtab_result r = oidtab_get(&small_tab, data, oid, len, &v);

	*ret_value = v.u.integer;
	return r;
}

static void expect_next(const uint32_t *oid, size_t len, bool include, const uint32_t *next,
			size_t next_len, int32_t value)
{
	struct smi_value v;
	struct oid o;

	ck_assert_int_eq(oidtab_next(&small_tab, &small_full, oid, len, include, &o, &v, NULL),
			 OIDTAB_FOUND);
	ck_assert_int_eq(oid_cmp(o.sub, o.len, next, next_len), 0);
	ck_assert_int_eq(v.u.integer, value);
}

static void expect_end(const struct small *data, const uint32_t *oid, size_t len, bool include)
{
	struct smi_value v;
	struct oid o = { .len = 77 };

	ck_assert_int_eq(oidtab_next(&small_tab, data, oid, len, include, &o, &v, NULL),
			 OIDTAB_END);
	ck_assert_uint_eq(o.len, 77);
}

START_TEST(oid_cmp_prefix_comes_first)
{
	ck_assert_int_lt(oid_cmp(OID(1, 3), OID(1, 3, 0)), 0);
	ck_assert_int_gt(oid_cmp(OID(1, 3, 0), OID(1, 3)), 0);
	ck_assert_int_eq(oid_cmp(OID(1, 3), OID(1, 3)), 0);
	ck_assert_int_lt(oid_cmp(OID(1, 3, 9), OID(1, 4)), 0);
	ck_assert_int_gt(oid_cmp(OID(4294967295u), OID(0)), 0);
	ck_assert_int_eq(oid_cmp(NULL, 0, NULL, 0), 0);
}
END_TEST

START_TEST(oidtab_get_instance_found)
{
	int32_t v;

	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9, 2, 1), &v), OIDTAB_FOUND);
	ck_assert_int_eq(v, 200);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9, 2, 3, 4), &v), OIDTAB_FOUND);
	ck_assert_int_eq(v, 202);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9, 5, 1), &v), OIDTAB_FOUND);
	ck_assert_int_eq(v, 500);
}
END_TEST

START_TEST(oidtab_get_no_row_or_hole_no_such_instance)
{
	static const struct small empty = { .rows = 0 };
	int32_t v;

	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9, 2), &v), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9, 2, 0), &v), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9, 2, 3), &v), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9, 2, 3, 4, 0), &v),
			 OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9, 5, 9), &v), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(get_small(&empty, OID(1, 3, 9, 2, 1), &v), OIDTAB_NO_SUCH_INSTANCE);
}
END_TEST

START_TEST(oidtab_get_no_column_no_such_object)
{
	int32_t v;

	ck_assert_int_eq(get_small(&small_full, NULL, 0, &v), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3), &v), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9), &v), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9, 1, 1), &v), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9, 3, 1), &v), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 9, 6, 1), &v), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 8, 2, 1), &v), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(get_small(&small_full, OID(1, 3, 10, 2, 1), &v), OIDTAB_NO_SUCH_OBJECT);
}
END_TEST

START_TEST(oidtab_next_before_table_gives_first)
{
	expect_next(NULL, 0, false, OID(1, 3, 9, 2, 1), 200);
	expect_next(OID(0, 0), false, OID(1, 3, 9, 2, 1), 200);
	expect_next(OID(1, 3), true, OID(1, 3, 9, 2, 1), 200);
	expect_next(OID(1, 3, 9), false, OID(1, 3, 9, 2, 1), 200);
	expect_next(OID(1, 3, 9), true, OID(1, 3, 9, 2, 1), 200);
	expect_next(OID(1, 3, 8, 9, 9, 9, 9), false, OID(1, 3, 9, 2, 1), 200);
	expect_next(OID(1, 3, 9, 0, 7), false, OID(1, 3, 9, 2, 1), 200);
	expect_next(OID(1, 3, 9, 2), false, OID(1, 3, 9, 2, 1), 200);
	expect_next(OID(1, 3, 9, 2, 0, 4294967295u), false, OID(1, 3, 9, 2, 1), 200);
}
END_TEST

START_TEST(oidtab_next_within_table_gives_following)
{
	expect_next(OID(1, 3, 9, 2, 1), false, OID(1, 3, 9, 2, 3, 4), 202);
	expect_next(OID(1, 3, 9, 2, 1, 0), false, OID(1, 3, 9, 2, 3, 4), 202);
	expect_next(OID(1, 3, 9, 2, 3), false, OID(1, 3, 9, 2, 3, 4), 202);
	expect_next(OID(1, 3, 9, 2, 3, 4), false, OID(1, 3, 9, 5, 1), 500);
	expect_next(OID(1, 3, 9, 2, 4294967295u), false, OID(1, 3, 9, 5, 1), 500);
	expect_next(OID(1, 3, 9, 3), false, OID(1, 3, 9, 5, 1), 500);
	expect_next(OID(1, 3, 9, 4, 8, 8), true, OID(1, 3, 9, 5, 1), 500);
}
END_TEST

START_TEST(oidtab_next_include_gives_the_same_instance)
{
	expect_next(OID(1, 3, 9, 2, 1), true, OID(1, 3, 9, 2, 1), 200);
	expect_next(OID(1, 3, 9, 2, 3, 4), true, OID(1, 3, 9, 2, 3, 4), 202);
	/* a hole is no instance */
	expect_next(OID(1, 3, 9, 2, 3), true, OID(1, 3, 9, 2, 3, 4), 202);
	expect_next(OID(1, 3, 9, 2, 1, 0), true, OID(1, 3, 9, 2, 3, 4), 202);
}
END_TEST

START_TEST(oidtab_next_past_last_gives_end)
{
	static const struct small empty = { .rows = 0 }, holes = { .rows = 3, .no_cells = true };

	expect_end(&small_full, OID(1, 3, 9, 5, 1), false);
	expect_end(&small_full, OID(1, 3, 9, 5, 3), true);
	expect_end(&small_full, OID(1, 3, 9, 6), true);
	expect_end(&small_full, OID(1, 3, 9, 4294967295u, 1), false);
	expect_end(&small_full, OID(1, 3, 10), true);
	expect_end(&small_full, OID(2), true);
	expect_end(&empty, NULL, 0, true);
	expect_end(&empty, OID(1, 3, 9, 2, 1), true);
	expect_end(&holes, NULL, 0, false);
}
END_TEST

START_TEST(oidtab_next_in_place_walks)
{
	struct oid o = { .len = 0 };
	struct smi_value v;
	int n = 0;

	while (oidtab_next(&small_tab, &small_full, o.sub, o.len, false, &o, &v, NULL) ==
	       OIDTAB_FOUND)
		n++;
	ck_assert_int_eq(n, 3);
	ck_assert_int_eq(oid_cmp(o.sub, o.len, OID(1, 3, 9, 5, 1)), 0);
}
END_TEST

/* ---- cost of a look-up in a long table */

struct big {
	size_t calls;
};

static size_t big_rows(const void *data)
{
	(void)data;
	return 10000;
}

static size_t big_index(const void *data, size_t row, uint32_t *sub)
{
	((struct big *)data)->calls++;
	sub[0] = (uint32_t)row;
	return 1;
}

static bool big_cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	(void)data;
	ret->type = SMI_COUNTER64;
	ret->u.u64 = row * 10 + column;
	return true;
}

static const struct oidtab big_tab = {
	.prefix = small_prefix,
	.prefix_len = ARRAY_LEN(small_prefix),
	.columns = small_columns,
	.n_columns = ARRAY_LEN(small_columns),
	.rows = big_rows,
	.index = big_index,
	.cell = big_cell,
};

START_TEST(oidtab_next_long_table_searches_binary)
{
	struct big *big = xcalloc(1, sizeof(*big));
	struct oid o = { .len = 0 };
	struct smi_value v;
	size_t n = 0;

	while (oidtab_next(&big_tab, big, o.sub, o.len, false, &o, &v, NULL) == OIDTAB_FOUND) {
		ck_assert_uint_eq(v.u.u64, n % 10000 * 10 + small_columns[n / 10000]);
		ck_assert_uint_le(big->calls, 15);
		big->calls = 0;
		n++;
	}
	ck_assert_uint_eq(n, 20000);
	free(big);
}
END_TEST

START_TEST(oidtab_next_walk_with_a_hint_looks_at_neighbours_only)
{
	struct big *big = xcalloc(1, sizeof(*big));
	struct oid o = { .len = 0 };
	size_t n = 0, near = 7777;
	struct smi_value v;

	while (oidtab_next(&big_tab, big, o.sub, o.len, false, &o, &v, &near) == OIDTAB_FOUND) {
		ck_assert_uint_eq(v.u.u64, n % 10000 * 10 + small_columns[n / 10000]);
		ck_assert_uint_eq(near, n % 10000);
		ck_assert_uint_le(big->calls, 3);
		big->calls = 0;
		n++;
	}
	ck_assert_uint_eq(n, 20000);
	free(big);
}
END_TEST

/* A hint that is of no use costs two steps. */
START_TEST(oidtab_next_wrong_hint_costs_little)
{
	static const size_t hints[] = { 0, 5000, 9999, 10000, SIZE_MAX };
	struct big *big = xcalloc(1, sizeof(*big));
	uint32_t oid[] = { 1, 3, 9, 2, 0 };
	struct smi_value v;
	struct oid o;

	oid[3] = small_columns[0];
	for (uint32_t row = 0; row < 9999; row += 7) {
		oid[4] = row;
		for (size_t h = 0; h < ARRAY_LEN(hints); h++) {
			size_t near = hints[h];

			big->calls = 0;
			ck_assert_int_eq(oidtab_next(&big_tab, big, oid, ARRAY_LEN(oid), false, &o,
						     &v, &near),
					 OIDTAB_FOUND);
			ck_assert_uint_eq(v.u.u64, (row + 1) * 10 + small_columns[0]);
			ck_assert_uint_le(big->calls, 17);
		}
	}
	free(big);
}
END_TEST

START_TEST(oidtab_view_empty_has_nothing)
{
	const struct oidtab_view none = { NULL, 0 };
	struct smi_value v;
	struct oid o;

	ck_assert_int_eq(oidtab_view_get(&none, NULL, OID(1, 3), &v), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(oidtab_view_next(&none, NULL, OID(1, 3), true, &o, &v, NULL), OIDTAB_END);
}
END_TEST

/* A table inside the prefix of another whose column comes before (1.3.7) or behind it (1.3.12). */
START_TEST(oidtab_view_prefix_within_another_longest_counts)
{
	static const uint32_t outer_columns[] = { 7, 12 };
	struct oidtab outer = small_tab;
	const struct oidtab *const tabs[2] = { _i ? &small_tab : &outer, _i ? &outer : &small_tab };
	const struct oidtab_view view = { tabs, 2 };
	const struct small one = { .rows = 1 };
	struct smi_value v;
	struct oid at = { .len = 0 };

	outer.prefix_len = 2;
	outer.columns = &outer_columns[_i];
	outer.n_columns = 1;
	ck_assert_int_eq(oidtab_view_get(&view, &one, OID(1, 3, 9, 2, 1), &v), OIDTAB_FOUND);
	ck_assert_int_eq(v.u.integer, 200);
	ck_assert_int_eq(oidtab_view_get(&view, &one, OID(1, 3, outer_columns[_i], 1), &v),
			 OIDTAB_FOUND);
	ck_assert_int_eq(oidtab_view_get(&view, &one, OID(1, 3, 8, 1), &v), OIDTAB_NO_SUCH_OBJECT);
	for (int i = 0; i < 3; i++) {
		static const int32_t walks[2][3] = { { 700, 200, 500 }, { 200, 500, 1200 } };

		ck_assert_int_eq(oidtab_view_next(&view, &one, at.sub, at.len, false, &at, &v,
						  NULL),
				 OIDTAB_FOUND);
		ck_assert_int_eq(v.u.integer, walks[_i][i]);
	}
	ck_assert_int_eq(oidtab_view_next(&view, &one, at.sub, at.len, false, &at, &v, NULL),
			 OIDTAB_END);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("oidtab");
	TCase *t = tcase_create("oidtab");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, oid_cmp_prefix_comes_first);
	tcase_add_test(t, oidtab_get_instance_found);
	tcase_add_test(t, oidtab_get_no_row_or_hole_no_such_instance);
	tcase_add_test(t, oidtab_get_no_column_no_such_object);
	tcase_add_test(t, oidtab_next_before_table_gives_first);
	tcase_add_test(t, oidtab_next_within_table_gives_following);
	tcase_add_test(t, oidtab_next_include_gives_the_same_instance);
	tcase_add_test(t, oidtab_next_past_last_gives_end);
	tcase_add_test(t, oidtab_next_in_place_walks);
	tcase_add_test(t, oidtab_next_long_table_searches_binary);
	tcase_add_test(t, oidtab_next_walk_with_a_hint_looks_at_neighbours_only);
	tcase_add_test(t, oidtab_next_wrong_hint_costs_little);
	tcase_add_test(t, oidtab_view_empty_has_nothing);
	tcase_add_loop_test(t, oidtab_view_prefix_within_another_longest_counts, 0, 2);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
