/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET and GETNEXT over tables in memory (see oidtab.h for the model).
 * 1. The place of an OID among a table's instances is (column, row): the lower bound of its column
 *    sub-identifier, then that of the remaining sub-identifiers among the row indexes.
 * 2. GET is the same search followed by a test for equality, so the two cannot disagree.
 * 3. A search costs log2(rows) calls of index(). cell() is only called for the answer and for the
 *    holes skipped on the way to it.
 * Keeps no state, so any caller may use it. */
#include "mib/oidtab.h"

#include <assert.h>
#include <string.h>

/* A cell's coordinates. column is a position in tab->columns; either may be one past the end. */
struct place {
	size_t column;
	size_t row;
};

int oid_cmp(const uint32_t *a, size_t a_len, const uint32_t *b, size_t b_len)
{
	size_t n = a_len < b_len ? a_len : b_len;

	for (size_t i = 0; i < n; i++) {
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	}
	return (a_len > b_len) - (a_len < b_len);
}

/* Position of the OID relative to the table's subtree: negative before it (or above it in the
 * tree), 0 inside, positive past it. */
static int compare_prefix(const struct oidtab *tab, const uint32_t *oid, size_t len)
{
	if (len > tab->prefix_len)
		len = tab->prefix_len;
	return oid_cmp(oid, len, tab->prefix, tab->prefix_len);
}

static size_t first_column(const struct oidtab *tab, uint32_t sub)
{
	size_t c = 0;

	while (c < tab->n_columns && tab->columns[c] < sub)
		c++;
	return c;
}

/* The first row whose index is greater than `index`, or equal to it if `include`. A walk asks for
 * the row next to the last one, so `near` and its neighbour are tried first; a binary search covers
 * the rest. */
static size_t first_row(const struct oidtab *tab, const void *data, const uint32_t *index,
			size_t len, bool include, size_t near)
{
	uint32_t sub[OID_MAX];
	size_t low = 0, high = tab->rows(data), at = near < high ? near : high / 2;

	for (bool beside = near < high; low < high; beside = false) {
		size_t n = tab->index(data, at, sub);
		int order = oid_cmp(sub, n, index, len);

		if (order < 0 || (order == 0 && !include))
			low = at + 1;
		else
			high = at;
		if (beside)
			at = low > at ? low : high - 1;
		else
			at = low + (high - low) / 2;
	}
	return low;
}

/* The first cell, hole or not, at or after an OID that is not past the table. */
static struct place first_place(const struct oidtab *tab, const void *data, const uint32_t *oid,
				size_t len, bool include, size_t near)
{
	struct place p = { 0, 0 };
	size_t names = tab->prefix_len + 1;

	if (len < names || compare_prefix(tab, oid, len) < 0)
		return p;
	p.column = first_column(tab, oid[tab->prefix_len]);
	if (p.column < tab->n_columns && tab->columns[p.column] == oid[tab->prefix_len])
		p.row = first_row(tab, data, oid + names, len - names, include, near);
	return p;
}

static void name_cell(const struct oidtab *tab, const void *data, struct place p,
		      struct oid *ret_oid)
{
	uint32_t index[OID_MAX];
	size_t n = tab->index(data, p.row, index);

	assert(tab->prefix_len + 1 + n <= OID_MAX);
	memcpy(ret_oid->sub, tab->prefix, tab->prefix_len * sizeof(ret_oid->sub[0]));
	ret_oid->sub[tab->prefix_len] = tab->columns[p.column];
	memcpy(ret_oid->sub + tab->prefix_len + 1, index, n * sizeof(ret_oid->sub[0]));
	ret_oid->len = tab->prefix_len + 1 + n;
}

enum oidtab_result oidtab_get(const struct oidtab *tab, const void *data, const uint32_t *oid,
			      size_t len, struct smi_value *ret)
{
	uint32_t index[OID_MAX];
	size_t names = tab->prefix_len + 1, column, row;

	if (len < names || compare_prefix(tab, oid, len) != 0)
		return OIDTAB_NO_SUCH_OBJECT;
	column = first_column(tab, oid[tab->prefix_len]);
	if (column == tab->n_columns || tab->columns[column] != oid[tab->prefix_len])
		return OIDTAB_NO_SUCH_OBJECT;
	row = first_row(tab, data, oid + names, len - names, true, SIZE_MAX);
	if (row == tab->rows(data) ||
	    oid_cmp(index, tab->index(data, row, index), oid + names, len - names) != 0)
		return OIDTAB_NO_SUCH_INSTANCE;
	return tab->cell(data, row, tab->columns[column], ret) ? OIDTAB_FOUND
							       : OIDTAB_NO_SUCH_INSTANCE;
}

enum oidtab_result oidtab_next(const struct oidtab *tab, const void *data, const uint32_t *oid,
			       size_t len, bool include, struct oid *ret_oid, struct smi_value *ret,
			       size_t *near)
{
	struct place p;
	size_t rows;

	if (compare_prefix(tab, oid, len) > 0)
		return OIDTAB_END;
	rows = tab->rows(data);
	p = first_place(tab, data, oid, len, include, near ? *near : SIZE_MAX);
	for (; p.column < tab->n_columns; p.column++, p.row = 0) {
		for (; p.row < rows; p.row++) {
			if (!tab->cell(data, p.row, tab->columns[p.column], ret))
				continue;
			name_cell(tab, data, p, ret_oid);
			if (near)
				*near = p.row;
			return OIDTAB_FOUND;
		}
	}
	return OIDTAB_END;
}

enum oidtab_result oidtab_view_get(const struct oidtab_view *view, const void *data,
				   const uint32_t *oid, size_t len, struct smi_value *ret)
{
	const struct oidtab *best = NULL;

	for (size_t i = 0; i < view->n_tabs; i++) {
		const struct oidtab *tab = view->tabs[i];

		if (len >= tab->prefix_len && !compare_prefix(tab, oid, len) &&
		    (!best || tab->prefix_len > best->prefix_len))
			best = tab;
	}
	return best ? oidtab_get(best, data, oid, len, ret) : OIDTAB_NO_SUCH_OBJECT;
}

enum oidtab_result oidtab_view_next(const struct oidtab_view *view, const void *data,
				    const uint32_t *oid, size_t len, bool include,
				    struct oid *ret_oid, struct smi_value *ret, size_t *near)
{
	for (size_t i = 0; i < view->n_tabs; i++) {
		if (oidtab_next(view->tabs[i], data, oid, len, include, ret_oid, ret, near) ==
		    OIDTAB_FOUND)
			return OIDTAB_FOUND;
	}
	return OIDTAB_END;
}
