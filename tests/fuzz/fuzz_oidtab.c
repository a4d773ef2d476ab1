/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET and GETNEXT of a raw OID over a view of two tables (one inside the other's prefix, holes in
 * both), held against every instance in one sorted list. */
#define FUZZ_INITIALIZE /* its own */
#include "fuzz.h"
#include "mib/oidtab.h"

#define ROWS 7
#define COLUMNS 3

static const uint32_t rows[ROWS][4] = { { 1, '1' },
					{ 1, '2' },
					{ 2, '1', '0' },
					{ 2, '1', '1' },
					{ 2, '1', 255 },
					{ 3, 0, 0, 0 },
					{ 3, 'a', 'b', UINT32_MAX } };
static const uint32_t columns[COLUMNS] = { 2, 5, UINT32_MAX };
static const uint32_t outer[] = { 1, 3, 9 }, inner[] = { 1, 3, 9, 5, 9 };

static bool is_hole(unsigned salt, size_t row, size_t column)
{
	return (row * 5 + column * 3 + salt) % 4 == 0;
}

static size_t table_rows(const void *data)
{
	(void)data;
	return ROWS;
}

static size_t table_index(const void *data, size_t row, uint32_t *sub)
{
	(void)data;
	memcpy(sub, rows[row], (rows[row][0] + 1) * sizeof(*sub));
	return rows[row][0] + 1;
}

static bool table_cell(unsigned salt, size_t row, uint32_t column, struct smi_value *ret)
{
	size_t c = column == columns[0] ? 0 : column == columns[1] ? 1 : 2;

	REQUIRE(row < ROWS && column == columns[c]);
	ret->type = SMI_GAUGE32;
	ret->u.u32 = (uint32_t)(salt * 1000 + c * 100 + row);
	return !is_hole(salt, row, c);
}

static bool outer_cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	(void)data;
	/* Column 5 is the other table's place. */
	return column != 5 && table_cell(0, row, column, ret);
}

static bool inner_cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	(void)data;
	return table_cell(1, row, column, ret);
}

static const struct oidtab tables[] = {
	{ outer, ARRAY_LEN(outer), columns, 1, table_rows, table_index, outer_cell },
	{ inner, ARRAY_LEN(inner), columns, COLUMNS, table_rows, table_index, inner_cell },
};
static const struct oidtab *const pointers[] = { &tables[0], &tables[1] };
static const struct oidtab_view view = { pointers, ARRAY_LEN(pointers) };

static struct {
	struct oid name;
	uint32_t value;
} all[2 * COLUMNS * ROWS];
static size_t n_all;

static void list_all(const struct oidtab *t)
{
	for (size_t c = 0; c < t->n_columns; c++) {
		for (size_t r = 0; r < ROWS; r++) {
			struct oid *o = &all[n_all].name;
			struct smi_value v;

			if (!t->cell(NULL, r, t->columns[c], &v))
				continue;
			memcpy(o->sub, t->prefix, t->prefix_len * sizeof(*o->sub));
			o->sub[t->prefix_len] = t->columns[c];
			o->len = t->prefix_len + 1;
			o->len += table_index(NULL, r, o->sub + o->len);
			all[n_all++].value = v.u.u32;
		}
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	list_all(&tables[0]);
	list_all(&tables[1]);
	return 0;
}

/* Written another way than oid_cmp: by sub-identifier, then the shorter first. */
static int compare(const struct oid *a, const uint32_t *b, size_t b_len)
{
	size_t i = 0;

	while (i < a->len && i < b_len && a->sub[i] == b[i])
		i++;
	if (i == a->len || i == b_len)
		return (a->len > i) - (b_len > i);
	return a->sub[i] < b[i] ? -1 : 1;
}

static void check_next(const uint32_t *oid, size_t len, bool include, size_t *near)
{
	struct smi_value v;
	struct oid got;
	size_t i = 0;

	while (i < n_all && compare(&all[i].name, oid, len) < !include)
		i++;
	if (i == n_all) {
		REQUIRE(oidtab_view_next(&view, NULL, oid, len, include, &got, &v, near) ==
			OIDTAB_END);
		return;
	}
	REQUIRE(oidtab_view_next(&view, NULL, oid, len, include, &got, &v, near) == OIDTAB_FOUND);
	REQUIRE(compare(&got, all[i].name.sub, all[i].name.len) == 0 && v.u.u32 == all[i].value);
}

/* The first octet: include, and where the search begins. Then sub-identifiers, one octet each; 250
 * and more take the next four as one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t how = fuzz_choice(&data, &len);
	size_t n = 0, near = how >> 1, i = 0;
	struct smi_value v;
	uint32_t sub[OID_MAX];

	while (len && n < OID_MAX) {
		uint32_t s = fuzz_choice(&data, &len);

		if (s >= 250 && len >= 4) {
			memcpy(&s, data, 4);
			data += 4;
			len -= 4;
		}
		sub[n++] = s;
	}
	while (i < n_all && compare(&all[i].name, sub, n))
		i++;
	REQUIRE((oidtab_view_get(&view, NULL, sub, n, &v) == OIDTAB_FOUND) == (i < n_all));
	REQUIRE(i == n_all || v.u.u32 == all[i].value);
	check_next(sub, n, how & 1, &near);
	check_next(sub, n, how & 1, NULL);
	return 0;
}
