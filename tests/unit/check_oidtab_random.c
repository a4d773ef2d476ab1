/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET and GETNEXT of oidtab over random views of random tables (columns, holes, indexes of many
 * lengths), against a naive model: every instance in one sorted array. SEED=n repeats a run. */
#include "base/xalloc.h"
#include "mib/oidtab.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_TABS 3
#define MAX_ROWS 24
#define MAX_COLUMNS 5
#define MAX_INDEX 12

struct random_row {
	uint32_t sub[MAX_INDEX];
	size_t len;
};

struct random_tab {
	uint32_t prefix[4];
	size_t prefix_len;
	uint32_t columns[MAX_COLUMNS];
	size_t n_columns;
	struct random_row rows[MAX_ROWS];
	size_t n_rows;
	bool hole[MAX_ROWS][MAX_COLUMNS];
};

struct instance {
	struct oid oid;
	uint64_t value;
};

struct world {
	struct random_tab tabs[MAX_TABS];
	struct oidtab oidtabs[MAX_TABS];
	const struct oidtab *pointers[MAX_TABS];
	struct oidtab_view view;
	struct instance instances[MAX_TABS * MAX_ROWS * MAX_COLUMNS]; /* sorted */
	size_t n_instances;
	uint64_t random; /* state */
};

static uint32_t roll(struct world *w, uint32_t sides)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (uint32_t)((w->random >> 32) % sides);
}

static uint32_t roll_sub(struct world *w)
{
	static const uint32_t corners[] = { 0,          1,          127,        128,
					    0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };

	return roll(w, 3) ? roll(w, 4) : corners[roll(w, ARRAY_LEN(corners))];
}

static uint64_t cell_value(size_t t, size_t row, uint32_t column)
{
	return (uint64_t)column << 32 | t << 16 | row;
}

static size_t tab_rows(const struct random_tab *tab)
{
	return tab->n_rows;
}

static size_t tab_index(const struct random_tab *tab, size_t row, uint32_t *sub)
{
	memcpy(sub, tab->rows[row].sub, tab->rows[row].len * sizeof(sub[0]));
	return tab->rows[row].len;
}

static bool tab_cell(const struct random_tab *tab, size_t t, size_t row, uint32_t column,
		     struct smi_value *ret)
{
	size_t c = 0;

	while (tab->columns[c] != column)
		c++;
	if (tab->hole[row][c])
		return false;
	ret->type = SMI_COUNTER64;
	ret->u.u64 = cell_value(t, row, column);
	return true;
}

/* A view's tables share one data pointer, so each place in it has functions of its own. */
#define TAB_FUNCTIONS(n)                                                                           \
	static size_t rows_##n(const void *data)                                                   \
	{                                                                                          \
		return tab_rows(&((const struct world *)data)->tabs[n]);                           \
	}                                                                                          \
	static size_t index_##n(const void *data, size_t row, uint32_t *sub)                       \
	{                                                                                          \
		return tab_index(&((const struct world *)data)->tabs[n], row, sub);                \
	}                                                                                          \
	static bool cell_##n(const void *data, size_t row, uint32_t column, struct smi_value *ret) \
	{                                                                                          \
		return tab_cell(&((const struct world *)data)->tabs[n], n, row, column, ret);      \
	}

TAB_FUNCTIONS(0)
TAB_FUNCTIONS(1)
TAB_FUNCTIONS(2)

static const struct oidtab functions[MAX_TABS] = {
	{ .rows = rows_0, .index = index_0, .cell = cell_0 },
	{ .rows = rows_1, .index = index_1, .cell = cell_1 },
	{ .rows = rows_2, .index = index_2, .cell = cell_2 },
};

/* The order of RFC 2578, written another way than oid_cmp. */
static int naive_cmp(const uint32_t *a, size_t a_len, const uint32_t *b, size_t b_len)
{
	for (size_t i = 0;; i++) {
		if (i == a_len || i == b_len)
			return (int)(a_len > i) - (int)(b_len > i);
		if (a[i] < b[i])
			return -1;
		if (a[i] > b[i])
			return 1;
	}
}

static void roll_index(struct world *w, struct random_tab *tab, unsigned kind, size_t row)
{
	uint32_t *sub = tab->rows[row].sub;
	size_t n = 0, octets;

	switch (kind) {
	case 0: /* one integer */
		sub[n++] = roll_sub(w);
		break;
	case 1: /* a length-prefixed string and an integer */
		octets = roll(w, 6);
		sub[n++] = (uint32_t)octets;
		for (size_t i = 0; i < octets; i++)
			sub[n++] = roll(w, 5) ? 48 + roll(w, 3) : roll(w, 256);
		sub[n++] = roll_sub(w);
		break;
	default: /* anything, one index the beginning of another too */
		n = 1 + roll(w, 4);
		for (size_t i = 0; i < n; i++)
			sub[i] = roll_sub(w);
	}
	tab->rows[row].len = n;
}

static int compare_rows(const void *a, const void *b)
{
	const struct random_row *x = a, *y = b;

	return naive_cmp(x->sub, x->len, y->sub, y->len);
}

static void roll_rows(struct world *w, struct random_tab *tab)
{
	unsigned kind = roll(w, 3);
	size_t wanted = roll(w, 4) ? roll(w, MAX_ROWS + 1) : 0, n = 0;

	for (size_t i = 0; i < wanted; i++)
		roll_index(w, tab, kind, i);
	qsort(tab->rows, wanted, sizeof(tab->rows[0]), compare_rows);
	for (size_t i = 0; i < wanted; i++) {
		if (n == 0 || compare_rows(&tab->rows[n - 1], &tab->rows[i]) != 0)
			tab->rows[n++] = tab->rows[i];
	}
	tab->n_rows = n;
}

static void roll_tab(struct world *w, size_t t, uint32_t last)
{
	struct random_tab *tab = &w->tabs[t];
	unsigned holes = roll(w, 3) * 30; /* per cent */
	uint32_t column = 0;

	tab->prefix_len = 2 + roll(w, 3);
	for (size_t i = 0; i < tab->prefix_len; i++)
		tab->prefix[i] = i == 0 ? 1 : i == 1 ? last : roll_sub(w);
	tab->n_columns = 1 + roll(w, MAX_COLUMNS);
	for (size_t i = 0; i < tab->n_columns; i++)
		tab->columns[i] = column += 1 + roll(w, 3);
	if (roll(w, 8) == 0)
		tab->columns[tab->n_columns - 1] = 0xffffffff;
	roll_rows(w, tab);
	for (size_t r = 0; r < tab->n_rows; r++) {
		for (size_t c = 0; c < tab->n_columns; c++)
			tab->hole[r][c] = roll(w, 100) < holes;
	}
	w->oidtabs[t] = functions[t];
	w->oidtabs[t].prefix = tab->prefix;
	w->oidtabs[t].prefix_len = tab->prefix_len;
	w->oidtabs[t].columns = tab->columns;
	w->oidtabs[t].n_columns = tab->n_columns;
	w->pointers[t] = &w->oidtabs[t];
}

static int compare_instances(const void *a, const void *b)
{
	const struct instance *x = a, *y = b;

	return naive_cmp(x->oid.sub, x->oid.len, y->oid.sub, y->oid.len);
}

static void add_instance(struct world *w, size_t t, size_t row, size_t c)
{
	const struct random_tab *tab = &w->tabs[t];
	struct instance *in = &w->instances[w->n_instances++];
	size_t n = 0;

	for (size_t i = 0; i < tab->prefix_len; i++)
		in->oid.sub[n++] = tab->prefix[i];
	in->oid.sub[n++] = tab->columns[c];
	for (size_t i = 0; i < tab->rows[row].len; i++)
		in->oid.sub[n++] = tab->rows[row].sub[i];
	in->oid.len = n;
	in->value = cell_value(t, row, tab->columns[c]);
}

static void roll_world(struct world *w)
{
	uint32_t last = 0;

	w->view.tabs = w->pointers;
	w->view.n_tabs = roll(w, MAX_TABS + 1);
	w->n_instances = 0;
	for (size_t t = 0; t < w->view.n_tabs; t++) {
		roll_tab(w, t, last += 1 + roll(w, 2));
		for (size_t r = 0; r < w->tabs[t].n_rows; r++) {
			for (size_t c = 0; c < w->tabs[t].n_columns; c++) {
				if (!w->tabs[t].hole[r][c])
					add_instance(w, t, r, c);
			}
		}
	}
	qsort(w->instances, w->n_instances, sizeof(w->instances[0]), compare_instances);
}

static enum oidtab_result naive_get(const struct world *w, const struct oid *o, uint64_t *ret_value)
{
	for (size_t i = 0; i < w->n_instances; i++) {
		const struct instance *in = &w->instances[i];

		if (naive_cmp(o->sub, o->len, in->oid.sub, in->oid.len) == 0) {
			*ret_value = in->value;
			return OIDTAB_FOUND;
		}
	}
	for (size_t t = 0; t < w->view.n_tabs; t++) {
		const struct random_tab *tab = &w->tabs[t];
		size_t n = tab->prefix_len;

		if (o->len <= n || naive_cmp(o->sub, n, tab->prefix, n) != 0)
			continue;
		for (size_t c = 0; c < tab->n_columns; c++) {
			if (tab->columns[c] == o->sub[n])
				return OIDTAB_NO_SUCH_INSTANCE;
		}
	}
	return OIDTAB_NO_SUCH_OBJECT;
}

static const struct instance *naive_next(const struct world *w, const struct oid *o, bool include)
{
	for (size_t i = 0; i < w->n_instances; i++) {
		const struct instance *in = &w->instances[i];
		int order = naive_cmp(in->oid.sub, in->oid.len, o->sub, o->len);

		if (order > 0 || (include && order == 0))
			return in;
	}
	return NULL;
}

static void compare_with_model(const struct world *w, const struct oid *o)
{
	struct smi_value v;
	struct oid next;
	uint64_t value = 0;
	enum oidtab_result r = naive_get(w, o, &value);

	ck_assert_int_eq(oidtab_view_get(&w->view, w, o->sub, o->len, &v), r);
	if (r == OIDTAB_FOUND)
		ck_assert_uint_eq(v.u.u64, value);
	for (int include = 0; include <= 1; include++) {
		const struct instance *in = naive_next(w, o, include);

		size_t near = o->len ? o->sub[o->len - 1] % 16 : SIZE_MAX; /* any hint is right */

		r = oidtab_view_next(&w->view, w, o->sub, o->len, include, &next, &v, &near);
		ck_assert_int_eq(r, in ? OIDTAB_FOUND : OIDTAB_END);
		if (!in)
			continue;
		ck_assert_int_eq(naive_cmp(next.sub, next.len, in->oid.sub, in->oid.len), 0);
		ck_assert_uint_eq(v.u.u64, in->value);
	}
}

/* An OID near those that exist: one of them (or a table's prefix, or nothing), altered. */
static struct oid roll_oid(struct world *w)
{
	struct oid o = { .len = 0 };

	if (w->n_instances && roll(w, 8)) {
		o = w->instances[roll(w, (uint32_t)w->n_instances)].oid;
	} else if (w->view.n_tabs) {
		const struct random_tab *tab = &w->tabs[roll(w, (uint32_t)w->view.n_tabs)];

		o.len = tab->prefix_len;
		memcpy(o.sub, tab->prefix, sizeof(tab->prefix));
	}
	for (unsigned changes = roll(w, 3); changes; changes--) {
		size_t at = roll(w, (uint32_t)o.len + 1);

		switch (roll(w, 5)) {
		case 0:
			o.len = at;
			break;
		case 1:
			o.sub[o.len++] = roll_sub(w);
			break;
		case 2:
			o.sub[at] = at < o.len ? o.sub[at] + 1 : 0; /* wraps */
			break;
		case 3:
			o.sub[at] = at < o.len ? o.sub[at] - 1 : 0;
			break;
		default:
			o.sub[at] = roll_sub(w);
		}
	}
	return o;
}

START_TEST(oidtab_view_random_agrees_with_model)
{
	const char *text = getenv("SEED");
	uint64_t seed =
		text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
	struct world *w = xcalloc(1, sizeof(*w));
	struct oid o;

	printf("check_oidtab_random: SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	w->random = seed * 2 + 1; /* never 0 */
	for (unsigned warm = 0; warm < 8; warm++)
		roll(w, 2);
	for (unsigned round = 0; round < 100; round++) {
		roll_world(w);
		for (size_t i = 0; i < w->n_instances; i++)
			compare_with_model(w, &w->instances[i].oid);
		for (unsigned i = 0; i < 500; i++) {
			o = roll_oid(w);
			compare_with_model(w, &o);
		}
	}
	free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("oidtab_random");
	TCase *t = tcase_create("oidtab_random");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, oidtab_view_random_agrees_with_model);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
